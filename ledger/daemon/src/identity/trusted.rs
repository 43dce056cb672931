//! The key that evidence was verified with, as it stands in the log's own sets (SPEC.md, section 12.1).

use crate::identity::key_set::KeySet;
use provlog_evidence::jwk::{Jwk, Thumbprint};
use std::sync::Arc;

/// One key of an issuer, and which others the issuer has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrustedKey {
    /// What its set is of.
    pub(crate) what: &'static str,
    /// Whose it is: as `iss` has it.
    pub(crate) name: String,
    /// As a member of that set.
    pub(crate) member: String,
    /// Known by this, whatever it is called.
    pub(crate) thumbprint: Thumbprint,
    /// Those that the issuer had when this one was used.
    keys: Arc<KeySet>,
}

/// What the sets of issuers' keys are of.
const JWKS: &str = "jwks";

impl TrustedKey {
    /// The key of `issuer` with this thumbprint, which the issuer calls so; none where it isn't among its keys.
    pub(super) fn of_issuer(
        issuer: &str,
        keys: &Arc<KeySet>,
        thumbprint: Thumbprint,
        kid: &str,
    ) -> Option<Self> {
        let key = keys.keys().iter().find(|key| key.kid() == kid && key.thumbprint() == thumbprint)?;
        Some(Self {
            what: JWKS,
            name: issuer.into(),
            member: key.to_member(),
            thumbprint,
            keys: Arc::clone(keys),
        })
    }

    /// Whether a member of its set has no place there beside it: the same key under another name, or one that the issuer hasn't any
    /// more.
    pub(crate) fn replaces(&self, member: &str) -> bool {
        let is_current = |key: &Jwk| key.thumbprint() != self.thumbprint && self.keys.keys().contains(key);
        member != self.member && !Jwk::from_member(member).is_ok_and(|key| is_current(&key))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::signing::{Signer, jwks};

    /// The first of these keys of an issuer that has all of them.
    pub(crate) fn first_of(issuer: &str, signers: &[&Signer]) -> TrustedKey {
        let keys: Arc<KeySet> = KeySet::parse(jwks(signers).as_bytes()).unwrap().into();
        let key = &keys.keys()[0];
        TrustedKey::of_issuer(issuer, &keys, key.thumbprint(), key.kid()).unwrap()
    }

    #[test]
    fn a_key_takes_the_place_of_those_that_the_issuer_has_no_more() {
        let (one, other, gone) = (Signer::new("one"), Signer::new("other"), Signer::new("gone"));
        let issuer = "https://a.example";
        let text = |signer: &Signer| first_of(issuer, &[signer]).member;
        let key = first_of(issuer, &[&one, &other]);
        assert_eq!(key.member, text(&one));
        for (member, replaced) in [
            (text(&one), false),
            (text(&other), false),
            (text(&gone), true),
            (text(&one).replace("\"one\"", "\"renamed\""), true),
            ("no key".into(), true),
        ] {
            assert_eq!(key.replaces(&member), replaced, "{member}");
        }
        assert_eq!(TrustedKey::of_issuer(issuer, &key.keys, key.thumbprint, "other"), None);
    }
}
