//! The package of an entry, against a model that reads the rule word by word.

use super::*;
use crate::limits::{ENTRY_PACKAGE_ENTRIES_MAX, LEFT_OUT_LISTED_MAX, LEFT_OUT_MAX};
use crate::package::manifest::Manifest;
use crate::package::names::{Names, earlier_parts, named_by};
use crate::package::selection::Selection;
use std::collections::BTreeSet;

const ORIGIN: &str = "example.com/log";

/// Values of all shapes, of which many are references, and many are nearly one.
fn values() -> impl Strategy<Value = Value> {
    let scalar = || {
        prop_oneof![
            (-2i64..40).prop_map(Value::Integer),
            (31usize..34).prop_map(|length| Value::Bytes(std::vec![7; length])),
            Just(Value::Text(ORIGIN.into())),
            Just(Value::Text("example.com/another".into())),
            Just(Value::Null),
        ]
    };
    let reference = (0i64..40, proptest::option::of(scalar())).prop_map(|(index, origin)| {
        let leaf_hash = ("leaf_hash".to_owned(), Value::Bytes(std::vec![7; 32]));
        let origin = origin.map(|origin| ("origin".to_owned(), origin));
        let members = [("index".to_owned(), Value::Integer(index)), leaf_hash].into_iter().chain(origin);
        Value::Map(crate::cbor::Map::from_entries(members.collect()).unwrap())
    });
    prop_oneof![scalar(), reference].prop_recursive(4, 24, 4, move |inner| {
        let name = prop_oneof![Just("index"), Just("leaf_hash"), Just("origin"), Just("set"), Just("part")];
        let members = proptest::collection::btree_map(name, prop_oneof![scalar(), inner.clone()], 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            members.prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Map(crate::cbor::Map::from_entries(members.collect()).unwrap())
            }),
        ]
    })
}

fn records() -> impl Strategy<Value = Record> {
    let name = prop_oneof![Just("approvals"), Just("trust"), Just("note"), Just("x-note"), Just("gate")];
    let claims = || proptest::collection::btree_map(name.clone(), (values(), any::<bool>()), 0..4);
    (claims(), claims(), prop_oneof![Just(4u8), Just(6)]).prop_map(|(submitted, attested, kind)| {
        let section = |claims: BTreeMap<&str, (Value, bool)>| {
            let claim = |(name, (value, hidden)): (&str, (Value, bool))| {
                let claim = Claim::disclosed([1; 16], value);
                (name.to_owned(), if hidden { Claim::Hidden(claim.hash()) } else { claim })
            };
            Section::from_claims(claims.into_iter().map(claim).collect()).unwrap()
        };
        let mut record = record(0);
        record.entry.kind = Kind::new(kind).unwrap();
        (record.submitted, record.attested) = (section(submitted), section(attested));
        record
    })
}

/// Every map at any depth, collected before any is looked at.
fn maps(value: &Value) -> Vec<&crate::cbor::Map> {
    let (mut todo, mut found) = (Vec::from([value]), Vec::new());
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Map(map) => {
                found.push(map);
                todo.extend(map.iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    found
}

fn names_of_the_model(record: &Record, index: u64) -> BTreeSet<u64> {
    let mut named = BTreeSet::new();
    for section in [&record.submitted, &record.attested] {
        for (name, claim) in section.iter() {
            let Claim::Disclosed { value, .. } = claim else { continue };
            if name.starts_with("x-") {
                continue;
            }
            for map in maps(value) {
                let elsewhere = matches!(map.get("origin"), Some(Value::Text(text)) if text != ORIGIN);
                let has_hash = matches!(map.get("leaf_hash"), Some(Value::Bytes(bytes)) if bytes.len() == 32);
                if let Some(Value::Integer(to)) = map.get("index")
                    && *to >= 0
                    && has_hash
                    && !elsewhere
                {
                    named.insert(u64::try_from(*to).unwrap());
                }
            }
        }
    }
    if record.entry.kind.number() == 6
        && let Some(Claim::Disclosed { value: Value::Map(trust), .. }) = record.submitted.get("trust")
        && matches!(trust.get("part"), Some(Value::Integer(2..)))
        && index > 0
    {
        named.insert(index - 1);
    }
    named.retain(|to| *to < index);
    named
}

fn manifest(entry: u64, left_out: LeftOut) -> Manifest {
    let mut manifest = Manifest::parse(&whole().0[MANIFEST]).unwrap();
    (manifest.version, manifest.range) = (Version::V2, None);
    manifest.filters.entry = Some(entry);
    manifest.left_out = Some(left_out);
    manifest
}

fn names(named: BTreeSet<u64>) -> Names {
    Names { named, hides: false }
}

/// The check of a package of these records, each with what it names.
fn status_of(records: &BTreeMap<u64, BTreeSet<u64>>, entry: u64, left_out: LeftOut) -> Status {
    let mut selection = Selection::default();
    for (index, named) in records {
        selection.add(*index, &names(named.clone()));
    }
    selection.check(&manifest(entry, left_out)).status
}

/// No change has more parts than a set's may: what a claim says beyond is believed no further.
#[test]
fn as_many_parts_are_before_one_as_a_change_may_have() {
    let earlier = |kind: u8, part: i64| {
        let part = crate::cbor::Map::from_entries(Vec::from([("part".to_owned(), Value::Integer(part))]));
        let claim = Claim::disclosed([1; 16], Value::Map(part.unwrap()));
        let mut record = record(0);
        record.entry.kind = Kind::new(kind).unwrap();
        record.submitted = Section::from_claims([("trust".to_owned(), claim)].into()).unwrap();
        earlier_parts(&record)
    };
    let parts = [-1, 0, 1, 2, 255, 256, 257, 1 << 40];
    assert_eq!(parts.map(|part| earlier(6, part)), [0, 0, 0, 1, 254, 255, 255, 255]);
    assert_eq!(parts.map(|part| earlier(4, part)), [0; 8]);
}

proptest! {
    #[test]
    fn a_record_names_what_the_rule_says(record in records(), index in 0u64..40) {
        let found = Names::of(&record, index, ORIGIN);
        prop_assert_eq!(&found.named, &names_of_the_model(&record, index));
        prop_assert_eq!(named_by(&record, index, ORIGIN), found.named);
        let hidden = record.claims().any(|(_, name, claim)| name != "x-note" && claim.value().is_none());
        prop_assert_eq!(found.hides, hidden);
    }

    /// A package holds where it is the entry's, each of its records is named by one behind it, and what isn't here is said.
    #[test]
    fn a_package_of_an_entry_is_what_it_leads_to(
        graph in proptest::collection::btree_map(0u64..12, proptest::collection::btree_set(0u64..12, 0..4), 1..9),
        dropped in proptest::collection::btree_set(0u64..12, 0..3),
        entry in 0u64..12,
        said in proptest::option::of(0u64..12),
    ) {
        let graph: BTreeMap<u64, BTreeSet<u64>> = graph
            .into_iter()
            .filter(|(index, _)| !dropped.contains(index))
            .map(|(index, named)| (index, named.into_iter().filter(|to| *to < index).collect()))
            .collect();
        prop_assume!(!graph.is_empty());
        let mut left_out: BTreeSet<u64> =
            graph.values().flatten().copied().filter(|to| !graph.contains_key(to)).collect();
        let told = said.is_none_or(|more| !left_out.insert(more));
        let named = |index: &u64| graph.range(index + 1..).any(|(_, named)| named.contains(index));
        let holds = told && graph.keys().all(|index| *index == entry || named(index))
            && graph.keys().next_back() == Some(&entry);
        let expected = if holds { Status::Pass } else { Status::Fail };
        prop_assert_eq!(status_of(&graph, entry, LeftOut::of(&left_out)), expected);
    }

    #[test]
    fn manifests_of_entries_and_of_later_filters_are_written_as_they_are_read(
        left_out in proptest::collection::btree_set(0u64..1 << 53, 0..9),
        name in "[a-z][a-z0-9_]{0,9}",
        value in 0i64..9,
    ) {
        let of_entry = manifest(5, LeftOut::of(&left_out));
        prop_assert_eq!(Manifest::parse(&of_entry.to_bytes()), Ok(of_entry.clone()));
        let known = ["kind", "from_ms", "to_ms", "subject", "environment", "entry"];
        prop_assume!(!known.contains(&name.as_str()));
        let mut later = of_entry;
        (later.filters.entry, later.left_out) = (None, None);
        later.filters.unknown.push((name, crate::json::Json::Integer(value)));
        prop_assert_eq!(Manifest::parse(&later.to_bytes()), Ok(later));
    }
}

/// No more is gathered than a package of an entry may have, and then it isn't one.
#[test]
fn what_is_gathered_is_bounded() {
    let chain = |count: u64| (0..count).map(|index| (index, index.checked_sub(1).into_iter().collect()));
    let most = ENTRY_PACKAGE_ENTRIES_MAX;
    let none = || LeftOut::of(&BTreeSet::new());
    assert_eq!(status_of(&chain(most).collect(), most - 1, none()), Status::Pass);
    assert_eq!(status_of(&chain(most + 1).collect(), most, none()), Status::Fail);

    let left_out = |count: usize| (0..u64::try_from(count).unwrap()).collect::<BTreeSet<u64>>();
    let (entry, full) = (1 << 20, left_out(LEFT_OUT_MAX));
    let listed = LeftOut::of(&full);
    assert_eq!((listed.count, listed.entries.len()), (1 << 16, LEFT_OUT_LISTED_MAX));
    let names = |named: &BTreeSet<u64>| BTreeMap::from([(entry, named.clone())]);
    assert_eq!(status_of(&names(&full), entry, listed.clone()), Status::Pass);
    let more = left_out(LEFT_OUT_MAX + 1);
    assert_eq!(status_of(&names(&more), entry, listed), Status::Fail);
}
