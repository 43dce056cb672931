//! The thread that reads full runs of the journal back, once for all who want them. It checks all that it reads.
//!
//! One consumer that is in trouble keeps no other from going on. Damage in the journal ends who needs it, until the next
//! start, and the operator is told file and offset. Trouble with the derived files is retried, and so is a journal that the
//! system won't let us read. None of it reaches the sequencer.

mod follow;

use crate::scan::scan_run;
use crate::shared::Shared;
use crate::store::StoreError;
use follow::{Follow, OlderTraces, TilesAndPositions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long after a failed write of derived files, or a failed read of the journal, it is tried again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The thread's state.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    consumers: [Consumer; 2],
}

struct Consumer {
    follow: Box<dyn Follow>,
    state: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// It wants this run, or, with none, has all that it is to have.
    Going(Option<u64>),
    /// Nothing is tried before, however often the log commits.
    RetryAt(Instant),
    /// The journal is damaged where it needs it.
    Over,
}

impl Follower {
    /// Of a log that was just opened.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let traces: Box<dyn Follow> = Box::new(OlderTraces::new(Arc::clone(&shared)));
        let files: Box<dyn Follow> = Box::new(TilesAndPositions::new(Arc::clone(&shared)));
        Self {
            shared,
            consumers: [traces, files].map(|follow| Consumer { follow, state: Progress::Going(None) }),
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let guard = FollowerGuard(Arc::clone(&self.shared));
        loop {
            self.catch_up(Instant::now());
            let retries = self.consumers.iter().filter_map(|consumer| match consumer.state {
                Progress::RetryAt(at) => Some(at.saturating_duration_since(Instant::now())),
                Progress::Going(_) | Progress::Over => None,
            });
            let orders = self.shared.bell.wait(retries.min());
            if orders.stop {
                break;
            }
            if orders.rebuild {
                self.start_over();
            }
        }
        drop(guard);
    }

    /// Something derived was found wrong.
    pub(crate) fn start_over(&mut self) {
        for consumer in self.consumers.iter_mut().filter(|consumer| consumer.state != Progress::Over) {
            consumer.follow.start_over();
            consumer.state = Progress::Going(None);
        }
    }

    /// Reads every full run that is still to be read. Woken at every commit, it reads nothing while the newest run fills:
    /// that one's share is in memory.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        for consumer in &mut self.consumers {
            if matches!(consumer.state, Progress::RetryAt(at) if at <= now) {
                consumer.state = Progress::Going(None);
            }
        }
        while !self.shared.bell.stopping()
            && let Some(run) = self.next_run()
        {
            self.hand_out(run);
        }
        for Consumer { follow, state } in &mut self.consumers {
            if *state == Progress::Going(None) {
                follow.caught_up();
            }
            self.shared.observer.followed(follow.name(), follow.behind());
        }
    }

    /// The first run that someone wants.
    fn next_run(&mut self) -> Option<u64> {
        for consumer in self.consumers.iter_mut().filter(|it| matches!(it.state, Progress::Going(_))) {
            match consumer.follow.next_run() {
                Ok(run) => consumer.state = Progress::Going(run),
                Err(error) => {
                    tell(&self.shared, &error);
                    consumer.fail(&error);
                }
            }
        }
        let wanted = |consumer: &Consumer| if let Progress::Going(run) = consumer.state { run } else { None };
        self.consumers.iter().filter_map(wanted).min()
    }

    fn hand_out(&mut self, run: u64) {
        let wants = |consumer: &&mut Consumer| consumer.state == Progress::Going(Some(run));
        let mut wanting: Vec<_> = self.consumers.iter_mut().filter(wants).collect();
        let read = scan_run(self.shared.frames.as_ref(), run, 0, |at, frame, extension| {
            wanting.iter_mut().for_each(|consumer| consumer.follow.frame(at, frame, extension));
            Ok(())
        });
        if let Err(error) = &read {
            tell(&self.shared, error);
            return wanting.into_iter().for_each(|consumer| consumer.fail(error));
        }
        for consumer in wanting {
            if let Err(error) = consumer.follow.keep() {
                tell(&self.shared, &error);
                consumer.fail(&error);
            }
        }
    }
}

impl Consumer {
    fn fail(&mut self, error: &StoreError) {
        self.follow.failed(error);
        let over = error.is_damage();
        self.state = if over { Progress::Over } else { Progress::RetryAt(Instant::now() + RETRY_AFTER) };
    }
}

/// Once for all who have the trouble.
fn tell(shared: &Shared, error: &StoreError) {
    if error.is_damage() {
        shared.report_damage(&error.to_string());
    } else {
        tracing::error!(%error, "what is made behind the commits can't go on; it will be tried again");
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
