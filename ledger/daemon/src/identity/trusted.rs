//! The key that evidence was verified with, as it stands in the log's own sets (SPEC.md, section 12.1).

use crate::identity::anchor::Anchor;
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
    /// By what evidence names it.
    pub(crate) anchor: Anchor,
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
        Some(Self { member, anchor: Anchor::Key(thumbprint), issuer: issuer.clone(), keys: Arc::clone(keys) })
    }

    /// This CA of a trust domain.
    pub(super) fn of_ca(issuer: &jwt::Issuer, keys: &Arc<KeySet>, ca: &Ca) -> Self {
        let member = BundleMember::X509Svid(ca.clone()).to_string();
        Self { member, anchor: Anchor::Ca(ca.digest()), issuer: issuer.clone(), keys: Arc::clone(keys) }
    }

    /// What its set is of, and whose it is.
    pub(crate) fn set(&self) -> (&'static str, &str) {
        match &self.issuer {
            jwt::Issuer::Oidc(iss) => (JWKS, iss),
            jwt::Issuer::Spiffe(domain) => (SPIFFE_BUNDLE, domain.as_str()),
        }
    }

    /// Whether a member of its set is this key, whatever the issuer calls it there.
    pub(crate) fn is_member(&self, member: &str) -> bool {
        member == self.member || self.anchor_of(member) == Some(self.anchor)
    }

    /// Whether a member of its set is a key that the issuer has no more.
    pub(crate) fn outlives(&self, member: &str) -> bool {
        self.anchor_of(member).is_none_or(|anchor| !self.keys.has(anchor))
    }

    /// What a member of such a set is; none where it is no key.
    fn anchor_of(&self, member: &str) -> Option<Anchor> {
        let of_key = |key: &Jwk| Anchor::Key(key.thumbprint());
        match &self.issuer {
            jwt::Issuer::Oidc(_) => Jwk::from_member(member).ok().as_ref().map(of_key),
            jwt::Issuer::Spiffe(_) => BundleMember::parse(member).ok().map(|member| match &member {
                BundleMember::JwtSvid(key) => of_key(key),
                BundleMember::X509Svid(ca) => Anchor::Ca(ca.digest()),
            }),
        }
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
    fn a_key_is_known_under_every_name_and_outlives_those_that_the_issuer_has_no_more() {
        let (one, other, gone) = (Signer::new("one"), Signer::new("other"), Signer::new("gone"));
        let text = |signer: &Signer| first_of(ISSUER, &[signer]).member;
        let key = first_of(ISSUER, &[&one, &other]);
        assert_eq!((key.set(), &key.member), (("jwks", ISSUER), &text(&one)));
        let renamed = text(&one).replace("\"one\"", "\"renamed\"");
        for (member, is_it, is_gone) in [
            (text(&one), true, false),
            (renamed, true, false),
            (text(&other), false, false),
            (text(&gone), false, true),
            (format!("jwt-svid {}", text(&other)), false, true),
            ("no key".into(), false, true),
        ] {
            assert_eq!((key.is_member(&member), key.outlives(&member)), (is_it, is_gone), "{member}");
        }
        let thumbprint = key.keys.keys()[0].thumbprint();
        assert_eq!(TrustedKey::of_token(&key.issuer, &key.keys, thumbprint, "other"), None);
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
        for (member, is_gone) in [
            (&mine.member, false),
            (&ca(&gone).member, true),
            (&ca(&authority.renewed()).member, true),
            (&first(&domain, &bundle(&[&other], &[])).member, false),
            (&first(&domain, &bundle(&[&Signer::p256("gone")], &[])).member, true),
        ] {
            assert_eq!((key.is_member(member), key.outlives(member)), (false, is_gone), "{member}");
        }
        assert!(mine.is_member(&mine.member) && !mine.is_member(&key.member));
        assert!(mine.outlives(&first(&domain, &bundle(&[&other], &[])).member), "it has one key of tokens");
        assert!(!mine.outlives(&key.member) && !mine.outlives(&mine.member));
    }
}
