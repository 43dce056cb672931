//! `GET /v1/records`: what an auditor mirrors, in both forms, in parts, and by filter.

use crate::support::{Daemon, Response, folder, promotion};
use flate2::read::GzDecoder;
use provlog_core::cbor::Reader;
use provlog_core::limits::RECORD_DEPTH_MAX;
use provlog_core::{Hash, Record, record::AnyRecord};
use serde_json::Value;
use std::io::Read;

const CBOR: [(&str, &str); 1] = [("Accept", "application/cbor-seq")];

/// A log of the genesis and `count` promotions, every tenth of them to another environment.
fn log(data_dir: &std::path::Path, count: usize) -> Daemon {
    let daemon = Daemon::start(data_dir);
    let lines = (1..=count).map(|n| {
        let mut submission = promotion(&format!("artifact {n}"));
        submission["claims"]["environment"] = if n % 10 == 0 { "far away" } else { "production" }.into();
        submission.to_string()
    });
    let headers = [("Content-Type", "application/x-ndjson")];
    let body = lines.collect::<Vec<_>>().join("\n");
    daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
    daemon.until_ready();
    daemon
}

fn lines(response: Response) -> Vec<Value> {
    let response = response.expect(200);
    assert_eq!(response.header("content-type"), Some("application/x-ndjson"));
    response.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn indices(response: Response) -> Vec<u64> {
    lines(response).iter().map(|line| line["index"].as_u64().unwrap()).collect()
}

pub fn sequence(bytes: &[u8]) -> Vec<(u64, Record)> {
    let (mut records, mut reader) = (Vec::new(), Reader::new(bytes));
    while reader.offset() < bytes.len() {
        assert_eq!(reader.array().unwrap(), 2);
        let index = reader.value(0).unwrap().as_uint().unwrap();
        let start = reader.offset();
        reader.skip(RECORD_DEPTH_MAX).unwrap();
        let AnyRecord::Known(record) = Record::parse(reader.since(start)).unwrap() else { panic!() };
        records.push((index, record));
    }
    records
}

#[test]
fn who_asks_for_gzip_gets_the_same_in_it() {
    let folder = folder();
    let daemon = log(folder.path(), 300);
    for form in ["application/x-ndjson", "application/cbor-seq"] {
        for path in ["/v1/records", "/v1/records?start=301"] {
            let plain = daemon.request("GET", path, &[("Accept", form)], b"").expect(200);
            assert_eq!(plain.header("content-encoding"), None);
            let asking = [("Accept", form), ("Accept-Encoding", "br, gzip")];
            let packed = daemon.request("GET", path, &asking, b"").expect(200);
            for response in [&plain, &packed] {
                assert_eq!(response.header("vary"), Some("accept, accept-encoding"));
            }
            assert_eq!(packed.header("content-encoding"), Some("gzip"));
            let mut read = Vec::new();
            GzDecoder::new(&packed.body[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, plain.body, "{form} {path}");
        }
    }
}

#[test]
fn both_forms_hold_the_same_records_and_are_resumed_by_index() {
    let folder = folder();
    let daemon = log(folder.path(), 300);
    let whole = daemon.get("/v1/records").expect(200);
    assert_eq!(whole.header("provlog-tree-size"), Some("301"));
    assert_eq!(whole.header("provlog-range-end"), Some("301"));
    let whole = lines(whole);
    assert_eq!(whole.len(), 301);
    for index in [0, 1, 300] {
        assert_eq!(whole[index], daemon.get(&format!("/v1/entries/{index}")).expect(200).json());
    }

    let mut parts = Vec::new();
    while let Some(part) = Some(indices(daemon.get(&format!("/v1/records?start={}&limit=77", parts.len()))))
        .filter(|part| !part.is_empty())
    {
        parts.extend(part);
    }
    assert_eq!(parts, (0..301).collect::<Vec<_>>());

    let answer = daemon.request("GET", "/v1/records?start=250", &CBOR, b"").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/cbor-seq"));
    let records = sequence(&answer.body);
    assert_eq!(records.len(), 51);
    for ((index, record), expected) in records.iter().zip(250..) {
        assert_eq!(*index, expected);
        assert!(record.digests_match());
        let line = &whole[usize::try_from(expected).unwrap()];
        assert_eq!(line["leaf_hash"], record.entry.leaf_hash().to_hex());
    }
}

#[test]
fn filters_scan() {
    let folder = folder();
    let daemon = log(folder.path(), 40);
    daemon.post("/v1/entries", promotion("later").to_string().as_bytes()).expect(201);
    let get = |query: &str| indices(daemon.get(&format!("/v1/records?{query}")));

    assert_eq!(get("environment=far%20away"), [10, 20, 30, 40]);
    assert_eq!(get("environment=far%20away&start=11&limit=2"), [20, 30]);
    assert_eq!(get("kind=genesis"), [0]);
    assert_eq!(get("kind=scan"), Vec::<u64>::new());
    let subject = Hash::plain(b"artifact 7").to_hex();
    assert_eq!(get(&format!("subject=sha256:{subject}")), [7]);
    assert_eq!(get(&format!("subject=sha256:{subject}&kind=scan")), Vec::<u64>::new());

    let time = |index: u64| daemon.get(&format!("/v1/entries/{index}")).json()["time_ms"].as_u64().unwrap();
    let all: Vec<u64> = (0..42).collect();
    let times: Vec<u64> = all.iter().map(|index| time(*index)).collect();
    let between = |from: u64, to: u64| -> Vec<u64> {
        all.iter()
            .zip(&times)
            .filter(|(_, time)| (from..to).contains(*time))
            .map(|(index, _)| *index)
            .collect()
    };
    for (from, to) in
        [(times[1], times[41]), (times[41], times[41] + 1), (0, times[1]), (times[41] + 1, 1 << 52)]
    {
        assert_eq!(get(&format!("from={from}&to={to}")), between(from, to), "{from} {to}");
    }
}

#[test]
fn bad_parameters_are_problems() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    for (query, status, code) in [
        ("start=x", 400, "parameter.malformed"),
        ("start=2", 404, "entry.not-found"),
        ("limit=0", 400, "parameter.malformed"),
        ("limit=1000000", 400, "parameter.malformed"),
        ("kind=nonsense", 400, "parameter.malformed"),
        ("from=yesterday", 400, "parameter.malformed"),
        ("subject=sha256:00", 400, "parameter.malformed"),
        ("environment=%zz", 400, "parameter.malformed"),
        ("colour=red", 400, "parameter.malformed"),
        ("start=0&start=1", 400, "parameter.malformed"),
    ] {
        let problem = daemon.get(&format!("/v1/records?{query}")).expect(status);
        assert_eq!(problem.json()["code"], code, "{query}");
    }
    assert!(daemon.get("/v1/records?start=1").expect(200).body.is_empty(), "the end of the log is no error");
}
