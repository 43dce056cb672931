//! Real input: this project's own history goes through the real daemon, every receipt verifies offline, and a flipped
//! byte is refused. The program that does it is `examples/src/bin/git-history/main.rs`; it ends with 0 only if all went so.

use crate::support::{folder, program, repository, stderr, stdout};
use std::fs;
use std::process::Command;

#[test]
fn this_project_s_own_history_is_logged_and_verified() {
    if !repository().join(".git").exists() {
        eprintln!("SKIPPED: this checkout has no history");
        return;
    }
    let folder = folder();
    let output = Command::new(program("git-history"))
        .args(["--limit", "20", "--repository"])
        .arg(repository())
        .arg("--keep")
        .arg(folder.path())
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(output.status.success(), "{text}{}", stderr(&output));
    let receipts = fs::read_dir(folder.path().join("receipts")).unwrap().count();
    assert!((1..=20).contains(&receipts), "one receipt a commit, got {receipts}: {text}");
    for place in ["log-signature", "root", "digest", "file:records.cbor", "file:proof.bin"] {
        assert!(text.contains(place), "the failed check is named, expected {place:?} in: {text}");
    }
}
