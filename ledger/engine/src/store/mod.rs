//! What the sequencer, recovery and readers need of storage, and nothing of what it is made of.
//!
//! The contract, for whoever writes another implementation:
//!
//! - There is one writer ([`Store`]), in one process, and any number of readers ([`Frames`]).
//! - The **head** is one small value: the size and root up to which everything was acknowledged. [`Store::advance`] is a
//!   durable compare-and-swap, and the commit point of the log: nothing is signed or acknowledged before it. It never
//!   leaves anything but the old head or the new one.
//! - **Frames** are opaque bytes that say how long they are. [`Store::append`] returns when the frame is durable. After a
//!   crash a frame that was not followed by an advance is there whole, in part, or not at all; at most one is.
//! - Frames lie in **segments**, numbered from 0 without gaps. A segment is opened with the log's edge at that point,
//!   durable before the segment takes a frame, so that reading can start there.
//! - An error from [`Store::append`], [`Store::rewrite`] or [`Store::cut`], or [`Advance::Unknown`], leaves an unknown
//!   state behind: the writer must not be used again, and opening anew finds out. [`Store::reserve`] alone may fail for
//!   lack of space and be called again.
//! - Readers may read whatever was appended; what they get may be damaged, and they check it.

pub(crate) mod files;
pub(crate) mod high_water;
#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod segment;

#[cfg(test)]
mod conformance;

use crate::codec::frame::FrameError;
use crate::committed::Head;
use crate::durable::DiskError;
use crate::edge::Edge;
use std::sync::Arc;

/// Where a frame starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) struct FrameAt {
    pub(crate) segment: u64,
    pub(crate) offset: u32,
}

/// What became of an advance of the head.
#[derive(Debug)]
pub(crate) enum Advance {
    /// The new head is durable.
    Committed,
    /// The head was another one than expected, this one; nothing was changed.
    NotCommitted(Head),
    /// Either head may be there after a restart.
    Unknown(StoreError),
}

/// What lies at a place where a frame would start.
#[derive(Debug)]
pub(crate) enum Next {
    /// As many bytes as the frame there says it has. Whether they are a frame is not checked.
    Frame(Vec<u8>),
    /// No frame, for this reason.
    End(FrameError),
}

/// The writer.
pub(crate) trait Store: Send {
    /// The head, as of the last advance or of opening.
    fn head(&self) -> Head;

    /// Moves the head, if it is still `from`.
    fn advance(&mut self, from: &Head, to: &Head) -> Advance;

    /// Makes sure that a frame of `bytes` can be appended without needing more space; opens a new segment with `edge`,
    /// the log's present one, if the current segment has no room. Tells whether it did.
    fn reserve(&mut self, bytes: usize, edge: &Edge) -> Result<bool, StoreError>;

    /// Appends a frame for which room was reserved.
    fn append(&mut self, frame: &[u8]) -> Result<FrameAt, StoreError>;

    /// Writes the frame at `at` again, byte for byte, and syncs it: recovery's way to rely on one that was never
    /// acknowledged. The segment's recorded edge is written again with its first frame.
    fn rewrite(&mut self, at: FrameAt, frame: &[u8]) -> Result<(), StoreError>;

    /// Makes the head that was read durable, whatever became of the advance that wrote it. An interruption leaves it, or
    /// the one before it. Recovery's, before anything else moves the head.
    fn renew_head(&mut self) -> Result<(), StoreError>;

    /// Durably forgets whatever lies at and behind `end`, where the next frame will go. Where there is no space for that,
    /// it is put off to [`Store::reserve`], and nothing is appended before.
    fn cut(&mut self, end: FrameAt) -> Result<(), StoreError>;

    /// The readers' side.
    fn frames(&self) -> Arc<dyn Frames>;
}

/// The readers' side.
pub(crate) trait Frames: Send + Sync {
    /// The newest segment's number.
    fn newest(&self) -> u64;

    /// The edge that a segment was opened with. Its right edge was checked against its root.
    fn edge(&self, segment: u64) -> Result<Edge, StoreError>;

    /// Where a segment's first frame starts.
    fn start(&self, segment: u64) -> FrameAt;

    /// Where the frame behind a frame of `bytes` at `at` starts.
    fn behind(&self, at: FrameAt, bytes: usize) -> FrameAt;

    /// What lies at `at`.
    fn next(&self, at: FrameAt) -> Result<Next, StoreError>;

    /// Bytes `offset..offset + length` of the frame at `at`.
    fn read(&self, at: FrameAt, offset: usize, length: usize) -> Result<Vec<u8>, StoreError>;

    /// What to call a place in a message: the file, and the offset in it.
    fn place(&self, at: FrameAt) -> (String, u64);

    /// Index of a segment's first entry.
    fn first_index(&self, segment: u64) -> Result<u64, StoreError> {
        self.edge(segment).map(|edge| edge.size())
    }

    /// The segment that holds, or will hold, the entry `index`.
    fn locate(&self, index: u64) -> Result<u64, StoreError> {
        let (mut low, mut high) = (0, self.newest());
        // The newest segment first: most reads are of recent entries.
        while low < high {
            let middle = if high == self.newest() { high } else { low + (high - low).div_ceil(2) };
            if self.first_index(middle)? <= index {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }
}

/// What storage can't do, or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room; nothing was changed, and it may be tried again.
    #[error(transparent)]
    NoSpace(DiskError),
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that can't be what was written.
    #[error("{file} at byte {offset}: {detail}")]
    Damaged {
        /// The file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// A file of another log.
    #[error("{file} belongs to log {got}, this is log {expected}: put this log's own file back")]
    Foreign {
        /// The file.
        file: String,
        /// This log's id.
        expected: String,
        /// The id in the file.
        got: String,
    },
    /// A file of a later version.
    #[error(
        "{file} has format version {got}, this program knows {expected}: use the version that wrote it, or a later one"
    )]
    Version {
        /// The file.
        file: String,
        /// The version that this program reads and writes.
        expected: u32,
        /// The version in the file.
        got: u32,
    },
    /// A segment isn't there, though later ones are.
    #[error(
        "{file} is missing, though later segments are there: put it back from a copy; the log cannot be opened without it"
    )]
    MissingSegment {
        /// The file.
        file: String,
    },
    /// Another process has the high-water file open: a copy of the data folder, or one whose lock file was removed.
    #[error(
        "{file} is in use by another process: a log is served by one process at a time, whichever folder it was started on"
    )]
    Held {
        /// The file.
        file: String,
    },
    /// The high-water file isn't there.
    #[error(
        "{file} is missing: it tells up to where the log was signed. Put it back, or name its place with --high-water; without it a restored old copy could not be told from the log, so nothing is signed"
    )]
    NoHighWater {
        /// The file.
        file: String,
    },
}

impl StoreError {
    /// Whether what is stored is wrong or gone, so that trying again finds the same. The system's own refusals are not:
    /// descriptors, memory and space come back.
    pub(crate) const fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::Version { .. }
            | Self::MissingSegment { .. }
            | Self::NoHighWater { .. } => true,
            Self::NoSpace(_) | Self::Disk(_) | Self::Held { .. } => false,
        }
    }
}
