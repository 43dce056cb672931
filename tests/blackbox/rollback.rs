//! A ledger that lost or changed something refuses to start, and says what, where and what to do.

use crate::support::{Daemon, folder, promotion};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The exit code of a log that refuses to open.
const REFUSED: i32 = 13;

/// Bytes of a segment's header, after which its frames begin: genesis first, which is under 600 bytes.
const SEGMENT_HEADER_BYTES: u64 = 4096;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A stopped log of a few entries, and an older copy of it.
struct Fixture {
    _root: tempfile::TempDir,
    now: PathBuf,
    older: PathBuf,
    other_log: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let root = folder();
        let (now, older, other_log) =
            (root.path().join("now"), root.path().join("older"), root.path().join("other"));
        append(&now, 3);
        copy(&now, &older);
        append(&now, 4);
        append(&other_log, 3);
        Self { _root: root, now, older, other_log }
    }

    /// What a start on a copy of the log says after `change` was made to it.
    fn refusal(&self, change: impl FnOnce(&Path)) -> String {
        let scratch = folder();
        let data_dir = scratch.path().join("data");
        copy(&self.now, &data_dir);
        change(&data_dir);
        let output = Daemon::command(&data_dir, &[]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(REFUSED), "{text}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("listening"), "it must not serve");
        text
    }
}

fn append(data_dir: &Path, count: usize) {
    let daemon = Daemon::start(data_dir);
    for n in 0..count {
        daemon.post("/v1/entries", promotion(&n.to_string()).to_string().as_bytes()).expect(201);
    }
    assert_eq!(daemon.terminate(), Some(0));
}

fn newest_segment(data_dir: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> =
        fs::read_dir(data_dir.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    segments.pop().unwrap()
}

fn flip(path: &Path, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    byte[0] ^= 1;
    file.write_all_at(&byte, offset).unwrap();
}

fn replace(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    if from.is_dir() { copy(from, to) } else { _ = fs::copy(from, to).unwrap() }
}

#[track_caller]
fn names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in: {text}");
    }
}

#[test]
fn each_loss_is_refused_by_name() {
    let fixture = Fixture::new();

    let text = fixture.refusal(|data_dir| replace(&fixture.older.join("journal"), &data_dir.join("journal")));
    names(&text, &["older copy", "acknowledged", ".seg"]);

    let text = fixture.refusal(|data_dir| {
        let segment = newest_segment(data_dir);
        let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
        // The last frame is cut in half: find its end, where the preallocated zeros begin.
        let bytes = fs::read(&segment).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        file.set_len(u64::try_from(end).unwrap() - 100).unwrap();
    });
    names(&text, &["acknowledged", ".seg", "at byte"]);

    let text = fixture.refusal(|data_dir| flip(&newest_segment(data_dir), SEGMENT_HEADER_BYTES + 700));
    names(&text, &["acknowledged", ".seg", "at byte"]);

    let text = fixture.refusal(|data_dir| fs::remove_file(data_dir.join("high-water")).unwrap());
    names(&text, &["high-water"]);

    let text = fixture
        .refusal(|data_dir| replace(&fixture.other_log.join("high-water"), &data_dir.join("high-water")));
    names(&text, &["high-water", "belongs to log", "own file back"]);

    let text = fixture.refusal(|data_dir| replace(&fixture.other_log.join("keys"), &data_dir.join("keys")));
    names(&text, &["log.key"]);

    let text =
        fixture.refusal(|data_dir| replace(&fixture.other_log.join("secret"), &data_dir.join("secret")));
    names(&text, &["secret"]);

    let text = fixture.refusal(|data_dir| fs::remove_file(data_dir.join("log.toml")).unwrap());
    names(&text, &["high-water", "holds no log", "missing files"]);

    let text = fixture.refusal(|data_dir| {
        fs::remove_dir_all(data_dir.join("journal")).unwrap();
        fs::create_dir(data_dir.join("journal")).unwrap();
    });
    names(&text, &["journal"]);
}

/// A wiped folder with a kept key would sign a fork of the log that the key is known for.
#[test]
fn a_kept_key_does_not_start_a_second_log() {
    let root = folder();
    let data_dir = root.path().join("data");
    append(&data_dir, 1);
    for entry in fs::read_dir(&data_dir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "keys" {
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
    let output = Daemon::command(&data_dir, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(REFUSED), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn one_data_folder_has_one_daemon() {
    let root = folder();
    let daemon = Daemon::start(root.path());
    let output = Daemon::command(root.path(), &[]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(12), "{text}");
    names(&text, &[&daemon.id().to_string()]);
    // A removed lock file lets nobody in, nor does a copy of the folder that shares the mark.
    fs::remove_file(root.path().join("lock")).unwrap();
    let output = Daemon::command(root.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", String::from_utf8_lossy(&output.stderr));
    let copied = folder();
    copy(root.path(), copied.path());
    let mark = root.path().join("high-water");
    let output = Daemon::command(copied.path(), &["--high-water", mark.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", String::from_utf8_lossy(&output.stderr));
    daemon.until_ready();
}

/// The derived files are no part of the truth: without them the log is the same.
#[test]
fn derived_files_are_rebuilt() {
    let root = folder();
    append(root.path(), 5);
    let before = {
        let daemon = Daemon::start(root.path());
        let before = daemon.get("/checkpoint").expect(200).body;
        assert_eq!(daemon.terminate(), Some(0));
        before
    };
    for derived in ["tiles", "positions", "dedup"] {
        let path = root.path().join(derived);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    let daemon = Daemon::start(root.path());
    assert_eq!(daemon.get("/checkpoint").expect(200).body, before);
    for index in 0..6 {
        daemon.get(&format!("/v1/entries/{index}/receipt")).expect(200);
        daemon.get(&format!("/v1/entries/{index}")).expect(200);
    }
}
