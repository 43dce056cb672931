//! The house's walls: which crate may use which, and everything that a verifier has to trust.

use crate::support::repository;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output =
        Command::new(cargo).args(arguments).arg("--offline").current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names<'a>(value: &'a Value, key: &'a str) -> impl Iterator<Item = &'a str> {
    value.as_array().unwrap().iter().map(move |item| item[key].as_str().unwrap())
}

/// ARCHITECTURE.md: core <- engine <- daemon; core <- cli. Tests, benches and examples may use all.
#[test]
fn crates_use_only_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("provlog-core", &[] as &[&str]),
        ("provlog-engine", &["provlog-core"]),
        ("provlogd", &["provlog-core", "provlog-engine"]),
        ("provlog", &["provlog-core"]),
        ("provlog-tests", &["provlog-core", "provlog-engine"]),
        ("provlog-benches", &["provlog-core", "provlog-engine", "provlogd"]),
        ("provlog-examples", &["provlog-core"]),
    ]);
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let ours: BTreeSet<&str> = names(&metadata["packages"], "name").collect();
    assert_eq!(ours, allowed.keys().copied().collect(), "every crate of the workspace is in this table");
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in
            names(&package["dependencies"], "name").filter(|dependency| ours.contains(dependency))
        {
            assert!(allowed[name].contains(&dependency), "{name} must not use {dependency}");
        }
    }
}

/// Everything that is compiled into core, by name: a new line here is a new thing that a stranger must trust.
#[test]
fn core_s_dependency_closure_is_the_checked_in_list() {
    let closure = ["tree", "-p", "provlog-core", "-e", "normal,no-proc-macro", "--prefix", "none"];
    let found = cargo(&[&closure[..], &["--target", "x86_64-unknown-linux-gnu"]].concat());
    let found: BTreeSet<&str> = found.lines().filter_map(|line| line.split(' ').next()).collect();
    let path = repository().join("ledger/core/dependencies.txt");
    let listed = fs::read_to_string(&path).unwrap();
    let own = ["provlog-core"];
    let listed: BTreeSet<&str> = listed.lines().filter(|line| !line.starts_with('#')).chain(own).collect();
    assert_eq!(found, listed, "{} is not the closure (left: found, right: listed)", path.display());
}

/// Every module of this binary's folder is part of it.
#[test]
fn no_test_file_is_forgotten() {
    let folder = repository().join("tests/blackbox");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name} is not in main.rs");
    }
}
