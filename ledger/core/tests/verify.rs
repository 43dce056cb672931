//! The door, from outside: a receipt made by core's own writers verifies; redacting any claims keeps it so; changing any
//! bit does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use proptest::prelude::*;
use proptest::sample::subsequence;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::Refused;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::TimeMs;
use provlog_core::note::LogSigner;
use provlog_core::path::ClaimName;
use provlog_core::receipt::Receipt;
use provlog_core::record::{Claim, SectionName};
use provlog_core::redact::{Redaction, redact_receipt};
use provlog_core::tree::{Extension, Frontier};
use provlog_core::trust::Trust;
use provlog_core::verify::{ReceiptVerifier, Standing, Verifier};
use provlog_core::{Entry, Hash, Kind, Record, Section};
use std::sync::LazyLock;

const ORIGIN: &str = "example.com/log";

fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn trust() -> Trust {
    Trust::parse(Trust::text_for(signer().verifier(), None).as_bytes()).unwrap()
}

fn section(claims: &[(&str, Value)]) -> Section {
    let salted = claims.iter().enumerate().map(|(n, (name, value))| {
        let salt = [u8::try_from(n + 1).unwrap(); 16];
        ((*name).to_string(), Claim::disclosed(salt, value.clone()))
    });
    Section::from_claims(salted.collect()).unwrap()
}

fn map(entries: &[(&str, Value)]) -> Value {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(*key, value.clone()).unwrap();
    }
    Value::Map(map)
}

fn record() -> Record {
    let digest = map(&[("sha256", Value::Bytes(vec![5; 32]))]);
    let submitted = section(&[
        ("subject", Value::Array(vec![map(&[("digest", digest.clone())])])),
        ("model", map(&[("name", "m-1".into()), ("provider", "example".into()), ("version", "1".into())])),
        ("prompt_hash", digest),
        ("environment", "production".into()),
        ("decision", map(&[("outcome", "allow".into())])),
    ]);
    let attested = section(&[("workload", map(&[("method", "none".into())]))]);
    let kind = Kind::new(4).unwrap();
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(1_790_000_000_000).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

fn receipt_of(record: &Record, index: u64, size: u64) -> String {
    let leaf = |n: u64| if n == index { record.entry.leaf_hash() } else { Hash::leaf(&n.to_be_bytes()) };
    let leaves: Vec<Hash> = (0..size).map(leaf).collect();
    let extension = Extension::new(&Frontier::new(), &leaves);
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: extension.after().root() };
    let receipt = Receipt {
        record: record.to_bytes(),
        index,
        proof: extension.inclusion_proof(index).unwrap(),
        checkpoint: checkpoint.sign(&signer()),
    };
    receipt.to_text()
}

fn names(record: &Record) -> Vec<ClaimName> {
    let names = |section| {
        record.section(section).iter().map(move |(name, _)| ClaimName { section, name: name.into() })
    };
    SectionName::ALL.into_iter().flat_map(names).collect()
}

#[test]
fn a_good_receipt_verifies_and_says_what_was_not_checked() {
    let verdict = Verifier { trust: &trust(), now_ms: Some(1) }
        .receipt(receipt_of(&record(), 5, 11).as_bytes(), &[])
        .unwrap();
    let report = verdict.report();
    assert_eq!((report.index, report.checkpoint.size), (5, 11));
    let standings: Vec<Standing> = report.claims().map(|(_, _, _, standing)| standing).collect();
    assert_eq!(standings, [vec![Standing::AssertedBySubmitter; 5], vec![Standing::AttestedByLog]].concat());
    let warned: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.status.as_str() == "warn")
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(warned, ["time"], "the entry lies ahead of the clock that was handed in");
}

/// Every bit of the receipt's text, one after the other: 8 times some 2,000 receipts.
#[test]
fn no_single_bit_can_be_changed() {
    let receipt = receipt_of(&record(), 5, 11).into_bytes();
    let trust = trust();
    let mut refused = [0; 3];
    for position in 0..receipt.len() {
        for bit in 0..8 {
            let mut changed = receipt.clone();
            changed[position] ^= 1 << bit;
            match Verifier::new(&trust).receipt(&changed, &[]) {
                Ok(_) => panic!("byte {position}, bit {bit} is not covered"),
                Err(Refused::Malformed(_)) => refused[0] += 1,
                Err(Refused::Untrusted(_)) => refused[1] += 1,
                Err(Refused::NotProven(_)) => refused[2] += 1,
            }
        }
    }
    assert!(refused.iter().all(|count| *count > 100), "every class of refusal is met: {refused:?}");
}

/// Every bit of a signed note beside one that is known, and changed twice, as nothing that came of it may count either.
#[test]
fn a_known_checkpoint_lends_nothing_to_another() {
    let (good, trust) = (receipt_of(&record(), 5, 11).into_bytes(), trust());
    let mut verifier = ReceiptVerifier::new(&trust);
    let note = good.windows(2).position(|bytes| bytes == b"\n\n").unwrap() + 2;
    for position in note..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[position] ^= 1 << bit;
            assert!(verifier.verify(&good, &[], None).is_ok());
            let alone = Verifier::new(&trust).receipt(&changed, &[]);
            assert!(alone.is_err());
            assert_eq!(verifier.verify(&changed, &[], None), alone, "byte {position}, bit {bit}");
            assert_eq!(verifier.verify(&changed, &[], None), alone, "byte {position}, bit {bit}, again");
        }
    }
}

/// What one trust file says of a note counts for that one alone.
#[test]
fn who_believes_another_key_knows_nothing_of_what_is_known() {
    let other = LogSigner::from_seed(ORIGIN, &[8; 32]).unwrap();
    let others = Trust::parse(Trust::text_for(other.verifier(), None).as_bytes()).unwrap();
    let (receipt, own) = (receipt_of(&record(), 5, 11), trust());
    let (mut by_own, mut by_others) = (ReceiptVerifier::new(&own), ReceiptVerifier::new(&others));
    for _ in 0..2 {
        assert!(by_own.verify(receipt.as_bytes(), &[], None).is_ok());
        let refused = by_others.verify(receipt.as_bytes(), &[], None);
        assert!(matches!(refused, Err(Refused::Untrusted(_))));
    }
}

/// The same under the base64: every bit of the record's bytes, whose text then is well formed.
#[test]
fn no_single_bit_of_the_record_can_be_changed() {
    let (receipt, _) = Receipt::parse(receipt_of(&record(), 5, 11).as_bytes()).unwrap();
    let trust = trust();
    for position in 0..receipt.record.len() {
        for bit in 0..8 {
            let mut changed = receipt.clone();
            changed.record[position] ^= 1 << bit;
            let verified = Verifier::new(&trust).receipt(changed.to_text().as_bytes(), &[]);
            assert!(verified.is_err(), "byte {position}, bit {bit} of the record is not covered");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_claims_can_be_hidden(hidden in subsequence(names(&record()), 0..=6), index in 0u64..20, more in 1u64..20) {
        let original = receipt_of(&record(), index, index + more);
        let redacted = redact_receipt(original.as_bytes(), &Redaction::Hide(hidden.clone())).unwrap();
        let verdict = Verifier::new(&trust()).receipt(redacted.as_bytes(), &[]).unwrap();
        for (section, name, _, standing) in verdict.report().claims() {
            let is_hidden = hidden.contains(&ClaimName { section, name: name.into() });
            prop_assert_eq!(standing == Standing::NotDisclosed, is_hidden, "{}.{}", section, name);
        }
        // Keeping the others is the same; and hiding what is hidden changes nothing.
        let kept: Vec<ClaimName> = names(&record()).into_iter().filter(|name| !hidden.contains(name)).collect();
        prop_assert_eq!(&redact_receipt(original.as_bytes(), &Redaction::Keep(kept)).unwrap(), &redacted);
        prop_assert_eq!(&redact_receipt(redacted.as_bytes(), &Redaction::Hide(hidden)).unwrap(), &redacted);
    }

    #[test]
    fn a_redacted_receipt_is_as_tight(hidden in subsequence(names(&record()), 1..=6), at: prop::sample::Index, bit in 0u8..8) {
        let redacted = redact_receipt(receipt_of(&record(), 3, 9).as_bytes(), &Redaction::Hide(hidden)).unwrap();
        let mut changed = redacted.into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert!(Verifier::new(&trust()).receipt(&changed, &[]).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(matches!(Verifier::new(&trust()).receipt(&bytes, &[]), Err(Refused::Malformed(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Good and bad ones, of more checkpoints than are remembered, in any order.
    #[test]
    fn many_receipts_get_the_verdicts_that_each_gets_alone(
        picked in proptest::collection::vec((0..MANY.len(), 0..6, any::<prop::sample::Index>()), 1..200),
    ) {
        let (trust, other) = (trust(), ["submitted.environment=staging".parse().unwrap()]);
        let mut verifier = ReceiptVerifier::new(&trust);
        for (place, change, at) in picked {
            let mut receipt = MANY[place].clone().into_bytes();
            let now_ms = (change == 1).then_some(1);
            let expectations = if change == 2 { &other[..] } else { &[] };
            if change > 3 {
                let at = at.index(receipt.len());
                receipt[at] ^= 1;
            }
            let alone = Verifier { trust: &trust, now_ms }.receipt(&receipt, expectations);
            prop_assert_eq!(verifier.verify(&receipt, expectations, now_ms), alone);
        }
    }
}

/// Receipts of one entry at eighty sizes of the tree.
static MANY: LazyLock<Vec<String>> =
    LazyLock::new(|| (6..86).map(|size| receipt_of(&record(), 5, size)).collect());

#[test]
fn redaction_refuses_what_it_cannot_do() {
    let receipt = receipt_of(&record(), 5, 11);
    let hide = |name: &str| redact_receipt(receipt.as_bytes(), &Redaction::Hide(vec![name.parse().unwrap()]));
    assert_eq!(
        hide("submitted.models").unwrap_err().to_string(),
        "this record has no claim submitted.models"
    );
    assert!("model".parse::<ClaimName>().is_err());
    let mut record = record();
    record.entry.submitted_digest = Hash([0; 32]);
    let wrong = receipt_of(&record, 5, 11);
    let error = redact_receipt(wrong.as_bytes(), &Redaction::Keep(Vec::new())).unwrap_err();
    assert!(error.to_string().contains("don't match"), "{error}");
}
