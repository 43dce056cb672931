//! Submissions in CBOR: what is sent is what is logged, byte for byte, under the rules that hold for JSON.

use crate::support::{Daemon, Response, folder, promotion};
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value, Writer};
use provlog_core::expectation::Expectation;
use provlog_core::limits::{BATCH_ENTRIES_MAX, SUBMISSION_BYTES_MAX};
use provlog_core::record::{AnyRecord, Record, Salt, SectionName};
use provlog_core::submission::Submission;
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use serde_json::json;
use std::fs;
use std::path::Path;

const ONE: (&str, &str) = ("Content-Type", "application/cbor");
const SEQUENCE: (&str, &str) = ("Content-Type", "application/cbor-seq");

/// A promotion about this subject, under salts that this seed fixes.
fn salted(subject: &str, seed: &str) -> Submission {
    let mut count = 0;
    let draw = || -> Salt {
        count += 1;
        Hash::plain(format!("{subject} {seed} {count}").as_bytes()).0[..16].try_into().unwrap()
    };
    Submission::parse(promotion(subject).to_string().as_bytes()).unwrap().with_salts(draw).unwrap()
}

/// The submitted section's bytes, and what its digest has to be.
fn section(submission: &Submission) -> (Vec<u8>, Hash) {
    let section = submission.clone().seal().unwrap();
    (section.to_bytes(), section.digest(SectionName::Submitted, submission.kind().kind))
}

/// `[kind, section, ? {idempotency_key}]`, around whatever is given as the section.
fn around(section: &[u8], key: Option<&str>) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(if key.is_some() { 3 } else { 2 });
    // A promotion.
    writer.integer(4);
    writer.encoded(section);
    if let Some(key) = key {
        let options = vec![("idempotency_key".into(), key.into())];
        writer.value(&Value::Map(Map::from_entries(options).unwrap()));
    }
    writer.into_bytes()
}

fn encode(submission: &Submission) -> Vec<u8> {
    around(&section(submission).0, submission.idempotency_key())
}

fn post(daemon: &Daemon, body: &[u8]) -> Response {
    daemon.request("POST", "/v1/entries", &[ONE], body)
}

fn post_with_key(daemon: &Daemon, key: &str, body: &[u8]) -> Response {
    daemon.request("POST", "/v1/entries", &[ONE, ("Idempotency-Key", key)], body)
}

fn post_batch(daemon: &Daemon, headers: &[(&str, &str)], body: &[u8]) -> Response {
    daemon.request("POST", "/v1/entries/batch", headers, body)
}

/// Each line's index, and whether it was there already.
fn lines(answer: Response) -> Vec<(u64, bool)> {
    let parse = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["index"].as_u64().unwrap(), line["duplicate"].as_bool().unwrap())
    };
    answer.expect(200).text().lines().map(parse).collect()
}

fn verify(data_dir: &Path, receipt: &serde_json::Value, submission: &Submission) {
    let trust = Trust::parse(&fs::read(data_dir.join("trust.tlog-policy")).unwrap()).unwrap();
    let expected = [Expectation::Submission(section(submission).1)];
    Verifier::new(&trust).receipt(receipt.as_str().unwrap().as_bytes(), &expected).unwrap();
}

fn size(daemon: &Daemon) -> u64 {
    daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap()
}

#[test]
fn what_is_sent_is_what_is_logged() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let submission = salted("a", "1");
    let (bytes, digest) = section(&submission);
    let first = post(&daemon, &encode(&submission)).expect(201);
    assert_eq!(first.header("location"), Some("/v1/entries/1"));
    let first = first.json();
    assert_eq!(first["submitted_digest"], digest.to_hex());
    verify(folder.path(), &first["receipt"], &submission);

    let accept = [("Accept", "application/cbor")];
    let record = daemon.request("GET", "/v1/entries/1", &accept, b"").expect(200).body;
    assert!(record.windows(bytes.len()).any(|window| window == bytes), "the section as it came");
    let AnyRecord::Known(record) = Record::parse(&record).unwrap() else { panic!() };
    assert!(record.digests_match());
    assert_eq!(record.submitted.to_bytes(), bytes);

    // Salts of the client's own are a key by themselves, whatever form they come in.
    let again = post(&daemon, &encode(&submission)).expect(200).json();
    let in_json = daemon.post("/v1/entries", submission.to_json().to_string().as_bytes()).expect(200).json();
    for again in [again, in_json] {
        assert_eq!((&again["index"], &again["duplicate"]), (&json!(1), &json!(true)));
        verify(folder.path(), &again["receipt"], &submission);
    }
    let text = [ONE, ("Accept", "text/plain")];
    let receipt = daemon.request("POST", "/v1/entries", &text, &encode(&submission)).expect(200);
    verify(folder.path(), &receipt.text().into(), &submission);
    assert_eq!(size(&daemon), 2);
}

#[test]
fn keys_are_those_of_json() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let first = post_with_key(&daemon, "job-1", &encode(&salted("a", "1"))).expect(201).json();
    assert_eq!(first["index"], 1);
    // The same values are the same entry, whatever their salts, where the key stands, and which form they come in.
    post_with_key(&daemon, "job-1", &encode(&salted("a", "2"))).expect(200);
    let keyed = |subject: &str, seed, key| salted(subject, seed).with_idempotency_key(key).unwrap();
    post(&daemon, &encode(&keyed("a", "3", "job-1"))).expect(200);
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "job-1")];
    daemon.request("POST", "/v1/entries", &headers, promotion("a").to_string().as_bytes()).expect(200);
    assert_eq!(size(&daemon), 2);

    let other = post_with_key(&daemon, "job-1", &encode(&salted("b", "1"))).expect(409).json();
    assert_eq!(other["code"], "idempotency-key.conflict");
    let twice = post_with_key(&daemon, "job-1", &encode(&keyed("b", "1", "job-2"))).expect(400).json();
    assert_eq!(twice["code"], "idempotency-key.twice");
    let bad = post(&daemon, &around(&section(&salted("b", "1")).0, Some("two words"))).expect(400).json();
    assert_eq!(bad["code"], "idempotency-key.form");
    assert_eq!(size(&daemon), 2);
}

#[test]
fn a_sequence_is_a_batch_and_can_be_sent_again() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let submissions: Vec<Submission> = (0..40).map(|n| salted(&n.to_string(), "1")).collect();
    let body = |submissions: &[Submission]| submissions.iter().flat_map(encode).collect::<Vec<u8>>();
    let answer = post_batch(&daemon, &[SEQUENCE], &body(&submissions)).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let receipts: Vec<serde_json::Value> =
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(receipts.len(), submissions.len());
    for ((line, submission), index) in receipts.iter().zip(&submissions).zip(1..) {
        assert_eq!((&line["index"], &line["duplicate"]), (&json!(index), &json!(false)));
        verify(folder.path(), &line["receipt"], submission);
    }
    let again = lines(post_batch(&daemon, &[SEQUENCE], &body(&submissions)));
    assert_eq!(again, (1..=40).map(|index| (index, true)).collect::<Vec<_>>());

    // Under the batch's key a line is its number, but for a line with a key of its own.
    let under_key = [SEQUENCE, ("Idempotency-Key", "batch-1")];
    let own = salted("own", "1").with_idempotency_key("own").unwrap();
    let first = lines(post_batch(&daemon, &under_key, &body(&[salted("x", "1"), own])));
    assert_eq!(first, [(41, false), (42, false)]);
    let own = salted("own", "2").with_idempotency_key("own").unwrap();
    let longer = [salted("x", "2"), salted("y", "2"), own];
    assert_eq!(lines(post_batch(&daemon, &under_key, &body(&longer))), [(41, true), (43, false), (42, true)]);
    let conflict = post_batch(&daemon, &under_key, &body(&[salted("x", "3"), salted("z", "3")])).expect(409);
    assert_eq!(
        (&conflict.json()["code"], &conflict.json()["line"]),
        (&json!("idempotency-key.conflict"), &json!(2))
    );
    assert_eq!(size(&daemon), 44);
}

/// A promotion's section with another claim behind its others.
fn with_claim(name: &str, claim: &[u8]) -> Vec<u8> {
    let (section, _) = section(&salted("a", "1"));
    let mut writer = Writer::new();
    writer.text(name);
    writer.encoded(claim);
    let mut bytes = [&section[..], &writer.into_bytes()].concat();
    assert!((0xa0..0xb7).contains(&bytes[0]), "a map of fewer than 23");
    bytes[0] += 1;
    around(&bytes, None)
}

fn rows() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let good = encode(&salted("a", "1"));
    let claim = |salt: &[u8], value: &[u8]| [&b"\x82\x50"[..], salt, value].concat();
    // Longer than the names of all other claims, so that it is in order behind them.
    let last = "x-the-longest-of-the-names";
    let salt_of_all = [7; 16];
    let repeated = {
        let submission = salted("a", "1").to_json().to_string();
        let json: serde_json::Value = serde_json::from_str(&submission).unwrap();
        let salt = json["salts"]["subject"].as_str().unwrap();
        provlog_core::hex::decode(salt).unwrap()
    };
    let mut referring = promotion("a");
    referring["claims"]["approvals"] = json!([{"index": 4_000, "leaf_hash": "00".repeat(32)}]);
    let mut salts = 1u128..;
    let referring = Submission::parse(referring.to_string().as_bytes()).unwrap();
    let referring = referring.with_salts(|| salts.next().unwrap().to_be_bytes()).unwrap();
    vec![
        (good[..good.len() - 1].to_vec(), "cbor.malformed", "the input ends within an item"),
        (b"\xa0".to_vec(), "submission.form", "expected a list of kind, section"),
        (b"\x82\x69promotion\xa0".to_vec(), "submission.form", "kind: expected an integer, got a string"),
        (b"\x82\x17\xa0".to_vec(), "kind.unknown", "4 (promotion)"),
        (b"\x82\x00\xa0".to_vec(), "kind.log-only", "written by the log itself"),
        (b"\x82\x04\xa0".to_vec(), "claim.missing", "subject"),
        (with_claim(last, &[&b"\x58\x20"[..], &[9; 32]].concat()), "claim.hidden", last),
        (with_claim(last, b"\x64bare"), "claim.form", last),
        (with_claim(last, &claim(&[0; 16], b"\xf6")), "salt.zero", last),
        (with_claim(last, &claim(&repeated, b"\xf6")), "salt.repeated", last),
        (with_claim(last, &claim(&salt_of_all, b"\xfb\x3f\xf0\0\0\0\0\0\0")), "cbor.malformed", "floats"),
        (with_claim(last, &claim(&salt_of_all, b"\x41\x00")), "claim.type", last),
        (with_claim("x-a", &claim(&salt_of_all, b"\xf6")), "cbor.malformed", "ascend strictly"),
        (
            with_claim("the-longest-of-the-names", &claim(&salt_of_all, b"\xf6")),
            "claim.unknown",
            "the-longest",
        ),
        (encode(&referring), "reference.missing", "approvals"),
    ]
}

#[test]
fn bad_bodies_are_answered_clearly_and_append_nothing() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let check = |answer: &Response, code: &str, text: &str| {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert!(problem.to_string().contains(text), "expected {text:?} in {problem}");
    };
    for (body, code, text) in rows() {
        check(&post(&daemon, &body).expect(400), code, text);
        // As one item of a batch it fails all of it, and the item is named.
        let batch = [&encode(&salted("fine", "1"))[..], &body].concat();
        let answer = post_batch(&daemon, &[SEQUENCE], &batch).expect(400);
        check(&answer, code, text);
        assert_eq!(answer.json()["line"], 2, "{}", answer.text());
    }
    let good = encode(&salted("a", "1"));
    let in_json = promotion("a").to_string();
    check(&post(&daemon, in_json.as_bytes()).expect(400), "submission.form", "a list of kind, section");
    check(&post_batch(&daemon, &[SEQUENCE], in_json.as_bytes()).expect(400), "cbor.malformed", "line 1");
    let trailing = [&good[..], b"\x00"].concat();
    check(&post(&daemon, &trailing).expect(400), "cbor.malformed", "trailing bytes");
    check(&post_batch(&daemon, &[SEQUENCE], &trailing).expect(400), "submission.form", "line 2");
    check(&post_batch(&daemon, &[SEQUENCE], b"").expect(400), "batch.empty", "at least one");
    let many = vec![0; BATCH_ENTRIES_MAX + 1];
    check(&post_batch(&daemon, &[SEQUENCE], &many).expect(400), "batch.too-many", "at most 10000");
    let large = u32::try_from(SUBMISSION_BYTES_MAX).unwrap().to_be_bytes();
    let large = [&good[..], b"\x5a", &large, &vec![0; SUBMISSION_BYTES_MAX]].concat();
    check(&post_batch(&daemon, &[SEQUENCE], &large).expect(413), "body.too-large", "line 2");
    check(&post(&daemon, &large).expect(413), "body.too-large", "at most");

    // One has its media type, many have theirs.
    let refused = daemon.request("POST", "/v1/entries", &[SEQUENCE], &good).expect(415);
    check(&refused, "content-type.unsupported", "application/json or application/cbor");
    let refused = post_batch(&daemon, &[ONE], &good).expect(415);
    check(&refused, "content-type.unsupported", "application/cbor-seq");
    assert_eq!(size(&daemon), 1, "nothing but genesis");
    post(&daemon, &good).expect(201);
}
