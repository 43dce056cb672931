//! The package: many records with one proof, for whoever has no network and no reason to believe us (`SPEC.md` section
//! 11). [`crate::verify::Verifier::package`] is its one door.
//!
//! Nothing here opens a file: [`Files`] hands out streams, of a folder or a ZIP. Every file is read once, from the
//! front, in bounded memory, and only for as long as it agrees with what is known already: so nothing that a hostile
//! package inflates to is worth its making.

mod batch;
mod filters;
mod left_out;
mod manifest;
mod members;
mod names;
mod recent;
mod references;
mod selection;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod version;
mod walk;

pub use batch::{Batch, Checked, encoded_item, record_item};
pub use filters::Filters;
pub use left_out::LeftOut;
pub use manifest::{FileEntry, Head, Manifest, ManifestError, RedactionRule};
pub use names::{earlier_parts, named_by};
pub use recent::Recent;
pub use source::{Files, Stream, Unreadable};
pub use text::{Texts, csv_header};
pub use verify::PackageReport;
pub(crate) use verify::report;
pub use version::Version;

/// What the package says of itself.
pub const MANIFEST: &str = "manifest.json";
/// The manifest's SHA-256, as `sha256sum` writes it.
pub const MANIFEST_SHA256: &str = "manifest.sha256";
/// The signed checkpoint that the proof leads to.
pub const CHECKPOINT: &str = "checkpoint";
/// The signed checkpoint of an earlier tree.
pub const PREVIOUS_CHECKPOINT: &str = "previous-checkpoint";
/// The proof that the tree extends the earlier one: its hashes, 32 bytes each.
pub const CONSISTENCY: &str = "consistency.bin";
/// The records: a CBOR sequence of `[index, record]`.
pub const RECORDS: &str = "records.cbor";
/// The multi-proof's nodes, 32 bytes each.
pub const PROOF: &str = "proof.bin";
/// The records as lines of JSON.
pub const JSON_LINES: &str = "records.jsonl";
/// The records as rows of a table.
pub const CSV: &str = "records.csv";
/// A page for people. Its digest is checked, and nothing in it is believed.
pub const REPORT: &str = "report.html";

/// When a file belongs into a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilePlace {
    /// In every package.
    Always,
    /// Where an earlier checkpoint is given.
    WithPrevious,
}

/// The files that a manifest lists, in its order.
pub const FILES: [(&str, FilePlace); 8] = [
    (CHECKPOINT, FilePlace::Always),
    (PREVIOUS_CHECKPOINT, FilePlace::WithPrevious),
    (CONSISTENCY, FilePlace::WithPrevious),
    (RECORDS, FilePlace::Always),
    (PROOF, FilePlace::Always),
    (JSON_LINES, FilePlace::Always),
    (CSV, FilePlace::Always),
    (REPORT, FilePlace::Always),
];

/// When the file of this name belongs into a package; none: it is no file of this format that a manifest lists.
#[must_use]
pub fn place_of(name: &str) -> Option<FilePlace> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
}
