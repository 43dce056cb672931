//! Parts of receipts, each of which can be made wrong without making anything else wrong: bytes that no writer of ours
//! would write, under hashes and signatures that are right.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use provlog_core::cbor::{Value, Writer};
use provlog_core::entry::{Entry, Kind, TimeMs};
use provlog_core::hash::SectionHasher;
use provlog_core::note::{LogSigner, SignatureType, VerifierKey};
use provlog_core::tree::{Extension, Frontier};
use provlog_core::{Hash, witness};

/// Origin of the log that signs the vectors.
pub const ORIGIN: &str = "example.com/vectors";

/// Time of every entry: 2026-01-01T00:00:00Z.
pub const TIME_MS: u64 = 1_767_225_600_000;

/// A salt that is nobody's random number: SHA-256 of a label, cut. Vectors must come out the same every time.
pub fn salt(label: &str) -> [u8; 16] {
    let hash = Hash::plain(label.as_bytes()).0;
    hash[..16].try_into().unwrap()
}

/// The log's key, from a seed that everybody knows.
pub fn log_signer(name: &str) -> LogSigner {
    LogSigner::from_seed(name, &Hash::plain(b"provlog test vectors: log key").0).unwrap()
}

/// A witness: its seed is known to everybody, too.
pub struct Witness {
    pub name: &'static str,
    seed: SigningKey,
    pub key: VerifierKey,
}

impl Witness {
    pub fn new(name: &'static str) -> Self {
        let seed = SigningKey::from_bytes(&Hash::plain(name.as_bytes()).0);
        let key = VerifierKey::new(name, SignatureType::CosignatureEd25519, seed.verifying_key().as_bytes());
        Self { name, seed, key: key.unwrap() }
    }

    /// A signature line over the note's text.
    pub fn cosign(&self, time_s: u64, text: &str) -> String {
        let mut bytes = self.key.id().to_vec();
        bytes.extend(time_s.to_be_bytes());
        bytes.extend(self.seed.sign(witness::cosigned_message(time_s, text).as_bytes()).to_bytes());
        signature_line(self.name, &bytes)
    }
}

/// Signatures at the edges of Ed25519, over a note's text, by a key that everybody knows.
pub mod edges {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::edwards::EdwardsPoint;
    use curve25519_dalek::scalar::Scalar;
    use provlog_core::note::{SignatureType, VerifierKey};
    use sha2::{Digest, Sha512};

    /// The group order, little endian.
    const L: [u8; 32] = {
        let mut order = [0; 32];
        let low = 27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes();
        let mut at = 0;
        while at < 16 {
            order[at] = low[at];
            at += 1;
        }
        order[31] = 0x10;
        order
    };

    fn scalar(label: &str) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&Sha512::digest(label).into())
    }

    fn key_of(point: &EdwardsPoint) -> VerifierKey {
        VerifierKey::new(super::ORIGIN, SignatureType::Ed25519, point.compress().as_bytes()).unwrap()
    }

    fn challenge(r: &[u8; 32], key: &VerifierKey, text: &str) -> Scalar {
        let hash = Sha512::new().chain_update(r).chain_update(key.public_key()).chain_update(text);
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }

    fn line(key: &VerifierKey, r: &[u8; 32], s: &[u8; 32]) -> String {
        super::signature_line(super::ORIGIN, &[&key.id()[..], r, s].concat())
    }

    /// A right signature whose S has the group order added: the same number to whoever doesn't check its range.
    pub fn s_plus_l(text: &str) -> (VerifierKey, String) {
        let secret = scalar("secret");
        let key = key_of(&(secret * ED25519_BASEPOINT_POINT));
        let nonce = scalar("nonce");
        let r = (nonce * ED25519_BASEPOINT_POINT).compress().to_bytes();
        let mut s = (nonce + challenge(&r, &key, text) * secret).to_bytes();
        let mut carry = 0;
        for (digit, add) in s.iter_mut().zip(L) {
            let sum = u16::from(*digit) + u16::from(add) + carry;
            [*digit, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        let line = line(&key, &r, &s);
        (key, line)
    }

    /// R is the identity and S = ka: the equation holds, but anybody who saw one such signature learns a.
    pub fn r_identity(text: &str) -> (VerifierKey, String) {
        let secret = scalar("secret");
        let key = key_of(&(secret * ED25519_BASEPOINT_POINT));
        let mut r = [0; 32];
        r[0] = 1;
        let s = (challenge(&r, &key, text) * secret).to_bytes();
        let line = line(&key, &r, &s);
        (key, line)
    }

    /// By a key with a part of order 8: the equation holds without the cofactor only when k is a multiple of 8.
    pub fn mixed_order(text: &str, holds: bool) -> (VerifierKey, String) {
        let secret = scalar("secret");
        let key = key_of(&(secret * ED25519_BASEPOINT_POINT + EIGHT_TORSION[1]));
        for n in 0.. {
            let nonce = scalar(&format!("nonce {n}"));
            let r = (nonce * ED25519_BASEPOINT_POINT).compress().to_bytes();
            let k = challenge(&r, &key, text);
            if k.as_bytes()[0].is_multiple_of(8) == holds {
                let line = line(&key, &r, &(nonce + k * secret).to_bytes());
                return (key, line);
            }
        }
        unreachable!("one nonce in eight will do")
    }
}

pub fn signature_line(name: &str, bytes: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", Base64::encode_string(bytes))
}

/// A section whose claims are any bytes at all, in any order.
#[derive(Clone, Default)]
pub struct RawSection(pub Vec<(String, RawClaim)>);

#[derive(Clone)]
pub struct RawClaim {
    /// What stands in the record.
    pub encoded: Vec<u8>,
    /// The claim hash that goes into the section digest.
    pub hash: Hash,
}

impl RawClaim {
    /// A disclosed claim whose value is these bytes, right or wrong.
    pub fn of_bytes(salt: &[u8], value: &[u8]) -> Self {
        let mut writer = Writer::new();
        writer.array(2);
        writer.bytes(salt);
        writer.encoded(value);
        let encoded = writer.into_bytes();
        Self { hash: Hash::claim(&encoded), encoded }
    }

    pub fn hidden(&self) -> Self {
        let mut writer = Writer::new();
        writer.bytes(&self.hash.0);
        Self { encoded: writer.into_bytes(), hash: self.hash }
    }
}

impl RawSection {
    pub fn with(mut self, name: &str, value: &Value) -> Self {
        self.0.push((name.into(), RawClaim::of_bytes(&salt(name), &value.to_bytes())));
        self.sort();
        self
    }

    pub fn with_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.0.push((name.into(), RawClaim::of_bytes(&salt(name), value)));
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.0.sort_by(|(a, _), (b, _)| provlog_core::cbor::key_order(a, b));
    }

    pub fn claim(&mut self, name: &str) -> &mut RawClaim {
        &mut self.0.iter_mut().find(|(other, _)| other == name).unwrap().1
    }

    pub fn digest(&self, section: u8, kind: u8) -> Hash {
        let mut hasher = SectionHasher::new(section, kind);
        for (name, claim) in &self.0 {
            hasher.claim(name, &claim.hash);
        }
        hasher.finish()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.map(self.0.len());
        for (name, claim) in &self.0 {
            writer.text(name);
            writer.encoded(&claim.encoded);
        }
        writer.into_bytes()
    }
}

/// A receipt in parts. [`Forge::new`] makes a good one; a case changes some of them.
#[derive(Clone)]
pub struct Forge {
    pub record: Vec<u8>,
    pub index: String,
    pub proof: Vec<Hash>,
    pub text: String,
    pub signatures: Vec<String>,
}

impl Forge {
    /// A receipt of this leaf and record at `index` in a tree of `size`.
    pub fn new(leaf: Hash, record: Vec<u8>, index: u64, size: u64) -> Self {
        let leaves: Vec<Hash> =
            (0..size).map(|n| if n == index { leaf } else { Hash::leaf(&n.to_be_bytes()) }).collect();
        let extension = Extension::new(&Frontier::new(), &leaves);
        let root = extension.after().root();
        let text = format!("{ORIGIN}\n{size}\n{}\n", root.to_base64());
        let mut forge = Self {
            record,
            index: index.to_string(),
            proof: extension.inclusion_proof(index).unwrap(),
            text,
            signatures: Vec::new(),
        };
        forge.sign();
        forge
    }

    /// Signs the text anew, dropping other signatures.
    pub fn sign(&mut self) {
        let note = log_signer(ORIGIN).sign(&self.text);
        self.signatures = vec![note[self.text.len() + 1..].into()];
    }

    pub fn receipt(&self) -> Vec<u8> {
        let mut text = format!(
            "c2sp.org/tlog-proof@v1\nextra {}\nindex {}\n",
            Base64::encode_string(&self.record),
            self.index
        );
        for hash in &self.proof {
            text += &hash.to_base64();
            text += "\n";
        }
        text += &format!("\n{}\n{}", self.text, self.signatures.concat());
        text.into_bytes()
    }
}

/// A record of raw sections under an entry that commits to them.
#[derive(Clone)]
pub struct RawRecord {
    pub kind: u8,
    pub submitted: RawSection,
    pub attested: RawSection,
}

impl RawRecord {
    pub fn entry(&self) -> [u8; 80] {
        self.entry_at(TIME_MS)
    }

    pub fn entry_at(&self, time_ms: u64) -> [u8; 80] {
        let entry = Entry {
            kind: Kind::new(self.kind).unwrap(),
            time_ms: TimeMs::new(time_ms).unwrap(),
            submitted_digest: self.submitted.digest(0, self.kind),
            attested_digest: self.attested.digest(1, self.kind),
        };
        entry.to_bytes()
    }

    pub fn to_bytes(&self, entry: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3);
        writer.bytes(entry);
        writer.encoded(&self.submitted.to_bytes());
        writer.encoded(&self.attested.to_bytes());
        writer.into_bytes()
    }

    /// A receipt of this record, right in everything that isn't wrong in the record itself.
    pub fn forge(&self) -> Forge {
        self.forge_at(TIME_MS)
    }

    /// The same with another time in its entry.
    pub fn forge_at(&self, time_ms: u64) -> Forge {
        let entry = self.entry_at(time_ms);
        Forge::new(Hash::leaf(&entry), self.to_bytes(&entry), 5, 11)
    }
}
