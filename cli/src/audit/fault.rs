//! What an audit can find wrong, each named by entry, tile or size; and how entries that don't have the hash that the
//! log committed to are told apart: changed, dropped, inserted, swapped, moved.

use crate::receipt::{hash_json, member, uint_json};
use provlog_core::Hash;
use provlog_core::json::Json;
use std::collections::HashMap;
use std::fmt;

/// Something wrong with a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// An entry has another hash than the log committed to, and not one of another entry.
    EntryChanged { index: u64, expected: Hash, got: Hash },
    /// An entry isn't there; the ones behind it, up to `last`, stand one place early.
    EntryDropped { index: u64, last: u64 },
    /// An entry that the log didn't commit to stands at `index`; the ones behind it, up to `last`, one place late.
    EntryInserted { index: u64, last: u64 },
    /// Two entries stand in each other's place.
    EntriesSwapped { index: u64, other: u64 },
    /// At `index` stands the entry of another index.
    EntryMoved { index: u64, holds: u64 },
    /// An entry that an earlier audit verified is another one now, and the log's tree was changed with it.
    EntryRewritten { index: u64, audited: Hash, got: Hash },
    /// A bundle or tile isn't served, though the checkpoint commits to it.
    Missing { path: String },
    /// A bundle or tile isn't what one is.
    Malformed { path: String, detail: String },
    /// A tile's hash isn't the one that the entries, and the checkpoint over them, make.
    Tile { path: String, nth: u64, entries: (u64, u64), expected: Hash, got: Hash },
    /// A bundle and its tile are both not what the tile above them commits to.
    Subtree { path: String, expected: Hash, bundle: Hash, tile: Hash },
    /// The checkpoint is signed over another root than the entries have.
    Root { size: u64, signed: Hash, recomputed: Hash },
    /// Two signed checkpoints of one log, neither of which extends the other.
    Fork { old_size: u64, old_root: Hash, size: u64, root: Hash },
    /// The log shows a smaller tree than it did at the last audit, though one of the same history.
    WentBack { from: u64, to: u64 },
    /// A record doesn't match its entry.
    Record { index: u64, detail: String },
    /// Records aren't served, though their entries are in the log.
    RecordsMissing { index: u64, last: u64 },
}

impl Fault {
    /// Its stable name in JSON.
    const fn code(&self) -> &'static str {
        match self {
            Self::EntryChanged { .. } => "entry-changed",
            Self::EntryDropped { .. } => "entry-dropped",
            Self::EntryInserted { .. } => "entry-inserted",
            Self::EntriesSwapped { .. } => "entries-swapped",
            Self::EntryMoved { .. } => "entry-moved",
            Self::EntryRewritten { .. } => "entry-rewritten",
            Self::Missing { .. } => "missing",
            Self::Malformed { .. } => "malformed",
            Self::Tile { .. } => "tile",
            Self::Subtree { .. } => "subtree",
            Self::Root { .. } => "root",
            Self::Fork { .. } => "fork",
            Self::WentBack { .. } => "went-back",
            Self::Record { .. } => "record",
            Self::RecordsMissing { .. } => "records-missing",
        }
    }

    /// Whether it is a fault of records alone, and the tree may well hold.
    pub(super) const fn is_of_records(&self) -> bool {
        matches!(self, Self::Record { .. } | Self::RecordsMissing { .. })
    }

    /// As JSON: its code, what it names, and a sentence.
    pub(super) fn json(&self) -> Json {
        let mut members = vec![member("code", self.code().into())];
        match self {
            Self::EntryChanged { index, .. }
            | Self::EntryDropped { index, .. }
            | Self::EntryInserted { index, .. }
            | Self::EntryRewritten { index, .. }
            | Self::Record { index, .. } => members.push(member("index", uint_json(*index))),
            Self::EntriesSwapped { index, other }
            | Self::EntryMoved { index, holds: other }
            | Self::RecordsMissing { index, last: other } => {
                members.push(member("index", uint_json(*index)));
                members.push(member("other_index", uint_json(*other)));
            }
            Self::Missing { path } | Self::Malformed { path, .. } | Self::Subtree { path, .. } => {
                members.push(member("path", path.as_str().into()));
            }
            Self::Tile { path, nth, entries, .. } => {
                members.push(member("path", path.as_str().into()));
                members.push(member("nth", uint_json(*nth)));
                members.push(member("index", uint_json(entries.0)));
            }
            Self::Root { size, .. } | Self::Fork { size, .. } => {
                members.push(member("size", uint_json(*size)))
            }
            Self::WentBack { from, to } => {
                members.push(member("size", uint_json(*to)));
                members.push(member("old_size", uint_json(*from)));
            }
        }
        if let Some((expected, got)) = self.hashes() {
            members.push(member("expected", hash_json(&expected)));
            members.push(member("got", hash_json(&got)));
        }
        members.push(member("detail", Json::String(self.to_string())));
        Json::Object(members)
    }

    /// Expected and got, of a fault that has one of each.
    const fn hashes(&self) -> Option<(Hash, Hash)> {
        match self {
            Self::EntryChanged { expected, got, .. } | Self::Tile { expected, got, .. } => {
                Some((*expected, *got))
            }
            Self::EntryRewritten { audited, got, .. } => Some((*audited, *got)),
            Self::Root { signed, recomputed, .. } => Some((*signed, *recomputed)),
            Self::Fork { old_root, root, .. } => Some((*old_root, *root)),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntryChanged { index, expected, got } => {
                write!(
                    f,
                    "entry {index}: changed: the log committed to leaf hash {expected}, its bundle has {got}"
                )
            }
            Self::EntryDropped { index, last } if index == last => write!(f, "entry {index}: dropped"),
            Self::EntryDropped { index, last } => write!(
                f,
                "entry {index}: dropped: in its place and up to {last} stand the entries behind it, one place early"
            ),
            Self::EntryInserted { index, last } => write!(
                f,
                "entry {index}: another entry was inserted here: up to {last} the log's own stand one place late"
            ),
            Self::EntriesSwapped { index, other } => {
                write!(f, "entries {index} and {other}: swapped: each stands in the other's place")
            }
            Self::EntryMoved { index, holds } => {
                write!(f, "entry {index}: in its place stands entry {holds}")
            }
            Self::EntryRewritten { index, audited, got } => write!(
                f,
                "entry {index}: rewritten, with its tiles: the last audit verified leaf hash {audited}, now it is {got}"
            ),
            Self::Missing { path } => write!(f, "{path}: not served, though the checkpoint commits to it"),
            Self::Malformed { path, detail } => write!(f, "{path}: {detail}"),
            Self::Tile { path, nth, entries: (first, last), expected, got } => {
                write!(f, "{path}: hash {nth}, of ")?;
                match first == last {
                    true => write!(f, "entry {first}")?,
                    false => write!(f, "entries {first} to {last}")?,
                }
                write!(f, ": the tile disagrees with its bundle: expected {expected}, got {got}")
            }
            Self::Subtree { path, expected, bundle, tile } => write!(
                f,
                "{path}: the tile above commits to {expected}; this tile's hashes lead to {tile}, its bundle's to {bundle}"
            ),
            Self::Root { size, signed, recomputed } => write!(
                f,
                "checkpoint of {size} entries: signed over root {signed}, but its entries have {recomputed}"
            ),
            Self::Fork { old_size, old_root, size, root } => write!(
                f,
                "fork: the log signed {old_size} entries with root {old_root}, and {size} entries with root {root}, \
                 and neither extends the other"
            ),
            Self::WentBack { from, to } => write!(
                f,
                "went back: the log showed {from} entries at the last audit and shows {to} now; a log never shrinks"
            ),
            Self::Record { index, detail } => write!(f, "record {index}: {detail}"),
            Self::RecordsMissing { index, last } => {
                write!(f, "records {index} to {last}: not served, though their entries are in the log")
            }
        }
    }
}

/// An entry whose hash isn't the one that the log committed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mismatch {
    pub(super) index: u64,
    /// What the log committed to.
    pub(super) expected: Hash,
    /// What its bundle has; `None` where the bundle ends before.
    pub(super) got: Option<Hash>,
}

/// Names what happened to entries, from all that don't match, by ascending index.
pub(super) fn classify(mismatches: &[Mismatch]) -> Vec<Fault> {
    let homes: HashMap<Hash, u64> = mismatches.iter().map(|m| (m.expected, m.index)).collect();
    let home = |m: &Mismatch| m.got.and_then(|got| homes.get(&got).copied());
    let find =
        |index| mismatches.binary_search_by_key(&index, |m| m.index).ok().and_then(|at| mismatches.get(at));
    let mut faults = Vec::new();
    let mut rest = mismatches;
    while let Some((first, behind)) = rest.split_first() {
        let index = first.index;
        let partner = home(first).filter(|other| find(*other).and_then(home) == Some(index));
        // How many from here on hold the entry one place behind them, or, at the end, nothing.
        let early = run(rest, |m| m.got.is_none() || home(m) == m.index.checked_add(1));
        // How many behind this one hold the entry one place before them.
        let late = run(behind, |m| m.index > index && home(m) == m.index.checked_sub(1));
        let (fault, taken) = match (partner, home(first), first.got) {
            (Some(other), ..) if other > index => (Some(Fault::EntriesSwapped { index, other }), 1),
            // Named with its partner, which came before.
            (Some(_), ..) => (None, 1),
            _ if early > 0 => (Some(Fault::EntryDropped { index, last: last_of(rest, early, index) }), early),
            (None, None, Some(_)) if late > 0 && behind.first().map(|m| m.index) == index.checked_add(1) => {
                (Some(Fault::EntryInserted { index, last: last_of(behind, late, index) }), late + 1)
            }
            (None, Some(holds), _) => (Some(Fault::EntryMoved { index, holds }), 1),
            (None, None, Some(got)) => {
                (Some(Fault::EntryChanged { index, expected: first.expected, got }), 1)
            }
            // A run of at least one has taken it.
            (None, None, None) => (Some(Fault::EntryDropped { index, last: index }), 1),
        };
        faults.extend(fault);
        rest = rest.get(taken..).unwrap_or_default();
    }
    faults
}

/// How many mismatches, of consecutive indices, are so from the first on.
fn run(mismatches: &[Mismatch], is_so: impl Fn(&Mismatch) -> bool) -> usize {
    let Some(first) = mismatches.first() else { return 0 };
    let consecutive =
        mismatches.iter().zip(first.index..).take_while(|(m, index)| m.index == *index && is_so(m));
    consecutive.count()
}

fn last_of(mismatches: &[Mismatch], length: usize, index: u64) -> u64 {
    mismatches.get(length.saturating_sub(1)).map_or(index, |m| m.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> Hash {
        Hash::leaf(&n.to_be_bytes())
    }

    /// What is found where `got` stands in place of the entries 0, 1, 2 and so on.
    fn found(got: &[Option<u64>]) -> Vec<Fault> {
        let all = got.iter().zip(0..).map(|(got, index)| Mismatch {
            index,
            expected: hash(index),
            got: got.map(hash),
        });
        classify(&all.filter(|m| m.got != Some(m.expected)).collect::<Vec<_>>())
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

    /// Whatever is done to a list of entries, something is said of it, once for each index at most.
    #[test]
    fn nothing_that_differs_is_passed_over() {
        let mut state = 0x9e37_79b9_u64;
        let mut next = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        for _ in 0..500 {
            let mut got: Vec<Option<u64>> = (0..12).map(Some).collect();
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
            let intact = got.iter().zip(0..).all(|(got, index)| *got == Some(index));
            let faults = found(&got);
            assert_eq!(faults.is_empty(), intact, "{got:?}: {faults:?}");
        }
    }
}
