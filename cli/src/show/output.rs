//! What a verb has made, given to where the user wants it.

use super::failure::Failure;
use super::page;
use crate::local::files::{self, Over};
use std::path::Path;

/// Writes it under the name that the user gave, and prints that name; on standard output it stands alone.
pub(crate) fn hand_out(path: &Path, bytes: &[u8], over: Over<'_>) -> Result<(), Failure> {
    if files::is_stdout(path) {
        return page::print(bytes);
    }
    files::write(path, bytes, over)?;
    page::print(format!("{}\n", path.display()).as_bytes())
}
