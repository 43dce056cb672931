//! Every place that is tampered with, on a receipt made here.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use provlog_core::cbor::{Map, Value};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::claims::kind_named;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::expectation::Expectation;
use provlog_core::note::LogSigner;
use provlog_core::receipt::Receipt;
use provlog_core::record::{Claim, SectionName};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use provlog_core::{Hash, Record, Section, hex};
use provlog_examples::git::Commit;
use provlog_examples::identity::Identity;
use provlog_examples::promotion::promotion;
use provlog_examples::tamper::{Place, refused_by};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A log of two entries, and the receipt of the second, which is a commit's promotion.
fn receipt() -> (Vec<u8>, Trust) {
    let commit = Commit {
        id: COMMIT.into(),
        tree: "76543210fedcba9876543210fedcba9876543210".into(),
        author: Identity::parse("Alice <alice@example.com>"),
        committer: Identity::parse("Alice <alice@example.com>"),
        committed_at_ms: Some(1_700_000_000_000),
        trailers: Vec::new(),
        patch_sha256: [7; 32],
    };
    let submitted = promotion(&commit, "main", 1_800_000_000_000).unwrap().seal().unwrap();
    let method = Map::from_entries(vec![("method".into(), "none".into())]).unwrap();
    let workload = Claim::disclosed([9; 16], Value::Map(method));
    let attested = Section::from_claims(vec![("workload".into(), workload)]).unwrap();
    let kind = kind_named("promotion").unwrap().kind;
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(1_800_000_000_000).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    let genesis = Hash::leaf(b"genesis");
    let root = Hash::node(&genesis, &entry.leaf_hash());
    let signer = LogSigner::from_seed("example.com/log", &[3; 32]).unwrap();
    let checkpoint = Checkpoint { origin: "example.com/log".into(), size: 2, root }.sign(&signer);
    let record = Record { entry, submitted, attested }.to_bytes();
    let trust = Trust::parse(Trust::text_for(signer.verifier(), None).as_bytes()).unwrap();
    (Receipt { record, index: 1, proof: vec![genesis], checkpoint }.to_text().into_bytes(), trust)
}

#[test]
fn one_changed_byte_is_noticed_where_it_has_to_be() {
    let (receipt, trust) = receipt();
    let id =
        Map::from_entries(vec![("gitCommit".into(), Value::Bytes(hex::decode(COMMIT).unwrap()))]).unwrap();
    let expectations = [Expectation::Subject(id)];
    Verifier::new(&trust).receipt(&receipt, &expectations).unwrap();
    for place in Place::ALL {
        let tampered = place.tamper(&receipt, COMMIT).unwrap();
        let differing = tampered.receipt.iter().zip(&receipt).enumerate().filter(|(_, (a, b))| a != b);
        let offsets: Vec<usize> = differing.map(|(offset, _)| offset).collect();
        assert_eq!(offsets, [tampered.offset], "{place:?}");
        let error = Verifier::new(&trust).receipt(&tampered.receipt, &expectations).unwrap_err();
        let checks = refused_by(&error);
        assert!(checks.iter().any(|check| check == place.noticed_by()), "{place:?}: {error}");
    }
}

#[test]
fn what_is_no_receipt_of_the_commit_is_not_tampered_with() {
    let (receipt, _) = receipt();
    let other = Place::CommitId.tamper(&receipt, &"ff".repeat(20)).unwrap_err().to_string();
    assert!(other.contains("commit id"), "{other}");
    assert!(Place::Proof.tamper(b"", COMMIT).is_err());
}
