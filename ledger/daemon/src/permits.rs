//! Permits for bytes of request bodies: what bounds the daemon's memory, where a count of requests would not.
//!
//! A permit is taken as bytes arrive and given back when the request is answered. Nobody ever waits for one: a client
//! that waits holds its connection and whatever of its body has arrived, which is what permits are there to prevent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all requests together may still hold.
#[derive(Debug)]
pub struct Permits {
    free_bytes: AtomicUsize,
}

impl Permits {
    /// `bytes` for all requests together.
    #[must_use]
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { free_bytes: AtomicUsize::new(bytes) })
    }

    /// Bytes that nobody holds.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.free_bytes.load(Ordering::Relaxed)
    }

    /// A request's share, empty to start with.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share { permits: Arc::clone(self), bytes: 0 }
    }
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub struct Share {
    permits: Arc<Permits>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more. `false` when there are not as many free, and then none are taken.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let free = &self.permits.free_bytes;
        // The counter guards no other memory, so its order with other accesses doesn't matter.
        let taken = free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.permits.free_bytes.fetch_add(self.bytes, Ordering::Relaxed);
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
        drop(one);
        assert_eq!(permits.free_bytes(), 100);
    }
}
