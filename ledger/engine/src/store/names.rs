//! Whether the names by which the log was opened still stand for the files that it has open.
//!
//! A file that was moved, replaced or removed goes on taking writes, and no later start finds them there; nor does a start
//! on a mark that was put back fit a journal that went on. So before every advance of the mark, which makes entries count,
//! and before a new segment is made under a name, all three names are looked up: the data folder's, the mark's and the
//! newest segment's. What is moved between that and the end of one sync is seen at the next group.

use super::StoreError;
use crate::durable::{Disk, FileId};
use std::path::{Path, PathBuf};

/// A name, and what it stood for when the log took it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    path: PathBuf,
    id: FileId,
}

/// The names that a log hangs on.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) folder: Named,
    pub(crate) mark: Named,
    pub(crate) segment: Named,
}

impl Named {
    /// Of a file that is open.
    pub(crate) fn new(path: &Path, id: FileId) -> Self {
        // The working directory may be moved as well.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        Self { path, id }
    }

    /// Of a folder, as it stands now.
    pub(crate) fn of_folder(disk: &dyn Disk, path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let id = disk.id(path)?.ok_or(StoreError::Missing { name, detail: ": it is the data folder" })?;
        Ok(Self::new(path, id))
    }
}

impl Names {
    /// Whether each is still the same.
    pub(crate) fn check(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        for Named { path, id } in [&self.folder, &self.mark, &self.segment] {
            let got = match disk.id(path)? {
                Some(found) if found == *id => continue,
                Some(_) => "is another one than the log has open",
                None => "is gone",
            };
            return Err(StoreError::Moved { name: path.display().to_string(), got });
        }
        Ok(())
    }
}
