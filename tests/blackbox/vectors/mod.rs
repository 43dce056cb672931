//! The test vectors of `SPEC.md`: `tests/vectors/receipts/<name>/` with a receipt, a trust file, the expected verdict and, where
//! the vector has them, expectations. This module generates them, one defect a vector, and holds the checked-in files
//! to what it generates. `PROVLOG_BLESS=1 cargo test -p provlog-tests vectors` writes them anew.

mod cases;
pub mod forge;

use crate::support::{blessing, have, repository};
use base64ct::{Base64, Encoding};
use cases::Case;
use provlog_core::Hash;
use provlog_core::check::{Check, Refused};
use provlog_core::expectation::Expectation;
use provlog_core::trust::Trust;
use provlog_core::verify::{ReceiptReport, Verifier};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn folder() -> PathBuf {
    repository().join("tests/vectors/receipts")
}

/// The verdict as `SPEC.md` section 8.1 writes it.
fn verdict(receipt: &[u8], trust: &[u8], expectations: &[Expectation]) -> Value {
    let trust = Trust::parse(trust).unwrap();
    let (name, exit, report) = match Verifier::new(&trust).receipt(receipt, expectations) {
        Ok(verdict) => ("verified", 0, Some(verdict.report().clone())),
        Err(Refused::Malformed(_)) => ("malformed", 8, None),
        Err(Refused::Untrusted(report)) => ("untrusted", 5, Some(*report)),
        Err(Refused::NotProven(report)) => ("not proven", 3, Some(*report)),
    };
    let malformed = vec![json!({"name": "format", "status": "fail"})];
    let checks = |report: ReceiptReport| -> Vec<Value> {
        let check = |check: &Check| json!({"name": check.name, "status": check.status.as_str()});
        report.checks.iter().map(check).collect()
    };
    json!({"verdict": name, "exit": exit, "checks": report.map_or(malformed, checks)})
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn files(case: &Case) -> Vec<(&'static str, Vec<u8>)> {
    let verdict = verdict(&case.receipt, &case.trust, &case.parsed_expectations());
    let mut files = vec![
        ("receipt.tlog-proof", case.receipt.clone()),
        ("trust.tlog-policy", case.trust.clone()),
        ("verdict.json", pretty(&verdict).into_bytes()),
    ];
    if !case.expectations.is_empty() {
        files.push(("expectations.json", pretty(&json!(case.expectations)).into_bytes()));
    }
    files
}

#[test]
fn every_vector_ends_as_its_defect_says() {
    let cases = cases::all();
    let bad = cases.iter().filter(|case| case.exit != 0).count();
    assert!(bad >= 40, "at least 40 bad receipts, got {bad}");
    for case in &cases {
        let verdict = verdict(&case.receipt, &case.trust, &case.parsed_expectations());
        assert_eq!(verdict["exit"], case.exit, "{}: {verdict}", case.name);
        let refused: Vec<&str> = verdict["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["status"] == "fail" || check["status"] == "not disclosed")
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        // One defect a vector: nothing else may have gone wrong beside it.
        assert_eq!(refused, case.refused, "{}", case.name);
    }
}

#[test]
fn the_checked_in_files_are_what_the_generator_makes() {
    let cases = cases::all();
    let names: BTreeSet<String> = cases.iter().map(|case| case.name.to_string()).collect();
    assert_eq!(names.len(), cases.len(), "names are unique");
    if blessing() {
        let _ = fs::remove_dir_all(folder());
    }
    for case in &cases {
        let folder = folder().join(case.name);
        for (name, bytes) in files(case) {
            let path = folder.join(name);
            if blessing() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).is_ok_and(|found| found == bytes), "{} differs", path.display());
        }
    }
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, names, "folders and cases are the same");
}

/// Every vector that SPEC.md names exists, so that a rule without a vector can't hide behind a name.
#[test]
fn every_vector_that_spec_names_exists() {
    let spec = fs::read_to_string(repository().join("SPEC.md")).unwrap();
    let mut names: BTreeSet<String> = cases::all().iter().map(|case| case.name.to_string()).collect();
    names.extend(crate::packages::names());
    let is_name = |name: &&str| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let bracketed = spec.split("`[").skip(1).filter_map(|rest| rest.split_once("]`")).map(|(name, _)| name);
    let named: BTreeSet<&str> = bracketed.filter(is_name).collect();
    assert!(named.len() > 30, "SPEC.md names its vectors, got {named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "SPEC.md names vectors that don't exist: {missing:?}");
}

/// A trust file with a key that nobody may sign with is refused when it is read, by both verifiers (SPEC.md section 7).
#[test]
fn both_verifiers_refuse_the_same_trust_files() {
    if !python_available() {
        return;
    }
    let root = crate::support::folder();
    let receipt = folder().join("good/receipt.tlog-proof");
    let mut small_order = [0; 32];
    small_order[0] = 1;
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    for public in [small_order, off_curve, [0xff; 32]] {
        let typed = [&[1][..], &public].concat();
        let id = Hash::plain(&[b"example.com/vectors\n", &typed[..]].concat()).to_hex();
        let vkey = format!("example.com/vectors+{}+{}", &id[..8], Base64::encode_string(&typed));
        let trust = root.path().join("trust");
        fs::write(&trust, format!("log {vkey}\nquorum none\n")).unwrap();
        let (receipt, trust) = (receipt.to_str().unwrap(), trust.to_str().unwrap());
        let ours = crate::support::provlog(root.path(), &["verify", receipt, "--trust", trust]);
        let script = repository().join("tests/interop/verify.py");
        let theirs = Command::new("python3").arg(script).args([receipt, "--trust", trust]).output().unwrap();
        let text = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!((ours.status.code(), theirs.status.code()), (Some(5), Some(5)), "{vkey}: {text}");
    }
}

/// Whether the second verifier can run.
pub fn python_available() -> bool {
    have("python3", &["-c", "import cryptography"], "python3 with the package cryptography")
}

/// The second verifier, written from SPEC.md alone, agrees on every vector. It needs Python's `cryptography`; `.ci/run`
/// installs it, and where `CI` is `true` a machine without it fails.
#[test]
fn the_second_verifier_agrees() {
    let script = repository().join("tests/interop/verify.py");
    if !python_available() {
        return;
    }
    let output = Command::new("python3").arg(script).arg("--vectors").arg(folder()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let count = cases::all().len();
    assert!(text.contains(&format!("{count} vectors agree")), "expected {count} vectors: {text}");
}
