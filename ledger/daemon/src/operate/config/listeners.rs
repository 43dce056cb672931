//! Where the daemon is to listen: the listener of the settings themselves, and those of the file's `[[listener]]`.

use crate::http::listener::{Address, Listener, TlsFiles};
use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::{ConfigText, TomlTable};
use crate::operate::config::scope::{Found, Scope};
use crate::operate::config::table::{
    LISTEN, Setting, TLS_CERTIFICATE, TLS_CLIENT_CA, TLS_CLIENT_SVIDS, TLS_KEY,
};
use std::str::FromStr;
use toml::de::DeTable;

/// The tables of the file.
pub(super) const LISTENER: &str = "listener";

/// The keys of each.
pub(super) static LISTENER_KEYS: [&Setting; 5] =
    [&LISTEN, &TLS_CERTIFICATE, &TLS_KEY, &TLS_CLIENT_CA, &TLS_CLIENT_SVIDS];

/// Reads all listeners, and checks each and all together.
pub(super) fn read(
    scope: &mut Scope<'_>,
    file: Option<(&ConfigText, &DeTable<'_>)>,
    allow_clear_text: bool,
) -> Result<Vec<Listener>, ConfigError> {
    let tables = file.map(|(text, root)| text.tables(root, LISTENER, LISTENER)).transpose()?.flatten();
    let mut found = Vec::new();
    // The default address is for whoever says nothing of listeners.
    if tables.is_none() || scope.place(&LISTEN).is_some() {
        found.extend(one(scope)?);
    } else if let Some(place) = LISTENER_KEYS.iter().find_map(|setting| scope.place(setting)) {
        return Err(ConfigError::TlsWithoutListener { place });
    } else {
        LISTENER_KEYS.iter().for_each(|setting| scope.note_unset(setting));
    }
    let mut told = Vec::new();
    if let (Some((text, _)), Some(tables)) = (file, tables) {
        for TomlTable { keys, head } in tables {
            text.refuse_unknown(keys, &LISTENER_KEYS, &[])?;
            let mut scope = Scope::of_table(text, keys, head);
            let listener = one(&mut scope)?.ok_or_else(|| scope.missing(&LISTEN))?;
            told.push(scope.as_inline_table());
            found.push(listener);
        }
    }
    scope.note_tables(LISTENER, false, &told);
    let array = file.and_then(|(text, root)| text.place_of(root, LISTENER));
    if let (true, Some(place)) = (found.is_empty(), array) {
        return Err(ConfigError::NoListener { place });
    }
    check(&found, allow_clear_text)?;
    Ok(found.into_iter().map(|found| found.value).collect())
}

/// The listener of one table, or of the settings themselves.
fn one(scope: &mut Scope<'_>) -> Result<Option<Found<Listener>>, ConfigError> {
    let address = scope.read(&LISTEN, |text| Address::from_str(text).map_err(|error| error.to_string()))?;
    let certificate = scope.path(&TLS_CERTIFICATE)?;
    let key = scope.path(&TLS_KEY)?;
    let client_ca = scope.path(&TLS_CLIENT_CA)?;
    let client_svids = scope.switch_if_set(&TLS_CLIENT_SVIDS)?.filter(|found| found.value);
    let Some(Found { value: address, place }) = address else { return Ok(None) };
    if let (Some(Found { place, .. }), Some(_)) = (&client_svids, &client_ca) {
        return Err(ConfigError::SvidsBesideCa { place: place.clone() });
    }
    let files = [&certificate, &key, &client_ca].into_iter().flatten().map(|found| &found.place);
    let first = files.chain(client_svids.as_ref().map(|found| &found.place)).next().cloned();
    let tls = match (certificate, key, client_ca) {
        (None, None, None) if client_svids.is_some() => {
            let place = client_svids.map_or(place, |found| found.place);
            return Err(match address {
                Address::Unix(_) => ConfigError::TlsOnUnix { place },
                Address::Tcp(_) => ConfigError::HalfTls { place, lacks: TLS_CERTIFICATE.key },
            });
        }
        (None, None, None) => None,
        (Some(certificate), Some(key), client_ca) => Some(TlsFiles {
            certificate: certificate.value,
            key: key.value,
            client_ca: client_ca.map(|found| found.value),
            client_svids: client_svids.is_some(),
        }),
        (None, Some(Found { place, .. }), _) | (None, None, Some(Found { place, .. })) => {
            return Err(ConfigError::HalfTls { place, lacks: TLS_CERTIFICATE.key });
        }
        (Some(Found { place, .. }), None, _) => {
            return Err(ConfigError::HalfTls { place, lacks: TLS_KEY.key });
        }
    };
    if let (Address::Unix(_), Some(place)) = (&address, first) {
        return Err(ConfigError::TlsOnUnix { place });
    }
    Ok(Some(Found { value: Listener { address, tls }, place }))
}

fn check(found: &[Found<Listener>], allow_clear_text: bool) -> Result<(), ConfigError> {
    for (number, Found { value: Listener { address, tls }, place }) in found.iter().enumerate() {
        let refuse =
            |refusal: fn(WhereSet, String) -> ConfigError| Err(refusal(place.clone(), address.to_string()));
        // Each of several takes a free port of its own.
        let any_port = matches!(address, Address::Tcp(address) if address.port() == 0);
        if !any_port && found.iter().take(number).any(|other| other.value.address == *address) {
            return refuse(|place, address| ConfigError::SameAddress { place, address });
        }
        if tls.is_none() && !address.is_local() && !allow_clear_text {
            return refuse(|place, address| ConfigError::ClearText { place, address });
        }
    }
    Ok(())
}
