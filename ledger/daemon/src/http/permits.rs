//! Permits for bytes of request bodies: what bounds the daemon's memory, where a count of requests would not.
//!
//! A permit is taken as bytes arrive and given back as the request is answered. Nobody ever waits for one: a client
//! that waits holds its connection and whatever of its body has arrived, which is what permits are there to prevent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all requests together may still hold.
#[derive(Debug)]
pub(crate) struct Permits {
    bytes_free: AtomicUsize,
}

impl Permits {
    /// `bytes` for all requests together.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes_free: AtomicUsize::new(bytes) })
    }

    /// Bytes that nobody holds.
    pub(crate) fn bytes_free(&self) -> usize {
        self.bytes_free.load(Ordering::Relaxed)
    }

    /// A request's share, empty to start with.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { permits: Arc::clone(self), bytes: 0 }
    }
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    permits: Arc<Permits>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more. `false` when there are not as many free, and then none are taken.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let free = &self.permits.bytes_free;
        // The counter guards no other memory, so its order with other accesses doesn't matter.
        let taken = free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }

    /// Gives back all but `bytes`.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        self.permits.bytes_free.fetch_add(spare, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.permits.bytes_free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let permits = Permits::new(100);
        let mut one = permits.share();
        let mut two = permits.share();
        assert!(one.grow(60));
        assert!(!two.grow(41), "more than is free");
        assert!(two.grow(40), "a refused share took nothing");
        assert!(!one.grow(1));
        drop(two);
        assert!(one.grow(40));
        one.keep(101);
        assert_eq!(permits.bytes_free(), 0, "it keeps what it has, and takes nothing");
        one.keep(70);
        assert_eq!(permits.bytes_free(), 30);
        drop(one);
        assert_eq!(permits.bytes_free(), 100);
    }
}
