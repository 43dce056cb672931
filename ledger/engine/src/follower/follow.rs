//! What is made of the log's frames behind its commits: each consumer with a state of its own.

use crate::codec::frame::Frame;
use crate::committed::Head;
use crate::derived::tail::Chunk;
use crate::past::Traces;
use crate::scan::damaged;
use crate::shared::{Diagnosis, Shared};
use crate::states;
use crate::store::{FrameAt, StoreError};
use crate::submission::AppendError;
use crate::sync::{lock, write};
use provlog_core::tree::Extension;
use std::sync::Arc;

/// One consumer. It is handed full runs, one after the other, and stays with what it has while others go on.
pub(crate) trait Follow: Send {
    /// What it is called in metrics.
    fn name(&self) -> &'static str;

    /// The next run to hand to it; none while it has all that it is to have. Gets ready for it, where it isn't.
    fn next_run(&mut self) -> Result<Option<u64>, StoreError>;

    /// The next frame of that run, checked.
    fn frame(&mut self, at: FrameAt, frame: &Frame<'_>, extension: &Extension);

    /// The run was whole: keeps what it made of it, and goes on to the next one.
    fn keep(&mut self) -> Result<(), StoreError>;

    /// The run can't be read, or what was made of it can't be kept. What it has of it counts for nothing.
    fn failed(&mut self, error: &StoreError);

    /// It has all that it is to have.
    fn caught_up(&mut self) {}

    /// Something derived was found wrong: what is kept in files is to be made anew.
    fn start_over(&mut self) {}

    /// Entries that it is to have, and hasn't.
    fn behind(&self) -> u64;
}

/// After a start: reads what the entries of the runs that were full by then left for later ones.
pub(crate) struct OlderTraces {
    shared: Arc<Shared>,
    next: u64,
    end: u64,
    traces: Traces,
    entries: u64,
    /// What the run can't be believed for.
    wrong: Option<StoreError>,
}

impl OlderTraces {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let end = shared.frames.newest();
        Self { shared, next: 0, end, traces: Traces::default(), entries: 0, wrong: None }
    }
}

impl Follow for OlderTraces {
    fn name(&self) -> &'static str {
        "dedup"
    }

    fn next_run(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.next).filter(|next| *next < self.end))
    }

    fn frame(&mut self, at: FrameAt, frame: &Frame<'_>, extension: &Extension) {
        // Sections are hashed where something is derived from them, and only there.
        let indexed = frame.records().iter().zip(frame.header().first_index..);
        let mut concerned = indexed.filter(|(record, _)| states::concern(record.entry.kind));
        if let Some(error) = concerned.find_map(|(record, index)| record.sections(index).err()) {
            self.wrong = Some(damaged(self.shared.frames.as_ref(), at, &error.to_string()));
        }
        self.traces.push(frame);
        self.entries += extension.after().size() - extension.size_before();
    }

    fn keep(&mut self) -> Result<(), StoreError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        let mut past = lock(&self.shared.volatile.past);
        past.add(std::mem::take(&mut self.traces));
        past.advance(std::mem::take(&mut self.entries));
        self.next += 1;
        Ok(())
    }

    fn failed(&mut self, error: &StoreError) {
        (self.traces, self.entries, self.wrong) = (Traces::default(), 0, None);
        if error.is_damage() {
            lock(&self.shared.volatile.past).fail(error.to_string());
        }
    }

    fn behind(&self) -> u64 {
        match lock(&self.shared.volatile.past).whole() {
            Err(AppendError::DedupRebuilding { done, total }) => total - done,
            _ => 0,
        }
    }
}

/// Writes tiles and positions of full runs to the derived files; the newest run's are in memory.
pub(crate) struct TilesAndPositions {
    shared: Arc<Shared>,
    /// The next run to write; none while the files can't be gone on with.
    next: Option<u64>,
    /// The files are to be made anew when they are opened.
    anew: bool,
    /// They were found wrong, or couldn't be written, and aren't whole again yet.
    rebuilding: bool,
    chunk: Option<Chunk>,
}

impl TilesAndPositions {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, next: None, anew: false, rebuilding: false, chunk: None }
    }

    /// Opens the files: where the mark says, or anew.
    fn open(&mut self) -> Result<u64, StoreError> {
        lock(&self.shared.diagnoses).retain(|_, diagnosis| !matches!(diagnosis, Diagnosis::Sound));
        let Shared { frames, derived, .. } = self.shared.as_ref();
        let believes = |mark: &Head| {
            let edge = frames.locate(mark.size).and_then(|run| frames.edge(run));
            !self.anew && edge.is_ok_and(|edge| edge.head() == *mark)
        };
        derived.open(believes)?;
        self.anew = false;
        frames.locate(derived.covered())
    }
}

impl Follow for TilesAndPositions {
    fn name(&self) -> &'static str {
        "tiles"
    }

    fn next_run(&mut self) -> Result<Option<u64>, StoreError> {
        if self.next.is_none() {
            self.next = Some(self.open()?);
        }
        Ok(self.next.filter(|next| *next < self.shared.frames.newest()))
    }

    fn frame(&mut self, at: FrameAt, frame: &Frame<'_>, extension: &Extension) {
        let chunk = self.chunk.get_or_insert_with(|| Chunk::new(at.run, extension.size_before()));
        chunk.push(at, frame, extension);
    }

    fn keep(&mut self) -> Result<(), StoreError> {
        let Some(next) = self.next.map(|run| run + 1) else { return Ok(()) };
        if let Some(chunk) = self.chunk.take() {
            let head = self.shared.frames.edge(next)?.head();
            self.next = None;
            self.shared.derived.add(&chunk, &head)?;
            write(&self.shared.volatile.tail).drop_covered(chunk.end());
        }
        self.next = Some(next);
        Ok(())
    }

    fn failed(&mut self, error: &StoreError) {
        self.chunk = None;
        let problem = if self.next.is_none() {
            self.rebuilding = true;
            self.shared.observer.derived_failed(&error.to_string());
            format!("the derived files cannot be written: {error}")
        } else if error.is_damage() {
            // What is derived can't be made again: it is kept, and goes on being checked.
            error.to_string()
        } else {
            format!("{error}; it will be tried again")
        };
        self.shared.derived.set_problem(Some(problem));
    }

    fn caught_up(&mut self) {
        self.shared.derived.set_problem(None);
        if std::mem::take(&mut self.rebuilding) {
            self.shared.observer.derived_rebuilt(self.shared.derived.covered());
        }
    }

    fn start_over(&mut self) {
        (self.next, self.anew, self.rebuilding) = (None, true, true);
    }

    fn behind(&self) -> u64 {
        let frames = self.shared.frames.as_ref();
        let full = frames.first_index(frames.newest()).unwrap_or(0);
        full.saturating_sub(self.shared.derived.covered())
    }
}
