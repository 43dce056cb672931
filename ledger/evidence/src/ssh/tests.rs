//! Signatures made here, taken apart and changed.

use super::wire::push_string;
use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use sha2::{Digest, Sha256, Sha512};

const NAMESPACE: &str = "approval@provlog";
const MESSAGE: &[u8] = b"provlog-approval/v1\n";

/// What a test may put in the place of what `ssh-keygen` writes.
#[derive(Clone)]
struct Parts {
    preamble: &'static [u8],
    version: u32,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: &'static [u8],
    signature_type: Option<&'static [u8]>,
    application: &'static [u8],
    flags: u8,
    /// Of the secret key, where that is Ed25519.
    seed: u8,
    /// After the signature, and after all of it.
    left: [&'static [u8]; 2],
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            preamble: b"SSHSIG",
            version: 1,
            namespace: NAMESPACE.into(),
            reserved: Vec::new(),
            hash: b"sha512",
            signature_type: None,
            application: b"ssh:",
            flags: 1,
            seed: 5,
            left: [b"", b""],
        }
    }
}

fn strings(strings: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    strings.iter().for_each(|string| push_string(&mut bytes, string));
    bytes
}

fn mpint(magnitude: &[u8]) -> Vec<u8> {
    let start = magnitude.iter().position(|byte| *byte != 0).unwrap_or(magnitude.len());
    let mut bytes = if magnitude[start] >= 0x80 { vec![0] } else { Vec::new() };
    bytes.extend_from_slice(&magnitude[start..]);
    bytes
}

/// An armored signature of the message, as an honest signer of these parts makes it.
fn signed(key_type: KeyType, parts: &Parts) -> String {
    let digest = if parts.hash == b"sha256" {
        Sha256::digest(MESSAGE).to_vec()
    } else {
        Sha512::digest(MESSAGE).to_vec()
    };
    let mut message =
        [b"SSHSIG".to_vec(), strings(&[&parts.namespace, &parts.reserved, parts.hash, &digest])].concat();
    let (mut key_left, mut signature_left) = (Vec::new(), Vec::new());
    if key_type.is_on_device() {
        key_left = strings(&[parts.application]);
        signature_left = vec![parts.flags, 0, 0, 0, 7];
        message =
            [&Sha256::digest(parts.application)[..], &signature_left, &Sha256::digest(&message)[..]].concat();
    }
    let name = key_type.name().as_bytes();
    let (key, signature) = match key_type {
        KeyType::Ed25519 | KeyType::SkEd25519 => {
            let key = SigningKey::from_bytes(&[parts.seed; 32]);
            let signature = key.sign(&message).to_bytes().to_vec();
            (strings(&[name, key.verifying_key().as_bytes()]), signature)
        }
        _ => {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let signature = key.sign(&SystemRandom::new(), &message).unwrap();
            let (r, s) = signature.as_ref().split_at(32);
            let signature = strings(&[&mpint(r), &mpint(s)]);
            (strings(&[name, b"nistp256", key.public_key().as_ref()]), signature)
        }
    };
    let signature_type = parts.signature_type.unwrap_or(name);
    let signature = [strings(&[signature_type, &signature]), signature_left, parts.left[0].to_vec()].concat();
    let fields = [&[key, key_left].concat(), &parts.namespace, &parts.reserved, parts.hash, &signature];
    let head = [parts.preamble, &parts.version.to_be_bytes()].concat();
    armor::close(&[head, strings(&fields.map(|field| field as &[u8])), parts.left[1].to_vec()].concat())
}

/// What the key of this seed signed for this use.
pub(crate) fn signed_by(seed: u8, namespace: &str) -> Signed {
    let parts = Parts { seed, namespace: namespace.into(), ..Parts::default() };
    let signature = SshSignature::parse(signed(KeyType::Ed25519, &parts).as_bytes()).unwrap();
    signature.verify(namespace, MESSAGE).unwrap()
}

const TYPES: [KeyType; 4] = [KeyType::Ed25519, KeyType::SkEd25519, KeyType::EcdsaP256, KeyType::SkEcdsaP256];

#[test]
fn what_an_honest_signer_makes_verifies_and_says_what_its_device_said() {
    for key_type in TYPES {
        for (flags, hash) in [(0, "sha256"), (1, "sha512"), (4, "sha256"), (5, "sha512"), (0x18, "sha512")] {
            let parts = Parts { flags, hash: hash.as_bytes(), ..Parts::default() };
            let signature = SshSignature::parse(signed(key_type, &parts).as_bytes()).unwrap();
            let signed = signature.verify(NAMESPACE, MESSAGE).unwrap();
            assert_eq!(signed.key(), signature.claimed_key());
            assert_eq!(signed.namespace(), NAMESPACE);
            let on_device = key_type.is_on_device();
            assert_eq!(signed.presence(), on_device && flags & 1 != 0, "{key_type:?} {flags}");
            assert_eq!(signed.verification(), on_device && flags & 4 != 0, "{key_type:?} {flags}");
            let forged = SshSignatureError::Forged(signed.key().fingerprint());
            assert_eq!(signature.verify(NAMESPACE, b"another message"), Err(forged));
            let other = signature.verify("file", MESSAGE).unwrap_err().to_string();
            assert!(other.contains("namespace \"file\", got one for \"approval@provlog\""), "{other}");
        }
    }
}

#[test]
fn signatures_are_refused_for_what_is_wrong_with_them() {
    let parts = Parts::default;
    let cases: [(KeyType, Parts, &str); 17] = [
        (KeyType::Ed25519, Parts { preamble: b"SSHSIg", ..parts() }, "start with SSHSIG"),
        (KeyType::Ed25519, Parts { version: 2, ..parts() }, "expected version 1, got 2"),
        (KeyType::Ed25519, Parts { version: 0, ..parts() }, "expected version 1, got 0"),
        (KeyType::Ed25519, Parts { namespace: vec![], ..parts() }, "namespace of 1 to 255 bytes, got 0"),
        (KeyType::Ed25519, Parts { namespace: vec![b'a'; 256], ..parts() }, "got 256"),
        (KeyType::Ed25519, Parts { reserved: vec![0], ..parts() }, "reserved field, got 1 bytes"),
        (KeyType::Ed25519, Parts { hash: b"sha1", ..parts() }, "sha256 or sha512, got \"sha1\""),
        (KeyType::Ed25519, Parts { hash: b"SHA512", ..parts() }, "got \"SHA512\""),
        (
            KeyType::Ed25519,
            Parts { left: [b"", b"\0"], ..parts() },
            "SSH signature: expected nothing after it, got 1",
        ),
        (
            KeyType::Ed25519,
            Parts { left: [b"\0", b""], ..parts() },
            "signature: expected nothing after it, got 1",
        ),
        (
            KeyType::SkEd25519,
            Parts { left: [b"\0", b""], ..parts() },
            "signature: expected nothing after it, got 1",
        ),
        (KeyType::SkEd25519, Parts { application: b"example.com", ..parts() }, "starts with \"ssh:\""),
        (
            KeyType::EcdsaP256,
            Parts { signature_type: Some(b"ssh-ed25519"), ..parts() },
            "type ecdsa-sha2-nistp256",
        ),
        (
            KeyType::SkEd25519,
            Parts { signature_type: Some(b"ssh-ed25519"), ..parts() },
            "type sk-ssh-ed25519",
        ),
        (KeyType::SkEd25519, Parts { flags: 0x41, ..parts() }, "0x10 alone, got 0x41"),
        (KeyType::SkEcdsaP256, Parts { flags: 0x03, ..parts() }, "got 0x03"),
        (
            KeyType::SkEcdsaP256,
            Parts { signature_type: Some(b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"), ..parts() },
            "got one by WebAuthn",
        ),
    ];
    for (key_type, parts, expected) in cases {
        let error = SshSignature::parse(signed(key_type, &parts).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// What a device signed for one application is no signature for another, also where the bytes of the key are moved.
#[test]
fn a_device_s_signature_is_for_its_key_s_application() {
    let armor = signed(KeyType::SkEd25519, &Parts { application: b"ssh:work", ..Parts::default() });
    assert!(SshSignature::parse(armor.as_bytes()).unwrap().verify(NAMESPACE, MESSAGE).is_ok());
    let blob = armor::open(armor.as_bytes()).unwrap();
    let at = blob.windows(8).position(|window| window == b"ssh:work").unwrap();
    let mut other = blob;
    other[at + 4..at + 8].copy_from_slice(b"play");
    let other = SshSignature::parse(armor::close(&other).as_bytes()).unwrap();
    assert!(matches!(other.verify(NAMESPACE, MESSAGE), Err(SshSignatureError::Forged(_))));
}

proptest! {
    #[test]
    fn a_changed_byte_of_armor_or_message_never_verifies(
        which in 0..TYPES.len(), at in any::<prop::sample::Index>(), change in 1..=255u8, in_blob in any::<bool>(),
    ) {
        let armor = signed(TYPES[which], &Parts::default());
        let changed = if in_blob {
            let mut blob = armor::open(armor.as_bytes()).unwrap();
            let at = at.index(blob.len());
            blob[at] ^= change;
            armor::close(&blob).into_bytes()
        } else {
            let mut armor = armor.clone().into_bytes();
            let at = at.index(armor.len());
            armor[at] ^= change;
            armor
        };
        prop_assert!(SshSignature::parse(&changed).and_then(|it| it.verify(NAMESPACE, MESSAGE)).is_err());
        let mut message = MESSAGE.to_vec();
        let at = at.index(message.len());
        message[at] ^= change;
        let signature = SshSignature::parse(armor.as_bytes()).unwrap();
        prop_assert!(signature.verify(NAMESPACE, &message).is_err());
    }

    #[test]
    fn bytes_of_any_sort_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let preamble = [b"SSHSIG\0\0\0\x01".as_slice(), &bytes].concat();
        for blob in [&bytes, &preamble] {
            let _ = SshKey::from_blob(blob);
            prop_assert!(SshSignature::parse(armor::close(blob).as_bytes()).is_err());
        }
    }
}
