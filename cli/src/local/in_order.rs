//! One kind of work on many items, by as many threads as this machine runs at a time, with the results in the order of the
//! items.

use std::sync::mpsc::{self, Receiver};
use std::thread::{self, Scope};

/// Results of one thread that wait for their turn: enough for no thread to wait for a slow one at once, and few to hold.
const WAITING_MAX: usize = 8;

/// Results that come in order. Of so many threads the first works on the first item and every so manieth after it, the second
/// on those behind them, and so on: so there is nothing to hand out, and the next result is always that of the next thread.
/// Threads end once this is dropped, or all of their items are done.
#[derive(Debug)]
pub(crate) struct InOrder<R> {
    threads: Vec<Receiver<R>>,
    next: usize,
}

impl<R: Send> InOrder<R> {
    /// Starts on `items`; each thread by a worker of its own.
    pub(crate) fn start<'scope, T, W>(
        scope: &'scope Scope<'scope, '_>,
        items: &'scope [T],
        worker: impl Fn() -> W,
    ) -> Self
    where
        T: Sync,
        R: 'scope,
        W: FnMut(&T) -> R + Send + 'scope,
    {
        let count = thread::available_parallelism().map_or(1, usize::from).min(items.len());
        let start = |nth| {
            let (give, results) = mpsc::sync_channel(WAITING_MAX);
            let mut work = worker();
            scope.spawn(move || {
                for item in items.iter().skip(nth).step_by(count) {
                    // Nobody wants any more results.
                    if give.send(work(item)).is_err() {
                        break;
                    }
                }
            });
            results
        };
        Self { threads: (0..count).map(start).collect(), next: 0 }
    }
}

impl<R> Iterator for InOrder<R> {
    type Item = R;

    /// None behind the last, and where its thread ended early.
    fn next(&mut self) -> Option<R> {
        let result = self.threads.get(self.next)?.recv().ok();
        self.next = (self.next + 1) % self.threads.len();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn all(count: usize) -> Vec<usize> {
        let items: Vec<usize> = (0..count).collect();
        thread::scope(|scope| {
            let double = |item: &usize| {
                // The first of all is the last to be done.
                thread::sleep(Duration::from_millis(if *item == 0 { 20 } else { 0 }));
                2 * item
            };
            InOrder::start(scope, &items, || double).collect()
        })
    }

    #[test]
    fn results_come_in_the_order_of_their_items() {
        for count in [0, 1, 2, 3, 100] {
            assert_eq!(all(count), (0..count).map(|item| 2 * item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn threads_work_no_further_ahead_than_they_may_and_end_when_nobody_listens() {
        let (items, done) = (vec![(); 100_000], AtomicUsize::new(0));
        let threads = thread::scope(|scope| {
            let count = || |(): &()| done.fetch_add(1, Ordering::Relaxed);
            let mut results = InOrder::start(scope, &items, count);
            assert!(results.next().is_some());
            results.threads.len()
        });
        // Those that wait, one that was taken, and one that each thread has in its hands.
        assert!(done.into_inner() <= threads * (WAITING_MAX + 1) + 1);
    }
}
