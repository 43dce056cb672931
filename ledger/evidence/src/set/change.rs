//! The parts of a change, as far as they were read.

use super::part::{Member, Part, SetError, SetName};
use provlog_core::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// A change that began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Change<T> {
    pub(super) name: SetName,
    alike: Hash,
    pub(super) previous: Option<(u64, Hash)>,
    pub(super) set_digest: [u8; 32],
    last_index: u64,
    part: u64,
    parts: u64,
    pub(super) added: BTreeMap<Hash, Member<T>>,
    pub(super) removed: BTreeSet<Hash>,
}

impl<T> Change<T> {
    /// The change that `open` is, with the next part; or the one that the part begins.
    pub(super) fn with(open: Option<Self>, index: u64, part: Part<T>) -> Result<Self, SetError> {
        match open {
            Some(change) if change.is_continued_by(index, &part) => change.and(index, part),
            open => Self::begin(index, part, open.as_ref()),
        }
    }

    /// Whether all of its parts were read.
    pub(super) const fn is_whole(&self) -> bool {
        self.part == self.parts
    }

    fn begin(index: u64, part: Part<T>, open: Option<&Self>) -> Result<Self, SetError> {
        if part.part != 1 {
            let expected = open.map_or(1, |change| change.part + 1);
            return Err(SetError::Part { expected, got: part.part, parts: part.parts });
        }
        let Part { name, alike, previous, set_digest, part, parts, added, removed } = part;
        let removed = removed.into_iter().collect();
        Ok(Self { name, alike, previous, set_digest, last_index: index, part, parts, added, removed })
    }

    fn is_continued_by(&self, index: u64, part: &Part<T>) -> bool {
        index == self.last_index + 1 && part.part == self.part + 1 && part.alike == self.alike
    }

    fn and(mut self, index: u64, part: Part<T>) -> Result<Self, SetError> {
        (self.last_index, self.part) = (index, part.part);
        for (hash, member) in part.added {
            if self.added.insert(hash, member).is_some() {
                return Err(SetError::Rule("no member twice"));
            }
        }
        for hash in part.removed {
            if !self.removed.insert(hash) {
                return Err(SetError::Rule("each member to be removed in one part"));
            }
        }
        Ok(self)
    }
}
