//! The evidence of a package's entries, read while they are checked, beside whoever else looks on.

use super::onlooker::Onlooker;
use provlog_core::Record;
use provlog_core::check::{Check, Report, Status};
use provlog_core::package::PackageReport;
use provlog_evidence::verify::{EntryEvidence, EntryReader, EvidenceVerifier, PackageEvidence, Records};
use std::sync::{Mutex, PoisonError};

/// Reads evidence, and has another onlooker see the same records.
pub(super) struct WithEvidence<'e, 'o, O> {
    reader: EntryReader<'e>,
    evidence: Mutex<PackageEvidence<'e>>,
    other: &'o O,
}

impl<'e, 'o, O> WithEvidence<'e, 'o, O> {
    /// `origin` is the name of the trusted log, and that of the checkpoint, too: the records of a package by another log's
    /// checkpoint are not read.
    pub(super) fn new(verifier: EvidenceVerifier<'e>, origin: &'e str, other: &'o O) -> Self {
        let evidence = verifier.package(origin);
        Self { reader: evidence.reader(), evidence: Mutex::new(evidence), other }
    }

    /// The checks, once the package was read and this was reported of it.
    pub(super) fn checks(&self, report: &PackageReport) -> Vec<Check> {
        let passes = |name: &str| {
            report.checks().iter().any(|check| check.name == name && check.status == Status::Pass)
        };
        let starts_at_zero = report.manifest.range.as_ref().is_some_and(|range| range.start == 0);
        let records = Records {
            hold: passes("records"),
            from_zero: starts_at_zero && passes("completeness"),
            of_entry: report.manifest.filters.entry,
        };
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).checks(records)
    }
}

impl<'e, O: Onlooker> Onlooker for WithEvidence<'e, '_, O> {
    type Part = (EntryReader<'e>, Vec<EntryEvidence<'e>>, O::Part);

    fn part(&self) -> Self::Part {
        (self.reader, Vec::new(), self.other.part())
    }

    fn see((reader, read, other): &mut Self::Part, index: u64, record: &Record) {
        read.extend(reader.read(index, record));
        O::see(other, index, record);
    }

    fn keep(&self, (_, read, other): Self::Part) {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        read.into_iter().for_each(|entry| drop(evidence.add(entry)));
        self.other.keep(other);
    }
}
