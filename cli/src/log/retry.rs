//! Asking again: which failures pass with time, how long to wait between, and when to give up. The only place that decides it.

use crate::show::failure::Failure;
use std::thread;
use std::time::{Duration, Instant};

/// Pause before the second attempt; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// Longest pause of our own choice. A log may ask for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long to go on asking a log that gives no answer or says "later".
///
/// Its clock starts with the first failure, unless [`Retry::left`] was asked before.
#[derive(Debug)]
pub(crate) struct Retry {
    bound: Duration,
    deadline: Option<Instant>,
    pause: Duration,
}

impl Retry {
    /// Goes on for so long in all.
    pub(crate) const fn within(bound: Duration) -> Self {
        Self { bound, deadline: None, pause: PAUSE_FIRST }
    }

    /// What is left of the time: the most that an attempt may take which counts as well.
    pub(crate) fn left(&mut self) -> Duration {
        let now = Instant::now();
        self.deadline.get_or_insert(now + self.bound).saturating_duration_since(now)
    }

    /// Waits before another attempt; gives the failure back where none would help, or the time is up.
    pub(crate) fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        if !passes_with_time(&failure) {
            return Err(failure);
        }
        let random = getrandom::u32().map_err(|error| Failure::Internal(format!("random bytes: {error}")))?;
        let pause = self.next_pause(asked(&failure), random);
        if pause >= self.left() {
            return Err(failure);
        }
        thread::sleep(pause);
        Ok(())
    }

    /// Between half and all of a length that doubles, so that clients don't come back in step; or what the log asked for,
    /// where that is longer.
    fn next_pause(&mut self, asked: Duration, random: u32) -> Duration {
        let half = self.pause / 2;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        (half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))).max(asked)
    }
}

/// Makes a request until it is answered, its failure is one that stays, or the time is up.
pub(crate) fn until_answered<T>(
    retry: &mut Retry,
    request: impl Fn(&mut Retry) -> Result<T, Failure>,
) -> Result<T, Failure> {
    loop {
        match request(retry) {
            Err(failure) => retry.wait(failure)?,
            answered => return answered,
        }
    }
}

/// A gateway that couldn't reach the log counts as a log that couldn't be reached: asking again is always safe. What a log
/// answers 500 or 507 for, damage or a full disk, doesn't pass while somebody waits.
const fn passes_with_time(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Unreachable { lasts: false, .. }
            | Failure::Answer { status: 408 | 429 | 502 | 503 | 504, .. }
            | Failure::NotIssued { status: 408 | 429 | 502 | 503 | 504, .. }
    )
}

/// What a `Retry-After` asked for.
fn asked(failure: &Failure) -> Duration {
    match failure {
        Failure::Answer { retry_after_s: Some(seconds), .. }
        | Failure::NotIssued { retry_after_s: Some(seconds), .. } => Duration::from_secs(*seconds),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after_s: Option<u64>) -> Failure {
        Failure::Answer { status, code: None, retry_after_s, text: String::new() }
    }

    #[test]
    fn pauses_double_up_to_their_limit_and_heed_the_log() {
        let mut retry = Retry::within(Duration::ZERO);
        let longest: Vec<u128> =
            (0..8).map(|_| retry.next_pause(Duration::ZERO, u32::MAX).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let first = |asked, random| Retry::within(Duration::ZERO).next_pause(asked, random);
        assert_eq!(first(Duration::ZERO, 0), Duration::from_millis(50));
        assert_eq!(first(asked(&answer(503, Some(7))), u32::MAX), Duration::from_secs(7));
    }

    #[test]
    fn what_passes_is_waited_for_and_what_stays_is_not() {
        let wait = |failure, bound| Retry::within(bound).wait(failure);
        for status in [408, 429, 502, 503, 504] {
            assert!(wait(answer(status, None), Duration::from_secs(9)).is_ok(), "{status}");
        }
        let unreachable = |lasts| Failure::Unreachable { why: String::new(), lasts };
        assert!(wait(unreachable(false), Duration::from_secs(9)).is_ok());
        let hour = Duration::from_secs(3600);
        for status in [302, 400, 404, 409, 422, 500, 507] {
            assert!(wait(answer(status, None), hour).is_err(), "{status}");
        }
        assert!(wait(unreachable(true), hour).is_err());
        assert!(wait(answer(503, None), Duration::ZERO).is_err(), "the time is up");
        assert!(wait(answer(503, Some(9)), Duration::from_secs(8)).is_err(), "it would be up before");
    }
}
