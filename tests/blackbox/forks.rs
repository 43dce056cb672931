//! Receipts that hold each for itself, and together prove that a log shows more than one history.

use crate::support::{folder, provlog, stdout};
use crate::vectors::forge::{Forge, ORIGIN, RawRecord, RawSection, log_signer};
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::trust::Trust;
use std::fs;

#[test]
fn two_roots_of_one_size_are_a_fork_and_two_sizes_are_not_compared() {
    let root = folder();
    let receipt = |name: &str, of: &str, size: u64| {
        let submitted = RawSection(Vec::new()).with("x-of", &Value::Text(of.into()));
        let record = RawRecord { kind: 22, submitted, attested: RawSection(Vec::new()) };
        let entry = record.entry();
        let receipt = Forge::new(Hash::leaf(&entry), record.to_bytes(&entry), 5, size).receipt();
        fs::write(root.path().join(name), receipt).unwrap();
    };
    receipt("a.tlog-proof", "a", 11);
    receipt("b.tlog-proof", "b", 11);
    receipt("later.tlog-proof", "a", 12);
    let trust = Trust::text_for(log_signer(ORIGIN).verifier(), None);
    fs::write(root.path().join("trust"), trust).unwrap();
    let verify = |receipts: &[&str]| {
        let output = provlog(root.path(), &[&["verify"], receipts, &["--trust", "trust"]].concat());
        let json = provlog(root.path(), &[&["verify", "--json"], receipts, &["--trust", "trust"]].concat());
        assert_eq!(output.status.code(), json.status.code());
        let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        (output.status.code(), stdout(&output), document["trees"].clone())
    };

    let (exit, text, trees) = verify(&["a.tlog-proof"]);
    assert_eq!((exit, trees), (Some(0), serde_json::Value::Null), "{text}");
    let (exit, text, trees) = verify(&["a.tlog-proof", "b.tlog-proof"]);
    assert!(exit == Some(3) && text.contains("2 of 2 verified, each for itself"), "{text}");
    assert!(text.contains("fork: a.tlog-proof and b.tlog-proof are of two trees of 11 entries"), "{text}");
    assert_eq!(trees["forks"][0]["sources"], serde_json::json!(["a.tlog-proof", "b.tlog-proof"]));
    let (exit, text, trees) = verify(&["a.tlog-proof", "later.tlog-proof"]);
    assert!(exit == Some(0) && text.contains("consistency: not proven between trees of 11, 12"), "{text}");
    assert_eq!(trees["consistency"], "not proven");

    let evidence = ["crosswalk", "evidence", "a.tlog-proof", "b.tlog-proof", "--trust", "trust"];
    let output = provlog(root.path(), &evidence);
    assert!(output.status.code() == Some(3) && stdout(&output).contains("fork: "), "{}", stdout(&output));
}
