//! What tells which key a member of a set has, kept in place of its text.

use crate::jwk::Jwk;
use crate::roster::member_for;
use crate::statement::NAMESPACE;
use crate::window::Window;
use base64ct::{Base64, Encoding};
use provlog_core::Hash;
use provlog_core::cbor::Value;

/// Which key or certificate it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Identity {
    /// A JWK, by its thumbprint.
    Jwk([u8; 32]),
    /// A CA, by the SHA-256 of its certificate.
    Ca([u8; 32]),
    /// A line of a roster that is for approvals.
    Line(Box<ApproverLine>),
    /// What is no member that evidence is checked with.
    Nothing,
}

/// A line of a roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ApproverLine {
    /// The person's id.
    pub(super) id: String,
    /// What the key's fingerprint is made of.
    pub(super) key: [u8; 32],
    pub(super) window: Window,
}

impl Identity {
    /// Of a member of a set of this `what`, by the claim's value.
    pub(super) fn of_member(what: &str, value: &Value) -> Self {
        let text = value.as_text().unwrap_or_default();
        let identity = match what {
            "jwks" => jwk(text),
            "spiffe-bundle" => match text.split_once(' ') {
                Some(("jwt-svid", text)) => jwk(text),
                Some(("x509-svid", text)) => certificate(text),
                _ => None,
            },
            "allowed-signers" => member_for(NAMESPACE, text).map(|(id, key, window)| {
                Self::Line(Box::new(ApproverLine { id, key: key.sha256(), window }))
            }),
            _ => None,
        };
        identity.unwrap_or(Self::Nothing)
    }
}

fn jwk(text: &str) -> Option<Identity> {
    Jwk::from_member(text).ok().map(|key| Identity::Jwk(key.thumbprint().0))
}

/// What the bytes are otherwise, the digest says: it is that of a CA that was looked at, or of nothing.
fn certificate(base64: &str) -> Option<Identity> {
    let der = Base64::decode_vec(base64).ok()?;
    (Base64::encode_string(&der) == base64).then(|| Identity::Ca(Hash::plain(&der).0))
}
