use super::*;
use crate::jwk::Jwk;
use crate::set::drawn::{Drawn, bytes, map, number, record, reference};
use crate::set::{SetError, Step};
use proptest::prelude::*;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::claims::KINDS;

const ORIGIN: &str = "example.com/log";

/// A change of one part of the set `approvers`, which adds the line of this entry to those of others.
fn change(index: u64, before: &[(u64, Record)], previous: Option<(u64, Hash)>) -> Record {
    let line = |index: &u64| format!("line {index}");
    let lines: Vec<String> = before.iter().map(|(index, _)| index).chain([&index]).map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let change = Drawn::of(("allowed-signers", "approvers"), previous, &lines);
    change.and(&lines[before.len()..], &[]).records().remove(0)
}

/// A promotion that counts an approval that is the entry at `approval`, by a member of the set.
fn promotion(approval: (u64, Hash), member: (u64, &Record), set: (u64, Hash)) -> Record {
    let member = map([
        ("index", number(member.0)),
        ("leaf_hash", bytes(&member.1.entry.leaf_hash())),
        ("claim", "m01".into()),
        ("claim_hash", bytes(&member.1.submitted.get("m01").unwrap().hash())),
        ("set", reference(set.0, set.1)),
    ]);
    let check = map([
        ("at", number(0)),
        ("statement", Value::Bytes(vec![1; 32])),
        ("signer", "alice".into()),
        ("fingerprint", "SHA256:x".into()),
        ("roster", member),
    ]);
    let subject = map([("digest", map([("sha256", Value::Bytes(vec![2; 32]))]))]);
    let policy = map([
        ("name", "p".into()),
        ("version", "1".into()),
        ("digest", map([("sha256", Value::Bytes(vec![3; 32]))])),
    ]);
    let claims = [
        ("approvals", Value::Array(vec![reference(approval.0, approval.1)])),
        ("subject", Value::Array(vec![subject])),
        ("policy", policy),
        ("environment", "production".into()),
    ];
    record(4, &claims, &[("approval_checks", Value::Array(vec![check]))])
}

/// What a random story is told of, one entry each.
#[derive(Clone, Copy, Debug)]
enum Told {
    Change,
    BrokenChange,
    Approval,
    Promotion { approval: usize, member: usize },
    Claimed,
    Plain,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        3 => Just(Told::Change),
        1 => Just(Told::BrokenChange),
        2 => Just(Told::Approval),
        4 => (0_usize..6, 0_usize..6).prop_map(|(approval, member)| Told::Promotion { approval, member }),
        1 => Just(Told::Claimed),
        2 => Just(Told::Plain),
    ]
}

/// The records of a story, at every second index where `sparse`.
fn records(story: &[Told], sparse: bool) -> Vec<(u64, Record)> {
    let (mut told, mut approvals, mut changes) = (Vec::new(), Vec::new(), Vec::<(u64, Record)>::new());
    for (index, step) in (0..).step_by(1 + usize::from(sparse)).zip(story) {
        let index: u64 = index;
        let of = |changes: &[(u64, Record)]| {
            changes.last().map(|(index, record)| (*index, record.entry.leaf_hash()))
        };
        let record = match step {
            Told::Change | Told::BrokenChange => {
                let previous =
                    if matches!(step, Told::Change) { of(&changes) } else { Some((0, Hash([9; 32]))) };
                let record = change(index, &changes, previous);
                if matches!(step, Told::Change) {
                    changes.push((index, record.clone()));
                }
                record
            }
            Told::Approval => {
                let approval = map([("method", "review".into())]);
                let record = record(3, &[("approval", approval), ("x-a", number(index))], &[]);
                approvals.push((index, record.entry.leaf_hash()));
                record
            }
            Told::Promotion { approval, member } => {
                let approval = approvals.get(*approval).copied().unwrap_or((index + 1, Hash([8; 32])));
                match (changes.get(*member), of(&changes)) {
                    (Some((at, record)), Some(set)) => promotion(approval, (*at, record), set),
                    _ => record(4, &[], &[("approval_checks", Value::Null)]),
                }
            }
            Told::Claimed => record(22, &[], &[("workload", map([("binding", "statement".into())]))]),
            Told::Plain => record(22, &[("x-a", number(index))], &[]),
        };
        told.push((index, record));
    }
    told
}

fn checks(records: &[(u64, Record)], batch: usize, require_bound: bool, hold: Records) -> Vec<Check> {
    let believed = Believed::default();
    let mut package =
        PackageEvidence::new(EntryReader { believed: &believed, require_bound, origin: ORIGIN });
    let reader = package.reader();
    for batch in records.chunks(batch) {
        // Read from its end: what is read of an entry takes nothing from those around it.
        let mut read: Vec<_> =
            batch.iter().rev().filter_map(|(index, record)| reader.read(*index, record)).collect();
        read.reverse();
        read.into_iter().for_each(|entry| drop(package.add(entry)));
    }
    package.checks(hold)
}

const PART: Records = Records { hold: true, from_zero: false, of_entry: None };

proptest! {
    #[test]
    fn checks_don_t_depend_on_how_records_were_parted(
        story in prop::collection::vec(told(), 1..24),
        batch in 1_usize..24,
        sparse: bool,
        require_bound: bool,
        from_zero: bool,
    ) {
        let (records, hold) = (records(&story, sparse), Records { from_zero, ..PART });
        let one_by_one = checks(&records, 1, require_bound, hold);
        prop_assert_eq!(checks(&records, batch, require_bound, hold), one_by_one);
    }

    /// What is kept of texts decides of nothing but itself.
    #[test]
    fn a_fold_of_identities_is_the_fold_of_texts(story in prop::collection::vec(told(), 1..24), sparse: bool) {
        let text = |_: &str, value: &Value| value.as_text().unwrap_or_default().to_owned();
        let (mut of_texts, mut reduced) = (SetFold::within(PACKAGE_SET_LIMITS), SetFold::within(PACKAGE_SET_LIMITS));
        for (index, record) in records(&story, sparse) {
            let Some(entry) = TrustEntry::of(index, &record, text) else { continue };
            let short = TrustEntry::of(index, &record, Identity::of_member).unwrap();
            let (full, short): (Result<Step, SetError>, _) = (of_texts.read(entry), reduced.read(short));
            prop_assert_eq!(full, short);
            let name = crate::set::SetName::new("allowed-signers", "approvers");
            let (full, short) = (of_texts.set(&name).unwrap(), reduced.set(&name).unwrap());
            prop_assert_eq!(full.map(|set| set.last), short.map(|set| set.last));
            let hashes = |set: Option<Vec<Hash>>| set.unwrap_or_default();
            prop_assert_eq!(
                hashes(full.map(|set| set.members.keys().copied().collect())),
                hashes(short.map(|set| set.members.keys().copied().collect()))
            );
        }
    }
}

#[test]
fn each_check_says_how_many_there_are_of_each_end() {
    let story = [Told::Plain, Told::Claimed, Told::Claimed, Told::Change, Told::Approval, Told::Plain];
    let records = records(&story, false);
    let told = |require_bound, hold| -> Vec<(String, Status, String)> {
        let checks = checks(&records, 2, require_bound, hold).into_iter();
        checks.map(|check| (check.name, check.status, check.remark.unwrap())).collect()
    };
    let form = "2 fail, first entry 1: workload says that it is bound, without evidence";
    let bound = "2 fail, first entry 1: workload-form doesn't hold";
    let listed = |name: &str, remark: &str| (name.to_owned(), Status::Fail, remark.to_owned());
    assert_eq!(told(false, PART), [listed("workload-form", form), listed("workload-bound", bound)]);
    // The change of a set is the log's own, and needs none.
    let of_all = told(true, PART);
    assert_eq!(of_all[1].2, "5 fail, first entry 0: there is no evidence");
    assert_eq!(told(false, Records { hold: false, ..PART }), []);
    let unread = listed("workload-bound", "the records were refused, or not read");
    assert_eq!(told(true, Records { hold: false, ..PART }), [unread]);
    let of_entry = told(true, Records { of_entry: Some(5), ..PART });
    assert!(of_entry[1].2.starts_with("of entry 5: 1 fail; 5 fail"), "{of_entry:?}");
    assert_eq!(of_entry[0].2, form, "it wasn't made of entry 5");
}

#[test]
fn what_is_not_looked_into_has_no_evidence() {
    let believed = Believed::default();
    let reader = EntryReader { believed: &believed, require_bound: false, origin: ORIGIN };
    let claimed = map([("binding", "statement".into())]);
    let attested = [
        vec![],
        vec![("workload", map([("method", "none".into())]))],
        vec![("workload", claimed)],
        vec![("workload_evidence", Value::Null)],
        vec![("approval_checks", Value::Array(Vec::new()))],
        vec![("approval_checks", Value::Null)],
        vec![("received_at_ms", number(1))],
    ];
    let submitted = [vec![], vec![("approval", map([("statement", "provlog-approval/v1".into())]))]];
    let (mut read, mut passed_over) = (0, 0);
    for kind in KINDS.iter().map(|spec| spec.kind.number()) {
        for (submitted, attested) in
            submitted.iter().flat_map(|one| attested.iter().map(move |two| (one, two)))
        {
            let shown = record(kind, submitted, attested);
            let mut hidden = shown.clone();
            for section in [SectionName::Submitted, SectionName::Attested] {
                let names: Vec<String> =
                    hidden.section(section).iter().map(|(name, _)| name.into()).collect();
                names.iter().for_each(|name| assert!(hidden.section_mut(section).hide(name)));
            }
            for record in [shown, hidden] {
                let (quick, whole) = (reader.read(1, &record), reader.evidence(1, &record));
                assert_eq!(quick.is_some(), whole.is_some(), "{record:?}");
                *(if quick.is_some() { &mut read } else { &mut passed_over }) += 1;
            }
        }
    }
    assert!(read > 100 && passed_over > 100, "{read} read, {passed_over} not");
}

#[test]
fn reasons_that_are_told_apart_are_few() {
    let mut tally = Tally::default();
    for index in 0..10 {
        tally.add(index, Made::skipped(format_args!("for reason {}", index % 7)));
    }
    tally.add(10, Made::passed(""));
    let check = tally.check("a", "there", None).unwrap();
    let expected = "1 there; 2 for reason 0; 2 for reason 1; 2 for reason 2; 1 for reason 3; 3 skipped for other reasons";
    assert_eq!((check.status, check.remark.as_deref()), (Status::Pass, Some(expected)));
}

#[test]
fn a_member_has_the_identity_of_its_key_alone() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;
    let key = Jwk::parse(jwk.as_bytes()).unwrap();
    let of = |what, text: &str| Identity::of_member(what, &text.into());
    let member = key.to_member();
    assert_eq!(of("jwks", &member), Identity::Jwk(key.thumbprint().0));
    assert_eq!(of("spiffe-bundle", &format!("jwt-svid {member}")), Identity::Jwk(key.thumbprint().0));
    assert_eq!(of("spiffe-bundle", &format!("x509-svid {member}")), Identity::Nothing);
    assert_eq!(of("spiffe-bundle", "x509-svid MDA="), Identity::Ca(Hash::plain(b"00").0));
    assert_eq!(of("spiffe-bundle", "x509-svid MDB="), Identity::Nothing, "bits that stand for nothing");
    assert_eq!([of("jwks", jwk), of("promotion-key", &member)], [Identity::Nothing, Identity::Nothing]);
}
