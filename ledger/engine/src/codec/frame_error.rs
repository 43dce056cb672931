//! Why bytes in the journal are not a frame, or not one that counts.

use super::format::Format;
use provlog_core::Hash;
use provlog_core::entry::EntryError;
use provlog_core::record::{RecordError, SectionName};

/// Why bytes are not a frame.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Zeros: nothing was written here.
    #[error("no frame: only zeros")]
    Nothing,
    /// Fewer bytes than a header, or than the header says.
    #[error("the frame is cut off: expected {expected} bytes, got {got}")]
    Short {
        /// Bytes that there should be.
        expected: usize,
        /// Bytes that there are.
        got: usize,
    },
    /// More bytes than the header says.
    #[error("the frame has {expected} bytes, got {got}")]
    Trailing {
        /// Bytes that there should be.
        expected: usize,
        /// Bytes that there are.
        got: usize,
    },
    /// It doesn't start like a frame.
    #[error("a frame starts with \"PLF1\" or \"PLF2\", got 0x{}", provlog_core::hex::encode(.0))]
    Magic([u8; 4]),
    /// A frame, but not of the format that its segment holds.
    #[error("a frame of format {got} in a segment of format {expected}")]
    OtherFormat {
        /// The segment's.
        expected: Format,
        /// The frame's.
        got: Format,
    },
    /// The header's checksum is wrong.
    #[error("the header's CRC32C is wrong")]
    HeaderChecksum,
    /// Lengths, count and sizes don't fit each other, or are over their limits.
    #[error("the header's lengths and counts don't fit each other")]
    Lengths,
    /// The body's checksum is wrong.
    #[error("the body's CRC32C is wrong")]
    BodyChecksum,
    /// Bytes that aren't an entry.
    #[error("entry {index}: {source}")]
    Entry {
        /// Index in the log.
        index: u64,
        /// What is wrong with it.
        source: EntryError,
    },
    /// The numbers of keys don't make the length of the keys part.
    #[error("the keys part has {got} bytes, expected {expected} by its numbers of keys")]
    Keys {
        /// By the numbers.
        expected: usize,
        /// By the header.
        got: usize,
    },
    /// A record's sections reach beyond the sections part, or don't fill it.
    #[error("record {index}: the lengths of its sections don't fit the frame")]
    SectionLengths {
        /// Index in the log.
        index: u64,
    },
    /// Bytes that aren't a section.
    #[error("record {index}, {section}: {source}")]
    Section {
        /// Index in the log.
        index: u64,
        /// Which section.
        section: SectionName,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A section that isn't the one that the entry commits to.
    #[error("record {index}, {section}: expected digest {expected}, got {got}")]
    Digest {
        /// Index in the log.
        index: u64,
        /// Which section.
        section: SectionName,
        /// In the entry.
        expected: Hash,
        /// Of the section.
        got: Hash,
    },
}
