//! Whether each record is the one that its entry commits to: its entry byte for byte the log's, its sections those of the
//! entry's digests. Records are read as a stream, one in memory at a time, and not kept.

use super::entries::{Bundle, matching};
use super::fault::Fault;
use super::mirror::Mirror;
use super::source::Source;
use super::turns::Turns;
use super::window::{Ahead, ClosedOnPanic};
use super::workloads::{ReadEntries, Workloads};
use crate::proof::sequence::{Next, Sequence};
use crate::show::failure::Failure;
use crate::show::progress::progress;
use indicatif::ProgressBar;
use provlog_core::cbor;
use provlog_evidence::verify::EntryReader;
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

/// Ranges of records that may be read ahead of the first one that isn't through.
const AHEAD_MAX: u64 = 32;

/// Records after which what was read of them is handed on, where it is their turn.
const HANDED_ON: usize = 1_024;

/// Compares the records of `range` with the entries in the mirror, many ranges at one time, and has workloads read them.
pub(super) fn compare(
    source: &dyn Source,
    mirror: &Mirror,
    range: &Range<u64>,
    size: u64,
    workloads: &mut Workloads<'_>,
) -> Result<Compared, Failure> {
    let step = source.records_max().min(range.end - range.start).max(1);
    let next = AtomicU64::new(range.start);
    let (stop, served) = (AtomicBool::new(false), AtomicBool::new(true));
    let found = Mutex::new(Ok::<_, Failure>(Vec::new()));
    let bar = &progress("comparing records", range.end - range.start);
    let (reader, window) = (workloads.reader(), Ahead::new(0, AHEAD_MAX));
    let turns = Turns::new(&window, workloads);
    let work = || {
        let _watched = ClosedOnPanic(&window);
        while !stop.load(Ordering::Relaxed) {
            let start = next.fetch_add(step, Ordering::Relaxed);
            let number = start.saturating_sub(range.start) / step;
            if start >= range.end || !window.reaches(number) {
                return;
            }
            let part = start..start.saturating_add(step).min(range.end);
            let part_of = Part { source, mirror, size, bar, reader, turns: &turns, number };
            let compared = part_of.compare(part);
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
            if stop.load(Ordering::Relaxed) {
                window.close();
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
struct Part<'a, 'b> {
    source: &'a dyn Source,
    mirror: &'a Mirror,
    size: u64,
    bar: &'a ProgressBar,
    reader: EntryReader<'b>,
    turns: &'a Turns<'a, 'b>,
    number: u64,
}

impl<'b> Part<'_, 'b> {
    /// `None` when the log serves no records.
    fn compare(&self, range: Range<u64>) -> Result<Option<Vec<Fault>>, Failure> {
        let mut read = ReadEntries::default();
        let faults = self.compare_each(range, &mut read)?;
        if faults.is_some() {
            self.turns.end(self.number, read)?;
        }
        Ok(faults)
    }

    fn compare_each(
        &self,
        range: Range<u64>,
        read: &mut ReadEntries<'b>,
    ) -> Result<Option<Vec<Fault>>, Failure> {
        let Some(stream) = self.source.records(range.start, range.end - range.start)? else {
            return Ok(None);
        };
        let broken = |error| self.source.broken(error);
        let mut items = Sequence::new(stream, &broken);
        let mut bundle = Bundle::of(self.mirror, self.size);
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
                match matching(item.record, bundle.entry(item.index)?) {
                    Ok(Some(record)) => read.read(self.reader, item.index, &record, item.record),
                    Ok(None) => read.pass_over(item.index),
                    Err(detail) => faults.push(Fault::Record { index: item.index, detail }),
                }
                if read.count.is_multiple_of(HANDED_ON) {
                    self.turns.hand_on(self.number, read)?;
                }
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
