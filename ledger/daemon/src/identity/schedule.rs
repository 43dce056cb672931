//! When an issuer's keys are fetched, and how long they are believed. It looks at no clock.

use std::time::{Duration, Instant};

/// Keys are fetched again this long after they were. Issuers publish a new key hours before they sign with it.
const REFRESHED_AFTER: Duration = Duration::from_secs(3_600);

/// However often a trust domain means its bundle to be fetched, it isn't more often than this.
const REFRESHED_AFTER_MIN: Duration = Duration::from_secs(60);

/// While an issuer can't be asked, its keys are used this long after they were last fetched.
pub(super) const USABLE_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Whatever key isn't in a set of this age isn't the issuer's.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(30);

/// Fetches that tokens of unknown keys may cause one after the other: whoever makes such tokens up costs an issuer no more.
const ASKED_AT_ONCE: u32 = 3;

/// One more of them after each of these.
const ASKED_EVERY: Duration = Duration::from_secs(30);

/// After a failed fetch the next one comes so much later, doubled with each that fails, at most so much.
const RETRIED_AFTER: Duration = Duration::from_secs(5);
const RETRIED_AFTER_MAX: Duration = Duration::from_secs(300);

/// The times of one issuer's fetches.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When keys were last taken.
    taken: Option<Instant>,
    /// Fetches that failed since.
    failed: u32,
    /// When the next one is due, whoever asks for it or not.
    next: Instant,
    /// When tokens may cause as many as ever: [`ASKED_EVERY`] later with each that they cause.
    rested: Instant,
}

impl Schedule {
    /// The first fetch is due now.
    pub(super) const fn new(now: Instant) -> Self {
        Self { taken: None, failed: 0, next: now, rested: now }
    }

    /// How long until the next fetch is due; nothing where it is.
    pub(super) fn until_next(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// Whether a token of an unknown key may cause a fetch now, which is then counted.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let owed = self.rested.saturating_duration_since(now) + ASKED_EVERY;
        if owed > ASKED_EVERY * ASKED_AT_ONCE {
            return false;
        }
        self.rested = now + owed;
        true
    }

    /// A fetch has brought keys. The next one is sooner than usual where whoever publishes them says so.
    pub(super) fn taken(&mut self, now: Instant, hint: Option<Duration>) {
        let pause = hint.unwrap_or(REFRESHED_AFTER).clamp(REFRESHED_AFTER_MIN, REFRESHED_AFTER);
        (self.taken, self.failed, self.next) = (Some(now), 0, now + pause);
    }

    /// A fetch has come to nothing.
    pub(super) fn failed(&mut self, now: Instant) {
        let doubled = RETRIED_AFTER.saturating_mul(2_u32.saturating_pow(self.failed));
        self.failed = self.failed.saturating_add(1);
        self.next = now + doubled.min(RETRIED_AFTER_MAX);
    }

    /// Whether the keys that there are may still be used.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.is_within(USABLE_FOR, now)
    }

    /// Whether a key that isn't among them is none of the issuer's.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.is_within(FRESH_FOR, now)
    }

    fn is_within(&self, time: Duration, now: Instant) -> bool {
        self.taken.is_some_and(|taken| now.saturating_duration_since(taken) < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn tokens_cause_three_fetches_at_once_and_one_more_every_half_minute() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        let mut asked = |after_s: u32| schedule.ask(start + SECOND * after_s);
        assert_eq!([asked(0), asked(0), asked(0), asked(0)], [true, true, true, false]);
        assert_eq!(
            [asked(29), asked(30), asked(31), asked(59), asked(60)],
            [false, true, false, false, true]
        );
        assert_eq!([asked(600), asked(600), asked(600), asked(600)], [true, true, true, false], "no more");
    }

    #[test]
    fn failures_are_retried_ever_later_and_a_success_starts_over() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        assert_eq!(schedule.until_next(start), Duration::ZERO, "at once");
        let pauses: Vec<u64> = (0..40)
            .map(|_| {
                schedule.failed(start);
                schedule.until_next(start).as_secs()
            })
            .collect();
        assert_eq!(pauses[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pauses[39], 300);
        schedule.taken(start, None);
        assert_eq!(schedule.until_next(start), REFRESHED_AFTER);
        schedule.failed(start);
        assert_eq!(schedule.until_next(start), RETRIED_AFTER);
    }

    #[test]
    fn a_hint_makes_the_next_fetch_come_sooner_but_not_at_once_and_never_later() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        for (hint_s, pause_s) in [(0, 60), (59, 60), (60, 60), (300, 300), (3_600, 3_600), (u64::MAX, 3_600)]
        {
            schedule.taken(start, Some(Duration::from_secs(hint_s)));
            assert_eq!(schedule.until_next(start).as_secs(), pause_s, "{hint_s}");
        }
    }

    #[test]
    fn keys_are_fresh_for_half_a_minute_and_usable_for_a_day_whatever_fails() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        assert!(!schedule.is_usable(start) && !schedule.is_fresh(start));
        schedule.taken(start, None);
        schedule.failed(start + SECOND * 7);
        assert!(schedule.is_fresh(start + SECOND * 29) && !schedule.is_fresh(start + FRESH_FOR));
        assert!(schedule.is_usable(start + USABLE_FOR - SECOND) && !schedule.is_usable(start + USABLE_FOR));
        schedule.taken(start + USABLE_FOR, None);
        assert!(schedule.is_usable(start + USABLE_FOR));
    }
}
