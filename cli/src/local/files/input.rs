//! Reading: regular files, and streams that were handed over. A FIFO in a folder waits for a writer that may never come,
//! and a device may never end; so both are refused, wherever an input is named or found.

use super::standard::{is_handed_over, is_stdin};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Why an input wasn't read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}: expected at most {limit} bytes, got more")]
    TooLarge { path: String, limit: usize },
    #[error(
        "{path}: expected a regular file, got {got}; what comes through a pipe is read as -, from standard input"
    )]
    NoFile { path: String, got: &'static str },
}

impl ReadError {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
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

/// The permissions of a regular file. None of a stream, whoever it is of, nor of what isn't there.
pub(crate) fn mode(path: &Path) -> Option<u32> {
    let file = fs::metadata(path).ok().filter(|file| !is_stdin(path) && file.is_file())?;
    Some(file.mode() & 0o777)
}

/// Opens a regular file, standard input or a stream that was handed over, to be read from its start to its end.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, ReadError> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let (file, kind) = open_any(path)?;
    if !kind.is_file() {
        if kind.is_dir() || !is_handed_over(path) {
            return Err(no_file(path, what_is(kind)));
        }
        // It was opened so that opening doesn't wait; reading has to.
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| cannot_read(path, errno.into()))?;
    }
    Ok(Box::new(file))
}

/// Opens a regular file, to be read at any place.
pub(crate) fn open_file(path: &Path) -> Result<File, ReadError> {
    let (file, kind) = open_any(path)?;
    if kind.is_file() { Ok(file) } else { Err(no_file(path, what_is(kind))) }
}

/// Opens first and looks then: what a look says of a name may be past when it is opened. Neither waits.
fn open_any(path: &Path) -> Result<(File, FileType), ReadError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NXIO) => return Err(no_file(path, "a socket, or a device that isn't there")),
        Err(errno) => return Err(cannot_read(path, errno.into())),
    };
    let metadata = file.metadata().map_err(|source| cannot_read(path, source))?;
    Ok((file, metadata.file_type()))
}

/// What something is that is no regular file.
pub(super) fn what_is(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// The error of an input that is no regular file.
pub(super) fn no_file(path: &Path, got: &'static str) -> ReadError {
    ReadError::NoFile { path: path.display().to_string(), got }
}

/// The error of an input that can't be read.
pub(crate) fn cannot_read(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io { path: path.display().to_string(), source }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType as Node, mknodat};
    use std::os::unix::net::UnixListener;

    #[test]
    fn inputs_have_limits_and_names() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("four");
        fs::write(&path, b"four").unwrap();
        assert!(read(&path, 3).unwrap_err().to_string().contains("at most 3 bytes"));
        assert!(read(&home.path().join("none"), 3).unwrap_err().to_string().contains("none: No such file"));
    }

    #[test]
    fn whatever_is_no_file_is_refused_and_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let (fifo, socket) = (home.path().join("fifo"), home.path().join("socket"));
        mknodat(CWD, &fifo, Node::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        let cases = [
            (home.path(), "got a folder"),
            (&fifo, "got a FIFO"),
            (&socket, "got a socket"),
            (Path::new("/dev/null"), "got a device"),
        ];
        for (path, got) in cases {
            for error in [open(path).err().unwrap(), open_file(path).unwrap_err()] {
                assert!(error.to_string().contains(got), "{error}");
                assert!(!error.is_missing());
            }
        }
    }

    #[test]
    fn a_stream_that_was_handed_over_is_read_to_its_end() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        let mut stream = open(&path).unwrap();
        let late = std::thread::spawn(move || writer.write_all(b"late").unwrap());
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        late.join().unwrap();
        assert_eq!(bytes, b"late");
        assert!(open_file(&path).is_err(), "it has no places");
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
