//! The sets of keys that entries of this log relied on (SPEC.md, section 12.1), as its own entries of kind `trust` make them.
//!
//! An entry that was checked with a key comes behind one that has the key as a member, and says which change of the set was the newest:
//! the sequencer holds it to that. Nothing is kept here that isn't read from the log, and read again after the next start.

mod change;
mod folded;

use crate::http::codes::STATE_CHANGED;
use crate::http::problem::Problem;
use crate::identity::trusted::TrustedKey;
use crate::log::async_log::AsyncLog;
use folded::FoldedSet;
use provlog_core::cbor::Value;
use provlog_engine::State;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How often a key is added to its set, while others that nobody waits for any more come in between.
const ATTEMPTS_MAX: usize = 5;

/// All sets, each read from the log when it is first relied on.
#[derive(Debug, Default)]
pub(crate) struct Sets(Mutex<HashMap<State, Arc<tokio::sync::Mutex<FoldedSet>>>>);

/// A member of a set, for an entry that relies on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Relied {
    /// As the entry names it.
    pub(crate) member: Value,
    /// The set, and the index from which on no entry may touch it before the one that relies on it.
    pub(crate) unchanged: (State, u64),
}

impl Sets {
    /// The member of its set that this key is. Where it is none yet, it is made one first, by an entry that is durable when this returns;
    /// members that the issuer has no more leave the set with it.
    ///
    /// # Errors
    /// Whatever keeps the log from taking an entry, or from telling what a set holds.
    pub(crate) async fn rely(&self, log: &AsyncLog, key: &TrustedKey) -> Result<Relied, Problem> {
        let (what, name) = key.set();
        let state = State::Set { what: what.into(), name: name.into() };
        let set = {
            let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(sets.entry(state.clone()).or_default())
        };
        // Of those who bring one new key one adds it, and the others find it there.
        let mut set = set.lock().await;
        let mut attempts = 0;
        loop {
            set.catch_up(log, &state, key).await?;
            if let Some((member, from)) = set.member(key) {
                return Ok(Relied { member, unchanged: (state, from) });
            }
            attempts += 1;
            match log.append(change::adding(&set, &state, key)?).await {
                // Somebody who is gone had begun to add a key: that it comes can be told only now.
                Err(problem) if problem.code() == &STATE_CHANGED && attempts < ATTEMPTS_MAX => {}
                appended => drop(appended?),
            }
        }
    }
}

#[cfg(test)]
mod tests;
