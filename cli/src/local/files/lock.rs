//! Locks: a file that one run of this program holds as long as it lives, so that others see whether it is at work. They end
//! with the program, however it ends.

use super::input::{ReadError, cannot_read, no_file, what_is};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What came of asking for a lock.
#[derive(Debug)]
pub(crate) enum Locked {
    /// It is held until this is dropped.
    Held(File),
    /// Another run holds it.
    Taken,
    /// The file is not there, or not any more.
    Gone,
}

/// Locks a file that is there, without waiting.
pub(crate) fn lock(path: &Path) -> Result<Locked, ReadError> {
    let file = match open(path, OFlags::empty()) {
        Err(error) if error.is_missing() => return Ok(Locked::Gone),
        opened => opened?,
    };
    let locked = held(path, file)?;
    let Locked::Held(file) = &locked else { return Ok(locked) };
    // Whoever held it before may have removed it, and the lock is then of a file that nobody else will look at.
    let ours = file.metadata().map_err(|source| cannot_read(path, source))?;
    match fs::symlink_metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(locked),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_read(path, error)),
        _ => Ok(Locked::Gone),
    }
}

/// Locks a file, which is made if it isn't there, without waiting; `None` where another run holds it. Nothing else changes it:
/// it is opened through no link, and what is in it stays.
pub(crate) fn lock_or_make(path: &Path) -> Result<Option<File>, ReadError> {
    match held(path, open(path, OFlags::CREATE)?)? {
        Locked::Held(file) => Ok(Some(file)),
        Locked::Taken | Locked::Gone => Ok(None),
    }
}

fn held(path: &Path, file: File) -> Result<Locked, ReadError> {
    match file.try_lock() {
        Ok(()) => Ok(Locked::Held(file)),
        Err(TryLockError::WouldBlock) => Ok(Locked::Taken),
        Err(TryLockError::Error(source)) => Err(cannot_read(path, source)),
    }
}

/// Opens a regular file to be locked: not through a link, and without a change to what is in it.
fn open(path: &Path, more: OFlags) -> Result<File, ReadError> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | more;
    let file = match rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err(no_file(path, "a link")),
        Err(errno) => return Err(cannot_read(path, errno.into())),
    };
    let kind = file.metadata().map_err(|source| cannot_read(path, source))?.file_type();
    if kind.is_file() { Ok(file) } else { Err(no_file(path, what_is(kind))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_of_the_file_that_has_the_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        assert!(matches!(lock(&path).unwrap(), Locked::Gone));
        fs::write(&path, "text").unwrap();
        let held = lock(&path).unwrap();
        assert!(matches!(held, Locked::Held(_)));
        assert!(matches!(lock(&path).unwrap(), Locked::Taken));
        drop(held);
        assert!(matches!(lock(&path).unwrap(), Locked::Held(_)));
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_lock_that_is_made_is_made_once_and_kept_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let held = lock_or_make(&path).unwrap();
        assert!(held.is_some() && lock_or_make(&path).unwrap().is_none());
        drop(held);
        fs::write(&path, "text").unwrap();
        assert!(lock_or_make(&path).unwrap().is_some());
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_link_is_not_locked() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        fs::write(home.path().join("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        for refused in [lock(&link).map(drop), lock_or_make(&link).map(drop)] {
            assert!(refused.unwrap_err().to_string().contains("got a link"));
        }
    }
}
