//! A record as it lies in the journal: checked against the tree, and not taken apart.

use super::frame::{LENGTHS_BYTES, decode_lengths};
use provlog_core::cbor::Writer;
use provlog_core::limits::ENTRY_BYTES;
use provlog_core::record::{RecordError, Section, SectionName};
use provlog_core::{Entry, Hash, Record};

/// A record whose entry is the one in the tree, and whose sections are those that the entry commits to. So it is, byte for
/// byte, what was taken apart and checked before it was logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredRecord<'a> {
    /// Its entry.
    pub entry: Entry,
    submitted: &'a [u8],
    attested: &'a [u8],
}

impl<'a> StoredRecord<'a> {
    /// Of an entry, and of bytes that start with the lengths of the sections, and then the sections. None when they aren't
    /// what the leaf commits to.
    pub(crate) fn decode(entry: &[u8; ENTRY_BYTES], bytes: &'a [u8], leaf: &Hash) -> Option<Self> {
        let (lengths, rest) = bytes.split_first_chunk::<LENGTHS_BYTES>()?;
        let (submitted, attested) = decode_lengths(*lengths);
        let (submitted, rest) = rest.split_at_checked(submitted)?;
        let attested = rest.get(..attested)?;
        let entry = Entry::parse(entry).ok().filter(|entry| entry.leaf_hash() == *leaf)?;
        let holds = |bytes, section, expected| Section::digest_of(bytes, section, entry.kind) == Ok(expected);
        let hold = holds(submitted, SectionName::Submitted, entry.submitted_digest)
            && holds(attested, SectionName::Attested, entry.attested_digest);
        hold.then_some(Self { entry, submitted, attested })
    }

    /// Taken apart.
    ///
    /// # Errors
    /// None that can be told apart from a broken machine: see above.
    pub fn parse(&self) -> Result<Record, RecordError> {
        let (submitted, attested) = (Section::parse(self.submitted)?, Section::parse(self.attested)?);
        Ok(Record { entry: self.entry, submitted, attested })
    }

    /// The record's CBOR (`SPEC.md` section 3.2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // The heads of an array of three and of a byte string of 80 take three bytes.
        let mut writer = Writer::with_capacity(3 + ENTRY_BYTES + self.submitted.len() + self.attested.len());
        writer.array(3);
        writer.bytes(&self.entry.to_bytes());
        writer.encoded(self.submitted);
        writer.encoded(self.attested);
        writer.into_bytes()
    }
}
