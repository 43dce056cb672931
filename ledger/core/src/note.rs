//! Signed notes, verifier keys and the log's signer (C2SP signed-note).
//!
//! Signatures are Ed25519, verified strictly: neither the key nor R may be of small order, S is below the group
//! order, and keys are canonical encodings. `SPEC.md` section 5 states the rule.

use crate::encoding::Foreign;
use crate::limits::{NOTE_BYTES_MAX, ORIGIN_BYTES_MAX, SIGNATURES_MAX};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

const SIGNATURE_PREFIX: &str = "\u{2014} ";
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// What a key signs. A closed set: keys of other types are refused when they are loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the note's text. What the log signs with.
    Ed25519,
    /// 0x04: timestamped Ed25519 cosignature of a witness (C2SP tlog-cosignature).
    CosignatureEd25519,
}

impl SignatureType {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureEd25519 => 4,
        }
    }
}

/// Why a verifier key or a signer can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not `name+hash+base64`.
    #[error("a verifier key is <name>+<8 hex digits>+<base64>")]
    Form,
    /// Not `PRIVATE+KEY+name+hash+base64`.
    #[error("a signer key is PRIVATE+KEY+<name>+<8 hex digits>+<base64>")]
    SecretForm,
    /// The name is empty, too long, or holds spaces, control characters or a plus sign.
    #[error(
        "key name {0:?}: expected 1 to {ORIGIN_BYTES_MAX} bytes without spaces, control characters and plus signs"
    )]
    Name(String),
    /// The four bytes after the name aren't those of this key.
    #[error("key hash: expected {expected} for this name and key, got {got}")]
    Hash {
        /// Computed from name and key.
        expected: String,
        /// As written.
        got: String,
    },
    /// A type that this version can't verify.
    #[error("key type 0x{0:02x}: this version verifies 0x01 (Ed25519) and 0x04 (Ed25519 cosignature)")]
    Type(u8),
    /// Not a point on the curve, not canonical, or of small order.
    #[error(
        "not a usable Ed25519 key: it must be the canonical encoding of a point that is not of small order"
    )]
    Point,
}

/// A public key with the name under which it signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    signature_type: SignatureType,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Reads a vkey line: `<name>+<hash>+<base64(type || key)>`.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with it.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let key = Base64::decode_vec(key).map_err(|_| KeyError::Form)?;
        let (&type_byte, key) = key.split_first().ok_or(KeyError::Form)?;
        let signature_type = match type_byte {
            1 => SignatureType::Ed25519,
            4 => SignatureType::CosignatureEd25519,
            other => return Err(KeyError::Type(other)),
        };
        let key: [u8; 32] = key.try_into().map_err(|_| KeyError::Form)?;
        let key = Self::new(name, signature_type, &key)?;
        let expected = crate::hex::encode(&key.id);
        if hash == expected { Ok(key) } else { Err(KeyError::Hash { expected, got: hash.into() }) }
    }

    /// From its parts.
    ///
    /// # Errors
    /// When the name is none, or the key unusable.
    pub fn new(name: &str, signature_type: SignatureType, key: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name(name.into()));
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Point)?;
        // A key that decompresses from a non-canonical encoding would have two key ids.
        if key.is_weak() || key.to_edwards().compress().as_bytes() != key.as_bytes() {
            return Err(KeyError::Point);
        }
        let mut hasher = Sha256::new();
        hasher.update(name);
        hasher.update([b'\n', signature_type.byte()]);
        hasher.update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
        Ok(Self { name: name.into(), id: [a, b, c, d], signature_type, key })
    }

    /// The name under which it signs: for a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First four bytes of SHA-256(name || 0x0a || type || key).
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub const fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Lowercase hex SHA-256 of the vkey line: what people compare.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::hash::Hash::plain(self.to_string().as_bytes()).to_hex()
    }

    /// Whether `signature` (64 bytes) is this key's over `message`, by the strict rule.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    /// The vkey line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = [self.signature_type.byte(); 33];
        typed[1..].copy_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, crate::hex::encode(&self.id), Base64::encode_string(&typed))
    }
}

/// The log's signing key.
#[derive(Clone)]
pub struct LogSigner {
    seed: SigningKey,
    verifier: VerifierKey,
}

impl LogSigner {
    /// From a name and the 32 secret bytes.
    ///
    /// # Errors
    /// When the name is none.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let seed = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, SignatureType::Ed25519, seed.verifying_key().as_bytes())?;
        Ok(Self { seed, verifier })
    }

    /// Reads the form that Go's sumdb tools write: `PRIVATE+KEY+<name>+<hash>+<base64(0x01 || seed)>`.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with it; never with the secret in the message.
    pub fn parse(secret: &str) -> Result<Self, KeyError> {
        let mut parts = secret.strip_prefix(SECRET_PREFIX).ok_or(KeyError::SecretForm)?.splitn(3, '+');
        let (Some(name), Some(hash), Some(seed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::SecretForm);
        };
        let seed = Base64::decode_vec(seed).map_err(|_| KeyError::SecretForm)?;
        let (&type_byte, seed) = seed.split_first().ok_or(KeyError::SecretForm)?;
        if type_byte != SignatureType::Ed25519.byte() {
            return Err(KeyError::Type(type_byte));
        }
        let signer = Self::from_seed(name, &seed.try_into().map_err(|_| KeyError::SecretForm)?)?;
        let expected = crate::hex::encode(&signer.verifier.id);
        if hash == expected { Ok(signer) } else { Err(KeyError::Hash { expected, got: hash.into() }) }
    }

    /// The secret in the form that [`LogSigner::parse`] reads. For the key file alone.
    #[must_use]
    pub fn to_secret_string(&self) -> String {
        let mut typed = [SignatureType::Ed25519.byte(); 33];
        typed[1..].copy_from_slice(self.seed.as_bytes());
        Self::secret_prefix(&self.verifier) + &Base64::encode_string(&typed)
    }

    /// How the secret of this public key starts, up to where it becomes secret: whose key a file holds.
    #[must_use]
    pub fn secret_prefix(key: &VerifierKey) -> String {
        format!("{SECRET_PREFIX}{}+{}+", key.name, crate::hex::encode(&key.id))
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signed note of this text, which must end with a newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.seed.sign(text.as_bytes()).to_bytes();
        let mut bytes = self.verifier.id.to_vec();
        bytes.extend_from_slice(&signature);
        let signature = Base64::encode_string(&bytes);
        format!("{text}\n{SIGNATURE_PREFIX}{} {signature}\n", self.verifier.name)
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogSigner").field(&self.verifier.to_string()).finish()
    }
}

/// One signature line of a note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// First four bytes of SHA-256(name || 0x0a || type || key).
    pub id: [u8; 4],
    /// The rest: what it is depends on the key's type.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    /// Whether the line says that it is by this key: both name and id match.
    #[must_use]
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

/// Why bytes are not a signed note.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    /// Over its limit.
    #[error("signed note: at most {NOTE_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Not UTF-8, or with control characters.
    #[error("signed note: expected UTF-8 without control characters other than newlines")]
    Characters,
    /// Text that was written anew on its way.
    #[error("signed note, {0}")]
    Foreign(Foreign),
    /// No empty line, no final newline, or no text.
    #[error(
        "signed note: expected text that ends with a newline, an empty line, and signature lines that end with a newline"
    )]
    Form,
    /// Too many signature lines.
    #[error("signed note: at most {SIGNATURES_MAX} signature lines, got {0}")]
    SignatureCount(usize),
    /// A line that isn't a signature.
    #[error(
        "signed note: signature line {0} is not an em dash, a key name and base64 of a key id and a signature"
    )]
    SignatureLine(usize),
}

/// A signed note: its text, with the final newline, and its signatures, none of which is checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The signed text.
    pub text: String,
    /// All signature lines, in their order.
    pub signatures: Vec<NoteSignature>,
}

impl Note {
    /// Splits a note at its last empty line; every signature line must be well formed, unknown keys' too.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Bytes(bytes.len()));
        }
        let characters = || Foreign::of(bytes).map_or(NoteError::Characters, NoteError::Foreign);
        let note = core::str::from_utf8(bytes).map_err(|_| characters())?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(characters());
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, signatures) = (&note[..=split], &note[split + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        let count = lines.split('\n').count();
        if count > SIGNATURES_MAX {
            return Err(NoteError::SignatureCount(count));
        }
        let parse = |(number, line)| signature_line(line).ok_or(NoteError::SignatureLine(number + 1));
        let signatures = lines.split('\n').enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), signatures })
    }
}

fn signature_line(line: &str) -> Option<NoteSignature> {
    let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    let bytes = Base64::decode_vec(signature).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    let well_formed = is_key_name(name) && !signature.is_empty();
    well_formed.then(|| NoteSignature { name: name.into(), id: *id, signature: signature.into() })
}

fn is_key_name(name: &str) -> bool {
    (1..=ORIGIN_BYTES_MAX).contains(&name.len())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_known_answer_of_signed_note() {
        let key = VerifierKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.text, "This is an example message.\n");
        assert!(note.signatures[0].is_by(&key));
        assert!(key.verifies(note.text.as_bytes(), &note.signatures[0].signature));
        assert!(!key.verifies(b"This is another message.\n", &note.signatures[0].signature));
    }

    #[test]
    fn the_signer_reads_what_go_writes_and_makes_what_the_verifier_reads() {
        let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let signer = LogSigner::parse(secret).unwrap();
        assert_eq!(signer.to_secret_string(), secret);
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(signer.verifier().to_string(), vkey);
        let note = Note::parse(signer.sign("one\n\ntwo\n").as_bytes()).unwrap();
        assert_eq!(note.text, "one\n\ntwo\n");
        assert!(signer.verifier().verifies(note.text.as_bytes(), &note.signatures[0].signature));
        assert!(!format!("{signer:?}").contains("AYEKFAL"), "a debug print shows no secret");
    }

    #[test]
    fn keys_are_refused_for_what_is_wrong_with_them() {
        let cases = [
            ("example.com/foo", "a verifier key is"),
            ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "expected 530d903a"),
            ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "expected 530d903a"),
            ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key name"),
            ("example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key type 0x06"),
            ("example.com/foo+530d903a+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "small order"),
            ("example.com/foo+530d903a+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "small order"),
        ];
        for (vkey, expected) in cases {
            let error = VerifierKey::parse(vkey).unwrap_err().to_string();
            assert!(error.contains(expected), "{vkey}: {error}");
        }
    }

    #[test]
    fn malformed_notes_are_refused() {
        let line = NOTE.split_once("\n\n").unwrap().1;
        let many = format!("text\n\n{}", line.repeat(33));
        let cases = [
            ("".to_string(), NoteError::Form),
            ("text\n".into(), NoteError::Form),
            ("text\n\n".into(), NoteError::Form),
            (NOTE.trim_end().into(), NoteError::Form),
            (NOTE.replace('\n', "\r\n"), NoteError::Foreign(Foreign::CarriageReturn(1))),
            (NOTE.replace("\u{2014}", "-"), NoteError::SignatureLine(1)),
            (NOTE.replace("aQM=", "aQN="), NoteError::SignatureLine(1)),
            (NOTE.replace("aQM=", "aQM"), NoteError::SignatureLine(1)),
            (NOTE.replace(" Uw2Q", "  Uw2Q"), NoteError::SignatureLine(1)),
            (format!("{NOTE}junk\n"), NoteError::SignatureLine(2)),
            (many, NoteError::SignatureCount(33)),
        ];
        for (note, expected) in cases {
            assert_eq!(Note::parse(note.as_bytes()), Err(expected), "{note:?}");
        }
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Characters));
    }
}
