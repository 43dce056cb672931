//! When a piece of evidence holds.

use std::fmt;

/// The times, in milliseconds since the Unix epoch, at which a piece of evidence holds: `from_ms` and `to_ms` included
/// (`SPEC.md` section 12.2). The entry that it is for must have its time in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first of them.
    pub from_ms: u64,
    /// The last of them.
    pub to_ms: u64,
}

impl Window {
    /// Whether it holds at this time.
    #[must_use]
    pub const fn contains(&self, time_ms: u64) -> bool {
        self.from_ms <= time_ms && time_ms <= self.to_ms
    }

    /// The times that lie in both; none where there are none.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        let both = Self { from_ms: self.from_ms.max(other.from_ms), to_ms: self.to_ms.min(other.to_ms) };
        (both.from_ms <= both.to_ms).then_some(both)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ms", self.from_ms, self.to_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in_it() {
        let window = Window { from_ms: 5, to_ms: 7 };
        let held: Vec<u64> = (0..10).filter(|time| window.contains(*time)).collect();
        assert_eq!(held, [5, 6, 7]);
        assert_eq!(window.and(&Window { from_ms: 7, to_ms: 9 }), Some(Window { from_ms: 7, to_ms: 7 }));
        assert_eq!(window.and(&Window { from_ms: 8, to_ms: 9 }), None);
    }
}
