//! The threads on which requests are served: each has a runtime of its own, and owns the connections that it was handed.
//!
//! What belongs to a connection stays in one core's cache, and what a request does on its way wakes no other thread. Beside one
//! runtime whose threads share all tasks that is 15 % more appends from 256 clients, and 17 % from 64 (`benches/README.md`).

use std::io;
use std::process::abort;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle, available_parallelism, panicking};
use tokio::runtime::{self, Handle};
use tokio::sync::watch;
use tokio::task;

/// The threads. They end, and cut what is still under way, when this is dropped.
#[derive(Debug)]
pub struct Workers {
    seats: Seats,
    /// Nothing is ever sent: that the sender is gone tells the threads to end.
    running: Option<watch::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// Where to hand work over to the threads, which it doesn't keep.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    workers: Arc<[Worker]>,
    next: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    connections: AtomicUsize,
}

impl Workers {
    /// Two threads, three where there are the cores: what a worker does between two waits is short, and the sequencer's thread
    /// wants a core of its own.
    #[must_use]
    pub fn usual() -> usize {
        available_parallelism().map_or(2, |cores| cores.get().clamp(2, 3))
    }

    /// Starts threads, each of which runs `own`, which never ends, beside what it is handed.
    ///
    /// # Errors
    /// What the system says when it has no thread or no descriptor to give.
    pub fn start<F: Future<Output = ()>>(
        count: usize,
        own: impl Fn() -> F + Copy + Send + 'static,
    ) -> io::Result<Self> {
        let (running, ending) = watch::channel(());
        let (mut workers, mut threads) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            workers.push(Worker { runtime: runtime.handle().clone(), connections: AtomicUsize::new(0) });
            let mut ending = ending.clone();
            let run = move || {
                let _whole = Whole;
                runtime.block_on(async {
                    tokio::select! {
                        _ = ending.changed() => {}
                        () = own() => {}
                    }
                });
            };
            threads.push(Builder::new().name("worker".into()).spawn(run)?);
        }
        let seats = Seats { workers: workers.into(), next: Arc::default() };
        Ok(Self { seats, running: Some(running), threads })
    }

    /// Where to hand work over.
    #[must_use]
    pub fn seats(&self) -> Seats {
        self.seats.clone()
    }
}

/// A worker that panicked would leave its connections unanswered, and take all new ones as it had none: the process ends with it,
/// as it may at any time. (What panics in a task ends that task alone.)
struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        if panicking() {
            tracing::error!("a worker panicked: this is a bug, please report it with the log's output");
            abort();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.running.take());
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            drop(thread.join());
        }
    }
}

impl Seats {
    /// Runs a connection from its beginning to its end on the worker that has fewest.
    pub fn spawn_connection<F: Future<Output = ()> + Send + 'static>(&self, connection: F) {
        let held = |place: &usize| self.workers[*place].connections.load(Ordering::Relaxed);
        let Some(place) = (0..self.workers.len()).min_by_key(held) else {
            drop(task::spawn(connection));
            return;
        };
        let held = Held { workers: Arc::clone(&self.workers), place };
        self.workers[place].connections.fetch_add(1, Ordering::Relaxed);
        self.workers[place].runtime.spawn(async move {
            connection.await;
            drop(held);
        });
    }

    /// Runs a part of a large request on the next worker in turn, so that all cores share in it.
    pub fn spawn<F: Future<Output: Send> + Send + 'static>(&self, part: F) -> task::JoinHandle<F::Output> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        match turn.checked_rem(self.workers.len()) {
            Some(place) => self.workers[place].runtime.spawn(part),
            None => task::spawn(part),
        }
    }
}

/// A connection's place at a worker. Given back also when the connection is cut or panics.
struct Held {
    workers: Arc<[Worker]>,
    place: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.workers[self.place].connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::thread::current;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn connections_go_to_the_worker_that_has_fewest_and_parts_to_each_in_turn() {
        let workers = Workers::start(2, pending).unwrap();
        let seats = workers.seats();
        let connect = || {
            let ((begun, thread), (end, ended)) = (oneshot::channel(), oneshot::channel::<()>());
            seats.spawn_connection(async move {
                begun.send(current().id()).unwrap();
                drop(ended.await);
            });
            (thread, end)
        };
        let ((first, end), (second, _kept)) = (connect(), connect());
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert_ne!(first, second);
        drop(end);
        while seats.workers[0].connections.load(Ordering::Relaxed) > 0 {
            task::yield_now().await;
        }
        assert_eq!(connect().0.await.unwrap(), first, "its place is free again");

        let part = || seats.spawn(async { current().id() });
        let (one, other, again) = (part().await.unwrap(), part().await.unwrap(), part().await.unwrap());
        assert!(one != other && one == again);
        drop(workers);
        assert!(part().await.unwrap_err().is_cancelled(), "the threads are gone");
    }

    #[tokio::test]
    async fn without_threads_work_is_done_where_it_is() {
        assert_eq!(Seats::default().spawn(async { current().id() }).await.unwrap(), current().id());
    }
}
