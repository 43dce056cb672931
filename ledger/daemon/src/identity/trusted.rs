//! The key that evidence was verified with, as it stands in the log's own sets (SPEC.md, section 12.1).

use crate::identity::key_set::KeySet;
use provlog_evidence::jwk::{Jwk, Thumbprint};
use provlog_evidence::jwt;
use provlog_evidence::svid::{BundleMember, Ca};
use std::sync::Arc;

/// What the sets of issuers' keys are of.
const JWKS: &str = "jwks";

/// What the sets of trust domains' keys are of.
const SPIFFE_BUNDLE: &str = "spiffe-bundle";

/// One key of an issuer, and which others the issuer has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrustedKey {
    /// As a member of its set.
    pub(crate) member: String,
    /// By what evidence names it: a JWK's thumbprint, or a CA's digest.
    pub(crate) known_by: [u8; 32],
    issuer: jwt::Issuer,
    /// Those that the issuer had when this one was used.
    keys: Arc<KeySet>,
}

impl TrustedKey {
    /// The key of `issuer` with this thumbprint, which the issuer calls so; none where it isn't among its keys.
    pub(super) fn of_token(
        issuer: &jwt::Issuer,
        keys: &Arc<KeySet>,
        thumbprint: Thumbprint,
        kid: &str,
    ) -> Option<Self> {
        let key = keys.keys().iter().find(|key| key.kid() == kid && key.thumbprint() == thumbprint)?;
        let member = match issuer {
            jwt::Issuer::Oidc(_) => key.to_member(),
            jwt::Issuer::Spiffe(_) => BundleMember::JwtSvid(key.clone()).to_string(),
        };
        Some(Self { member, known_by: thumbprint.0, issuer: issuer.clone(), keys: Arc::clone(keys) })
    }

    /// This CA of a trust domain.
    pub(super) fn of_ca(issuer: &jwt::Issuer, keys: &Arc<KeySet>, ca: &Ca) -> Self {
        let member = BundleMember::X509Svid(ca.clone()).to_string();
        Self { member, known_by: ca.digest(), issuer: issuer.clone(), keys: Arc::clone(keys) }
    }

    /// What its set is of, and whose it is.
    pub(crate) fn set(&self) -> (&'static str, &str) {
        match &self.issuer {
            jwt::Issuer::Oidc(iss) => (JWKS, iss),
            jwt::Issuer::Spiffe(domain) => (SPIFFE_BUNDLE, domain.as_str()),
        }
    }

    /// Whether a member of its set has no place there beside it: the same key under another name, or one that the issuer hasn't any
    /// more.
    pub(crate) fn replaces(&self, member: &str) -> bool {
        let is_jwk = |key: &Jwk| key.thumbprint().0 != self.known_by && self.keys.keys().contains(key);
        let is_current = match &self.issuer {
            jwt::Issuer::Oidc(_) => Jwk::from_member(member).is_ok_and(|key| is_jwk(&key)),
            jwt::Issuer::Spiffe(_) => BundleMember::parse(member).is_ok_and(|member| match &member {
                BundleMember::JwtSvid(key) => is_jwk(key),
                BundleMember::X509Svid(ca) => self.keys.cas().contains(ca),
            }),
        };
        member != self.member && !is_current
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::signing::{Authority, Signer, bundle, domain, jwks};

    const ISSUER: &str = "https://issuer.example.com";

    /// The first of these keys of an issuer that has all of them.
    pub(crate) fn first_of(issuer: &str, signers: &[&Signer]) -> TrustedKey {
        first(&jwt::Issuer::Oidc(issuer.into()), &jwks(signers))
    }

    fn first(issuer: &jwt::Issuer, published: &str) -> TrustedKey {
        let keys: Arc<KeySet> = KeySet::parse(issuer, published.as_bytes()).unwrap().into();
        let key = &keys.keys()[0];
        TrustedKey::of_token(issuer, &keys, key.thumbprint(), key.kid()).unwrap()
    }

    #[test]
    fn a_key_takes_the_place_of_those_that_the_issuer_has_no_more() {
        let (one, other, gone) = (Signer::new("one"), Signer::new("other"), Signer::new("gone"));
        let text = |signer: &Signer| first_of(ISSUER, &[signer]).member;
        let key = first_of(ISSUER, &[&one, &other]);
        assert_eq!((key.set(), &key.member), (("jwks", ISSUER), &text(&one)));
        for (member, replaced) in [
            (text(&one), false),
            (text(&other), false),
            (text(&gone), true),
            (text(&one).replace("\"one\"", "\"renamed\""), true),
            (format!("jwt-svid {}", text(&other)), true),
            ("no key".into(), true),
        ] {
            assert_eq!(key.replaces(&member), replaced, "{member}");
        }
        assert_eq!(TrustedKey::of_token(&key.issuer, &key.keys, Thumbprint(key.known_by), "other"), None);
    }

    #[test]
    fn of_a_trust_domain_keys_and_cas_are_in_one_set() {
        let (domain, other) = (domain("example.org"), Signer::p256("other"));
        let (signer, authority, gone) = (Signer::p256("one"), Authority::new(), Authority::new());
        let key = first(&domain, &bundle(&[&signer, &other], &[&authority]));
        assert_eq!(key.set(), ("spiffe-bundle", "example.org"));
        assert!(key.member.starts_with("jwt-svid {"), "{}", key.member);
        let ca = |authority: &Authority| {
            let keys: Arc<KeySet> =
                KeySet::parse(&domain, bundle(&[&signer], &[authority]).as_bytes()).unwrap().into();
            TrustedKey::of_ca(&domain, &keys, &keys.cas()[0])
        };
        let mine = ca(&authority);
        assert!(mine.member.starts_with("x509-svid "), "{}", mine.member);
        for (member, replaced) in [
            (&mine.member, false),
            (&ca(&gone).member, true),
            (&ca(&authority.renewed()).member, true),
            (&first(&domain, &bundle(&[&other], &[])).member, false),
            (&first(&domain, &bundle(&[&Signer::p256("gone")], &[])).member, true),
        ] {
            assert_eq!(key.replaces(member), replaced, "{member}");
        }
        assert!(mine.replaces(&first(&domain, &bundle(&[&other], &[])).member), "it has one key of tokens");
        assert!(!mine.replaces(&key.member) && !mine.replaces(&mine.member));
    }
}
