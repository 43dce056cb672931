//! Reading inputs within their limits, and writing files so that a crash leaves the old one or the new one.
//!
//! `-` is standard input or output. Nothing here ever writes a file in place.

use atomic_write_file::OpenOptions;
use atomic_write_file::unix::OpenOptionsExt as _;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What stands for standard input or output in place of a file's name.
pub(crate) const DASH: &str = "-";

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

/// Why an input wasn't read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}: expected at most {limit} bytes, got more")]
    TooLarge { path: String, limit: usize },
}

impl ReadError {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Why an output wasn't written, or not durably.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(crate) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Reads a whole file, or standard input, of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let ceiling = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    open(path)?.take(ceiling).read_to_end(&mut bytes).map_err(|source| cannot_read(path, source))?;
    if bytes.len() > limit {
        return Err(ReadError::TooLarge { path: path.display().to_string(), limit });
    }
    Ok(bytes)
}

/// Opens a file, or standard input, to be read as a stream.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, ReadError> {
    if path.as_os_str() == DASH {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(cannot_read(path, source)),
    }
}

/// The error of an input that can't be read.
pub(crate) fn cannot_read(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io { path: path.display().to_string(), source }
}

/// The error of an output that can't be written.
pub(crate) fn cannot_write(path: &Path, source: io::Error) -> WriteError {
    WriteError { path: path.into(), source }
}

/// Writes a file durably: a temporary file, fsync, rename, and fsync of the folder, which is made if it isn't there.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), WriteError> {
    let cannot = |source| cannot_write(path, source);
    let folder = folder_of(path);
    make_folder(&folder).map_err(cannot)?;
    let mut options = OpenOptions::new();
    options.mode(readers.mode()).preserve_mode(readers == Readers::Umask);
    let mut file = options.open(path).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)?;
    file.commit().map_err(cannot)?;
    // The crate syncs the file before it renames it; the new name is the folder's, and durable only with it.
    sync_folder(&folder).map_err(cannot)
}

/// Removes a file, which may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(cannot_write(path, source)),
        _ => Ok(()),
    }
}

/// All files below `folder` whose names end in `.extension`, sorted; links to folders are not followed.
pub(crate) fn list(folder: &Path, extension: &str, below: bool) -> Result<Vec<PathBuf>, ReadError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).map_err(|source| cannot_read(&folder, source))? {
            let item = item.map_err(|source| cannot_read(&folder, source))?;
            let path = item.path();
            if item.file_type().map_err(|source| cannot_read(&path, source))?.is_dir() {
                folders.extend(below.then_some(path));
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
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
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_written_whole_with_its_folder_and_mode() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/secret");
        write(&path, b"one", Readers::Owner).unwrap();
        write(&path, b"two", Readers::Owner).unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder_of(&path)).unwrap().count(), 1, "no temporary file is left");
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn inputs_have_limits_and_names() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("four");
        fs::write(&path, b"four").unwrap();
        assert!(read(&path, 3).unwrap_err().to_string().contains("at most 3 bytes"));
        assert!(read(&home.path().join("none"), 3).unwrap_err().to_string().contains("none: No such file"));
    }

    #[test]
    fn listing_is_sorted_and_goes_below_where_asked() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("a")).unwrap();
        for name in ["b.x", "a/c.x", "d.y"] {
            fs::write(home.path().join(name), b"").unwrap();
        }
        let names = |below| {
            let found = list(home.path(), "x", below).unwrap();
            found.iter().map(|path| path.strip_prefix(home.path()).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(true), [PathBuf::from("a/c.x"), PathBuf::from("b.x")]);
        assert_eq!(names(false), [PathBuf::from("b.x")]);
    }
}
