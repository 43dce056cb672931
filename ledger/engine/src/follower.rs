//! The thread that reads full segments back: for the derived files, and, after a start, for the dedup keys of older
//! segments. It checks all that it reads.
//!
//! Damage in the journal ends what needs it, until the next start, and the operator is told file and offset. Trouble with
//! the derived files is retried, and so is a journal that the system won't let us read. None of it reaches the sequencer.

use crate::committed::Head;
use crate::derived::tail::Chunk;
use crate::scan::scan_segment;
use crate::shared::{Diagnosis, Shared};
use crate::store::StoreError;
use crate::sync::{lock, write};
use std::sync::Arc;
use std::time::Duration;

/// How long after a failed write of derived files, or a failed read of the journal, it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The thread's state.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    /// The next segment whose dedup keys are to be read, up to the one that was newest at open.
    dedup_next: u64,
    dedup_end: u64,
    /// The next segment to derive; none while the files can't be used.
    derive_next: Option<u64>,
    /// The journal is damaged where it is to be derived from.
    stuck: bool,
    /// The system refused to read the journal.
    refused: bool,
    rebuilding: bool,
}

impl Follower {
    /// Of a log that was just opened.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let dedup_end = shared.frames.newest();
        Self {
            shared,
            dedup_next: 0,
            dedup_end,
            derive_next: None,
            stuck: false,
            refused: false,
            rebuilding: false,
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let guard = FollowerGuard(Arc::clone(&self.shared));
        self.open_files(false);
        loop {
            self.catch_up();
            let reopen = self.derive_next.is_none() && !self.stuck;
            let orders = self.shared.bell.wait((reopen || self.refused).then_some(RETRY_AFTER));
            if orders.stop {
                break;
            }
            // Where the journal is damaged, what is derived can't be made again: it is kept, and goes on being checked.
            if (orders.rebuild || reopen) && !self.stuck {
                self.open_files(orders.rebuild);
            }
        }
        drop(guard);
    }

    /// Opens the derived files: where the mark says, or anew.
    pub(crate) fn open_files(&mut self, anew: bool) {
        self.rebuilding |= anew;
        lock(&self.shared.diagnoses).retain(|_, diagnosis| !matches!(diagnosis, Diagnosis::Sound));
        let frames = Arc::clone(&self.shared.frames);
        let believes = |mark: &Head| {
            let edge = frames.locate(mark.size).and_then(|segment| frames.edge(segment));
            !anew && edge.is_ok_and(|edge| edge.head() == *mark)
        };
        let derived = &self.shared.derived;
        let opened = derived.open(believes).map_err(|error| error.to_string());
        let located =
            opened.and_then(|()| frames.locate(derived.covered()).map_err(|error| error.to_string()));
        match located {
            Ok(segment) => self.derive_next = Some(segment),
            Err(detail) => self.files_failed(detail),
        }
    }

    /// Reads every full segment that is still to be read. Woken at every commit, it does nothing while the newest segment
    /// fills: that one's share is in memory.
    pub(crate) fn catch_up(&mut self) {
        self.refused = false;
        while !self.shared.bell.stopping() && !self.refused {
            let dedup = Some(self.dedup_next).filter(|next| *next < self.dedup_end);
            let newest = self.shared.frames.newest();
            let derive = self.derive_next.filter(|next| *next < newest && !self.stuck);
            let Some(segment) = dedup.into_iter().chain(derive).min() else { break };
            let (dedup, derive) = (dedup == Some(segment), derive == Some(segment));
            match self.read_segment(segment, dedup, derive) {
                Ok(chunk) => chunk.into_iter().for_each(|chunk| self.add(&chunk)),
                Err(error) => self.journal_failed(&error, dedup, derive),
            }
        }
        if self.derive_next.is_some() && !self.stuck && !self.refused {
            self.shared.derived.set_problem(None);
            if std::mem::take(&mut self.rebuilding) {
                self.shared.observer.derived_rebuilt(self.shared.derived.covered());
            }
        }
    }

    fn read_segment(&mut self, segment: u64, dedup: bool, derive: bool) -> Result<Option<Chunk>, StoreError> {
        let frames = Arc::clone(&self.shared.frames);
        let first = frames.first_index(segment)?;
        let mut chunk = derive.then(|| Chunk::new(segment, first));
        let (mut keys, mut read) = (Vec::new(), 0);
        scan_segment(frames.as_ref(), segment, first, |at, frame, extension| {
            if let Some(chunk) = &mut chunk {
                chunk.push(at, frame, extension);
            }
            let indexed = frame.records().iter().zip(frame.header().first_index..);
            keys.extend(indexed.filter_map(|(record, index)| record.dedup.map(|key| (key, index))));
            read = frame.header().new_size - first;
            Ok(())
        })?;
        if dedup {
            let mut map = lock(&self.shared.volatile.dedup);
            keys.into_iter().for_each(|(key, index)| map.insert(key, index));
            map.advance(read);
            self.dedup_next += 1;
        }
        Ok(chunk)
    }

    fn add(&mut self, chunk: &Chunk) {
        let next = chunk.segment() + 1;
        match self.shared.frames.edge(next) {
            Ok(edge) => match self.shared.derived.add(chunk, &edge.head()) {
                Ok(()) => {
                    self.derive_next = Some(next);
                    write(&self.shared.volatile.tail).drop_covered(chunk.end());
                }
                Err(error) => self.files_failed(error.to_string()),
            },
            Err(error) => self.journal_failed(&error, false, true),
        }
    }

    fn files_failed(&mut self, detail: String) {
        self.derive_next = None;
        self.rebuilding = true;
        tracing::error!(detail, "derived files cannot be written; they will be tried again");
        self.shared.observer.derived_failed(&detail);
        self.shared.derived.set_problem(Some(format!("the derived files cannot be written: {detail}")));
    }

    fn journal_failed(&mut self, error: &StoreError, dedup: bool, derive: bool) {
        let detail = error.to_string();
        if !error.is_damage() {
            tracing::error!(detail, "the journal cannot be read; it will be tried again");
            self.refused = true;
            if derive {
                self.shared.derived.set_problem(Some(format!("{detail}; it will be tried again")));
            }
            return;
        }
        self.shared.report_damage(&detail);
        if dedup {
            self.dedup_end = self.dedup_next;
            lock(&self.shared.volatile.dedup).fail(detail.clone());
        }
        if derive {
            self.stuck = true;
            self.shared.derived.set_problem(Some(detail));
        }
    }
}

/// If the thread ends by a panic, nobody must wait for what it was to read.
struct FollowerGuard(Arc<Shared>);

impl Drop for FollowerGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.follower_stopped();
        }
    }
}
