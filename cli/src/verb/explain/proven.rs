//! What a story is told of: nothing that wasn't verified.

use provlog_core::Record;
use provlog_core::check::Check;

/// An entry that is in the log: its record, and the checks of its evidence as they end where nothing is required.
pub(super) struct ProvenEntry<'r> {
    pub(super) index: u64,
    pub(super) record: &'r Record,
    pub(super) evidence: &'r [Check],
    /// The checks of the receipt, or of the package, that it is in.
    pub(super) checks: &'r [Check],
    pub(super) is_in_package: bool,
}
