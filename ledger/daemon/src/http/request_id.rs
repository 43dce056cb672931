//! The number that a request has in its answer and in every line that is logged of it.
//!
//! A request is polled on one thread at a time, and so is everything that is done for it: the thread remembers for whom it works.
//! That is a store before and behind each poll. A span of `tracing` would cost an allocation a request, whether or not anything is
//! logged of it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use provlog_core::hex;
use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that each answer has.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Starts where the system's randomness says, so that two runs share no ids; without any at 0, which is no worse than that.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let mut start = [0; 8];
    let _ = getrandom::fill(&mut start);
    AtomicU64::new(u64::from_be_bytes(start))
});

thread_local! {
    static CURRENT: Cell<Option<RequestId>> = const { Cell::new(None) };
}

/// One request's number, 16 hex digits. It is drawn here: what a client sends for one is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestId(u64);

impl RequestId {
    /// The next one.
    pub(crate) fn draw() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts it into an answer.
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        // Hex digits are always a header's value.
        if let Ok(value) = HeaderValue::try_from(hex::encode(&self.0.to_be_bytes())) {
            headers.insert(REQUEST_ID, value);
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0.to_be_bytes()))
    }
}

/// The request that this thread works for now.
pub(crate) fn current() -> Option<RequestId> {
    CURRENT.get()
}

/// Does something for a request, on whatever thread it is called.
pub(crate) fn on_behalf<T>(of: Option<RequestId>, work: impl FnOnce() -> T) -> T {
    let _before = Before(CURRENT.replace(of));
    work()
}

/// Polls something for a request until it is done.
pub(crate) async fn within<F: Future>(of: Option<RequestId>, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| on_behalf(of, || work.as_mut().poll(context))).await
}

/// Whom the thread worked for before, and works for again, also where the work panics.
struct Before(Option<RequestId>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn work_knows_whom_it_is_for() {
        let (one, two) = (RequestId::draw(), RequestId::draw());
        assert_ne!(one, two);
        assert_eq!(one.to_string().len(), 16);
        let told = |id| within(Some(id), async { (current(), yield_now().await, current()) });
        assert_eq!(
            tokio::join!(told(one), told(two)),
            ((Some(one), (), Some(one)), (Some(two), (), Some(two)))
        );
        assert_eq!(current(), None);
        catch_unwind(|| on_behalf(Some(one), || panic!("on purpose, in a test"))).unwrap_err();
        assert_eq!(current(), None);
    }
}
