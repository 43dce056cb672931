//! Dedup keys: what makes a retry safe, and keeps two entries from taking what one may have. Nothing here stores what a
//! key was made of: it is a keyed hash.

use hmac::{Hmac, KeyInit, Mac};
use provlog_core::cbor::Writer;
use sha2::Sha256;
use std::fmt;

/// Bytes of a dedup key.
pub(crate) const DEDUP_KEY_BYTES: usize = 32;

/// HMAC-SHA-256 under the log's secret: says that two requests are the same, and nothing about them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DedupKey([u8; DEDUP_KEY_BYTES]);

impl DedupKey {
    /// Derives a key from what it is (`idempotency-key`, `submitted-digest`, a batch line's ...), the caller's stable
    /// identity, and the caller's own key: HMAC-SHA-256(secret, CBOR `[what: tstr, caller: tstr, key: bstr]`).
    #[must_use]
    pub(crate) fn derive(secret: &Secret, what: &str, caller: &str, key: &[u8]) -> Self {
        let mut writer = Writer::new();
        writer.array(3);
        writer.text(what);
        writer.text(caller);
        writer.bytes(key);
        Self(secret.mac(&writer.into_bytes()))
    }

    pub(crate) const fn from_stored(bytes: [u8; DEDUP_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn stored(&self) -> &[u8; DEDUP_KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for DedupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DedupKey({})", provlog_core::hex::encode(&self.0))
    }
}

/// The key under which dedup keys are made. Losing it makes every earlier retry a new entry.
#[derive(Clone)]
pub(crate) struct Secret([u8; Self::BYTES]);

impl Secret {
    pub(crate) const BYTES: usize = 32;

    pub(crate) const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// What tells this secret from another one, without telling it: 16 bytes in lowercase hex.
    pub(crate) fn id(&self) -> String {
        provlog_core::hex::encode(&self.mac(b"provlog secret id")[..16])
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        // An HMAC block is 64 bytes, and a shorter key is padded with zeros (RFC 2104): this constructor can't fail.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..Self::BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block);
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_each_of_their_parts_and_by_secret() {
        let (secret, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
        let keys = [
            DedupKey::derive(&secret, "a", "b", b"c"),
            DedupKey::derive(&other, "a", "b", b"c"),
            DedupKey::derive(&secret, "ab", "", b"c"),
            DedupKey::derive(&secret, "a", "bc", b""),
            DedupKey::derive(&secret, "a", "b", b"d"),
        ];
        for (position, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(position));
            assert_eq!(DedupKey::from_stored(*key.stored()), *key);
        }
        assert_eq!(keys[0], DedupKey::derive(&secret, "a", "b", b"c"));
        assert_ne!(secret.id(), other.id());
    }

    #[test]
    fn the_mac_is_rfc_4231s() {
        // RFC 4231, test case 1, has a key of 20 bytes; padded with zeros it is the same key.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(provlog_core::hex::encode(&Secret::new(key).mac(b"Hi There")), expected);
    }
}
