//! What the sequencer, recovery and readers need of storage, and nothing of what it is made of.
//!
//! The contract, for whoever writes another implementation:
//!
//! - There is one writer ([`Store`]), in one process, and any number of readers ([`Frames`]).
//! - The **head** is one small value: the size and root up to which everything was acknowledged. [`Store::advance`] is a
//!   durable compare-and-swap, and the commit point of the log: nothing is signed or acknowledged before it. It never
//!   leaves anything but the old head or the new one. It fails where what is written would not be found by the next start.
//! - **Frames** are opaque bytes that say how long they are. [`Store::append`] returns when the frame is durable. After a
//!   crash a frame that was not followed by an advance is there whole, in part, or not at all; at most one is.
//!   [`Store::settle_tail`] then adopts it whole, or lets it vanish.
//! - Frames lie in **runs**, numbered from 0 without gaps, of which only the newest takes more. A run is begun with the log's
//!   edge at that point, durable before the run takes a frame, so that reading can start there.
//! - An error from [`Store::append`] or [`Store::settle_tail`], or [`Advance::Unknown`], leaves an unknown state behind: the
//!   writer must not be used again, and opening anew finds out. [`Store::reserve`] alone may fail for lack of space and be
//!   called again.
//! - Readers may read whatever was appended; what they get may be damaged, and they check it.

pub(crate) mod files;
pub(crate) mod high_water;
#[cfg(test)]
pub(crate) mod memory;
mod names;
pub(crate) mod segment;
mod segments;

#[cfg(test)]
mod conformance;

use crate::codec::frame::FrameError;
use crate::committed::Head;
use crate::durable::{DiskError, would_wait};
use crate::edge::Edge;
use crate::log_id::LogId;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Where a frame starts: in which run, and a number that only the store understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) struct FrameAt {
    pub(crate) run: u64,
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

/// Space for what is yet to be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Space {
    /// What it is the space of.
    pub(crate) name: String,
    /// What is free.
    pub(crate) free_bytes: u64,
    /// Less than this is little.
    pub(crate) low_bytes: u64,
}

/// What lies at a place where a frame would start.
#[derive(Debug)]
pub(crate) enum Next {
    /// As many bytes as the frame there says it has. Whether they are a frame is not checked.
    Frame(Vec<u8>),
    /// No frame, for this reason.
    End(FrameError),
}

/// A kind of storage, and where in it the log is.
pub(crate) trait Storage {
    /// Makes the log's storage with the one frame that leads to `head`: all durable on return. A head that is there
    /// already is never replaced.
    fn create(&self, log: LogId, frame: &[u8], head: &Head) -> Result<(), StoreError>;

    /// Opens what [`Storage::create`] made. Writes nothing, and costs no more than the newest run's edge.
    fn open(&self, log: LogId) -> Result<Box<dyn Store>, StoreError>;
}

/// The writer.
pub(crate) trait Store: Send {
    /// The head, as of the last advance or of opening.
    fn head(&self) -> Head;

    /// Moves the head, if it is still `from`.
    fn advance(&mut self, from: &Head, to: &Head) -> Advance;

    /// Makes sure that a frame of `bytes` can be appended without needing more space; begins a new run with `edge`,
    /// the log's present one, if the current run has no room, or holds frames of an older format.
    fn reserve(&mut self, bytes: usize, edge: &Edge) -> Result<(), StoreError>;

    /// Appends a frame for which room was reserved.
    fn append(&mut self, frame: &[u8]) -> Result<FrameAt, StoreError>;

    /// Settles the tail that an interrupted writer left: everything before `end` counts, nothing else does. Recovery's,
    /// once, before anything else is written.
    ///
    /// On return the head, `adopted` (the last frame before `end`, if it never was acknowledged) and the run that holds
    /// them are durable, although until then they may have been what a failed write left to be read and nothing more;
    /// whatever lay at and behind `end` is durably forgotten, and the next frame goes there. The head has not moved: over
    /// `adopted` it is moved by [`Store::advance`].
    ///
    /// Not atomic: an interruption leaves the head, or the one before it; `adopted` whole, in part, or not at all; and of
    /// the rest some. The next start settles what it finds. Where there is no space to forget what lies behind `end`, that
    /// is put off to [`Store::reserve`], and nothing is appended before.
    fn settle_tail(&mut self, end: FrameAt, adopted: Option<(FrameAt, &[u8])>) -> Result<(), StoreError>;

    /// How much space is left for what is yet to come, where that can be told. Writes nothing.
    fn space(&self) -> Option<Space>;

    /// The readers' side.
    fn frames(&self) -> Arc<dyn Frames>;
}

/// The readers' side.
pub(crate) trait Frames: Send + Sync {
    /// The newest run's number.
    fn newest(&self) -> u64;

    /// The edge that a run was begun with. Its right edge was checked against its root.
    fn edge(&self, run: u64) -> Result<Edge, StoreError>;

    /// Where a run's first frame starts.
    fn start(&self, run: u64) -> FrameAt;

    /// Where the frame behind a frame of `bytes` at `at` starts.
    fn behind(&self, at: FrameAt, bytes: usize) -> FrameAt;

    /// What lies at `at`.
    fn next(&self, at: FrameAt) -> Result<Next, StoreError>;

    /// Bytes `offset..offset + length` of the frame at `at`; none where the run ends before them.
    fn read(&self, at: FrameAt, offset: usize, length: usize) -> Result<Option<Vec<u8>>, StoreError>;

    /// What to call a place in a message.
    fn place(&self, at: FrameAt) -> Place;

    /// The same frames, for who can't wait for storage: a read that would have to fails, and [`StoreError::would_wait`].
    fn unwaiting(self: Arc<Self>) -> Arc<dyn Frames>;

    /// Index of a run's first entry.
    fn first_index(&self, run: u64) -> Result<u64, StoreError> {
        self.edge(run).map(|edge| edge.size())
    }

    /// The run that holds, or will hold, the entry `index`.
    fn locate(&self, index: u64) -> Result<u64, StoreError> {
        let (mut low, mut high) = (0, self.newest());
        // The newest run first: most reads are of recent entries.
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

impl From<DiskError> for StoreError {
    fn from(DiskError { action, path, source }: DiskError) -> Self {
        Self::Unavailable { action, name: path.display().to_string(), source }
    }
}

/// A place in storage, as its messages name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// What holds it: a file's path, say.
    pub name: String,
    /// The byte in it.
    pub byte: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.name, self.byte)
    }
}

/// What storage can't do, or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room; nothing was changed, and it may be tried again.
    #[error("cannot {action} {name}: {source}")]
    NoSpace {
        /// What was tried, as in "cannot ...".
        action: &'static str,
        /// On what.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
    /// The system refused, or couldn't be reached.
    #[error("cannot {action} {name}: {source}")]
    Unavailable {
        /// What was tried, as in "cannot ...".
        action: &'static str,
        /// On what.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
    /// Bytes that can't be what was written.
    #[error("{place}: {detail}")]
    Damaged {
        /// Where.
        place: Place,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// A part of the log isn't there.
    #[error("{name} is missing{detail}")]
    Missing {
        /// What.
        name: String,
        /// Why it must be there, and what to do; goes on in the sentence.
        detail: &'static str,
    },
    /// It is another log's.
    #[error("{name} belongs to log {got}, this is log {expected}: put this log's own file back")]
    Foreign {
        /// What.
        name: String,
        /// This log's id.
        expected: String,
        /// The id in it.
        got: String,
    },
    /// It is of a later version.
    #[error(
        "{name} has format version {got}, this program knows {expected} and earlier ones: use the version that wrote it, or a later one"
    )]
    Version {
        /// What.
        name: String,
        /// The version that this program writes.
        expected: u32,
        /// The version in it.
        got: u32,
    },
    /// What a name stands for was moved, replaced or removed while the log was running.
    #[error(
        "{name} {got}: it was moved, replaced or removed while the log was running. Put back in its place what was there, never a copy made before: all that was acknowledged is in it"
    )]
    Moved {
        /// A file or folder of the log.
        name: String,
        /// What is there now; goes on in the sentence.
        got: &'static str,
    },
    /// Another process writes the log: on a copy of the data folder, or past its lock.
    #[error(
        "{name} is in use by another process: a log is served by one process at a time, whichever folder it was started on"
    )]
    Held {
        /// What it holds.
        name: String,
    },
}

impl StoreError {
    /// Whether it is that of a read that would have had to wait for storage.
    pub(crate) fn would_wait(&self) -> bool {
        matches!(self, Self::Unavailable { source, .. } if would_wait(source))
    }

    /// Whether what is stored is wrong or gone, so that trying again finds the same. The system's own refusals are not:
    /// descriptors, memory and space come back.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } | Self::Foreign { .. } | Self::Version { .. } => true,
            Self::Moved { .. } => true,
            Self::NoSpace { .. } | Self::Unavailable { .. } | Self::Held { .. } => false,
        }
    }
}
