//! What the sequencer takes in, and what it answers.

use crate::clock::ClockError;
use crate::committed::Committed;
use crate::dedup::DedupKey;
use provlog_core::entry::{Entry, Kind, TimeMs};
use provlog_core::record::{RecordError, Section, SectionName};
use provlog_core::{Hash, hex};
use std::fmt;
use std::sync::Arc;

/// One record to append: all of it but the time and the index, which the sequencer assigns. Its claims and its size
/// were checked by whoever hands it in.
#[derive(Clone)]
pub struct Submission {
    /// What sort of fact it states.
    pub kind: Kind,
    /// The submitted section's CBOR, as received.
    pub submitted: Vec<u8>,
    /// Its digest under `kind`.
    pub submitted_digest: Hash,
    /// The attested section's CBOR.
    pub attested: Vec<u8>,
    /// Its digest under `kind`.
    pub attested_digest: Hash,
    /// What makes a retry the same entry; none: every request is a new entry.
    pub dedup: Option<DedupKey>,
}

impl Submission {
    /// Encodes and hashes both sections, and reads them back: the expensive part, for the caller's thread.
    ///
    /// # Errors
    /// [`ReadBackError`]: a bug, or a machine that computes wrong. Such a record would be acknowledged, and the log would
    /// not open with it.
    pub fn new(
        kind: Kind,
        submitted: &Section,
        attested: &Section,
        dedup: Option<DedupKey>,
    ) -> Result<Self, ReadBackError> {
        let submission = Self {
            kind,
            submitted: submitted.to_bytes(),
            submitted_digest: submitted.digest(SectionName::Submitted, kind),
            attested: attested.to_bytes(),
            attested_digest: attested.digest(SectionName::Attested, kind),
            dedup,
        };
        submission.read_back()?;
        Ok(submission)
    }

    /// Checks what recovery and every later read will check.
    fn read_back(&self) -> Result<(), ReadBackError> {
        for (section, bytes, expected) in [
            (SectionName::Submitted, &self.submitted, self.submitted_digest),
            (SectionName::Attested, &self.attested, self.attested_digest),
        ] {
            let parsed =
                Section::parse(bytes).map_err(|source| ReadBackError::Malformed { section, source })?;
            let got = parsed.digest(section, self.kind);
            if got != expected {
                return Err(ReadBackError::Digest { section, expected, got });
            }
        }
        Ok(())
    }

    pub(crate) const fn entry(&self, time_ms: TimeMs) -> Entry {
        Entry {
            kind: self.kind,
            time_ms,
            submitted_digest: self.submitted_digest,
            attested_digest: self.attested_digest,
        }
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = hex::encode(&self.submitted_digest.0);
        f.debug_struct("Submission").field("kind", &self.kind).field("submitted_digest", &digest).finish()
    }
}

/// Why a section that was just encoded isn't the one that was hashed. Never the client's fault.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// Its bytes aren't a section.
    #[error("the {section} section was encoded wrong: {source}")]
    Malformed {
        /// Which one.
        section: SectionName,
        /// What is wrong with it.
        source: RecordError,
    },
    /// Its bytes have another digest.
    #[error("the {section} section reads back with digest {got}, expected {expected}")]
    Digest {
        /// Which one.
        section: SectionName,
        /// What was hashed.
        expected: Hash,
        /// Of what its bytes say.
        got: Hash,
    },
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
    /// Its dedup key was there already: the entry of the first request under it. The caller reads the record and, where
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
    /// It is not known yet whether the dedup key was used before.
    #[error("dedup keys are being read from the journal: {done} of {total} entries")]
    DedupRebuilding {
        /// Entries read.
        done: u64,
        /// Entries to read.
        total: u64,
    },
    /// It cannot be known whether the dedup key was used before: the journal is damaged.
    #[error("dedup keys cannot be read from the journal: {detail}")]
    DedupUnavailable {
        /// Which file, where, and what to do.
        detail: String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::submission;

    #[test]
    fn sections_that_are_not_what_was_hashed_are_found() {
        let sound = submission(1);
        sound.read_back().unwrap();
        let flipped = |bytes: &[u8], position: usize| {
            let mut bytes = bytes.to_vec();
            bytes[position] ^= 1;
            bytes
        };
        for position in 0..sound.submitted.len() {
            let submitted = flipped(&sound.submitted, position);
            Submission { submitted, ..sound.clone() }.read_back().unwrap_err();
        }
        for position in 0..sound.attested.len() {
            let attested = flipped(&sound.attested, position);
            Submission { attested, ..sound.clone() }.read_back().unwrap_err();
        }
        let other = Submission { kind: Kind::new(5).unwrap(), ..sound };
        let error = other.read_back().unwrap_err().to_string();
        assert!(error.starts_with("the submitted section reads back with digest "), "{error}");
    }
}
