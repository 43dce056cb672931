//! An issuer's keys, read from where they are: from a file, from an address, or by way of the issuer's own configuration (OpenID
//! Connect Discovery 1.0, section 4). Those of a trust domain are its bundle.

use crate::files::{self, Exposed, OTHERS_WRITE};
use crate::identity::error::{FetchError, KeysError, excerpt};
use crate::identity::fetch::{self, FETCH_TIME_MAX, Outside};
use crate::identity::issuer::{Issuer, KeySource};
use crate::identity::key_set::KeySet;
use axum::http::Uri;
use provlog_core::json::Json;
use provlog_evidence::jwk::JWKS_BYTES_MAX;
use provlog_evidence::jwt;
use std::io::Read;
use std::path::Path;

/// Largest configuration of a provider, in bytes: GitHub's is 1 KiB, those with the most endpoints 5.
const DISCOVERY_BYTES_MAX: usize = 64 * 1024;

/// Where a provider's configuration is, below the issuer.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Reads the keys, for at most as long as a fetch may take.
///
/// # Errors
/// [`KeysError`] says why there are none to be taken.
pub(super) fn read(issuer: &Issuer, outside: &dyn Outside) -> Result<KeySet, KeysError> {
    let until = outside.now() + FETCH_TIME_MAX;
    let get = |url: &str, bytes_max| {
        if host_and_port(url).is_none() {
            return Err(FetchError::Address { url: excerpt(url) });
        }
        outside.get(url, issuer.ca.as_deref(), bytes_max, until)
    };
    match &issuer.keys {
        KeySource::File(path) => read_file(&issuer.name, path),
        KeySource::Url(url) => KeySet::parse(&issuer.name, &get(url, JWKS_BYTES_MAX)?),
        KeySource::Discovery => {
            let iss = issuer.name.to_string();
            // An issuer's last slash isn't said twice.
            let url = format!("{}{DISCOVERY_PATH}", iss.strip_suffix('/').unwrap_or(&iss));
            let jwks_uri = jwks_uri(&iss, &url, &get(&url, DISCOVERY_BYTES_MAX)?)?;
            KeySet::parse(&issuer.name, &get(&jwks_uri, JWKS_BYTES_MAX)?)
        }
    }
}

/// Reads an issuer's files, as far as it has some: its roots, and its keys. Nothing is fetched.
///
/// # Errors
/// [`KeysError`] says what can't be used of them.
pub(super) fn check_files(issuer: &Issuer) -> Result<Option<KeySet>, KeysError> {
    if let Some(ca) = &issuer.ca {
        fetch::of_file(ca)?;
    }
    match &issuer.keys {
        KeySource::File(path) => Ok(Some(read_file(&issuer.name, path)?)),
        KeySource::Discovery | KeySource::Url(_) => Ok(None),
    }
}

/// The keys of a file that nobody else may write, since whoever can put a key there is let in.
fn read_file(issuer: &jwt::Issuer, path: &Path) -> Result<KeySet, KeysError> {
    let cannot = |source| KeysError::Io { path: path.into(), source };
    let Some((file, metadata)) = files::open(path).map_err(cannot)? else {
        return Err(KeysError::NoFile { path: path.into() });
    };
    files::check_exposure(path, &metadata, OTHERS_WRITE).map_err(|exposed| match exposed {
        Exposed::Mode(mode) => KeysError::Writable { path: path.into(), mode },
        Exposed::Owner { expected, got } => KeysError::Owner { path: path.into(), expected, got },
    })?;
    // One byte more than any JWKS has at the most, which is then refused as such.
    let most = u64::try_from(JWKS_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    KeySet::parse(issuer, &bytes)
}

/// Where a provider's configuration says that its keys are: on the issuer's own host and port, since whoever wrote it could otherwise
/// have the daemon ask anybody.
fn jwks_uri(iss: &str, url: &str, document: &[u8]) -> Result<String, KeysError> {
    let json = Json::parse(document).map_err(|error| KeysError::Json { url: url.into(), error })?;
    let text = |member| {
        let found = json.get(member).and_then(Json::as_str);
        found.ok_or_else(|| KeysError::Member { url: url.into(), member })
    };
    let (got, jwks_uri) = (text("issuer")?, text("jwks_uri")?);
    if got != iss {
        let (expected, got) = (iss.to_owned(), excerpt(got));
        return Err(KeysError::Issuer { url: url.into(), expected, got });
    }
    let place = host_and_port(jwks_uri);
    if place.is_none() || place != host_and_port(iss) {
        return Err(KeysError::JwksUri { url: url.into(), got: excerpt(jwks_uri) });
    }
    Ok(jwks_uri.into())
}

/// Which host an `https` address is on, in small letters, and at which port; none where it is no such address.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    // What reads addresses drops a fragment.
    let uri: Uri = url.parse().ok().filter(|_| !url.contains('#'))?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let is_https = uri.scheme_str() == Some("https") && !authority.host().is_empty();
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => 443,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    is_https.then(|| (authority.host().to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{Signer, World, jwks};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const URL: &str = "https://issuer.example.com/realm";

    fn issuer(keys: KeySource) -> Issuer {
        Issuer { name: jwt::Issuer::Oidc(URL.into()), audience: Some("a".into()), keys, ca: None }
    }

    #[test]
    fn discovery_leads_to_keys_on_the_issuer_s_own_host_and_nowhere_else() {
        let at = format!("{URL}{DISCOVERY_PATH}");
        let keys = jwks(&[&Signer::new("k")]);
        let long = "a".repeat(900);
        let leads_to = |jwks_uri: &str| format!(r#"{{"issuer":"{URL}","jwks_uri":"{jwks_uri}"}}"#);
        let is_of = |issuer: &str| format!(r#"{{"issuer":{issuer},"jwks_uri":"{URL}"}}"#);
        for (document, expected) in [
            (leads_to("https://issuer.example.com/k"), ""),
            (leads_to("https://ISSUER.example.com:443/k"), ""),
            ("<html>".into(), "an OpenID provider's configuration, got"),
            ("[]".into(), "has the text \"issuer\""),
            (format!(r#"{{"issuer":"{URL}"}}"#), "has the text \"jwks_uri\""),
            (is_of("7"), "has the text \"issuer\""),
            (is_of(&format!(r#""{URL}/""#)), "expected the issuer https://issuer.example.com/realm, got"),
            (is_of(&format!(r#""a\u001b{long}""#)), "got \"a\\u{1b}aaa"),
            (leads_to("http://issuer.example.com/k"), "a jwks_uri that is https"),
            (leads_to("https://issuer.example.com:444/k"), "on the issuer's own host and port"),
            (leads_to("https://keys.example.com/k"), "set it as jwks_url"),
            (leads_to("https://me@issuer.example.com/k"), "a jwks_uri that"),
            (leads_to("https://issuer.example.com/k#k"), "a jwks_uri that"),
            (leads_to("https://issuer.example.com:/k"), "a jwks_uri that"),
            (leads_to("/k"), "a jwks_uri that"),
            (leads_to(&long), "a jwks_uri that"),
        ] {
            let world = World::default();
            world.put(&at, &document);
            world.put("https://issuer.example.com/k", &keys);
            world.put("https://ISSUER.example.com:443/k", &keys);
            match read(&issuer(KeySource::Discovery), &world) {
                Ok(_) => assert_eq!(expected, "", "{document}"),
                Err(error) => {
                    let told = error.to_string();
                    assert!(!expected.is_empty() && told.contains(expected), "{document}: {told}");
                    assert!(told.len() < 500, "{told}");
                    assert_eq!(world.asked(), [&*at], "{document}");
                }
            }
        }
    }

    #[test]
    fn an_issuer_s_last_slash_isnt_said_twice() {
        let world = World::default();
        let keys = jwks(&[&Signer::new("k")]);
        world.put("https://a.example/k", &keys);
        let document = r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/k"}"#;
        world.put("https://a.example/.well-known/openid-configuration", document);
        let issuer =
            Issuer { name: jwt::Issuer::Oidc("https://a.example/".into()), ..issuer(KeySource::Discovery) };
        read(&issuer, &world).unwrap();
    }

    #[test]
    fn an_address_of_keys_is_asked_alone_where_it_is_one() {
        let world = World::default();
        world.put("https://keys.example.com/k", &jwks(&[&Signer::new("k")]));
        read(&issuer(KeySource::Url("https://keys.example.com/k".into())), &world).unwrap();
        for url in ["http://keys.example.com/k", "https://", "keys", "https://a@keys.example.com/k"] {
            let error = read(&issuer(KeySource::Url(url.into())), &world).unwrap_err();
            assert!(error.to_string().contains("expected an https:// address"), "{error}");
        }
        assert_eq!(world.asked(), ["https://keys.example.com/k"]);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_where_nobody_else_writes_it() {
        let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
        let path = folder.path().join("jwks");
        let read = || read(&issuer(KeySource::File(path.clone())), &world);
        assert!(read().unwrap_err().to_string().starts_with("cannot read"));
        let keys = jwks(&[&Signer::new("k")]);
        let padded = |bytes: usize| format!("{keys}{}", " ".repeat(bytes - keys.len()));
        fs::write(&path, padded(JWKS_BYTES_MAX)).unwrap();
        read().unwrap();
        fs::write(&path, padded(JWKS_BYTES_MAX + 1)).unwrap();
        assert!(matches!(read(), Err(KeysError::Jwks(_))));
        fs::write(&path, &keys).unwrap();
        for mode in [0o664, 0o646] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let told = read().unwrap_err().to_string();
            assert!(
                told.contains(&format!("its permissions are {mode:03o}; expected none to write")),
                "{told}"
            );
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(read(), Err(KeysError::NoFile { .. })));
        assert!(world.asked().is_empty());
    }
}
