//! The one writer: assigns indices and times, makes groups durable, signs, and answers.
//!
//! For each group, in this order: plan (retries, demands, time, space); append one frame, durable; move the high-water mark,
//! durable, which is the commit point; show and sign the new state; answer. A failure before an index was assigned
//! refuses the requests and changes nothing. A failure from the append on is fatal: what is on disk is unknown, so
//! nothing is tried again, everyone is told, and the next start finds out. It never reads derived files.

use crate::clock::{Clock, ClockError, ClockGuard};
use crate::codec::encode::{RECORD_OVERHEAD_BYTES, encode, record_bytes};
use crate::codec::frame::{self, FRAME_OVERHEAD_BYTES, Frame};
use crate::committed::Committed;
use crate::dedup::DEDUP_KEY_BYTES;
use crate::edge::Edge;
use crate::observer::GroupStats;
use crate::plan::Plan;
use crate::queue::{Queue, Work};
use crate::shared::Shared;
use crate::standing::Standing;
use crate::store::{Advance, Store, StoreError};
use crate::submission::{AppendError, Submission};
use crate::sync::lock;
use crate::terms::KEYS_MAX;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::limits::RECORD_BYTES_MAX;
use provlog_core::note::LogSigner;
use provlog_core::tree::Extension;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked whether appends are possible, when no append tells.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of a frame of one record, at the most.
const SINGLE_BYTES_MAX: usize =
    FRAME_OVERHEAD_BYTES + RECORD_OVERHEAD_BYTES + KEYS_MAX * DEDUP_KEY_BYTES + RECORD_BYTES_MAX;

/// The writer's state, owned by its thread.
pub(crate) struct Sequencer {
    pub(crate) store: Box<dyn Store>,
    pub(crate) edge: Edge,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guard: ClockGuard,
    pub(crate) signer: LogSigner,
    pub(crate) shared: Arc<Shared>,
    pub(crate) outlook: Outlook,
}

/// What the writer knows of whether it can append.
pub(crate) struct Outlook {
    looked: Instant,
    refusing: bool,
    /// Bytes of a frame that there was no room for; 0 if there was for each.
    lacking: usize,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { looked: Instant::now(), refusing: false, lacking: 0 }
    }
}

impl Sequencer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Queue) {
        let guard = PanicGuard { shared: Arc::clone(&self.shared), queue };
        while let Some(group) = queue.take_group(LOOK_EVERY) {
            self.commit(group);
            if self.outlook.looked.elapsed() >= LOOK_EVERY {
                self.look();
            }
        }
        drop(guard);
    }

    /// Finds out whether the next append would be refused, and tells. Where one was, for lack of room, room is asked for
    /// again: that the disk has some is not all that it takes.
    pub(crate) fn look(&mut self) {
        self.outlook.looked = Instant::now();
        if self.shared.fatal.get().is_some() {
            return;
        }
        let clock = self.guard.check(self.clock.as_ref(), self.edge.last_time).err();
        let refusal = match self.reserve(self.outlook.lacking) {
            Err(AppendError::Fatal { detail }) => return self.shared.fail(&detail),
            result => result.err().or(clock.map(AppendError::Clock)),
        };
        self.outlook.refusing = refusal.is_some();
        self.shared.stand(Standing { refusal, space: self.store.space() });
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), AppendError> {
        let reserved = self.store.reserve(bytes, &self.edge).map_err(|error| match error {
            StoreError::NoSpace { .. } => AppendError::NoSpace { detail: error.to_string() },
            error => fatal("cannot open the next segment of the journal", &error),
        });
        match &reserved {
            Ok(()) if bytes >= self.outlook.lacking => self.outlook.lacking = 0,
            Ok(()) => {}
            Err(_) => self.outlook.lacking = self.outlook.lacking.max(bytes),
        }
        reserved
    }

    /// Commits a group and answers all of it.
    pub(crate) fn commit(&mut self, group: Vec<Work>) {
        if let Some(detail) = self.shared.fatal.get() {
            let error = AppendError::Fatal { detail: detail.clone() };
            return group.into_iter().for_each(|work| work.answer.refuse(error.clone()));
        }
        let start = Instant::now();
        let (plan, time) = self.plan(group);
        if plan.fresh().is_empty() {
            return;
        }
        let result = self.commit_fresh(plan.fresh(), time, start);
        if matches!(result, Err(AppendError::NoSpace { .. })) && plan.is_of_one() {
            // A large batch alone says nothing of the others' room.
            self.outlook.lacking = self.outlook.lacking.min(SINGLE_BYTES_MAX);
        }
        // Before it is answered: who is told and then asks whether the log is ready is told the same.
        match &result {
            Err(AppendError::Fatal { detail }) => self.shared.fail(detail),
            Err(_) => self.look(),
            Ok(_) if self.outlook.refusing => self.look(),
            Ok(_) => {}
        }
        plan.answer(result);
    }

    /// Sorts out what is new, and at which time. Requests that can be answered or refused without the group are.
    fn plan(&mut self, group: Vec<Work>) -> (Plan, Option<Result<TimeMs, ClockError>>) {
        let (mut plan, mut time) = (Plan::new(self.edge.size()), None);
        for work in group {
            let mut now =
                || *time.get_or_insert_with(|| self.guard.now(self.clock.as_ref(), self.edge.last_time));
            let settled = plan.add(work, &lock(&self.shared.volatile.past), &mut now);
            match settled {
                Some((reply, Ok(outcomes))) => reply.give(outcomes, self.shared.committed()),
                Some((reply, Err(error))) => reply.refuse(error),
                None => {}
            }
        }
        (plan, time)
    }

    fn commit_fresh(
        &mut self,
        fresh: &[Submission],
        time: Option<Result<TimeMs, ClockError>>,
        start: Instant,
    ) -> Result<(Arc<Committed>, Vec<Entry>), AppendError> {
        let time = time.unwrap_or_else(|| self.guard.now(self.clock.as_ref(), self.edge.last_time))?;
        let bytes: usize = fresh.iter().map(record_bytes).sum();
        self.reserve(FRAME_OVERHEAD_BYTES + bytes)?;
        let entries: Vec<Entry> = fresh.iter().map(|submission| submission.sealed.entry(time)).collect();
        let extension = self.edge.extend(entries.iter().copied());
        let (before, after) =
            (self.edge.head(), Edge { frontier: extension.after().clone(), last_time: time }.head());
        let submissions: Vec<&Submission> = fresh.iter().collect();
        let bytes = encode(&before, &entries, &submissions, &after);
        let (frame, extension) = read_back(&self.edge, &bytes)?;
        let encoded = Instant::now();
        let at = self.store.append(&bytes).map_err(|error| fatal("cannot append to the journal", &error))?;
        let appended = Instant::now();
        match self.store.advance(&before, &after) {
            Advance::Committed => {}
            Advance::Unknown(error) => return Err(fatal("cannot move the high-water mark", &error)),
            Advance::NotCommitted(head) => {
                let detail =
                    format!("the high-water mark was moved to {} entries by another process", head.size);
                return Err(AppendError::Fatal { detail });
            }
        }
        let advanced = Instant::now();
        self.shared.volatile.apply(at, &frame, &extension);
        self.edge = self.edge.after(&frame, &extension);
        let committed =
            Committed::sign(&self.signer, extension, time).map_err(|detail| AppendError::Fatal { detail })?;
        let committed = Arc::new(committed);
        self.shared.publish(Arc::clone(&committed));
        self.shared.bell.committed();
        let published = Instant::now();
        let lengths = (u64::try_from(entries.len()), u64::try_from(bytes.len()));
        self.shared.observer.group_committed(&GroupStats {
            entries: lengths.0.unwrap_or(u64::MAX),
            bytes: lengths.1.unwrap_or(u64::MAX),
            size: after.size,
            encode: since(start, encoded),
            journal_sync: since(encoded, appended),
            high_water_sync: since(appended, advanced),
            publish: since(advanced, published),
        });
        Ok((committed, entries))
    }
}

/// Reads a frame before it is written, as recovery would: one that doesn't count would be an acknowledged loss. Its
/// sections were read back when the submissions were made.
fn read_back<'a>(edge: &Edge, bytes: &'a [u8]) -> Result<(Frame<'a>, Extension), AppendError> {
    let frame = frame::decode(bytes).map_err(|error| fatal("a frame was encoded wrong", &error))?;
    let extension = edge.follow(&frame).map_err(|error| fatal("a frame was made wrong", &error))?;
    Ok((frame, extension))
}

fn fatal(what: &str, error: &dyn std::error::Error) -> AppendError {
    AppendError::Fatal { detail: format!("{what}: {error}. Restart: the journal will be checked then") }
}

fn since(start: Instant, end: Instant) -> Duration {
    end.saturating_duration_since(start)
}

/// If the thread ends by a panic, nobody must wait for an answer for ever.
struct PanicGuard<'a> {
    shared: Arc<Shared>,
    queue: &'a Queue,
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let detail =
            "the sequencer panicked: this is a bug, please report it with the log's output".to_owned();
        self.shared.fail(&detail);
        self.queue.close();
        while let Some(group) = self.queue.take_group(Duration::ZERO) {
            group
                .into_iter()
                .for_each(|work| work.answer.refuse(AppendError::Fatal { detail: detail.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committed::Head;
    use crate::tests::submission;
    use provlog_core::Hash;

    #[test]
    fn a_frame_that_does_not_lead_to_where_it_says_is_not_written() {
        let (edge, submission) = (Edge::empty(), submission(1));
        let entry = submission.sealed.entry(TimeMs::MIN);
        let root = edge.extend([entry].into_iter()).after().root();
        let made = |root| encode(&edge.head(), &[entry], &[&submission], &Head { size: 1, root });
        assert_eq!(read_back(&edge, &made(root)).unwrap().1.after().root(), root);
        let wrong = Hash([7; 32]);
        let Err(AppendError::Fatal { detail }) = read_back(&edge, &made(wrong)) else {
            panic!("it was taken")
        };
        assert!(detail.contains(&format!("leads to root {wrong}, its entries lead to {root}")), "{detail}");
    }
}
