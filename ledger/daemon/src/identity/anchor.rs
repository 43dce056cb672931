//! Which of an issuer's keys something was verified with.

use provlog_evidence::jwk::Thumbprint;

/// One of an issuer's keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Anchor {
    /// A key that signs tokens.
    Key(Thumbprint),
    /// A CA, by the SHA-256 of its certificate.
    Ca([u8; 32]),
}
