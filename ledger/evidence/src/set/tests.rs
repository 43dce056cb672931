use super::drawn::{Drawn, hash, record};
use super::*;
use proptest::prelude::*;
use provlog_core::Kind;
use provlog_core::record::{Claim, Record, Section};

/// With texts, so that a test sees who is in a set.
type Fold = SetFold<String>;

const WHAT: &str = "jwks";
const NAME: &str = "https://issuer.example.com";

fn name() -> SetName {
    SetName::new(WHAT, NAME)
}

fn empty() -> Fold {
    Fold::within(SetLimits { held: usize::MAX, digested: usize::MAX })
}

fn leaf(index: u64) -> Hash {
    Hash::plain(&index.to_be_bytes())
}

/// A change of one part, behind the one whose last part is at `previous`.
fn one(added: &[&str], removed: &[&str], after: &[&str], previous: Option<u64>) -> Drawn {
    Drawn::of((WHAT, NAME), previous.map(|index| (index, leaf(index))), after).and(added, removed)
}

/// The entry at `index`, by a leaf hash that is known before there is an entry.
fn read_one(fold: &mut Fold, index: u64, record: &Record) -> Result<Step, SetError> {
    let entry =
        TrustEntry::of(index, record, |_, value| value.as_text().unwrap_or_default().to_owned()).unwrap();
    fold.read(TrustEntry { leaf_hash: leaf(index), ..entry })
}

/// Reads records at consecutive indices, and tells what came of the last one.
fn read(fold: &mut Fold, first: u64, records: &[Record]) -> Result<Step, SetError> {
    let each = records.iter().zip(first..).map(|(record, index)| read_one(fold, index, record));
    each.last().unwrap()
}

fn texts(fold: &Fold) -> Vec<String> {
    let set = fold.set(&name()).unwrap();
    let mut texts: Vec<String> =
        set.iter().flat_map(|set| set.members.values()).filter_map(|member| member.kept.clone()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn changes_are_in_force_from_their_last_part_on() {
    let mut fold = empty();
    let first = one(&["a", "b"], &[], &["a", "b", "c"], None).and(&["c"], &[]).records();
    assert_eq!(read_one(&mut fold, 3, &first[0]), Ok(Step::Part));
    assert_eq!(fold.set(&name()), Ok(None), "its last part is still to come");
    assert_eq!(read_one(&mut fold, 4, &first[1]), Ok(Step::Changed));
    assert_eq!(texts(&fold), ["a", "b", "c"]);
    let next = one(&["d"], &["a", "c"], &["b", "d"], Some(4)).records();
    read(&mut fold, 9, &next).unwrap();
    assert_eq!(texts(&fold), ["b", "d"]);
    let set = fold.set(&name()).unwrap().unwrap();
    assert_eq!(set.last, (9, leaf(9)));
    let member = &set.members[&hash("b")];
    assert_eq!((member.index, member.claim.as_str(), member.kept.as_deref()), (3, "m02", Some("b")));
    assert_eq!(member.leaf_hash, first[0].entry.leaf_hash());
    let empty = one(&[], &["b", "d"], &[], Some(9)).records();
    read(&mut fold, 10, &empty).unwrap();
    assert_eq!(texts(&fold), [""; 0]);
}

#[test]
fn a_change_that_breaks_a_rule_is_none_and_so_is_what_follows_on_it() {
    let begun = || {
        let mut fold = empty();
        read(&mut fold, 1, &one(&["a", "b"], &[], &["a", "b"], None).records()).unwrap();
        fold
    };
    let cases = [
        (one(&["c"], &[], &["a", "b", "c"], None), "previous"),
        (one(&["c"], &[], &["a", "b", "c"], Some(2)), "previous"),
        (one(&["c"], &[], &["a", "b"], Some(1)), "set_digest"),
        (one(&["a"], &[], &["a", "b"], Some(1)), "no member to be added that is in the set"),
        (one(&["a"], &["a"], &["a", "b"], Some(1)), "no member to be added that is in the set"),
        (one(&["c", "c"], &[], &["a", "b", "c"], Some(1)), "no member twice"),
        (one(&["c"], &[], &["a", "b", "c"], Some(1)).and(&["c"], &[]), "no member twice"),
        (one(&[], &["c"], &["a", "b"], Some(1)), "only members to be removed"),
        (one(&[], &["a"], &["b"], Some(1)).and(&[], &["a"]), "in one part"),
        (one(&[], &["a", "a"], &["b"], Some(1)), "removed to ascend"),
        (one(&[], &[], &["a", "b"], Some(1)), "add or remove something"),
    ];
    for (wanted, expected) in cases {
        let mut fold = begun();
        let error = read(&mut fold, 5, &wanted.records()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(texts(&fold), ["a", "b"]);
        // What follows on it follows on nothing; what follows on the one before it does.
        assert!(read(&mut fold, 8, &one(&["d"], &[], &["a", "b", "d"], Some(5)).records()).is_err());
        read(&mut fold, 9, &one(&["d"], &[], &["a", "b", "d"], Some(1)).records()).unwrap();
        assert_eq!(texts(&fold), ["a", "b", "d"]);
    }
}

#[test]
fn parts_stand_side_by_side_and_say_the_same() {
    let two = one(&["a"], &[], &["a", "b"], None).and(&["b"], &[]).records();
    let mut apart = empty();
    read_one(&mut apart, 1, &two[0]).unwrap();
    assert_eq!(read_one(&mut apart, 3, &two[1]), Err(SetError::Part { expected: 2, got: 2, parts: 2 }));
    assert_eq!(apart.set(&name()), Ok(None));

    // A first part ends what was open, and begins anew.
    let mut anew = empty();
    read_one(&mut anew, 1, &two[0]).unwrap();
    read(&mut anew, 2, &two).unwrap();
    assert_eq!(texts(&anew), ["a", "b"]);

    let mut other = empty();
    let differs = one(&["a"], &[], &["a"], None).and(&["b"], &[]).records();
    read_one(&mut other, 1, &two[0]).unwrap();
    assert!(matches!(read_one(&mut other, 2, &differs[1]), Err(SetError::Part { .. })));
    let parts = one(&["a"], &[], &["a"], None);
    let trust = parts.records()[0].submitted.value("trust").unwrap().clone();
    let gap = record(6, &[("trust", trust), ("m02", "a".into())], &[]);
    assert_eq!(read_one(&mut other, 3, &gap), Err(SetError::Rule("members to be m01, m02 and so on")));
}

#[test]
fn what_is_hidden_is_told_from_what_is_not() {
    let shown = one(&["a", "b"], &[], &["a", "b"], None).records().remove(0);
    let hide = |hidden: &str| {
        let claims = shown.submitted.iter().map(|(name, claim)| {
            let claim = if name == hidden { Claim::Hidden(claim.hash()) } else { claim.clone() };
            (name.to_owned(), claim)
        });
        Record { submitted: Section::from_claims(claims.collect()).unwrap(), ..shown.clone() }
    };
    let mut fold = empty();
    read_one(&mut fold, 1, &hide("m01")).unwrap();
    assert_eq!(texts(&fold), ["b"]);
    assert_eq!(fold.set(&name()).unwrap().unwrap().members.len(), 2, "it is a member all the same");
    let unknown = Err(SetError::Unknown { from: 2, why: Unknown::Hidden });
    assert_eq!(read_one(&mut fold, 2, &hide("trust")), unknown);
    assert_eq!(fold.set(&name()), Err(2), "nothing is known from there on");
    assert_eq!(read_one(&mut fold, 3, &shown), unknown);
    let mut other = shown.clone();
    other.entry.kind = Kind::new(5).unwrap();
    assert_eq!(TrustEntry::of(1, &other, |_, _| ()), None);
    let nothing = record(6, &[("m01", "a".into())], &[]);
    assert!(matches!(read_one(&mut empty(), 1, &nothing), Err(SetError::Misfit(_))));
}

#[test]
fn a_set_is_found_by_the_last_part_of_its_newest_change_alone() {
    let mut fold = empty();
    read(&mut fold, 1, &one(&["a"], &[], &["a"], None).records()).unwrap();
    assert_eq!((fold.ending_at(1), fold.ending_at(0)), (Some(&name()), None));
    read(&mut fold, 4, &one(&["b"], &[], &["a", "b"], Some(1)).records()).unwrap();
    assert_eq!((fold.ending_at(1), fold.ending_at(4)), (None, Some(&name())));
}

/// A set counts as one, too: whoever empties sets makes no room for ever more of them.
#[test]
fn what_is_looked_at_has_a_bound() {
    let add = |text: &str, after: &[&str], previous| one(&[text], &[], after, previous).records();
    let begun = |held, digested| {
        let mut fold = Fold::within(SetLimits { held, digested });
        read(&mut fold, 1, &add("a", &["a"], None)).unwrap();
        read(&mut fold, 2, &add("b", &["a", "b"], Some(1))).unwrap();
        read(&mut fold, 3, &one(&["c"], &["a"], &["b", "c"], Some(2)).records()).unwrap();
        fold
    };
    let third = add("d", &["b", "c", "d"], Some(3));
    for (mut fold, why) in [(begun(3, 8), Unknown::TooMany), (begun(4, 7), Unknown::TooMuch)] {
        let unknown = SetError::Unknown { from: 4, why };
        assert_eq!(read(&mut fold, 4, &third), Err(unknown.clone()));
        assert_eq!((fold.set(&name()), fold.ending_at(3)), (Err(4), None));
        assert_eq!(read(&mut fold, 5, &add("e", &["e"], None)), Err(unknown));
    }
    assert_eq!(read(&mut begun(4, 8), 4, &third), Ok(Step::Changed));
    // What turns out to be no change was gone through all the same.
    let mut tried = begun(4, 8);
    assert!(matches!(read(&mut tried, 4, &add("d", &["d"], Some(3))), Err(SetError::Rule(_))));
    assert!(matches!(read(&mut tried, 5, &third), Err(SetError::Unknown { from: 5, why: Unknown::TooMuch })));
}

#[test]
fn the_digest_of_the_empty_set_is_known() {
    let hex = "e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71";
    assert_eq!(provlog_core::hex::encode(&set_digest(&[])), hex);
}

/// Texts that changes are made of.
const TEXTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

proptest! {
    /// Random changes, valid or not, against a set that is changed by hand.
    #[test]
    fn the_fold_is_the_set(steps in prop::collection::vec((any::<[bool; 6]>(), any::<[bool; 6]>(), any::<u8>()), 1..12)) {
        let (mut fold, mut model, mut last) = (empty(), BTreeSet::new(), None);
        for ((adds, removes, defect), index) in steps.into_iter().zip(1..) {
            let pick = |chosen: [bool; 6]| TEXTS.into_iter().zip(chosen).filter(|(_, is)| *is).map(|(text, _)| text);
            let (adds, removes): (Vec<_>, Vec<_>) = (pick(adds).collect(), pick(removes).collect());
            let mut after: BTreeSet<&str> = model.iter().copied().filter(|text| !removes.contains(text)).collect();
            after.extend(&adds);
            let previous = if defect % 8 == 1 { Some(1_000) } else { last };
            let is_valid = defect % 8 != 1
                && !(adds.is_empty() && removes.is_empty())
                && removes.iter().all(|text| model.contains(text))
                && adds.iter().all(|text| !model.contains(text));
            let wanted = one(&adds, &removes, &after.iter().copied().collect::<Vec<_>>(), previous);
            let result = read(&mut fold, index, &wanted.records());
            prop_assert_eq!(result.is_ok(), is_valid, "{:?}", result);
            if is_valid {
                (model, last) = (after, Some(index));
            }
            prop_assert_eq!(texts(&fold), model.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
    }
}
