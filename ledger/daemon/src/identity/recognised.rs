//! What came of a token or an X.509-SVID.

use crate::identity::anchor::Anchor;
use crate::identity::issuer::Issuer;
use crate::identity::trusted::TrustedKey;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::submission::Evidence;
use provlog_evidence::jwt::JwtError;
use provlog_evidence::svid::SvidError;
use provlog_evidence::window::Window;
use provlog_evidence::workload::WorkloadError;
use std::fmt;
use std::sync::Arc;

/// A workload whose token an issuer signed for this log, or whose SVID its trust domain did, and which holds now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recognised {
    /// Who vouches for it.
    pub(crate) issuer: Arc<Issuer>,
    /// Who the workload is, for ever (SPEC.md, section 12.5).
    pub(crate) identity: String,
    /// The attested `workload`, a map with `verified_at_ms` in it.
    pub(crate) workload: Value,
    /// By what.
    pub(crate) proof: Proof,
    /// What that is bound to; none where whoever has it may use it again.
    pub(crate) bound: Option<BoundEvidence>,
}

/// Evidence that is good for one submission, and what the log keeps of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BoundEvidence {
    /// The submission.
    pub(crate) submitted_digest: Hash,
    /// As it was sent: nobody is shown a token while it could still be sent.
    pub(crate) evidence: Evidence,
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

/// By what a verified token or chain of certificates is known again, and how long it holds; never that itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Proof {
    /// Its SHA-256.
    pub(super) digest: Hash,
    /// When it holds.
    pub(crate) window: Window,
    /// Under what it was verified.
    pub(super) anchor: Anchor,
}

#[cfg(test)]
impl Proof {
    /// Of a token that nobody made.
    pub(crate) fn of_test() -> Self {
        let window = Window { from_ms: 0, to_ms: u64::MAX };
        Self { digest: Hash::plain(b"token"), window, anchor: Anchor::Ca([0; 32]) }
    }
}

/// Why a token or a certificate is nobody's.
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
    /// It is no X.509-SVID, holds at another time, or leads to none of its trust domain's CAs.
    #[error("the client's certificate: {0}")]
    Svid(#[from] SvidError),
    /// Its trust domain isn't configured.
    #[error(
        "the client's certificate: expected an SVID of a trust domain that the log's operator configured, got one of {got}"
    )]
    TrustDomain {
        /// As its SPIFFE ID has it.
        got: String,
    },
    /// It says more than an entry has room for.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The issuer's keys aren't known, so nothing can be said of it now.
    #[error(
        "the keys of {issuer} can't be had, so that nothing of it can be verified; the daemon's own log says why"
    )]
    Keys {
        /// Whose.
        issuer: String,
    },
}
