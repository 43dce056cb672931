//! Writing: a file as a temporary one beside it that is renamed, so that a crash leaves the old one or the new one; what is no
//! file, such as a device or a FIFO, is written to and stays what it is.
//!
//! A link is followed: the file that it points to is replaced, with its own mode and owner, and the link stays. One that points
//! to nothing is refused, because it doesn't say what may be made there. And no file takes the place of another one that isn't
//! the same thing, unless it is asked to ([`Over`]).

use super::input::{self, what_is};
use provlog_core::limits::RECEIPT_BYTES_MAX;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, PersistError};

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// Whoever the umask lets.
    Umask,
    /// The owner alone.
    Owner,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::Umask => 0o666,
            Self::Owner => 0o600,
        }
    }
}

/// Which file an output may take the place of.
#[derive(Clone, Copy)]
pub(crate) enum Over<'a> {
    /// Any, in a folder of our own or where the user says so.
    Any,
    /// An earlier copy of the same thing.
    Same(&'a Same<'a>),
}

/// What an output is, where one of its kind lies already.
pub(crate) struct Same<'a> {
    /// Whether these bytes are it.
    pub(crate) is: &'a dyn Fn(&[u8]) -> bool,
    /// What it is, in words.
    pub(crate) name: &'static str,
    /// What the user can do where another file is in the way.
    pub(crate) way_out: &'static str,
}

/// Longest file that is looked at whether it is the same: the longest output is a receipt.
const SAME_BYTES_MAX: usize = RECEIPT_BYTES_MAX;

/// Why an output wasn't written, or not durably.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: expected a file to write, or a place for one, got {got}", path.display())]
    NoFile { path: PathBuf, got: &'static str },
    #[error("{}: it exists already, and is left as it is", path.display())]
    Exists { path: PathBuf },
    #[error("{}: expected no file, or {expected}, got another file, which is left as it is; {way_out}", path.display())]
    Other { path: PathBuf, expected: &'static str, way_out: &'static str },
}

/// The error of an output that can't be written.
pub(crate) fn cannot_write(path: &Path, source: io::Error) -> WriteError {
    WriteError::Io { path: path.into(), source }
}

/// What lies under an output's name.
enum Target {
    /// Nothing.
    Free,
    /// A file, under the name that it has itself.
    File(PathBuf),
    /// A device or a FIFO.
    Stream,
}

impl Target {
    fn of(path: &Path) -> Result<Self, WriteError> {
        let cannot = |source| cannot_write(path, source);
        match fs::metadata(path) {
            Ok(there) if there.is_file() => Ok(Self::File(if path.is_symlink() {
                path.canonicalize().map_err(cannot)?
            } else {
                path.into()
            })),
            Ok(there) if there.is_dir() => Err(no_file(path, what_is(there.file_type()))),
            Ok(_) => Ok(Self::Stream),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.is_symlink() {
                true => Err(no_file(path, "a link to nothing")),
                false => Ok(Self::Free),
            },
            Err(source) => Err(cannot(source)),
        }
    }
}

/// Whether an output may be written here, as [`write()`] decides it: for those who would otherwise do in vain what can't be undone.
pub(crate) fn may_write(path: &Path, over: Over<'_>) -> Result<(), WriteError> {
    target(path, over).map(drop)
}

fn target(path: &Path, over: Over<'_>) -> Result<Target, WriteError> {
    let target = Target::of(path)?;
    if let (Target::File(file), Over::Same(same)) = (&target, over)
        && !input::read(file, SAME_BYTES_MAX).is_ok_and(|there| (same.is)(&there))
    {
        return Err(WriteError::Other { path: path.into(), expected: same.name, way_out: same.way_out });
    }
    Ok(target)
}

/// Writes a file durably: a temporary file, fsync, rename, and fsync of the folder, which is made if it isn't there.
pub(crate) fn write(path: &Path, bytes: &[u8], over: Over<'_>) -> Result<(), WriteError> {
    match try_write(path, bytes, over) {
        // Another program was quicker: what lies there now decides.
        Err(WriteError::Exists { .. }) => try_write(path, bytes, over),
        written => written,
    }
}

fn try_write(path: &Path, bytes: &[u8], over: Over<'_>) -> Result<(), WriteError> {
    let cannot = |source| cannot_write(path, source);
    match target(path, over)? {
        Target::Free => {
            let mut draft = Draft::new(path, Readers::Umask)?;
            draft.file().write_all(bytes).map_err(cannot)?;
            draft.keep().map(drop)
        }
        Target::File(file) => {
            let mut draft = Draft::new(&file, Readers::Umask)?;
            draft.file().write_all(bytes).map_err(cannot)?;
            take_after(draft.file(), &file).map_err(cannot)?;
            draft.keep_over()
        }
        Target::Stream => open_through(path)?.write_all(bytes).map_err(cannot),
    }
}

/// A file that isn't there yet: it appears under its name whole, or not at all.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    file: NamedTempFile,
}

impl Draft {
    /// For the file at `path`, in its folder, which is made if it isn't there.
    pub(crate) fn new(path: &Path, readers: Readers) -> Result<Self, WriteError> {
        let cannot = |source| cannot_write(path, source);
        let folder = folder_of(path);
        make_folder(&folder).map_err(cannot)?;
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .permissions(Permissions::from_mode(readers.mode()))
            .tempfile_in(folder);
        Ok(Self { path: path.into(), file: file.map_err(cannot)? })
    }

    /// What is written into it.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives it its name, where nothing has that name.
    pub(crate) fn keep(self) -> Result<File, WriteError> {
        self.settle(NamedTempFile::persist_noclobber)
    }

    /// Gives it its name, in place of the file that has it.
    pub(crate) fn keep_over(self) -> Result<(), WriteError> {
        self.settle(NamedTempFile::persist).map(drop)
    }

    fn settle(self, rename: Rename) -> Result<File, WriteError> {
        let Self { path, file } = self;
        let cannot = |source| cannot_write(&path, source);
        file.as_file().sync_all().map_err(cannot)?;
        let file = rename(file, path.clone()).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists { path: path.clone() },
            _ => cannot(error.error),
        })?;
        // The new name is the folder's, and durable only with it.
        sync_folder(&folder_of(&path)).map_err(cannot)?;
        Ok(file)
    }
}

type Rename = fn(NamedTempFile, PathBuf) -> Result<File, PersistError>;

/// Renames a file or folder, never over another.
pub(crate) fn rename_new(from: &Path, to: &Path) -> Result<(), WriteError> {
    let exists = || WriteError::Exists { path: to.into() };
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => Err(exists()),
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_ok() => Err(exists()),
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to).map_err(|source| cannot_write(to, source)),
        renamed => renamed.map_err(|errno| cannot_write(to, errno.into())),
    }
}

/// Gives a file the mode of the one that it replaces, and its owner where that is allowed.
fn take_after(file: &File, path: &Path) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    // Only root may give files away; anybody else's stay their own.
    let _ = fchown(file, Some(there.uid()), Some(there.gid()));
    file.set_permissions(there.permissions())
}

/// The device or FIFO that lies here, open to be written to.
pub(crate) fn open_stream(path: &Path) -> Result<Option<File>, WriteError> {
    match Target::of(path)? {
        Target::Stream => open_through(path).map(Some),
        Target::Free | Target::File(_) => Ok(None),
    }
}

fn open_through(path: &Path) -> Result<File, WriteError> {
    let cannot = |source| cannot_write(path, source);
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let stream = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(stream) => File::from(stream),
        Err(Errno::NXIO) => return Err(no_file(path, "a FIFO that nobody reads, or a socket")),
        Err(errno) => return Err(cannot(errno.into())),
    };
    // Only what is opened is surely what was looked at, and a file isn't written in place.
    if stream.metadata().map_err(cannot)?.is_file() {
        return Err(cannot(io::Error::other("it was replaced while it was opened")));
    }
    // It was opened so that opening doesn't wait; writing has to.
    rustix::fs::fcntl_setfl(&stream, OFlags::empty()).map_err(|errno| cannot(errno.into()))?;
    Ok(stream)
}

fn no_file(path: &Path, got: &'static str) -> WriteError {
    WriteError::NoFile { path: path.into(), got }
}

/// Removes a file, which may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(cannot_write(path, source)),
        _ => Ok(()),
    }
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => PathBuf::from("."),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(|made| sync_folder(&folder_of(made)))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_written_whole_with_its_folder_and_mode() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/secret");
        let mut draft = Draft::new(&path, Readers::Owner).unwrap();
        draft.file().write_all(b"one").unwrap();
        draft.keep().unwrap();
        assert!(matches!(Draft::new(&path, Readers::Owner).unwrap().keep(), Err(WriteError::Exists { .. })));
        write(&path, b"two", Over::Any).unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder_of(&path)).unwrap().count(), 1, "no temporary file is left");
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn only_the_same_is_written_over() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("output");
        let same = Same { is: &|there| there.starts_with(b"a"), name: "an a", way_out: "name another" };
        let over = Over::Same(&same);
        for bytes in [b"a1", b"a2"] {
            may_write(&path, over).unwrap();
            write(&path, bytes, over).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        for other in [Vec::new(), b"b".to_vec(), vec![b'a'; SAME_BYTES_MAX + 1]] {
            fs::write(&path, &other).unwrap();
            for refused in [may_write(&path, over), write(&path, b"a3", over)] {
                let error = refused.unwrap_err().to_string();
                assert!(
                    error.contains("output: expected no file, or an a") && error.contains("name another")
                );
            }
            assert_eq!(fs::read(&path).unwrap(), other);
        }
    }

    #[test]
    fn a_folder_is_renamed_over_nothing() {
        let home = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| home.path().join(name));
        fs::create_dir(&from).unwrap();
        fs::create_dir(&to).unwrap();
        assert!(matches!(rename_new(&from, &to), Err(WriteError::Exists { .. })));
        fs::remove_dir(&to).unwrap();
        rename_new(&from, &to).unwrap();
        assert!(to.is_dir() && !from.exists());
    }

    #[test]
    fn a_link_stays_and_its_target_keeps_its_mode() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("elsewhere/real"), home.path().join("link"));
        write(&real, b"one", Over::Any).unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        symlink("elsewhere/real", &link).unwrap();
        write(&link, b"two", Over::Any).unwrap();
        assert_eq!((fs::read(&real).unwrap(), mode(&real)), (b"two".to_vec(), 0o640));
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("elsewhere/real"));
        fs::remove_file(&real).unwrap();
        let error = write(&link, b"three", Over::Any).unwrap_err().to_string();
        assert!(error.contains("link: ") && error.contains("a link to nothing"), "{error}");
        assert!(!real.exists());
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let home = tempfile::tempdir().unwrap();
        write(Path::new("/dev/null"), b"gone", Over::Any).unwrap();
        assert!(open_stream(Path::new("/dev/null")).unwrap().is_some());
        assert!(open_stream(&home.path().join("none")).unwrap().is_none());
        let error = write(home.path(), b"", Over::Any).unwrap_err().to_string();
        assert!(error.contains("a folder"), "{error}");
    }
}
