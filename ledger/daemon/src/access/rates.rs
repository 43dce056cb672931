//! How many requests are taken in a second, of one caller and of all.
//!
//! What is kept of a caller is one time: when everything that it asked for would be paid, had it come at the rate that is allowed
//! (the generic cell rate algorithm). A request is taken while that time is at most a second ahead, so that a second's worth may
//! come at once. Nothing of a request is read before, and where there is no limit nothing is looked up or locked.

use crate::http::codes::{RATE_CALLER, RATE_TOTAL};
use crate::http::problem::Problem;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const SECOND_NS: u64 = 1_000_000_000;

/// Callers that are told apart. Addresses beyond share one account.
const ACCOUNTS_MAX: usize = 65_536;

/// Accounts from which on those that are paid are looked for.
const SWEPT_FROM: usize = 1_024;

/// Requests a second, each entry of a batch counted as one; unlimited where there is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rates {
    /// Of one caller.
    pub(crate) caller_per_s: Option<NonZeroU32>,
    /// Of all together.
    pub(crate) total_per_s: Option<NonZeroU32>,
}

/// What a caller's requests are counted under.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Account {
    /// Whoever is known: its identity.
    Known(Box<str>),
    /// Anybody else: where it is.
    Address(IpAddr),
    /// All that can't be told apart.
    Rest,
}

impl Account {
    /// That of an address. Of an IPv6 one the first 64 bits, below which whoever has one has all.
    pub(crate) fn of_address(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Rest,
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from(network).into())
            }
            Some(v4) => Self::Address(v4),
        }
    }
}

/// What everybody has asked for so far.
#[derive(Debug)]
pub(crate) struct RateLimits {
    started: Instant,
    /// When all requests are paid, in nanoseconds since the start.
    total_paid_ns: AtomicU64,
    callers: Mutex<Accounts>,
}

/// When each caller's requests are paid, in nanoseconds since the start. Those of whom that is past owe nothing, and are forgotten.
#[derive(Debug, Default)]
struct Accounts {
    paid_ns: HashMap<Account, u64>,
    /// How many there may be before those that are paid are looked for.
    sweep_from: usize,
    /// When they were looked for.
    swept_ns: u64,
}

/// How far ahead of now a batch may leave everybody's account: it takes the second's worth that might come at once, and no more. Else one
/// caller's batches would keep all others out for hours.
const TOTAL_AHEAD_MAX_NS: u64 = SECOND_NS;

/// The same of its sender's own account: the largest batch under the smallest rate keeps its sender out for a minute, and not for hours.
const CALLER_AHEAD_MAX_NS: u64 = 60 * SECOND_NS;

/// Why a request isn't taken now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    Caller { per_s: NonZeroU32, wait_ns: u64 },
    Total { per_s: NonZeroU32, wait_ns: u64 },
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { started: Instant::now(), total_paid_ns: AtomicU64::new(0), callers: Mutex::default() }
    }
}

impl RateLimits {
    /// Takes a request under an account, and tells that, for what else the request turns out to be; none where nothing is limited.
    ///
    /// # Errors
    /// 429 above the rate of one caller, 503 above that of all. Neither counts.
    pub(crate) fn admit_caller(
        &self,
        rates: Rates,
        account: impl FnOnce() -> Account,
    ) -> Result<Option<Account>, Problem> {
        if rates == Rates::default() {
            return Ok(None);
        }
        let account = account();
        self.admit_at(rates, &account, self.now_ns())?;
        Ok(Some(account))
    }

    /// Counts `more` requests that were taken already: the entries of a batch, of which nobody knew before it was read. Whoever
    /// sent it waits the longer for its next request, up to a minute; nobody else does for more than what came at once.
    pub(crate) fn charge(&self, rates: Rates, account: &Account, more: usize) {
        self.charge_at(rates, account, more, self.now_ns());
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn admit_at(&self, rates: Rates, account: &Account, now_ns: u64) -> Result<(), Wait> {
        let total = || rates.total_per_s.map_or(Ok(()), |per_s| self.admit_total(per_s, now_ns));
        let Some(per_s) = rates.caller_per_s else { return total() };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let paid_ns = callers.of(account, now_ns);
        let paid = taken(*paid_ns, per_s, now_ns).map_err(|wait_ns| Wait::Caller { per_s, wait_ns })?;
        // What all together are too many for isn't held against this one.
        total()?;
        *paid_ns = paid;
        Ok(())
    }

    fn admit_total(&self, per_s: NonZeroU32, now_ns: u64) -> Result<(), Wait> {
        let take = |paid_ns| taken(paid_ns, per_s, now_ns);
        let update = self
            .total_paid_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_ns| take(paid_ns).ok());
        match update.map_err(take) {
            Err(Err(wait_ns)) => Err(Wait::Total { per_s, wait_ns }),
            Ok(_) | Err(Ok(_)) => Ok(()),
        }
    }

    fn charge_at(&self, rates: Rates, account: &Account, more: usize, now_ns: u64) {
        if let Some(per_s) = rates.total_per_s {
            let owe = |paid_ns| Some(charged(paid_ns, per_s, more, now_ns, TOTAL_AHEAD_MAX_NS));
            // It always has another value for it.
            let _ = self.total_paid_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, owe);
        }
        if let Some(per_s) = rates.caller_per_s {
            let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
            let paid_ns = callers.of(account, now_ns);
            *paid_ns = charged(*paid_ns, per_s, more, now_ns, CALLER_AHEAD_MAX_NS);
        }
    }
}

impl Accounts {
    /// An account; that of the rest where there is no room for another address. Those who are known always have their own, so that no
    /// crowd of addresses takes it from them: as many as there are tokens, users, and names of workloads that meet a rule. Whoever a
    /// rule trusts with many names, such as one for each branch, has as many accounts; they are forgotten once they are paid.
    fn of(&mut self, account: &Account, now_ns: u64) -> &mut u64 {
        let has_one = self.paid_ns.contains_key(account);
        let has_place = has_one || self.has_room(now_ns) || matches!(account, Account::Known(_));
        let account = if has_place { account } else { &Account::Rest };
        self.paid_ns.entry(account.clone()).or_default()
    }

    fn has_room(&mut self, now_ns: u64) -> bool {
        let is_due = self.paid_ns.len() >= self.sweep_from.max(SWEPT_FROM);
        // Where all of them owe, another look soon after would find the same.
        let is_late = self.swept_ns == 0 || now_ns.saturating_sub(self.swept_ns) >= SECOND_NS;
        if is_due && is_late {
            self.paid_ns.retain(|_, paid_ns| *paid_ns > now_ns);
            (self.swept_ns, self.sweep_from) = (now_ns, (2 * self.paid_ns.len()).min(ACCOUNTS_MAX));
        }
        self.paid_ns.len() < ACCOUNTS_MAX
    }
}

/// When all is paid, with one more request that comes now.
///
/// # Errors
/// The nanoseconds after which it would be taken.
fn taken(paid_ns: u64, per_s: NonZeroU32, now_ns: u64) -> Result<u64, u64> {
    let paid_ns = owed(paid_ns, per_s, 1, now_ns);
    match paid_ns.saturating_sub(now_ns).checked_sub(SECOND_NS) {
        None | Some(0) => Ok(paid_ns),
        Some(wait_ns) => Err(wait_ns),
    }
}

/// When all is paid, with so many more requests that come now.
fn owed(paid_ns: u64, per_s: NonZeroU32, more: usize, now_ns: u64) -> u64 {
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    let cost_ns = SECOND_NS / u64::from(per_s.get());
    paid_ns.max(now_ns).saturating_add(cost_ns.saturating_mul(more))
}

/// The same, as far ahead of now as may be: what was owed before stays.
fn charged(paid_ns: u64, per_s: NonZeroU32, more: usize, now_ns: u64, ahead_max_ns: u64) -> u64 {
    owed(paid_ns, per_s, more, now_ns).min(now_ns.saturating_add(ahead_max_ns)).max(paid_ns)
}

impl From<Wait> for Problem {
    fn from(wait: Wait) -> Self {
        let (code, per_s, wait_ns, whose) = match wait {
            Wait::Caller { per_s, wait_ns } => (&RATE_CALLER, per_s, wait_ns, "one caller"),
            Wait::Total { per_s, wait_ns } => (&RATE_TOTAL, per_s, wait_ns, "all callers together"),
        };
        let seconds = u32::try_from(wait_ns.div_ceil(SECOND_NS)).unwrap_or(u32::MAX).max(1);
        let detail = format!(
            "expected at most {per_s} requests a second of {whose}, each entry of a batch counted; ask again in {seconds} s"
        );
        Self::new(code, detail).retry_after(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::Code;
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const NS: u128 = 1_000_000_000;

    fn rates(caller: u32, total: u32) -> Rates {
        Rates { caller_per_s: NonZeroU32::new(caller), total_per_s: NonZeroU32::new(total) }
    }

    fn named(name: &str) -> Account {
        Account::Known(name.into())
    }

    /// A bucket that is poured into and leaks, counted in billionths of a request, from everything that was ever poured into it.
    #[derive(Default)]
    struct Bucket(Vec<(u64, u128)>);

    impl Bucket {
        fn level(&self, per_s: u32, now_ns: u64) -> u128 {
            let leaked = |level: u128, from: u64, to: u64| {
                level.saturating_sub(u128::from(to - from) * u128::from(per_s))
            };
            let (level, last) = self
                .0
                .iter()
                .fold((0, 0), |(level, last), (at, poured)| (leaked(level, last, *at) + poured, *at));
            leaked(level, last, now_ns)
        }

        fn has_room(&self, per_s: u32, now_ns: u64) -> bool {
            self.level(per_s, now_ns) + NS <= u128::from(per_s) * NS
        }
    }

    proptest! {
        /// Requests and batches of three callers, against buckets that remember everything. (Rates that a second can be parted by.)
        #[test]
        fn callers_are_let_in_as_by_buckets(
            rate in prop::sample::select(vec![(1, 0), (2, 5), (10, 4), (1000, 1000), (0, 8)]),
            steps in vec((0..3usize, 0..400_000_000u64, 0..20usize), 1..120),
        ) {
            let (caller, total) = rate;
            let (limits, rates) = (RateLimits::default(), rates(caller, total));
            let mut callers = [Bucket::default(), Bucket::default(), Bucket::default()];
            let (mut all, mut now_ns) = (Bucket::default(), 0);
            for (who, later_ns, lines) in steps {
                now_ns += later_ns;
                let account = named(["a", "b", "c"][who]);
                let expected = match (caller, total) {
                    (1.., _) if !callers[who].has_room(caller, now_ns) => Some("caller"),
                    (_, 1..) if !all.has_room(total, now_ns) => Some("total"),
                    _ => None,
                };
                let got = limits.admit_at(rates, &account, now_ns);
                prop_assert_eq!(expected, got.err().map(|wait| match wait {
                    Wait::Caller { .. } => "caller",
                    Wait::Total { .. } => "total",
                }));
                if let Err(Wait::Caller { wait_ns, .. } | Wait::Total { wait_ns, .. }) = got {
                    let (bucket, per_s) =
                        if expected == Some("caller") { (&callers[who], caller) } else { (&all, total) };
                    prop_assert!(bucket.has_room(per_s, now_ns + wait_ns), "it is let in after the wait");
                    prop_assert!(!bucket.has_room(per_s, now_ns + wait_ns - 1), "and not sooner");
                } else {
                    limits.charge_at(rates, &account, lines, now_ns);
                    let lines = u128::try_from(lines).unwrap() * NS;
                    callers[who].0.push((now_ns, NS + lines));
                    // What a batch has beside its first fills what all may ask at once, and no more.
                    all.0.push((now_ns, NS));
                    let room = (u128::from(total) * NS).saturating_sub(all.level(total, now_ns));
                    all.0.push((now_ns, lines.min(room)));
                }
            }
        }

        /// Whatever the rate, no window has more than its own requests and a second's worth.
        #[test]
        fn no_window_has_more_than_it_may(
            per_s in 1..5_000u32,
            steps in vec(0..30_000_000u64, 1..200),
        ) {
            let (limits, account) = (RateLimits::default(), named("a"));
            let (mut now_ns, mut taken) = (0, Vec::new());
            for later_ns in steps {
                now_ns += later_ns;
                if limits.admit_at(rates(per_s, 0), &account, now_ns).is_ok() {
                    taken.push(now_ns);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let (per_s, count) = (u128::from(per_s), u128::try_from(last - first + 1).unwrap());
                    // Each within the nanosecond to which its share of a second is rounded.
                    let most = per_s * (u128::from(to - from) + NS) + per_s * count;
                    prop_assert!(count * NS <= most);
                }
            }
        }
    }

    #[test]
    fn whoever_owes_is_remembered_and_nobody_else() {
        let (mut accounts, per_s) = (Accounts::default(), NonZeroU32::new(1).unwrap());
        let mut ask = |account: &Account, now_ns| {
            let paid_ns = accounts.of(account, now_ns);
            let taken = taken(*paid_ns, per_s, now_ns);
            if let Ok(paid) = taken {
                *paid_ns = paid;
            }
            (taken.is_ok(), accounts.paid_ns.len())
        };
        let at =
            |number: usize| Account::of_address(Some(Ipv4Addr::from_bits(number.try_into().unwrap()).into()));
        for number in 0..ACCOUNTS_MAX {
            assert!(ask(&at(number), 1).0, "{number}");
        }
        assert!(!ask(&at(7), 1).0, "it is remembered");
        let full = ACCOUNTS_MAX + 1;
        assert_eq!(ask(&at(ACCOUNTS_MAX), 1), (true, full), "the rest has one account");
        assert_eq!(
            ask(&at(ACCOUNTS_MAX + 1), 1),
            (false, full),
            "which those share that there is no room for"
        );
        assert_eq!(ask(&named("ci"), 1), (true, full + 1), "but whoever is known");
        assert_eq!(
            ask(&at(ACCOUNTS_MAX + 2), 2 * SECOND_NS),
            (true, 1),
            "once they have paid, all are forgotten"
        );
    }

    #[test]
    fn addresses_that_one_client_has_are_one() {
        let account = |text: &str| Account::of_address(Some(text.parse().unwrap()));
        assert_eq!(account("2001:db8::1"), account("2001:db8::ffff:1:2:3"));
        assert_ne!(account("2001:db8::1"), account("2001:db8:0:1::1"));
        assert_eq!(account("::ffff:192.0.2.7"), account("192.0.2.7"));
        assert_ne!(account("192.0.2.7"), account("192.0.2.8"));
        assert_eq!(Account::of_address(None), Account::Rest);
    }

    #[test]
    fn whoever_is_to_wait_is_told_how_long() {
        let limits = RateLimits::default();
        let account = named("ci");
        assert_eq!(
            limits.admit_caller(Rates::default(), || unreachable!("nothing is looked up")).unwrap(),
            None
        );
        limits.charge_at(rates(4, 2), &account, 40, 0);
        for (rates, code, seconds) in [
            (rates(4, 0), &RATE_CALLER, "10"),
            (rates(0, 2), &RATE_TOTAL, "1"),
            (rates(4, 2), &RATE_CALLER, "10"),
        ] {
            let problem = Problem::from(limits.admit_at(rates, &account, 0).unwrap_err());
            let answer = problem.into_response();
            assert_eq!(answer.extensions().get::<&Code>(), Some(&code));
            assert_eq!(answer.headers()[RETRY_AFTER], seconds, "{code:?}");
        }
        assert!(
            limits.admit_at(rates(0, 2), &named("other"), SECOND_NS / 2).is_ok(),
            "all others wait no longer"
        );
        limits.charge_at(rates(1, 0), &account, 10_000, 0);
        let longest = Problem::from(limits.admit_at(rates(1, 0), &account, 0).unwrap_err());
        assert_eq!(longest.into_response().headers()[RETRY_AFTER], "60");
        // The wait is less than a second, and told as one.
        let wait = Wait::Total { per_s: NonZeroU32::MIN, wait_ns: 1 };
        assert_eq!(Problem::from(wait).into_response().headers()[RETRY_AFTER], "1");
    }
}
