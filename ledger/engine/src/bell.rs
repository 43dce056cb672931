//! How the follower is woken.

use crate::sync::lock;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How the other threads tell the follower that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    orders: Mutex<Orders>,
    rung: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Orders {
    committed: bool,
    pub(crate) rebuild: bool,
    pub(crate) stop: bool,
}

impl Bell {
    /// A group was committed.
    pub(crate) fn committed(&self) {
        lock(&self.orders).committed = true;
        self.rung.notify_all();
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

    /// Waits for an order, or for a commit; with a timeout at most as long as that.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Orders {
        let idle = |orders: &mut Orders| !(orders.committed || orders.rebuild || orders.stop);
        let orders = lock(&self.orders);
        let mut orders = match timeout {
            Some(timeout) => match self.rung.wait_timeout_while(orders, timeout, idle) {
                Ok((orders, _)) => orders,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => self.rung.wait_while(orders, idle).unwrap_or_else(|poisoned| poisoned.into_inner()),
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
