//! The one module that makes anything durable: every fsync, fdatasync, rename and directory sync of the engine is here.
//!
//! What each durable act does, in system calls, and why in this order:
//!
//! - a frame, a high-water slot: `pwrite; fdatasync`. The files are allocated in full beforehand, so their size never
//!   changes and `fdatasync` has all that a later read needs.
//! - [`create_file`]: `openat(O_CREAT|O_EXCL); pwrite; fsync; openat(parent); fsync(parent)`. Without the last one the
//!   file may be gone after a power cut, however well its bytes were synced.
//! - [`replace_file`]: the same to `<name>.new`, then `rename; fsync(parent)`: a reader finds the old bytes or the new.
//!
//! Known limit: after a failed fsync Linux marks the lost pages clean, so the page cache shows bytes that the disk
//! never got, to this process and the next. So a failed sync is never tried again here, and recovery writes anew
//! whatever it is about to rely on that was not acknowledged before.
//!
//! A call that a signal interrupted is made again, here or, for opening, reading, writing and syncing, by the standard
//! library. Renaming and removing are not: done twice they fail, and no local file system interrupts them.
//!
//! This module never decides what to write; apart from that it retries nothing, and it hides no error.

use rustix::fs::{AtFlags, CWD, StatxFlags, Uid, makedev, statx};
use rustix::process::geteuid;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What failed, on which path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct DiskError {
    /// What was tried, as in "cannot ...".
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system answered.
    pub source: io::Error,
}

impl DiskError {
    /// Whether room was missing, which may come back.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether the file isn't there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the file ends before the bytes that were asked for.
    pub(crate) fn is_end_of_file(&self) -> bool {
        self.source.kind() == io::ErrorKind::UnexpectedEof
    }
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// An existing file, to read.
    Read,
    /// An existing file, to read and write.
    Write,
    /// A file that must not exist yet.
    Create,
    /// The same, readable by its owner alone (0600).
    CreatePrivate,
}

/// Which file it is, whatever it is called: as long as it is open, no other one gets this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// The file system, as far as the engine needs it. Nothing is durable but what was synced: bytes by the file's own
/// syncs, names by [`Disk::sync_dir`]. Tests put a model here that loses the rest.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn DiskFile>, DiskError>;
    /// Makes a directory that only its owner may enter (0700); its parent must exist. One that is there stays as it is.
    fn create_dir(&self, path: &Path) -> Result<(), DiskError>;
    /// Names in a directory, sorted.
    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError>;
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;
    fn remove(&self, path: &Path) -> Result<(), DiskError>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> Result<(), DiskError>;
    fn sync_dir(&self, path: &Path) -> Result<(), DiskError>;
    fn exists(&self, path: &Path) -> Result<bool, DiskError>;
    /// Permission bits below 0o1000.
    fn mode(&self, path: &Path) -> Result<u32, DiskError>;
    /// The user whose it is.
    fn owner(&self, path: &Path) -> Result<u32, DiskError>;
    /// Bytes that are free for whoever isn't root, on the file system of this path.
    fn free_bytes(&self, path: &Path) -> Result<u64, DiskError>;
    /// The file or folder of this name, if there is one.
    fn id(&self, path: &Path) -> Result<Option<FileId>, DiskError>;
}

/// An open file; reads and writes say where, so one handle serves many threads.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    fn len(&self) -> Result<u64, DiskError>;
    /// Fills `buffer`; an end of file within it is an error.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError>;
    /// As [`DiskFile::read_at`], out of memory alone; an error that [`would_wait`] where the disk would have to be waited for.
    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError>;
    /// Reserves room for the first `bytes` and makes the file at least that long, zeros where nothing was written.
    fn allocate(&self, bytes: u64) -> Result<(), DiskError>;
    fn set_len(&self, bytes: u64) -> Result<(), DiskError>;
    /// fdatasync: the bytes, and the length if a read needs it.
    fn sync_data(&self) -> Result<(), DiskError>;
    /// fsync: the bytes and all metadata.
    fn sync_all(&self) -> Result<(), DiskError>;
    /// Locks the file against other processes, as long as it is open; `false` when another has it locked.
    fn try_lock(&self) -> Result<bool, DiskError>;
    /// Which file it is.
    fn id(&self) -> Result<FileId, DiskError>;
}

/// Whether this is the error of a read that would have had to wait.
pub(crate) fn would_wait(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Creates a file that must not exist, durably: bytes, then name.
pub(crate) fn create_file(
    disk: &dyn Disk,
    path: &Path,
    access: Access,
    bytes: &[u8],
) -> Result<(), DiskError> {
    let file = disk.open(path, access)?;
    file.write_at(bytes, 0)?;
    file.sync_all()?;
    disk.sync_dir(parent(path))
}

/// Replaces a file, or makes it, durably: whoever opens it later finds the old bytes or the new ones. `access` is one that
/// creates.
pub(crate) fn replace_file(
    disk: &dyn Disk,
    path: &Path,
    access: Access,
    bytes: &[u8],
) -> Result<(), DiskError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    if disk.exists(&temporary)? {
        disk.remove(&temporary)?;
    }
    let file = disk.open(&temporary, access)?;
    file.write_at(bytes, 0)?;
    file.sync_all()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(parent(path))
}

/// Makes a folder and its parents, durably; folders that are there stay.
pub(crate) fn make_folder(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    if disk.exists(path)? {
        return Ok(());
    }
    let above = parent(path);
    make_folder(disk, above)?;
    disk.create_dir(path)?;
    disk.sync_dir(above)
}

/// Removes a file, durably; one that isn't there is fine.
pub(crate) fn remove_file(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match disk.remove(path) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => disk.sync_dir(parent(path)),
    }
}

/// A whole file's bytes; more than `bytes_max` is an error, so that a wrong path can't fill the memory.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, bytes_max: usize) -> Result<Vec<u8>, DiskError> {
    let file = disk.open(path, Access::Read)?;
    let length =
        usize::try_from(file.len()?).ok().filter(|length| *length <= bytes_max).ok_or_else(|| {
            let source =
                io::Error::new(io::ErrorKind::InvalidData, format!("expected at most {bytes_max} bytes"));
            DiskError { action: "read", path: path.into(), source }
        })?;
    let mut bytes = vec![0; length];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Refuses what others than its owner may write: they could put another file in the place of the log's.
pub(crate) fn refuse_writable_by_others(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    let mode = disk.mode(path)?;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let detail = format!(
        "its permissions are {mode:03o}, so that others than its owner may change the log; expected none to write for group and others: chmod go-w {}",
        path.display()
    );
    let source = io::Error::new(io::ErrorKind::PermissionDenied, detail);
    Err(DiskError { action: "trust", path: path.into(), source })
}

/// Whether the owner of a path may have put there what the log goes by: the owner of the data folder, who can put anything
/// there, this process's user, and the system's administrator. The first of them, and the owner, where it is another.
pub(crate) fn other_owner(
    disk: &dyn Disk,
    data_dir: &Path,
    path: &Path,
) -> Result<Option<(u32, u32)>, DiskError> {
    let (expected, got) = (disk.owner(data_dir)?, disk.owner(path)?);
    let known = [expected, geteuid().as_raw(), Uid::ROOT.as_raw()];
    Ok((!known.contains(&got)).then_some((expected, got)))
}

/// Refuses a folder of the log's that belongs to somebody else, who could put other files into it.
pub(crate) fn refuse_other_owner(disk: &dyn Disk, data_dir: &Path, path: &Path) -> Result<(), DiskError> {
    let Some((expected, got)) = other_owner(disk, data_dir, path)? else { return Ok(()) };
    let detail = format!(
        "it belongs to user {got}, who may change what the log goes by; expected the data folder's owner, user {expected}: chown {expected} {}",
        path.display()
    );
    let source = io::Error::new(io::ErrorKind::PermissionDenied, detail);
    Err(DiskError { action: "trust", path: path.into(), source })
}

/// Makes a call again that a signal interrupted.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Locks an open file against other processes; `false` when another has it locked.
pub(crate) fn try_lock(file: &fs::File) -> io::Result<bool> {
    uninterrupted(|| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    })
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The real file system.
#[derive(Debug)]
pub(crate) struct OsDisk;

impl Disk for OsDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn DiskFile>, DiskError> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(access != Access::Read);
        options.create_new(matches!(access, Access::Create | Access::CreatePrivate));
        if access == Access::CreatePrivate {
            options.mode(0o600);
        }
        let file = options.open(path).map_err(on("open", path))?;
        Ok(Box::new(OsFile { file, path: path.into() }))
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result.map_err(on("create folder", path)),
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        let names = || {
            let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            fs::read_dir(path)?.map(|entry| entry.map(name)).collect::<io::Result<Vec<String>>>()
        };
        let mut names = uninterrupted(names).map_err(on("list", path))?;
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(on("rename to", to))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(on("remove", path))
    }

    fn remove_dir(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_dir(path).map_err(on("remove", path))
    }

    fn sync_dir(&self, path: &Path) -> Result<(), DiskError> {
        fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(on("sync folder", path))
    }

    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        uninterrupted(|| path.try_exists()).map_err(on("look for", path))
    }

    fn mode(&self, path: &Path) -> Result<u32, DiskError> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = uninterrupted(|| fs::metadata(path)).map_err(on("look at", path))?;
        Ok(metadata.permissions().mode() & 0o777)
    }

    fn owner(&self, path: &Path) -> Result<u32, DiskError> {
        use std::os::unix::fs::MetadataExt;
        uninterrupted(|| fs::metadata(path)).map(|metadata| metadata.uid()).map_err(on("look at", path))
    }

    fn free_bytes(&self, path: &Path) -> Result<u64, DiskError> {
        let figures = uninterrupted(|| Ok(rustix::fs::statvfs(path)?)).map_err(on("look at", path))?;
        Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
    }

    fn id(&self, path: &Path) -> Result<Option<FileId>, DiskError> {
        match FileId::at(CWD, path, AtFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some).map_err(on("look at", path)),
        }
    }
}

#[derive(Debug)]
struct OsFile {
    file: fs::File,
    path: PathBuf,
}

impl OsFile {
    fn metadata(&self) -> Result<fs::Metadata, DiskError> {
        uninterrupted(|| self.file.metadata()).map_err(on("look at", &self.path))
    }
}

impl DiskFile for OsFile {
    fn len(&self) -> Result<u64, DiskError> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.file.read_exact_at(buffer, offset).map_err(on("read", &self.path))
    }

    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        let length = buffer.len();
        let flags = rustix::io::ReadWriteFlags::NOWAIT;
        let read = rustix::io::preadv2(&self.file, &mut [io::IoSliceMut::new(buffer)], offset, flags);
        match read {
            Ok(read) if read == length => Ok(()),
            // The rest is on the disk, or this file system can't tell; an end of file shows when it is waited for.
            Ok(_) | Err(_) => Err(on("read", &self.path)(io::ErrorKind::WouldBlock.into())),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.file.write_all_at(bytes, offset).map_err(on("write", &self.path))
    }

    fn allocate(&self, bytes: u64) -> Result<(), DiskError> {
        let flags = rustix::fs::FallocateFlags::empty();
        uninterrupted(|| Ok(rustix::fs::fallocate(&self.file, flags, 0, bytes)?))
            .map_err(on("reserve room for", &self.path))
    }

    fn set_len(&self, bytes: u64) -> Result<(), DiskError> {
        self.file.set_len(bytes).map_err(on("set the length of", &self.path))
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(on("sync", &self.path))
    }

    fn sync_all(&self) -> Result<(), DiskError> {
        self.file.sync_all().map_err(on("sync", &self.path))
    }

    fn try_lock(&self) -> Result<bool, DiskError> {
        try_lock(&self.file).map_err(on("lock", &self.path))
    }

    fn id(&self) -> Result<FileId, DiskError> {
        FileId::at(&self.file, Path::new(""), AtFlags::EMPTY_PATH).map_err(on("look at", &self.path))
    }
}

impl FileId {
    /// Asks for nothing else. Whoever is told a file's times makes the next write give it new ones, with an inode to write
    /// beside the bytes (multigrain timestamps, Linux 6.13): 60 to 150 us more for an append.
    fn at(folder: impl AsFd + Copy, path: &Path, flags: AtFlags) -> io::Result<Self> {
        let found = uninterrupted(|| Ok(statx(folder, path, flags, StatxFlags::INO)?))?;
        Ok(Self { device: makedev(found.stx_dev_major, found.stx_dev_minor), inode: found.stx_ino })
    }
}

fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError { action, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_a_signal_interrupts_is_made_again_and_no_other_one_is() {
        let mut results =
            vec![Ok(3), Err(io::ErrorKind::Interrupted.into()), Err(io::ErrorKind::Interrupted.into())];
        assert_eq!(uninterrupted(|| results.pop().unwrap()).unwrap(), 3);
        let mut results = vec![Ok(3), Err(io::Error::from(io::ErrorKind::WouldBlock))];
        assert!(uninterrupted(|| results.pop().unwrap()).is_err());
    }

    #[test]
    fn files_are_created_once_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create_file(&OsDisk, &path, Access::CreatePrivate, b"one").unwrap();
        assert_eq!(OsDisk.mode(&path).unwrap(), 0o600);
        let again = create_file(&OsDisk, &path, Access::Create, b"two").unwrap_err();
        assert_eq!(again.source.kind(), io::ErrorKind::AlreadyExists);
        assert!(again.to_string().starts_with("cannot open "), "{again}");
        fs::write(folder.path().join("a.new"), b"left over from a crash, and longer").unwrap();
        replace_file(&OsDisk, &path, Access::CreatePrivate, b"three").unwrap();
        assert_eq!(read_file(&OsDisk, &path, 5).unwrap(), b"three");
        assert!(read_file(&OsDisk, &path, 4).unwrap_err().to_string().contains("at most 4 bytes"));
        assert_eq!(OsDisk.list(folder.path()).unwrap(), ["a"]);
        remove_file(&OsDisk, &path).unwrap();
        remove_file(&OsDisk, &path).unwrap();
    }
}
