//! Sets of keys (RFC 7517 section 5).

use super::{Jwk, JwkError};
use provlog_core::json::{Json, JsonError};

/// Largest JWKS, in bytes. Issuers have three to six keys, a SPIFFE bundle some tens.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;

/// Most keys in a JWKS.
pub const JWKS_KEYS_MAX: usize = 256;

/// An issuer's keys, as it publishes them: those that can be used, and why the others can't.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Jwks {
    /// In the order in which they came.
    pub keys: Vec<Jwk>,
    /// The others: issuers also publish keys for encryption, and of types to come.
    pub skipped: Vec<Skipped>,
}

/// A key of a set that isn't used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// Which of `keys`, from 0.
    pub at: usize,
    /// Why.
    pub reason: JwkError,
}

/// Why a JWKS isn't read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwksError {
    /// Larger than any set.
    #[error("expected a JWKS of at most {JWKS_BYTES_MAX} bytes, got {0}")]
    Large(usize),
    /// More keys than any issuer has.
    #[error("expected a JWKS of at most {JWKS_KEYS_MAX} keys, got {0}")]
    Many(usize),
    /// Not JSON.
    #[error("expected a JWKS, got {0}")]
    Json(#[from] JsonError),
    /// A private key is published: whoever sent the file has to make new keys before anything in it is believed.
    #[error("JWKS: key {at}: {reason}")]
    Private {
        /// Which of `keys`, from 0.
        at: usize,
        /// Which member.
        reason: JwkError,
    },
    /// JSON, but no set.
    #[error("expected a JWKS, which is an object with a list \"keys\"")]
    NoSet,
}

impl Jwks {
    /// Reads `{"keys": [...]}`. One key that can't be used takes no other with it, unless it is a private one.
    ///
    /// # Errors
    /// What is no JWKS at all, is beyond the limits, or holds a private key.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (at, json) in read_set(bytes)?.keys.iter().enumerate() {
            match Jwk::from_json(json, "sig") {
                Ok(key) if keys.contains(&key) => skipped.push(Skipped { at, reason: JwkError::Twice }),
                Ok(key) => keys.push(key),
                Err(reason @ JwkError::Private(_)) => return Err(JwksError::Private { at, reason }),
                Err(reason) => skipped.push(Skipped { at, reason }),
            }
        }
        Ok(Self { keys, skipped })
    }
}

/// A set whose keys weren't looked at yet.
pub(crate) struct UnreadSet {
    /// The items of `keys`.
    pub(crate) keys: Vec<Json>,
    /// The members beside it.
    pub(crate) others: Vec<(String, Json)>,
}

pub(crate) fn read_set(bytes: &[u8]) -> Result<UnreadSet, JwksError> {
    if bytes.len() > JWKS_BYTES_MAX {
        return Err(JwksError::Large(bytes.len()));
    }
    let Json::Object(mut others) = Json::parse(bytes)? else { return Err(JwksError::NoSet) };
    let at = others.iter().position(|(name, _)| name == "keys").ok_or(JwksError::NoSet)?;
    match others.swap_remove(at).1 {
        Json::Array(keys) if keys.len() > JWKS_KEYS_MAX => Err(JwksError::Many(keys.len())),
        Json::Array(keys) => Ok(UnreadSet { keys, others }),
        _ => Err(JwksError::NoSet),
    }
}
