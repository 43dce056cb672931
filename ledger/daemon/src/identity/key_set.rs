//! The keys of an issuer, as they came.

use crate::identity::anchor::Anchor;
use crate::identity::error::KeysError;
use provlog_evidence::jwk::{Jwk, Jwks, Thumbprint};
use provlog_evidence::jwt;
use provlog_evidence::signature::PublicKey;
use provlog_evidence::svid::{Bundle, BundleMember, Ca};
use std::collections::HashSet;
use std::time::Duration;

/// All that an issuer vouches with now, at least one; none where that isn't known.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Jwk>,
    /// Theirs, since each takes a hash.
    thumbprints: HashSet<Thumbprint>,
    cas: Vec<Ca>,
    /// The SHA-256 of each of these.
    ca_digests: HashSet<[u8; 32]>,
    refresh_hint: Option<Duration>,
}

impl KeySet {
    /// Reads what this issuer publishes: a JWKS, or the bundle of a trust domain.
    ///
    /// # Errors
    /// What is neither, has a private key in it, or nothing that verifies a token or an SVID.
    pub(super) fn parse(issuer: &jwt::Issuer, bytes: &[u8]) -> Result<Self, KeysError> {
        match issuer {
            jwt::Issuer::Oidc(_) => Self::parse_jwks(bytes),
            jwt::Issuer::Spiffe(_) => Self::parse_bundle(bytes),
        }
    }

    fn parse_jwks(bytes: &[u8]) -> Result<Self, KeysError> {
        let Jwks { keys, skipped } = Jwks::parse(bytes)?;
        if keys.is_empty() {
            let first = skipped.first().map(|skipped| skipped.reason.to_string());
            return Err(KeysError::NoneUsable { got: skipped.len(), first });
        }
        Ok(Self::new(keys, Vec::new(), None))
    }

    fn parse_bundle(bytes: &[u8]) -> Result<Self, KeysError> {
        let Bundle { members, skipped, refresh_hint_s } = Bundle::parse(bytes)?;
        if members.is_empty() {
            let first = skipped.first().map(|(_, reason)| reason.to_string());
            return Err(KeysError::NoMember { got: skipped.len(), first });
        }
        let (mut keys, mut cas) = (Vec::new(), Vec::new());
        for member in members {
            match member {
                BundleMember::JwtSvid(key) => keys.push(key),
                BundleMember::X509Svid(ca) => cas.push(ca),
            }
        }
        Ok(Self::new(keys, cas, refresh_hint_s.map(Duration::from_secs)))
    }

    fn new(keys: Vec<Jwk>, cas: Vec<Ca>, refresh_hint: Option<Duration>) -> Self {
        let thumbprints = keys.iter().map(Jwk::thumbprint).collect();
        let ca_digests = cas.iter().map(Ca::digest).collect();
        Self { keys, thumbprints, cas, ca_digests, refresh_hint }
    }

    /// Those that tokens are verified with, in the order in which they came.
    pub(super) fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Those that X.509-SVIDs lead to, in the order in which they came.
    pub(super) fn cas(&self) -> &[Ca] {
        &self.cas
    }

    /// How soon whoever publishes them means them to be fetched again, if it says so.
    pub(super) const fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }

    /// Those of its keys, of both kinds, of which this says so.
    pub(super) fn filtered(&self, keeps: impl Fn(&PublicKey) -> bool) -> Self {
        let keys = self.keys.iter().filter(|key| keeps(key.key())).cloned().collect();
        let cas = self.cas.iter().filter(|ca| keeps(ca.key())).cloned().collect();
        Self::new(keys, cas, self.refresh_hint)
    }

    /// Whether there is nothing in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.cas.is_empty()
    }

    /// Whether both vouch with the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.keys == other.keys && self.cas == other.cas
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, anchor: Anchor) -> bool {
        match anchor {
            Anchor::Key(thumbprint) => self.thumbprints.contains(&thumbprint),
            Anchor::Ca(digest) => self.ca_digests.contains(&digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{Authority, Signer, bundle, domain, jwks};

    fn parse(set: &str) -> Result<KeySet, KeysError> {
        KeySet::parse(&jwt::Issuer::Oidc("https://a.example".into()), set.as_bytes())
    }

    #[test]
    fn keys_that_cant_be_used_are_passed_over_unless_all_are() {
        let (one, other) = (Signer::new("one"), Signer::new("other"));
        let set = parse(&jwks(&[&one, &other])).unwrap();
        assert_eq!(set.keys().len(), 2);
        let first = Anchor::Key(set.keys()[0].thumbprint());
        assert!(set.has(first));
        let only = parse(&jwks(&[&other])).unwrap();
        assert!(!only.has(first));
        let encryption = one.jwk().replace('{', r#"{"use":"enc","#);
        let mixed = format!(r#"{{"keys":[{encryption},{}]}}"#, other.jwk());
        assert!(parse(&mixed).unwrap().is_same(&only) && !only.is_same(&set));

        let private = one.jwk().replace('{', r#"{"d":"AAAA","#);
        for (set, expected) in [
            (format!(r#"{{"keys":[{encryption}]}}"#), "got none among 1; the first: use: expected sig"),
            (r#"{"keys":[]}"#.into(), "got none among 0"),
            (format!(r#"{{"keys":[{},{private}]}}"#, other.jwk()), "key 1: d: expected a public key"),
            ("<html>".into(), "expected a JWKS, got"),
        ] {
            let error = parse(&set).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_bundle_has_keys_and_cas_each_for_its_own_use() {
        let parse = |set: &str| KeySet::parse(&domain("example.org"), set.as_bytes());
        let (signer, authority) = (Signer::p256("one"), Authority::new());
        let both = parse(&bundle(&[&signer], &[&authority])).unwrap();
        assert_eq!((both.keys().len(), both.cas().len(), both.refresh_hint()), (1, 1, None));
        let cas = parse(&bundle(&[], &[&authority])).unwrap();
        assert!(cas.keys().is_empty() && !cas.is_empty() && !cas.is_same(&both));
        let ca = Anchor::Ca(cas.cas()[0].digest());
        assert!(cas.has(ca) && !cas.has(Anchor::Key(both.keys()[0].thumbprint())));
        let hinted = bundle(&[&signer], &[]).replacen('{', r#"{"spiffe_refresh_hint":300,"#, 1);
        assert_eq!(parse(&hinted).unwrap().refresh_hint(), Some(Duration::from_secs(300)));
        let private = bundle(&[&signer], &[&authority]).replace(r#""kid""#, r#""d":"AAAA","kid""#);
        for (set, expected) in [
            (jwks(&[&signer]), "got none among 1; the first: use: expected jwt-svid or x509-svid"),
            (r#"{"keys":[]}"#.into(), "got none among 0"),
            (private, "key 0: d: expected a public key"),
            ("<html>".into(), "expected a JWKS, got"),
        ] {
            let error = parse(&set).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
