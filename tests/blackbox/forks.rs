//! Receipts that hold each for itself, and together prove that a log shows more than one history.

use crate::audit::{Copied, tree_of, write_tiles};
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

/// A mirror has the tiles, so that it tells a front of its tree from another history without the log.
#[test]
fn a_mirror_proves_what_smaller_trees_have_to_do_with_it() {
    let log = Copied::new();
    let here = log.root.path();
    let entries = |changed: Option<usize>| -> Vec<Vec<u8>> {
        (0..600_usize)
            .map(|n| if changed == Some(n) { vec![0; 9] } else { n.to_be_bytes().to_vec() })
            .collect()
    };
    let mirror = |name: &str, entries: &[Vec<u8>]| {
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        write_tiles(&here.join(name), entries, &log.sign(&tree_of(&leaves)));
    };
    mirror("small", &entries(None)[..300]);
    mirror("large", &entries(None));
    mirror("other", &entries(Some(5)));
    mirror("torn", &entries(None));
    fs::remove_dir_all(here.join("torn/tile/0")).unwrap();
    let verify = |sources: &[&str]| {
        let output = provlog(here, &[&["verify"], sources, &["--trust", "trust"]].concat());
        let json = provlog(here, &[&["verify", "--json"], sources, &["--trust", "trust"]].concat());
        let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(output.status.code(), json.status.code(), "{document}");
        assert_eq!(document["mirrors"].as_array().unwrap().len(), sources.len());
        (output.status.code(), stdout(&output), document["trees"]["consistency"].clone())
    };
    for sources in [["small", "large"], ["large", "small"]] {
        let (exit, text, consistency) = verify(&sources);
        assert_eq!((exit, consistency), (Some(0), "proven".into()), "{text}");
        assert!(text.contains("consistency: the 600 entries of large extend the trees of 300"), "{text}");
    }
    let (exit, text, consistency) = verify(&["other", "small"]);
    assert_eq!((exit, consistency), (Some(3), "fork".into()), "{text}");
    assert!(text.contains("fork: small and other are of two trees of 300 entries"), "{text}");
    let (exit, text, _) = verify(&["large", "other"]);
    assert!(exit == Some(3) && text.contains("fork: large and other are of two trees of 600"), "{text}");
    let evidence = |mirrors: &[&str]| {
        provlog(here, &[&["crosswalk", "evidence"], mirrors, &["--trust", "trust"]].concat())
    };
    let compared = evidence(&["small", "large"]);
    assert!(compared.status.success() && stdout(&compared).contains("extend the trees of 300"));
    assert_eq!(evidence(&["small", "other"]).status.code(), Some(3));
    let (exit, text, consistency) = verify(&["torn", "small"]);
    assert_eq!((exit, consistency), (Some(0), "not proven".into()), "{text}");
    // Whoever doesn't believe the log of the mirror is told so.
    fs::write(here.join("large/checkpoint"), fs::read(here.join("other/checkpoint")).unwrap()).unwrap();
    let (exit, text, _) = verify(&["large", "other"]);
    assert_eq!(exit, Some(0), "one checkpoint of 600 entries, whatever the tiles: {text}");
    fs::write(here.join("large/checkpoint"), "nonsense").unwrap();
    let (exit, text, _) = verify(&["large", "small"]);
    assert!(exit == Some(8) && text.contains("verdict: malformed"), "{text}");
}
