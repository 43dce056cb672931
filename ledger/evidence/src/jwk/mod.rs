//! JSON Web Keys (RFC 7517, 7518 and 8037): an issuer's keys, read and written.
//!
//! A key is read whole or not at all: `alg` is the key's own, so that no token chooses how it is verified.

mod set;

pub(crate) use set::read_set;
pub use set::{JWKS_BYTES_MAX, JWKS_KEYS_MAX, Jwks, JwksError, Skipped};

use crate::base64url;
use crate::signature::{KeyError, PublicKey, Scheme};
use provlog_core::json::{Json, JsonError};
use sha2::{Digest, Sha256};
use std::fmt;

/// Largest JWK, in bytes: a modulus of 8,192 bits is 1,366 characters, and issuers put certificates beside it (`x5c`), some
/// of 2 KiB each.
pub const JWK_BYTES_MAX: usize = 16 * 1024;

/// Longest `kid`, in bytes: a thumbprint has 43. With each of them escaped in 6 a member is still below [`JWK_BYTES_MAX`], so
/// that whatever is written is read again.
pub const KID_BYTES_MAX: usize = 1024;

/// What only a private or symmetric key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// How a token is signed: the allow-list. Neither `none` nor HMAC has a value here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Es384, Self::EdDsa];

    /// Its name in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The one that a key signs with.
    const fn of_key(key: &PublicKey) -> Self {
        match key {
            PublicKey::Rsa { .. } => Self::Rs256,
            PublicKey::P256(_) => Self::Es256,
            PublicKey::P384(_) => Self::Es384,
            PublicKey::Ed25519(_) => Self::EdDsa,
        }
    }

    const fn scheme(self) -> Scheme {
        match self {
            Self::Rs256 => Scheme::Rs256,
            Self::Es256 => Scheme::Es256,
            Self::Es384 => Scheme::Es384,
            Self::EdDsa => Scheme::Ed25519,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// SHA-256 of a key's required members (RFC 7638): the name that a key can't choose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    /// As RFC 7638 writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// A public key that an issuer signs tokens with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Jwk {
    key: PublicKey,
    kid: String,
}

/// Why a JWK isn't taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwkError {
    /// Larger than any key.
    #[error("expected a JWK of at most {JWK_BYTES_MAX} bytes, got {0}")]
    Large(usize),
    /// Not JSON.
    #[error("expected a JWK, got {0}")]
    Json(#[from] JsonError),
    /// JSON, but no object.
    #[error("expected a JWK, which is an object, got {0}")]
    NoObject(&'static str),
    /// A member that must be there and isn't.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A key of another type, for another use, or that signs in another way: no mistake, only of no use here.
    #[error("{member}: expected {expected}, got {got}")]
    Other {
        /// Which member says so.
        member: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// A member that makes no key.
    #[error("{member}: expected {expected}, got {got}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// A private or a symmetric key: whoever sent it should make a new one.
    #[error("{0}: expected a public key, got a member of a private one")]
    Private(&'static str),
    /// Bytes that make no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A member of a set that is written otherwise than sets write it.
    #[error(
        "expected the canonical form: alg, kid and the members of RFC 7638, in order, without white space"
    )]
    NotCanonical,
    /// The same key under the same `kid`, once more.
    #[error("the same key is there twice")]
    Twice,
}

impl Jwk {
    /// Reads a key as an issuer publishes it. Members that say nothing about the key itself are left out.
    ///
    /// # Errors
    /// Whatever isn't a public key that signs with one of [`Algorithm`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkError> {
        if bytes.len() > JWK_BYTES_MAX {
            return Err(JwkError::Large(bytes.len()));
        }
        Self::from_json(&Json::parse(bytes)?, "sig")
    }

    /// Reads a key as a trust set holds it: exactly what [`Jwk::to_member`] writes.
    ///
    /// # Errors
    /// As [`Jwk::parse`], and any other spelling of the same key.
    pub fn from_member(member: &str) -> Result<Self, JwkError> {
        let key = Self::parse(member.as_bytes())?;
        if key.to_member() == member { Ok(key) } else { Err(JwkError::NotCanonical) }
    }

    /// `serves` is what `use` says where it is there.
    pub(crate) fn from_json(json: &Json, serves: &'static str) -> Result<Self, JwkError> {
        let Json::Object(_) = json else { return Err(JwkError::NoObject(json.type_name())) };
        if let Some(private) = Self::private_member(json) {
            return Err(private);
        }
        match json.get("use") {
            None => {}
            Some(found) if found.as_str() == Some(serves) => {}
            Some(found) => return Err(other("use", serves, found)),
        }
        if let Some(found) = json.get("key_ops") {
            let verifies = matches!(found, Json::Array(items) if items.iter().any(|item| item.as_str() == Some("verify")));
            if !verifies {
                return Err(other("key_ops", "a list that holds \"verify\"", found));
            }
        }
        let key = public_key(json)?;
        key.check()?;
        let algorithm = Algorithm::of_key(&key);
        match json.get("alg") {
            None => {}
            Some(found) if found.as_str() == Some(algorithm.name()) => {}
            Some(found) => return Err(other("alg", algorithm.name(), found)),
        }
        match text(json, "kid")? {
            kid if (1..=KID_BYTES_MAX).contains(&kid.len()) => Ok(Self { key, kid: kid.into() }),
            _ => Err(wrong_member(json, "kid", "text of 1 to 1024 bytes")),
        }
    }

    /// How a trust set holds the key: the members of RFC 7638, `alg` and `kid`, in lexicographic order, without white space.
    #[must_use]
    pub fn to_member(&self) -> String {
        let mut members = self.required_members();
        members.push(("alg", self.algorithm().name().into()));
        members.push(("kid", self.kid.clone()));
        written(members)
    }

    /// RFC 7638, SHA-256.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint(Sha256::digest(written(self.required_members())).into())
    }

    /// The key itself: a CA's must not be among them.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the issuer calls it: only a hint which key to try.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one way in which it signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        Algorithm::of_key(&self.key)
    }

    /// Whether this is its signature of the message.
    #[must_use]
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(self.algorithm().scheme(), message, signature)
    }

    /// What only a private key has, if it is there.
    pub(crate) fn private_member(json: &Json) -> Option<JwkError> {
        let found = PRIVATE_MEMBERS.into_iter().find(|name| json.get(name).is_some());
        found.map(JwkError::Private)
    }

    fn required_members(&self) -> Vec<(&'static str, String)> {
        let point = |crv: &str, point: &[u8]| {
            let (x, y) = point.split_at(point.len() / 2);
            let coordinates = [("x", base64url::encode(x)), ("y", base64url::encode(y))];
            [("crv", crv.into()), ("kty", "EC".into())].into_iter().chain(coordinates).collect()
        };
        match &self.key {
            PublicKey::P256([_, rest @ ..]) => point("P-256", rest),
            PublicKey::P384([_, rest @ ..]) => point("P-384", rest),
            PublicKey::Ed25519(key) => {
                vec![("crv", "Ed25519".into()), ("kty", "OKP".into()), ("x", base64url::encode(key))]
            }
            PublicKey::Rsa { n, e } => {
                vec![("e", base64url::encode(e)), ("kty", "RSA".into()), ("n", base64url::encode(n))]
            }
        }
    }
}

fn written(mut members: Vec<(&'static str, String)>) -> String {
    members.sort_unstable();
    let members = members.into_iter().map(|(name, value)| (name.into(), Json::String(value)));
    Json::Object(members.collect()).to_string()
}

fn public_key(json: &Json) -> Result<PublicKey, JwkError> {
    match text(json, "kty")? {
        "RSA" => Ok(PublicKey::Rsa { n: bytes(json, "n")?, e: bytes(json, "e")? }),
        "EC" => match text(json, "crv")? {
            "P-256" => Ok(PublicKey::P256(point(json)?)),
            "P-384" => Ok(PublicKey::P384(point(json)?)),
            _ => Err(other_member(json, "crv", "P-256 or P-384")),
        },
        "OKP" => match text(json, "crv")? {
            "Ed25519" => Ok(PublicKey::Ed25519(fixed(json, "x", "32 bytes in base64url")?)),
            _ => Err(other_member(json, "crv", "Ed25519")),
        },
        _ => Err(other_member(json, "kty", "RSA, EC or OKP")),
    }
}

/// `0x04 || x || y`, each of full length (RFC 7518 section 6.2.1.2).
fn point<const N: usize>(json: &Json) -> Result<[u8; N], JwkError> {
    let (x, y) = (bytes(json, "x")?, bytes(json, "y")?);
    for (member, coordinate) in [("x", &x), ("y", &y)] {
        if 1 + 2 * coordinate.len() != N {
            return Err(wrong_member(json, member, "a coordinate of the curve's full length"));
        }
    }
    let point = [&[4][..], &x, &y].concat();
    point.try_into().map_err(|_| wrong_member(json, "x", "a coordinate of the curve's full length"))
}

fn fixed<const N: usize>(
    json: &Json,
    member: &'static str,
    expected: &'static str,
) -> Result<[u8; N], JwkError> {
    bytes(json, member)?.try_into().map_err(|_| wrong_member(json, member, expected))
}

fn bytes(json: &Json, member: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(text(json, member)?)
        .ok_or_else(|| wrong_member(json, member, "base64url without padding"))
}

fn text<'a>(json: &'a Json, member: &'static str) -> Result<&'a str, JwkError> {
    let found = json.get(member).ok_or(JwkError::Missing(member))?;
    found.as_str().ok_or_else(|| wrong(member, "a string", found))
}

fn wrong_member(json: &Json, member: &'static str, expected: &'static str) -> JwkError {
    json.get(member).map_or(JwkError::Missing(member), |found| wrong(member, expected, found))
}

fn wrong(member: &'static str, expected: &'static str, found: &Json) -> JwkError {
    JwkError::Member { member, expected, got: told(found) }
}

fn other_member(json: &Json, member: &'static str, expected: &'static str) -> JwkError {
    json.get(member).map_or(JwkError::Missing(member), |found| other(member, expected, found))
}

fn other(member: &'static str, expected: &'static str, found: &Json) -> JwkError {
    JwkError::Other { member, expected, got: told(found) }
}

fn told(found: &Json) -> String {
    match found {
        // Public, but a modulus is no message.
        Json::String(text) if text.len() > 64 => format!("a string of {} bytes", text.len()),
        Json::String(text) => format!("{text:?}"),
        other => other.type_name().into(),
    }
}

#[cfg(test)]
mod tests;
