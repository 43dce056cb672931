//! Claims of evidence, approvals and the gate: each as its type wants it, and each with one defect, which warns.

use super::Case;
use crate::vectors::forge::{RawRecord, RawSection};
use crate::vectors::reader::Reader;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{from_json, type_of};
use provlog_core::json::Json;

/// Stands for 32 bytes in the rows below.
const HASH: &str = "$HASH";

/// Names of claims with values that fit, submitted ones first.
const SUBMITTED: [(&str, &str); 14] = [
    ("observed", r#"{"digest":{"sha256":"$HASH"},"count":3,"outside":["src/other.rs"]}"#),
    ("withdraws", r#"{"statement":"$HASH"}"#),
    ("withdrawal_reason", r#""the build was replaced""#),
    (
        "trust",
        r#"{"what":"jwks","name":"https://issuer.example","set_digest":"$HASH","previous":$REF,"part":1,"parts":2,"removed":["$HASH"],"source":"$HASH","approvals":[$REF]}"#,
    ),
    ("m01", r#""{\"alg\":\"EdDSA\"}""#),
    ("m60", r#""x509-svid MA==""#),
    (
        "erases",
        r#"{"target":$REF,"claims":[{"section":"submitted","name":"operator","claim_hash":"$HASH"}],"reason":"asked for","legal_basis":"GDPR 17(1)(b)"}"#,
    ),
    ("refusal", r#"{"code":"claim.missing","count":2,"from_ms":1,"to_ms":2,"submitted_digest":"$HASH"}"#),
    (
        "hold",
        r#"{"id":"case-7","ranges":[{"start":0,"end":9}],"reason":"litigation","authority":"the court"}"#,
    ),
    ("rotation", r#"{"previous":"old","next":"new","signature":"$HASH$HASH","reason":"yearly"}"#),
    ("environment", r#""production""#),
    ("permissions", r#"["write"]"#),
    ("policy_text", r#""permit(principal, action, resource);""#),
    (
        "workload",
        r#"{"method":"oidc","id":"repo:a/b","issuer":"https://issuer.example","binding":"statement"}"#,
    ),
];

const ATTESTED: [(&str, &str); 7] = [
    ("workload_evidence", r#"{"format":"jwt","token":"a.b.c","key":$MEMBER,"thumbprint":"$HASH"}"#),
    (
        "approval_checks",
        r#"[{"at":0,"statement":"$HASH","signer":"alice@example.com","fingerprint":"SHA256:x","roster":$MEMBER,"presence":true,"verification":false}]"#,
    ),
    (
        "activation",
        r#"{"environments":["production"],"language":"cedar","engine":"cedar 4","publish":0,"previous":$REF}"#,
    ),
    (
        "gate",
        r#"{"outcome":"deny","policy":$REF,"as_of":9,"at_ms":5000000000,"engine":"cedar 4","determining":["p1"],"reasons":["approvals.few"],"expires_at_ms":6000000000,"override":true}"#,
    ),
    ("facts", r#""$HASH""#),
    ("withdrawal", r#"{"by":"signer"}"#),
    ("workload", r#"{"method":"x509-svid","id":"spiffe://example.org/ci"}"#),
];

const X509: &str =
    r#"{"format":"x509-svid","chain":["30","31"],"signature":"00","bundle":$MEMBER,"ca":"$HASH"}"#;

pub fn evidence() -> Vec<Case> {
    let fits = |value: Value| value;
    let mut x509 = record(fits);
    x509.attested = RawSection::default().with("workload_evidence", &value("workload_evidence", X509));
    let other_format = with_defect(value("workload_evidence", X509), |map| {
        map.insert("format", "saml".into()).ok();
    });
    let mut unknown = x509.clone();
    unknown.attested = RawSection::default().with("workload_evidence", &other_format);
    // That a claim fits its type says nothing of what it says.
    let ends = |name, forge, checks: &[(&'static str, &'static str)]| {
        Case::evidence(name, forge, Reader::default(), checks)
    };
    let failed = |approval| [("workload-form", "fail"), ("workload-bound", "fail"), ("approval:0", approval)];
    vec![
        ends("evidence-claims", &record(fits).forge(), &failed("skip")),
        ends("evidence-claims-x509-svid", &x509.forge(), &failed("")[..2]),
        ends("evidence-claims-misfit", &record(misfit).forge(), &failed("fail")),
        ends(
            "evidence-claims-format-unknown",
            &unknown.forge(),
            &[("workload-form", "skip"), ("workload-bound", "skip")],
        ),
    ]
}

fn record(change: impl Fn(Value) -> Value) -> RawRecord {
    let section = |rows: &[(&str, &str)]| {
        rows.iter().fold(RawSection::default(), |section, (name, json)| {
            section.with(name, &change(value(name, json)))
        })
    };
    RawRecord { kind: 4, submitted: section(&SUBMITTED), attested: section(&ATTESTED) }
}

fn value(name: &str, json: &str) -> Value {
    let reference = format!(r#"{{"index":3,"leaf_hash":"{HASH}"}}"#);
    let member = format!(
        r#"{{"index":3,"leaf_hash":"{HASH}","claim":"m01","claim_hash":"{HASH}","set":{reference}}}"#
    );
    let json = json.replace("$MEMBER", &member).replace("$REF", &reference).replace(HASH, &"5a".repeat(32));
    from_json(type_of(name).unwrap(), Json::parse(json.as_bytes()).unwrap()).unwrap()
}

/// A member too many in each map, and what is no map as a number that nothing allows.
fn misfit(value: Value) -> Value {
    match value {
        Value::Map(_) => with_defect(value, |map| map.insert("zz", Value::Null).unwrap()),
        Value::Array(items) => Value::Array(items.into_iter().map(misfit).collect()),
        _ => Value::Integer(-1),
    }
}

/// The map's members but `format`, and what is added to them.
fn with_defect(value: Value, change: impl FnOnce(&mut Map)) -> Value {
    let Value::Map(map) = value else { unreachable!("a map") };
    let mut changed = Map::new();
    change(&mut changed);
    for (name, value) in map.iter() {
        changed.insert(name, value.clone()).ok();
    }
    Value::Map(changed)
}
