//! Permits for bytes of request bodies, and of what is made of them: what bounds the daemon's memory, where a count of requests
//! would not.
//!
//! A permit is taken as bytes arrive or are made, and given back as soon as the log has what they say. Nobody ever waits for
//! one: a client that waits holds its connection and whatever of its body has arrived, which is what permits are there to
//! prevent. Batches leave some for single appends, so that a few large requests can't keep all small ones out.

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

    /// A request's share, empty to start with. It never takes the last `left_over` bytes.
    pub(crate) fn share(self: &Arc<Self>, left_over: usize) -> Share {
        Share { permits: Arc::clone(self), bytes: 0, left_over }
    }
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    permits: Arc<Permits>,
    bytes: usize,
    left_over: usize,
}

impl Share {
    /// Holds `bytes` more. `false` when there are not as many to be had, and then none are taken.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let free = &self.permits.bytes_free;
        // The counter guards no other memory, so its order with other accesses doesn't matter.
        let take = |free: usize| free.checked_sub(bytes).filter(|left| *left >= self.left_over);
        let taken = free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
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
        let (mut one, mut two) = (permits.share(0), permits.share(0));
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

    #[test]
    fn some_are_left_over() {
        let permits = Permits::new(100);
        let (mut large, mut small) = (permits.share(30), permits.share(0));
        assert!(!large.grow(71));
        assert!(large.grow(70));
        assert!(!large.grow(1));
        assert!(small.grow(30));
        large.keep(60);
        assert!(!large.grow(1), "what it gave back is left over");
        assert!(small.grow(10));
    }
}
