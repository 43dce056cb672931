//! Makes keys, tokens and certificates, also such as nobody should.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer as _, SigningKey};
use provlog_evidence::jwk::Jwk;
use provlog_evidence::signature::{PublicKey, Scheme};
use std::sync::LazyLock;

pub const ORIGIN: &str = "log.example.com/one";
pub const DIGEST: [u8; 32] = [0xd1; 32];
pub const ISSUER: &str = "https://issuer.example.com";

/// A time at which everything that is made here holds, in seconds.
pub const NOW_S: u64 = 1_795_816_800;
pub const NOW_MS: u64 = NOW_S * 1000;

/// A private key.
pub enum Key {
    Rsa(RsaKeyPair),
    /// As PKCS #8, because AWS-LC has a type for each encoding of a signature.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(SigningKey),
}

pub static RSA: LazyLock<Key> = LazyLock::new(|| Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub static P256: LazyLock<Key> = LazyLock::new(|| Key::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)));
pub static P384: LazyLock<Key> = LazyLock::new(|| Key::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)));
pub static ED25519: LazyLock<Key> = LazyLock::new(|| Key::Ed25519(SigningKey::from_bytes(&[7; 32])));
/// Of the root and of a CA below it.
pub static ROOT: LazyLock<Key> = LazyLock::new(|| Key::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)));
pub static MIDDLE: LazyLock<Key> = LazyLock::new(|| Key::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)));

/// One of each type.
pub fn keys() -> [&'static Key; 4] {
    [&RSA, &P256, &P384, &ED25519]
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap().as_ref().to_vec()
}

impl Key {
    pub fn sign(&self, scheme: Scheme, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |key: &RsaKeyPair, padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(padding, &random, message, &mut signature).unwrap();
            signature
        };
        let ecdsa = |pkcs8: &[u8], algorithm: &'static EcdsaSigningAlgorithm| {
            let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).unwrap();
            key.sign(&random, message).unwrap().as_ref().to_vec()
        };
        match (self, scheme) {
            (Self::Rsa(key), Scheme::Rs256) => rsa(key, &RSA_PKCS1_SHA256),
            (Self::Rsa(key), Scheme::Rs512) => rsa(key, &RSA_PKCS1_SHA512),
            (Self::Rsa(key), Scheme::Ps256) => rsa(key, &RSA_PSS_SHA256),
            (Self::P256(key), Scheme::Es256) => ecdsa(key, &ECDSA_P256_SHA256_FIXED_SIGNING),
            (Self::P256(key), Scheme::Es256Der) => ecdsa(key, &ECDSA_P256_SHA256_ASN1_SIGNING),
            (Self::P384(key), Scheme::Es384) => ecdsa(key, &ECDSA_P384_SHA384_FIXED_SIGNING),
            (Self::P384(key), Scheme::Es384Der) => ecdsa(key, &ECDSA_P384_SHA384_ASN1_SIGNING),
            (Self::Ed25519(key), Scheme::Ed25519) => key.sign(message).to_bytes().to_vec(),
            (_, scheme) => panic!("{scheme:?} is another key's"),
        }
    }

    /// How its tokens are signed.
    pub fn token_scheme(&self) -> (&'static str, Scheme) {
        match self {
            Self::Rsa(_) => ("RS256", Scheme::Rs256),
            Self::P256(_) => ("ES256", Scheme::Es256),
            Self::P384(_) => ("ES384", Scheme::Es384),
            Self::Ed25519(_) => ("EdDSA", Scheme::Ed25519),
        }
    }

    /// How its certificates and submissions are signed.
    pub fn svid_scheme(&self) -> Scheme {
        match self {
            Self::Rsa(_) => Scheme::Ps256,
            Self::P256(_) => Scheme::Es256Der,
            Self::P384(_) => Scheme::Es384Der,
            Self::Ed25519(_) => Scheme::Ed25519,
        }
    }

    pub fn public(&self) -> PublicKey {
        match self {
            Self::Rsa(key) => {
                // RSAPublicKey of 2,048 bits: two heads of 4, a zero, the modulus, and 65,537 behind a head of 2.
                let der = key.public_key().as_ref();
                PublicKey::Rsa { n: der[9..265].into(), e: der[267..].into() }
            }
            Self::P256(pkcs8) => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
                PublicKey::P256(key.public_key().as_ref().try_into().unwrap())
            }
            Self::P384(pkcs8) => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8).unwrap();
                PublicKey::P384(key.public_key().as_ref().try_into().unwrap())
            }
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
        }
    }

    pub fn jwk_json(&self, kid: &str) -> String {
        let members = match self.public() {
            PublicKey::Rsa { n, e } => format!(r#""kty":"RSA","n":"{}","e":"{}""#, b64(&n), b64(&e)),
            PublicKey::P256(point) => ec("P-256", &point[1..]),
            PublicKey::P384(point) => ec("P-384", &point[1..]),
            PublicKey::Ed25519(key) => format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, b64(&key)),
        };
        format!(r#"{{{members},"kid":"{kid}"}}"#)
    }

    pub fn jwk(&self, kid: &str) -> Jwk {
        Jwk::parse(self.jwk_json(kid).as_bytes()).unwrap()
    }

    /// `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> Vec<u8> {
        let (algorithm, bits) = match self.public() {
            PublicKey::Rsa { n, e } => {
                let positive = |number: Vec<u8>| {
                    tlv(2, &[if number[0] >= 0x80 { vec![0] } else { vec![] }, number].concat())
                };
                let key = tlv(0x30, &[positive(n), positive(e)].concat());
                ([oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1]), vec![5, 0]].concat(), key)
            }
            PublicKey::P256(point) => ([oid(EC), oid(P256_CURVE)].concat(), point.to_vec()),
            PublicKey::P384(point) => ([oid(EC), oid(P384_CURVE)].concat(), point.to_vec()),
            PublicKey::Ed25519(key) => (oid(ED25519_OID), key.to_vec()),
        };
        tlv(0x30, &[tlv(0x30, &algorithm), bit_string(&bits)].concat())
    }

    /// `AlgorithmIdentifier` of its certificates' signatures, and how they are made.
    fn certificate_signature(&self) -> (Vec<u8>, Scheme) {
        match self {
            Self::Rsa(_) => {
                ([oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11]), vec![5, 0]].concat(), Scheme::Rs256)
            }
            Self::P256(_) => (oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]), Scheme::Es256Der),
            Self::P384(_) => (oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]), Scheme::Es384Der),
            Self::Ed25519(_) => (oid(ED25519_OID), Scheme::Ed25519),
        }
    }
}

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256_CURVE: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384_CURVE: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

fn ec(crv: &str, point: &[u8]) -> String {
    let (x, y) = point.split_at(point.len() / 2);
    format!(r#""kty":"EC","crv":"{crv}","x":"{}","y":"{}""#, b64(x), b64(y))
}

pub fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// A token of these texts, signed.
pub fn token(header: &str, payload: &str, key: &Key) -> String {
    let signed = format!("{}.{}", b64(header.as_bytes()), b64(payload.as_bytes()));
    let signature = key.sign(key.token_scheme().1, signed.as_bytes());
    format!("{signed}.{}", b64(&signature))
}

/// The header that its tokens have.
pub fn header(key: &Key) -> String {
    format!(r#"{{"alg":"{}","kid":"k","typ":"JWT"}}"#, key.token_scheme().0)
}

/// What a key signs of the submission, for this certificate.
pub fn submission_signature(key: &Key, leaf: &[u8]) -> Vec<u8> {
    let message = provlog_evidence::submission::submission_message(ORIGIN, &DIGEST, leaf);
    key.sign(key.svid_scheme(), &message)
}

/// The payload of a token that is bound to [`DIGEST`].
pub fn payload() -> String {
    let audience = provlog_evidence::submission::bound_audience(ORIGIN, &DIGEST);
    let (iat, exp) = (NOW_S - 300, NOW_S + 300);
    format!(r#"{{"iss":"{ISSUER}","sub":"job","aud":"{audience}","iat":{iat},"exp":{exp}}}"#)
}

/// DER: a tag, a length, a content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [&head[..], content].concat()
}

fn oid(id: &[u8]) -> Vec<u8> {
    tlv(6, id)
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], bytes].concat())
}

/// An extension under 2.5.29.
pub fn extension(id: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical { vec![1, 1, 0xff] } else { vec![] };
    tlv(0x30, &[oid(&[0x55, 0x1d, id]), critical, tlv(4, value)].concat())
}

/// Key usage: 0x80 is digitalSignature, 0x04 keyCertSign, 0x02 cRLSign.
pub fn key_usage(bits: u8) -> Vec<u8> {
    extension(15, true, &key_usage_bits(bits))
}

pub fn key_usage_bits(bits: u8) -> Vec<u8> {
    tlv(3, &[u8::try_from(bits.trailing_zeros()).unwrap(), bits])
}

pub fn is_ca(is_ca: bool) -> Vec<u8> {
    extension(19, true, &tlv(0x30, if is_ca { &[1, 1, 0xff] } else { &[] }))
}

/// URIs as subject alternative names, and a DNS name beside them.
pub fn uris(uris: &[&str]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = uris.iter().map(|uri| tlv(0x86, uri.as_bytes())).collect();
    extension(17, false, &tlv(0x30, &[&names.concat()[..], &tlv(0x82, b"host.example.org")].concat()))
}

/// Extended key usage under 1.3.6.1.5.5.7.3: 1 is serverAuth, 2 clientAuth.
pub fn purposes(purposes: &[u8]) -> Vec<u8> {
    let ids: Vec<Vec<u8>> = purposes.iter().map(|last| oid(&[0x2b, 6, 1, 5, 5, 7, 3, *last])).collect();
    extension(37, false, &tlv(0x30, &ids.concat()))
}

/// What is in a certificate.
#[derive(Clone)]
pub struct Content {
    pub subject: &'static str,
    pub issuer: &'static str,
    pub not_before: &'static str,
    pub not_after: &'static str,
    pub extensions: Vec<Vec<u8>>,
}

impl Content {
    /// A workload's, by the middle CA.
    pub fn leaf() -> Self {
        Self {
            subject: "leaf",
            issuer: "middle",
            not_before: "261127213000Z",
            not_after: "261127223000Z",
            extensions: vec![
                key_usage(0x80),
                is_ca(false),
                purposes(&[1, 2]),
                uris(&["spiffe://example.org/ci"]),
            ],
        }
    }

    /// A CA by the root.
    pub fn middle() -> Self {
        Self {
            subject: "middle",
            issuer: "root",
            not_before: "261127000000Z",
            not_after: "261128000000Z",
            extensions: vec![key_usage(0x04), is_ca(true), uris(&["spiffe://example.org"])],
        }
    }

    pub fn root() -> Self {
        Self {
            subject: "root",
            issuer: "root",
            not_before: "260101000000Z",
            not_after: "270101000000Z",
            extensions: vec![key_usage(0x06), is_ca(true)],
        }
    }

    pub fn signed(&self, key: &Key, by: &Key) -> Vec<u8> {
        self.certifying(&key.spki(), by)
    }

    /// The same of any `SubjectPublicKeyInfo`.
    pub fn certifying(&self, spki: &[u8], by: &Key) -> Vec<u8> {
        let (algorithm, scheme) = by.certificate_signature();
        let algorithm = tlv(0x30, &algorithm);
        let name = |name: &str| {
            let attribute = [oid(&[0x55, 4, 3]), tlv(12, name.as_bytes())].concat();
            tlv(0x30, &tlv(0x31, &tlv(0x30, &attribute)))
        };
        let time = |time: &str| tlv(if time.len() == 13 { 0x17 } else { 0x18 }, time.as_bytes());
        let validity = tlv(0x30, &[time(self.not_before), time(self.not_after)].concat());
        let parts = [
            tlv(0xa0, &[2, 1, 2]),
            tlv(2, &[1]),
            algorithm.clone(),
            name(self.issuer),
            validity,
            name(self.subject),
            spki.to_vec(),
            tlv(0xa3, &tlv(0x30, &self.extensions.concat())),
        ];
        let content = tlv(0x30, &parts.concat());
        let signature = bit_string(&by.sign(scheme, &content));
        tlv(0x30, &[content, algorithm, signature].concat())
    }
}

/// The root of the trust domain, for itself.
pub fn root() -> Vec<u8> {
    static DER: LazyLock<Vec<u8>> = LazyLock::new(|| Content::root().signed(&ROOT, &ROOT));
    DER.clone()
}

/// A workload's certificate and the CA's below the root.
pub fn chain(key: &Key) -> Vec<Vec<u8>> {
    vec![Content::leaf().signed(key, &MIDDLE), Content::middle().signed(&MIDDLE, &ROOT)]
}
