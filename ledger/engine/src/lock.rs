//! One process serves one log.

use crate::durable::{try_lock, uninterrupted};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
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
        let file = open(&path).map_err(io)?;
        Self::hold(file, dir, &path)
    }

    fn hold(mut file: File, dir: &Path, path: &Path) -> Result<Self, LockError> {
        if !try_lock(&file).map_err(|source| LockError::Io { path: path.into(), source })? {
            return Err(LockError::Held { dir: dir.into(), holder: read_holder(&mut file) });
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

/// Opens the file, or makes it. A link is not followed, and nothing is written before it is locked: else whoever may put a
/// link there would choose the file that is overwritten.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let other = |what| {
        let detail = format!("it is {what}, expected a file of the log's own: remove it, and start again");
        io::Error::new(io::ErrorKind::InvalidInput, detail)
    };
    let file = match uninterrupted(|| Ok(rustix::fs::open(path, flags, mode)?)) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(other("a symbolic link"));
        }
        result => File::from(result?),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(other("no regular file")) }
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
        let path = Path::new("/dev/full");
        let full = || File::options().read(true).write(true).open(path).unwrap();
        let _lock = FolderLock::hold(full(), Path::new("log"), path).unwrap();
        let error = FolderLock::hold(full(), Path::new("log"), path).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
    }

    #[test]
    fn a_link_in_its_place_is_neither_followed_nor_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, target) = (folder.path().join(LOCK_NAME), folder.path().join("target"));
        for there in [true, false] {
            if there {
                std::fs::write(&target, "not the lock's").unwrap();
            }
            std::os::unix::fs::symlink(&target, &lock).unwrap();
            let error = FolderLock::take(folder.path()).unwrap_err().to_string();
            assert!(error.contains("it is a symbolic link, expected"), "{error}");
            assert_eq!(std::fs::read(&target).is_ok_and(|bytes| bytes == b"not the lock's"), there);
            std::fs::remove_file(&lock).unwrap();
            let _ = std::fs::remove_file(&target);
        }
        std::fs::create_dir(&lock).unwrap();
        FolderLock::take(folder.path()).unwrap_err();
    }
}
