//! Whoever wants to know what a package's records say, while they are checked: so that no file is read twice for it.

use provlog_core::Record;
use provlog_core::package::Manifest;

/// Who sees the records of a package while they are checked, batch by batch.
pub(crate) trait Onlooker: Sync {
    /// What is made of a batch.
    type Part: Send;

    /// Starts on a batch.
    fn part(&self) -> Self::Part;

    /// Sees the next record of the batch.
    fn see(part: &mut Self::Part, index: u64, record: &Record);

    /// Keeps what was made of the batch. Batches come in their order.
    fn keep(&self, part: Self::Part);
}

/// Who can tell from the records that it saw what the page of their package is.
pub(crate) trait PageJudge: Onlooker {
    /// What the page is, once all was seen and everything holds; none: nobody looks at it.
    fn page(&self, pages: &PageFiles<'_>) -> Option<PageStanding>;
}

/// Sees nothing.
pub(crate) struct Nobody;

impl Onlooker for Nobody {
    type Part = ();

    fn part(&self) {}

    fn see((): &mut (), _: u64, _: &Record) {}

    fn keep(&self, (): ()) {}
}

/// The page, and what else of its package it is made of.
pub(crate) struct PageFiles<'p> {
    /// The package's manifest.
    pub(crate) manifest: &'p Manifest,
    /// The page.
    pub(crate) html: &'p str,
    /// Reads a file of the package again, as it was checked.
    pub(crate) read: &'p dyn Fn(&str) -> Option<Vec<u8>>,
}

/// What `report.html` is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PageStanding {
    /// Byte for byte the page that this version makes from these records, with the trust file that is in it.
    Own,
    /// It isn't: what differs.
    Other(String),
}
