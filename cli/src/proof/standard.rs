//! What comes through standard input: a receipt, or a package as a ZIP, told apart by how it starts.

use crate::local::files::{ReadError, cannot_read};
use provlog_core::limits::RECEIPT_BYTES_MAX;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

/// How a ZIP with a member starts.
const ZIP_START: &[u8] = b"PK\x03\x04";

/// Most bytes of a package that are kept aside: a million records are some hundred MiB.
const ARCHIVE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// What was read.
#[derive(Debug)]
pub(crate) enum Standard {
    Receipt(Vec<u8>),
    /// In a file without a name: a ZIP is read from its end.
    Archive(File),
}

/// Whether standard input is meant.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads all of standard input.
pub(crate) fn read() -> Result<Standard, ReadError> {
    of(io::stdin().lock()).map_err(|source| cannot_read(Path::new("-"), source))?
}

fn of(mut input: impl Read) -> io::Result<Result<Standard, ReadError>> {
    let mut start = Vec::new();
    let most = u64::try_from(RECEIPT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    input.by_ref().take(most).read_to_end(&mut start)?;
    let too_large = |limit| Ok(Err(ReadError::TooLarge { path: "-".into(), limit }));
    if !start.starts_with(ZIP_START) {
        let fits = start.len() <= RECEIPT_BYTES_MAX;
        return if fits { Ok(Ok(Standard::Receipt(start))) } else { too_large(RECEIPT_BYTES_MAX) };
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&start)?;
    if io::copy(&mut input.take(ARCHIVE_BYTES_MAX), &mut file)? == ARCHIVE_BYTES_MAX {
        return too_large(usize::try_from(ARCHIVE_BYTES_MAX).unwrap_or(usize::MAX));
    }
    Ok(Ok(Standard::Archive(file)))
}
