//! The settings that a running daemon takes anew: names, proxies, peers, issuers, trust domains, and rates.

use crate::access::peers::{Peer, Peers};
use crate::access::rates::Rates;
use crate::http::forwarded::Proxies;
use crate::http::host::Hosts;
use crate::operate::config::error::ConfigError;
use crate::operate::config::file::{ConfigText, TomlTable};
use crate::operate::config::grants::{self, ENVIRONMENTS, Grant, KINDS, ROLES};
use crate::operate::config::issuers;
use crate::operate::config::scope::{Scope, each};
use crate::operate::config::table::{
    CALLER_RATE_PER_S, Form, HOSTS, REFUSAL_ENTRIES_PER_MINUTE, Setting, TOTAL_RATE_PER_S, TRUSTED_PROXIES,
    Unset,
};
use crate::operate::config::trust_domains;
use crate::operate::live::LiveSettings;
use std::net::IpAddr;
use std::num::NonZeroU32;
use toml::de::DeTable;

/// The tables of the file, each a user that calls over a Unix socket.
pub(super) const PEER: &str = "peer";

/// Bytes of a DNS name, and of one label of it (RFC 1035, section 2.3.4).
const DNS_NAME_BYTES_MAX: usize = 253;
const DNS_LABEL_BYTES_MAX: usize = 63;

static UID: Setting = Setting {
    key: "uid",
    takes: "NUMBER",
    form: Form::Number { least: 0, most: u32::MAX as u64 },
    unset: Unset::None { words: "none, and the table has to have it", example: "1001" },
    live: true,
    help: "The user's id",
};

/// The keys of a `[[peer]]`.
pub(super) static PEER_KEYS: [&Setting; 4] = [&UID, &ROLES, &KINDS, &ENVIRONMENTS];

pub(super) fn read(
    scope: &mut Scope<'_>,
    file: Option<(&ConfigText, &DeTable<'_>)>,
) -> Result<LiveSettings, ConfigError> {
    let rate = |number| NonZeroU32::new(u32::try_from(number).unwrap_or(u32::MAX));
    let refusals = scope.number(&REFUSAL_ENTRIES_PER_MINUTE)?;
    let mut rules = issuers::read(scope, file)?;
    rules.extend(trust_domains::read(scope, file)?);
    Ok(LiveSettings {
        hosts: Hosts(each(scope.list(&HOSTS)?, dns_name)?),
        proxies: Proxies(each(scope.list(&TRUSTED_PROXIES)?, proxy)?),
        peers: peers(scope, file)?,
        rules,
        rates: Rates {
            caller_per_s: rate(scope.number(&CALLER_RATE_PER_S)?),
            total_per_s: rate(scope.number(&TOTAL_RATE_PER_S)?),
        },
        refusal_entries_per_minute: u32::try_from(refusals).unwrap_or(u32::MAX),
    })
}

/// A DNS name in lower case, which no IP address is.
fn dns_name(text: &str) -> Result<String, String> {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=DNS_LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(byte)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name that ends in a number is read as an IPv4 address.
    let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = text.len() <= DNS_NAME_BYTES_MAX
        && text.split('.').all(label)
        && !text.rsplit('.').next().is_some_and(number);
    if is_name {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("expected a DNS name such as log.example.com, without a port, got {text:?}"))
}

fn proxy(text: &str) -> Result<IpAddr, String> {
    // Connections have IPv4 addresses in their own form, too.
    let address: IpAddr = text.parse().map_err(|_| format!("expected an IP address, got {text:?}"))?;
    Ok(address.to_canonical())
}

fn peers(scope: &mut Scope<'_>, file: Option<(&ConfigText, &DeTable<'_>)>) -> Result<Peers, ConfigError> {
    let (mut peers, mut told) = (Vec::<Peer>::new(), Vec::new());
    if let Some((text, root)) = file {
        for TomlTable { keys, head } in text.tables(root, PEER, PEER)?.unwrap_or_default() {
            text.refuse_unknown(keys, &PEER_KEYS, &[])?;
            let mut scope = Scope::of_table(text, keys, head.clone());
            let peer = peer(&mut scope)?;
            if peers.iter().any(|other| other.uid == peer.uid) {
                return Err(ConfigError::SameUser {
                    place: scope.place(&UID).unwrap_or(head),
                    uid: peer.uid,
                });
            }
            told.push(scope.as_inline_table());
            peers.push(peer);
        }
    }
    scope.note_tables(PEER, true, &told);
    Ok(Peers(peers))
}

fn peer(scope: &mut Scope<'_>) -> Result<Peer, ConfigError> {
    let uid = u32::try_from(scope.number(&UID)?).unwrap_or(u32::MAX);
    let Grant { roles, kinds, environments } = grants::read(scope)?;
    Ok(Peer { uid, roles, kinds, environments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_the_address_that_its_connections_have() {
        for text in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(proxy(text).unwrap(), IpAddr::from([192, 0, 2, 1]));
        }
        assert_eq!(proxy("2001:db8::7").unwrap().to_string(), "2001:db8::7");
        assert!(proxy("192.0.2.1:443").is_err());
    }

    #[test]
    fn a_host_is_a_dns_name_and_nothing_else() {
        for (text, name) in [
            ("log.example.com", "log.example.com"),
            ("Log.Example.COM", "log.example.com"),
            ("a", "a"),
            ("1.a-b", "1.a-b"),
        ] {
            assert_eq!(dns_name(text).unwrap(), name);
        }
        let long = format!("{}.example.com", "a".repeat(64));
        let longer = ["a".repeat(63).as_str(); 5].join(".");
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a:443",
            "127.0.0.1",
            "[::1]",
            "::1",
            "1",
            "a b",
            "*.example.com",
            "https://a",
            "ä.com",
            &long,
            &longer,
        ] {
            let error = dns_name(text).unwrap_err();
            assert!(error.contains(&format!("got {text:?}")), "{error}");
        }
    }
}
