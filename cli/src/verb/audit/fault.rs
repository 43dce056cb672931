//! What an audit can find wrong, each named by entry, tile or size.

use crate::proof::receipt::{hash_json, member, uint_json};
use provlog_core::Hash;
use provlog_core::json::Json;
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
    /// A tile and what is below it are both not what the tile above commits to.
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
    /// An entry's workload isn't what its evidence makes, or the evidence doesn't hold.
    Workload { index: u64, detail: String },
    /// A key that an entry's evidence names isn't in the log's sets.
    Key { index: u64, detail: String },
    /// Evidence covers the same submitted claims in two entries.
    SubmittedTwice { index: u64, first: u64 },
}

/// Faults of one sort: as many as are kept, and how many more there were.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Faults {
    pub(super) kept: Vec<Fault>,
    pub(super) more: u64,
}

/// Faults of each sort that are kept.
const KEPT_MAX: usize = 1_000;

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        if self.kept.len() < KEPT_MAX {
            self.kept.push(fault);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        other.kept.into_iter().for_each(|fault| self.push(fault));
        self.more += other.more;
    }
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
            Self::Workload { .. } => "workload",
            Self::Key { .. } => "key",
            Self::SubmittedTwice { .. } => "submitted-twice",
        }
    }

    /// Whether there are bytes that show it. What isn't served may be held back, or lost on the way: that accuses nobody.
    pub(super) const fn accuses(&self) -> bool {
        !matches!(self, Self::Missing { .. } | Self::RecordsMissing { .. })
    }

    /// Whether it is a fault of records alone, and the tree may well hold.
    pub(super) const fn is_of_records(&self) -> bool {
        matches!(self, Self::Record { .. } | Self::RecordsMissing { .. })
    }

    /// Whether it is a fault of what records say of workloads, and tree and records may well hold.
    pub(super) const fn is_of_workloads(&self) -> bool {
        matches!(self, Self::Workload { .. } | Self::Key { .. } | Self::SubmittedTwice { .. })
    }

    /// As JSON: its code, what it names, and a sentence.
    pub(super) fn json(&self) -> Json {
        let mut members = vec![member("code", self.code().into())];
        match self {
            Self::EntryChanged { index, .. }
            | Self::EntryDropped { index, .. }
            | Self::EntryInserted { index, .. }
            | Self::EntryRewritten { index, .. }
            | Self::Record { index, .. }
            | Self::Workload { index, .. }
            | Self::Key { index, .. } => members.push(member("index", uint_json(*index))),
            Self::EntriesSwapped { index, other }
            | Self::EntryMoved { index, holds: other }
            | Self::RecordsMissing { index, last: other }
            | Self::SubmittedTwice { index, first: other } => {
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
            Self::Subtree { path, expected, bundle, tile } if bundle == tile => write!(
                f,
                "{path}: rewritten, with all below it: the tile above commits to {expected}, its hashes lead to {tile}"
            ),
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
            Self::Workload { index, detail } => write!(f, "entry {index}: workload: {detail}"),
            Self::Key { index, detail } => {
                write!(f, "entry {index}: a key that its evidence was checked with: {detail}")
            }
            Self::SubmittedTwice { index, first } => write!(
                f,
                "entry {index}: evidence covers the same submitted claims as in entry {first}: a log accepts them once"
            ),
            Self::RecordsMissing { index, last } => {
                write!(f, "records {index} to {last}: not served, though their entries are in the log")
            }
        }
    }
}
