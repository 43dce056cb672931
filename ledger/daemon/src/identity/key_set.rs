//! The keys of an issuer, as they came.

use crate::identity::error::KeysError;
use provlog_evidence::jwk::{Jwk, Jwks, Thumbprint};
use std::collections::HashSet;

/// All keys that an issuer signs with now, at least one; none where they aren't known.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Jwk>,
    /// Theirs, since each takes a hash.
    thumbprints: HashSet<Thumbprint>,
}

impl KeySet {
    /// Reads a JWKS.
    ///
    /// # Errors
    /// What is none, has a private key in it, or no key that verifies a token.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeysError> {
        let Jwks { keys, skipped } = Jwks::parse(bytes)?;
        if keys.is_empty() {
            let (got, first) = (skipped.len(), skipped.into_iter().next().map(|skipped| skipped.reason));
            return Err(KeysError::NoneUsable { got, first });
        }
        let thumbprints = keys.iter().map(Jwk::thumbprint).collect();
        Ok(Self { keys, thumbprints })
    }

    /// In the order in which they came.
    pub(super) fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Whether one of them is this key.
    pub(super) fn has(&self, thumbprint: Thumbprint) -> bool {
        self.thumbprints.contains(&thumbprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{Signer, jwks};

    #[test]
    fn keys_that_cant_be_used_are_passed_over_unless_all_are() {
        let (one, other) = (Signer::new("one"), Signer::new("other"));
        let set = KeySet::parse(jwks(&[&one, &other]).as_bytes()).unwrap();
        assert_eq!(set.keys().len(), 2);
        assert!(set.has(set.keys()[0].thumbprint()));
        let only = KeySet::parse(jwks(&[&other]).as_bytes()).unwrap();
        assert!(!only.has(set.keys()[0].thumbprint()));
        let encryption = one.jwk().replace('{', r#"{"use":"enc","#);
        let mixed = format!(r#"{{"keys":[{encryption},{}]}}"#, other.jwk());
        assert_eq!(KeySet::parse(mixed.as_bytes()).unwrap().keys(), only.keys());

        let private = one.jwk().replace('{', r#"{"d":"AAAA","#);
        for (set, expected) in [
            (format!(r#"{{"keys":[{encryption}]}}"#), "got none among 1; the first: use: expected sig"),
            (r#"{"keys":[]}"#.into(), "got none among 0"),
            (format!(r#"{{"keys":[{},{private}]}}"#, other.jwk()), "key 1: d: expected a public key"),
            ("<html>".into(), "expected a JWKS, got"),
        ] {
            let error = KeySet::parse(set.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
