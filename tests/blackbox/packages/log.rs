//! The log that most packages are of: eleven entries, of every kind that says something.

use super::forge::{Log, absent, list, map, record, sha256};
use crate::vectors::forge::{ORIGIN, TIME_MS, log_signer};
use provlog_core::cbor::Value;
use provlog_core::record::Record;

/// The tree's size: no power of two, so that its right edge has peaks of several heights.
pub const SIZE: u64 = 11;

/// When the entry at this index was logged. Entries 4 and 5 share their time.
pub const fn time_ms(index: u64) -> u64 {
    TIME_MS + 1000 * if index == 5 { 4 } else { index }
}

pub fn log() -> Log {
    let mut log = Log::new(SIZE);
    let records = [
        genesis(),
        generation(),
        scan(),
        approval(),
        promotion(4, "production"),
        promotion(5, "staging"),
        policy_published(),
        refused_promotion(),
        event(8, &[("x-number", Value::Integer(-8))]),
        record(20, time_ms(9), &[("x-kind", "of the years to come".into())], &[]),
        promotion_of_two(),
    ];
    for (index, record) in (0..).zip(records) {
        log.insert(index, record);
    }
    log
}

fn workload() -> Value {
    map(&[("method", "none".into())])
}

fn subject(name: &str) -> Value {
    map(&[("name", name.into()), ("digest", sha256(name))])
}

fn model(name: &str) -> Value {
    map(&[("provider", "example".into()), ("name", name.into()), ("version", "2026-01-01".into())])
}

fn policy() -> Value {
    map(&[("name", "release".into()), ("version", "7".into()), ("digest", sha256("policy"))])
}

fn principal(id: &str) -> Value {
    map(&[("id", id.into()), ("kind", "human".into())])
}

fn given_approval(id: &str) -> Value {
    map(&[("approver", principal(id)), ("method", "review".into())])
}

fn genesis() -> Record {
    let log = map(&[
        ("origin", ORIGIN.into()),
        ("id", Value::Bytes(vec![7; 16])),
        ("key", log_signer(ORIGIN).verifier().to_string().as_str().into()),
        ("format", Value::Integer(1)),
    ]);
    record(0, time_ms(0), &[("log", log)], &[("workload", map(&[("method", "log".into())]))])
}

fn generation() -> Record {
    let by = list(&[principal("alice@example.com")]);
    let claims = [
        ("subject", list(&[subject("app.rs")])),
        ("model", model("m-1")),
        ("prompt_hash", list(&[sha256("first turn"), sha256("second turn")])),
        ("agent", map(&[("name", "coder".into()), ("version", "3".into())])),
        ("session", absent("not_recorded")),
        ("context", list(&[])),
        ("human_involvement", map(&[("level", "reviewed".into()), ("by", by)])),
        ("correlation", map(&[("ticket", "T-1".into()), ("run", "".into())])),
        ("occurred_at_ms", Value::Integer(i64::try_from(time_ms(0)).unwrap())),
    ];
    record(1, time_ms(1), &claims, &[("workload", workload())])
}

fn scan() -> Record {
    let scan = map(&[
        ("tool", map(&[("name", "scanner".into()), ("version", "1.2".into())])),
        ("target", sha256("app.tar")),
        ("verdict", "pass".into()),
        ("counts", map(&[("high", Value::Integer(0))])),
    ]);
    let claims = [("subject", list(&[subject("app.tar")])), ("scan", scan)];
    record(2, time_ms(2), &claims, &[("workload", workload())])
}

fn approval() -> Record {
    let intent = map(&[("id", "I-1".into()), ("purpose", "release the parser".into())]);
    let claims = [
        ("subject", list(&[subject("app.tar")])),
        ("approval", given_approval("alice@example.com")),
        ("intent", intent),
        ("policy", policy()),
    ];
    record(3, time_ms(3), &claims, &[("workload", workload())])
}

fn promotion(index: u64, environment: &str) -> Record {
    let claims = [
        ("subject", list(&[subject("app.tar")])),
        ("model", model("m-1")),
        ("prompt_hash", sha256("write a parser")),
        ("approvals", list(&[given_approval("alice@example.com")])),
        ("policy", policy()),
        ("environment", environment.into()),
        ("decision", map(&[("outcome", "allow".into())])),
    ];
    record(4, time_ms(index), &claims, &[("workload", workload())])
}

fn policy_published() -> Record {
    let claims = [("policy", policy()), ("policy_text", "Somebody else approves.\n".into())];
    record(5, time_ms(6), &claims, &[("workload", workload())])
}

/// Nothing was kept of what led to it, and it says so.
fn refused_promotion() -> Record {
    let noted = map(&[("absent", "withheld".into()), ("note", "at the customer's wish".into())]);
    let claims = [
        ("subject", list(&[subject("tool.tar")])),
        (
            "model",
            map(&[
                ("provider", absent("not_recorded")),
                ("name", "m-2".into()),
                ("version", absent("not_recorded")),
            ]),
        ),
        ("prompt_hash", noted),
        ("approvals", absent("not_applicable")),
        ("policy", policy()),
        ("environment", "production".into()),
        ("decision", map(&[("outcome", "deny".into()), ("reasons", list(&["no approval".into()]))])),
    ];
    record(4, time_ms(7), &claims, &[("workload", workload())])
}

/// An event with claims of the submitter's own.
pub fn event(index: u64, own: &[(&str, Value)]) -> Record {
    let claims = [("type", "example.com/note".into()), ("subject", list(&[subject("app.tar")]))];
    record(22, time_ms(index), &[&claims, own].concat(), &[("workload", workload())])
}

fn promotion_of_two() -> Record {
    let log =
        [("index", Value::Integer(3)), ("leaf_hash", Value::Bytes(approval().entry.leaf_hash().0.to_vec()))];
    let claims = [
        (
            "subject",
            list(&[
                subject("app.tar"),
                map(&[("uri", "https://example.com/b".into()), ("digest", sha256("b"))]),
            ]),
        ),
        ("model", list(&[model("m-1"), model("m-2")])),
        ("prompt_hash", absent("not_recorded")),
        ("approvals", list(&[map(&log), given_approval("bob@example.com")])),
        ("policy", policy()),
        ("environment", "production".into()),
        ("decision", map(&[("outcome", "allow".into())])),
    ];
    let workload = map(&[
        ("method", "oidc".into()),
        ("id", "repo:example/app".into()),
        ("issuer", "https://issuer.example".into()),
        ("claims", map(&[("ref", "main".into())])),
        ("verified_at_ms", Value::Integer(i64::try_from(time_ms(10)).unwrap())),
    ]);
    record(4, time_ms(10), &claims, &[("workload", workload)])
}
