//! Controls of frameworks, and what records are evidence for: data that is read, and put to records one by one.
//!
//! A crosswalk says which evidence supports record keeping for a control; that a control is met it never says, and it
//! refuses files that do.

mod approvals;
pub(crate) mod evaluate;
pub(crate) mod known;
pub(crate) mod load;
pub(crate) mod query;
pub(crate) mod referred;
#[cfg(test)]
pub(crate) mod tests;

use crate::local::files;
use crate::show::failure::Failure;
use load::{Crosswalk, FILE_BYTES_MAX};
use std::path::PathBuf;

/// The built-in crosswalk, and the user's own files.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Crosswalk, Failure> {
    let mut own = Vec::new();
    for path in paths {
        own.push((path.display().to_string(), files::read(path, FILE_BYTES_MAX)?));
    }
    Crosswalk::with_files(&own).map_err(|error| Failure::malformed("crosswalk", format!("\n{error}")))
}
