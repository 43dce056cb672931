//! `provlog export --entry`: an entry with what it names, what these name, and so on.

use crate::support::{Daemon, folder, promotion, provlog, repository, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A log of a generation, a scan, an approval, and two promotions that refer to them; the last one is 6.
fn log(root: &Path) -> Daemon {
    let daemon = Daemon::start(&root.join("data"));
    fs::copy(daemon.trust(&root.join("data")), root.join("trust")).unwrap();
    let append = |submission: &Value| {
        let entry = daemon.post("/v1/entries", submission.to_string().as_bytes()).expect(201).json();
        json!({"index": entry["index"], "leaf_hash": entry["leaf_hash"]})
    };
    let example = |kind: &str| {
        let text = fs::read(repository().join(format!("docs/examples/{kind}.json"))).unwrap();
        append(&serde_json::from_slice(&text).unwrap())
    };
    let [generation, scan, approval] = ["generation", "scan", "approval"].map(example);
    append(&promotion("of no concern"));
    let mut first = promotion("artifact");
    first["claims"]["generations"] = json!([generation]);
    first["claims"]["approvals"] = json!([]);
    let first = append(&first);
    assert_eq!(first["index"], 5);
    let mut second = promotion("artifact");
    second["claims"]["scans"] = json!([scan]);
    second["claims"]["approvals"] = json!([approval]);
    second["claims"]["x-first"] = json!({"index": 4, "leaf_hash": "00".repeat(32)});
    append(&second);
    daemon.until_ready();
    daemon
}

/// Exports, and gives what was said of it.
fn export(root: &Path, daemon: &Daemon, exit: i32, arguments: &[&str]) -> String {
    let output = provlog(root, &[&["export", "--url", &daemon.url, "--trust", "trust"], arguments].concat());
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {}", stderr(&output));
    stderr(&output)
}

fn indices(package: &Path) -> Vec<u64> {
    let lines = fs::read_to_string(package.join("records.jsonl")).unwrap();
    let index = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    lines.lines().map(index).collect()
}

fn verified(root: &Path, package: &str) -> String {
    let output = provlog(root, &["verify", package, "--trust", "trust"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

fn schema(name: &str) -> jsonschema::Validator {
    let schema = fs::read(repository().join(format!("docs/schema/{name}.json"))).unwrap();
    jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap()
}

/// The schema says what goes with the filter `entry`, and what doesn't.
fn described(manifest: &Value) {
    let schema = schema("manifest");
    let mut other = manifest.clone();
    (other["filters"], other["left_out"]) = (json!({"kind": "scan", "later": 1}), Value::Null);
    (other["range"], other["count"]) = (json!({"start": 0, "end": 4097}), json!(4097));
    assert!(schema.is_valid(manifest), "{manifest}");
    assert!(schema.is_valid(&other), "{other}");
    for member in ["filters", "range", "count", "left_out"] {
        let mut mixed = manifest.clone();
        mixed[member] = other[member].clone();
        assert!(!schema.is_valid(&mixed), "{mixed}");
    }
    let mut mixed = other;
    mixed["filters"]["entry"] = json!(6);
    (mixed["left_out"], mixed["range"]) = (manifest["left_out"].clone(), Value::Null);
    mixed["count"] = json!(1);
    assert!(!schema.is_valid(&mixed), "beside another: {mixed}");
}

#[test]
fn an_entry_is_exported_with_what_it_leads_to() {
    let root = folder();
    let daemon = log(root.path());
    let said = export(root.path(), &daemon, 0, &["-o", "all", "--entry", "6"]);
    assert!(said.contains("entry 6 and 2 that it leads to\n"), "{said}");
    assert_eq!(indices(&root.path().join("all")), [2, 3, 6]);
    export(root.path(), &daemon, 0, &["-o", "first.zip", "--entry", "5", "--previous", "all/checkpoint"]);
    let hide = ["-o", "hidden", "--entry", "6", "--hide", "submitted.approvals"];
    let said = export(root.path(), &daemon, 0, &hide);
    assert!(
        said.contains("entry 6 and 1 that it leads to; what hidden claims name is not followed"),
        "{said}"
    );
    assert_eq!(indices(&root.path().join("hidden")), [2, 6]);
    let manifest: Value =
        serde_json::from_slice(&fs::read(root.path().join("hidden/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["format"], "provlog-export/v2");
    assert_eq!(manifest["left_out"], json!({"count": 0, "entries": []}));
    assert_eq!((&manifest["filters"], &manifest["range"]), (&json!({"entry": 6}), &Value::Null));
    described(&manifest);
    drop(daemon);

    let output = provlog(root.path(), &["verify", "all", "--trust", "trust", "--json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema("verdict").is_valid(&verdict), "{verdict}");
    let package = &verdict["packages"][0];
    assert_eq!((&package["entry"], &package["left_out"]), (&json!(6), &json!(0)), "{package}");
    let text = verified(root.path(), "all");
    assert!(text.contains("filters: entry 6 and 2 that are named; none named and left out"), "{text}");
    assert!(text.contains("entry 6 and 2 that it leads to of "), "{text}");
    assert!(verified(root.path(), "first.zip").contains("entry 5 and 1 that it leads to"));
    let verdict = verified(root.path(), "hidden");
    let verdict = verdict.lines().find(|line| line.starts_with("verdict: ")).unwrap();
    assert!(verdict.contains("what hidden claims name is not known"), "{verdict}");
}

#[test]
fn an_entry_stands_alone_and_is_there() {
    let root = folder();
    let daemon = log(root.path());
    let said = export(root.path(), &daemon, 6, &["-o", "none", "--entry", "7"]);
    assert!(said.contains("--entry 7: the log holds 7 entries"), "{said}");
    for other in ["--start", "--end", "--from", "--to"] {
        export(root.path(), &daemon, 2, &["-o", "none", "--entry", "6", other, "1"]);
    }
    for (other, value) in
        [("--kind", "scan"), ("--environment", "e"), ("--subject", &format!("sha256:{}", "0".repeat(64)))]
    {
        export(root.path(), &daemon, 2, &["-o", "none", "--entry", "6", other, value]);
    }
    assert!(!root.path().join("none").exists());
}
