//! Whether what entries of a package refer to is what the package has there (`SPEC.md` section 11.7).

use super::recent::Recent;
use crate::check::{Check, Status};
use crate::claims::{kind_name, references};
use crate::entry::Kind;
use crate::hash::Hash;
use crate::record::{Record, SectionName};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A reference of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Referring {
    claim: &'static str,
    index: u64,
    leaf_hash: Hash,
    kind: Kind,
    /// Into the log of another name.
    elsewhere: bool,
}

/// What a record refers to, as far as it shows, in the claims that may refer to anything.
pub(super) fn of_record(record: &Record, origin: &str, referring: &[(&'static str, Kind)]) -> Vec<Referring> {
    let mut found = Vec::new();
    for &(claim, kind) in referring {
        let Some(value) = record.section(SectionName::Submitted).value(claim) else { continue };
        found.extend(references(kind, value).map(|to| Referring {
            claim,
            index: to.index,
            leaf_hash: to.leaf_hash,
            kind: to.kind,
            elsewhere: to.origin.is_some_and(|other| other != origin),
        }));
    }
    found
}

/// References, looked up among the records that came before.
#[derive(Debug, Default)]
pub(super) struct References {
    recent: Recent<(Kind, Hash)>,
    resolved: u64,
    unresolved: u64,
    elsewhere: u64,
    wrong: Option<String>,
}

impl References {
    /// Takes in the next record and what it refers to.
    pub(super) fn add(&mut self, index: u64, kind: Kind, leaf_hash: Hash, referring: &[Referring]) {
        for to in referring {
            match self.judge(index, to) {
                Ok(Some(())) => self.resolved += 1,
                Ok(None) if to.elsewhere => self.elsewhere += 1,
                Ok(None) => self.unresolved += 1,
                Err(fault) => {
                    let wrong = || format!("{} of entry {index}: entry {} {fault}", to.claim, to.index);
                    self.wrong.get_or_insert_with(wrong);
                }
            }
        }
        self.recent.push(index, (kind, leaf_hash));
    }

    /// Nothing where it can't be told: another log's entry, or one that isn't here.
    fn judge(&self, index: u64, to: &Referring) -> Result<Option<()>, String> {
        if to.elsewhere {
            return Ok(None);
        }
        if to.index >= index {
            return Err("does not come before it".into());
        }
        match self.recent.get(to.index) {
            Some((_, leaf_hash)) if *leaf_hash != to.leaf_hash => Err("has another leaf hash".into()),
            Some((kind, _)) if *kind != to.kind => {
                let name = kind_name(*kind).map_or_else(|| kind.number().to_string(), ToString::to_string);
                Err(format!("is of kind {name}"))
            }
            found => Ok(found.map(|_| ())),
        }
    }

    pub(super) fn check(self) -> Check {
        const NAME: &str = "references";
        if let Some(wrong) = self.wrong {
            let expected = "earlier entries, with their leaf hash, of the kind that the claim is about";
            return Check::compared(NAME, expected, wrong, false);
        }
        let mut parts = Vec::from([format!("{} resolved", self.resolved)]);
        if self.unresolved > 0 {
            parts.push(format!("{} not resolved: to entries that are not in this package", self.unresolved));
        }
        if self.elsewhere > 0 {
            parts.push(format!("{} not resolved: into other logs", self.elsewhere));
        }
        let passed = Check::passed(NAME, parts.join(", "));
        if self.resolved > 0 { passed } else { Check { status: Status::Skip, ..passed } }
    }
}
