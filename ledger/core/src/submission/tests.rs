use super::*;
use crate::claims::KINDS;
use crate::hash::Hash;
use crate::limits::{CLAIM_BYTES_MAX, CLAIMS_MAX};
use crate::record::SectionName;
use std::string::ToString;
use std::{format, fs};

mod cbor;

const EVENT: &str = r#"{"kind":"event","claims":{"type":"https://example.com/t","subject":[{"digest":{"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}]}}"#;

/// [`EVENT`] with these members added.
fn with_members(members: &str) -> String {
    format!("{},{members}}}", EVENT.strip_suffix('}').unwrap())
}

/// [`EVENT`] with these claims added.
fn with_claims(claims: &str) -> String {
    format!("{},{claims}}}}}", EVENT.strip_suffix("}}").unwrap())
}

fn parse(body: &str) -> Submission {
    Submission::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn refused(body: &str) -> SubmissionError {
    Submission::parse(body.as_bytes()).expect_err(body)
}

/// Draws 1, 2, 3 ... in all bytes of a salt.
fn counting() -> impl FnMut() -> Salt {
    let mut last = 0;
    move || {
        last += 1;
        [last; SALT_BYTES]
    }
}

fn sealed(body: &str) -> Section {
    parse(body).with_salts(counting()).unwrap().seal().unwrap()
}

#[test]
fn refusals_outside_of_claims() {
    let cases = [
        ("{".into(), "json.malformed", "EOF"),
        ("[]".into(), "submission.form", "a submission: expected an object, got an array"),
        (r#"{"claims":{}}"#.into(), "submission.form", "kind: expected a string, got nothing"),
        (r#"{"kind":"event"}"#.into(), "submission.form", "claims: expected an object, got nothing"),
        (r#"{"kind":22,"claims":{}}"#.into(), "submission.form", "kind: expected a string, got an integer"),
        (
            r#"{"kind":"event","claims":[]}"#.into(),
            "submission.form",
            "claims: expected an object, got an array",
        ),
        (with_members(r#""evidence":null"#), "evidence.form", "evidence: expected"),
        (
            with_members(r#""evidence":{"format":"jwt","token":""}"#),
            "evidence.form",
            "evidence.token: expected a string that is not empty",
        ),
        (
            with_members(r#""evidence":{"format":"x509-svid","chain":["3G"],"signature":"00"}"#),
            "evidence.form",
            "evidence.chain.0: expected",
        ),
        (
            with_members(r#""evidence":{"format":"jwt","token":"a.b.c"}"#),
            "evidence.salts",
            "expected salts for every claim beside it, got none",
        ),
        (with_members(r#""salts":null"#), "submission.form", "salts: expected an object, got null"),
        (with_members(r#""idempotency_key":1"#), "submission.form", "idempotency_key: expected a string"),
        (with_members(r#""idempotency_key":"""#), "idempotency-key.form", "1 to 255 visible ASCII"),
        (with_members(r#""idempotency_key":"a b""#), "idempotency-key.form", "1 to 255 visible ASCII"),
        (
            with_members(r#""attested":{}"#),
            "submission.unknown-member",
            "only kind, claims, salts, evidence, idempotency_key",
        ),
        (
            r#"{"kind":"deployment","claims":{}}"#.into(),
            "kind.unknown",
            "one of generation, scan, approval, promotion, policy, event",
        ),
        (r#"{"kind":"genesis","claims":{}}"#.into(), "kind.log-only", "written by the log itself"),
        (r#"{"kind":"withdrawal","claims":{}}"#.into(), "kind.not-accepted", "not accepted by this version"),
    ];
    for (body, code, text) in cases {
        let error = refused(&body);
        assert_eq!((error.code(), error.claim()), (code, None), "{body}: {error}");
        assert!(error.to_string().contains(text), "{body}: {error}");
    }
}

#[test]
fn refusals_name_the_claim() {
    let long = format!("x-{}", "a".repeat(63));
    let cases = [
        (r#"{"kind":"event","claims":{}}"#.into(), "claim.missing", "type"),
        (r#"{"kind":"event","claims":{"type":"t"}}"#.into(), "claim.missing", "subject"),
        (with_claims(r#""modell":1"#), "claim.unknown", "modell"),
        (with_claims(r#""scan":1"#), "claim.unknown", "scan"),
        (with_claims(r#""Type":1"#), "claim.name", "Type"),
        (with_claims(&format!(r#""{long}":1"#)), "claim.name", &long),
        (with_claims(r#""run":{"id":""}"#), "claim.type", "run.id"),
        (with_claims(r#""run":{}"#), "claim.missing-field", "run.id"),
        (with_claims(r#""run":{"id":"1","host":"h"}"#), "claim.unknown-field", "run.host"),
        (with_claims(r#""correlation":null"#), "claim.type", "correlation"),
    ];
    for (body, code, claim) in cases {
        let error = refused(&body);
        assert_eq!((error.code(), error.claim()), (code, Some(claim)), "{body}: {error}");
        assert!(error.to_string().contains(claim), "{body}: {error}");
        assert!(error.expected().is_some() || code == "claim.name", "{body}: {error}");
    }
}

#[test]
fn salts_are_all_or_none_and_differ() {
    let (a, b) = ("aa".repeat(SALT_BYTES), "bb".repeat(SALT_BYTES));
    let of_both = |a: &str, b: &str| format!(r#""type":"{a}","subject":"{b}""#);
    let cases = [
        (of_both(&a, "00"), "salt.form", "subject"),
        (of_both(&a, &"BB".repeat(SALT_BYTES)), "salt.form", "subject"),
        (of_both(&"00".repeat(SALT_BYTES), &b), "salt.zero", "type"),
        (of_both(&a, &a), "salt.repeated", "type"),
        (format!(r#""type":"{a}""#), "salt.missing", "subject"),
        (String::new(), "salt.missing", "type"),
        (format!(r#"{},"run":"{b}""#, of_both(&a, &b)), "salt.unknown", "run"),
    ];
    for (salts, code, claim) in cases {
        let body = with_members(&format!(r#""salts":{{{salts}}}"#));
        let error = refused(&body);
        assert_eq!((error.code(), error.claim()), (code, Some(claim)), "{body}: {error}");
    }
    let broken = parse(EVENT).with_salts(|| [1; SALT_BYTES]).unwrap_err();
    assert_eq!(broken.code(), "salt.repeated");
    assert_eq!(parse(EVENT).seal().unwrap_err().code(), "salt.missing");
    assert_eq!(parse(EVENT).encode().unwrap_err().code(), "salt.missing");
}

#[test]
fn limits_are_told() {
    let many: Vec<String> = (0..CLAIMS_MAX - 1).map(|number| format!(r#""x-{number}":0"#)).collect();
    let cases = [
        (
            format!(r#""x-a":"{}""#, "a".repeat(CLAIM_BYTES_MAX)),
            "claim.too-large",
            CLAIM_BYTES_MAX,
            CLAIM_BYTES_MAX + 21,
        ),
        (format!(r#""x-a":{}{}"#, "[".repeat(9), "]".repeat(9)), "claim.too-deep", 8, 9),
        (many.join(","), "claims.too-many", CLAIMS_MAX, CLAIMS_MAX + 1),
    ];
    for (claims, code, limit, got) in cases {
        let submission = parse(&with_claims(&claims)).with_salts(counting()).unwrap();
        let error = submission.clone().seal().unwrap_err();
        assert_eq!(submission.encode(), Err(error.clone()));
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.limit(), u64::try_from(limit).ok());
        assert_eq!(error.got(), Some(got.to_string()));
    }
}

#[test]
fn the_clients_salts_are_kept() {
    let salts = format!(
        r#""salts":{{"type":"{}","subject":"{}"}}"#,
        "aa".repeat(SALT_BYTES),
        "bb".repeat(SALT_BYTES)
    );
    let submission = parse(&with_members(&salts));
    assert!(submission.has_salts());
    let section = submission.with_salts(|| panic!("nothing to draw")).unwrap().seal().unwrap();
    let salt_of = |name| match section.get(name).unwrap() {
        Claim::Disclosed { salt, .. } => *salt,
        Claim::Hidden(_) => panic!("hidden"),
    };
    assert_eq!((salt_of("type"), salt_of("subject")), ([0xaa; SALT_BYTES], [0xbb; SALT_BYTES]));
}

#[test]
fn occurred_at_most_five_minutes_ahead() {
    let now_ms = 1_790_000_000_000;
    let claimed =
        |ms: u64| parse(&with_claims(&format!(r#""occurred_at_ms":{ms}"#))).check_occurred_at(now_ms);
    assert_eq!(claimed(0), Ok(()));
    assert_eq!(claimed(now_ms + OCCURRED_AHEAD_MS_MAX), Ok(()));
    let error = claimed(now_ms + OCCURRED_AHEAD_MS_MAX + 1).unwrap_err();
    assert_eq!((error.code(), error.claim()), ("claim.ahead", Some("occurred_at_ms")));
    assert_eq!(error.limit(), Some(now_ms + OCCURRED_AHEAD_MS_MAX));
    assert_eq!(parse(EVENT).check_occurred_at(now_ms), Ok(()));
}

#[test]
fn retries_are_compared_by_value() {
    let stored = sealed(EVENT);
    let other_salts = parse(EVENT).with_salts(|| {
        static NEXT: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(100);
        [NEXT.fetch_add(1, core::sync::atomic::Ordering::Relaxed); SALT_BYTES]
    });
    let other_salts = other_salts.unwrap().seal().unwrap();
    assert!(same_values(&other_salts, &stored));
    assert!(!same_values(&sealed(&EVENT.replace("com/t", "com/u")), &stored));
    assert!(!same_values(&sealed(&with_claims(r#""x-a":1"#)), &stored));

    let mut erased = stored.clone();
    assert!(erased.hide("type"));
    assert!(same_values(&stored, &erased));
    assert!(!same_values(&other_salts, &erased));
}

#[test]
fn claims_that_only_differ_in_salts_are_equal() {
    let (a, b) = (parse(EVENT), parse(&with_members(r#""idempotency_key":"k-1""#)));
    assert_eq!((a.kind(), a.claims()), (b.kind(), b.claims()));
    assert_eq!(b.idempotency_key(), Some("k-1"));
    assert_eq!(a.with_idempotency_key("k-1"), Ok(b));
}

#[test]
fn claims_of_the_log_are_checked_too() {
    let log = r#"{"origin":"example.com/log","id":"00112233445566778899aabbccddeeff","key":"k","format":1}"#;
    let log = claims::from_json(type_of("log").unwrap(), Json::parse(log.as_bytes()).unwrap()).unwrap();
    let genesis = kind_named("genesis").unwrap();
    assert_eq!(check_claims(genesis, &[("log".into(), log)]), Ok(()));
    assert_eq!(check_claims(genesis, &[]).unwrap_err().code(), "claim.missing");
}

#[test]
fn claims_given_twice_are_refused() {
    let twice = [("type".into(), "a".into()), ("subject".into(), parse(EVENT).claims()[1].1.clone())];
    let claims = twice.iter().chain(&twice[..1]).cloned().collect();
    assert_eq!(Submission::new("event", claims, None, None).unwrap_err().code(), "claim.twice");
}

/// `docs/examples/<kind>.json` is there for each accepted kind, valid, and survives JSON, CBOR and sealing.
#[test]
fn examples_are_valid() {
    for kind in KINDS.iter().filter(|kind| kind.accepted) {
        let path = format!("{}/../../docs/examples/{}.json", env!("CARGO_MANIFEST_DIR"), kind.name);
        let submission = parse(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
        assert_eq!(submission.kind(), kind, "{path}");
        assert_eq!(Submission::from_json(submission.to_json()).as_ref(), Ok(&submission));
        let salted = submission.with_salts(counting()).unwrap();
        assert_eq!(parse(&salted.to_json().to_string()), salted);
        let section = salted.seal().unwrap();
        assert_eq!(Section::parse(&section.to_bytes()).as_ref(), Ok(&section));
        let digest = section.digest(SectionName::Submitted, kind.kind);
        assert!(digest != Hash([0; 32]));
    }
}
