//! A record as it lies in the journal: checked against the tree, and not taken apart.

use super::frame::split_sections;
use provlog_core::encoded::EncodedRecord;
use provlog_core::limits::ENTRY_BYTES;
use provlog_core::{Entry, Hash};

/// Of an entry, and of bytes that start with the lengths of the sections, and then the sections. None when they aren't
/// what the leaf commits to.
pub(crate) fn decode<'a>(
    entry: &[u8; ENTRY_BYTES],
    bytes: &'a [u8],
    leaf: &Hash,
) -> Option<EncodedRecord<'a>> {
    let (submitted, attested, _) = split_sections(bytes)?;
    let entry = Entry::parse(entry).ok().filter(|entry| entry.leaf_hash() == *leaf)?;
    EncodedRecord::of_parts(entry, submitted, attested).ok()
}
