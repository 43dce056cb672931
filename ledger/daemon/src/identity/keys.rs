//! The keys of an issuer that publishes them at an address: what was fetched last, and the thread that fetches.
//!
//! Each such issuer has a thread of its own, which mostly sleeps: an issuer that hangs holds up no other and no request, and nobody
//! waits for it when the daemon ends. It ends with the issuer.

use crate::identity::error::KeysError;
use crate::identity::fetch::Outside;
use crate::identity::held::{HeldKeys, KeysStanding};
use crate::identity::issuer::Issuer;
use crate::identity::key_set::KeySet;
use crate::identity::schedule::Schedule;
use crate::identity::source;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// Keys that are fetched. When it is dropped, none are any more.
#[derive(Debug)]
pub(super) struct FetchedKeys(Arc<Fetching>);

#[derive(Debug)]
struct Fetching {
    issuer: Arc<Issuer>,
    outside: Arc<dyn Outside>,
    state: Mutex<FetchState>,
    /// Rung where the thread has something to do before its time.
    wake: Condvar,
    /// Says that a fetch has ended, under the lock.
    ended: watch::Sender<()>,
}

#[derive(Debug)]
struct FetchState {
    held: HeldKeys,
    /// What there is where nothing may be used.
    nothing: Arc<KeySet>,
    schedule: Schedule,
    /// Whether a fetch is under way, or about to be.
    is_fetching: bool,
    has_thread: bool,
    is_over: bool,
}

impl FetchedKeys {
    /// Those of this issuer, which are fetched from now on.
    pub(super) fn new(issuer: Arc<Issuer>, outside: Arc<dyn Outside>) -> Self {
        let state = FetchState {
            held: HeldKeys::default(),
            nothing: Arc::default(),
            schedule: Schedule::new(outside.now()),
            is_fetching: true,
            has_thread: false,
            is_over: false,
        };
        let fetching = Fetching {
            issuer,
            outside,
            state: state.into(),
            wake: Condvar::new(),
            ended: watch::Sender::new(()),
        };
        let fetching = Arc::new(fetching);
        fetching.start(&mut fetching.lock());
        Self(fetching)
    }

    /// The keys that may be used now; none where there are none.
    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(self.0.lock().usable(self.0.outside.now()))
    }

    /// The keys that were fetched last, however old they are.
    pub(super) fn last(&self) -> Arc<KeySet> {
        Arc::clone(self.0.lock().held.set())
    }

    /// Waits for newer keys than those that were seen, where some may be fetched now or are, and says whether what isn't among them then is no key of the
    /// issuer's. Everybody who waits gets the same fetch. A fetch ends in its time; whatever hangs, nobody waits longer than this.
    pub(super) async fn renew(&self, seen: &Arc<KeySet>, longest: Duration) -> bool {
        if let Some(mut ended) = self.ask(seen) {
            let _ = timeout(longest, ended.changed()).await;
        }
        self.is_fresh()
    }

    /// Whether they were fetched just now.
    pub(super) fn is_fresh(&self) -> bool {
        self.0.lock().schedule.is_fresh(self.0.outside.now())
    }

    /// How it stands with them.
    pub(super) fn standing(&self) -> KeysStanding {
        let current = self.current();
        let held = &self.0.lock().held;
        held.standing(&self.0.issuer.name, &current, held.taken_s())
    }

    /// Has keys fetched unless they are being fetched; none where others than those that were seen came meanwhile, or that was done too
    /// often. The receiver is told of the fetch's end.
    fn ask(&self, seen: &Arc<KeySet>) -> Option<watch::Receiver<()>> {
        let mut state = self.0.lock();
        if !Arc::ptr_eq(state.usable(self.0.outside.now()), seen) {
            return None;
        }
        let ended = self.0.ended.subscribe();
        if !state.is_fetching {
            if !state.schedule.ask(self.0.outside.now()) {
                return None;
            }
            state.is_fetching = true;
            self.0.wake.notify_all();
        }
        self.0.start(&mut state);
        Some(ended)
    }
}

impl FetchState {
    /// The keys that may be used at this time.
    fn usable(&self, now: Instant) -> &Arc<KeySet> {
        if self.schedule.is_usable(now) { self.held.set() } else { &self.nothing }
    }
}

impl Drop for FetchedKeys {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.wake.notify_all();
    }
}

impl Fetching {
    fn lock(&self) -> MutexGuard<'_, FetchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, unless there is one. Where the system has none to give the fetch has failed, and the next token that waits
    /// for one tries again.
    fn start(self: &Arc<Self>, state: &mut FetchState) {
        if state.has_thread {
            return;
        }
        let own = Arc::clone(self);
        match Builder::new().name("issuer-keys".into()).spawn(move || own.run()) {
            Ok(_) => state.has_thread = true,
            Err(error) => self.end(state, Err(KeysError::Thread(error))),
        }
    }

    fn run(&self) {
        while self.wait_for_turn() {
            let read = catch_unwind(AssertUnwindSafe(|| source::read(&self.issuer, &*self.outside)));
            self.end(&mut self.lock(), read.unwrap_or(Err(KeysError::Panicked)));
        }
    }

    /// Waits until a fetch is due; never, where the issuer is gone.
    fn wait_for_turn(&self) -> bool {
        let mut state = self.lock();
        while !state.is_over {
            let pause = state.schedule.until_next(self.outside.now());
            if state.is_fetching || pause.is_zero() {
                state.is_fetching = true;
                return true;
            }
            state = self.wake.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn end(&self, state: &mut FetchState, read: Result<KeySet, KeysError>) {
        let is_taken = state.held.take(&self.issuer.name, read, self.outside.now_s());
        let now = self.outside.now();
        if is_taken {
            state.schedule.taken(now, state.held.set().refresh_hint());
        } else {
            state.schedule.failed(now);
        }
        state.is_fetching = false;
        self.ended.send_replace(());
    }
}

#[cfg(test)]
mod tests;
