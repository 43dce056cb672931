//! Which time an entry gets: the wall clock's, never before the last entry's, and none at all while the wall clock
//! cannot be believed.
//!
//! The wall clock is held against the boot-time clock, which runs on in suspend and which nobody sets. This module
//! never corrects a clock, and never lets one wrong reading into the log, where it could not be taken back.

use provlog_core::entry::TimeMs;
use std::fmt;

/// How far the wall clock may step against the boot-time clock, and lie behind the last entry: a minute.
const STEP_MS_MAX: i128 = 60 * 1000;

/// How far past the last entry the wall clock may be when the log is opened: 366 days.
const AHEAD_AT_OPEN_MS_MAX: i128 = 366 * 24 * 60 * 60 * 1000;

/// The two clocks, so that tests can step them.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since the Unix epoch, as the system tells it; negative before it.
    fn wall_ms(&self) -> i64;
    /// Milliseconds since the machine was started, suspended time included; nobody can set it.
    fn boot_ms(&self) -> i64;
}

/// The system's clocks.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        milliseconds(rustix::time::ClockId::Realtime)
    }

    fn boot_ms(&self) -> i64 {
        milliseconds(rustix::time::ClockId::Boottime)
    }
}

fn milliseconds(clock: rustix::time::ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

/// Why the wall clock isn't believed. Appends are refused until it is right, or the operator says that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClockError {
    /// It moved against the boot-time clock.
    #[error(
        "the wall clock was set by {by_ms} ms while the log was running; at most {STEP_MS_MAX} ms are taken without asking. Set it right, or restart with --accept-clock"
    )]
    Stepped {
        /// By how much; negative is back.
        by_ms: i128,
    },
    /// It is behind the newest entry.
    #[error(
        "the wall clock ({wall_ms}) is {by_ms} ms behind the last entry; at most {STEP_MS_MAX} ms are taken without asking. Set it right, or restart with --accept-clock"
    )]
    Behind {
        /// The wall clock, in milliseconds.
        wall_ms: i64,
        /// How far behind.
        by_ms: i128,
    },
    /// At open it was implausibly far past the newest entry.
    #[error(
        "the wall clock ({wall_ms}) is {by_ms} ms past the last entry, more than 366 days. If that is true, restart with --accept-clock; else set it right"
    )]
    Ahead {
        /// The wall clock, in milliseconds.
        wall_ms: i64,
        /// How far ahead.
        by_ms: i128,
    },
    /// An entry cannot carry it.
    #[error(
        "the wall clock ({wall_ms} ms) is outside of what an entry can carry, 2^32 <= time_ms < 2^53. Set it right"
    )]
    Range {
        /// The wall clock, in milliseconds.
        wall_ms: i64,
    },
}

/// Watches the wall clock for the sequencer.
#[derive(Debug)]
pub(crate) struct ClockGuard {
    /// Wall minus boot-time clock, when the wall clock was last believed; none until it first was.
    believed_offset_ms: Option<i128>,
    /// The operator's word holds until the wall clock has caught up with the last entry.
    accepted: bool,
}

impl ClockGuard {
    /// `accepted`: the operator vouches for the wall clock as it is at this start.
    pub(crate) const fn new(accepted: bool) -> Self {
        Self { believed_offset_ms: None, accepted }
    }

    /// The time for entries appended now, given the last entry's.
    pub(crate) fn now(&mut self, clock: &dyn Clock, last: TimeMs) -> Result<TimeMs, ClockError> {
        let reading = Reading::take(clock);
        let time = self.judge(&reading, last)?;
        // Small corrections add up over months of running, so the next step is measured from here.
        self.believed_offset_ms = Some(reading.offset_ms());
        self.accepted &= reading.past_ms(last) < 0;
        Ok(time)
    }

    /// Whether entries would be appended now. Only appending moves what the next step is measured from.
    pub(crate) fn check(&self, clock: &dyn Clock, last: TimeMs) -> Result<(), ClockError> {
        self.judge(&Reading::take(clock), last).map(drop)
    }

    fn judge(&self, reading: &Reading, last: TimeMs) -> Result<TimeMs, ClockError> {
        let Reading { wall_ms, .. } = *reading;
        let (offset, past_last) = (reading.offset_ms(), reading.past_ms(last));
        if past_last < -STEP_MS_MAX && !self.accepted {
            return Err(ClockError::Behind { wall_ms, by_ms: -past_last });
        }
        match self.believed_offset_ms {
            Some(believed) if (offset - believed).abs() > STEP_MS_MAX => {
                return Err(ClockError::Stepped { by_ms: offset - believed });
            }
            None if past_last > AHEAD_AT_OPEN_MS_MAX && !self.accepted => {
                return Err(ClockError::Ahead { wall_ms, by_ms: past_last });
            }
            _ => {}
        }
        let time = u64::try_from(wall_ms).ok().and_then(TimeMs::new).ok_or(ClockError::Range { wall_ms })?;
        Ok(time.max(last))
    }
}

/// Both clocks at one moment.
struct Reading {
    wall_ms: i64,
    boot_ms: i64,
}

impl Reading {
    fn take(clock: &dyn Clock) -> Self {
        Self { wall_ms: clock.wall_ms(), boot_ms: clock.boot_ms() }
    }

    fn offset_ms(&self) -> i128 {
        i128::from(self.wall_ms) - i128::from(self.boot_ms)
    }

    fn past_ms(&self, last: TimeMs) -> i128 {
        i128::from(self.wall_ms) - i128::from(last.get())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Clocks that move when they are told to.
    #[derive(Debug)]
    pub(crate) struct ManualClock {
        wall_ms: AtomicI64,
        boot_ms: AtomicI64,
    }

    pub(crate) const START_MS: i64 = 1_790_000_000_000;

    impl Default for ManualClock {
        fn default() -> Self {
            Self { wall_ms: AtomicI64::new(START_MS), boot_ms: AtomicI64::new(5000) }
        }
    }

    impl ManualClock {
        /// Time passes.
        pub(crate) fn pass_ms(&self, ms: i64) {
            self.wall_ms.fetch_add(ms, Ordering::Relaxed);
            self.boot_ms.fetch_add(ms, Ordering::Relaxed);
        }

        /// Somebody sets the wall clock.
        pub(crate) fn step_ms(&self, ms: i64) {
            self.wall_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }

    impl Clock for ManualClock {
        fn wall_ms(&self) -> i64 {
            self.wall_ms.load(Ordering::Relaxed)
        }

        fn boot_ms(&self) -> i64 {
            self.boot_ms.load(Ordering::Relaxed)
        }
    }

    fn time(ms: i64) -> TimeMs {
        TimeMs::new(u64::try_from(ms).unwrap()).unwrap()
    }

    #[test]
    fn a_small_step_back_repeats_the_last_time_and_a_large_one_stops_until_it_is_right() {
        let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(false));
        let first = guard.now(&clock, TimeMs::MIN.max(time(START_MS - 5))).unwrap();
        assert_eq!(first, time(START_MS));
        clock.step_ms(-60_000);
        assert_eq!(guard.now(&clock, first), Ok(first));
        clock.step_ms(-60_001);
        assert!(matches!(guard.now(&clock, first), Err(ClockError::Behind { by_ms: 120_001, .. })));
        clock.step_ms(120_001);
        assert_eq!(guard.now(&clock, first), Ok(first));
        clock.step_ms(60_001);
        assert_eq!(guard.now(&clock, first), Err(ClockError::Stepped { by_ms: 60_001 }));
        clock.pass_ms(3_600_000);
        assert_eq!(guard.now(&clock, first), Err(ClockError::Stepped { by_ms: 60_001 }));
        clock.step_ms(-60_001);
        assert_eq!(guard.now(&clock, first), Ok(time(START_MS + 3_600_000)));
    }

    #[test]
    fn a_clock_that_is_wrong_at_open_may_be_set_right_while_running() {
        let far = 367 * 24 * 3600 * 1000;
        for wrong_by in [far, -70_000] {
            let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(false));
            clock.step_ms(wrong_by);
            assert!(guard.now(&clock, time(START_MS)).is_err());
            clock.step_ms(-wrong_by);
            assert_eq!(guard.now(&clock, time(START_MS)), Ok(time(START_MS)));
        }
    }

    #[test]
    fn the_operator_may_accept_the_clock_of_this_start_but_not_later_steps() {
        let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(true));
        let last = time(START_MS + 100_000);
        assert_eq!(guard.now(&clock, last), Ok(last));
        clock.pass_ms(100_000);
        assert_eq!(guard.now(&clock, last), Ok(last));
        clock.step_ms(-70_000);
        assert!(guard.now(&clock, last).is_err(), "the clock had caught up: the word is used");

        let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(true));
        clock.pass_ms(400 * 24 * 3600 * 1000);
        assert!(guard.now(&clock, time(START_MS)).is_ok());
    }

    #[test]
    fn a_long_pause_while_running_is_no_step() {
        let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(false));
        let last = guard.now(&clock, time(START_MS)).unwrap();
        clock.pass_ms(400 * 24 * 3600 * 1000);
        assert!(guard.now(&clock, last).is_ok());
    }

    #[test]
    fn a_time_that_no_entry_can_carry_is_refused() {
        let (clock, mut guard) = (ManualClock::default(), ClockGuard::new(true));
        clock.step_ms(-START_MS);
        assert_eq!(guard.now(&clock, TimeMs::MIN), Err(ClockError::Range { wall_ms: 0 }));
    }
}
