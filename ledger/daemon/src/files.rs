//! Which file lies at a path, so that a change is noticed by one system call, files that are opened without waiting, and whether others
//! can get at one.

use rustix::fs::{Mode, OFlags, Uid};
use rustix::process::geteuid;
use std::env;
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

/// Bits of a mode that let others than the owner do anything.
pub(crate) const OTHERS: u32 = 0o077;

/// Bits of a mode that let others than the owner write.
pub(crate) const OTHERS_WRITE: u32 = 0o022;

/// Where systemd puts what `LoadCredential=` names. It alone says who reads that, by other means than these bits.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// How others than root and the daemon's own user can get at a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exposed {
    /// By its permissions, which are these.
    Mode(u32),
    /// It is theirs.
    Owner {
        /// Who the daemon runs as.
        expected: u32,
        /// Whose it is.
        got: u32,
    },
}

/// Judges a file that was opened at this path: none of the `forbidden` bits of its mode may be set, and it is root's or the daemon's own.
/// What systemd hands over passes.
///
/// # Errors
/// [`Exposed`] says what is wrong.
pub(crate) fn check_exposure(path: &Path, file: &Metadata, forbidden: u32) -> Result<(), Exposed> {
    if is_credential(path) {
        return Ok(());
    }
    judge(file.mode() & 0o777, file.uid(), forbidden, geteuid().as_raw())
}

const fn judge(mode: u32, owner: u32, forbidden: u32, we: u32) -> Result<(), Exposed> {
    if mode & forbidden != 0 {
        return Err(Exposed::Mode(mode));
    }
    if owner != we && owner != Uid::ROOT.as_raw() {
        return Err(Exposed::Owner { expected: we, got: owner });
    }
    Ok(())
}

fn is_credential(path: &Path) -> bool {
    env::var_os(CREDENTIALS_DIRECTORY)
        .is_some_and(|folder| !folder.is_empty() && path.parent() == Some(Path::new(&folder)))
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
    fn a_file_is_root_s_or_ours_and_lets_others_do_nothing_forbidden() {
        const WE: u32 = 7;
        for (mode, owner, forbidden, expected) in [
            (0o644, WE, OTHERS_WRITE, Ok(())),
            (0o755, 0, OTHERS_WRITE, Ok(())),
            (0o600, WE, OTHERS, Ok(())),
            (0o640, WE, OTHERS, Err(Exposed::Mode(0o640))),
            (0o664, WE, OTHERS_WRITE, Err(Exposed::Mode(0o664))),
            (0o646, 0, OTHERS_WRITE, Err(Exposed::Mode(0o646))),
            (0o600, 8, OTHERS_WRITE, Err(Exposed::Owner { expected: WE, got: 8 })),
        ] {
            assert_eq!(judge(mode, owner, forbidden, WE), expected, "{mode:o} of {owner}");
        }
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
