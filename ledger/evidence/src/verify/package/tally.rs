//! How often a check ended how, over the entries of a package.

use super::super::made::Made;
use provlog_core::check::{Check, Status};
use std::collections::BTreeMap;

/// Most reasons for which a check was skipped that are told apart: a hostile package has as many as it likes.
const REASONS_MAX: usize = 4;

/// One check, made of many.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: Noted,
    warned: Noted,
    skipped: BTreeMap<String, u64>,
    /// For reasons beyond [`REASONS_MAX`].
    skipped_otherwise: u64,
    /// The last entry that it was made of, and how it ended there.
    last: Option<(u64, Status)>,
}

/// What someone has to look at.
#[derive(Clone, Debug, Default)]
struct Noted {
    count: u64,
    first: Option<(u64, String)>,
}

impl Noted {
    fn add(&mut self, index: u64, remark: String) {
        self.count += 1;
        self.first.get_or_insert((index, remark));
    }

    fn text(&self, verb: &str) -> Option<String> {
        let (index, remark) = self.first.as_ref()?;
        Some(match self.count {
            1 => format!("1 {verb}s, entry {index}: {remark}"),
            count => format!("{count} {verb}, first entry {index}: {remark}"),
        })
    }
}

impl Tally {
    /// Of the entry at `index`. Entries come in their order.
    pub(super) fn add(&mut self, index: u64, made: Made) {
        let status = match self.last {
            Some((last, before)) if last == index => gravest([before, made.status]),
            _ => made.status,
        };
        self.last = Some((index, status));
        match made.status {
            Status::Pass => self.passed += 1,
            Status::Fail | Status::NotDisclosed => self.failed.add(index, made.remark),
            Status::Warn => self.warned.add(index, made.remark),
            Status::Skip if self.skipped.len() < REASONS_MAX || self.skipped.contains_key(&made.remark) => {
                *self.skipped.entry(made.remark).or_default() += 1;
            }
            Status::Skip => self.skipped_otherwise += 1,
        }
    }

    /// The check; none where it was made of nothing. `passed` says what those that pass are; `of_entry` is the entry that the
    /// package is of.
    pub(super) fn check(&self, name: &str, passed: &str, of_entry: Option<u64>) -> Option<Check> {
        let (last, of_last) = self.last?;
        let ends = [
            (self.failed.count, Status::Fail),
            (self.warned.count, Status::Warn),
            (self.passed, Status::Pass),
            (1, Status::Skip),
        ];
        let status = gravest(ends.into_iter().filter(|(count, _)| *count > 0).map(|(_, status)| status));
        let mut parts: Vec<String> = Vec::new();
        parts.extend(
            of_entry
                .filter(|index| *index == last)
                .map(|index| format!("of entry {index}: {}", of_last.as_str())),
        );
        parts.extend(self.failed.text("fail"));
        parts.extend(self.warned.text("warn"));
        if self.passed > 0 {
            parts.push(format!("{} {passed}", self.passed));
        }
        parts.extend(self.skipped.iter().map(|(reason, count)| format!("{count} {reason}")));
        if self.skipped_otherwise > 0 {
            parts.push(format!("{} skipped for other reasons", self.skipped_otherwise));
        }
        Some(Check { remark: Some(parts.join("; ")), ..Check::new(name, status) })
    }
}

/// The first of these that is among them; `skip` where none is.
fn gravest(ends: impl IntoIterator<Item = Status>) -> Status {
    let rank = |status: &Status| match status {
        Status::Fail | Status::NotDisclosed => 0,
        Status::Warn => 1,
        Status::Pass => 2,
        Status::Skip => 3,
    };
    ends.into_iter().min_by_key(rank).unwrap_or(Status::Skip)
}
