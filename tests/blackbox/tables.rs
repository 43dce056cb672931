//! The package's texts in other people's hands: JSON against the checked-in schemas, CSV and JSONL in DuckDB, the archive
//! in `unzip`.

use crate::support::{Daemon, folder, have, promotion, provlog, repository, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const ENTRIES: usize = 50;

/// Names that a reader of tables may stumble over.
const NAMES: [&str; 5] = ["a,b", "say \"yes\"", "two\nlines", "=1+1", "naïve – ☃"];

/// What a package of such records is read with: prints rows, sums and odd cells as one JSON object.
const QUERIES: &str = r#"
import duckdb, json, sys
# On a slow machine it would stand in what is read here.
duckdb.sql("set enable_progress_bar = false")
csv = "read_csv('all/records.csv', header=true, all_varchar=true, strict_mode=true)"
lines = "read_json('all/records.jsonl', format='newline_delimited')"
one = lambda query: duckdb.sql(query).fetchall()[0]
rows = lambda query: [row[0] for row in duckdb.sql(query).fetchall()]
print(json.dumps({
    "csv": one(f"select count(*), sum(cast(index as bigint)) from {csv}"),
    "jsonl": one(f"select count(*), sum(index) from {lines}"),
    "same": one(f"select count(*) from {csv} c join {lines} l "
                "on cast(c.index as bigint) = l.index and c.kind = l.kind and c.leaf_hash = l.leaf_hash "
                "and epoch_ms(cast(c.time as timestamptz)) = l.time_ms"),
    "columns": rows(f"select column_name from (describe select * from {csv})"),
    "models": rows(f"select distinct model from {csv} where kind = 'promotion' order by 1"),
    "names": rows(f"select distinct submitted.model.name from {lines} where kind = 'promotion' order by 1"),
    "environments": rows(f"select distinct environment from {csv} where kind = 'promotion'"),
    "policies": rows(f"select distinct submitted.policy.version from {lines} where kind = 'promotion'"),
}))
"#;

fn exported(root: &Path) {
    let daemon = Daemon::start(&root.join("data"));
    let lines = (0..ENTRIES).map(|number| {
        let mut submission = promotion(&format!("artifact {number}"));
        submission["claims"]["model"]["name"] = NAMES[number % NAMES.len()].into();
        submission.to_string()
    });
    let body = lines.collect::<Vec<_>>().join("\n");
    let headers = [("Content-Type", "application/x-ndjson")];
    daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
    daemon.until_ready();
    fs::copy(daemon.trust(&root.join("data")), root.join("trust")).unwrap();
    for (name, redaction) in [("all", &[][..]), ("all.zip", &[]), ("public", &["--profile", "public"])] {
        let export = ["export", "--url", &daemon.url, "--trust", "trust", "-o", name];
        let output = provlog(root, &[&export[..], redaction].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = fs::read(repository().join("docs/schema").join(name)).unwrap();
    jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, json: &Value) {
    let errors: Vec<String> = validator.iter_errors(json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {json}");
}

#[test]
fn texts_are_read_by_others() {
    let root = folder();
    exported(root.path());
    let (manifest, record) = (validator("manifest.json"), validator("record.json"));
    for package in ["all", "public"] {
        let read = |name: &str| fs::read_to_string(root.path().join(package).join(name)).unwrap();
        let json: Value = serde_json::from_str(&read("manifest.json")).unwrap();
        assert_valid(&manifest, &json);
        let mut other = json;
        other["remark"] = "not a member".into();
        assert!(!manifest.is_valid(&other), "the schema refuses what the format refuses");
        let lines: Vec<Value> =
            read("records.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), ENTRIES + 1);
        lines.iter().for_each(|line| assert_valid(&record, line));
        let mut other = lines[1].clone();
        other.as_object_mut().unwrap().remove("leaf_hash");
        assert!(!record.is_valid(&other));
    }
    duckdb(root.path());
    if have("unzip", &["-v"], "unzip") {
        let output = Command::new("unzip").args(["-t", "all.zip"]).current_dir(root.path()).output().unwrap();
        let text = stdout(&output);
        assert!(output.status.success() && text.contains("No errors detected"), "{text}{}", stderr(&output));
    }
}

fn duckdb(root: &Path) {
    if !have("python3", &["-c", "import duckdb"], "python3 with the package duckdb") {
        return;
    }
    let output = Command::new("python3").args(["-c", QUERIES]).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sum = ENTRIES * (ENTRIES + 1) / 2;
    for text in ["csv", "jsonl"] {
        assert_eq!((&read[text][0], &read[text][1]), (&(ENTRIES + 1).into(), &sum.into()), "{text}: {read}");
    }
    assert_eq!(read["same"][0], ENTRIES + 1, "both texts say the same: {read}");
    let header = fs::read_to_string(root.join("all/records.csv")).unwrap();
    let header: Vec<&str> = header.lines().next().unwrap().split(',').collect();
    assert_eq!(read["columns"], serde_json::json!(header));
    let mut names = NAMES;
    names.sort_unstable();
    assert_eq!(read["names"], serde_json::json!(names), "{read}");
    // The provider comes first in a cell, so that what looks like a formula is text already.
    for (cell, name) in read["models"].as_array().unwrap().iter().zip(names) {
        assert!(cell.as_str().unwrap().contains(name), "{cell} shows {name:?}");
    }
    assert_eq!(read["environments"], serde_json::json!(["production"]));
}
