//! When tokens hold, and the workload that follows from them (`SPEC.md` sections 12.2, 12.5 and 12.7).

use super::parts::{Members, member, reference};
use super::tokens::{Bound, TIME_S, bad, ends, good};
use super::{Case, map, promotion, sha256, text};
use crate::vectors::forge::{Forge, ORIGIN, TIME_MS};
use crate::vectors::reader::Reader;
use provlog_core::Hash;
use provlog_core::cbor::Value;

pub fn workloads() -> Vec<Case> {
    let mut cases = windows();
    cases.extend(claimed());
    cases.extend(required());
    cases
}

fn windows() -> Vec<Case> {
    // From a minute before `iat` to a minute behind `exp`, both included.
    let at = |bound: &mut Bound, iat: u64, exp: u64, time_ms: u64| {
        bound.edit_times(iat, exp);
        bound.time_ms = time_ms;
    };
    let not_before = |bound: &mut Bound, nbf: u64, time_ms: u64| {
        bound.edit(r#""iat""#, &format!(r#""nbf":{nbf},"iat""#));
        bound.time_ms = time_ms;
    };
    vec![
        good("token-window-first-ms", |bound| at(bound, TIME_S + 60, TIME_S + 90, TIME_MS)),
        bad("token-window-before-first-ms", |bound| at(bound, TIME_S + 60, TIME_S + 90, TIME_MS - 1)),
        good("token-window-last-ms", |bound| at(bound, TIME_S - 300, TIME_S - 60, TIME_MS)),
        bad("token-window-behind-last-ms", |bound| at(bound, TIME_S - 300, TIME_S - 60, TIME_MS + 1)),
        good("token-nbf-first-ms", |bound| not_before(bound, TIME_S + 60, TIME_MS)),
        bad("token-nbf-before-first-ms", |bound| not_before(bound, TIME_S + 60, TIME_MS - 1)),
        bad("token-nbf-not-below-exp", |bound| not_before(bound, TIME_S + 300, TIME_MS + 300_000)),
        good("token-of-six-hours", |bound| at(bound, TIME_S - 300, TIME_S + 21_300, TIME_MS)),
        bad("token-of-six-hours-and-a-second", |bound| at(bound, TIME_S - 300, TIME_S + 21_301, TIME_MS)),
        bad("token-iat-not-below-exp", |bound| at(bound, TIME_S, TIME_S, TIME_MS)),
    ]
}

fn claimed() -> Vec<Case> {
    let workload = |name, member, value: Value| bad(name, |bound| bound.workload.set(member, value));
    let of_member = |name, change: fn(&mut Members)| {
        bad(name, |bound| {
            let mut member = member();
            change(&mut member);
            bound.evidence.set("key", member.value());
        })
    };
    vec![
        workload("token-workload-other-id", "id", text("repo:example/other:ref:refs/heads/main")),
        workload("token-workload-method", "method", text("jwt-svid")),
        workload("token-workload-bearer", "binding", text("bearer")),
        workload("token-workload-token-digest", "token_digest", sha256("token")),
        bad("token-workload-claim-more", |bound| {
            let mut claims = Members::of(&[("note", text("1"))]);
            for (name, value) in
                [("ref_protected", "true"), ("repository", "example/app"), ("run_attempt", "2")]
            {
                claims.set(name, text(value));
            }
            bound.workload.set("claims", claims.value());
        }),
        bad("token-workload-claim-less", |bound| {
            let claims = map(&[("repository", text("example/app")), ("run_attempt", text("2"))]);
            bound.workload.set("claims", claims);
        }),
        good("token-workload-verified-later", |bound| {
            bound.workload.set("verified_at_ms", Value::Integer(1));
        }),
        ends("token-evidence-hidden", "skip", "skip", |bound| bound.hidden = Some("workload_evidence")),
        ends("token-workload-hidden", "skip", "skip", |bound| bound.hidden = Some("workload")),
        ends("token-evidence-hidden-alone", "skip", "skip", |bound| {
            bound.hidden = Some("workload_evidence");
            bound.missing = Some("workload");
        }),
        ends("token-alg-none-alone", "skip", "skip", |bound| {
            bound.edit("EdDSA", "none");
            bound.missing = Some("workload");
        }),
        bad("token-alg-none-misfit", |bound| {
            bound.edit("EdDSA", "none");
            bound.evidence.remove("key");
        }),
        ends("token-alg-none-unsigned", "skip", "skip", |bound| {
            bound.edit("EdDSA", "none");
            bound.respell = |token| token[..=token.rfind('.').unwrap()].into();
        }),
        bad("token-evidence-alone", |bound| bound.missing = Some("workload")),
        bad("token-workload-alone", |bound| bound.missing = Some("workload_evidence")),
        ends("evidence-format-unknown", "skip", "skip", |bound| {
            bound.evidence.set("format", text("saml"));
        }),
        bad("token-evidence-misfit", |bound| bound.evidence.remove("key")),
        of_member("token-member-behind-set", |member| member.set("index", Value::Integer(4))),
        of_member("token-member-claim-m61", |member| member.set("claim", text("m61"))),
        of_member("token-member-set-origin", |member| {
            let mut set = reference(3);
            set.set("origin", text(ORIGIN));
            member.set("set", set.value());
        }),
    ]
}

fn required() -> Vec<Case> {
    let require = |reader: &mut Reader| reader.require_bound = true;
    let mut reader = Reader::default();
    require(&mut reader);
    let mut entry = promotion().entry();
    entry[1] = 2;
    let unknown = Forge::new(Hash::leaf(&entry), promotion().to_bytes(&entry), 5, 11);
    let unknown = Case::new(
        "require-bound-unknown-version",
        unknown.receipt(),
        3,
        &["entry-version", "workload-bound"],
    );
    vec![
        good("require-bound-good", |bound| require(&mut bound.reader)),
        ends("require-bound-no-keys", "pass", "fail", |bound| {
            bound.reader = Reader::default();
            require(&mut bound.reader);
        }),
        ends("require-bound-hidden", "skip", "fail", |bound| {
            bound.hidden = Some("workload");
            require(&mut bound.reader);
        }),
        ends("require-bound-alg-unknown", "skip", "fail", |bound| {
            bound.edit("EdDSA", "none");
            require(&mut bound.reader);
        }),
        Case::evidence(
            "require-bound-no-evidence",
            &promotion().forge(),
            reader.clone(),
            &[("workload-bound", "fail")],
        ),
        Case { reader, ..unknown },
    ]
}
