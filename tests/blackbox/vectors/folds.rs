//! Sets that are folded from changes (`SPEC.md` section 12.1): `tests/vectors/folds/<name>.json`, for whoever folds them again.
//!
//! A file is `{"entries": [[index, record, outcome]...], "known": bool, "sets": [...]}`. Entries are those of kind `trust` in a
//! log, by index; a record is the hex of its CBOR (section 3.2), whose first item is the entry that its leaf hash is of. Read in
//! this order, each has an outcome: `part` (of a change of which more is to come), `changed` (the last part of one), `no change`,
//! or `unknown` (from there on no set is known). `sets` is what is in force behind the last one, none where it isn't `known`:
//! `{"what", "name", "set_digest", "last": [index, leaf_hash], "count", "members": [[claim_hash, index, claim]...]}`, each member
//! with the entry and the claim that added it, ascending by claim hash. Where there are more than 300, `members` is `null`.

use super::json_files;
use crate::packages::forge::{list, map, record};
use crate::vectors::forge::TIME_MS;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::entry::Entry;
use provlog_core::record::{Claim, Record, Section, SectionName};
use provlog_evidence::set::{SetError, SetFold, SetLimits, SetName, Step, TrustEntry, set_digest};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most members that a file lists.
const LISTED_MAX: usize = 300;

const TRUST: u8 = 6;
const JWKS: &str = "jwks";
const ISSUER: &str = "https://issuer.example.com";

/// What a part adds and removes.
#[derive(Clone, Default)]
struct Part {
    adds: Vec<Value>,
    removes: Vec<Hash>,
}

fn part(adds: &[&str], removes: &[Hash]) -> Part {
    Part { adds: adds.iter().map(|text| (*text).into()).collect(), removes: removes.to_vec() }
}

/// The claims of a record, which a case changes.
type Claims = BTreeMap<String, Claim>;

/// A claim `trust`, which a case changes.
type Trust = BTreeMap<&'static str, Value>;

/// Changes what belongs to the part in this place.
type Edit<T> = Box<dyn Fn(usize, &mut T)>;

/// A change, and what is wrong with it.
struct Change {
    what: &'static str,
    name: &'static str,
    /// Where its parts are.
    indices: Vec<u64>,
    parts: Vec<Part>,
    edit: Edit<Trust>,
    /// Changes the claims of a part once they are made.
    then: Edit<Claims>,
}

impl Change {
    fn at(first: u64, parts: &[Part]) -> Self {
        let indices = (first..).take(parts.len()).collect();
        let (edit, then) = (Box::new(|_, _: &mut Trust| {}), Box::new(|_, _: &mut Claims| {}));
        Self { what: JWKS, name: ISSUER, indices, parts: parts.to_vec(), edit, then }
    }

    fn of(self, what: &'static str, name: &'static str) -> Self {
        Self { what, name, ..self }
    }

    fn editing(self, edit: impl Fn(usize, &mut Trust) + 'static) -> Self {
        Self { edit: Box::new(edit), ..self }
    }

    fn then(self, then: impl Fn(usize, &mut Claims) + 'static) -> Self {
        Self { then: Box::new(then), ..self }
    }
}

/// A set as it has to be.
#[derive(Clone, Default)]
struct State {
    members: BTreeSet<Hash>,
    last: Option<(u64, Hash)>,
}

/// Entries that change sets, and what has to come of them.
struct Log {
    file: &'static str,
    entries: Vec<(u64, Record, &'static str)>,
    sets: BTreeMap<(&'static str, &'static str), State>,
    known: bool,
}

fn reference(to: (u64, Hash)) -> Value {
    let index = Value::Integer(i64::try_from(to.0).unwrap());
    map(&[("index", index), ("leaf_hash", Value::Bytes(to.1.0.to_vec()))])
}

fn hashes(hashes: &[Hash]) -> Value {
    list(&hashes.iter().map(|hash| Value::Bytes(hash.0.to_vec())).collect::<Vec<_>>())
}

fn members(record: &Record) -> BTreeSet<Hash> {
    let members = record.submitted.iter().filter(|(name, _)| name.starts_with('m'));
    members.map(|(_, claim)| claim.hash()).collect()
}

impl Log {
    fn new(file: &'static str) -> Self {
        Self { file, entries: Vec::new(), sets: BTreeMap::new(), known: true }
    }

    /// The change, each part of which ends like this.
    fn with(mut self, change: &Change, ends: &[&'static str]) -> Self {
        let before = self.sets.get(&(change.what, change.name)).cloned().unwrap_or_default();
        let parts = i64::try_from(change.parts.len()).unwrap();
        let made = |digest: [u8; 32]| -> Vec<Record> {
            let each = change.parts.iter().zip(&change.indices).zip(1..).enumerate();
            let made = each.map(|(place, ((part, index), number))| {
                let mut trust = Trust::from([
                    ("what", change.what.into()),
                    ("name", change.name.into()),
                    ("set_digest", Value::Bytes(digest.to_vec())),
                    ("part", Value::Integer(number)),
                    ("parts", Value::Integer(parts)),
                ]);
                trust.extend(before.last.map(|last| ("previous", reference(last))));
                if !part.removes.is_empty() {
                    let sorted: BTreeSet<Hash> = part.removes.iter().copied().collect();
                    trust.insert("removed", hashes(&sorted.into_iter().collect::<Vec<_>>()));
                }
                (change.edit)(place, &mut trust);
                let trust: Vec<(&str, Value)> = trust.into_iter().collect();
                let names: Vec<String> =
                    (1..=part.adds.len()).map(|number| format!("m{number:02}")).collect();
                let mut claims = vec![("trust", map(&trust))];
                claims.extend(names.iter().map(String::as_str).zip(part.adds.iter().cloned()));
                let Record { entry, submitted, attested } =
                    record(TRUST, TIME_MS + 1000 * index, &claims, &[]);
                let mut claims: Claims =
                    submitted.iter().map(|(name, claim)| (name.to_owned(), claim.clone())).collect();
                (change.then)(place, &mut claims);
                let submitted = Section::from_claims(claims.into_iter().collect()).unwrap();
                let submitted_digest = submitted.digest(SectionName::Submitted, entry.kind);
                Record { entry: Entry { submitted_digest, ..entry }, submitted, attested }
            });
            made.collect()
        };
        let mut after = before.members.clone();
        let removed: BTreeSet<&Hash> = change.parts.iter().flat_map(|part| &part.removes).collect();
        after.retain(|hash| !removed.contains(hash));
        after.extend(made([0; 32]).iter().flat_map(members));
        let records = made(set_digest(&after));
        let last = records.last().map(|record| (change.indices[records.len() - 1], record.entry.leaf_hash()));
        if ends.last() == Some(&"changed") {
            self.sets.insert((change.what, change.name), State { members: after, last });
        }
        self.known &= ends.last() != Some(&"unknown");
        assert_eq!(ends.len(), records.len(), "{}: an outcome for each part", self.file);
        let entries = change.indices.iter().zip(records).zip(ends);
        self.entries.extend(entries.map(|((index, record), end)| (*index, record, *end)));
        self
    }

    /// One that holds, of one part.
    fn changed(self, index: u64, adds: &[&str], removes: &[Hash]) -> Self {
        self.with(&Change::at(index, &[part(adds, removes)]), &["changed"])
    }

    /// One that its last part shows to be none.
    fn refused(self, change: &Change) -> Self {
        let mut ends = vec!["part"; change.parts.len()];
        ends[change.parts.len() - 1] = "no change";
        self.with(change, &ends)
    }

    /// The claims that the entry at `index` added as members.
    fn added_at(&self, index: u64) -> Vec<Claim> {
        let record = &self.entries.iter().find(|(other, ..)| *other == index).unwrap().1;
        let members = record.submitted.iter().filter(|(name, _)| name.starts_with('m'));
        members.map(|(_, claim)| claim.clone()).collect()
    }

    fn last(&self) -> (u64, Hash) {
        self.sets[&(JWKS, ISSUER)].last.unwrap()
    }

    /// The file, as the fold has it, which has to be as the case says.
    fn json(&self) -> Json {
        let mut fold = SetFold::within(SetLimits { held: usize::MAX, digested: usize::MAX });
        let mut entries = Vec::new();
        for (index, record, expected) in &self.entries {
            let outcome = match fold.read(TrustEntry::of(*index, record, |_, _| ()).unwrap()) {
                Ok(Step::Part) => "part",
                Ok(Step::Changed) => "changed",
                Err(SetError::Unknown { .. }) => "unknown",
                Err(_) => "no change",
            };
            assert_eq!(outcome, *expected, "{}: entry {index}", self.file);
            entries.push(json!([index, provlog_core::hex::encode(&record.to_bytes()), outcome]));
        }
        let mut sets = Vec::new();
        for ((what, name), state) in &self.sets {
            let Ok(set) = fold.set(&SetName::new(what, name)) else { continue };
            let set = set.unwrap();
            assert!(set.members.keys().eq(&state.members) && Some(set.last) == state.last, "{}", self.file);
            let each = set.members.iter();
            let each = each.map(|(hash, member)| json!([hash.to_hex(), member.index, member.claim]));
            let members = (set.members.len() <= LISTED_MAX).then(|| each.collect::<Vec<_>>());
            sets.push(json!({
                "what": what,
                "name": name,
                "set_digest": provlog_core::hex::encode(&set_digest(set.members.keys())),
                "last": [set.last.0, set.last.1.to_hex()],
                "count": set.members.len(),
                "members": members,
            }));
        }
        let known = fold.set(&SetName::new(JWKS, ISSUER)).is_ok();
        assert_eq!(known, self.known, "{}", self.file);
        json!({"entries": entries, "known": known, "sets": sets})
    }
}

/// A set of two members, by entry 1.
fn begun(file: &'static str) -> Log {
    Log::new(file).changed(1, &["a", "b"], &[])
}

/// A change after [`begun`] that is none, and one that follows on [`begun`] as if it hadn't been.
fn refused(file: &'static str, parts: &[Part], edit: impl Fn(usize, &mut Trust) + 'static) -> Log {
    begun(file).refused(&Change::at(5, parts).editing(edit)).changed(9, &["z"], &[])
}

/// The two members of [`begun`].
fn members_of_begun() -> [Claim; 2] {
    begun("").added_at(1).try_into().unwrap()
}

fn logs() -> Vec<Log> {
    [changes(), of_parts(), of_members(), of_removed(), of_previous(), hidden(), edges()]
        .into_iter()
        .flatten()
        .collect()
}

fn changes() -> Vec<Log> {
    let [a, b] = members_of_begun().map(|claim| claim.hash());
    let removal = begun("removal").changed(4, &["c"], &[a]);
    let c = removal.added_at(4)[0].hash();
    vec![
        begun("one-change"),
        removal.changed(6, &[], &[b, c]),
        begun("text-comes-back").changed(2, &["c"], &[a]).changed(3, &["a"], &[]),
        Log::new("two-sets")
            .changed(1, &["a"], &[])
            .with(&Change::at(2, &[part(&["a"], &[])]).of("spiffe-bundle", "example.org"), &["changed"])
            .with(&Change::at(3, &[part(&["a"], &[])]).of(JWKS, "https://issuer.example.com/"), &["changed"])
            .changed(4, &["b"], &[]),
        refused("set-digest", &[part(&["c"], &[])], |_, trust| {
            trust.insert("set_digest", Value::Bytes(vec![1; 32]));
        }),
        refused("misfit-what", &[part(&["c"], &[])], |_, trust| {
            trust.insert("what", "keys".into());
        }),
        refused("misfit-member-more", &[part(&["c"], &[])], |_, trust| {
            trust.insert("zz", Value::Null);
        }),
        begun("claim-trust-missing")
            .refused(&Change::at(5, &[part(&["c"], &[])]).then(|_, claims| drop(claims.remove("trust"))))
            .changed(9, &["z"], &[]),
    ]
}

fn numbered(number: i64, of: i64) -> impl Fn(usize, &mut Trust) + 'static {
    move |_, trust| {
        trust.insert("part", Value::Integer(number));
        trust.insert("parts", Value::Integer(of));
    }
}

fn of_parts() -> Vec<Log> {
    let (one, two) = ([part(&["a"], &[])], [part(&["a"], &[]), part(&["b"], &[])]);
    let three = [part(&["a"], &[]), part(&["b"], &[]), part(&["c"], &[])];
    let apart = || Change { indices: vec![1, 3], ..Change::at(1, &two) };
    let other = Change::at(2, &[part(&["x"], &[])]).of("spiffe-bundle", "example.org");
    let mut interrupted =
        Log::new("parts-interrupted").with(&apart(), &["part", "no change"]).with(&other, &["changed"]);
    interrupted.entries.sort_by_key(|(index, ..)| *index);
    let second = |file, member: &'static str, value: Value, end| {
        let edit = move |place, trust: &mut Trust| {
            if place == 1 {
                trust.insert(member, value.clone());
            }
        };
        Log::new(file).with(&Change::at(1, &two).editing(edit), &["part", end])
    };
    let elsewhere = || reference((0, Hash([7; 32])));
    vec![
        Log::new("parts").with(&Change::at(1, &three), &["part", "part", "changed"]),
        Log::new("parts-not-all").with(&Change::at(1, &one).editing(numbered(1, 2)), &["part"]),
        Log::new("parts-with-a-gap").with(&apart(), &["part", "no change"]),
        interrupted,
        Log::new("parts-begun-anew")
            .with(&Change::at(1, &one).editing(numbered(1, 2)), &["part"])
            .with(&Change::at(2, &two), &["part", "changed"]),
        second("parts-of-other-source", "source", Value::Bytes(vec![1; 32]), "no change"),
        second("parts-of-other-parts", "parts", Value::Integer(3), "no change"),
        second("parts-of-other-name", "name", "https://issuer.example.com/".into(), "no change"),
        second("parts-of-other-previous", "previous", elsewhere(), "no change"),
        second("parts-of-other-approvals", "approvals", list(&[elsewhere()]), "no change"),
        second("parts-first-twice", "part", Value::Integer(1), "part"),
        refused("part-0", &one, numbered(0, 1)),
        refused("part-behind-parts", &one, numbered(2, 1)),
        refused("part-2-first", &one, numbered(2, 2)),
        refused("parts-257", &one, numbered(1, 257)),
    ]
}

/// The change after [`begun`] whose claims are changed.
fn refused_then(file: &'static str, parts: &[Part], then: impl Fn(usize, &mut Claims) + 'static) -> Log {
    begun(file).refused(&Change::at(5, parts).then(then)).changed(9, &["z"], &[])
}

fn of_members() -> Vec<Log> {
    let [a, _] = members_of_begun();
    let again = |name: &'static str| {
        let a = a.clone();
        move |_, claims: &mut Claims| drop(claims.insert(name.into(), a.clone()))
    };
    let one_claim = Claim::disclosed([1; 16], "c".into());
    let in_both = move |_, claims: &mut Claims| drop(claims.insert("m01".into(), one_claim.clone()));
    vec![
        refused_then("member-twice-in-a-part", &[part(&["c", "d"], &[])], |_, claims| {
            let claim = claims["m01"].clone();
            claims.insert("m02".into(), claim);
        }),
        refused_then("member-twice-in-two-parts", &[part(&["c"], &[]), part(&["c"], &[])], in_both),
        refused_then("member-in-the-set", &[part(&["c"], &[])], again("m01")),
        refused_then("member-that-is-removed", &[part(&["c"], &[a.hash()])], again("m01")),
        refused_then("members-with-a-gap", &[part(&["c", "d"], &[])], |_, claims| drop(claims.remove("m01"))),
        refused("part-of-nothing", &[part(&[], &[])], |_, _| {}),
    ]
}

fn of_removed() -> Vec<Log> {
    let [a, b] = members_of_begun().map(|claim| claim.hash());
    let (low, high) = (a.min(b), a.max(b));
    let two = [part(&["c"], &[a]), part(&["d"], &[a])];
    vec![
        refused("removed-not-in-the-set", &[part(&["c"], &[Hash([1; 32])])], |_, _| {}),
        refused("removed-in-two-parts", &two, |_, _| {}),
        refused("removed-twice", &[part(&["c"], &[a])], move |_, trust| {
            trust.insert("removed", hashes(&[a, a]));
        }),
        refused("removed-descending", &[part(&["c"], &[a, b])], move |_, trust| {
            trust.insert("removed", hashes(&[high, low]));
        }),
        begun("removed-in-each-part")
            .with(&Change::at(5, &[part(&[], &[high]), part(&["c"], &[low])]), &["part", "changed"]),
    ]
}

fn of_previous() -> Vec<Log> {
    let first = begun("").last();
    let one = [part(&["c"], &[])];
    let previous = |value: Value| move |_, trust: &mut Trust| drop(trust.insert("previous", value.clone()));
    let Value::Map(mut with_origin) = reference(first) else { unreachable!("a reference is a map") };
    with_origin.insert("origin", "example.com/vectors".into()).unwrap();
    let of_first = Change::at(1, &one).editing(previous(reference((0, Hash([7; 32])))));
    let second = begun("previous-not-the-newest").changed(2, &["c"], &[]);
    vec![
        refused("previous-missing", &one, |_, trust| drop(trust.remove("previous"))),
        refused("previous-other-leaf-hash", &one, previous(reference((1, Hash([7; 32]))))),
        refused("previous-other-index", &one, previous(reference((0, first.1)))),
        refused("previous-with-origin", &one, previous(Value::Map(with_origin))),
        Log::new("previous-of-the-first").refused(&of_first).changed(2, &["a"], &[]),
        second.refused(&Change::at(5, &one).editing(previous(reference(first)))).changed(9, &["z"], &[]),
    ]
}

fn hide(claims: &mut Claims, name: &str) {
    let claim = claims.get_mut(name).unwrap();
    *claim = Claim::Hidden(claim.hash());
}

fn hidden() -> Vec<Log> {
    let two = Change::at(1, &[part(&["a"], &[]), part(&["b"], &[])]);
    vec![
        // Whether a member is text is judged of no change, as it may be hidden.
        Log::new("member-no-text").with(
            &Change::at(1, &[Part { adds: vec![Value::Integer(1), "a".into()], ..Part::default() }]),
            &["changed"],
        ),
        Log::new("members-hidden")
            .with(
                &Change::at(1, &[part(&["a", "b"], &[])]).then(|_, claims| hide(claims, "m01")),
                &["changed"],
            )
            .changed(4, &["c"], &[]),
        begun("trust-hidden")
            .with(&Change::at(2, &[part(&["c"], &[])]).then(|_, claims| hide(claims, "trust")), &["unknown"])
            .with(&Change::at(3, &[part(&["d"], &[])]), &["unknown"]),
        Log::new("trust-hidden-in-a-part").with(
            &two.then(|place, claims| {
                if place == 1 {
                    hide(claims, "trust");
                }
            }),
            &["part", "unknown"],
        ),
    ]
}

fn edges() -> Vec<Log> {
    let hidden = |_, claims: &mut Claims| hide(claims, "m01");
    let mut of_256 = vec!["part"; 256];
    of_256[255] = "changed";
    let parts = |count: usize| -> Vec<Part> {
        let full = part(&["a"; 60], &[]);
        let mut parts = vec![full; count / 60];
        parts.push(part(&vec!["a"; count % 60], &[]));
        parts
    };
    let full = |file| {
        let parts = parts(4096);
        let mut ends = vec!["part"; parts.len()];
        ends[parts.len() - 1] = "changed";
        Log::new(file).with(&Change::at(1, &parts), &ends)
    };
    let of_4096 = full("members-4096");
    let (one_more, first) = (Change::at(90, &[part(&["b"], &[])]), of_4096.added_at(1)[0].hash());
    vec![
        Log::new("parts-256").with(&Change::at(1, &vec![part(&["a"], &[]); 256]).then(hidden), &of_256),
        of_4096.refused(&one_more).changed(91, &["c"], &[first]),
    ]
}

fn files() -> Vec<(String, Json)> {
    logs().iter().map(|log| (log.file.to_owned(), log.json())).collect()
}

#[test]
fn the_checked_in_folds_are_what_the_generator_makes() {
    json_files("folds", &files());
}
