//! The second verifier, `tests/interop/verify.py`: written from SPEC.md alone, it shares no code with ours.

use crate::support::{have, repository, stderr};
use std::path::Path;
use std::process::{Command, Output};

/// Whether the second verifier can run. It needs Python's `cryptography`; `.ci/run` installs it, and where `CI` is `true` a
/// machine without it fails.
pub fn python_available() -> bool {
    have("python3", &["-c", "import cryptography"], "python3 with the package cryptography")
}

/// What it says to these arguments.
pub fn run(arguments: &[&str]) -> Output {
    let script = repository().join("tests/interop/verify.py");
    Command::new("python3").arg(script).args(arguments).output().unwrap()
}

/// Holds it to every vector of the folder, which has so many.
pub fn agrees(folder: &Path, count: usize) {
    if !python_available() {
        return;
    }
    let output = run(&["--vectors", folder.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", stderr(&output));
    assert!(text.contains(&format!("{count} vectors agree")), "expected {count} vectors: {text}");
}
