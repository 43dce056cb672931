//! What an entry refers to in its own log is there, and is what the claim says that it is.

use crate::support::{Daemon, Response, folder, promotion, repository};
use serde_json::{Value, json};
use std::fs;

fn referring(subject: &str, claim: &str, references: Value) -> Vec<u8> {
    let mut submission = promotion(subject);
    submission["claims"][claim] = references;
    submission.to_string().into_bytes()
}

#[test]
fn a_reference_is_taken_only_to_an_entry_that_is_there_with_that_hash_and_kind() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let append = |body: &[u8]| daemon.post("/v1/entries", body);
    let example = |kind: &str| fs::read(repository().join(format!("docs/examples/{kind}.json"))).unwrap();
    let approval = append(&example("approval")).expect(201).json();
    let scan = append(&example("scan")).expect(201).json();
    let to = |entry: &Value| json!({"index": entry["index"], "leaf_hash": entry["leaf_hash"]});
    let size = || daemon.get("/v1/log").expect(200).json()["size"].clone();
    let before = size();

    let absent = json!([{"index": 999_999, "leaf_hash": approval["leaf_hash"]}]);
    let zero = json!([{"index": approval["index"], "leaf_hash": "00".repeat(32)}]);
    let cases = [
        ("approvals", absent, "reference.missing"),
        ("approvals", zero, "reference.other"),
        ("approvals", json!([to(&scan)]), "reference.kind"),
        ("scans", json!([to(&scan), to(&approval)]), "reference.kind"),
        ("generations", json!([to(&scan)]), "reference.kind"),
    ];
    for (claim, references, code) in &cases {
        let refused = append(&referring("a", claim, references.clone())).expect(400);
        let said = |answer: Response| (answer.json()["code"].clone(), answer.json()["claim"].clone());
        assert_eq!(said(refused), (json!(code), json!(claim)));
        let batch =
            [referring("b", "approvals", json!([to(&approval)])), referring("c", claim, references.clone())];
        let headers = [("Content-Type", "application/x-ndjson")];
        let refused =
            daemon.request("POST", "/v1/entries/batch", &headers, &batch.join(&b'\n')).expect(400).json();
        assert_eq!((&refused["code"], &refused["line"]), (&json!(code), &json!(2)), "{refused}");
    }
    assert_eq!(size(), before, "nothing that was refused is in the log, nor the line beside it");

    append(&referring("d", "approvals", json!([to(&approval)]))).expect(201);
    append(&referring("e", "scans", json!([to(&scan)]))).expect(201);
    let elsewhere =
        json!([{"index": 999_999, "leaf_hash": "00".repeat(32), "origin": "example.com/another"}]);
    append(&referring("f", "approvals", elsewhere)).expect(201);
}
