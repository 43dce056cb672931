//! How entries that don't have the hash that the log committed to are told apart: changed, dropped, inserted, swapped,
//! moved. Pure: who is wrong is settled before.

use super::fault::Fault;
use provlog_core::Hash;
use std::collections::{HashMap, HashSet};

/// A place in a bundle in which not all is right: what stands there, and what should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) index: u64,
    /// What the log committed to.
    pub(super) expected: Hash,
    /// What its bundle has; `None` where the bundle ends before.
    pub(super) got: Option<Hash>,
}

impl Place {
    /// Whether what should stand here does.
    pub(super) fn is_right(&self) -> bool {
        self.got == Some(self.expected)
    }

    /// Whether the entry of `other` stands here.
    fn holds_that_of(&self, other: &Self) -> bool {
        self.got == Some(other.expected)
    }
}

/// A shift that explains so many wrong places is believed rather than a swap, which explains two.
const SHIFT_BELIEVED_MIN: usize = 3;

/// Names what happened to entries, from all places of the bundles in which something did, by ascending index.
///
/// A log may hold equal entries, even side by side: a hash doesn't say which of them it is, and where the entries around
/// it were shifted one may seem to have stayed. So shifts are told by neighbours, those that are right included.
pub(super) fn classify(places: &[Place]) -> Vec<Fault> {
    let wrong = || places.iter().filter(|place| !place.is_right());
    let homes: HashMap<Hash, u64> = wrong().map(|place| (place.expected, place.index)).collect();
    let mut swaps = Swaps::new(wrong());
    let mut faults = Vec::new();
    let (mut before, mut rest) = (None, places);
    while let Some(place) = rest.first() {
        let (mut taken, index) = (1, place.index);
        if !place.is_right() && !swaps.named.contains(&index) {
            let (early, late) = (early(rest), late(before, rest));
            let last = |length| last_of(rest, length, index);
            let shifted = rest.iter().take(early.max(1 + late)).filter(|place| !place.is_right());
            let swap = if shifted.count() < SHIFT_BELIEVED_MIN { swaps.take(place) } else { None };
            faults.push(match (swap, place.got) {
                (Some(other), _) => Fault::EntriesSwapped { index, other },
                (None, _) if early > 0 => {
                    taken = early;
                    Fault::EntryDropped { index, last: last(early) }
                }
                (None, Some(_)) if late > 0 => {
                    taken = 1 + late;
                    Fault::EntryInserted { index, last: last(1 + late) }
                }
                (None, Some(got)) => match homes.get(&got) {
                    Some(holds) => Fault::EntryMoved { index, holds: *holds },
                    None => Fault::EntryChanged { index, expected: place.expected, got },
                },
                // Where a bundle has ended, at least one place is early.
                (None, None) => Fault::EntryDropped { index, last: index },
            });
        }
        (before, rest) = (rest.get(taken - 1), rest.get(taken..).unwrap_or_default());
    }
    faults
}

/// How many places from the first on hold the entry of the next one, or, where their bundle has ended, none.
fn early(places: &[Place]) -> usize {
    let shifted = pairs(places).take_while(|(place, next)| place.holds_that_of(next)).count();
    let behind = places.get(shifted..).unwrap_or_default();
    let ended = usize::from(behind.first().is_some_and(|place| place.got.is_none()))
        * (1 + pairs(behind).take_while(|(_, next)| next.got.is_none()).count());
    // One entry that became a copy of the next, which is there too, was changed.
    let copied = (shifted, ended) == (1, 0) && behind.first().is_some_and(Place::is_right);
    if copied { 0 } else { up_to_wrong(places, shifted + ended) }
}

/// How many places behind the first hold the entry of the one before them, though the first one's was never among them.
fn late(before: Option<&Place>, places: &[Place]) -> usize {
    let rotated = |other: Option<&Place>| {
        places.first().zip(other).is_some_and(|(first, other)| first.holds_that_of(other))
    };
    if rotated(before) {
        return 0;
    }
    let shifted = pairs(places).take_while(|(place, next)| next.holds_that_of(place)).count();
    let behind = up_to_wrong(places, 1 + shifted).saturating_sub(1);
    if rotated(places.get(behind)) { 0 } else { behind }
}

/// Neighbours, as long as their indices are consecutive.
fn pairs(places: &[Place]) -> impl Iterator<Item = (&Place, &Place)> {
    let both = places.iter().zip(places.iter().skip(1));
    both.take_while(|(place, next)| place.index.checked_add(1) == Some(next.index))
}

/// How many of the first `length` places there are up to the last wrong one.
fn up_to_wrong(places: &[Place], length: usize) -> usize {
    let wrong = places.iter().take(length).rposition(|place| !place.is_right());
    wrong.map_or(0, |last| last + 1)
}

fn last_of(places: &[Place], length: usize, index: u64) -> u64 {
    places.get(length.saturating_sub(1)).map_or(index, |place| place.index)
}

/// Pairs of places that hold each other's entry.
struct Swaps {
    /// Places by what they should hold and what they do, the foremost last.
    places: HashMap<(Hash, Hash), Vec<u64>>,
    /// Those that were named as the other one of a pair.
    named: HashSet<u64>,
}

impl Swaps {
    fn new<'a>(wrong: impl DoubleEndedIterator<Item = &'a Place>) -> Self {
        let mut places: HashMap<_, Vec<u64>> = HashMap::new();
        for place in wrong.rev() {
            if let Some(got) = place.got {
                places.entry((place.expected, got)).or_default().push(place.index);
            }
        }
        Self { places, named: HashSet::new() }
    }

    /// The next place behind this one that holds its entry, and whose entry it holds.
    fn take(&mut self, place: &Place) -> Option<u64> {
        let others = self.places.get_mut(&(place.got?, place.expected))?;
        while let Some(other) = others.pop() {
            if other > place.index {
                self.named.insert(other);
                return Some(other);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> Hash {
        Hash::leaf(&n.to_be_bytes())
    }

    /// What is found where `got` stands in place of the entries 0, 1, 2 and so on.
    fn found(got: &[Option<u64>]) -> Vec<Fault> {
        let expected: Vec<u64> = (0..).take(got.len()).collect();
        found_instead_of(&expected, got)
    }

    fn found_instead_of(expected: &[u64], got: &[Option<u64>]) -> Vec<Fault> {
        let both = expected.iter().zip(got).zip(0..);
        let places: Vec<Place> = both
            .map(|((expected, got), index)| Place { index, expected: hash(*expected), got: got.map(hash) })
            .collect();
        classify(&places)
    }

    #[test]
    fn each_fault_is_told_from_the_others() {
        let changed = |index, n| Fault::EntryChanged { index, expected: hash(index), got: hash(n) };
        let some = |all: &[u64]| all.iter().map(|n| Some(*n)).collect::<Vec<_>>();
        assert_eq!(found(&some(&[0, 1, 2])), []);
        assert_eq!(found(&some(&[0, 90, 2])), [changed(1, 90)]);
        assert_eq!(found(&some(&[0, 90, 91, 3])), [changed(1, 90), changed(2, 91)]);
        assert_eq!(found(&some(&[0, 3, 2, 1])), [Fault::EntriesSwapped { index: 1, other: 3 }]);
        assert_eq!(found(&some(&[0, 2, 1, 3])), [Fault::EntriesSwapped { index: 1, other: 2 }]);
        let mut short = some(&[0, 2, 3, 4]);
        short.push(None);
        assert_eq!(found(&short), [Fault::EntryDropped { index: 1, last: 4 }]);
        assert_eq!(found(&[Some(0), None]), [Fault::EntryDropped { index: 1, last: 1 }]);
        assert_eq!(found(&some(&[0, 90, 1, 2, 3])), [Fault::EntryInserted { index: 1, last: 4 }]);
        assert_eq!(
            found(&some(&[2, 0, 1])),
            [
                Fault::EntryMoved { index: 0, holds: 2 },
                Fault::EntryMoved { index: 1, holds: 0 },
                Fault::EntryMoved { index: 2, holds: 1 }
            ]
        );
        assert_eq!(
            found(&some(&[1, 0, 90, 4, 3])),
            [
                Fault::EntriesSwapped { index: 0, other: 1 },
                changed(2, 90),
                Fault::EntriesSwapped { index: 3, other: 4 }
            ]
        );
    }

    /// Logs hold equal entries, far apart and side by side.
    #[test]
    fn equal_entries_hide_no_fault() {
        let some = |all: &[u64]| all.iter().map(|n| Some(*n)).collect::<Vec<_>>();
        let entries = [1, 7, 2, 2, 7, 7, 7, 3, 1, 4];
        let dropped = |at: usize| {
            let mut got = some(&entries);
            got.remove(at);
            got.push(None);
            found_instead_of(&entries, &got)
        };
        for (at, index) in [(0, 0), (1, 1), (2, 3), (3, 3), (4, 6), (8, 8), (9, 9)] {
            assert_eq!(dropped(at), [Fault::EntryDropped { index, last: 9 }], "{at}");
        }
        for (at, index) in [(0, 0), (2, 2), (5, 5), (8, 8)] {
            let mut got = some(&entries);
            got.insert(at, Some(90));
            got.pop();
            assert_eq!(found_instead_of(&entries, &got), [Fault::EntryInserted { index, last: 9 }], "{at}");
        }
        for (one, other) in [(0, 1), (1, 2), (2, 5), (0, 9), (3, 8)] {
            let mut got = some(&entries);
            got.swap(one, other);
            let (index, other) = (u64::try_from(one).unwrap(), u64::try_from(other).unwrap());
            assert_eq!(found_instead_of(&entries, &got), [Fault::EntriesSwapped { index, other }]);
        }
        // A copy of the next one, which is still there.
        let got = some(&[7, 7, 2, 2, 7, 7, 7, 3, 1, 4]);
        let changed = Fault::EntryChanged { index: 0, expected: hash(1), got: hash(7) };
        assert_eq!(found_instead_of(&entries, &got), [changed]);
        // Two pairs of equal entries, swapped.
        assert_eq!(
            found_instead_of(&[1, 9, 2, 9, 1, 9, 2], &some(&[2, 9, 1, 9, 2, 9, 1])),
            [Fault::EntriesSwapped { index: 0, other: 2 }, Fault::EntriesSwapped { index: 4, other: 6 }]
        );
    }

    /// One entry is missing from each of two bundles that follow each other.
    #[test]
    fn each_bundle_s_end_is_its_own() {
        let got = [Some(0), Some(2), Some(3), None, Some(5), Some(6), Some(7), None];
        let dropped = [(1, 3), (4, 7)].map(|(index, last)| Fault::EntryDropped { index, last });
        assert_eq!(found(&got), dropped);
    }

    /// Whatever is done to a list of entries, something is said of it, once for each index at most.
    #[test]
    fn nothing_that_differs_is_passed_over() {
        let mut state = 0x9e37_79b9_u64;
        let mut next = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        for round in 0..1_000 {
            // All different, and then of three kinds.
            let expected: Vec<u64> = (0..12).map(|n| if round < 500 { n } else { n * n % 5 }).collect();
            let mut got: Vec<Option<u64>> = expected.iter().copied().map(Some).collect();
            for _ in 0..=next(3) {
                let at = usize::try_from(next(12)).unwrap();
                match next(4) {
                    0 => got[at] = Some(100 + next(50)),
                    1 => got.swap(at, usize::try_from(next(12)).unwrap()),
                    2 => {
                        got.remove(at);
                        got.push(None);
                    }
                    _ => {
                        got.insert(at, Some(100 + next(50)));
                        got.pop();
                    }
                }
            }
            let intact = got.iter().zip(&expected).all(|(got, expected)| *got == Some(*expected));
            let faults = found_instead_of(&expected, &got);
            assert_eq!(faults.is_empty(), intact, "{got:?}: {faults:?}");
        }
    }
}
