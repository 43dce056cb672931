//! What came of a token.

use crate::identity::issuer::Issuer;
use crate::identity::trusted::TrustedKey;
use provlog_core::Hash;
use provlog_core::cbor::Map;
use provlog_evidence::jwk::Thumbprint;
use provlog_evidence::jwt::JwtError;
use provlog_evidence::window::Window;
use provlog_evidence::workload::WorkloadError;
use std::fmt;
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
    /// What the token is bound to; none where whoever holds it may use it again.
    pub(crate) bound: Option<BoundEvidence>,
}

/// A token that is good for one submission, and what the log keeps of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BoundEvidence {
    /// The submission.
    pub(crate) submitted_digest: Hash,
    /// The token, as it was sent: nobody is shown it while it could still be sent.
    pub(crate) token: String,
    /// What it was verified with.
    pub(crate) key: TrustedKey,
}

impl fmt::Debug for BoundEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundEvidence")
            .field("submitted_digest", &self.submitted_digest)
            .finish_non_exhaustive()
    }
}

/// By what a verified token is known again, and how long it holds; never the token itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VerifiedToken {
    /// Its SHA-256.
    pub(super) digest: Hash,
    /// When it holds.
    pub(crate) window: Window,
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
