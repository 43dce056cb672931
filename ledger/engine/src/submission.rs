//! What the sequencer takes in, and what it answers.

use crate::clock::ClockError;
use crate::committed::Committed;
use crate::terms::{Terms, Unmet};
use provlog_core::Entry;
use provlog_core::encoded::Sealed;
use provlog_core::record::SectionName;
use std::fmt;
use std::sync::Arc;

/// One record to append: all of it but the time and the index, which the sequencer assigns. Its claims were checked by
/// whoever hands it in.
#[derive(Clone)]
pub struct Submission {
    /// Its sections.
    pub sealed: Arc<Sealed>,
    /// What it takes and demands; by default nothing, and every request is a new entry.
    pub terms: Terms,
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.sealed.digest(SectionName::Submitted).to_hex();
        f.debug_struct("Submission")
            .field("kind", &self.sealed.kind())
            .field("submitted_digest", &digest)
            .finish()
    }
}

/// Where a submission ended up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It became this entry.
    New {
        /// The entry's index.
        index: u64,
        /// The entry.
        entry: Entry,
    },
    /// A dedup key of it was taken already: the entry of the first request under it. The caller reads the record and, where
    /// the key was the client's own choice, compares the values.
    Duplicate {
        /// The earlier entry's index.
        index: u64,
    },
}

impl Outcome {
    /// Index of the entry, new or old.
    #[must_use]
    pub const fn index(&self) -> u64 {
        match self {
            Self::New { index, .. } | Self::Duplicate { index } => *index,
        }
    }

    /// Whether the entry was there before this request.
    #[must_use]
    pub const fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }
}

/// The answer to a single append.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The entry.
    pub outcome: Outcome,
    /// A committed state that holds it.
    pub committed: Arc<Committed>,
}

/// The answer to a batch: one outcome a line, in its order.
#[derive(Clone, Debug)]
pub struct AppendedBatch {
    /// The entries.
    pub outcomes: Vec<Outcome>,
    /// A committed state that holds all of them.
    pub committed: Arc<Committed>,
}

/// Why nothing was appended. Nothing of the request is in the log, unless it says [`AppendError::Fatal`]: then the
/// next start decides, and the same request under the same dedup key finds out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// No room on the journal's disk. Reads go on, and appends do as soon as there is room.
    #[error("no space for the journal: {detail}")]
    NoSpace {
        /// What the system said, with the path.
        detail: String,
    },
    /// It is not known yet whether a dedup key was taken before, or what touched a state.
    #[error("dedup keys are being read from the journal: {done} of {total} entries")]
    DedupRebuilding {
        /// Entries read.
        done: u64,
        /// Entries to read.
        total: u64,
    },
    /// It cannot be known whether a dedup key was taken before, or what touched a state: the journal is damaged.
    #[error("dedup keys cannot be read from the journal: {detail}")]
    DedupUnavailable {
        /// Which file, where, and what to do.
        detail: String,
    },
    /// A demand of it didn't hold.
    #[error("{unmet}")]
    Unmet {
        /// Line of the batch, from 1; none for a single append.
        line: Option<usize>,
        /// Which demand.
        unmet: Unmet,
    },
    /// An entry would take more keys than it may.
    #[error("an entry takes at most {limit} keys, got {got}")]
    TooManyKeys {
        /// The limit.
        limit: usize,
        /// What it would take.
        got: usize,
    },
    /// The wall clock isn't believed.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// More than a frame holds.
    #[error("a batch takes at most {limit_bytes} bytes in the journal, got {got_bytes}")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
        /// What it would take.
        got_bytes: usize,
    },
    /// The log is being shut down.
    #[error("the log is shutting down")]
    ShuttingDown,
    /// A write or a sync failed, and what it left behind is unknown until the next start. Nothing is appended any more.
    #[error("the log has stopped: {detail}")]
    Fatal {
        /// What failed.
        detail: String,
    },
}
