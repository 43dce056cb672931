//! Threads that read the log, one read after the other: to start each read anew on a thread of the runtime's cost more than most
//! reads do.

use provlog_engine::Reader;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, yield_now};

/// Reads after which a thread lets others have its core: without that, one that is never idle keeps it for some milliseconds,
/// and `/healthz` waits as long. Yielding more often costs reads, and yielding less often costs `/healthz`.
const READS_IN_A_ROW: usize = 4;

/// A read that waits for its turn, and hands its answer over itself.
type Read = Box<dyn FnOnce(&Reader) + Send>;

/// Threads, and the reads that wait for them.
pub(crate) struct ReadPool {
    reads: Sender<Read>,
}

impl ReadPool {
    /// Starts the threads; they end with the pool. `niceness` is how far they stand back for the other threads of the daemon
    /// where there are too few cores for all.
    ///
    /// # Errors
    /// What the system says when it has no thread to give.
    pub(crate) fn start(
        name: &'static str,
        threads: usize,
        niceness: i32,
        reader: &Reader,
    ) -> io::Result<Self> {
        let (reads, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let (reader, waiting) = (reader.clone(), Arc::clone(&waiting));
            Builder::new().name(name.into()).spawn(move || {
                // On Linux a priority is a thread's own. Without it everything works, less evenly.
                if let Err(error) = setpriority_process(Some(gettid()), niceness) {
                    tracing::debug!(%error, name, "a thread keeps its priority");
                }
                take_turns(&reader, &waiting);
            })?;
        }
        Ok(Self { reads })
    }

    /// Hands over a read. The threads end with the pool: one that can't be handed over is as one that they lost.
    pub(crate) fn hand_over(&self, read: impl FnOnce(&Reader) + Send + 'static) {
        let _handed_over = self.reads.send(Box::new(read));
    }
}

/// What a thread does: one read after the other. One that panics takes no other one with it.
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
