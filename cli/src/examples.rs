//! For tests: the submissions of `docs/examples`, and the records that a log makes of them.

use provlog_core::Kind;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{from_json, type_of};
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::json::Json;
use provlog_core::record::{Claim, Record, Section, SectionName};
use provlog_core::submission::Submission;

/// A submission of `docs/examples`, by its kind.
pub(crate) fn example(kind: &str) -> Json {
    let path = format!("{}/../docs/examples/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    Json::parse(&std::fs::read(path).unwrap()).unwrap()
}

/// The record of a submission, to which the log attests a workload with an identity token.
pub(crate) fn record_of(submission: &Json) -> Record {
    let mut last = 0;
    let salted = Submission::from_json(submission.clone()).unwrap().with_salts(|| {
        last += 1;
        [last; 16]
    });
    let salted = salted.unwrap();
    let kind = salted.kind().kind;
    let workload = Json::parse(
        br#"{"method":"oidc","id":"repo:shop/checkout","issuer":"https://ci.example.com","verified_at_ms":1790000000000}"#,
    );
    let workload = from_json(type_of("workload").unwrap(), workload.unwrap()).unwrap();
    let attested = vec![("workload".into(), Claim::disclosed([0xff; 16], workload))];
    record(kind, salted.seal().unwrap(), Section::from_claims(attested).unwrap())
}

fn record(kind: Kind, submitted: Section, attested: Section) -> Record {
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(1_790_000_000_000).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

/// The promotion of the examples with this `decision` in place of its own, and this attested `gate`. Neither has to fit its
/// type.
pub(crate) fn gated(decision: Option<Value>, gate: Option<Value>) -> Record {
    let Record { entry, submitted, attested } = record_of(&example("promotion"));
    let with = |section: &Section, name: &str, value: Option<Value>| {
        let others = section.iter().filter(|(other, _)| *other != name);
        let others = others.map(|(other, claim)| (other.to_string(), claim.clone()));
        let claim = value.map(|value| (name.to_string(), Claim::disclosed([0xfe; 16], value)));
        Section::from_claims(others.chain(claim).collect()).unwrap()
    };
    record(entry.kind, with(&submitted, "decision", decision), with(&attested, "gate", gate))
}

/// What a log attests of a gate that had this outcome, for one reason.
pub(crate) fn gate(outcome: &str) -> Value {
    let policy = map(&[("index", Value::Integer(1)), ("leaf_hash", Value::Bytes(vec![1; 32]))]);
    map(&[
        ("outcome", outcome.into()),
        ("policy", policy),
        ("as_of", Value::Integer(2)),
        ("at_ms", Value::Integer(1_790_000_000_000)),
        ("engine", "cedar/1".into()),
        ("determining", Value::Array(Vec::new())),
        ("reasons", Value::Array(vec!["approval.missing".into()])),
    ])
}

/// A map with these members.
pub(crate) fn map(members: &[(&str, Value)]) -> Value {
    let members = members.iter().map(|(name, value)| ((*name).into(), value.clone()));
    Value::Map(Map::from_entries(members.collect()).unwrap())
}
