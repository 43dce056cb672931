//! Sets of keys and persons that a log relied on, folded from the changes that it has of them (`SPEC.md` section 12.1).
//!
//! The fold tells what a set holds by claim hashes alone, so that it is the same whether members are shown or hidden. That a
//! log relied on a key shows nothing of whose key it is.

mod change;
mod part;

use change::Change;
use part::Says;
use provlog_core::Hash;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

pub use part::{Member, SetError, SetName, TrustEntry, Unknown};

/// Most members of a set: what a reader holds for each is bounded.
pub const SET_MEMBERS_MAX: usize = 4_096;

const DIGEST_PREFIX: u8 = 0x04;

/// A set as it is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set<T> {
    /// By claim hash.
    pub members: BTreeMap<Hash, Member<T>>,
    /// Index and leaf hash of the last part of its newest change.
    pub last: (u64, Hash),
}

/// What became of an entry that goes with a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is a part of a change of which more is to come.
    Part,
    /// It is the last part: the change is in force.
    Changed,
}

/// How much of a log's sets is looked at. Beyond it no set is known: a hostile log has as many as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetLimits {
    /// Sets and their members, at any time.
    pub held: usize,
    /// Members that digests of sets are made of, in all.
    pub digested: usize,
}

/// Sets, as far as entries were read, with a `T` of each member's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetFold<T> {
    sets: BTreeMap<SetName, Set<T>>,
    /// Which set has its newest change end here.
    ends: BTreeMap<u64, SetName>,
    open: Option<Change<T>>,
    /// As far as they are used up.
    used: SetLimits,
    limits: SetLimits,
    unknown: Option<(u64, Unknown)>,
}

impl<T> SetFold<T> {
    /// Of no entries yet.
    #[must_use]
    pub const fn within(limits: SetLimits) -> Self {
        let used = SetLimits { held: 0, digested: 0 };
        Self { sets: BTreeMap::new(), ends: BTreeMap::new(), open: None, used, limits, unknown: None }
    }

    /// Reads the next entry of kind `trust`, in the order of their indices. None must be left out.
    ///
    /// # Errors
    /// [`SetError`]: the entry changes no set, and neither do the parts before it that it was to go on with.
    pub fn read(&mut self, entry: TrustEntry<T>) -> Result<Step, SetError> {
        let open = self.open.take();
        if let Some((from, why)) = self.unknown {
            return Err(SetError::Unknown { from, why });
        }
        let part = match entry.says {
            Says::Part(part) => part,
            Says::Nothing(error) => return Err(error),
            Says::Hidden => return Err(self.forget(entry.index, Unknown::Hidden)),
        };
        let change = Change::with(open, entry.index, part)?;
        if !change.is_whole() {
            self.open = Some(change);
            return Ok(Step::Part);
        }
        self.apply(change, (entry.index, entry.leaf_hash)).map(|()| Step::Changed)
    }

    /// A set as it is in force behind the last entry that was read: none before its first change.
    ///
    /// # Errors
    /// The index from which on no set is known.
    pub fn set(&self, name: &SetName) -> Result<Option<&Set<T>>, u64> {
        self.unknown.map_or_else(|| Ok(self.sets.get(name)), |(from, _)| Err(from))
    }

    /// The index from which on no set is known; none: sets are known.
    #[must_use]
    pub fn unknown_from(&self) -> Option<u64> {
        self.unknown.map(|(from, _)| from)
    }

    /// The set whose newest change has its last part at `index`.
    #[must_use]
    pub fn ending_at(&self, index: u64) -> Option<&SetName> {
        self.ends.get(&index)
    }

    fn apply(&mut self, change: Change<T>, last: (u64, Hash)) -> Result<(), SetError> {
        let Change { name, previous, set_digest: said, added, removed, .. } = change;
        let before = self.sets.get(&name);
        if previous != before.map(|set| set.last) {
            return Err(SetError::Rule("previous to be the last part of the set's newest change"));
        }
        let none = BTreeMap::new();
        let members = before.map_or(&none, |set| &set.members);
        if !removed.iter().all(|hash| members.contains_key(hash)) {
            return Err(SetError::Rule("only members to be removed"));
        }
        if added.keys().any(|hash| members.contains_key(hash)) {
            return Err(SetError::Rule("no member to be added that is in the set"));
        }
        // What is removed is in the set, and nothing that is added.
        let count = members.len() - removed.len() + added.len();
        if count > SET_MEMBERS_MAX {
            return Err(SetError::Rule("at most 4,096 members"));
        }
        self.used.digested = self.used.digested.saturating_add(count);
        if self.used.digested > self.limits.digested {
            return Err(self.forget(last.0, Unknown::TooMuch));
        }
        let stay = members.keys().filter(|hash| !removed.contains(hash));
        if said != set_digest(stay.chain(added.keys())) {
            return Err(SetError::Rule("set_digest to be of the members after the change"));
        }
        let held = self.used.held - members.len() + count + usize::from(before.is_none());
        if held > self.limits.held {
            return Err(self.forget(last.0, Unknown::TooMany));
        }
        self.used.held = held;
        // Changed in place: a log may have many changes of a large set.
        let set = self.sets.entry(name).or_insert_with(|| Set { members: BTreeMap::new(), last });
        removed.iter().for_each(|hash| drop(set.members.remove(hash)));
        set.members.extend(added);
        self.ends.remove(&set.last.0);
        set.last = last;
        self.ends.insert(last.0, name);
        Ok(())
    }

    /// Nothing is known from this entry on, nor held any more.
    fn forget(&mut self, from: u64, why: Unknown) -> SetError {
        *self = Self { unknown: Some((from, why)), ..Self::within(self.limits) };
        SetError::Unknown { from, why }
    }
}

/// SHA-256(0x04 || claim hashes, ascending).
pub fn set_digest<'h>(hashes: impl IntoIterator<Item = &'h Hash>) -> [u8; 32] {
    let sorted: BTreeSet<&Hash> = hashes.into_iter().collect();
    let mut digest = Sha256::new();
    digest.update([DIGEST_PREFIX]);
    sorted.into_iter().for_each(|hash| digest.update(hash.0));
    digest.finalize().into()
}

#[cfg(test)]
pub(crate) mod drawn;
#[cfg(test)]
mod tests;
