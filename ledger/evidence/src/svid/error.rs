//! Why an SVID, or what is signed with it, isn't taken, and the limits that say so.

use super::certificate::CertificateError;
use crate::signature::KeyError;
use crate::spiffe::{SpiffeError, TrustDomain};
use crate::window::Window;

/// Most certificates of a chain, the workload's with them: SPIRE's nested servers make two or three.
pub const CHAIN_CERTIFICATES_MAX: usize = 4;

/// Largest chain, in bytes: the evidence in an entry is at most 8,500, and a signature by RSA of 8,192 bits takes 1,024 of
/// them, its salt and the members that name the CA the rest.
pub const CHAIN_BYTES_MAX: usize = 7_168;

/// Longest validity of a workload's certificate, in seconds: a week, as nobody asks whether it was revoked.
pub const SVID_VALID_S_MAX: u64 = 7 * 24 * 60 * 60;

/// Why an SVID, or what is signed with it, isn't taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SvidError {
    /// No certificate, or more than any way takes.
    #[error("chain: expected 1 to {CHAIN_CERTIFICATES_MAX} certificates, got {0}")]
    Count(usize),
    /// Larger than any chain.
    #[error("chain: expected at most {CHAIN_BYTES_MAX} bytes in all, got {0}")]
    Large(usize),
    /// A certificate that can't be read, or taken.
    #[error("certificate {at} of the chain: {error}")]
    Certificate {
        /// Which, from 0, the workload's.
        at: usize,
        /// Why.
        error: CertificateError,
    },
    /// The workload's key is none.
    #[error("the workload's key: {0}")]
    Key(#[from] KeyError),
    /// None, or several of which one would have to be chosen.
    #[error("the workload's certificate: expected exactly one URI among its names, got {0}")]
    Uris(usize),
    /// The URI isn't the ID of a workload.
    #[error("the workload's certificate: {0}")]
    Id(#[from] SpiffeError),
    /// The workload's certificate could sign others.
    #[error("the workload's certificate: expected none of a CA")]
    IsCa,
    /// The workload's key usage isn't what SPIFFE demands.
    #[error(
        "the workload's certificate: expected key usage, critical, with digitalSignature, without keyCertSign and cRLSign"
    )]
    KeyUsage,
    /// The workload's key is for something else than for being a client.
    #[error("the workload's certificate: expected clientAuth in its extended key usage")]
    Purpose,
    /// The workload's certificate holds for too long.
    #[error("the workload's certificate: expected it to hold for at most {SVID_VALID_S_MAX} s, got {0} s")]
    LongValidity(u64),
    /// A certificate between the workload's and the CA that may sign none.
    #[error("certificate {0} of the chain: expected one of a CA, with key usage keyCertSign")]
    NoCa(usize),
    /// More CAs below it than it says there may be.
    #[error("certificate {0} of the chain: expected no more CAs below it than its path length")]
    PathLength(usize),
    /// The same name and key as one before.
    #[error("certificate {0} of the chain: expected another name or key than those before it")]
    Twice(usize),
    /// Not signed by the next one.
    #[error("certificate {0} of the chain: expected its issuer to be the next one's subject, byte for byte")]
    Issuer(usize),
    /// There is no time at which all of them hold.
    #[error("chain: expected a time at which every certificate holds")]
    NoWindow,
    /// Not at this time.
    #[error("chain: expected one that holds at {at_ms} ms, got {window}")]
    Time {
        /// When it should hold.
        at_ms: u64,
        /// When it holds.
        window: Window,
    },
    /// Another trust domain's workload.
    #[error("expected an SVID of {expected}, got one of {got}")]
    TrustDomain {
        /// Whose CAs were given.
        expected: TrustDomain,
        /// Whose workload it says it is.
        got: TrustDomain,
    },
    /// No way over the chain to a CA that was given, at this time.
    #[error("chain: expected it to lead to a CA of {trust_domain} at {at_ms} ms, got {got}")]
    NoPath {
        /// Whose CAs were looked through.
        trust_domain: TrustDomain,
        /// The time that it was looked for.
        at_ms: u64,
        /// What was in the way, of the last CA that was tried.
        got: String,
    },
    /// Not what the workload's key signed.
    #[error("the signature doesn't verify over this submission under the workload's {0} key")]
    Signature(&'static str),
}
