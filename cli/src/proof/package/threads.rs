//! Batches of records, checked on several threads.

use super::onlooker::Onlooker;
use provlog_core::package::{Batch, Checked, Files, Stream, Unreadable};
use std::thread;

/// A package's files, whose records an onlooker sees while they are checked.
pub(super) struct Watched<'f, F, O> {
    pub(super) files: &'f F,
    pub(super) onlooker: &'f O,
}

impl<F: Files, O: Onlooker> Files for Watched<'_, F, O> {
    fn names(&self) -> Vec<String> {
        self.files.names()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        self.files.open(name)
    }

    fn workers(&self) -> usize {
        self.files.workers()
    }

    fn check<'m>(&self, batches: Vec<Batch<'m>>, meanwhile: &mut dyn FnMut()) -> Vec<Checked> {
        check_in_parallel(batches, self.onlooker, meanwhile)
    }
}

/// Checks batches on as many threads, and keeps their order for the onlooker, too. This thread does something else meanwhile.
pub(super) fn check_in_parallel<O: Onlooker>(
    batches: Vec<Batch<'_>>,
    onlooker: &O,
    meanwhile: &mut dyn FnMut(),
) -> Vec<Checked> {
    let check = |batch: Batch<'_>| {
        let mut part = onlooker.part();
        let checked = batch.check_each(&mut |index, record| O::see(&mut part, index, record));
        (checked, part)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = batches.into_iter().map(|batch| scope.spawn(|| check(batch))).collect();
        meanwhile();
        let ended = "this is a bug, please report it: a thread ended early";
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        let taken = joined.map(|worker| match worker {
            Ok((checked, part)) => {
                onlooker.keep(part);
                checked
            }
            Err(_) => Checked::refused(ended),
        });
        taken.collect()
    })
}

/// As many as this machine runs at a time.
pub(super) fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
