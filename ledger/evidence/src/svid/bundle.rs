//! Bundles of trust domains: keys for JWT-SVIDs and CAs for X.509-SVIDs, neither of which serves as the other.

use super::certificate::{Certificate, CertificateError};
use super::der::DerError;
use crate::jwk::{Jwk, JwkError, JwksError, read_set};
use crate::signature::{KeyError, PublicKey};
use crate::window::Window;
use base64ct::{Base64, Encoding};
use provlog_core::Hash;
use provlog_core::json::Json;
use std::fmt;

/// Largest CA certificate, in bytes: in base64, with its prefix, 10,934 characters, which a claim of 16 KiB holds.
pub const CA_BYTES_MAX: usize = 8_192;

const JWT_SVID: &str = "jwt-svid";
const X509_SVID: &str = "x509-svid";

/// How often a bundle is to be fetched (SPIFFE Trust Domain and Bundle, section 4.1.2).
const REFRESH_HINT: &str = "spiffe_refresh_hint";

/// A CA of a trust domain: a certificate that may sign others, as DER.
#[derive(Clone, PartialEq, Eq)]
pub struct Ca {
    der: Vec<u8>,
    key: PublicKey,
    window: Window,
}

/// Why a certificate isn't taken as a CA.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CaError {
    /// Larger than any CA.
    #[error("CA: expected a certificate of at most {CA_BYTES_MAX} bytes, got {0}")]
    Large(usize),
    /// Not a certificate, or one that can't be taken.
    #[error("CA: {0}")]
    Certificate(#[from] CertificateError),
    /// Of a key that isn't taken.
    #[error("CA: {0}")]
    KeyType(#[from] DerError),
    /// Its key is none.
    #[error("CA: {0}")]
    Key(#[from] KeyError),
    /// A certificate of something else: as an anchor it would vouch for whatever its key signs.
    #[error("CA: expected basic constraints with cA, and key usage with keyCertSign")]
    NoCa,
}

impl Ca {
    /// Takes a CA certificate. That it is signed isn't looked at: whoever gives it vouches for it.
    ///
    /// # Errors
    /// What is no certificate, or none of a CA.
    pub fn parse(der: &[u8]) -> Result<Self, CaError> {
        if der.len() > CA_BYTES_MAX {
            return Err(CaError::Large(der.len()));
        }
        let certificate = Certificate::parse(der)?;
        if !certificate.may_sign_others() {
            return Err(CaError::NoCa);
        }
        let key = certificate.public_key()?;
        key.check()?;
        Ok(Self { der: der.into(), key, window: certificate.window })
    }

    /// The certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate, as evidence names it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Hash::plain(&self.der).0
    }

    /// Its key: it must be in the bundle of no other trust domain, and among no issuer's keys.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ca({} bytes, {})", self.der.len(), self.window)
    }
}

/// One member of a trust domain's bundle, as a set in the log holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BundleMember {
    /// A key that signs JWT-SVIDs.
    JwtSvid(Jwk),
    /// A CA that X.509-SVIDs lead to.
    X509Svid(Ca),
}

/// Why a text is no member of a bundle, or a key of a bundle isn't taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemberError {
    /// Neither of the two.
    #[error("expected jwt-svid or x509-svid, a space, and the member")]
    Prefix,
    /// Not one key in its canonical form.
    #[error("jwt-svid: {0}")]
    Jwk(#[from] JwkError),
    /// Not base64 as RFC 4648 section 4 writes it.
    #[error("x509-svid: expected a certificate in base64 with padding, without white space")]
    Base64,
    /// Not a CA.
    #[error("x509-svid: {0}")]
    Ca(#[from] CaError),
    /// A published key that says neither what it is for.
    #[error("use: expected jwt-svid or x509-svid")]
    Use,
    /// A published CA without its one certificate.
    #[error("x5c: expected a list of exactly one certificate")]
    X5c,
    /// The same member once more.
    #[error("the same member is there twice")]
    Twice,
}

impl BundleMember {
    /// Reads a member: exactly what its `Display` writes.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, MemberError> {
        match text.split_once(' ') {
            Some((JWT_SVID, jwk)) => Ok(Self::JwtSvid(Jwk::from_member(jwk)?)),
            Some((X509_SVID, der)) => Ok(Self::X509Svid(ca(der)?)),
            _ => Err(MemberError::Prefix),
        }
    }

    /// One of the keys that a trust domain publishes.
    fn published(json: &Json) -> Result<Self, MemberError> {
        match json.get("use").and_then(Json::as_str) {
            Some(JWT_SVID) => Ok(Self::JwtSvid(Jwk::from_json(json, JWT_SVID)?)),
            Some(X509_SVID) => match json.get("x5c") {
                Some(Json::Array(items)) => match &items[..] {
                    [Json::String(der)] => Ok(Self::X509Svid(ca(der)?)),
                    _ => Err(MemberError::X5c),
                },
                _ => Err(MemberError::X5c),
            },
            _ => Err(MemberError::Use),
        }
    }
}

impl fmt::Display for BundleMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JwtSvid(key) => write!(f, "{JWT_SVID} {}", key.to_member()),
            Self::X509Svid(ca) => write!(f, "{X509_SVID} {}", Base64::encode_string(ca.der())),
        }
    }
}

/// A bundle as a trust domain publishes it: a JWKS whose keys say what they are for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// In the order in which they came.
    pub members: Vec<BundleMember>,
    /// The keys that can't be used, by their place in `keys`, and why.
    pub skipped: Vec<(usize, MemberError)>,
    /// How often its publisher means it to be fetched, in seconds; none where it doesn't say so in a whole number.
    pub refresh_hint_s: Option<u64>,
}

impl Bundle {
    /// Reads a bundle. One key that can't be used takes no other with it, unless it is a private one.
    ///
    /// # Errors
    /// What is no JWKS at all, is beyond its limits, or holds a private key.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        let set = read_set(bytes)?;
        let hint = set.others.iter().find(|(name, _)| name == REFRESH_HINT);
        let refresh_hint_s = hint.and_then(|(_, hint)| hint.as_uint());
        let mut bundle = Self { members: Vec::new(), skipped: Vec::new(), refresh_hint_s };
        for (at, json) in set.keys.iter().enumerate() {
            if let Some(reason) = Jwk::private_member(json) {
                return Err(JwksError::Private { at, reason });
            }
            match BundleMember::published(json) {
                Ok(member) if bundle.members.contains(&member) => {
                    bundle.skipped.push((at, MemberError::Twice));
                }
                Ok(member) => bundle.members.push(member),
                Err(reason) => bundle.skipped.push((at, reason)),
            }
        }
        Ok(bundle)
    }
}

fn ca(base64: &str) -> Result<Ca, MemberError> {
    Ok(Ca::parse(&Base64::decode_vec(base64).map_err(|_| MemberError::Base64)?)?)
}
