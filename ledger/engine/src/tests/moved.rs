//! Files that are moved, replaced or removed under a running log: it stops before anything counts that the next start would
//! not find, and with what was there put back nothing is lost.

use super::oracle::History;
use super::{Folder, Stepped, submission};
use crate::submission::AppendError;
use std::fs;
use std::path::{Path, PathBuf};

/// What somebody does, given the data folder and a place beside it.
type Change = fn(&Path, &Path);

fn mark(data: &Path) -> PathBuf {
    data.join("high-water")
}

fn segment(data: &Path) -> PathBuf {
    let mut segments: Vec<_> =
        fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    segments.pop().unwrap()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Moved aside, and a copy put in its place: what restoring a file, and many editors and tools, do.
fn swap(path: &Path, aside: &Path) {
    fs::rename(path, aside).unwrap();
    copy(aside, path);
}

/// Each with what undoes it, and the path that must be named.
const CHANGES: [(&str, Change, Change); 8] = [
    ("the mark swapped", |data, aside| swap(&mark(data), aside), |data, aside| back(aside, &mark(data))),
    (
        "the mark moved",
        |data, aside| fs::rename(mark(data), aside).unwrap(),
        |data, aside| back(aside, &mark(data)),
    ),
    (
        "a segment swapped",
        |data, aside| swap(&segment(data), aside),
        |data, aside| {
            back(aside, &segment(data));
        },
    ),
    (
        "a segment moved",
        |data, aside| fs::rename(data.join("journal/00000000000000000000.seg"), aside).unwrap(),
        |data, aside| back(aside, &data.join("journal/00000000000000000000.seg")),
    ),
    (
        "the journal swapped",
        |data, aside| swap(&data.join("journal"), aside),
        |data, aside| {
            back(aside, &data.join("journal"));
        },
    ),
    ("the folder swapped", swap, |data, aside| back(aside, data)),
    ("the folder moved", |data, aside| fs::rename(data, aside).unwrap(), |data, aside| back(aside, data)),
    (
        "the folder moved, and a link put there to a copy",
        |data, aside| {
            fs::rename(data, aside).unwrap();
            copy(aside, &aside.with_extension("copy"));
            std::os::unix::fs::symlink(aside.with_extension("copy"), data).unwrap();
        },
        |data, aside| back(aside, data),
    ),
];

fn back(aside: &Path, path: &Path) {
    let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
    fs::rename(aside, path).unwrap();
}

fn fill(log: &mut Stepped, history: &mut History, upto: u64) {
    for n in 0..upto {
        let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
        history.answered(&[submission(n)], &answer).unwrap();
    }
}

/// The log is stopped at each fill of its newest segment once: also where the next group needs a new one.
#[test]
fn what_was_moved_under_a_running_log_stops_it_before_the_mark_and_nothing_is_lost() {
    for (name, change, undo) in CHANGES {
        for appended in if name.starts_with("a segment m") { 0..2 } else { 0..9 } {
            let elsewhere = tempfile::tempdir().unwrap();
            let aside = elsewhere.path().join("aside");
            let folder = Folder::inside(elsewhere.path());
            let data = &folder.options.data_dir;
            let (mut log, mut history) = (folder.open().unwrap(), History::default());
            fill(&mut log, &mut history, appended);
            let before = fs::read(mark(data)).unwrap();
            change(data, &aside);
            let there = listing(data);

            let batch = vec![vec![submission(50)], vec![submission(51), submission(52)]];
            for answer in log.commit(batch) {
                let error = answer.unwrap_err();
                let AppendError::Fatal { detail } = &error else { panic!("{name}, {appended}: {error}") };
                let told = ["was moved, replaced or removed while the log was running", "never a copy"];
                assert!(told.iter().all(|part| detail.contains(part)), "{name}: {detail}");
                assert!(detail.contains(data.to_str().unwrap()), "{name}: {detail}");
            }
            log.append(submission(53)).unwrap_err();
            assert_eq!(listing(data), there, "{name}: something was made where the log no longer is");

            undo(data, &aside);
            assert_eq!(fs::read(mark(data)).unwrap(), before, "{name}: the mark went on");
            drop(log);
            let mut log = folder.open().unwrap();
            history.observe(&log).unwrap();
            let size = log.reader().committed().checkpoint.size;
            assert!([appended + 1, appended + 4].contains(&size), "{name}: the group is whole or not there");
            log.append(submission(60)).unwrap();
        }
    }
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = ["", "journal"]
        .iter()
        .filter_map(|sub| fs::read_dir(folder.join(sub)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
}

/// What a backup or an operator does to the names, and leaves them standing for the same files.
#[test]
fn other_names_for_the_same_files_change_nothing() {
    let folder = Folder::new();
    let mut log = folder.open().unwrap();
    let links = tempfile::tempdir_in(&folder.options.data_dir).unwrap();
    for path in [mark(&folder.options.data_dir), segment(&folder.options.data_dir)] {
        fs::hard_link(&path, links.path().join(path.file_name().unwrap())).unwrap();
    }
    let (there, away) = (folder.path("journal"), folder.path("away"));
    fs::rename(&there, &away).unwrap();
    std::os::unix::fs::symlink(&away, &there).unwrap();
    for n in 0..20 {
        log.append(submission(n)).unwrap();
    }
    drop(log);
    assert_eq!(folder.open().unwrap().reader().committed().checkpoint.size, 21);
}
