//! What came of a token.

use crate::identity::issuer::Issuer;
use provlog_core::Hash;
use provlog_core::cbor::Map;
use provlog_evidence::jwk::Thumbprint;
use provlog_evidence::jwt::JwtError;
use provlog_evidence::window::Window;
use provlog_evidence::workload::WorkloadError;
use std::sync::Arc;

/// A workload whose token an issuer signed, for this log, and which holds now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recognised {
    /// Who signed it.
    pub(crate) issuer: Arc<Issuer>,
    /// Who the workload is, for ever (SPEC.md, section 12.5).
    pub(crate) identity: String,
    /// The attested `workload`, `verified_at_ms` in it.
    pub(crate) workload: Map,
    /// Of which token.
    pub(crate) token: VerifiedToken,
}

/// By what a verified token is known again, and how long it holds; never the token itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VerifiedToken {
    /// Its SHA-256.
    pub(super) digest: Hash,
    /// When it holds.
    pub(super) window: Window,
    /// The key that signed it.
    pub(super) key: Thumbprint,
}

#[cfg(test)]
impl VerifiedToken {
    /// Of a token that nobody made.
    pub(crate) fn of_test() -> Self {
        let window = Window { from_ms: 0, to_ms: u64::MAX };
        Self { digest: Hash::plain(b"token"), window, key: Thumbprint([0; 32]) }
    }
}

/// Why a token is nobody's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unrecognised {
    /// Its issuer, as the token has it, isn't configured.
    #[error("expected a token of an issuer that the log's operator configured, got one of {got}")]
    Issuer {
        /// As the token has it.
        got: String,
    },
    /// It isn't a token, holds at another time, has another audience, or isn't signed by one of its issuer's keys.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// It says more than an entry has room for.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The issuer's keys aren't known, so nothing can be said of it now.
    #[error(
        "the keys of {issuer} can't be had, so its tokens can't be verified; the daemon's own log says why"
    )]
    Keys {
        /// Whose.
        issuer: String,
    },
}
