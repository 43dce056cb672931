//! What entries of the log left behind for later ones: the keys that they took, and the states that they touched.
//!
//! Maps in memory behind a small interface, filled from the journal at every start: the newest run before the first
//! append, older ones in the background. Until those are through, an unknown key is not known to be new, and of no state
//! is it known what touched it.

use crate::codec::frame::Frame;
use crate::dedup::DedupKey;
use crate::states::{self, State, States};
use crate::submission::AppendError;
use provlog_core::record::SectionName;
use std::collections::HashMap;

/// What the entries of some frames left.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    keys: Vec<(DedupKey, u64)>,
    states: Vec<(State, u64)>,
}

impl Traces {
    /// Adds those of a frame that is in the log: commit's, recovery's, or one of an older run.
    pub(crate) fn push(&mut self, frame: &Frame<'_>) {
        for (record, index) in frame.records().iter().zip(frame.header().first_index..) {
            self.keys.extend(record.keys().map(|key| (key, index)));
            let section = |name| match name {
                SectionName::Submitted => record.submitted,
                SectionName::Attested => record.attested,
            };
            let touched = states::touched(record.entry.kind, section);
            self.states.extend(touched.into_iter().map(|state| (state, index)));
        }
    }
}

#[derive(Debug)]
enum Coverage {
    Complete,
    Rebuilding { done: u64, total: u64 },
    Damaged { detail: String },
}

/// All that was read so far.
#[derive(Debug)]
pub(crate) struct Past {
    keys: HashMap<DedupKey, u64>,
    states: States,
    coverage: Coverage,
}

impl Past {
    /// Knows nothing. `older` entries lie before the newest run and are still to be read.
    pub(crate) fn new(older: u64) -> Self {
        let coverage =
            if older == 0 { Coverage::Complete } else { Coverage::Rebuilding { done: 0, total: older } };
        Self { keys: HashMap::new(), states: States::default(), coverage }
    }

    /// The entry that took a key; none where it is known that none did.
    pub(crate) fn taker(&self, key: &DedupKey) -> Result<Option<u64>, AppendError> {
        self.keys.get(key).map_or_else(|| self.whole().map(|()| None), |index| Ok(Some(*index)))
    }

    /// The entries that touched a state, ascending.
    pub(crate) fn touched(&self, state: &State) -> Result<&[u64], AppendError> {
        self.whole().map(|()| self.states.indices(state))
    }

    /// Whether all of the log was read.
    pub(crate) fn whole(&self) -> Result<(), AppendError> {
        match &self.coverage {
            Coverage::Complete => Ok(()),
            Coverage::Rebuilding { done, total } => {
                Err(AppendError::DedupRebuilding { done: *done, total: *total })
            }
            Coverage::Damaged { detail } => Err(AppendError::DedupUnavailable { detail: detail.clone() }),
        }
    }

    /// Takes in what entries left.
    pub(crate) fn add(&mut self, traces: Traces) {
        for (key, index) in traces.keys {
            // The first one stands, whatever the order in which runs are read.
            let first = self.keys.entry(key).or_insert(index);
            *first = index.min(*first);
        }
        traces.states.into_iter().for_each(|(state, index)| self.states.touch(state, index));
    }

    /// Tells that older entries were read; at the total nothing is missing any more.
    pub(crate) fn advance(&mut self, read: u64) {
        if let Coverage::Rebuilding { done, total } = self.coverage {
            let done = done.saturating_add(read);
            self.coverage =
                if done >= total { Coverage::Complete } else { Coverage::Rebuilding { done, total } };
        }
    }

    /// Tells that older entries can't be read.
    pub(crate) fn fail(&mut self, detail: String) {
        self.coverage = Coverage::Damaged { detail };
    }

    /// Tells that nobody reads older entries any more, if some are still missing.
    pub(crate) fn give_up(&mut self, detail: String) {
        if matches!(self.coverage, Coverage::Rebuilding { .. }) {
            self.fail(detail);
        }
    }

    /// A sentence on what is missing, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.coverage {
            Coverage::Damaged { detail } => Some(detail.clone()),
            _ => self.whole().err().map(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::Secret;

    fn key(n: u8) -> DedupKey {
        DedupKey::derive(&Secret::new([7; 32]), "test", "", &[n])
    }

    fn traces(keys: &[(u8, u64)], states: &[(State, u64)]) -> Traces {
        let keys = keys.iter().map(|(n, index)| (key(*n), *index)).collect();
        Traces { keys, states: states.to_vec() }
    }

    #[test]
    fn what_is_unknown_is_new_only_when_everything_was_read() {
        let state = State::AnyActivation;
        let rebuilding = |done| Err(AppendError::DedupRebuilding { done, total: 10 });
        let mut past = Past::new(10);
        past.add(traces(&[(1, 12)], &[(state.clone(), 12)]));
        assert_eq!(past.taker(&key(1)), Ok(Some(12)));
        assert_eq!(past.taker(&key(2)), rebuilding(0));
        assert_eq!(past.touched(&state).map(drop), rebuilding(0).map(|_: Option<u64>| ()));
        past.add(traces(&[(2, 3), (1, 4)], &[(state.clone(), 3), (state.clone(), 7)]));
        past.advance(9);
        assert_eq!(past.taker(&key(3)), rebuilding(9));
        assert!(past.touched(&state).is_err() && past.problem().is_some());
        past.advance(1);
        assert_eq!(past.taker(&key(3)), Ok(None));
        assert_eq!(past.taker(&key(2)), Ok(Some(3)));
        assert_eq!(past.taker(&key(1)), Ok(Some(4)));
        assert_eq!(past.touched(&state), Ok(&[3, 7, 12][..]));
        assert_eq!(past.touched(&State::WithdrawnEntry(1)), Ok(&[][..]));
        assert_eq!(past.problem(), None);
        past.fail("broken".into());
        let unavailable = AppendError::DedupUnavailable { detail: "broken".into() };
        assert_eq!(past.taker(&key(3)), Err(unavailable.clone()));
        assert_eq!(past.touched(&state), Err(unavailable));
        assert_eq!(past.taker(&key(2)), Ok(Some(3)));
    }
}
