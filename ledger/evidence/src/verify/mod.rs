//! What a reader concludes of an entry's evidence (`SPEC.md` section 12.7): checks of the same kind as core's, for the same
//! verdict.
//!
//! A check that could not be made is skipped, and says whose word is left: nothing here passes for want of a key.

mod approval;
mod identity;
mod made;
mod package;
mod workload;

pub use package::{
    APPROVALS_LOOKED_UP_MAX, EntryEvidence, EntryMembers, EntryReader, PACKAGE_SET_LIMITS, PackageEvidence,
    Records,
};

use crate::believed::Believed;
use provlog_core::check::Check;
use provlog_core::record::Record;

/// Checks the evidence of entries, by what its reader believes and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceVerifier<'a> {
    /// Whose signatures count.
    pub believed: &'a Believed,
    /// Whether an entry whose workload isn't bound by its issuer's signature is refused.
    pub require_bound: bool,
}

impl<'a> EvidenceVerifier<'a> {
    /// The checks of a record in the log of this origin; none: its version is unknown.
    #[must_use]
    pub fn checks(&self, record: Option<&Record>, origin: &str) -> Vec<Check> {
        let mut checks = workload::checks(self.believed, self.require_bound, record, origin);
        let Some(record) = record else { return checks };
        checks.extend(approval::checks(self.believed, record, origin));
        checks
    }

    /// What adds up the evidence of a package's entries, in the log of this origin.
    #[must_use]
    pub fn package(self, origin: &'a str) -> PackageEvidence<'a> {
        let Self { believed, require_bound } = self;
        PackageEvidence::new(EntryReader { believed, require_bound, origin })
    }
}
