//! What is told of refused requests: lines in the daemon's own log, and, where the operator asks for them, entries of kind
//! `refusal` in the log that it keeps (SPEC.md, section 10).
//!
//! A refusal adds to a count in memory, and one task writes what has come together in a minute. So nobody who is refused makes the
//! log longer than the operator allows, and no request waits for an entry. Which codes are written is one closed list. In a line or an
//! entry is the code, the route and who was known to call, by a token of the log, a user or a rule of the operator's: no token, no path, and
//! nothing else of what a client sent than, of a workload that met a rule, what the log attests of it. What strangers have an issuer say
//! of them is nowhere: it would be in the log for ever, and take the places of those who are known.

mod entry;
mod lines;
mod tally;
mod written;

use crate::access::caller::Who;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::log::async_log::AsyncLog;
use crate::operate::live::Live;
use lines::Lines;
use provlog_engine::{Health, Submission};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tally::{Tallies, Tally};
use tokio::sync::oneshot;
use tokio::time::sleep;
use written::is_written;

pub use written::written_markdown;

/// How often entries are written.
const MINUTE: Duration = Duration::from_secs(60);

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedRequest<'a> {
    /// Why.
    pub(crate) code: &'static Code,
    /// The path of its route, as the table has it.
    pub(crate) path: &'static str,
    /// Who sent it, where that is known.
    pub(crate) who: Option<&'a Who>,
}

/// Refusals that nothing was written of yet.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    lines: Mutex<Lines>,
    tallies: Mutex<Tallies>,
}

impl Refusals {
    /// Tells of a refusal; with `entries`, the log is to have an entry of it, too.
    pub(crate) fn note(&self, refusal: RefusedRequest<'_>, entries: bool, now_ms: u64) {
        let RefusedRequest { code, path, who } = refusal;
        if self.lines().is_next(code) {
            let caller = who.map_or("unknown".into(), Who::identity);
            tracing::info!(code = code.code, path, caller = &*caller, "a request was refused");
        }
        if entries && is_written(code) {
            self.tallies().add(Tally::one(code, who.cloned(), now_ms));
        }
    }

    /// Writes entries, minute by minute, until it is told to end, and then all that are left.
    pub(crate) async fn keep_writing(&self, log: &AsyncLog, live: &Live, mut end: oneshot::Receiver<()>) {
        loop {
            // A write that has begun is never left: its entries may be in the log already.
            let is_last = tokio::select! {
                () = sleep(MINUTE) => false,
                _ = &mut end => true,
            };
            // Nobody waits for these lines to be written.
            let more = self.lines().next_minute();
            for (code, count) in more {
                tracing::info!(code, count, "more requests were refused, which have no lines of their own");
            }
            let most = match live.now().refusal_entries_per_minute {
                0 => 0,
                _ if is_last => usize::MAX,
                most => usize::try_from(most).unwrap_or(usize::MAX),
            };
            if let Err(problem) = self.write(log, most).await {
                tracing::warn!(code = problem.code().code, "entries of refusals can't be written now");
            }
            if is_last || most == 0 {
                self.give_up();
            }
            if is_last {
                return;
            }
        }
    }

    /// Writes one entry for each of those whose turn it is, up to so many. What is left is added to.
    ///
    /// # Errors
    /// Whatever keeps the log from taking them: then they are counted as before.
    async fn write(&self, log: &AsyncLog, most: usize) -> Result<(), Problem> {
        if matches!(log.health(), Health::Refusing { .. } | Health::Fatal { .. }) {
            return Ok(());
        }
        let tallies = self.tallies().take(most);
        if tallies.is_empty() {
            return Ok(());
        }
        let batch: Result<Vec<Submission>, Problem> = tallies.iter().map(entry::of).collect();
        let appended = match batch {
            Ok(batch) => log.append_batch(batch).await.map(drop),
            Err(problem) => Err(problem),
        };
        if appended.is_err() {
            let mut counted = self.tallies();
            tallies.into_iter().for_each(|tally| counted.add(tally));
        }
        appended
    }

    /// Tells of what there won't be entries of.
    fn give_up(&self) {
        let mut counts = BTreeMap::new();
        for tally in self.tallies().take(usize::MAX) {
            *counts.entry(tally.code.code).or_insert(0) += tally.count;
        }
        for (code, count) in counts {
            tracing::warn!(code, count, "refusals of which the log has no entry");
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
