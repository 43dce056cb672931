//! The CBOR form: what it makes is what JSON makes, and nothing has two forms.

use super::{EVENT, counting, parse};
use crate::cbor::{Map, Value, Writer};
use crate::claims::KINDS;
use crate::encoded::{EncodedSection, Sealed};
use crate::entry::Kind;
use crate::limits::{CLAIM_BYTES_MAX, CLAIMS_MAX, SALT_BYTES, VALUE_DEPTH_MAX};
use crate::record::Section;
use crate::submission::{Evidence, Submission, SubmissionError};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;
use std::{format, fs, vec};

const EVENT_KIND: i64 = 22;

fn nothing(kind: Kind) -> EncodedSection {
    EncodedSection::of_claims(kind, core::iter::empty()).unwrap()
}

/// The sealed record by way of the section's bytes, held against the one that is encoded claim by claim.
fn sealed(submission: &Submission) -> Sealed {
    let section = submission.clone().seal().unwrap();
    let anew = Sealed::new(submission.kind().kind, &section, &Section::default()).unwrap();
    let encoded = submission.clone().encode().unwrap();
    assert_eq!(Sealed::of_encoded(&encoded, &nothing(encoded.kind)).as_ref(), Ok(&anew));
    anew
}

/// What [`Submission::parse_cbor`] reads, from what is known of a submission with salts.
fn encode(submission: &Submission) -> Vec<u8> {
    let section = submission.clone().seal().unwrap();
    item(|writer| {
        let members = [
            submission.evidence().map(|evidence| ("evidence".into(), evidence.to_value())),
            submission.idempotency_key().map(|key| ("idempotency_key".into(), key.into())),
        ];
        let members: Vec<(String, Value)> = members.into_iter().flatten().collect();
        writer.array(if members.is_empty() { 2 } else { 3 });
        writer.integer(submission.kind().kind.number().into());
        writer.encoded(&section.to_bytes());
        if !members.is_empty() {
            writer.value(&Value::Map(Map::from_entries(members).unwrap()));
        }
    })
}

fn item(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

fn claim(salt: u8, value: &Value) -> Vec<u8> {
    item(|writer| {
        writer.array(2);
        writer.bytes(&[salt; SALT_BYTES]);
        writer.value(value);
    })
}

/// The claims that an event needs, in the section's order, and others behind them, as they are given.
fn event(others: &[(&str, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let event = parse(EVENT);
    let needed =
        event.claims().iter().zip(1..).map(|((name, value), salt)| (name.clone(), claim(salt, value)));
    needed.chain(others.iter().map(|(name, claim)| (String::from(*name), claim.clone()))).collect()
}

fn body(kind: i64, claims: &[(String, Vec<u8>)]) -> Vec<u8> {
    item(|writer| {
        writer.array(2);
        writer.integer(kind);
        writer.map(claims.len());
        for (name, claim) in claims {
            writer.text(name);
            writer.encoded(claim);
        }
    })
}

/// An event, and a map behind it.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut bytes = body(EVENT_KIND, &event(&[]));
    bytes[0] = 0x83;
    [&bytes[..], options].concat()
}

fn refused(bytes: &[u8]) -> SubmissionError {
    Submission::parse_cbor(bytes).unwrap_err()
}

#[test]
fn examples_are_the_same_record_in_both_forms() {
    for kind in KINDS.iter().filter(|kind| kind.accepted) {
        let path = format!("{}/../../docs/examples/{}.json", env!("CARGO_MANIFEST_DIR"), kind.name);
        let json = parse(&fs::read_to_string(&path).unwrap()).with_salts(counting()).unwrap();
        let evidence = [
            Evidence::Jwt { token: "a.b.c".into() },
            Evidence::X509Svid { chain: vec![vec![0x30, 1], vec![0x30]], signature: vec![7] },
        ];
        let with = evidence.map(|evidence| json.clone().with_evidence(evidence).unwrap());
        let keyed = with[0].clone().with_idempotency_key("k-1").unwrap();
        for json in [json.clone(), json.with_idempotency_key("k-1").unwrap(), keyed].into_iter().chain(with) {
            let bytes = encode(&json);
            let cbor = Submission::parse_cbor(&bytes).unwrap();
            assert_eq!(sealed(&cbor), sealed(&json), "{path}");
            assert_eq!((cbor.kind(), cbor.claims(), cbor.has_salts()), (kind, json.claims(), true));
            assert_eq!((cbor.idempotency_key(), cbor.evidence()), (json.idempotency_key(), json.evidence()));
            assert_eq!(parse(&cbor.to_json().to_string()), json, "and back");
            assert_eq!(encode(&cbor), bytes);
        }
    }
}

/// What an `x-` claim may hold.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-(1i64 << 53) + 1..1 << 53).prop_map(Value::Integer),
        ".{0,40}".prop_map(Value::Text),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        let map = prop::collection::btree_map(".{0,30}", inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            map.prop_map(|map| Value::Map(Map::from_entries(map.into_iter().collect()).unwrap())),
        ]
    })
}

proptest! {
    #[test]
    fn any_claims_are_the_same_record_in_both_forms(
        others in prop::collection::btree_map("x-[a-z0-9_-]{0,30}", (any_value(), 3u8..), 0..20),
    ) {
        let numbers: BTreeMap<u8, ()> = others.values().map(|(_, salt)| (*salt, ())).collect();
        prop_assume!(numbers.len() == others.len());
        let salts = others.iter().map(|(name, (_, salt))| (name.clone(), [*salt; SALT_BYTES]));
        let own = [("type".into(), [1; SALT_BYTES]), ("subject".into(), [2; SALT_BYTES])];
        let claims = others.iter().map(|(name, (value, _))| (name.clone(), value.clone()));
        let claims = parse(EVENT).claims().iter().cloned().chain(claims).collect();
        let json = Submission::new("event", claims, Some(own.into_iter().chain(salts).collect()), None).unwrap();
        let cbor = Submission::parse_cbor(&encode(&json)).unwrap();
        prop_assert_eq!(sealed(&cbor), sealed(&json));
        prop_assert_eq!(sealed(&parse(&json.to_json().to_string())), sealed(&json));
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_form(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..3), 1..4),
    ) {
        let mut bytes = with_both();
        for (place, byte, edit) in edits {
            let place = place.index(bytes.len());
            match edit {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
        }
        if let Ok(submission) = Submission::parse_cbor(&bytes) {
            sealed(&submission);
            prop_assert_eq!(encode(&submission), bytes);
        }
    }
}

/// An event with evidence and a key.
fn with_both() -> Vec<u8> {
    let evidence = Evidence::X509Svid { chain: vec![vec![0x30, 1], vec![0x30]], signature: vec![7] };
    let members = vec![("evidence".into(), evidence.to_value()), ("idempotency_key".into(), "k-1".into())];
    with_options(&item(|writer| writer.value(&Value::Map(Map::from_entries(members).unwrap()))))
}

fn options(name: &str, value: Value) -> Value {
    Value::Map(Map::from_entries(vec![(name.into(), value)]).unwrap())
}

/// Whatever is accepted says something else, and is what would be encoded.
#[test]
fn no_byte_can_be_changed_unnoticed() {
    let good = with_both();
    let of = |submission: &Submission| {
        let key = submission.idempotency_key().map(ToString::to_string);
        (sealed(submission), key, submission.evidence().cloned())
    };
    let original = of(&Submission::parse_cbor(&good).unwrap());
    let mut accepted = 0;
    for place in 0..good.len() {
        for byte in (0..=u8::MAX).filter(|byte| *byte != good[place]) {
            let mut changed = good.clone();
            changed[place] = byte;
            let Ok(submission) = Submission::parse_cbor(&changed) else { continue };
            accepted += 1;
            assert_ne!(of(&submission), original, "byte {place} as {byte}");
            assert_eq!(encode(&submission), changed, "byte {place} as {byte}");
        }
    }
    assert!(accepted > 1_000, "salts and texts can be others: {accepted}");
    for length in 0..good.len() {
        assert_eq!(refused(&good[..length]).code(), "cbor.malformed", "{length} bytes");
    }
    assert_eq!(refused(&[&good[..], b"\x00"].concat()).code(), "cbor.malformed");
}

#[test]
fn refusals_outside_of_claims() {
    let good = body(EVENT_KIND, &event(&[]));
    let key = |value| item(|writer| writer.value(&options("idempotency_key", value)));
    let evidence = |value| with_options(&item(|writer| writer.value(&options("evidence", value))));
    let map = |members: &[(&str, Value)]| {
        let members = members.iter().map(|(name, value)| ((*name).into(), value.clone()));
        Value::Map(Map::from_entries(members.collect()).unwrap())
    };
    let mut indefinite = [&good[..], b"\xff"].concat();
    indefinite[0] = 0x9f;
    let mut indefinite_section = [&good[..], b"\xff"].concat();
    indefinite_section[2] = 0xbf;
    let mut long_head = good.clone();
    long_head.splice(1..2, [0x18, 22]);
    long_head.splice(1..3, [0x19, 0, 22]);
    let cases = [
        (EVENT.as_bytes().to_vec(), "submission.form", "expected a list of kind, section"),
        (vec![], "cbor.malformed", "the input ends within an item"),
        (b"\xa0".to_vec(), "submission.form", "got a map"),
        (b"\x80".to_vec(), "submission.form", "got a list of another length"),
        (b"\x81\x16".to_vec(), "submission.form", "got a list of another length"),
        ([b"\x84", &good[1..], b"\xa0\xa0"].concat(), "submission.form", "got a list of another length"),
        (b"\x82\x65event\xa0".to_vec(), "submission.form", "kind: expected an integer, got a string"),
        (b"\x82\x16\x80".to_vec(), "submission.form", "the submitted section: expected a map, got a list"),
        (body(23, &[]), "kind.unknown", "4 (promotion), 5 (policy), 22 (event)"),
        (body(24, &[]), "kind.unknown", "unknown kind 24"),
        (body(-1, &[]), "kind.unknown", "unknown kind -1"),
        (body(0, &[]), "kind.log-only", "written by the log itself"),
        (body(8, &[]), "kind.not-accepted", "not accepted by this version"),
        (long_head, "cbor.malformed", "expected the shortest head"),
        (indefinite, "cbor.malformed", "indefinite lengths are not allowed"),
        (indefinite_section, "cbor.malformed", "indefinite lengths are not allowed"),
        ([b"\xd8\x18", &good[..]].concat(), "submission.form", "got a tag"),
        (with_options(b"\x80"), "submission.form", "what follows the section: expected a map, got a list"),
        (with_options(&key(Value::Null)), "submission.form", "expected a string, got a simple value"),
        (with_options(&key("".into())), "idempotency-key.form", "1 to 255 visible ASCII"),
        (with_options(&key("a b".into())), "idempotency-key.form", "1 to 255 visible ASCII"),
        (
            with_options(&item(|writer| writer.value(&options("mood", Value::Null)))),
            "submission.unknown-member",
            "\"mood\": expected only evidence, idempotency_key",
        ),
        (evidence(Value::Null), "evidence.form", "evidence: expected"),
        (evidence(map(&[("format", "jwt".into())])), "evidence.form", "evidence.token: expected"),
        (evidence(map(&[("format", "dsse".into()), ("token", "t".into())])), "evidence.form", "evidence"),
        (
            evidence(map(&[("format", "jwt".into()), ("token", "t".into()), ("key", "k".into())])),
            "evidence.form",
            "evidence.key: expected only format, token",
        ),
        (
            evidence(map(&[
                ("format", "x509-svid".into()),
                ("chain", Value::Array(vec!["30".into()])),
                ("signature", Value::Bytes(vec![1])),
            ])),
            "evidence.form",
            "evidence.chain.0: expected",
        ),
    ];
    for (bytes, code, text) in cases {
        let error = refused(&bytes);
        assert_eq!((error.code(), error.claim()), (code, None), "{bytes:02x?}: {error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(Submission::parse_cbor(&with_options(b"\xa0")).unwrap().idempotency_key(), None);
}

#[test]
fn refusals_name_the_claim() {
    let hash = item(|writer| writer.bytes(&[7; 32]));
    let list = |items: usize, salt: &[u8]| {
        item(|writer| {
            writer.array(items);
            writer.bytes(salt);
            (1..items).for_each(|_| writer.value(&Value::Null));
        })
    };
    let deep = (0..=VALUE_DEPTH_MAX).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let cases = [
        ("x-longer", hash, "claim.hidden"),
        ("x-longer", item(|writer| writer.bytes(&[7; 31])), "claim.form"),
        ("x-longer", item(|writer| writer.text("bare")), "claim.form"),
        ("x-longer", list(1, &[7; 16]), "claim.form"),
        ("x-longer", list(3, &[7; 16]), "claim.form"),
        ("x-longer", list(2, &[7; 15]), "salt.form"),
        ("x-longer", list(2, &[0; 16]), "salt.zero"),
        ("x-longer", list(2, &[2; 16]), "salt.repeated"),
        ("x-longer", item(|writer| writer.encoded(b"\x82\x63abc\xf6")), "salt.form"),
        ("x-longer", claim(9, &Value::Bytes(vec![1])), "claim.type"),
        ("x-longer", claim(9, &Value::Text("a".repeat(CLAIM_BYTES_MAX))), "claim.too-large"),
        ("x-longer", claim(9, &deep), "claim.too-deep"),
        ("X-longer", claim(9, &Value::Null), "claim.name"),
        ("subjects", claim(9, &Value::Null), "claim.unknown"),
    ];
    for (name, claim, code) in cases {
        let error = refused(&body(EVENT_KIND, &event(&[(name, claim)])));
        assert_eq!((error.code(), error.claim()), (code, Some(name)), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let error = refused(&body(EVENT_KIND, &event(&[])[..1]));
    assert_eq!((error.code(), error.claim()), ("claim.missing", Some("subject")));
    let text = claim(1, &"0123456789abcdef0123456789abcdef01234567".into());
    let mut hex = event(&[]);
    hex[1].1 = item(|writer| {
        writer.array(2);
        writer.bytes(&[9; SALT_BYTES]);
        writer.encoded(b"\x81\xa1\x66digest\xa1\x69gitCommit");
        writer.encoded(&text[18..]);
    });
    let error = refused(&body(EVENT_KIND, &hex));
    assert_eq!((error.code(), error.claim()), ("claim.type", Some("subject.0.digest.gitCommit")), "{error}");
}

#[test]
fn sections_outside_of_the_profile_are_refused() {
    let null = |salt| claim(salt, &Value::Null);
    let raw = |value: &[u8]| {
        item(|writer| {
            writer.array(2);
            writer.bytes(&[9; SALT_BYTES]);
            writer.encoded(value);
        })
    };
    let cases = [
        (vec![("x-longer", null(8)), ("x-longer", null(9))], "ascend strictly"),
        (vec![("x-b", null(9))], "ascend strictly"),
        (vec![("x-longer", raw(b"\xf9\x3c\x00"))], "floats"),
        (vec![("x-longer", raw(b"\xf7"))], "floats and others"),
        (vec![("x-longer", raw(b"\xc0\x60"))], "tags"),
        (vec![("x-longer", raw(b"\x1b\x00\x20\x00\x00\x00\x00\x00\x00"))], "+-(2^53-1)"),
        (vec![("x-longer", raw(b"\x18\x01"))], "shortest"),
        (vec![("x-longer", raw(b"\x7f\x61a\xff"))], "indefinite"),
        (vec![("x-longer", raw(b"\x61\xff"))], "UTF-8"),
        (vec![("x-longer", raw(b"\xa2\x61b\x00\x61a\x00"))], "ascend strictly"),
        (vec![("x-longer", raw(b"\xa1\x00\x00"))], "keys must be text"),
        (vec![("x-longer", raw(&[0x81; 60]))], "too deep"),
    ];
    for (others, text) in cases {
        let error = refused(&body(EVENT_KIND, &event(&others)));
        assert_eq!(error.code(), "cbor.malformed", "{error}");
        assert!(error.to_string().starts_with("CBOR at byte "), "{error}");
        assert!(error.to_string().contains(text), "expected {text}: {error}");
    }
    let many: Vec<(String, Vec<u8>)> =
        (0..=CLAIMS_MAX).map(|number| (format!("x-{number:02}"), null(9))).collect();
    assert_eq!(refused(&body(EVENT_KIND, &many)).code(), "claims.too-many");
}

/// As [`Sealed::new`] refuses it.
#[test]
fn a_record_over_its_limit_is_not_sealed() {
    let large = |salt| claim(salt, &Value::Text("a".repeat(16_000)));
    let claims = event(&[("x-largest", large(3)), ("x-largest2", large(4)), ("x-largest34", large(5))]);
    let submission = Submission::parse_cbor(&body(EVENT_KIND, &claims)).unwrap();
    let section = submission.clone().seal().unwrap();
    let encoded = submission.clone().encode().unwrap();
    let refused = Sealed::of_encoded(&encoded, &nothing(encoded.kind));
    assert!(refused.is_err());
    assert_eq!(refused, Sealed::new(submission.kind().kind, &section, &Section::default()));
}
