//! The entry: the 80 public bytes that are a leaf of the log (`SPEC.md` section 3.3).

use crate::hash::Hash;
use crate::limits::{ENTRY_BYTES, KIND_MAX, TIME_MS_MAX, TIME_MS_MIN};
use core::fmt;

/// Version of the entry format that this crate reads and writes.
pub const ENTRY_VERSION: u8 = 1;

const ARRAY_OF_FIVE: u8 = 0x85;
const UINT_64: u8 = 0x1b;
const BYTES_32: [u8; 2] = [0x58, 0x20];

/// Number of an entry's kind, below 24. A reader accepts every number; which ones it knows is the claim table's matter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Kind(u8);

impl Kind {
    /// The kind with this number, or `None` from 24 on.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= KIND_MAX { Some(Self(number)) } else { None }
    }

    /// 0 to 23: one byte of CBOR.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Milliseconds since the Unix epoch, UTC, within the range that an entry can carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimeMs(u64);

impl TimeMs {
    /// The earliest time that an entry can carry.
    pub const MIN: Self = Self(TIME_MS_MIN);

    /// `None` outside of `2^32 <= ms < 2^53`.
    #[must_use]
    pub const fn new(ms: u64) -> Option<Self> {
        if ms >= TIME_MS_MIN && ms <= TIME_MS_MAX { Some(Self(ms)) } else { None }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TimeMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One appended record's public leaf: CBOR `[1, kind, time_ms, submitted_digest, attested_digest]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What sort of fact the record states.
    pub kind: Kind,
    /// When the log took it in.
    pub time_ms: TimeMs,
    /// Digest of the claims that the client submitted.
    pub submitted_digest: Hash,
    /// Digest of the claims that the log attested.
    pub attested_digest: Hash,
}

/// Why 80 bytes are not an entry of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryError {
    /// Not as long as an entry is.
    #[error("an entry is {ENTRY_BYTES} bytes, got {0}")]
    Length(usize),
    /// The first byte is not the head of an array of five, or the version's byte is none.
    #[error("an entry starts with an array of five and a version from 1 to 23")]
    Head,
    /// The version is one that this program doesn't know.
    #[error("entry version: expected {ENTRY_VERSION}, got {0}")]
    Version(u8),
    /// The kind isn't an integer from 0 to 23 in one byte.
    #[error("an entry's kind is one byte from 0 to 23, got 0x{0:02x}")]
    Kind(u8),
    /// The time isn't a nine-byte integer within 2^32 <= time_ms < 2^53.
    #[error("an entry's time is a nine-byte integer within 2^32 <= time_ms < 2^53")]
    Time,
    /// One of the digests isn't a byte string of 32.
    #[error("an entry's digests are byte strings of 32")]
    Digest,
}

impl Entry {
    /// The entry's 80 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..4].copy_from_slice(&[ARRAY_OF_FIVE, ENTRY_VERSION, self.kind.0, UINT_64]);
        bytes[4..12].copy_from_slice(&self.time_ms.0.to_be_bytes());
        bytes[12..14].copy_from_slice(&BYTES_32);
        bytes[14..46].copy_from_slice(&self.submitted_digest.0);
        bytes[46..48].copy_from_slice(&BYTES_32);
        bytes[48..].copy_from_slice(&self.attested_digest.0);
        bytes
    }

    /// Reads an entry, refusing every encoding but the one that [`Entry::to_bytes`] makes.
    ///
    /// # Errors
    /// [`EntryError`] says which of the five items is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let bytes: &[u8; ENTRY_BYTES] = bytes.try_into().map_err(|_| EntryError::Length(bytes.len()))?;
        if bytes[0] != ARRAY_OF_FIVE || !(1..=KIND_MAX).contains(&bytes[1]) {
            return Err(EntryError::Head);
        }
        if bytes[1] != ENTRY_VERSION {
            return Err(EntryError::Version(bytes[1]));
        }
        let kind = Kind::new(bytes[2]).ok_or(EntryError::Kind(bytes[2]))?;
        let mut time = [0; 8];
        time.copy_from_slice(&bytes[4..12]);
        let time_ms = TimeMs::new(u64::from_be_bytes(time)).filter(|_| bytes[3] == UINT_64);
        let time_ms = time_ms.ok_or(EntryError::Time)?;
        if bytes[12..14] != BYTES_32 || bytes[46..48] != BYTES_32 {
            return Err(EntryError::Digest);
        }
        let mut digests = [Hash([0; 32]); 2];
        digests[0].0.copy_from_slice(&bytes[14..46]);
        digests[1].0.copy_from_slice(&bytes[48..]);
        Ok(Self { kind, time_ms, submitted_digest: digests[0], attested_digest: digests[1] })
    }

    /// The leaf hash: SHA-256(0x00 || entry), exactly that of RFC 6962.
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        Hash::leaf(&self.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Entry {
        Entry {
            kind: Kind(4),
            time_ms: TimeMs(1_790_000_000_000),
            submitted_digest: Hash([7; 32]),
            attested_digest: Hash([9; 32]),
        }
    }

    #[test]
    fn round_trip() {
        assert_eq!(Entry::parse(&sample().to_bytes()), Ok(sample()));
    }

    #[test]
    fn every_head_byte_is_checked() {
        let good = sample().to_bytes();
        for position in [0, 1, 3, 12, 13, 46, 47] {
            let mut bad = good;
            bad[position] ^= 0x40;
            assert!(Entry::parse(&bad).is_err(), "byte {position}");
        }
        assert_eq!(Entry::parse(&good[1..]), Err(EntryError::Length(79)));
        let mut version = good;
        version[1] = 2;
        assert_eq!(Entry::parse(&version), Err(EntryError::Version(2)));
        let mut kind = good;
        kind[2] = 24;
        assert_eq!(Entry::parse(&kind), Err(EntryError::Kind(24)));
        for time in [TIME_MS_MIN - 1, TIME_MS_MAX + 1] {
            let mut bad = good;
            bad[4..12].copy_from_slice(&time.to_be_bytes());
            assert_eq!(Entry::parse(&bad), Err(EntryError::Time));
        }
    }
}
