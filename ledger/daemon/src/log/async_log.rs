//! The log as handlers reach it: what is in memory at once, appends awaited, and whatever may wait for a disk in one pool.
//!
//! A worker that waited for a disk would hold up every request that it has, `/healthz` and appends among them. What is in
//! memory is read where it is asked for. Any other read takes a place in the pool, or is refused; then it waits for its turn on
//! one of a few threads, which go from read to read: to start each anew on a thread of the runtime's cost more than most reads
//! do. One whose client is gone counts until its turn is over.

use crate::http::problem::{BUSY_READS, INTERNAL, Problem};
use provlog_core::note::VerifierKey;
use provlog_engine::{
    AppendError, Appended, AppendedBatch, Committed, DedupKey, Health, Log, ReadError, Reader, Submission,
};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, available_parallelism, yield_now};
use tokio::sync::{Semaphore, oneshot};

/// Reads at once where the machine has fewer cores: one that hangs must not be all there is.
const TURNS_MIN: usize = 2;

/// Requests that read or wait for it. Most reads take less than 0.1 ms, so whoever comes last waits for some 50 ms.
pub(crate) const PLACES: usize = 1024;

/// Reads after which a thread of the pool lets others have its core: without that, one that is never idle keeps it for some
/// milliseconds, and `/healthz` waits as long. Yielding more often costs reads, and yielding less often costs `/healthz`.
const READS_IN_A_ROW: usize = 4;

/// A read that waits for its turn, and hands its answer over itself.
type Read = Box<dyn FnOnce(&Reader) + Send>;

/// A log, and the pool of its reads.
pub(crate) struct AsyncLog {
    log: Log,
    /// Reads what is in memory, where a request is answered.
    unwaiting: Reader,
    reads: Sender<Read>,
    places: Arc<Semaphore>,
}

impl AsyncLog {
    /// Starts the threads that read; they end with it.
    ///
    /// # Errors
    /// What the system says when it has no thread to give.
    pub(crate) fn new(log: Log) -> io::Result<Self> {
        let (reads, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..turns() {
            let (reader, waiting) = (log.reader(), Arc::clone(&waiting));
            Builder::new().name("reads".into()).spawn(move || take_turns(&reader, &waiting))?;
        }
        Ok(Self { unwaiting: log.reader().unwaiting(), log, reads, places: Arc::new(Semaphore::new(PLACES)) })
    }

    /// What `read` gives of one entry, proof or tile: at once where all that it takes is in memory, else from the pool. A hop
    /// to the pool and back costs two switches of threads, more than most such reads do themselves.
    ///
    /// # Errors
    /// As [`AsyncLog::read`], and whatever `read` meets.
    pub(crate) async fn read_one<T: Send + 'static>(
        &self,
        read: impl Fn(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Problem> {
        match read(&self.unwaiting) {
            Err(ReadError::WouldWait) => Ok(self.read(read).await??),
            answered => Ok(answered?),
        }
    }

    /// What `read` gives, once it had its turn in the pool.
    ///
    /// # Errors
    /// 503 when every place is taken.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy =
            |_| Problem::new(&BUSY_READS, "as many requests wait for stored entries as may; ask again");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        self.read_on(move |reader| {
            let _place = place;
            read(reader)
        })
        .await
    }

    /// As [`AsyncLog::read`], for an answer that has begun: it waits for a turn, whoever else does.
    ///
    /// # Errors
    /// 500 when reading panicked, which is a bug.
    pub(crate) async fn read_on<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (sender, answer) = oneshot::channel();
        let turn = move |reader: &Reader| {
            // Nobody needs it where the client is gone by now.
            if !sender.is_closed() {
                drop(sender.send(read(reader)));
            }
        };
        // The threads end with this log: a read that can't be handed to them is as one that they lost.
        let _handed_over = self.reads.send(Box::new(turn));
        answer.await.map_err(|_| Problem::new(&INTERNAL, "a read panicked: this is a bug, please report it"))
    }

    /// Appends one record.
    ///
    /// # Errors
    /// Whatever keeps the log from taking it.
    pub(crate) async fn append(&self, submission: Submission) -> Result<Appended, Problem> {
        let (sender, answer) = oneshot::channel();
        // A client that is gone asks again, and gets the same entry.
        self.log.append(submission, move |appended| drop(sender.send(appended)));
        settled(answer).await
    }

    /// Appends a batch: all of it, or nothing.
    ///
    /// # Errors
    /// Whatever keeps the log from taking it.
    pub(crate) async fn append_batch(&self, batch: Vec<Submission>) -> Result<AppendedBatch, Problem> {
        let (sender, answer) = oneshot::channel();
        self.log.append_batch(batch, move |appended| drop(sender.send(appended)));
        settled(answer).await
    }

    pub(crate) fn committed(&self) -> Arc<Committed> {
        self.log.committed()
    }

    pub(crate) fn dedup_key(&self, what: &str, caller: &str, key: &[u8]) -> DedupKey {
        self.log.dedup_key(what, caller, key)
    }

    pub(crate) fn dedup_ready(&self) -> Result<(), AppendError> {
        self.log.dedup_ready()
    }

    pub(crate) fn lookup(&self, key: &DedupKey) -> Result<Option<u64>, AppendError> {
        self.log.lookup(key)
    }

    pub(crate) fn health(&self) -> Health {
        self.log.health()
    }

    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.log.free_bytes()
    }

    pub(crate) fn id(&self) -> [u8; 16] {
        self.log.id()
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.log.verifier()
    }

    pub(crate) fn shutdown(&self) {
        self.log.shutdown();
    }
}

/// What a thread of the pool does: one read after the other. One that panics takes no other one with it.
fn take_turns(reader: &Reader, waiting: &Mutex<Receiver<Read>>) {
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut reads: usize = 0;
    while let Ok(read) = next() {
        // A reader keeps nothing of a read that did not end; the panic's message is in the log.
        let _ended = catch_unwind(AssertUnwindSafe(|| read(reader)));
        reads = (reads + 1) % READS_IN_A_ROW;
        if reads == 0 {
            yield_now();
        }
    }
}

fn turns() -> usize {
    available_parallelism().map_or(TURNS_MIN, |cores| cores.get().max(TURNS_MIN))
}

/// The engine answers everything it is given; that it doesn't is a bug in it.
async fn settled<T>(answer: oneshot::Receiver<Result<T, AppendError>>) -> Result<T, Problem> {
    let unanswered = "the log did not answer; ask again, which is safe with an idempotency key or own salts";
    Ok(answer.await.map_err(|_| Problem::new(&INTERNAL, unanswered))??)
}
