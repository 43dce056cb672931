//! The records of an entry's package: that of the entry, of what it names, of what these name, and so on (`SPEC.md` section
//! 11.8). What is followed is what the package will show: what a hidden claim names isn't fetched for its sake.

use super::hiding::Hiding;
use super::received::{PATIENCE, Received, read, wrong};
use crate::log::client::Client;
use crate::log::retry::Retry;
use crate::proof::sequence::{Next, Sequence};
use crate::show::failure::Failure;
use crate::show::page;
use crate::show::progress::progress;
use provlog_core::limits::{ENTRY_PACKAGE_ENTRIES_MAX, LEFT_OUT_MAX};
use provlog_core::package::{earlier_parts, named_by};
use provlog_core::redact::redact_record;
use std::collections::BTreeSet;
use std::ops::Range;

/// Where records come from, and what each of them leads to.
trait Steps {
    /// The records of a range, all of them.
    fn fetch(&self, range: Range<u64>, received: &mut Received) -> Result<(), Failure>;

    /// Where the record leads, once it is redacted as it will be in the package.
    fn step(&self, index: u64, bytes: &[u8]) -> Result<Step, Failure>;
}

/// The step from a record to what it names.
#[derive(Clone, Default)]
struct Step {
    named: BTreeSet<u64>,
    /// How many entries right before it belong to the same change of a set.
    earlier_parts: u64,
}

/// How much there is room for.
#[derive(Clone, Copy)]
struct Room {
    records: usize,
    left_out: usize,
}

/// What was found.
pub(super) struct Followed {
    pub(super) records: Received,
    /// What they name and isn't among them.
    pub(super) left_out: BTreeSet<u64>,
    most: Room,
}

/// Where records of a log come from, and what is hidden of them.
pub(super) struct Follower<'a> {
    pub(super) client: &'a Client,
    pub(super) hiding: &'a Hiding,
    /// The name of the log.
    pub(super) origin: &'a str,
}

impl Follower<'_> {
    /// Follows what `entry` names, as far as its package has room.
    pub(super) fn follow(&self, entry: u64) -> Result<Followed, Failure> {
        let records = usize::try_from(ENTRY_PACKAGE_ENTRIES_MAX).unwrap_or(usize::MAX);
        follow(self, entry, Room { records, left_out: LEFT_OUT_MAX })
    }
}

/// Follows what `entry` names. What is fewer steps away comes first, of as many steps the later entries, as long as there is
/// room for them and for what they name. Of records, those that are fetched ahead among them, never more are held than there is
/// room for.
fn follow(steps: &impl Steps, entry: u64, most: Room) -> Result<Followed, Failure> {
    let bar = progress("following", 1);
    let mut found = Followed { records: Received::new(), left_out: BTreeSet::from([entry]), most };
    let mut ahead = Received::new();
    let mut due = found.left_out.clone();
    while !due.is_empty() {
        // The later ones, where there isn't room for all.
        let wanted: BTreeSet<u64> = due.iter().rev().take(found.room()).copied().collect();
        let missing = wanted.iter().filter(|index| !ahead.contains_key(*index)).count();
        if ahead.len() + missing > found.room() {
            // What is wanted now has the room of what may be wanted later.
            ahead.retain(|index, _| wanted.contains(index));
        }
        for run in runs(wanted.iter().copied().filter(|index| !ahead.contains_key(index))) {
            steps.fetch(run, &mut ahead)?;
        }
        let mut next = BTreeSet::new();
        for index in wanted.into_iter().rev() {
            // All that is wanted was fetched.
            let Some(bytes) = ahead.remove(&index) else { continue };
            let step = steps.step(index, &bytes)?;
            if !found.take(index, bytes, &step.named) {
                return Ok(found);
            }
            next.extend(step.named.into_iter().filter(|named| !found.has(*named)));
            // Each part names the one before it alone: one by one, they would take a request each.
            let spare = count(found.room().saturating_sub(ahead.len()));
            let earlier = index.saturating_sub(step.earlier_parts.min(spare))..index;
            for run in runs(earlier.filter(|index| !found.has(*index) && !ahead.contains_key(index))) {
                steps.fetch(run, &mut ahead)?;
            }
            bar.set_length(count(found.records.len() + found.left_out.len()));
            bar.set_position(count(found.records.len()));
        }
        due = if found.room() == 0 { BTreeSet::new() } else { next };
        due.retain(|index| !found.has(*index));
    }
    Ok(found)
}

impl Steps for Follower<'_> {
    fn fetch(&self, mut range: Range<u64>, received: &mut Received) -> Result<(), Failure> {
        let mut retry = Retry::within(PATIENCE);
        while !range.is_empty() {
            let start = range.start;
            let answered = self.answer(&mut range, received);
            // What came before a connection broke is kept.
            if range.start > start {
                retry = Retry::within(PATIENCE);
            }
            if let Err(failure) = answered {
                retry.wait(failure)?;
            }
        }
        Ok(())
    }

    fn step(&self, index: u64, bytes: &[u8]) -> Result<Step, Failure> {
        let mut record = read(self.client, index, bytes)?;
        if let Some(redaction) = self.hiding.redaction(&record) {
            record = redact_record(record, &redaction)?;
        }
        let named = named_by(&record, index, self.origin);
        Ok(Step { named, earlier_parts: earlier_parts(&record) })
    }
}

impl Follower<'_> {
    /// One answer of the log, from the range's start on. What came is no longer in the range.
    fn answer(&self, range: &mut Range<u64>, received: &mut Received) -> Result<(), Failure> {
        let (start, limit) = (range.start, range.end - range.start);
        let records = self.client.records(&format!("/v1/records?start={start}&limit={limit}"))?;
        let broken = |error| self.client.no_answer(error);
        let mut items = Sequence::new(records.body, &broken);
        while !range.is_empty() {
            let expected = format!("expected entry {}", range.start);
            match items.next_item()? {
                Next::Item(item) if item.index == range.start => {
                    received.insert(item.index, item.record.to_vec());
                    range.start += 1;
                }
                Next::Item(item) => {
                    return Err(wrong(self.client, format!("{expected}, got {}", item.index)));
                }
                Next::End if range.start > start => break,
                Next::End => return Err(wrong(self.client, format!("{expected}, got none"))),
                Next::Malformed(error) => return Err(wrong(self.client, error.to_string())),
            }
        }
        Ok(())
    }
}

impl Followed {
    fn has(&self, index: u64) -> bool {
        self.records.contains_key(&index)
    }

    /// How many more records there is room for.
    fn room(&self) -> usize {
        self.most.records.saturating_sub(self.records.len())
    }

    /// Takes a record that was named, unless there is no room for it and for what it names.
    fn take(&mut self, index: u64, bytes: Vec<u8>, named: &BTreeSet<u64>) -> bool {
        let more = named.iter().filter(|named| !self.has(**named) && !self.left_out.contains(named)).count();
        // It is itself among what was left out so far.
        if self.room() == 0 || self.left_out.len().saturating_sub(1) + more > self.most.left_out {
            return false;
        }
        self.left_out.remove(&index);
        self.left_out.extend(named.iter().filter(|named| !self.records.contains_key(*named)));
        self.records.insert(index, bytes);
        true
    }

    /// Says what was taken, what was left out, and why.
    pub(super) fn say(&self, entry: u64, hiding: &Hiding) {
        let named = self.records.len().saturating_sub(1);
        let hidden = match hiding {
            Hiding::Nothing => "",
            _ => "; what hidden claims name is not followed",
        };
        page::say(&format!("entry {entry} and {named} that it leads to{hidden}"));
        if !self.left_out.is_empty() {
            page::say(&format!(
                "left out of those that are named: {}; the package of an entry has room for \
                 {ENTRY_PACKAGE_ENTRIES_MAX} entries, and for the indices of {LEFT_OUT_MAX} others",
                self.left_out.len()
            ));
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Ascending indices as ranges without gaps: a request each.
fn runs(indices: impl Iterator<Item = u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for index in indices {
        match runs.last_mut() {
            Some(run) if run.end == index => run.end += 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
