//! Why a token isn't taken, and the limits that say so.

use super::issuer::Issuer;
use crate::jwk::{Algorithm, Thumbprint};
use crate::spiffe::SpiffeError;
use crate::window::Window;
use provlog_core::json::JsonError;
use provlog_core::limits::INTEGER_MAX;

/// Largest token, in bytes: the evidence in an entry is at most 8,500, with 308 left for its salt and the members that name
/// the key.
pub const TOKEN_BYTES_MAX: usize = 8_192;

/// Deepest nesting of a token's JSON, the object being 1.
pub(super) const TOKEN_DEPTH_MAX: usize = 16;

/// Longest validity of a token that is bound to a submission, in seconds: six hours, as the longest job of GitHub.
pub const BOUND_VALID_S_MAX: u64 = 21_600;

/// Latest time in a token, in seconds: in milliseconds it is still at most 2^53-1.
pub(super) const TIME_S_MAX: u64 = INTEGER_MAX / 1000;

/// How far an issuer's clock may be from the log's, in milliseconds, either way: a minute.
pub const SKEW_MS: u64 = 60_000;

/// Why a text is no audience for bearer tokens.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BearerAudienceError {
    /// None at all.
    #[error("bearer audience: expected text that isn't empty")]
    Empty,
    /// The log's own name, or what starts with it and a colon.
    #[error(
        "bearer audience: expected another text than {0:?}, which is the log's origin, or starts as bound ones do"
    )]
    Origin(String),
}

/// Why a token isn't taken. None of these says anything of its signature, nor holds all of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwtError {
    /// Larger than any token.
    #[error("token: expected at most {TOKEN_BYTES_MAX} bytes, got {0}")]
    Large(usize),
    /// Not `header.payload.signature`.
    #[error("token: expected three parts with a dot between them, got {0}")]
    Parts(usize),
    /// A part in other characters, with padding, with bits left over, or empty.
    #[error(
        "token: expected its {0} in base64url without padding, white space and bits left over, not empty"
    )]
    Base64(&'static str),
    /// A part that isn't JSON.
    #[error("token: expected its {part} in JSON, got {error}")]
    Json {
        /// Header or payload.
        part: &'static str,
        /// What was found.
        error: JsonError,
    },
    /// A part that is JSON, but no object.
    #[error("token: expected its {part} to be an object, got {got}")]
    NoObject {
        /// Header or payload.
        part: &'static str,
        /// What it is.
        got: &'static str,
    },
    /// A part with too many objects and lists within each other.
    #[error("token: expected its {0} to be nested at most {TOKEN_DEPTH_MAX} deep")]
    Deep(&'static str),
    /// Signed in a way that this version doesn't verify, or not at all.
    #[error("token: alg: expected one of RS256, ES256, ES384, EdDSA, got {0}")]
    Algorithm(String),
    /// A SPIFFE ID under the one algorithm that JWT-SVIDs don't have.
    #[error("token: alg: expected one of RS256, ES256, ES384 for a SPIFFE ID, got EdDSA")]
    SpiffeAlgorithm,
    /// Something in the header that this version doesn't take, such as a key of its own.
    #[error("token: expected a header of alg, kid, typ and x5t, got {0:?} in it")]
    Header(String),
    /// A member that must be there and isn't.
    #[error("token: {0} is missing")]
    Missing(&'static str),
    /// A member of another type or value.
    #[error("token: {member}: expected {expected}, got {got}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// `sub` starts as a SPIFFE ID does, and is none.
    #[error("token: sub: {0}")]
    Spiffe(#[from] SpiffeError),
    /// Valid for no time.
    #[error("token: expected iat and nbf before exp, got from {from_s} to {exp_s} s")]
    Validity {
        /// The later of `iat` and `nbf`, in seconds.
        from_s: u64,
        /// When it expires, in seconds.
        exp_s: u64,
    },
    /// Bound to a submission, and valid for too long.
    #[error("token: expected exp - iat to be at most {BOUND_VALID_S_MAX} s where it is bound, got {0}")]
    LongValidity(u64),
    /// The times leave none at which it holds.
    #[error("token: expected a window within 0 to 2^53-1 ms, got from {from_s} to {exp_s} s")]
    NoWindow {
        /// The later of `iat` and `nbf`, in seconds.
        from_s: u64,
        /// When it expires, in seconds.
        exp_s: u64,
    },
    /// Expired, or not valid yet.
    #[error("token: expected one that holds at {at_ms} ms, got {window}")]
    Time {
        /// When it should hold.
        at_ms: u64,
        /// When it holds.
        window: Window,
    },
    /// Another issuer's token.
    #[error("token: expected one of {expected}, got one of {got}")]
    Issuer {
        /// Whose keys were given.
        expected: Issuer,
        /// Whose token it says it is.
        got: Issuer,
    },
    /// No key of the issuer has this `kid`.
    #[error("token: {issuer} has no key {kid:?}")]
    NoKey {
        /// Whose keys were looked through.
        issuer: Issuer,
        /// As in the header.
        kid: String,
    },
    /// The key that is asked for wasn't given for the issuer.
    #[error("token: no key {thumbprint} was given for {issuer}")]
    NotGiven {
        /// Whose keys were looked through.
        issuer: Issuer,
        /// The key's.
        thumbprint: Thumbprint,
    },
    /// The key signs otherwise than the token says.
    #[error("token: alg: the key {kid:?} of {issuer} doesn't sign with {algorithm}")]
    KeyAlgorithm {
        /// Whose key.
        issuer: Issuer,
        /// As in the header.
        kid: String,
        /// As in the header.
        algorithm: Algorithm,
    },
    /// Not what the key signed.
    #[error("token: its signature doesn't verify under {issuer}'s key {kid:?}")]
    Signature {
        /// Whose key.
        issuer: Issuer,
        /// As in the header.
        kid: String,
    },
}
