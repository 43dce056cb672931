//! Writing a frame.

use super::format::Format;
use super::frame::{FRAME_BYTES_MAX, FRAME_OVERHEAD_BYTES, HEADER_BYTES, LENGTHS_BYTES};
use crate::committed::Head;
use crate::dedup::DEDUP_KEY_BYTES;
use crate::submission::Submission;
use crate::terms::KEYS_MAX;
use provlog_core::entry::Entry;
use provlog_core::limits::ENTRY_BYTES;
use provlog_core::record::SectionName;

/// Bytes of a record beside its sections and keys: entry, number of keys, and two lengths.
pub(crate) const RECORD_OVERHEAD_BYTES: usize = ENTRY_BYTES + 1 + LENGTHS_BYTES;

/// A record's keys have a byte for their number.
const _: () = assert!(KEYS_MAX <= 255);

/// Bytes that a submission takes in a frame.
pub(crate) fn record_bytes(submission: &Submission) -> usize {
    RECORD_OVERHEAD_BYTES + submission.terms.keys().count() * DEDUP_KEY_BYTES + submission.sealed.bytes()
}

/// The bytes of a frame that appends `submissions`, as `entries`, to the tree of head `before` and makes it `after`.
pub(crate) fn encode(before: &Head, entries: &[Entry], submissions: &[&Submission], after: &Head) -> Vec<u8> {
    let records: usize = submissions.iter().map(|submission| record_bytes(submission)).sum();
    let sections: usize =
        submissions.iter().map(|submission| LENGTHS_BYTES + submission.sealed.bytes()).sum();
    let mut bytes = Vec::with_capacity(FRAME_OVERHEAD_BYTES + records);
    bytes.extend_from_slice(&Format::NEWEST.magic());
    bytes.extend_from_slice(&length(FRAME_OVERHEAD_BYTES + records));
    bytes.extend_from_slice(&before.size.to_be_bytes());
    bytes.extend_from_slice(&length(submissions.len()));
    bytes.extend_from_slice(&length(sections));
    bytes.extend_from_slice(&before.root.0);
    bytes.extend_from_slice(&after.size.to_be_bytes());
    bytes.extend_from_slice(&after.root.0);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    entries.iter().for_each(|entry| bytes.extend_from_slice(&entry.to_bytes()));
    bytes.extend(submissions.iter().map(|submission| number(submission.terms.keys().count())));
    let keys = submissions.iter().flat_map(|submission| submission.terms.keys());
    keys.for_each(|key| bytes.extend_from_slice(key.stored()));
    for submission in submissions {
        let sections = SectionName::ALL.map(|name| submission.sealed.section(name));
        sections.iter().for_each(|section| bytes.extend_from_slice(&length(section.len())));
        sections.iter().for_each(|section| bytes.extend_from_slice(section));
    }
    let checksum = crc32c::crc32c(&bytes[HEADER_BYTES..]);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Lengths in a frame are below [`FRAME_BYTES_MAX`], which fits 32 bits.
fn length(bytes: usize) -> [u8; 4] {
    debug_assert!(bytes <= FRAME_BYTES_MAX, "a frame of {bytes} bytes");
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

/// Numbers of keys are at most [`KEYS_MAX`].
fn number(keys: usize) -> u8 {
    debug_assert!(keys <= KEYS_MAX, "a record of {keys} keys");
    u8::try_from(keys).unwrap_or(u8::MAX)
}
