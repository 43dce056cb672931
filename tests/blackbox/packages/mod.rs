//! The packages of `SPEC.md` section 11: `tests/vectors/packages/<name>/` with a folder `package` or a `package.zip`, a
//! trust file and the expected verdict. This module generates them, one defect a package, and holds the checked-in files to
//! what it generates. `PROVLOG_BLESS=1 cargo test -p provlog-tests packages` writes them anew.

pub mod cases;
pub mod forge;
mod log;
pub mod story;
pub mod zip;

pub use cases::{Case, Contents};

use crate::support::{blessing, provlog, repository, stderr};
use crate::vectors::reader::Reader;
use crate::vectors::second;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Every case, written anew where files are to be.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let cases = cases::all();
    if blessing() {
        let _ = fs::remove_dir_all(folder());
        for case in &cases {
            let folder = folder().join(&case.name);
            for (path, bytes) in files(case) {
                fs::create_dir_all(folder.join(&path).parent().unwrap()).unwrap();
                fs::write(folder.join(path), bytes).unwrap();
            }
            fs::write(folder.join(VERDICT), pretty(&verdict(case))).unwrap();
        }
    }
    cases
});

const TRUST: &str = "trust.tlog-policy";
const VERDICT: &str = "verdict.json";

/// Where the packages lie.
pub fn folder() -> PathBuf {
    repository().join("tests/vectors/packages")
}

/// All packages.
pub fn all() -> &'static [Case] {
    &CASES
}

/// The names of all packages.
pub fn names() -> impl Iterator<Item = String> {
    CASES.iter().map(|case| case.name.clone())
}

fn files(case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut files = match &case.contents {
        Contents::Folder(files) => {
            files.iter().map(|(name, bytes)| (format!("package/{name}"), bytes.clone())).collect()
        }
        Contents::Archive(bytes) => vec![("package.zip".into(), bytes.clone())],
    };
    files.push((TRUST.into(), case.trust.clone()));
    files.extend(case.reader.files());
    files
}

/// What the real program says of a checked-in package, as `SPEC.md` section 8.1 writes it.
fn verdict(case: &Case) -> Value {
    verdict_in(&folder().join(&case.name), &case.reader)
}

/// What it says to this reader of the package in a vector's folder.
pub fn verdict_in(folder: &Path, reader: &Reader) -> Value {
    let package = if folder.join("package.zip").exists() { "package.zip" } else { "package" };
    let reader = reader.arguments();
    let mut arguments = vec!["verify", package, "--trust", TRUST, "--json"];
    arguments.extend(reader.iter().map(String::as_str));
    let output = provlog(folder, &arguments);
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}: {}", folder.display(), stderr(&output)));
    let found = &json["packages"][0];
    let code = output.status.code().map(Value::from);
    assert_eq!(Some(&found["exit"]), code.as_ref(), "{}", folder.display());
    let checks = found["checks"].as_array().unwrap().iter();
    let checks: Vec<Value> =
        checks.map(|check| json!({"name": check["name"], "status": check["status"]})).collect();
    json!({"verdict": found["verdict"], "exit": found["exit"], "checks": checks})
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn every_package_ends_as_its_defect_says() {
    let mut wrong = Vec::new();
    for case in CASES.iter() {
        let verdict = verdict(case);
        let (expected, exit) = case.verdict();
        let checks = verdict["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|check| check["status"] == "fail");
        let refused: Vec<&str> = failed.map(|check| check["name"].as_str().unwrap()).collect();
        // One defect a package: nothing else may have gone wrong beside it.
        let checks = verdict["checks"].as_array().unwrap().iter().rev();
        let last = checks.map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap()));
        let ends = case.last.iter().rev().copied().eq(last.take(case.last.len()));
        if refused != case.refused || verdict["verdict"] != expected || verdict["exit"] != exit || !ends {
            let (name, refused, last) = (&case.name, &case.refused, &case.last);
            wrong.push(format!("{name}: expected {expected} {refused:?} {last:?}, got {verdict}"));
        }
        let found = fs::read_to_string(folder().join(&case.name).join(VERDICT));
        if found.is_ok_and(|found| found != pretty(&verdict)) {
            wrong.push(format!("{}: {VERDICT} is another", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_checked_in_files_are_what_the_generator_makes() {
    let names: BTreeSet<&str> = CASES.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), CASES.len(), "names are unique");
    for case in CASES.iter() {
        let folder = folder().join(&case.name);
        let expected = files(case);
        for (path, bytes) in &expected {
            let path = folder.join(path);
            assert!(fs::read(&path).is_ok_and(|found| found == *bytes), "{} differs", path.display());
        }
        // The verdict is the one file that is not made here.
        assert_eq!(count_files(&folder), expected.len() + 1, "{}: files too many", case.name);
    }
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(found.iter().map(String::as_str).eq(names), "folders and cases are the same");
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

/// Whoever has the wrong trust file learns beside the verdict that nothing is said of the records.
#[test]
fn a_verdict_on_unread_records_says_so() {
    LazyLock::force(&CASES);
    let unread = "the records were not read";
    let written = |name: &str, more: &[&str]| {
        let folder = folder().join(name);
        let output = provlog(&folder, &[more, &["package", "--trust", TRUST]].concat());
        String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output)
    };
    for (name, refused) in [
        ("unread-by-another-key", "untrusted (log-signature)"),
        ("unread-without-a-checkpoint", "not proven (checkpoint)"),
        ("other-key", "untrusted (log-signature)"),
    ] {
        let text = written(name, &["verify"]);
        let verdict = text.lines().find(|line| line.starts_with("verdict: ")).unwrap();
        assert!(verdict.starts_with(&format!("verdict: {refused}; {unread}")), "{name}: {text}");
        let evidence = written(name, &["crosswalk", "evidence"]);
        assert!(evidence.contains(unread), "{name}: {evidence}");
    }
    for name in ["quorum-missing", "range", "records-value-changed"] {
        assert!(!written(name, &["verify"]).contains(unread), "{name}");
    }
}

/// The second verifier, written from SPEC.md alone, agrees on every package.
#[test]
fn the_second_verifier_agrees_on_packages() {
    second::agrees(&folder(), CASES.len());
}
