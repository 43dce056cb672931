//! What an append takes for itself and demands of the log, and which demand didn't hold.

use crate::dedup::DedupKey;
use crate::states::State;
use std::fmt;
use std::ops::RangeInclusive;

/// Keys that one entry takes, at the most.
pub const KEYS_MAX: usize = 32;

/// What an append takes and demands; by default nothing. All of it is settled at the log's very end, by the one thread that
/// appends: what entries before it took and touched counts, in the same group and batch too.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// Keys of which each, once taken, makes the request a retry of the entry that took it. The first one that was taken
    /// decides, and nothing else is demanded then. A new entry takes all of them.
    pub retries: Vec<DedupKey>,
    /// Keys that one entry may take, ever: a new entry takes all of them.
    pub once: Vec<DedupKey>,
    /// Keys that no entry may have taken. They aren't taken.
    pub absent: Vec<DedupKey>,
    /// States that no entry from this index on may have touched; from 0 on is ever.
    pub unchanged: Vec<(State, u64)>,
    /// Milliseconds since the epoch, both bounds inclusive, that the entry's time must lie in.
    pub windows: Vec<RangeInclusive<u64>>,
}

impl Terms {
    /// Keys that a new entry takes.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &DedupKey> {
        self.retries.iter().chain(&self.once)
    }
}

/// A demand that didn't hold. Positions are in the list of its sort, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unmet {
    /// One of [`Terms::once`] was taken.
    #[error("key {position}, which one entry may take, was taken by {by}")]
    Taken {
        /// Which.
        position: usize,
        /// By what.
        by: By,
    },
    /// One of [`Terms::absent`] was taken.
    #[error("key {position}, which no entry may have taken, was taken by {by}")]
    Present {
        /// Which.
        position: usize,
        /// By what.
        by: By,
    },
    /// One of [`Terms::unchanged`] was touched.
    #[error("state {position} was touched by {by}, expected none from entry {as_of} on")]
    Changed {
        /// Which.
        position: usize,
        /// The index from which on nothing may have touched it.
        as_of: u64,
        /// The last that did.
        by: By,
    },
    /// The entry's time would lie outside of one of [`Terms::windows`].
    #[error("the entry's time would be {time_ms}, outside of window {position}")]
    Window {
        /// Which.
        position: usize,
        /// The time, in milliseconds since the epoch.
        time_ms: u64,
    },
}

/// Who took a key, or touched a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The entry of this index.
    Entry(u64),
    /// An earlier line of the same batch, from 1, which is no entry since all of the batch was refused.
    Line(usize),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(index) => write!(f, "entry {index}"),
            Self::Line(line) => write!(f, "line {line} of the same batch"),
        }
    }
}
