//! What becomes of a group's requests, found out before the group is committed: which lines are retries, which become
//! entries, and which demands don't hold.
//!
//! Requests count in their order, as if each were committed before the next one is looked at: what an earlier one takes and
//! touches lies in the plan until it lies in the log. A request that is refused takes and touches nothing. Where it was
//! refused for an entry that is still planned, it is told so only when that came to be.

use crate::clock::ClockError;
use crate::committed::Committed;
use crate::dedup::DedupKey;
use crate::past::Past;
use crate::queue::{Reply, Work};
use crate::states::{self, State};
use crate::submission::{AppendError, Outcome, Submission};
use crate::terms::{By, Terms, Unmet};
use provlog_core::entry::{Entry, TimeMs};
use std::collections::HashMap;
use std::sync::Arc;

/// The time of the group's entries, the same whenever it is asked for.
pub(crate) type Time<'a> = &'a mut dyn FnMut() -> Result<TimeMs, ClockError>;

/// What a group adds, and who waits for it.
pub(crate) struct Plan {
    /// Submissions that become entries, in their order.
    fresh: Vec<Submission>,
    /// Index that the first of them gets. Indices from here on are of entries that are only planned.
    first: u64,
    keys: HashMap<DedupKey, u64>,
    states: HashMap<State, Vec<u64>>,
    waiting: Vec<Unanswered>,
}

/// A request that is answered, and its answer.
pub(crate) type Settled = (Reply, Result<Vec<Outcome>, AppendError>);

/// A request whose answer hangs on the group, and what it gets when that is committed.
struct Unanswered {
    reply: Reply,
    answer: Result<Vec<Line>, AppendError>,
}

/// What becomes of a submission.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// This new entry.
    New(u64),
    /// It is a retry of this one.
    Old(u64),
}

/// Why a request is refused, and whether that hangs on entries that are only planned.
struct Refusal {
    error: AppendError,
    hangs: bool,
}

/// A request that is being looked at.
struct Request<'a> {
    plan: &'a mut Plan,
    past: &'a Past,
    time: Time<'a>,
    is_batch: bool,
    /// Index that its first new entry gets.
    first: u64,
    lines: Vec<Line>,
}

impl Plan {
    /// Of a group whose first entry gets this index.
    pub(crate) fn new(first: u64) -> Self {
        Self { fresh: Vec::new(), first, keys: HashMap::new(), states: HashMap::new(), waiting: Vec::new() }
    }

    /// Submissions that become entries, in their order.
    pub(crate) fn fresh(&self) -> &[Submission] {
        &self.fresh
    }

    /// Whether what is planned is one request's.
    pub(crate) fn is_of_one(&self) -> bool {
        self.waiting.iter().filter(|waiting| waiting.answer.is_ok()).count() == 1
    }

    /// Takes in the next request. Gives its answer back where that hangs on nothing that is planned.
    pub(crate) fn add(&mut self, work: Work, past: &Past, time: Time<'_>) -> Option<Settled> {
        let Work { submissions, answer: reply, .. } = work;
        let (planned, first) = (self.fresh.len(), self.next_index());
        let (is_batch, lines) = (matches!(reply, Reply::Batch(_)), Vec::with_capacity(submissions.len()));
        let mut request = Request { plan: self, past, time, is_batch, first, lines };
        let looked_at = submissions.into_iter().try_for_each(|submission| request.line(submission));
        let (lines, first) = (request.lines, self.first);
        match looked_at {
            Ok(()) => {
                let known = |line: &Line| matches!(line, Line::Old(index) if *index < first);
                if !lines.iter().all(known) {
                    self.waiting.push(Unanswered { reply, answer: Ok(lines) });
                    return None;
                }
                Some((reply, Ok(lines.into_iter().map(|line| line.outcome(first, &[])).collect())))
            }
            Err(Refusal { error, hangs }) => {
                self.forget(planned);
                if !hangs {
                    return Some((reply, Err(error)));
                }
                self.waiting.push(Unanswered { reply, answer: Err(error) });
                None
            }
        }
    }

    /// Answers all who waited for the group.
    pub(crate) fn answer(self, result: Result<(Arc<Committed>, Vec<Entry>), AppendError>) {
        for Unanswered { reply, answer } in self.waiting {
            match (&result, answer) {
                (Ok((committed, entries)), Ok(lines)) => {
                    let outcomes = lines.into_iter().map(|line| line.outcome(self.first, entries)).collect();
                    reply.give(outcomes, Arc::clone(committed));
                }
                // What it was refused for has not come to be.
                (Err(error), _) => reply.refuse(error.clone()),
                (Ok(_), Err(error)) => reply.refuse(error),
            }
        }
    }

    fn next_index(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.fresh.len()).unwrap_or(u64::MAX))
    }

    /// Plans an entry of a submission.
    fn take(&mut self, submission: Submission) -> u64 {
        let index = self.next_index();
        self.keys.extend(submission.terms.keys().map(|key| (*key, index)));
        for state in touched(&submission) {
            self.states.entry(state).or_default().push(index);
        }
        self.fresh.push(submission);
        index
    }

    /// Plans no entries of the submissions from the nth on any more. What they took nobody else had taken.
    fn forget(&mut self, nth: usize) {
        for submission in self.fresh.drain(nth..) {
            for key in submission.terms.keys() {
                self.keys.remove(key);
            }
            for state in touched(&submission) {
                self.states.get_mut(&state).and_then(Vec::pop);
            }
        }
    }
}

impl Request<'_> {
    /// Settles the next line.
    fn line(&mut self, submission: Submission) -> Result<(), Refusal> {
        let line = match self.retried(&submission.terms)? {
            Some(index) => Line::Old(index),
            None => {
                self.demand(&submission.terms)?;
                Line::New(self.plan.take(submission))
            }
        };
        self.lines.push(line);
        Ok(())
    }

    fn retried(&self, terms: &Terms) -> Result<Option<u64>, AppendError> {
        for key in &terms.retries {
            if let Some(index) = self.taker(key)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn demand(&mut self, terms: &Terms) -> Result<(), Refusal> {
        for (position, key) in terms.once.iter().enumerate() {
            if let Some(index) = self.taker(key)? {
                return Err(self.refusal(index, |by| Unmet::Taken { position, by }));
            }
        }
        for (position, key) in terms.absent.iter().enumerate() {
            if let Some(index) = self.taker(key)? {
                return Err(self.refusal(index, |by| Unmet::Present { position, by }));
            }
        }
        for (position, (state, as_of)) in terms.unchanged.iter().enumerate() {
            if let Some(index) = self.last_touch(state)?.filter(|index| index >= as_of) {
                return Err(self.refusal(index, |by| Unmet::Changed { position, as_of: *as_of, by }));
            }
        }
        for (position, window) in terms.windows.iter().enumerate() {
            let time_ms = (self.time)().map_err(AppendError::from)?.get();
            if !window.contains(&time_ms) {
                return Err(self.unmet(Unmet::Window { position, time_ms }).into());
            }
        }
        Ok(())
    }

    /// The entry that took a key. One that is planned needs no look into the past.
    fn taker(&self, key: &DedupKey) -> Result<Option<u64>, AppendError> {
        self.plan.keys.get(key).map_or_else(|| self.past.taker(key), |index| Ok(Some(*index)))
    }

    fn last_touch(&self, state: &State) -> Result<Option<u64>, AppendError> {
        let before = self.past.touched(state)?;
        let planned = self.plan.states.get(state).and_then(|indices| indices.last());
        Ok(planned.or(before.last()).copied())
    }

    /// Refuses for what entry `index` took or touched.
    fn refusal(&self, index: u64, unmet: impl Fn(By) -> Unmet) -> Refusal {
        let line = self.lines.iter().position(|line| *line == Line::New(index));
        let by = line.map_or(By::Entry(index), |line| By::Line(line + 1));
        let hangs = (self.plan.first..self.first).contains(&index);
        Refusal { error: self.unmet(unmet(by)), hangs }
    }

    fn unmet(&self, unmet: Unmet) -> AppendError {
        AppendError::Unmet { line: self.is_batch.then_some(self.lines.len() + 1), unmet }
    }
}

impl Line {
    /// In a group of `entries`, of which the first has the index `first`.
    fn outcome(self, first: u64, entries: &[Entry]) -> Outcome {
        match self {
            Self::Old(index) => Outcome::Duplicate { index },
            // Indices were given out one by one as the group's entries were planned.
            Self::New(index) => {
                Outcome::New { index, entry: entries[usize::try_from(index - first).unwrap_or(usize::MAX)] }
            }
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self { error, hangs: false }
    }
}

fn touched(submission: &Submission) -> Vec<State> {
    states::touched(submission.sealed.kind(), |name| submission.sealed.section(name))
}
