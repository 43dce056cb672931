//! SSH signatures of messages (OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f).

use super::armor::{self, ArmorError};
use super::key::{KeyType, SshKey, SshKeyError, quoted};
use super::wire::{Wire, WireError, push_string};
use crate::signature::Scheme;
use sha2::{Digest, Sha256, Sha512};

/// Longest namespace, in bytes. With it the largest signature has 2,384: a preamble of 6, a version of 4, a key of 4 + 1,049, this
/// of 4 + 255, nothing reserved in 4, a hash's name of 4 + 6, and a signature of 4 + (4 + 12) + (4 + 1,024).
pub const NAMESPACE_BYTES_MAX: usize = 255;

const PREAMBLE: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;

/// Bytes of each of the two integers of an ECDSA signature with P-256.
const SCALAR_BYTES: usize = 32;

/// What a device says of one signature: that somebody touched it.
const PRESENCE: u8 = 0x01;

/// That it knew who did, by a PIN or a finger.
const VERIFICATION: u8 = 0x04;

/// These, and whether its secret can be copied (0x08) or was (0x10). The rest isn't in use, or says that more was signed than
/// SSH keeps (0x40, 0x80).
const FLAGS: u8 = PRESENCE | VERIFICATION | 0x08 | 0x10;

/// Why a signature isn't one, or doesn't hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SshSignatureError {
    /// The text isn't what `ssh-keygen` writes.
    #[error(transparent)]
    Armor(#[from] ArmorError),
    /// What is in it doesn't start as a signature.
    #[error("SSH signature: expected it to start with SSHSIG")]
    Preamble,
    /// Of another version.
    #[error("SSH signature: expected version {VERSION}, got {0}")]
    Version(u32),
    /// The key is none that can sign for a person.
    #[error("SSH signature: {0}")]
    Key(#[from] SshKeyError),
    /// Not the wire format.
    #[error("SSH signature: {0}")]
    Wire(#[from] WireError),
    /// No namespace, or one over its limit.
    #[error("SSH signature: expected a namespace of 1 to {NAMESPACE_BYTES_MAX} bytes, got {0}")]
    NamespaceBytes(usize),
    /// Something that a later version may give a meaning.
    #[error("SSH signature: expected nothing in its reserved field, got {0} bytes")]
    Reserved(usize),
    /// Another hash.
    #[error("SSH signature: expected the hash sha256 or sha512, got {0:?}")]
    Hash(String),
    /// A signature that browsers make, over a text of their own.
    #[error("SSH signature: expected one by the key itself, got one by WebAuthn ({0:?})")]
    WebAuthn(String),
    /// A signature of another type than the key makes; `ssh-rsa` is with SHA-1.
    #[error("SSH signature: expected one of type {expected}, got {got:?}")]
    Type {
        /// What the key makes.
        expected: &'static str,
        /// As it is written.
        got: String,
    },
    /// A signature of another length than the key makes.
    #[error("SSH signature: expected {expected} bytes of the {field}, got {got}")]
    Length {
        /// What is of the wrong length.
        field: &'static str,
        /// Its length.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// Something else that a device says of its signature.
    #[error("SSH signature: expected flags 0x01, 0x04, 0x08 and 0x10 alone, got 0x{0:02x}")]
    Flags(u8),
    /// Made for another use.
    #[error("SSH signature: expected one for the namespace {expected:?}, got one for {got:?}")]
    Namespace {
        /// The use that was asked about.
        expected: String,
        /// The one that it was made for.
        got: String,
    },
    /// By another key, over another message, or made up.
    #[error("SSH signature: it isn't one of this message by the key that it names ({0})")]
    Forged(String),
}

/// A signature that was read, of which nothing is known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SshSignature {
    key: SshKey,
    namespace: Vec<u8>,
    hash: HashName,
    scheme: Scheme,
    /// As the scheme has it.
    bytes: Vec<u8>,
    /// Of an `sk-` key alone.
    touch: Option<Touch>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HashName {
    Sha256,
    Sha512,
}

/// What a device adds to a signature, and signs with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Touch {
    flags: u8,
    counter: u32,
}

/// A message was signed: only a signature that verifies makes one, so who has it needs to ask no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    key: SshKey,
    namespace: String,
    flags: u8,
}

impl SshSignature {
    /// Reads the armor that `ssh-keygen -Y sign` writes, and all that is in it.
    ///
    /// # Errors
    /// [`SshSignatureError`] says what is wrong with it.
    pub fn parse(armor: &[u8]) -> Result<Self, SshSignatureError> {
        let blob = armor::open(armor)?;
        let mut wire = Wire::new(&blob);
        if wire.bytes("preamble", PREAMBLE.len()) != Ok(PREAMBLE) {
            return Err(SshSignatureError::Preamble);
        }
        let version = wire.uint32("version")?;
        if version != VERSION {
            return Err(SshSignatureError::Version(version));
        }
        let key = SshKey::from_blob(wire.string("key")?)?;
        let namespace = wire.string("namespace")?;
        if !(1..=NAMESPACE_BYTES_MAX).contains(&namespace.len()) {
            return Err(SshSignatureError::NamespaceBytes(namespace.len()));
        }
        let reserved = wire.string("reserved field")?;
        if !reserved.is_empty() {
            return Err(SshSignatureError::Reserved(reserved.len()));
        }
        let hash = HashName::parse(wire.string("hash")?)?;
        let signature = wire.string("signature")?;
        wire.end("SSH signature")?;

        let mut wire = Wire::new(signature);
        let scheme = scheme(key.key_type(), wire.string("type of the signature")?)?;
        let bytes = signature_bytes(&key, scheme, wire.string("signature itself")?)?;
        let touch = key.key_type().is_on_device().then(|| Touch::parse(&mut wire)).transpose()?;
        wire.end("signature")?;
        Ok(Self { key, namespace: namespace.into(), hash, scheme, bytes, touch })
    }

    /// The key that it says it is by: for messages, before [`SshSignature::verify`] has said that it is.
    #[must_use]
    pub const fn claimed_key(&self) -> &SshKey {
        &self.key
    }

    /// Whether it is a signature of this message, made for this use.
    ///
    /// # Errors
    /// [`SshSignatureError::Namespace`] or [`SshSignatureError::Forged`].
    pub fn verify(&self, namespace: &str, message: &[u8]) -> Result<Signed, SshSignatureError> {
        if self.namespace != namespace.as_bytes() {
            return Err(SshSignatureError::Namespace {
                expected: namespace.into(),
                got: quoted(&self.namespace),
            });
        }
        let signed = self.signed_bytes(message);
        if !self.key.public().verifies(self.scheme, &signed, &self.bytes) {
            return Err(SshSignatureError::Forged(self.key.fingerprint()));
        }
        let flags = self.touch.map_or(0, |touch| touch.flags);
        Ok(Signed { key: self.key.clone(), namespace: namespace.into(), flags })
    }

    /// What the key signs of a message.
    fn signed_bytes(&self, message: &[u8]) -> Vec<u8> {
        let mut bytes = PREAMBLE.to_vec();
        push_string(&mut bytes, &self.namespace);
        push_string(&mut bytes, &[]);
        push_string(&mut bytes, self.hash.name());
        push_string(&mut bytes, &self.hash.digest(message));
        // A device signs its application and what it says, and hashes of it all.
        let (Some(application), Some(touch)) = (self.key.application(), self.touch) else { return bytes };
        let mut by_device = Sha256::digest(application).to_vec();
        by_device.push(touch.flags);
        by_device.extend_from_slice(&touch.counter.to_be_bytes());
        by_device.extend_from_slice(&Sha256::digest(&bytes));
        by_device
    }
}

impl Signed {
    /// The key that signed.
    #[must_use]
    pub const fn key(&self) -> &SshKey {
        &self.key
    }

    /// The use that it was signed for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether the key's device says that somebody touched it. A key that is on no device says nothing, and nothing shows that one
    /// of a type for devices is on any.
    #[must_use]
    pub const fn presence(&self) -> bool {
        self.flags & PRESENCE != 0
    }

    /// Whether the key's device says that it knew who did.
    #[must_use]
    pub const fn verification(&self) -> bool {
        self.flags & VERIFICATION != 0
    }
}

impl HashName {
    fn parse(name: &[u8]) -> Result<Self, SshSignatureError> {
        let found = [Self::Sha256, Self::Sha512].into_iter().find(|hash| hash.name() == name);
        found.ok_or_else(|| SshSignatureError::Hash(quoted(name)))
    }

    const fn name(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"sha256",
            Self::Sha512 => b"sha512",
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

impl Touch {
    fn parse(wire: &mut Wire<'_>) -> Result<Self, SshSignatureError> {
        let (flags, counter) = (wire.byte("flags")?, wire.uint32("counter")?);
        if flags & !FLAGS == 0 { Ok(Self { flags, counter }) } else { Err(SshSignatureError::Flags(flags)) }
    }
}

/// How a key of this type signs what is called `name`.
fn scheme(key_type: KeyType, name: &[u8]) -> Result<Scheme, SshSignatureError> {
    let expected = match (key_type, name) {
        (KeyType::Rsa, b"rsa-sha2-256") => return Ok(Scheme::Rs256),
        (KeyType::Rsa, b"rsa-sha2-512") => return Ok(Scheme::Rs512),
        (KeyType::Rsa, _) => "rsa-sha2-256 or rsa-sha2-512",
        _ => key_type.name(),
    };
    if expected.as_bytes() == name {
        let is_ed25519 = matches!(key_type, KeyType::Ed25519 | KeyType::SkEd25519);
        return Ok(if is_ed25519 { Scheme::Ed25519 } else { Scheme::Es256 });
    }
    let got = quoted(name);
    if name.starts_with(b"webauthn-") {
        return Err(SshSignatureError::WebAuthn(got));
    }
    Err(SshSignatureError::Type { expected, got })
}

/// The signature as its scheme has it, of the one length that it can have.
fn signature_bytes(key: &SshKey, scheme: Scheme, signature: &[u8]) -> Result<Vec<u8>, SshSignatureError> {
    if scheme == Scheme::Es256 {
        return ecdsa_bytes(signature);
    }
    // An RSA signature is as long as the modulus: `ssh-keygen` pads a shorter one, and so did whoever else signed.
    let expected = key.public().modulus_bits().map_or(64, |bits| bits.div_ceil(8));
    let got = signature.len();
    if got == expected {
        Ok(signature.into())
    } else {
        Err(SshSignatureError::Length { field: "signature itself", expected, got })
    }
}

fn ecdsa_bytes(signature: &[u8]) -> Result<Vec<u8>, SshSignatureError> {
    let mut wire = Wire::new(signature);
    let (r, s) = (wire.mpint("r")?, wire.mpint("s")?);
    wire.end("signature itself")?;
    let mut bytes = Vec::with_capacity(2 * SCALAR_BYTES);
    for (field, scalar) in [("r", r), ("s", s)] {
        let got = scalar.len();
        let over = SshSignatureError::Length { field, expected: SCALAR_BYTES, got };
        let padding = SCALAR_BYTES.checked_sub(got).ok_or(over)?;
        bytes.resize(bytes.len() + padding, 0);
        bytes.extend_from_slice(scalar);
    }
    Ok(bytes)
}
