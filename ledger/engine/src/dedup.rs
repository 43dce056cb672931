//! Which dedup keys were used for which entry: what makes a retry safe.
//!
//! A map in memory behind a small interface, filled from the journal at every start: the newest run before the
//! first append, older ones in the background. Until those are through, an unknown key is not known to be new.
//! Nothing here stores what a key was made of: it is a keyed hash.

use hmac::{Hmac, KeyInit, Mac};
use provlog_core::cbor::Writer;
use sha2::Sha256;
use std::collections::HashMap;
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

    /// As stored; all zeros stand for no key. That a derived key is all zeros has probability 2^-256.
    pub(crate) fn from_stored(bytes: [u8; DEDUP_KEY_BYTES]) -> Option<Self> {
        (bytes != [0; DEDUP_KEY_BYTES]).then_some(Self(bytes))
    }

    pub(crate) const fn stored(key: Option<Self>) -> [u8; DEDUP_KEY_BYTES] {
        match key {
            Some(Self(bytes)) => bytes,
            None => [0; DEDUP_KEY_BYTES],
        }
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

/// What the map knows of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Lookup {
    /// It was used for this entry.
    Used(u64),
    /// It wasn't used.
    Unused,
    /// It may have been used in a run that isn't read yet.
    Rebuilding { done: u64, total: u64 },
    /// It may have been used in a run that can't be read.
    Unavailable { detail: String },
}

#[derive(Debug)]
enum Coverage {
    Complete,
    Rebuilding { done: u64, total: u64 },
    Damaged { detail: String },
}

/// All dedup keys read so far.
#[derive(Debug)]
pub(crate) struct Dedup {
    keys: HashMap<DedupKey, u64>,
    coverage: Coverage,
}

impl Dedup {
    /// Knows no key. `older` entries lie before the newest run and are still to be read.
    pub(crate) fn new(older: u64) -> Self {
        let coverage =
            if older == 0 { Coverage::Complete } else { Coverage::Rebuilding { done: 0, total: older } };
        Self { keys: HashMap::new(), coverage }
    }

    /// The entry of a key, if it is known.
    pub(crate) fn lookup(&self, key: &DedupKey) -> Lookup {
        self.keys.get(key).map_or_else(|| self.unknown(), |index| Lookup::Used(*index))
    }

    /// What is known of a key that isn't in the map.
    pub(crate) fn unknown(&self) -> Lookup {
        match &self.coverage {
            Coverage::Complete => Lookup::Unused,
            Coverage::Rebuilding { done, total } => Lookup::Rebuilding { done: *done, total: *total },
            Coverage::Damaged { detail } => Lookup::Unavailable { detail: detail.clone() },
        }
    }

    /// Records the first use of a key.
    pub(crate) fn insert(&mut self, key: DedupKey, index: u64) {
        // The first use stands, whatever the order in which runs are read.
        let first = self.keys.entry(key).or_insert(index);
        *first = index.min(*first);
    }

    /// Tells that older entries were read; at the total nothing is missing any more.
    pub(crate) fn advance(&mut self, read: u64) {
        if let Coverage::Rebuilding { done, total } = self.coverage {
            let done = done.saturating_add(read);
            self.coverage =
                if done >= total { Coverage::Complete } else { Coverage::Rebuilding { done, total } };
        }
    }

    /// Tells that older entries can't be read.
    pub(crate) fn fail(&mut self, detail: String) {
        self.coverage = Coverage::Damaged { detail };
    }

    /// Tells that nobody reads older entries any more, if some are still missing.
    pub(crate) fn give_up(&mut self, detail: String) {
        if matches!(self.coverage, Coverage::Rebuilding { .. }) {
            self.fail(detail);
        }
    }

    /// A sentence on what is missing, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.coverage {
            Coverage::Complete => None,
            Coverage::Rebuilding { done, total } => {
                Some(format!("dedup keys are being read from the journal: {done} of {total} entries"))
            }
            Coverage::Damaged { detail } => Some(detail.clone()),
        }
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
            assert_eq!(DedupKey::from_stored(DedupKey::stored(Some(*key))), Some(*key));
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

    #[test]
    fn an_unknown_key_is_new_only_when_everything_was_read() {
        let secret = Secret::new([7; 32]);
        let key = |n: u8| DedupKey::derive(&secret, "test", "", &[n]);
        let mut dedup = Dedup::new(10);
        dedup.insert(key(1), 12);
        assert_eq!(dedup.lookup(&key(1)), Lookup::Used(12));
        assert_eq!(dedup.lookup(&key(2)), Lookup::Rebuilding { done: 0, total: 10 });
        dedup.insert(key(2), 3);
        dedup.advance(9);
        assert_eq!(dedup.lookup(&key(3)), Lookup::Rebuilding { done: 9, total: 10 });
        dedup.advance(1);
        assert_eq!(dedup.lookup(&key(3)), Lookup::Unused);
        assert_eq!(dedup.lookup(&key(2)), Lookup::Used(3));
        assert_eq!(dedup.problem(), None);
        dedup.fail("broken".into());
        assert_eq!(dedup.lookup(&key(3)), Lookup::Unavailable { detail: "broken".into() });
        assert_eq!(dedup.lookup(&key(2)), Lookup::Used(3));
    }
}
