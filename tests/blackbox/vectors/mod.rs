//! The test vectors of `SPEC.md`: `tests/vectors/receipts/<name>/` with a receipt, a trust file, the expected verdict and, where
//! the vector has them, expectations and what its reader believes. This module generates them, one defect a vector, and
//! holds the checked-in files to what it generates. `PROVLOG_BLESS=1 cargo test -p provlog-tests vectors` writes them anew.

pub mod cases;
mod coverage;
mod folds;
pub mod forge;
/// Makes keys, tokens and certificates. Its random keys have no part here.
#[allow(dead_code, unused_imports, unreachable_pub)]
#[path = "../../../ledger/evidence/tests/evidence/support.rs"]
pub mod keys;
mod mutated;
pub mod reader;
pub mod second;

use crate::support::{blessing, repository};
use base64ct::{Base64, Encoding};
use cases::Case;
use provlog_core::Hash;
use provlog_core::check::{Check, Refused, add};
use provlog_core::trust::Trust;
use provlog_core::verify::{ReceiptReport, Verifier};
use provlog_evidence::verify::EvidenceVerifier;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    repository().join("tests/vectors/receipts")
}

/// The verdict as `SPEC.md` section 8.1 writes it.
fn verdict(case: &Case) -> Value {
    let trust = Trust::parse(&case.trust).unwrap();
    let believed = case.reader.believed();
    let evidence = EvidenceVerifier { believed: &believed, require_bound: case.reader.require_bound };
    let judged = Verifier::new(&trust).receipt(&case.receipt, &case.parsed_expectations());
    let judged = add(judged, |report| evidence.checks(report.record.as_ref(), &report.checkpoint.origin));
    let (name, exit, report) = match judged {
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

fn files(case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("receipt.tlog-proof".into(), case.receipt.clone()),
        ("trust.tlog-policy".into(), case.trust.clone()),
        ("verdict.json".into(), pretty(&verdict(case)).into_bytes()),
    ];
    if !case.expectations.is_empty() {
        files.push(("expectations.json".into(), pretty(&json!(case.expectations)).into_bytes()));
    }
    files.extend(case.reader.files());
    files
}

#[test]
fn every_vector_ends_as_its_defect_says() {
    let cases = cases::all();
    let bad = cases.iter().filter(|case| case.exit != 0).count();
    assert!(bad >= 40, "at least 40 bad receipts, got {bad}");
    let problems: Vec<String> = cases.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// How a vector ends otherwise than its case says.
fn problem(case: &Case) -> Option<String> {
    let verdict = verdict(case);
    let text = |check: &Value, member: &str| check[member].as_str().unwrap().to_owned();
    let checks = verdict["checks"].as_array().unwrap().iter();
    let checks: Vec<_> = checks.map(|check| (text(check, "name"), text(check, "status"))).collect();
    let last = checks.iter().rev().map(|(name, status)| (name.as_str(), status.as_str()));
    // One defect a vector: nothing else may have gone wrong beside it.
    let refused = checks.iter().filter(|(_, status)| status == "fail" || status == "not disclosed");
    let is_as_said = verdict["exit"] == case.exit
        && refused.map(|(name, _)| name).eq(case.refused.iter())
        && last.take(case.last.len()).eq(case.last.iter().rev().copied());
    let (exit, refused, last) = (case.exit, &case.refused, &case.last);
    (!is_as_said).then(|| format!("{}: expected {exit} {refused:?} {last:?}, got {checks:?}", case.name))
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
        let files = files(case);
        let names: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
        for (name, bytes) in files {
            let path = folder.join(name);
            if blessing() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).is_ok_and(|found| found == bytes), "{} differs", path.display());
        }
        assert_eq!(names_in(&folder), names, "{} has files that are nobody's", case.name);
    }
    assert_eq!(names_in(&folder()), names, "folders and cases are the same");
}

/// Holds `tests/vectors/<folder>/<name>.json` to what is made here, and the second verifier to both. Writes it anew where files
/// are to be.
fn json_files(folder: &str, files: &[(String, Value)]) {
    let folder = repository().join("tests/vectors").join(folder);
    if blessing() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    for (name, json) in files {
        let (path, expected) = (folder.join(format!("{name}.json")), pretty(json));
        if blessing() {
            fs::write(&path, &expected).unwrap();
        }
        assert!(fs::read_to_string(&path).is_ok_and(|found| found == expected), "{} differs", path.display());
    }
    let names: BTreeSet<String> = files.iter().map(|(name, _)| format!("{name}.json")).collect();
    assert_eq!(names.len(), files.len(), "names are unique");
    assert_eq!(names_in(&folder), names, "files and cases are the same");
    second::agrees(&folder, files.len());
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
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
    if !second::python_available() {
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
        let theirs = second::run(&[receipt, "--trust", trust]);
        let codes = (ours.status.code(), theirs.status.code());
        assert_eq!(codes, (Some(5), Some(5)), "{vkey}: {}", crate::support::stderr(&theirs));
    }
}

#[test]
fn the_second_verifier_agrees() {
    second::agrees(&folder(), cases::all().len());
}
