//! Public keys as OpenSSH writes them.

use super::wire::{Wire, WireError};
use crate::signature::{KeyError, PublicKey};
use base64ct::{Base64, Base64Unpadded, Encoding};
use sha2::{Digest, Sha256};
use std::fmt;

/// Smallest modulus of an RSA key, in bits: what `ssh-keygen` makes by itself.
pub const RSA_BITS_MIN: usize = 3_072;

/// Largest modulus of an RSA key, in bits: the most that AWS-LC verifies with.
pub const RSA_BITS_MAX: usize = 8_192;

/// Largest key, in bytes: an RSA key has three strings: its type of 7, an exponent of up to 5 with a sign's zero byte, and a
/// modulus of 8,192 bits, 1,025 with its own. An `sk-` key is as large only by its application.
pub const KEY_BYTES_MAX: usize = (4 + 7) + (4 + 5) + (4 + 1 + RSA_BITS_MAX / 8);

/// How the application of every key starts that OpenSSH had a device make.
const APPLICATION_PREFIX: &[u8] = b"ssh:";

/// The curve of both types of ECDSA keys.
const CURVE: &[u8] = b"nistp256";

/// Characters of a name that an error repeats.
const QUOTED_CHARACTERS_MAX: usize = 64;

/// The types of keys that sign for persons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyType {
    /// `ssh-ed25519`.
    Ed25519,
    /// `sk-ssh-ed25519@openssh.com`: on a FIDO device.
    SkEd25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`: on a FIDO device.
    SkEcdsaP256,
    /// `ssh-rsa`: the key's type. Its signatures are `rsa-sha2-256` or `rsa-sha2-512`.
    Rsa,
}

/// Why something isn't a key that can sign for a person.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SshKeyError {
    /// A type that this version doesn't take.
    #[error(
        "expected a key of type ssh-ed25519, sk-ssh-ed25519@openssh.com, ecdsa-sha2-nistp256, \
         sk-ecdsa-sha2-nistp256@openssh.com or ssh-rsa, got {0:?}"
    )]
    Type(String),
    /// A certificate, which stands for whatever its authority says.
    #[error("expected the key itself, got a certificate ({0:?})")]
    Certificate(String),
    /// The type before the base64 isn't the one within it.
    #[error("key: expected one of type {expected:?}, as is written before it, got {got:?}")]
    OtherType {
        /// As it is written before the key.
        expected: String,
        /// As it stands within the key.
        got: String,
    },
    /// Not base64 with padding, or with bits that say nothing.
    #[error("key: expected base64 with its padding")]
    Base64,
    /// Over its limit.
    #[error("key: at most {KEY_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Not the wire format.
    #[error("key: {0}")]
    Wire(#[from] WireError),
    /// A key on another curve than its type's.
    #[error("key: expected the curve nistp256, got {0:?}")]
    Curve(String),
    /// Of the wrong size.
    #[error("key: expected a modulus of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, got {0}")]
    ModulusBits(usize),
    /// Not a key at all, or one under which signatures can be forged.
    #[error("key: {0}")]
    Key(#[from] KeyError),
    /// Made for something else than SSH: a device's owner who signs in on a website didn't sign for us.
    #[error("key: expected an application that starts with \"ssh:\", got {0:?}")]
    Application(String),
}

/// A key that can sign for a person. There is none that isn't usable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SshKey {
    key_type: KeyType,
    public: PublicKey,
    /// As it stands in the key; of an `sk-` key alone.
    application: Option<Vec<u8>>,
    blob: Vec<u8>,
}

impl KeyType {
    const ALL: [Self; 5] = [Self::Ed25519, Self::SkEd25519, Self::EcdsaP256, Self::SkEcdsaP256, Self::Rsa];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
            Self::Rsa => "ssh-rsa",
        }
    }

    /// Whether its secret is on a device that may ask for a touch.
    #[must_use]
    pub const fn is_on_device(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsaP256)
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key_type| key_type.name() == name)
    }

    fn of(name: &[u8]) -> Result<Self, SshKeyError> {
        let found = std::str::from_utf8(name).ok().and_then(Self::named);
        found.ok_or_else(|| {
            let name = quoted(name);
            if name.contains("-cert-v0") { SshKeyError::Certificate(name) } else { SshKeyError::Type(name) }
        })
    }
}

impl SshKey {
    /// Reads the two fields that a `.pub` file starts with, and a roster's line ends with: the type, and base64.
    ///
    /// # Errors
    /// [`SshKeyError`] says what is wrong with it.
    pub fn parse(key_type: &str, base64: &str) -> Result<Self, SshKeyError> {
        // The name first: base64 of another type may be longer than any of these.
        let expected = KeyType::of(key_type.as_bytes())?;
        let bytes_max = KEY_BYTES_MAX.div_ceil(3) * 4;
        if base64.len() > bytes_max {
            return Err(SshKeyError::Bytes(base64.len() / 4 * 3));
        }
        let blob = Base64::decode_vec(base64).map_err(|_| SshKeyError::Base64)?;
        let key = Self::from_blob(&blob)?;
        if key.key_type == expected {
            Ok(key)
        } else {
            Err(SshKeyError::OtherType { expected: key_type.into(), got: key.key_type.name().into() })
        }
    }

    /// Reads the bytes that the base64 stands for.
    ///
    /// # Errors
    /// [`SshKeyError`] says what is wrong with it.
    pub fn from_blob(blob: &[u8]) -> Result<Self, SshKeyError> {
        let mut wire = Wire::new(blob);
        let key_type = KeyType::of(wire.string("type of the key")?)?;
        if blob.len() > KEY_BYTES_MAX {
            return Err(SshKeyError::Bytes(blob.len()));
        }
        let public = match key_type {
            KeyType::Ed25519 | KeyType::SkEd25519 => ed25519(&mut wire)?,
            KeyType::EcdsaP256 | KeyType::SkEcdsaP256 => p256(&mut wire)?,
            KeyType::Rsa => rsa(&mut wire)?,
        };
        let application = key_type.is_on_device().then(|| application(&mut wire)).transpose()?;
        wire.end("key")?;
        Ok(Self { key_type, public, application, blob: blob.into() })
    }

    /// Its type.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// What `ssh-keygen -l` prints: `SHA256:` and unpadded base64.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.sha256())
    }

    /// What a fingerprint is made of.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.blob).into()
    }

    /// What makes two keys one, as who has one's secret has the other's: the point or modulus, whatever type, application or
    /// exponent stands beside it.
    pub(crate) fn material(&self) -> &[u8] {
        match &self.public {
            PublicKey::Ed25519(point) => point,
            PublicKey::P256(point) => point,
            PublicKey::P384(point) => point,
            PublicKey::Rsa { n, .. } => n,
        }
    }

    pub(super) const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn application(&self) -> Option<&[u8]> {
        self.application.as_deref()
    }
}

/// As [`SshKey::fingerprint`], of the key whose encoding has this SHA-256.
pub(crate) fn fingerprint(sha256: &[u8; 32]) -> String {
    format!("SHA256:{}", Base64Unpadded::encode_string(sha256))
}

impl fmt::Display for SshKey {
    /// `<key type> <base64>`, which reads as the same key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key_type.name(), Base64::encode_string(&self.blob))
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key_type.name(), self.fingerprint())
    }
}

/// Bytes that should be a name, as an error repeats them.
pub(super) fn quoted(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(QUOTED_CHARACTERS_MAX).collect()
}

fn ed25519(wire: &mut Wire<'_>) -> Result<PublicKey, SshKeyError> {
    let point = wire.string("Ed25519 point")?.try_into().map_err(|_| KeyError::Ed25519)?;
    checked(PublicKey::Ed25519(point))
}

fn p256(wire: &mut Wire<'_>) -> Result<PublicKey, SshKeyError> {
    let curve = wire.string("curve")?;
    if curve != CURVE {
        return Err(SshKeyError::Curve(quoted(curve)));
    }
    let point = wire.string("P-256 point")?.try_into().map_err(|_| KeyError::Point("ECDSA P-256"))?;
    checked(PublicKey::P256(point))
}

fn rsa(wire: &mut Wire<'_>) -> Result<PublicKey, SshKeyError> {
    let (e, n) = (wire.mpint("exponent")?, wire.mpint("modulus")?);
    let key = PublicKey::Rsa { n: n.into(), e: e.into() };
    match key.modulus_bits().unwrap_or(0) {
        RSA_BITS_MIN..=RSA_BITS_MAX => checked(key),
        other => Err(SshKeyError::ModulusBits(other)),
    }
}

fn checked(key: PublicKey) -> Result<PublicKey, SshKeyError> {
    key.check()?;
    Ok(key)
}

fn application(wire: &mut Wire<'_>) -> Result<Vec<u8>, SshKeyError> {
    let application = wire.string("application")?;
    if application.starts_with(APPLICATION_PREFIX) {
        Ok(application.into())
    } else {
        Err(SshKeyError::Application(quoted(application)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::push_string;
    use super::*;

    const ED25519: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE";

    fn blob(strings: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for string in strings {
            push_string(&mut bytes, string);
        }
        bytes
    }

    #[test]
    fn a_key_is_written_as_it_was_read_and_has_the_fingerprint_that_ssh_keygen_prints() {
        let key = SshKey::parse("ssh-ed25519", ED25519).unwrap();
        assert_eq!(key.to_string(), format!("ssh-ed25519 {ED25519}"));
        assert_eq!(key.fingerprint(), "SHA256:ZxTZQ/K7JZpz0mHqWqdmYCUcq3MAtnu9TYA66TCBkxM");
    }

    #[test]
    fn keys_are_refused_for_what_is_wrong_with_them() {
        let point = SshKey::parse("ssh-ed25519", ED25519).unwrap().blob[19..].to_vec();
        let good = blob(&[b"ssh-ed25519", &point]);
        assert!(SshKey::from_blob(&good).is_ok());
        let mut on_no_curve = [4; 65];
        on_no_curve[1..].fill(1);
        let modulus = [[0, 0x80].as_slice(), &[1; 383]].concat();
        let too_large = [[1].as_slice(), &[1; 1024]].concat();
        assert!(SshKey::from_blob(&blob(&[b"ssh-rsa", &[1, 0, 1], &modulus])).is_ok());
        let cases: [(Vec<u8>, &str); 20] = [
            (good[..good.len() - 1].into(), "expected 32 bytes, got 31"),
            ([&good[..], &[0]].concat(), "expected nothing after it, got 1 bytes"),
            (blob(&[b"ssh-dss", &[1]]), "got \"ssh-dss\""),
            (blob(&[b"ecdsa-sha2-nistp384", b"nistp384", &[4; 97]]), "got \"ecdsa-sha2-nistp384\""),
            (blob(&[b"ssh-ed25519-cert-v01@openssh.com"]), "got a certificate"),
            (blob(&[b"ssh-ed25519", &[0; 32]]), "not of small order"),
            // A point whose y is the field's size and more: 2^255 - 19 + 3, with another encoding as 3.
            (
                blob(&[b"ssh-ed25519", &[&[0xf0][..], &[0xff; 30], &[0x7f]].concat()]),
                "the canonical encoding",
            ),
            (blob(&[b"ssh-ed25519", &point[..31]]), "Ed25519: expected the canonical"),
            (blob(&[b"ecdsa-sha2-nistp256", b"nistp384", &[4; 65]]), "got \"nistp384\""),
            (
                blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &on_no_curve]),
                "ECDSA P-256: expected a point on the curve",
            ),
            (
                blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &[2; 33]]),
                "ECDSA P-256: expected a point on the curve",
            ),
            (blob(&[b"ssh-rsa", &[1], &modulus]), "from 3 to 2^32 - 1, got 0x01"),
            (blob(&[b"ssh-rsa", &[1, 0], &modulus]), "got 0x0100"),
            (blob(&[b"ssh-rsa", &[1, 0, 0, 0, 1], &modulus]), "got 0x0100000001"),
            (blob(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 384]]), "bits, got 3071"),
            (blob(&[b"ssh-rsa", &[1, 0, 1], &too_large]), "bits, got 8193"),
            (blob(&[b"ssh-rsa", &[0, 1, 0, 1], &modulus]), "shortest form"),
            (
                blob(&[b"ssh-rsa", &[1, 0, 1], &[&[1][..], &[2; 400]].concat()]),
                "RSA modulus: expected an odd number",
            ),
            (blob(&[b"sk-ssh-ed25519@openssh.com", &point, b"example.com"]), "got \"example.com\""),
            (blob(&[b"sk-ssh-ed25519@openssh.com", &point]), "application: expected 4 bytes, got 0"),
        ];
        for (blob, expected) in cases {
            let error = SshKey::from_blob(&blob).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn a_key_in_text_has_one_spelling() {
        let cases = [
            ("ssh-ed25519", format!("{ED25519}="), "base64"),
            ("ssh-ed25519", ED25519.replace("NTE5", "NTE5\n"), "base64"),
            ("ssh-ed25519", format!(" {ED25519}"), "base64"),
            (
                "ssh-rsa",
                ED25519.into(),
                "expected one of type \"ssh-rsa\", as is written before it, got \"ssh-ed25519\"",
            ),
            ("SSH-ED25519", ED25519.into(), "got \"SSH-ED25519\""),
            ("ssh-ed25519", "A".repeat(2000), "at most 1049 bytes, got 1500"),
        ];
        for (key_type, base64, expected) in cases {
            let error = SshKey::parse(key_type, &base64).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
