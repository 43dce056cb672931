//! Public keys, and the one way in which each of their signatures is verified.
//!
//! Ed25519 is verified as strictly as the log's own signatures are, all else by AWS-LC.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey,
};
use ed25519_dalek::{Signature, VerifyingKey};
use std::fmt;

/// Bits of an RSA modulus, from the smallest that is still secure to the largest that AWS-LC takes.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Longest RSA exponent, in bytes. AWS-LC takes 33 bits; no issuer in use goes beyond 17.
const EXPONENT_BYTES_MAX: usize = 4;

/// Why a public key is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a point of its curve.
    #[error("{0}: expected a point on the curve")]
    Point(&'static str),
    /// Ed25519: written otherwise than its point is, or of small order.
    #[error("Ed25519: expected the canonical encoding of a point that is not of small order")]
    Ed25519,
    /// An RSA modulus that is even, starts with a zero, or is of another size.
    #[error("RSA modulus: expected an odd number of 2048 to 8192 bits, got {0} bits")]
    Modulus(usize),
    /// An RSA exponent that is even, starts with a zero, is 1, or is long.
    #[error("RSA exponent: expected an odd number from 3 to 2^32 - 1, got 0x{0}")]
    Exponent(String),
}

/// A public key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// RFC 8032: the point, compressed.
    Ed25519([u8; 32]),
    /// SEC 1: `0x04 || x || y`.
    P256([u8; 65]),
    /// SEC 1: `0x04 || x || y`.
    P384([u8; 97]),
    /// Modulus and exponent, big endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
}

/// What a signature is, beside the key that it is by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// RFC 8032, 64 bytes.
    Ed25519,
    /// ECDSA with P-256 and SHA-256, `r || s`: RFC 7518's ES256.
    Es256,
    /// ECDSA with P-384 and SHA-384, `r || s`: RFC 7518's ES384.
    Es384,
    /// ECDSA with P-256 and SHA-256, in DER.
    Es256Der,
    /// ECDSA with P-384 and SHA-384, in DER.
    Es384Der,
    /// RSASSA-PKCS1-v1_5 with SHA-256: RFC 7518's RS256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes: RFC 7518's PS256.
    Ps256,
}

impl PublicKey {
    /// What people call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "Ed25519",
            Self::P256(_) => "ECDSA P-256",
            Self::P384(_) => "ECDSA P-384",
            Self::Rsa { .. } => "RSA",
        }
    }

    /// Bits of an RSA modulus; none for other keys.
    #[must_use]
    pub fn modulus_bits(&self) -> Option<usize> {
        let Self::Rsa { n, .. } = self else { return None };
        let (first, rest) = n.split_first()?;
        let leading = usize::try_from(first.leading_zeros()).ok()?;
        Some((8 * (rest.len() + 1)).saturating_sub(leading))
    }

    /// Whether these are a key's bytes at all.
    ///
    /// # Errors
    /// A point off its curve or of small order, a modulus below 2,048 or over 8,192 bits, an exponent that makes no key.
    pub fn check(&self) -> Result<(), KeyError> {
        // A point has other encodings, which begin with another byte.
        let is_point = |algorithm, point: &[u8]| match ParsedPublicKey::new(algorithm, point) {
            Ok(_) if point.starts_with(&[4]) => Ok(()),
            _ => Err(KeyError::Point(self.name())),
        };
        match self {
            Self::P256(point) => is_point(&ECDSA_P256_SHA256_FIXED, point),
            Self::P384(point) => is_point(&ECDSA_P384_SHA384_FIXED, point),
            Self::Ed25519(key) => match VerifyingKey::from_bytes(key) {
                // What decompresses from two encodings would be two keys.
                Ok(point) if !point.is_weak() && point.to_edwards().compress().as_bytes() == key => Ok(()),
                _ => Err(KeyError::Ed25519),
            },
            Self::Rsa { n, e } => {
                let bits = self.modulus_bits().unwrap_or(0);
                if is_even_or_padded(n) || !MODULUS_BITS.contains(&bits) {
                    return Err(KeyError::Modulus(bits));
                }
                if is_even_or_padded(e) || e[..] == [1] || e.len() > EXPONENT_BYTES_MAX {
                    let shown = e.get(..EXPONENT_BYTES_MAX + 1).unwrap_or(e);
                    return Err(KeyError::Exponent(provlog_core::hex::encode(shown)));
                }
                Ok(())
            }
        }
    }

    /// Whether this is a signature of the message by this key. A scheme that isn't one of this key's says no, and so does a
    /// key that is none: a point off its curve or of small order, a modulus below 2,048 or over 8,192 bits.
    #[must_use]
    pub fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let ecdsa = |point: &[u8], algorithm| {
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        };
        match (self, scheme) {
            (Self::Ed25519(key), Scheme::Ed25519) => verifies_ed25519(key, message, signature),
            (Self::P256(point), Scheme::Es256) => ecdsa(point, &ECDSA_P256_SHA256_FIXED),
            (Self::P256(point), Scheme::Es256Der) => ecdsa(point, &ECDSA_P256_SHA256_ASN1),
            (Self::P384(point), Scheme::Es384) => ecdsa(point, &ECDSA_P384_SHA384_FIXED),
            (Self::P384(point), Scheme::Es384Der) => ecdsa(point, &ECDSA_P384_SHA384_ASN1),
            (Self::Rsa { n, e }, Scheme::Rs256 | Scheme::Rs512 | Scheme::Ps256) => {
                let parameters = match scheme {
                    Scheme::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Scheme::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                    _ => &RSA_PSS_2048_8192_SHA256,
                };
                PublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            _ => false,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Of a number, big endian; an empty one is 0.
fn is_even_or_padded(number: &[u8]) -> bool {
    number.first().is_none_or(|first| *first == 0) || number.last().is_none_or(|last| last % 2 == 0)
}

fn verifies_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(key), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}
