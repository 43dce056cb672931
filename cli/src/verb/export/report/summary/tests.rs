use super::*;
use crate::examples::{gate, gated, map};
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::record::Section;

fn record(kind: u8, time_ms: u64, claims: &[(&str, Value)], hidden: &[&str]) -> Record {
    let claims = claims.iter().map(|(name, value)| {
        let claim = Claim::disclosed([1; 16], value.clone());
        let shown = !hidden.contains(name);
        ((*name).into(), if shown { claim } else { Claim::Hidden(claim.hash()) })
    });
    let submitted = Section::from_claims(claims.collect()).unwrap();
    let (attested, kind) = (Section::default(), Kind::new(kind).unwrap());
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(time_ms).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

#[test]
fn what_is_hidden_isn_t_counted_and_parts_add_up() {
    let start_ms = 1_790_000_000_000;
    let model = map(&[("provider", "example.com".into()), ("name", "m".into()), ("version", "1".into())]);
    let other = map(&[("name", "n".into()), ("version", map(&[("absent", "withheld".into())]))]);
    let absent = map(&[("absent", "not_recorded".into())]);
    let allowed = map(&[("outcome", "allow".into())]);
    let approvals = Value::Array(vec![map(&[("approver", map(&[("id", "alice".into())]))])]);
    let records = [
        record(
            4,
            start_ms,
            &[("model", model.clone()), ("decision", allowed.clone()), ("approvals", approvals.clone())],
            &[],
        ),
        record(
            4,
            start_ms,
            &[("model", Value::Array(vec![model, other])), ("decision", allowed), ("approvals", approvals)],
            &["decision", "approvals"],
        ),
        record(4, start_ms + 5, &[("model", absent.clone()), ("approvals", absent.clone())], &[]),
        record(22, start_ms + 9, &[("x-note", absent)], &[]),
    ];
    let mut summary = Summary::default();
    for part in records.chunks(2) {
        let mut counts = Counts::default();
        part.iter().for_each(|record| counts.add(record));
        summary.add(counts);
    }
    let json =
        serde_json::to_value(summary.to_json(ReferredApprovals { resolved: 1, unresolved: 2 })).unwrap();
    let count = |value: &str, count: u64| serde_json::json!({"value": value, "count": count});
    assert_eq!(json["count"], 4);
    assert_eq!((&json["first_ms"], &json["last_ms"]), (&start_ms.into(), &(start_ms + 9).into()));
    assert_eq!(json["kinds"], serde_json::json!([count("promotion", 3), count("event", 1)]));
    let decisions = [count("(hidden)", 1), count("(none)", 1), count("allow", 1)];
    assert_eq!(json["decisions"], serde_json::json!(decisions));
    let approval = serde_json::json!({"by_people": 2, "unresolved": 2, "absent": 1, "hidden": 1, "none": 0});
    assert_eq!(json["approval"], approval);
    assert_eq!(json["models"]["top"], serde_json::json!([count("example.com m 1", 2), count("n", 1)]));
    assert_eq!(json["approvers"]["top"], serde_json::json!([count("alice", 1)]));
    let hidden = [count("submitted.approvals", 1), count("submitted.decision", 1)];
    assert_eq!(json["hidden"], serde_json::json!(hidden));
    let absent =
        |claim: &str, reason: &str| serde_json::json!({"value": claim, "reason": reason, "count": 1});
    let expected = [
        absent("submitted.approvals", "not_recorded"),
        absent("submitted.model", "not_recorded"),
        absent("submitted.model.version", "withheld"),
    ];
    assert_eq!(json["absent"], serde_json::json!(expected), "an x- claim is the submitter's own");
}

/// Of gates what they decided, apart from what submitters say; and of those that say nothing here nothing that was submitted.
#[test]
fn what_gates_decided_is_counted_apart() {
    let submitted = || Some(map(&[("outcome", "allow".into())]));
    let mut hidden = gated(submitted(), Some(gate("allow")));
    hidden.attested.hide("gate");
    let records = [
        gated(submitted(), Some(gate("deny"))),
        gated(None, Some(gate("allow"))),
        hidden,
        gated(submitted(), Some(gate("observed"))),
        gated(submitted(), None),
        gated(Some(map(&[("outcome", "gate: deny".into())])), None),
        gated(None, None),
    ];
    let mut summary = Summary::default();
    for record in &records {
        let mut counts = Counts::default();
        counts.add(record);
        summary.add(counts);
    }
    let none = ReferredApprovals { resolved: 0, unresolved: 0 };
    let json = serde_json::to_value(summary.to_json(none)).unwrap();
    let count = |value: &str, count: u64| serde_json::json!({"value": value, "count": count});
    assert_eq!(json["gates"], serde_json::json!([count("allow", 1), count("deny", 1)]));
    let decisions = [count("(hidden)", 2), count("(none)", 1), count("allow", 1), count("gate: deny", 1)];
    assert_eq!(json["decisions"], serde_json::json!(decisions));
}
