//! One process serves one log.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the lock's file in the data folder.
pub(crate) const LOCK_NAME: &str = "lock";

/// The lock, held as long as this lives. The file stays: removing it would let two processes lock two files.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// Why the lock wasn't got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by {holder}: a log is served by one process at a time", dir.display())]
    Held {
        /// The data folder.
        dir: PathBuf,
        /// Which process, as it wrote down.
        holder: String,
    },
    /// The system refused.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl FolderLock {
    /// Takes the lock of a data folder, without waiting.
    pub(crate) fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(LOCK_NAME);
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.into(), holder: read_holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let holder = format!("process {}\n", std::process::id());
        // A courtesy to whoever comes second: without room for it the log is still to be read.
        if let Err(error) =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()))
        {
            tracing::warn!("cannot write down who holds {}: {error}", path.display());
        }
        Ok(Self { _file: file })
    }
}

/// What the holder wrote down; it may be about to.
fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(64).read_to_string(&mut text) {
        Ok(1..) => text.trim_end().to_owned(),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}:", std::process::id())), "{error}");
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_full_disk_keeps_nobody_from_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(LOCK_NAME)).unwrap();
        let _lock = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
    }
}
