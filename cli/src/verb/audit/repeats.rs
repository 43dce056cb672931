//! Entries with equal `submitted_digest`s: the same claims, submitted twice. That is nobody's fault, unless evidence covers both.
//!
//! Digests stand in the entries, so the mirror is asked, and for few records. Those of a part of the entries are held at a time, so that memory
//! doesn't grow with the log; a key that nobody knows chooses the part, so that no log can make one large.

use super::entries::{Bundle, matching};
use super::fault::{Fault, Faults};
use super::mirror::Mirror;
use super::source::Source;
use super::workloads::Covered;
use crate::proof::sequence::{Next, Sequence};
use crate::proof::workload::Shown;
use crate::show::failure::Failure;
use provlog_core::entry::Entry;
use provlog_core::tree::TILE_HASHES;
use provlog_core::{Hash, Record};
use provlog_evidence::verify::EntryReader;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

/// Digests that are held at a time, about: 64 MiB.
const HELD: u64 = 1 << 20;

/// Pairs that are told.
const TOLD_MAX: usize = 5;

/// Entries before the range whose records are asked for again: in a folder each takes a pass over all records.
const ASKED_MAX: usize = 16;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Entries of the range that repeat an earlier one.
    pub(super) count: u64,
    /// The first of them, each with an entry that it repeats.
    pub(super) first: Vec<(u64, u64)>,
    pub(super) faults: Faults,
    /// Entries before the range that one in it repeats which evidence covers: each with that one.
    asked: Vec<(u64, u64)>,
    /// How many of those were not looked at again, or hide their evidence now.
    pub(super) unseen: u64,
}

/// Where a digest was met first.
struct Met {
    first: u64,
    /// The first that evidence covers.
    covered: Option<u64>,
    /// Whether it was looked for before the range and found.
    is_older: bool,
}

impl Repeats {
    /// Looks for entries of `range` that repeat one from 0 on, in parts of about `HELD`.
    pub(super) fn find(mirror: &Mirror, range: &Range<u64>, covered: &Covered) -> Result<Self, Failure> {
        Self::find_holding(mirror, range, covered, HELD)
    }

    fn find_holding(
        mirror: &Mirror,
        range: &Range<u64>,
        covered: &Covered,
        held: u64,
    ) -> Result<Self, Failure> {
        let parts = (range.end - range.start).div_ceil(held);
        let key = RandomState::new();
        let mut found = Self::default();
        for part in 0..parts {
            let mut met: HashMap<Hash, Met> = HashMap::new();
            let is_of_part = |digest: &Hash| parts == 1 || key.hash_one(digest.0) % parts == part;
            each_digest(mirror, range.end, range.clone(), &mut |index, digest| {
                if is_of_part(&digest) {
                    found.meet(&mut met, index, digest, covered.contains(index));
                }
            })?;
            each_digest(mirror, range.end, 0..range.start, &mut |index, digest| {
                let Some(met) = met.get_mut(&digest) else { return };
                match met.covered {
                    Some(by) if found.asked.len() < ASKED_MAX => found.asked.push((index, by)),
                    Some(_) => found.unseen += 1,
                    None => {}
                }
                if !met.is_older {
                    met.is_older = true;
                    found.count += 1;
                    found.first.push((met.first, index));
                }
            })?;
            // The earliest of every part are among the earliest of all.
            found.first.sort_unstable();
            found.first.truncate(TOLD_MAX);
        }
        Ok(found)
    }

    /// Looks again at the records of entries before the range, whether evidence covers them, too.
    pub(super) fn look_before(
        &mut self,
        source: &dyn Source,
        mirror: &Mirror,
        size: u64,
        reader: EntryReader<'_>,
    ) -> Result<(), Failure> {
        let mut bundle = Bundle::of(mirror, size);
        for (first, index) in std::mem::take(&mut self.asked) {
            let entry = bundle.entry(first)?.to_vec();
            match record_again(source, first, &entry)?.map(|record| shown(reader, first, &record)) {
                Some(Shown::Bound | Shown::Vouched) => {
                    self.faults.push(Fault::SubmittedTwice { index, first });
                }
                // What is hidden this time may well be evidence.
                None | Some(Shown::Hidden | Shown::Unknown) => self.unseen += 1,
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn meet(&mut self, met: &mut HashMap<Hash, Met>, index: u64, digest: Hash, is_covered: bool) {
        let Some(before) = met.get_mut(&digest) else {
            let covered = is_covered.then_some(index);
            met.insert(digest, Met { first: index, covered, is_older: false });
            return;
        };
        self.count += 1;
        if self.first.len() < 2 * TOLD_MAX {
            self.first.push((index, before.first));
        }
        match before.covered {
            Some(first) if is_covered => {
                self.faults.push(Fault::SubmittedTwice { index, first });
            }
            None if is_covered => before.covered = Some(index),
            _ => {}
        }
    }
}

/// The record of an entry, where the log serves it, and it is the one that the entry commits to.
fn record_again(source: &dyn Source, index: u64, entry: &[u8]) -> Result<Option<Record>, Failure> {
    let Some(stream) = source.records(index, 1)? else { return Ok(None) };
    let broken = |error| source.broken(error);
    let mut items = Sequence::new(stream, &broken);
    loop {
        match items.next_item()? {
            Next::Item(item) if item.index < index => {}
            Next::Item(item) if item.index == index => {
                return Ok(matching(item.record, entry).unwrap_or_default());
            }
            Next::Item(_) | Next::End | Next::Malformed(_) => return Ok(None),
        }
    }
}

fn shown(reader: EntryReader<'_>, index: u64, record: &Record) -> Shown {
    let checks = reader.read(index, record).map(|read| read.workload_checks()).unwrap_or_default();
    Shown::of(record, &checks)
}

/// The `submitted_digest` of each entry of a range, as far as they are of a version that is known.
fn each_digest(
    mirror: &Mirror,
    size: u64,
    range: Range<u64>,
    each: &mut dyn FnMut(u64, Hash),
) -> Result<(), Failure> {
    let mut bundle = Bundle::of(mirror, size);
    let mut first = range.start;
    while first < range.end {
        let bundle_start = first - first % TILE_HASHES;
        for (index, entry) in (bundle_start..range.end).zip(bundle.around(first)?) {
            if let (true, Ok(entry)) = (index >= first, Entry::parse(entry)) {
                each(index, entry.submitted_digest);
            }
        }
        first = bundle_start + TILE_HASHES;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::Kind;
    use provlog_core::entry::TimeMs;
    use provlog_core::tree::bundle::push_entry;
    use provlog_core::tree::{Resource, Tile};

    /// A mirror with entries of these digests.
    fn mirror(folder: &std::path::Path, digests: &[u8]) -> Mirror {
        let mirror = Mirror::open(folder, None).unwrap();
        for (index, digests) in (0..).zip(digests.chunks(256)) {
            let mut bundle = Vec::new();
            for digest in digests {
                let entry = Entry {
                    kind: Kind::new(22).unwrap(),
                    time_ms: TimeMs::new(1_790_000_000_000).unwrap(),
                    submitted_digest: Hash([*digest; 32]),
                    attested_digest: Hash([0; 32]),
                };
                push_entry(&mut bundle, &entry.to_bytes());
            }
            let tile = Tile { level: 0, index, width: u16::try_from(digests.len()).unwrap() };
            mirror.put(Resource::Entries(tile), &bundle).unwrap();
        }
        mirror
    }

    /// However few digests are held at a time, the same is found as by comparing each with each.
    #[test]
    fn what_repeats_is_found_in_any_number_of_parts() {
        let digests: Vec<u8> = (0..600_usize).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        let home = tempfile::tempdir().unwrap();
        let mirror = mirror(home.path(), &digests);
        let end = u64::try_from(digests.len()).unwrap();
        for start in [0, 1, 255, 256, 300, 599, 600] {
            let mut covered = Covered::none(start);
            (start..end).filter(|index| index.is_multiple_of(3)).for_each(|index| covered.insert(index));
            let of = |index: u64| digests[usize::try_from(index).unwrap()];
            let repeats = |index: u64| (0..index).any(|other| of(other) == of(index));
            let twice = |index: u64| {
                (start..index)
                    .any(|other| other.is_multiple_of(3) && index.is_multiple_of(3) && of(other) == of(index))
            };
            let expected: Vec<u64> = (start..end).filter(|index| repeats(*index)).collect();
            let faults = (start..end).filter(|index| twice(*index)).count();
            for held in [50, 300, HELD] {
                let found = Repeats::find_holding(&mirror, &(start..end), &covered, held).unwrap();
                assert_eq!(found.count, u64::try_from(expected.len()).unwrap(), "{start} {held}");
                assert_eq!(found.faults.kept.len(), faults, "{start} {held}");
                let told: Vec<u64> = found.first.iter().map(|(index, _)| *index).collect();
                assert_eq!(told, expected[..expected.len().min(TOLD_MAX)], "{start} {held}");
                assert!(found.first.iter().all(|(index, other)| other < index && of(*other) == of(*index)));
            }
        }
    }
}
