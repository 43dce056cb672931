//! How long a client is waited for that takes an answer, or sends a body.
//!
//! It may be waited for some time in all, and a second more for every 64 KiB that go over the line. A client that moves a byte
//! now and then runs out of it as surely as one that moves nothing; one that is faster never does.

use std::time::Duration;

/// The least that a client has to move, in bytes a second: half a megabit, which most lines exceed.
const RATE_BYTES_PER_S: u64 = 64 * 1024;

/// How long a client is still waited for.
#[derive(Debug)]
pub(crate) struct Patience {
    most: Duration,
    left: Duration,
}

impl Patience {
    /// Waits for `most` in all, unless more is earned.
    pub(crate) fn new(most: Duration) -> Self {
        Self { most, left: most }
    }

    /// Starts anew.
    pub(crate) fn renew(&mut self) {
        self.left = self.most;
    }

    /// How much is left.
    pub(crate) const fn left(&self) -> Duration {
        self.left
    }

    /// The client was waited for.
    pub(crate) fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    /// Bytes went over the line. What they earn is kept only up to the most: else a client could earn hours quickly, and then
    /// hold a request open.
    pub(crate) fn earn(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE_BYTES_PER_S);
        self.left = self.left.saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_earned_by_taking() {
        let s = Duration::from_secs;
        let mut patience = Patience::new(s(30));
        patience.earn(1 << 40);
        assert_eq!(patience.left, s(30), "nothing is saved up");
        patience.spend(s(29));
        patience.earn(2 * 64 * 1024);
        assert_eq!(patience.left, s(3));
        for _ in 0..100 {
            patience.spend(s(1));
            patience.earn(64 * 1024);
        }
        assert_eq!(patience.left, s(3), "this client is just fast enough");
        for _ in 0..4 {
            patience.spend(s(1));
            patience.earn(1024);
        }
        assert_eq!(patience.left, Duration::from_micros(15_625), "this one isn't, though it never stops");
        patience.renew();
        assert_eq!(patience.left, s(30), "the next answer starts anew");
    }
}
