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
    /// The last entry that it was made of, and how often it ended how there.
    last: Option<(u64, Ends)>,
}

/// How often a check ended how, by [`rank`].
type Ends = [u64; 4];

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
        let (last, mut ends) = self.last.unwrap_or((index, Ends::default()));
        if last != index {
            ends = Ends::default();
        }
        ends[rank(made.status)] += 1;
        self.last = Some((index, ends));
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
        let ends = [self.failed.count, self.warned.count, self.passed, 1];
        let gravest = ENDS.into_iter().zip(ends).find(|(_, count)| *count > 0);
        let status = gravest.map_or(Status::Skip, |(status, _)| status);
        let mut parts: Vec<String> = Vec::new();
        if of_entry == Some(last) {
            let counts = ENDS.into_iter().zip(of_last).filter(|(_, count)| *count > 0);
            let counts: Vec<String> =
                counts.map(|(status, count)| format!("{count} {}", status.as_str())).collect();
            parts.push(format!("of entry {last}: {}", counts.join(", ")));
        }
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

/// The gravest first: what decides of a check that was made of many.
const ENDS: [Status; 4] = [Status::Fail, Status::Warn, Status::Pass, Status::Skip];

/// The place among them.
const fn rank(status: Status) -> usize {
    match status {
        Status::Fail | Status::NotDisclosed => 0,
        Status::Warn => 1,
        Status::Pass => 2,
        Status::Skip => 3,
    }
}
