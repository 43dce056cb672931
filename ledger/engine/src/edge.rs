//! Where the log ends: the tree's right edge and the last time. Commit, recovery and the derived files' follower all
//! move it by the code here.

use crate::codec::frame::Frame;
use crate::committed::Head;
use provlog_core::Hash;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::tree::{Extension, Frontier};

/// Everything that appending needs to know of the log so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Edge {
    pub(crate) frontier: Frontier,
    /// Time of the last entry; the smallest possible before the first.
    pub(crate) last_time: TimeMs,
}

/// Why a frame doesn't follow on an edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum EdgeError {
    #[error("the frame starts at entry {got}, expected {expected}")]
    Index { expected: u64, got: u64 },
    #[error("the frame continues root {got}, expected {expected}")]
    PreviousRoot { expected: Hash, got: Hash },
    #[error("entry {index} has time {got}, before {last} of the one before it")]
    Time { index: u64, last: TimeMs, got: TimeMs },
    #[error("the frame says that it leads to root {claimed}, its entries lead to {computed}")]
    Root { claimed: Hash, computed: Hash },
}

impl Edge {
    /// Of the log without entries.
    pub(crate) const fn empty() -> Self {
        Self { frontier: Frontier::new(), last_time: TimeMs::MIN }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn head(&self) -> Head {
        Head { size: self.frontier.size(), root: self.frontier.root() }
    }

    /// What appending `entries` makes of the tree.
    pub(crate) fn extend(&self, entries: impl Iterator<Item = Entry>) -> Extension {
        let leaves: Vec<Hash> = entries.map(|entry| entry.leaf_hash()).collect();
        Extension::new(&self.frontier, &leaves)
    }

    /// What a frame makes of the tree, if it really follows here: index, previous root, times and the new root are
    /// all recomputed.
    pub(crate) fn follow(&self, frame: &Frame<'_>) -> Result<Extension, EdgeError> {
        let (header, head) = (frame.header(), self.head());
        if header.first_index != head.size {
            return Err(EdgeError::Index { expected: head.size, got: header.first_index });
        }
        if header.previous_root != head.root {
            return Err(EdgeError::PreviousRoot { expected: head.root, got: header.previous_root });
        }
        let mut last = self.last_time;
        for (record, index) in frame.records().iter().zip(header.first_index..) {
            if record.entry.time_ms < last {
                return Err(EdgeError::Time { index, last, got: record.entry.time_ms });
            }
            last = record.entry.time_ms;
        }
        let extension = self.extend(frame.records().iter().map(|record| record.entry));
        let computed = extension.after().root();
        if computed != header.new_root {
            return Err(EdgeError::Root { claimed: header.new_root, computed });
        }
        Ok(extension)
    }

    /// The edge behind a frame that [`Edge::follow`] accepted, or that was built on this edge.
    pub(crate) fn after(&self, frame: &Frame<'_>, extension: &Extension) -> Self {
        let last_time = frame.records().last().map_or(self.last_time, |record| record.entry.time_ms);
        Self { frontier: extension.after().clone(), last_time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode::encode;
    use crate::codec::frame;
    use crate::tests::submission;

    /// A frame of one record at `time_ms`, which says that it leads from one head to another.
    fn frame_between(before: &Head, time_ms: u64, after: &Head) -> Vec<u8> {
        let submission = submission(1);
        let entry = submission.sealed.entry(TimeMs::new(time_ms).unwrap());
        encode(before, &[entry], &[&submission], after)
    }

    #[test]
    fn a_frame_follows_only_where_it_says_and_to_where_its_entries_lead() {
        let last = 1 << 40;
        let mut edge = Edge { last_time: TimeMs::new(last).unwrap(), ..Edge::empty() };
        edge.frontier.push(Hash([1; 32]));
        let before = edge.head();
        let entry = submission(1).sealed.entry(TimeMs::new(last).unwrap());
        let after =
            Edge { frontier: edge.extend([entry].into_iter()).after().clone(), ..edge.clone() }.head();
        let follow = |before: &Head, time_ms: u64, after: &Head| {
            let bytes = frame_between(before, time_ms, after);
            edge.follow(&frame::decode(&bytes).unwrap()).map(|extension| extension.after().size())
        };
        assert_eq!(follow(&before, last, &after), Ok(2));
        let (got, other) = (Hash([7; 32]), Head { root: Hash([7; 32]), ..before });
        let expected = before.root;
        assert_eq!(follow(&other, last, &after), Err(EdgeError::PreviousRoot { expected, got }));
        let shifted = [Head { size: 2, ..before }, Head { size: 3, ..after }];
        assert_eq!(follow(&shifted[0], last, &shifted[1]), Err(EdgeError::Index { expected: 1, got: 2 }));
        let earlier = follow(&before, last - 1, &after);
        assert!(matches!(earlier, Err(EdgeError::Time { index: 1, .. })), "{earlier:?}");
        let wrong = follow(&before, last, &Head { root: got, ..after });
        assert_eq!(wrong, Err(EdgeError::Root { claimed: got, computed: after.root }));
    }
}
