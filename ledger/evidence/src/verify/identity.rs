//! What tells which key a text has, whatever else stands in it: 32 bytes in place of the text.

use crate::jwk::Jwk;
use crate::roster::key_of_member;
use crate::svid::BundleMember;

/// Which key or certificate it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Identity {
    /// A JWK, by its thumbprint.
    Jwk([u8; 32]),
    /// A CA, by the SHA-256 of its certificate.
    Ca([u8; 32]),
    /// A line of a roster, by the SHA-256 that the fingerprint of its key has.
    Line([u8; 32]),
    /// Another text, which names nothing.
    Nothing,
}

impl Identity {
    /// Of a member of a set of this `what`.
    pub(super) fn of_member(what: &str, text: &str) -> Self {
        let identity = match what {
            "jwks" => Jwk::from_member(text).ok().map(|key| Self::Jwk(key.thumbprint().0)),
            "spiffe-bundle" => BundleMember::parse(text).ok().map(|member| match member {
                BundleMember::JwtSvid(key) => Self::Jwk(key.thumbprint().0),
                BundleMember::X509Svid(ca) => Self::Ca(ca.digest()),
            }),
            "allowed-signers" => key_of_member(text).map(|key| Self::Line(key.sha256())),
            _ => None,
        };
        identity.unwrap_or(Self::Nothing)
    }
}
