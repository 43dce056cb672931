//! Refusals counted by code and caller, in bounded memory.

use crate::access::caller::Who;
use crate::http::codes::Code;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Pairs of code and caller that are told apart. Beyond, only codes are, of which there are some dozens.
const PAIRS_MAX: usize = 1_024;

/// Refusals of one code, of one caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    pub(super) code: &'static Code,
    /// None where nobody knows, or where there are too many to tell apart.
    pub(super) who: Option<Who>,
    pub(super) count: u64,
    /// Of the first and the last of them, in milliseconds since the Unix epoch.
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
}

impl Tally {
    /// One refusal.
    pub(super) const fn one(code: &'static Code, who: Option<Who>, now_ms: u64) -> Self {
        Self { code, who, count: 1, from_ms: now_ms, to_ms: now_ms }
    }

    fn key(&self) -> Key {
        (self.code.code, self.who.as_ref().map(Who::identity))
    }
}

/// A code, and a caller's identity.
type Key = (&'static str, Option<Cow<'static, str>>);

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tallies(HashMap<Key, Tally>);

impl Tallies {
    /// Counts these refusals too.
    pub(super) fn add(&mut self, mut tally: Tally) {
        let mut key = tally.key();
        if self.0.len() >= PAIRS_MAX && !self.0.contains_key(&key) {
            tally.who = None;
            key = tally.key();
        }
        let counted = self.0.entry(key).or_insert_with(|| Tally { count: 0, ..tally.clone() });
        counted.count += tally.count;
        // The wall clock may have been set back.
        counted.from_ms = counted.from_ms.min(tally.from_ms);
        counted.to_ms = counted.to_ms.max(tally.to_ms);
    }

    /// Takes out up to so many: half of them, one at least, those that have waited for longest, so that no flood keeps a single refusal out;
    /// the others those with the highest counts.
    pub(super) fn take(&mut self, most: usize) -> Vec<Tally> {
        let mut waiting: Vec<(Key, Tally)> = self.0.drain().collect();
        waiting.sort_by(|(a_key, a), (b_key, b)| (a.from_ms, a_key).cmp(&(b.from_ms, b_key)));
        let mut others = waiting.split_off(most.div_ceil(2).min(waiting.len()));
        // A stable sort: of equal counts the older come first.
        others.sort_by_key(|(_, tally)| Reverse(tally.count));
        let left = others.split_off((most - most.div_ceil(2)).min(others.len()));
        self.0.extend(left);
        waiting.into_iter().chain(others).map(|(_, tally)| tally).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::peers::Peer;
    use crate::http::codes::{KIND_DENIED, ROLE_DENIED, TOKEN_UNKNOWN};

    fn user(uid: u32) -> Option<Who> {
        let peer = Peer { uid, roles: Vec::new(), kinds: Vec::new(), environments: Vec::new() };
        Some(Who::Peer(peer.into()))
    }

    #[test]
    fn no_flood_keeps_a_single_refusal_out() {
        let mut tallies = Tallies::default();
        let flood = |tallies: &mut Tallies, now_ms| {
            for uid in 0..40 {
                tallies.add(Tally { count: 100, ..Tally::one(&KIND_DENIED, user(uid), now_ms) });
            }
        };
        flood(&mut tallies, 10);
        let single = Tally::one(&ROLE_DENIED, user(1), 11);
        tallies.add(single.clone());
        let minutes = (12..).step_by(10).take(9).position(|now_ms| {
            let taken = tallies.take(10);
            assert_eq!(taken.len(), 10);
            flood(&mut tallies, now_ms);
            taken.contains(&single)
        });
        assert_eq!(minutes, Some(4), "after the forty that came before it, of which ten go a minute");
    }

    #[test]
    fn the_oldest_and_the_most_come_first_and_the_rest_is_added_to() {
        let mut tallies = Tallies::default();
        let refused = [
            (&ROLE_DENIED, user(1), 30),
            (&KIND_DENIED, user(1), 20),
            (&ROLE_DENIED, user(2), 10),
            (&ROLE_DENIED, user(1), 25),
        ];
        for (code, who, now_ms) in refused {
            tallies.add(Tally::one(code, who, now_ms));
        }
        let oldest = Tally::one(&ROLE_DENIED, user(2), 10);
        let most = Tally { code: &ROLE_DENIED, who: user(1), count: 2, from_ms: 25, to_ms: 30 };
        assert_eq!(tallies.take(2), [oldest, most]);
        tallies.add(Tally { count: 7, ..Tally::one(&KIND_DENIED, user(1), 40) });
        tallies.add(Tally::one(&ROLE_DENIED, user(2), 50));
        let left = Tally { code: &KIND_DENIED, who: user(1), count: 8, from_ms: 20, to_ms: 40 };
        assert_eq!((tallies.take(0), tallies.take(1)), (vec![], vec![left]));
        assert_eq!(tallies.take(9), [Tally::one(&ROLE_DENIED, user(2), 50)]);
        assert_eq!(tallies.take(usize::MAX), []);
    }

    #[test]
    fn what_has_no_place_of_its_own_is_counted_by_its_code() {
        let mut tallies = Tallies::default();
        let users = u32::try_from(PAIRS_MAX).unwrap() + 500;
        for uid in (0..users).chain(0..users) {
            tallies.add(Tally::one(&ROLE_DENIED, user(uid), 7));
        }
        tallies.add(Tally::one(&TOKEN_UNKNOWN, None, 7));
        assert_eq!(tallies.0.len(), PAIRS_MAX + 2);
        let all = tallies.take(usize::MAX);
        let sum = |code: &'static Code| {
            all.iter().filter(|tally| tally.code == code).map(|tally| tally.count).sum::<u64>()
        };
        assert_eq!((sum(&ROLE_DENIED), sum(&TOKEN_UNKNOWN)), (u64::from(users) * 2, 1));
        assert_eq!((all[0].count, &all[0].who), (1_000, &None), "those of whom nobody was told apart");
    }
}
