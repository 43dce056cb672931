//! Packages in memory: good ones, and each way of being wrong.

mod cost;
mod entries;
mod rounds;

use super::*;
use crate::Kind;
use crate::cbor::Value;
use crate::check::{Refused, Report, Status};
use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, TimeMs};
use crate::hash::Hash;
use crate::limits::{MANIFEST_BYTES_MAX, REPORT_BYTES_MAX};
use crate::note::LogSigner;
use crate::record::{Claim, Record, Section, SectionName};
use crate::redact::Redaction;
use crate::tree::tests::Leaves;
use crate::tree::{consistency_proof, multiproof, root_of};
use crate::trust::Trust;
use crate::verify::Verifier;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A package as a map of files.
#[derive(Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

struct Slice<'a>(&'a [u8]);

impl Stream for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        // Short reads, as pipes have them.
        let length = buffer.len().min(self.0.len()).min(1000);
        let (now, later) = self.0.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

impl Files for Memory {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        let bytes = self.0.get(name).ok_or_else(|| Unreadable("no such file".into()))?;
        Ok(Box::new(Slice(bytes)))
    }

    fn workers(&self) -> usize {
        2
    }
}

impl Memory {
    /// Writes the manifest anew after a change, as whoever wants the package believed would.
    fn restate(&mut self, change: impl FnOnce(&mut Manifest)) {
        let mut manifest = Manifest::parse(&self.0[MANIFEST]).unwrap();
        for file in &mut manifest.files {
            let bytes = &self.0[&file.name];
            (file.size, file.sha256) = (bytes.len().try_into().unwrap(), Hash::plain(bytes));
        }
        change(&mut manifest);
        let bytes = manifest.to_bytes();
        self.0.insert(MANIFEST_SHA256.into(), Manifest::digest_line(&bytes).into_bytes());
        self.0.insert(MANIFEST.into(), bytes);
    }
}

const SIZE: u64 = 40;

fn signer() -> LogSigner {
    LogSigner::from_seed("example.com/log", &[7; 32]).unwrap()
}

fn trust() -> Trust {
    Trust::parse(Trust::text_for(signer().verifier(), None).as_bytes()).unwrap()
}

fn record(index: u64) -> Record {
    let salt = |number: u8| [number, u8::try_from(index).unwrap(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut claims = Vec::from([
        ("environment".to_owned(), Claim::disclosed(salt(1), "=1+1; +2".into())),
        ("x-number".to_owned(), Claim::disclosed(salt(2), Value::Integer(i64::try_from(index).unwrap()))),
    ]);
    if index.is_multiple_of(3) {
        claims.push(("x-secret".to_owned(), Claim::disclosed(salt(3), "a secret".into())));
    }
    let submitted = Section::from_claims(claims).unwrap();
    let kind = Kind::new(if index.is_multiple_of(2) { 4 } else { 22 }).unwrap();
    let attested = Section::default();
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(1_790_000_000_000 + index * 10).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

fn leaves() -> Leaves {
    Leaves((0..SIZE).map(|index| record(index).entry.leaf_hash()).collect())
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: "example.com/log".into(), size, root: root_of(&leaves(), size).unwrap() }
}

/// The package of these entries, with the checkpoint of 20 entries as the previous one.
fn package(indices: &[u64], range: bool, hide: bool) -> Memory {
    let mut records: Vec<(u64, Record)> = indices.iter().map(|index| (*index, record(*index))).collect();
    if hide {
        for (_, record) in &mut records {
            record.submitted.hide("x-secret");
        }
    }
    let head = checkpoint(SIZE);
    let old = checkpoint(20);
    let bytes = |hashes: Vec<Hash>| hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
    let proof = multiproof(&leaves(), indices, SIZE).unwrap();
    let mut texts = Texts::default();
    for (index, record) in &records {
        texts.add(Version::V1, *index, record);
    }
    let files: [(&str, Vec<u8>); 8] = [
        (CHECKPOINT, head.sign(&signer()).into_bytes()),
        (PREVIOUS_CHECKPOINT, old.sign(&signer()).into_bytes()),
        (CONSISTENCY, bytes(consistency_proof(&leaves(), 20, SIZE).unwrap())),
        (RECORDS, records.iter().flat_map(|(index, record)| record_item(*index, record)).collect()),
        (PROOF, bytes(proof)),
        (JSON_LINES, texts.json.into_bytes()),
        (CSV, (csv_header(Version::V1) + &texts.csv).into_bytes()),
        (REPORT, b"<!doctype html>".to_vec()),
    ];
    let manifest = Manifest {
        version: Version::V1,
        tool: "provlog test".into(),
        created_ms: 1,
        origin: head.origin.clone(),
        checkpoint: Head { size: SIZE, root: head.root },
        previous: Some(Head { size: 20, root: old.root }),
        filters: Filters::default(),
        range: range.then(|| indices[0]..indices[indices.len() - 1] + 1),
        count: indices.len().try_into().unwrap(),
        left_out: None,
        redaction: RedactionRule {
            rule: hide.then(|| Redaction::Hide(Vec::from(["submitted.x-secret".parse().unwrap()]))),
            profile: None,
        },
        files: files
            .iter()
            .map(|(name, _)| FileEntry { name: (*name).into(), size: 0, sha256: Hash([0; 32]) })
            .collect(),
    };
    let mut memory = Memory(files.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect());
    memory.0.insert(MANIFEST.into(), manifest.to_bytes());
    memory.restate(|_| {});
    memory
}

fn whole() -> Memory {
    package(&(5..30).collect::<Vec<_>>(), true, false)
}

/// Names of the checks that refuse it; the form alone where there is no manifest.
fn refused(package: &Memory) -> Vec<String> {
    match Verifier::new(&trust()).package(package) {
        Ok(_) => Vec::new(),
        Err(Refused::Malformed(problem)) => Vec::from([std::format!("malformed: {problem}")]),
        Err(Refused::Untrusted(report) | Refused::NotProven(report)) => {
            report.refused().map(Into::into).collect()
        }
    }
}

fn status(package: &Memory, name: &str) -> Status {
    let verdict = Verifier::new(&trust()).package(package).unwrap();
    verdict.report().checks.iter().find(|check| check.name == name).unwrap().status
}

#[test]
fn a_range_is_complete_and_a_selection_is_not() {
    assert_eq!(status(&whole(), "completeness"), Status::Pass);
    assert_eq!(status(&whole(), "consistency"), Status::Pass);
    let mut selection = package(&[0, 2, 4, 38], false, true);
    selection.restate(|manifest| manifest.filters.kind = Kind::new(4));
    assert_eq!(status(&selection, "completeness"), Status::Skip);
    assert_eq!(status(&selection, "redaction"), Status::Pass);
    assert_eq!(status(&package(&(0..SIZE).collect::<Vec<_>>(), true, false), "completeness"), Status::Pass);
}

#[test]
fn every_check_has_its_order() {
    let verdict = Verifier::new(&trust()).package(&whole()).unwrap();
    let names: Vec<&str> = verdict.report().checks.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "format",
        "file:manifest.json",
        "file:checkpoint",
        "file:records.cbor",
        "file:records.jsonl",
        "file:records.csv",
        "file:proof.bin",
        "file:previous-checkpoint",
        "file:consistency.bin",
        "file:report.html",
        "origin",
        "log-signature",
        "cosignatures",
        "quorum",
        "checkpoint",
        "records",
        "count",
        "filters",
        "redaction",
        "references",
        "proof",
        "completeness",
        "jsonl",
        "csv",
        "previous-checkpoint",
        "consistency",
    ];
    assert_eq!(names, expected);
}

/// Any byte of any file: found, and the file named.
#[test]
fn a_changed_byte_is_found_and_its_file_named() {
    let good = whole();
    for (name, bytes) in &good.0 {
        let step = (bytes.len() / 61).max(1);
        for place in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let mut bad = good.clone();
            bad.0.get_mut(name).unwrap()[place] ^= 1 << (place % 8);
            let found = refused(&bad);
            let named = |check: &String| {
                check.contains(name.as_str()) || name == MANIFEST_SHA256 && check.contains(MANIFEST)
            };
            assert!(found.iter().any(named), "{name} at {place}: {found:?}");
        }
        for change in
            [|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1), |bytes: &mut Vec<u8>| bytes.push(b'\n')]
        {
            let mut bad = good.clone();
            change(bad.0.get_mut(name).unwrap());
            assert!(
                refused(&bad).iter().any(|check| check.contains(MANIFEST) || check.contains(name.as_str())),
                "{name}"
            );
        }
    }
}

#[test]
fn missing_extra_and_unknown_files_are_named() {
    for name in [CHECKPOINT, PREVIOUS_CHECKPOINT, CONSISTENCY, RECORDS, PROOF, JSON_LINES, CSV, REPORT] {
        let mut bad = whole();
        bad.0.remove(name);
        assert!(refused(&bad).contains(&std::format!("file:{name}")), "{name}");
        let mut unlisted = whole();
        unlisted.restate(|manifest| manifest.files.retain(|file| file.name != name));
        assert!(refused(&unlisted)[0].starts_with("malformed: manifest.json: files: "), "{name}");
    }
    let mut extra = whole();
    extra.0.insert("notes.txt".into(), Vec::new());
    assert_eq!(refused(&extra), ["file:notes.txt"]);
    let mut listed = extra.clone();
    let file = FileEntry { name: "notes.txt".into(), size: 0, sha256: Hash::plain(b"") };
    listed.restate(|manifest| manifest.files.push(file));
    assert!(refused(&listed)[0].contains("\"notes.txt\" is no file of this format"));
    let mut many = whole();
    (0..40).for_each(|n| drop(many.0.insert(n.to_string(), Vec::new())));
    assert!(refused(&many)[0].contains("at most 32 files"));
}

/// Packages whose maker restated every digest: what is wrong shows all the same.
#[test]
fn what_a_careful_forger_changes_is_found() {
    let range: Vec<u64> = (5..30).collect();
    // A record is left out, and everything is made again but the claim.
    let mut left_out =
        package(&range.iter().copied().filter(|index| *index != 12).collect::<Vec<_>>(), true, false);
    assert_eq!(refused(&left_out), ["completeness"]);
    left_out.restate(|manifest| manifest.count = 25);
    assert_eq!(refused(&left_out), ["count", "completeness"]);
    // The range is claimed larger than it is.
    let mut larger = whole();
    larger.restate(|manifest| manifest.range = Some(4..30));
    assert_eq!(refused(&larger), ["completeness"]);

    let mut items: Vec<Vec<u8>> = range.iter().map(|index| record_item(*index, &record(*index))).collect();
    let with_records = |items: &[Vec<u8>]| {
        let mut bad = whole();
        bad.0.insert(RECORDS.into(), items.concat());
        bad.restate(|_| {});
        refused(&bad)
    };
    items.swap(3, 4);
    assert!(with_records(&items).contains(&"records".to_string()), "order");
    items.swap(3, 4);
    items.insert(3, items[3].clone());
    assert!(with_records(&items).contains(&"records".to_string()), "twice");
    items.remove(3);
    items[3] = record_item(8, &record(9));
    let found = with_records(&items);
    assert!(found.contains(&"proof".to_string()) && found.contains(&"jsonl".to_string()), "{found:?}");

    let mut filtered = whole();
    filtered.restate(|manifest| manifest.filters.kind = Kind::new(4));
    assert_eq!(refused(&filtered), ["filters"]);
    let mut shown = whole();
    let hide = Redaction::Hide(Vec::from(["submitted.x-secret".parse().unwrap()]));
    shown.restate(|manifest| manifest.redaction.rule = Some(hide));
    assert_eq!(refused(&shown), ["redaction"]);
    let mut other_root = whole();
    other_root.restate(|manifest| manifest.checkpoint.root = Hash([1; 32]));
    assert_eq!(refused(&other_root), ["checkpoint"]);
    let mut previous = whole();
    previous.restate(|manifest| manifest.previous = Some(Head { size: 21, root: checkpoint(21).root }));
    assert_eq!(refused(&previous), [PREVIOUS_CHECKPOINT, "consistency"]);

    let other = LogSigner::from_seed("example.com/log", &[8; 32]).unwrap();
    let mut unsigned = whole();
    unsigned.0.insert(CHECKPOINT.into(), checkpoint(SIZE).sign(&other).into_bytes());
    unsigned.restate(|_| {});
    let found = Verifier::new(&trust()).package(&unsigned);
    assert!(matches!(&found, Err(Refused::Untrusted(report)) if report.refused().eq(["log-signature"])));
}

#[test]
fn manifests_are_read_strictly() {
    let text = String::from_utf8(whole().0[MANIFEST].clone()).unwrap();
    let deep = "[".repeat(10_000);
    let cases = [
        (text.replace("\"format\"", "\"formt\""), "member format is missing"),
        (text.replace("\"tool\"", "\"tol\""), "unknown member \"tol\""),
        (text.replace("export/v1", "export/v3"), "expected provlog-export/v1 or provlog-export/v2"),
        (text.replace("export/v1", "export/v2"), "member left_out is missing"),
        (text.replace("\"count\": 25", "\"count\": 0"), "count: expected 1 to"),
        (text.replace("\"count\": 25", "\"count\": 9007199254740991"), "count: expected 1 to"),
        (text.replace("\"count\": 25", "\"count\": 25, \"count\": 25"), "there twice"),
        (text.replace("\"filters\": {}", "\"filters\": {\"x\": 1}"), "unknown member \"x\""),
        (text.replace("\"filters\": {}", &std::format!("\"filters\": {deep}")), "nested deeper"),
        (text.replace("checkpoint\",\n", "../checkpoint\",\n"), "is no file of this format"),
        (text.replace("proof.bin", "records.csv"), "records.csv is there twice"),
        (text.replace("example.com/log", "example.com/a log"), "origin"),
        (text.replace("\"rule\": \"none\"", "\"rule\": \"hide\""), "redaction: expected"),
        ("x".repeat(MANIFEST_BYTES_MAX + 1), "at most 65536 bytes"),
    ];
    for (changed, expected) in cases {
        let error = Manifest::parse(changed.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// A file that never ends is read as far as it agrees with what is known, and no further.
#[test]
fn what_inflates_is_not_read() {
    struct Bomb(Memory, &'static str);
    struct Endless(std::cell::Cell<u64>, u64);
    impl Stream for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
            self.0.set(self.0.get() + u64::try_from(buffer.len()).unwrap());
            assert!(self.0.get() < self.1, "read on and on");
            buffer.fill(0xf6);
            Ok(buffer.len())
        }
    }
    impl Files for Bomb {
        fn names(&self) -> Vec<String> {
            self.0.names()
        }
        fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
            let limit = if name == REPORT { REPORT_BYTES_MAX + 65_536 } else { 4 * 1024 * 1024 };
            if name == self.1 { Ok(Box::new(Endless(0.into(), limit + 1))) } else { self.0.open(name) }
        }
    }
    let mut good = whole();
    good.restate(|manifest| {
        manifest.files.iter_mut().for_each(|file| file.size = crate::limits::INTEGER_MAX)
    });
    for (name, _) in FILES {
        let bomb = Bomb(good.clone(), name);
        let (Err(Refused::NotProven(report)) | Err(Refused::Untrusted(report))) =
            Verifier::new(&trust()).package(&bomb)
        else {
            panic!("{name}")
        };
        assert!(report.refused().any(|check| check == std::format!("file:{name}")), "{name}");
    }
    for name in [MANIFEST, MANIFEST_SHA256] {
        assert!(Verifier::new(&trust()).package(&Bomb(good.clone(), name)).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_selection_verifies_and_no_other_records_pass_for_it(
        chosen in proptest::collection::btree_set(0..SIZE, 1..12),
        other in 0..SIZE,
        hide: bool,
    ) {
        let indices: Vec<u64> = chosen.iter().copied().collect();
        let mut good = package(&indices, false, hide);
        prop_assert_eq!(refused(&good), Vec::<String>::new());
        let mut others = chosen.clone();
        if !others.remove(&other) {
            others.insert(other);
        }
        prop_assume!(!others.is_empty());
        let others: Vec<u64> = others.into_iter().collect();
        let bad = package(&others, false, hide);
        good.0.insert(PROOF.into(), bad.0[PROOF].clone());
        good.restate(|_| {});
        let same = bad.0[PROOF] == package(&indices, false, hide).0[PROOF];
        prop_assert_eq!(refused(&good).is_empty(), same);
    }

    #[test]
    fn manifests_are_written_as_they_are_read(from_ms in 0u64..1 << 53, subject: [u8; 32], profile in "[a-z]{1,9}") {
        let mut manifest = Manifest::parse(&whole().0[MANIFEST]).unwrap();
        let digest = crate::cbor::Map::from_entries(Vec::from([("sha256".into(), Value::Bytes(subject.into()))]));
        manifest.filters = Filters {
            kind: Kind::new(4),
            from_ms: Some(from_ms),
            to_ms: None,
            subject: digest.ok(),
            environment: Some(profile.clone()),
            ..Filters::default()
        };
        manifest.redaction = RedactionRule { rule: None, profile: Some(profile) };
        prop_assert_eq!(Manifest::parse(&manifest.to_bytes()), Ok(manifest));
    }
}

/// The verdict of a package says no more than that of the same record in a receipt.
#[test]
fn the_trust_checks_are_those_of_receipts() {
    let verdict = Verifier::new(&trust()).package(&whole()).unwrap();
    let note = checkpoint(SIZE).sign(&signer());
    let alone = Verifier::new(&trust()).checkpoint(note.as_bytes()).unwrap();
    for check in &alone.report().checks {
        assert!(verdict.report().checks.contains(check), "{check:?}");
    }
}
