//! Work on batches by threads that live as long as the work does, in the order in which it was given.
//!
//! Batches come back to be used again: their room is what a page fault each would otherwise be paid for.

use super::report::Counts;
use crate::crosswalk::evaluate::Evaluator;
use crate::crosswalk::known::{Found, Known};
use crate::crosswalk::load::Crosswalk;
use crate::show::failure::Failure;
use provlog_core::limits::REFERRED_BACK_MAX;
use provlog_core::package::Texts;
use provlog_core::path::ClaimName;
use provlog_core::{Hash, Kind};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, Scope};

/// Batches for each thread: one that it works on, and one that waits.
const BATCHES_A_LANE: usize = 2;

/// What was written: 41 bytes an entry, until the proof is.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) indices: Vec<u64>,
    kinds: Vec<Kind>,
    pub(super) leaves: Vec<Hash>,
}

impl Entries {
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.indices.len()).unwrap_or(u64::MAX)
    }
}

impl Known for Entries {
    fn find(&self, index: u64) -> Option<Found> {
        let place = self.indices.binary_search(&index).ok()?;
        let is_recent = self.indices.len() - place <= REFERRED_BACK_MAX;
        let (kind, leaf_hash) = (self.kinds.get(place)?, self.leaves.get(place)?);
        is_recent.then_some(Found::Entry(*kind, *leaf_hash))
    }

    fn keep(&mut self, index: u64, kind: Kind, leaf_hash: Hash) {
        self.indices.push(index);
        self.kinds.push(kind);
        self.leaves.push(leaf_hash);
    }
}

/// Records as they came, and what was made of them.
pub(super) struct Batch<'a> {
    pub(super) received: Vec<u8>,
    /// Index of each record, and where it lies.
    pub(super) places: Vec<(u64, Range<usize>)>,
    pub(super) records: Vec<u8>,
    pub(super) texts: Texts,
    pub(super) named: BTreeSet<ClaimName>,
    pub(super) counts: Counts,
    pub(super) evidence: Evaluator<'a>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(crosswalk: &'a Crosswalk, origin: &'a str) -> Self {
        Self {
            received: Vec::new(),
            places: Vec::new(),
            records: Vec::new(),
            texts: Texts::default(),
            named: BTreeSet::new(),
            counts: Counts::default(),
            evidence: Evaluator::new(crosswalk, origin),
        }
    }

    pub(super) fn push(&mut self, index: u64, record: &[u8]) {
        let start = self.received.len();
        self.received.extend_from_slice(record);
        self.places.push((index, start..self.received.len()));
    }

    /// Forgets everything but its room.
    pub(super) fn clear(&mut self) {
        self.received.clear();
        self.places.clear();
        self.records.clear();
        self.texts.clear();
    }
}

/// A thread, what it is given, and what it gives back.
struct Lane<B> {
    todo: Sender<B>,
    done: Receiver<Result<B, Failure>>,
}

/// As many threads as there are cores, which take turns.
pub(super) struct Lanes<B> {
    lanes: Vec<Lane<B>>,
    /// Of the batches that were given and not taken back, the lane of each.
    pending: VecDeque<usize>,
    next: usize,
    spare: Vec<B>,
}

impl<B: Send> Lanes<B> {
    pub(super) fn start<'scope, W>(scope: &'scope Scope<'scope, '_>, work: &'scope W) -> Self
    where
        B: 'scope,
        W: Fn(&mut B) -> Result<(), Failure> + Sync,
    {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let lane = |_| {
            let (todo, given) = mpsc::channel::<B>();
            let (give, done) = mpsc::channel();
            scope.spawn(move || {
                for mut batch in given {
                    let worked = work(&mut batch).map(|()| batch);
                    // Nobody waits for it any more: the export failed elsewhere.
                    if give.send(worked).is_err() {
                        break;
                    }
                }
            });
            Lane { todo, done }
        };
        Self { lanes: (0..count).map(lane).collect(), pending: VecDeque::new(), next: 0, spare: Vec::new() }
    }

    /// A batch that was used before.
    pub(super) fn spare(&mut self) -> Option<B> {
        self.spare.pop()
    }

    /// Keeps a batch to be used again.
    pub(super) fn keep(&mut self, batch: B) {
        self.spare.push(batch);
    }

    /// Gives the next lane a batch.
    pub(super) fn give(&mut self, batch: B) {
        // A lane that ended early took its reason with it; it is missed when its batch is taken back.
        let _ = self.lanes[self.next].todo.send(batch);
        self.pending.push_back(self.next);
        self.next = (self.next + 1) % self.lanes.len();
    }

    /// The batch that was given first, once it is worked on; none when all were taken back.
    pub(super) fn take(&mut self) -> Option<Result<B, Failure>> {
        let lane = self.pending.pop_front()?;
        let ended = || Failure::Internal("a thread ended early: this is a bug, please report it".into());
        Some(self.lanes[lane].done.recv().unwrap_or_else(|_| Err(ended())))
    }

    /// As [`Lanes::take`], while every lane has enough to do.
    pub(super) fn take_if_full(&mut self) -> Option<Result<B, Failure>> {
        if self.pending.len() < BATCHES_A_LANE * self.lanes.len() { None } else { self.take() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crosswalk::known::tests::keep_many;

    /// All are held for the proof, and those that a verifier looks up are found.
    #[test]
    fn the_last_entries_may_be_referred_to() {
        let mut entries = Entries::default();
        let entry = Some(Found::Entry(Kind::new(3).unwrap(), Hash([7; 32])));
        assert_eq!(keep_many(&mut entries), [None, None, None, entry, entry]);
        assert_eq!(entries.indices.len(), REFERRED_BACK_MAX + 2);
        assert_eq!((entries.indices.first(), entries.leaves.len()), (Some(&0), entries.indices.len()));
    }
}
