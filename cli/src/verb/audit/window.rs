//! How far threads may run ahead of the one that puts their results together: where it waits for a bundle that a log holds
//! back, what others have found must not pile up.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The turn of the next result, and whether there will be none.
#[derive(Debug, Default)]
struct Turn {
    next: u64,
    over: bool,
}

/// A window over indices, which moves up with what was put together.
#[derive(Debug)]
pub(super) struct Ahead {
    length: u64,
    turn: Mutex<Turn>,
    moved: Condvar,
}

impl Ahead {
    /// Over so many indices from `first` on.
    pub(super) fn new(first: u64, length: u64) -> Self {
        Self { length, turn: Mutex::new(Turn { next: first, over: false }), moved: Condvar::new() }
    }

    /// Waits until an index is within the window. Whether its result is still wanted.
    pub(super) fn reaches(&self, index: u64) -> bool {
        let far = |turn: &mut Turn| !turn.over && index >= turn.next.saturating_add(self.length);
        let turn = self.moved.wait_while(self.turn(), far).unwrap_or_else(PoisonError::into_inner);
        !turn.over
    }

    /// Everything before `next` was put together.
    pub(super) fn move_to(&self, next: u64) {
        self.turn().next = next;
        self.moved.notify_all();
    }

    /// Nothing more is wanted.
    pub(super) fn close(&self) {
        self.turn().over = true;
        self.moved.notify_all();
    }

    /// Nothing panics while it holds the lock, and each of the two fields is right on its own.
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the window where its thread panics: the others would wait for a result that never comes.
pub(super) struct ClosedOnPanic<'a>(pub(super) &'a Ahead);

impl Drop for ClosedOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
