//! The log as handlers reach it: what is in memory at once, appends awaited, and whatever may wait for a disk in one pool.
//!
//! A worker that waited for a disk would hold up every request that it has, `/healthz` and appends among them. A read takes
//! a place in the pool, or is refused; then it waits for its turn. Both stay with the read itself: one whose client is gone
//! counts until it ends.

use crate::http::problem::{BUSY_READS, INTERNAL, Problem};
use provlog_core::note::VerifierKey;
use provlog_engine::{
    AppendError, Appended, AppendedBatch, Committed, DedupKey, Health, Log, Reader, Submission,
};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

/// Reads at once where the machine has fewer cores: one that hangs must not be all there is.
const TURNS_MIN: usize = 2;

/// Requests that read or wait for it. Most reads take less than 0.1 ms, so whoever comes last waits for some 50 ms.
pub(crate) const PLACES: usize = 1024;

/// A log, and the pool of its reads.
pub(crate) struct AsyncLog {
    log: Log,
    reader: Reader,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl AsyncLog {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            reader: log.reader(),
            log,
            turns: Arc::new(Semaphore::new(turns())),
            places: Arc::new(Semaphore::new(PLACES)),
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
        let failed = |error: &dyn ToString| Problem::new(&INTERNAL, error.to_string());
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| failed(&error))?;
        let reader = self.reader.clone();
        let ended = spawn_blocking(move || {
            let _turn = turn;
            read(&reader)
        });
        ended.await.map_err(|error| failed(&error))
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

fn turns() -> usize {
    available_parallelism().map_or(TURNS_MIN, |cores| cores.get().max(TURNS_MIN))
}

/// The engine answers everything it is given; that it doesn't is a bug in it.
async fn settled<T>(answer: oneshot::Receiver<Result<T, AppendError>>) -> Result<T, Problem> {
    let unanswered = "the log did not answer; ask again, which is safe with an idempotency key or own salts";
    Ok(answer.await.map_err(|_| Problem::new(&INTERNAL, unanswered))??)
}
