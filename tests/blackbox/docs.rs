//! Docs are product: examples fit their schemas, and README's commands work.

use crate::support::{Daemon, folder, program, repository, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn json_files(folder: &str) -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())).collect()
}

#[test]
fn every_example_fits_its_kind_s_schema_and_no_other() {
    let examples = json_files("docs/examples");
    assert!(examples.len() >= 6, "an example of every kind");
    for (path, example) in &examples {
        let kind = example["kind"].as_str().unwrap();
        for (schema_path, schema) in json_files("docs/schema") {
            let name = schema_path.file_stem().unwrap().to_str().unwrap();
            if name == "verdict" {
                continue;
            }
            let validator = jsonschema::validator_for(&schema).unwrap();
            let valid = validator.is_valid(example);
            let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(valid, name == kind, "{} against {name}: {errors:?}", path.display());
        }
    }
}

/// The log takes what the schemas allow, and serves those schemas.
#[test]
fn every_example_is_appended_and_its_schema_served() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    for (path, example) in json_files("docs/examples") {
        let answer = daemon.post("/v1/entries", example.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}: {}", path.display(), answer.text());
        let kind = example["kind"].as_str().unwrap();
        let served = daemon.get(&format!("/v1/schema/{kind}")).expect(200).json();
        let file = fs::read(repository().join(format!("docs/schema/{kind}.json"))).unwrap();
        assert_eq!(served, serde_json::from_slice::<Value>(&file).unwrap());
    }
}

/// Every ```sh block of README under "A first verified receipt" runs, in order, after the daemon has started.
#[test]
fn readme_s_first_receipt_works() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## A first verified receipt").expect("README has the section");
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let script: String = blocks.filter(|block| !block.contains("cargo build")).collect();
    assert!(script.contains("provlog verify"), "{script}");
    let folder = folder();
    let daemon = Daemon::start(&folder.path().join("provlog-data"));
    let bin = program("provlog").parent().unwrap().to_str().unwrap().to_string();
    let script = script.replace("./target/release", &bin).replace("http://127.0.0.1:4180", &daemon.url);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}\n{}{}", stdout(&output), stderr(&output));
}
