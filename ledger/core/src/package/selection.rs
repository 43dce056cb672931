//! Whether the records of a package are those that it was asked for: the check `filters` (`SPEC.md` section 11.7).

use super::filters::Filters;
use super::left_out::LeftOut;
use super::manifest::Manifest;
use super::names::Names;
use crate::check::{Check, Status, join};
use crate::limits::{ENTRY_PACKAGE_ENTRIES_MAX, LEFT_OUT_MAX};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What was seen of the records so far. What a package of an entry names is held in bounded memory: of records beyond the most
/// that it may have, or of more than it may leave out, nothing is told but that there are too many.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// A record that isn't one of those that were asked for.
    not_asked_for: Option<String>,
    /// Each record's index, and whether a record behind it names it.
    records: BTreeMap<u64, bool>,
    /// What is named and isn't here.
    left_out: BTreeSet<u64>,
    too_many: Option<String>,
    /// Whether a claim is hidden that could name more.
    hides: bool,
}

impl Selection {
    pub(super) fn refuse(&mut self, not_asked_for: Option<String>) {
        self.not_asked_for = self.not_asked_for.take().or(not_asked_for);
    }

    /// Takes in the next record of a package of an entry, and the entries that it names, which all lie before it.
    pub(super) fn add(&mut self, index: u64, names: &Names) {
        self.hides |= names.hides;
        if self.too_many.is_some() {
            return;
        }
        if u64::try_from(self.records.len()).is_ok_and(|count| count >= ENTRY_PACKAGE_ENTRIES_MAX) {
            self.too_many = Some(format!("more than {ENTRY_PACKAGE_ENTRIES_MAX} records"));
            return;
        }
        for to in &names.named {
            match self.records.get_mut(to) {
                Some(is_named) => *is_named = true,
                None if self.left_out.len() < LEFT_OUT_MAX || self.left_out.contains(to) => {
                    self.left_out.insert(*to);
                }
                None => {
                    self.too_many =
                        Some(format!("more than {LEFT_OUT_MAX} entries that are named and not here"))
                }
            }
        }
        self.records.insert(index, false);
    }

    pub(super) fn check(self, manifest: &Manifest) -> Check {
        const NAME: &str = "filters";
        let filters = &manifest.filters;
        if let Some(entry) = self.not_asked_for {
            return Check::compared(NAME, "only entries that were asked for", entry, false);
        }
        if let Some(entry) = filters.entry {
            let expected = format!("entry {entry}, what it names, what these name, and so on");
            let remark = self.remark();
            return match self.of_entry(entry, manifest.left_out.as_ref()) {
                Ok(found) => Check { remark, ..Check::passed(NAME, found) },
                Err(fault) => Check::compared(NAME, expected, fault, false),
            };
        }
        match unknown(filters) {
            None => Check::new(NAME, Status::Pass),
            Some(names) => Check::remarked(NAME, Status::Skip, format!("not known to this version: {names}")),
        }
    }

    /// What isn't here or can't be known, which has to be said of the package of an entry that holds.
    fn remark(&self) -> Option<String> {
        let left_out = match self.left_out.len() {
            0 => None,
            1 => Some("1 entry that is named is not here".into()),
            count => Some(format!("{count} entries that are named are not here")),
        };
        let hidden = self.hides.then(|| String::from("what hidden claims name is not known"));
        let said: Vec<String> = left_out.into_iter().chain(hidden).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// What a package of this entry holds, or what in it is none of it.
    fn of_entry(mut self, entry: u64, said: Option<&LeftOut>) -> Result<String, String> {
        if let Some(too_many) = self.too_many {
            return Err(too_many);
        }
        match self.records.pop_last() {
            Some((last, _)) if last == entry => {}
            Some((last, _)) => return Err(format!("entry {last} is the last one")),
            None => return Err("no entry".into()),
        }
        if let Some((index, _)) = self.records.iter().find(|(_, is_named)| !**is_named) {
            return Err(format!("entry {index} is here, and no entry behind it names it"));
        }
        let found = LeftOut::of(&self.left_out);
        let count = found.count;
        match said {
            Some(said) if *said == found => {
                let left_out = if count == 0 { "none".into() } else { format!("{count}") };
                Ok(format!(
                    "entry {entry} and {} that are named; {left_out} named and left out",
                    self.records.len()
                ))
            }
            Some(said) if said.count == count => {
                Err(format!("left_out lists other entries than the {count} that are named and not here"))
            }
            _ => Err(format!("left_out has another count than the {count} that are named and not here")),
        }
    }
}

/// The names of filters that this version doesn't know.
fn unknown(filters: &Filters) -> Option<String> {
    let names = filters.unknown.iter().map(|(name, _)| name.as_str());
    (!filters.unknown.is_empty()).then(|| join(names))
}
