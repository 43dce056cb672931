//! One set, as far as the log was read.

use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::identity::trusted::TrustedKey;
use crate::log::async_log::AsyncLog;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_engine::{ReadError, Reader, State};
use provlog_evidence::set::{SET_MEMBERS_MAX, Set, SetError, SetFold, SetLimits, SetName, TrustEntry};

/// Entries that are read in one turn: each takes some 20 us.
const ENTRIES_A_TURN: usize = 32;

/// A set, and how far it was read.
#[derive(Debug)]
pub(super) struct FoldedSet {
    /// What the set is called, once it was read.
    name: Option<SetName>,
    /// Members with their texts.
    fold: SetFold<String>,
    /// Entries below this index were read.
    below: u64,
}

impl Default for FoldedSet {
    fn default() -> Self {
        // One set, which a log of its own makes: it has members as many as any may have, and as many changes as there come to be.
        let limits = SetLimits { held: SET_MEMBERS_MAX + 1, digested: usize::MAX };
        Self { name: None, fold: SetFold::within(limits), below: 0 }
    }
}

impl FoldedSet {
    /// Reads the changes that came since it was read last.
    ///
    /// # Errors
    /// Whatever reading the log meets.
    pub(super) async fn catch_up(
        &mut self,
        log: &AsyncLog,
        state: &State,
        key: &TrustedKey,
    ) -> Result<(), Problem> {
        let (what, name) = key.set();
        self.name = Some(SetName::new(what, name));
        let size = log.committed().checkpoint.size;
        let unread = log.touched(state, self.below..size)?;
        for turn in unread.chunks(ENTRIES_A_TURN) {
            let indices = turn.to_vec();
            for entry in log.read(move |reader| entries(reader, &indices)).await?? {
                match self.fold.read(entry) {
                    // One that breaks a rule is no change, for this log as for everybody.
                    Ok(_) | Err(SetError::Misfit(_) | SetError::Part { .. } | SetError::Rule(_)) => {}
                    Err(unknown @ SetError::Unknown { .. }) => {
                        return Err(Problem::new(&INTERNAL, unknown.to_string()));
                    }
                }
            }
        }
        self.below = size;
        Ok(())
    }

    /// The member that is this key, as an entry names it; and the index from which on no other change may come before that entry.
    pub(super) fn member(&self, key: &TrustedKey) -> Option<(Value, u64)> {
        let set = self.set()?;
        let find = |is_it: &dyn Fn(&str) -> bool| {
            set.members.iter().find(|(_, member)| member.kept.as_deref().is_some_and(is_it))
        };
        // Texts are compared first: what a member is takes longer, and matters only where the issuer gave its key another name.
        let (claim_hash, member) =
            find(&|text| text == key.member).or_else(|| find(&|text| key.is_member(text)))?;
        let (last, leaf_hash) = &set.last;
        let named = Value::map([
            ("index", uint(member.index)),
            ("leaf_hash", bytes(&member.leaf_hash)),
            ("claim", member.claim.as_str().into()),
            ("claim_hash", bytes(claim_hash)),
            ("set", reference(*last, leaf_hash)),
        ]);
        Some((named, last.saturating_add(1)))
    }

    /// The set, once it has had a change.
    pub(super) fn set(&self) -> Option<&Set<String>> {
        self.fold.set(self.name.as_ref()?).ok().flatten()
    }
}

/// An entry of the log itself.
pub(super) fn reference(index: u64, leaf_hash: &Hash) -> Value {
    Value::map([("index", uint(index)), ("leaf_hash", bytes(leaf_hash))])
}

pub(super) fn uint(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn bytes(hash: &Hash) -> Value {
    Value::Bytes(hash.0.to_vec())
}

/// What the entries at these indices say of sets.
fn entries(reader: &Reader, indices: &[u64]) -> Result<Vec<TrustEntry<String>>, ReadError> {
    let text = |_: &str, value: &Value| value.as_text().unwrap_or_default().to_owned();
    let mut entries = Vec::with_capacity(indices.len());
    for index in indices {
        entries.extend(TrustEntry::of(*index, &reader.record(*index)?, text));
    }
    Ok(entries)
}
