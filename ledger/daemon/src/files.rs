//! Which file lies at a path, so that a change is noticed by one system call, and files that are opened without waiting.

use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which file it is, in which state. A change of ours makes a new file, and a longer one; an editor changes times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileIdentity {
    /// Of a file that was looked at.
    pub(crate) fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Of what a path leads to, links followed.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|file| Self::of(&file))
    }
}

/// Opens what a path leads to, links followed, to read it: none where it is no file. Waits for no writer, where it is a FIFO.
///
/// # Errors
/// What the system answers.
pub(crate) fn open(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((file, metadata)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_change_and_each_other_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "one").unwrap();
        symlink(path("a"), path("link")).unwrap();
        let first = FileIdentity::at(&path("a")).unwrap();
        assert_eq!(FileIdentity::at(&path("link")).unwrap(), first);
        fs::write(path("b"), "one").unwrap();
        assert_ne!(FileIdentity::at(&path("b")).unwrap(), first);
        fs::write(path("a"), "longer").unwrap();
        assert_ne!(FileIdentity::at(&path("a")).unwrap(), first);
        fs::remove_file(path("link")).unwrap();
        assert_eq!(FileIdentity::at(&path("link")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_link_is_followed_and_a_fifo_or_a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "one").unwrap();
        symlink(path("a"), path("link")).unwrap();
        let (_, metadata) = open(&path("link")).unwrap().unwrap();
        assert_eq!(metadata.len(), 3);
        assert!(open(folder.path()).unwrap().is_none());
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
        assert!(open(&path("fifo")).unwrap().is_none(), "and nobody writes");
        assert_eq!(open(&path("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
