//! Whether each record is the one that its entry commits to: its entry byte for byte the log's, its sections those of the
//! entry's digests. Records are read as a stream, one in memory at a time, and not kept.

use super::fault::Fault;
use super::mirror::Mirror;
use super::source::Source;
use crate::proof::sequence::{Next, Sequence};
use crate::show::failure::Failure;
use crate::show::progress::progress;
use indicatif::ProgressBar;
use provlog_core::cbor;
use provlog_core::record::{AnyRecord, Record, SectionName};
use provlog_core::tree::{Resource, TILE_HASHES, Tile, bundle};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Faults after which no more records are compared: something else is wrong than some of them.
const FAULTS_MAX: usize = 10_000;

/// What came of comparing records.
#[derive(Debug)]
pub(super) enum Compared {
    NotServed,
    /// All were read.
    Read(Vec<Fault>),
    /// So many were wrong that the rest was not read, or the log served no more of them.
    Stopped(Vec<Fault>),
}

/// Compares the records of `range` with the entries in the mirror, many ranges at one time.
pub(super) fn compare(
    source: &dyn Source,
    mirror: &Mirror,
    range: &Range<u64>,
    size: u64,
) -> Result<Compared, Failure> {
    let step = source.records_max().min(range.end - range.start).max(1);
    let next = AtomicU64::new(range.start);
    let (stop, served) = (AtomicBool::new(false), AtomicBool::new(true));
    let found = Mutex::new(Ok::<_, Failure>(Vec::new()));
    let bar = &progress("comparing records", range.end - range.start);
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let start = next.fetch_add(step, Ordering::Relaxed);
            if start >= range.end {
                return;
            }
            let part = start..start.saturating_add(step).min(range.end);
            let compared = Part { source, mirror, size, bar }.compare(part);
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match (compared, found.as_mut()) {
                (Ok(Some(faults)), Ok(found)) => {
                    found.extend(faults);
                    if found.len() > FAULTS_MAX {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                (Ok(Some(_)), Err(_)) => {}
                (Ok(None), _) => {
                    served.store(false, Ordering::Relaxed);
                    stop.store(true, Ordering::Relaxed);
                }
                (Err(failure), _) => {
                    *found = Err(failure);
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..source.lanes() {
            scope.spawn(work);
        }
    });
    let mut faults = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    let served = served.into_inner();
    // What was served and is wrong is wrong, whatever the log answers for the rest.
    if !served && !faults.iter().any(Fault::accuses) {
        return Ok(Compared::NotServed);
    }
    faults.sort_by_key(|fault| match fault {
        Fault::Record { index, .. } | Fault::RecordsMissing { index, .. } => *index,
        _ => 0,
    });
    Ok(if !served || faults.len() > FAULTS_MAX { Compared::Stopped(faults) } else { Compared::Read(faults) })
}

/// One stretch of records.
struct Part<'a> {
    source: &'a dyn Source,
    mirror: &'a Mirror,
    size: u64,
    bar: &'a ProgressBar,
}

impl Part<'_> {
    /// `None` when the log serves no records.
    fn compare(&self, range: Range<u64>) -> Result<Option<Vec<Fault>>, Failure> {
        let Some(stream) = self.source.records(range.start, range.end - range.start)? else {
            return Ok(None);
        };
        let broken = |error| self.source.broken(error);
        let mut items = Sequence::new(stream, &broken);
        let mut bundle = Bundle { mirror: self.mirror, size: self.size, index: None, bytes: Vec::new() };
        let mut faults = Vec::new();
        let mut expected = range.start;
        while expected < range.end && faults.len() <= FAULTS_MAX {
            let item = match items.next_item()? {
                Next::Item(item) => item,
                Next::End => break,
                // A stream that was cut off on its way says nothing about what it would have gone on with.
                Next::Malformed(error) if error.fault == cbor::Fault::Truncated => break,
                Next::Malformed(error) => {
                    // Where a sequence stops being one, nothing behind can be told apart any more.
                    faults.push(Fault::Record { index: expected, detail: format!("not a record: {error}") });
                    return Ok(Some(faults));
                }
            };
            if item.index < range.start {
                continue;
            }
            if item.index < expected {
                let detail = format!("out of order: it comes behind record {}", expected.saturating_sub(1));
                faults.push(Fault::Record { index: item.index, detail });
                continue;
            }
            faults.extend(missing(expected..item.index.min(range.end)));
            if item.index < range.end {
                let wrong = mismatch(item.record, bundle.entry(item.index)?);
                faults.extend(wrong.map(|detail| Fault::Record { index: item.index, detail }));
            }
            expected = item.index.saturating_add(1);
            self.bar.inc(1);
        }
        if faults.len() <= FAULTS_MAX {
            faults.extend(missing(expected..range.end));
        }
        Ok(Some(faults))
    }
}

fn missing(range: Range<u64>) -> Option<Fault> {
    let last = range.end.checked_sub(1).filter(|last| range.contains(last))?;
    Some(Fault::RecordsMissing { index: range.start, last })
}

/// What doesn't match between a record and the entry that the log committed to; `None` when all of it does.
fn mismatch(record: &[u8], entry: &[u8]) -> Option<String> {
    match Record::parse(record) {
        Err(error) => Some(format!("not a record: {error}")),
        Ok(AnyRecord::UnknownVersion { entry: got, .. }) if got == entry => None,
        Ok(AnyRecord::UnknownVersion { .. }) => Some("its entry is not the log's".into()),
        Ok(AnyRecord::Known(record)) => {
            let got = record.entry.to_bytes();
            if got.as_slice() != entry {
                let (expected, got) = (provlog_core::Hash::leaf(entry), record.entry.leaf_hash());
                return Some(format!("its entry is not the log's: expected leaf hash {expected}, got {got}"));
            }
            let wrong = SectionName::ALL.into_iter().find_map(|name| {
                let (expected, got) =
                    (record.committed_digest(name), record.section(name).digest(name, record.entry.kind));
                (expected != got).then_some((name, expected, got))
            });
            wrong.map(|(name, expected, got)| {
                format!("its {name} claims are not those of its entry: expected digest {expected}, got {got}")
            })
        }
    }
}

/// The bundle that was used last: records come in order.
struct Bundle<'a> {
    mirror: &'a Mirror,
    size: u64,
    index: Option<u64>,
    bytes: Vec<u8>,
}

impl Bundle<'_> {
    fn entry(&mut self, index: u64) -> Result<&[u8], Failure> {
        let at = index / TILE_HASHES;
        let lost =
            || Failure::Internal(format!("{}: entry {index} is gone from the mirror", self.mirror.name()));
        let tile = Tile::holding(0, index, self.size).ok_or_else(lost)?;
        if self.index != Some(at) {
            self.bytes = self.mirror.get(Resource::Entries(tile))?.ok_or_else(lost)?;
            self.index = Some(at);
        }
        let nth = usize::try_from(index % TILE_HASHES).unwrap_or(usize::MAX);
        bundle::entries(&self.bytes, usize::from(tile.width)).0.get(nth).copied().ok_or_else(lost)
    }
}
