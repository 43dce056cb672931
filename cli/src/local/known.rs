//! The fingerprints that the user has said to be those of logs: `~/.provlog/fingerprints`, one a line. And whether a folder is
//! the user's own, without which nothing in it is the user's word.

use crate::local::files::{self, Over, ReadError, WriteError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The folder of settings, in a repository or at home.
pub(crate) const FOLDER: &str = ".provlog";

/// The file's name in a `.provlog` folder.
const FILE: &str = "fingerprints";

/// Largest such file, in bytes: of a thousand logs.
const BYTES_MAX: usize = 128 * 1024;

/// Bits of a mode: whom besides its owner a file lets write.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// A fingerprint that can't be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KnownError {
    #[error(
        "there is no home directory to keep it in: give --fingerprint or PROVLOG_FINGERPRINT where it is needed"
    )]
    NoHome,
    #[error(
        "{}: others can write here, or it belongs to somebody else: expected a folder of your own alone (chmod go-w), or give \
         --fingerprint or PROVLOG_FINGERPRINT where it is needed",
        .0.display()
    )]
    Shared(PathBuf),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The user's home. One that isn't a whole path, such as the empty one, would be the folder that this was started in.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// Keeps a fingerprint in the home directory, unless it is there already.
pub(crate) fn add_at_home(fingerprint: &str) -> Result<PathBuf, KnownError> {
    let folder = home().ok_or(KnownError::NoHome)?.join(FOLDER);
    if folder.exists() && !is_own(&folder) {
        return Err(KnownError::Shared(folder));
    }
    add(&folder, fingerprint)?;
    Ok(folder.join(FILE))
}

/// Keeps a fingerprint in a folder, unless it is there already.
pub(crate) fn add(folder: &Path, fingerprint: &str) -> Result<(), KnownError> {
    let mut known = list(folder)?;
    if known.iter().any(|known| known == fingerprint) {
        return Ok(());
    }
    known.push(fingerprint.into());
    files::write(&folder.join(FILE), format!("{}\n", known.join("\n")).as_bytes(), Over::Any)?;
    Ok(())
}

/// The fingerprints in a folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>, ReadError> {
    match files::read(&folder.join(FILE), BYTES_MAX) {
        Err(error) if error.is_missing() => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect())
        }
    }
}

/// Whether nobody but the user and the system's administrator can write a `.provlog` folder and the files in it that count.
pub(crate) fn is_own(folder: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let files = ["config.toml", "trust", FILE].map(|name| folder.join(name));
    let own = |path: &Path| match path.metadata() {
        Ok(file) => {
            let others = file.mode() & OTHERS_WRITE != 0;
            // Where every user has a group of their own, it has the user's number, and new files are its to write.
            let group = file.mode() & GROUP_WRITES != 0 && file.gid() != file.uid();
            (file.uid() == me || file.uid() == 0) && !others && !group
        }
        Err(_) => !path.exists(),
    };
    own(folder) && files.iter().all(|file| own(file))
}
