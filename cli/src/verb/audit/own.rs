//! Whether a folder may be an audit's own. Looked at before anything in it is touched: what is written over or removed in it
//! may be the only copy of somebody's work, or the very log that is to be read.

use crate::local::files::{self, cannot_read};
use crate::show::failure::Failure;
use provlog_core::json::Json;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Where an audit ended, and the mark of a folder that is an audit's.
pub(super) const STATE: &str = "audit.json";

/// What one audit at a time holds.
pub(super) const LOCK: &str = "lock";

/// Largest state file: seven levels of 255 hashes of 47 bytes in JSON, a note, and some room.
const STATE_BYTES_MAX: usize = 512 * 1024;

/// What a folder's state file is called in messages and what it says, if it is there; an error if it is no audit's.
pub(super) fn state(folder: &Path) -> Result<Option<(String, Json)>, Failure> {
    let path = folder.join(STATE);
    let bytes = match files::read(&path, STATE_BYTES_MAX) {
        Err(error) if error.is_missing() => return Ok(None),
        read => read?,
    };
    let what = path.display().to_string();
    let state = Json::parse(&bytes).map_err(|error| Failure::malformed(&what, error))?;
    match state.get("checkpoint") {
        Some(Json::String(_) | Json::Null) => Ok(Some((what, state))),
        _ => Err(Failure::malformed(
            &what,
            "expected the member checkpoint, a signed note or null, of an audit",
        )),
    }
}

/// Refuses a folder with anything in it but what an audit has marked as its own.
pub(super) fn prove(folder: &Path) -> Result<(), Failure> {
    let cannot = |source| Failure::from(cannot_read(folder, source));
    match fs::metadata(folder) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => {
            return Err(Failure::Usage(format!("{}: expected a folder, got another file", folder.display())));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => return Ok(()),
        Err(error) => return Err(cannot(error)),
    }
    let mut stranger = None;
    for item in fs::read_dir(folder).map_err(cannot)? {
        let name = item.map_err(cannot)?.file_name();
        if name == STATE {
            return state(folder).map(drop);
        }
        // An audit that was cut off before it wrote anything has left its lock.
        if name != LOCK || !is_empty_file(&folder.join(LOCK)) {
            stranger = Some(name);
        }
    }
    match stranger {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "{}: expected an empty folder, or one with the {STATE} of an earlier audit, got one with {}; nothing in it \
             was touched: name another folder",
            folder.display(),
            name.display()
        ))),
    }
}

fn is_empty_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && there.len() == 0)
}

/// Refuses to mirror a log into its own folder, or either of the two into the other, whatever they are called.
pub(super) fn apart(folder: &Path, log: &Path) -> Result<(), Failure> {
    if is_within(folder, log) || is_within(log, folder) {
        return Err(Failure::Usage(format!(
            "{} and --directory {}: expected two folders, got one inside the other; name another folder to mirror into",
            folder.display(),
            log.display()
        )));
    }
    Ok(())
}

/// Whether `inner`, or as much of its path as there is, lies in `outer` or is it.
fn is_within(inner: &Path, outer: &Path) -> bool {
    let there = inner.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().ok()
    });
    there.is_some_and(|there| there.ancestors().any(|folder| is_one(folder, outer)))
}

/// Whether two names are of one folder.
fn is_one(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_or_a_marked_one_is_the_audit_s() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        prove(&at("missing")).unwrap();
        prove(home.path()).unwrap();
        fs::write(at(LOCK), "").unwrap();
        prove(home.path()).unwrap();
        fs::write(at(LOCK), "text").unwrap();
        prove(home.path()).unwrap_err();
        fs::write(at(LOCK), "").unwrap();
        fs::write(at("notes"), "").unwrap();
        assert!(prove(home.path()).unwrap_err().to_string().contains("got one with notes"));
        assert!(prove(&at("notes")).unwrap_err().to_string().contains("expected a folder"));
        for strange in ["", "{}", "[]", r#"{"schema_version": 1}"#, r#"{"checkpoint": 1}"#] {
            fs::write(at(STATE), strange).unwrap();
            assert!(prove(home.path()).unwrap_err().to_string().contains("audit.json: "), "{strange}");
        }
        fs::write(at(STATE), r#"{"checkpoint": null}"#).unwrap();
        prove(home.path()).unwrap();
        std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
        prove(&at("link")).unwrap_err();
    }

    #[test]
    fn a_folder_is_within_another_under_every_name() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir_all(at("log/tile")).unwrap();
        std::os::unix::fs::symlink("log", at("link")).unwrap();
        for (folder, log) in
            [("log", "link"), ("link/new/mirror", "log"), ("log", "link/tile"), ("log/../log/x", "log")]
        {
            apart(&at(folder), &at(log)).unwrap_err();
        }
        for (folder, log) in [("mirror", "log"), ("log-too", "log"), ("mirror", "missing")] {
            apart(&at(folder), &at(log)).unwrap();
        }
    }
}
