//! Batches of records, checked on several threads.

use provlog_core::package::{Batch, Checked};
use std::thread;

/// Checks batches on as many threads.
pub(super) fn check_in_parallel<'m>(batches: Vec<Batch<'m>>) -> Vec<Checked> {
    thread::scope(|scope| {
        let workers: Vec<_> = batches.into_iter().map(|batch| scope.spawn(move || batch.check())).collect();
        let ended = "this is a bug, please report it: a thread ended early";
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Checked::refused(ended))).collect()
    })
}

/// As many as this machine runs at a time.
pub(super) fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
