//! The log as handlers reach it: what is in memory at once, appends awaited, and whatever may wait for a disk in pools.
//!
//! A worker that waited for a disk would hold up every request that it has, `/healthz` and appends among them. What is in
//! memory is read where it is asked for. Any other read takes a place in a pool of a few threads, or is refused, and waits for
//! its turn. One whose client is gone counts until its turn is over.
//!
//! Answers that go on and on have a pool of their own, which never has all cores, and stands back for everybody else: whoever
//! mirrors the log must not be what appends wait for.

use crate::http::codes::{BUSY_READS, INTERNAL};
use crate::http::problem::Problem;
use crate::http::request_id;
use crate::log::delivery;
use crate::log::pool::ReadPool;
use provlog_core::note::VerifierKey;
use provlog_engine::{
    AppendError, Appended, AppendedBatch, Committed, DedupKey, Health, Log, ReadError, Reader, State,
    Submission, Untaken,
};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::{Semaphore, oneshot};

/// Reads at once where the machine has fewer cores: one that hangs must not be all there is.
const TURNS_MIN: usize = 2;

/// Requests that read or wait for it. Most reads take less than 0.1 ms, so whoever comes last waits for some 50 ms.
pub(crate) const PLACES: usize = 1024;

/// How far long answers stand back, as `nice` counts: they get a quarter of what others get, where all want one core.
const STREAMS_NICENESS: i32 = 5;

/// A log, and the pools of its reads.
pub(crate) struct AsyncLog {
    log: Log,
    /// Reads what is in memory, where a request is answered.
    in_memory: Reader,
    reads: ReadPool,
    streams: ReadPool,
    places: Arc<Semaphore>,
}

impl AsyncLog {
    /// Starts the threads that read; they end with it.
    ///
    /// # Errors
    /// What the system says when it has no thread to give.
    pub(crate) fn new(log: Log) -> io::Result<Self> {
        let (reader, turns) = (log.reader(), turns());
        Ok(Self {
            in_memory: reader.unwaiting(),
            reads: ReadPool::start("reads", turns, 0, &reader)?,
            streams: ReadPool::start("streams", turns - 1, STREAMS_NICENESS, &reader)?,
            log,
            places: Arc::new(Semaphore::new(PLACES)),
        })
    }

    /// Reads what is in memory, and says of everything else that it would wait.
    pub(crate) const fn in_memory(&self) -> &Reader {
        &self.in_memory
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
        match read(&self.in_memory) {
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
        let read = move |reader: &Reader| {
            let _place = place;
            read(reader)
        };
        in_turn(&self.reads, read).await
    }

    /// What `read` gives of an answer that has begun: it waits for a turn of those answers, however many there are.
    ///
    /// # Errors
    /// 500 when reading panicked, which is a bug.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.streams, read).await
    }

    /// Appends one record.
    ///
    /// # Errors
    /// Whatever keeps the log from taking it.
    pub(crate) async fn append(&self, submission: Submission) -> Result<Appended, Problem> {
        let (addressee, answer) = delivery::expect();
        // A client that is gone asks again, and gets the same entry.
        self.log.append(submission, move |appended, untaken| addressee.send((appended, untaken)));
        settled(answer).await
    }

    /// Appends a batch: all of it, or nothing.
    ///
    /// # Errors
    /// Whatever keeps the log from taking it.
    pub(crate) async fn append_batch(&self, batch: Vec<Submission>) -> Result<AppendedBatch, Problem> {
        let (sender, answer) = oneshot::channel();
        self.log.append_batch(batch, move |appended, untaken| drop(sender.send((appended, untaken))));
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

    pub(crate) fn touched(&self, state: &State, among: Range<u64>) -> Result<Vec<u64>, AppendError> {
        self.log.touched(state, among)
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

async fn in_turn<T: Send + 'static>(
    pool: &ReadPool,
    read: impl FnOnce(&Reader) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (sender, answer) = oneshot::channel();
    let request = request_id::current();
    pool.hand_over(move |reader| {
        // Nobody needs it where the client is gone by now.
        if !sender.is_closed() {
            drop(sender.send(request_id::on_behalf(request, || read(reader))));
        }
    });
    answer.await.map_err(|_| Problem::new(&INTERNAL, "a read panicked: this is a bug, please report it"))
}

fn turns() -> usize {
    available_parallelism().map_or(TURNS_MIN, |cores| cores.get().max(TURNS_MIN))
}

/// The engine answers everything it is given; that it doesn't is a bug in it.
async fn settled<T>(answer: oneshot::Receiver<(Result<T, AppendError>, Untaken)>) -> Result<T, Problem> {
    let unanswered = "the log did not answer; ask again, which is safe with an idempotency key or own salts";
    let (settled, _untaken) = answer.await.map_err(|_| Problem::new(&INTERNAL, unanswered))?;
    Ok(settled?)
}
