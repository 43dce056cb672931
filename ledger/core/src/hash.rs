//! SHA-256 under the five domain bytes of `SPEC.md` section 2. 0x00 and 0x01 are the tree's (RFC 6962, section 2.1);
//! 0x02 and 0x03 are the record's.

use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt;
use sha2::{Digest, Sha256};

/// A SHA-256 output: a leaf hash, a node hash, a root, a claim hash or a section digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Root of the tree without leaves, SHA-256 of nothing (RFC 6962, section 2.1).
    #[must_use]
    pub fn empty_root() -> Self {
        Self(Sha256::digest(b"").into())
    }

    /// SHA-256 of `bytes`, without a domain byte: what an artifact's or a prompt's `sha256` digest is.
    #[must_use]
    pub fn plain(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Leaf hash of an entry: SHA-256(0x00 || entry).
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self::domain(0, &[entry])
    }

    /// Hash of an inner node: SHA-256(0x01 || left || right).
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut block = [1; 65];
        block[1..33].copy_from_slice(&left.0);
        block[33..].copy_from_slice(&right.0);
        Self(Sha256::digest(block).into())
    }

    /// Hash of a disclosed claim: SHA-256(0x02 || the CBOR bytes of `[salt, value]`).
    #[must_use]
    pub fn claim(disclosed: &[u8]) -> Self {
        Self::domain(2, &[disclosed])
    }

    /// Hashes one behind the other, as a tile holds them.
    #[must_use]
    pub fn concat(hashes: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of_val(hashes));
        hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes
    }

    /// Lowercase hex, 64 characters.
    #[must_use]
    pub fn to_hex(self) -> String {
        crate::hex::encode(&self.0)
    }

    /// From 64 lowercase hex characters.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        crate::hex::decode_array(text).map(Self)
    }

    /// Standard base64 with padding, 44 characters, as in checkpoints and proofs.
    #[must_use]
    pub fn to_base64(self) -> String {
        Base64::encode_string(&self.0)
    }

    /// From 44 characters of standard base64; padding is demanded and unused bits must be zero.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut buffer = [0; 32];
        let bytes = Base64::decode(text, &mut buffer).ok()?;
        bytes.try_into().ok().map(Self)
    }

    fn domain(domain: u8, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new_with_prefix([domain]);
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gathers the digest of a section: SHA-256(0x03 || section || kind || for each claim: name length || name || claim
/// hash). The kind is inside, so nobody can log what a submitter signed under another kind.
pub struct SectionHasher(Sha256);

impl SectionHasher {
    /// Starts with the section's number (0 submitted, 1 attested) and the entry's kind.
    #[must_use]
    pub fn new(section: u8, kind: u8) -> Self {
        Self(Sha256::new_with_prefix([3, section, kind]))
    }

    /// Adds the next claim, in map order. `name` must be at most 255 bytes long, as every valid claim name is.
    pub fn claim(&mut self, name: &str, hash: &Hash) {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        self.0.update([length]);
        self.0.update(name);
        self.0.update(hash.0);
    }

    /// The section's digest.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict() {
        let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(Hash::from_base64(root), Some(Hash::empty_root()));
        assert_eq!(Hash::empty_root().to_base64(), root);
        let cases = [
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "",
        ];
        for bad in cases {
            assert_eq!(Hash::from_base64(bad), None, "{bad:?}");
        }
    }
}
