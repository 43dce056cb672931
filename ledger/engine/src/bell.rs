//! How the follower is woken.

use crate::sync::lock;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long after a round commits are left to gather before the next one wakes the follower: each wake-up takes its time from
/// the very append that rings, which is a tenth of a millisecond in one where the machine has two cores.
const PAUSE: Duration = Duration::from_millis(10);

/// How the other threads tell the follower that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    orders: Mutex<Orders>,
    rung: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Orders {
    committed: bool,
    /// Whether a commit is to wake whoever waits.
    listening: bool,
    pub(crate) rebuild: bool,
    pub(crate) stop: bool,
}

impl Bell {
    /// A group was committed.
    pub(crate) fn committed(&self) {
        let mut orders = lock(&self.orders);
        orders.committed = true;
        if orders.listening {
            drop(orders);
            self.rung.notify_all();
        }
    }

    /// A derived file was found wrong.
    pub(crate) fn rebuild(&self) {
        lock(&self.orders).rebuild = true;
        self.rung.notify_all();
    }

    /// The log is being closed.
    pub(crate) fn stop(&self) {
        lock(&self.orders).stop = true;
        self.rung.notify_all();
    }

    pub(crate) fn stopping(&self) -> bool {
        lock(&self.orders).stop
    }

    /// Waits for an order, or for a commit; with a timeout at most as long as that. Commits count after a pause.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Orders {
        let quiet = |orders: &mut Orders| !(orders.rebuild || orders.stop);
        let idle = |orders: &mut Orders| !(orders.committed || orders.rebuild || orders.stop);
        let pause = timeout.map_or(PAUSE, |timeout| timeout.min(PAUSE));
        let paused = self.rung.wait_timeout_while(lock(&self.orders), pause, quiet);
        let (mut orders, _) = paused.unwrap_or_else(PoisonError::into_inner);
        orders.listening = true;
        let mut orders = match timeout {
            Some(timeout) => match self.rung.wait_timeout_while(orders, timeout, idle) {
                Ok((orders, _)) => orders,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => self.rung.wait_while(orders, idle).unwrap_or_else(PoisonError::into_inner),
        };
        let taken = *orders;
        *orders = Orders { stop: taken.stop, ..Orders::default() };
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_wakes_also_who_waits_to_try_something_again() {
        let bell = Bell::default();
        bell.committed();
        let orders = bell.wait(Some(Duration::from_secs(3600)));
        assert!(orders.committed && !orders.rebuild && !orders.stop);
        assert!(!bell.wait(Some(Duration::ZERO)).committed);
    }
}
