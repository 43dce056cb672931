//! Two verifiers, and evidence that nobody thought of: vectors of evidence with a byte of it changed, under an entry that
//! commits to it. Whatever it is then, both say the same of it, check by check.

use super::cases::{self, Case};
use super::forge::{RawClaim, RawRecord, RawSection};
use super::{files, second, verdict};
use crate::packages::forge::{Files, Log};
use crate::packages::{self, Contents, verdict_in};
use crate::support::folder;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Sequence, Value};
use provlog_core::limits::RECORD_DEPTH_MAX;
use provlog_core::package::{MANIFEST, Manifest, RECORDS, Version};
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record, SectionName};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

/// What is changed: claims that evidence is, or is of.
const CLAIMS: [(SectionName, &str); 12] = [
    (SectionName::Attested, "workload_evidence"),
    (SectionName::Attested, "workload"),
    (SectionName::Attested, "approval_checks"),
    (SectionName::Submitted, "approval"),
    (SectionName::Submitted, "approvals"),
    (SectionName::Submitted, "subject"),
    (SectionName::Submitted, "intent"),
    (SectionName::Submitted, "policy"),
    (SectionName::Submitted, "environment"),
    (SectionName::Submitted, "trust"),
    (SectionName::Submitted, "m01"),
    (SectionName::Submitted, "m02"),
];

/// Texts and bytes are changed to what stands in them often, and to what doesn't belong there.
const PUT: &[u8] = b"aAzZ09+/-_=.:, \n\t\"\\{}[]@#%*\0\x7f";

/// Changes of each vector: 2, or what `MUTATIONS` says.
fn rounds() -> u64 {
    std::env::var("MUTATIONS").map_or(2, |text| text.parse().unwrap())
}

/// Numbers that look drawn, the same every time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        // Knuth's multiplier; the upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// Vectors of evidence, each changed so many times, under names of their own.
fn changed_cases() -> Vec<(String, Case)> {
    let mut changed = Vec::new();
    for (case, number) in cases::all().into_iter().zip(0_u64..) {
        for round in 0..rounds() {
            let draws = &mut Draws(1_000_003 * number + round);
            if let Some(receipt) = changed_receipt(&case, draws) {
                changed.push((format!("{}-{round}", case.name), Case { receipt, ..case.clone() }));
            }
        }
    }
    let enough = usize::try_from(200 * rounds()).unwrap();
    assert!(changed.len() > enough, "{} changes", changed.len());
    changed
}

/// Writes a vector's folder, and what we say of it last. Whether we refuse it.
fn write(folder: &Path, files: Vec<(String, Vec<u8>)>, verdict: impl FnOnce() -> Json) -> bool {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let verdict = verdict();
    fs::write(folder.join("verdict.json"), verdict.to_string()).unwrap();
    verdict["exit"] != 0
}

#[test]
fn both_verifiers_end_alike_on_what_nobody_thought_of() {
    if !second::python_available() {
        return;
    }
    let (root, cases) = (folder(), changed_cases());
    let refused =
        cases.iter().filter(|(name, case)| write(&root.path().join(name), files(case), || verdict(case)));
    let (refused, count) = (refused.count(), cases.len());
    assert!(refused > count / 2, "{refused} of {count} refused");
    second::agrees(root.path(), count);
}

/// The same evidence in packages, where other things are made of it.
#[test]
fn both_verifiers_end_alike_on_packages_of_what_nobody_thought_of() {
    if !second::python_available() {
        return;
    }
    let root = folder();
    let (mut count, mut refused) = (0, 0);
    // One in three, as each is a run of the program.
    for (name, case) in changed_cases().into_iter().step_by(3) {
        let Some(files) = package(&case) else { continue };
        let folder = root.path().join(name);
        refused += usize::from(write(&folder, files, || verdict_in(&folder, &case.reader)));
        count += 1;
    }
    assert!(refused > count / 3, "{refused} of {count} refused");
    second::agrees(root.path(), count);
}

/// Packages whose entries name members of the log's sets: of those, and of the changes that made them, one is changed.
#[test]
fn both_verifiers_end_alike_on_sets_that_nobody_thought_of() {
    if !second::python_available() {
        return;
    }
    let root = folder();
    let (mut count, mut refused) = (0, 0);
    for (case, number) in packages::all().iter().zip(0_u64..) {
        let Contents::Folder(files) = &case.contents else { continue };
        let Some(log) = log_with_sets(files) else { continue };
        for round in 0..2 * rounds() {
            let draws = &mut Draws(1_000_033 * number + round);
            let Some(files) = changed_log(&log, draws) else { continue };
            let folder = root.path().join(format!("{}-{round}", case.name));
            let files = files.into_iter().map(|(name, bytes)| (format!("package/{name}"), bytes));
            let trust = ("trust.tlog-policy".into(), case.trust.clone());
            let files = files.chain([trust]).chain(case.reader.files()).collect();
            refused += usize::from(write(&folder, files, || verdict_in(&folder, &case.reader)));
            count += 1;
        }
    }
    let enough = usize::try_from(60 * rounds()).unwrap();
    assert!(count > enough && refused > count / 4, "{refused} of {count} refused");
    second::agrees(root.path(), count);
}

/// What a package has of a log; none where that changes no set, or its records can't be told apart.
fn log_with_sets(files: &Files) -> Option<Log> {
    let manifest = Manifest::parse(files.get(MANIFEST)?).ok()?;
    let mut log = Log::new(manifest.checkpoint.size);
    for item in Sequence::new(files.get(RECORDS)?, RECORD_DEPTH_MAX + 1) {
        let item = Value::parse(item.ok()?, RECORD_DEPTH_MAX + 1).ok()?;
        let [index, record] = item.as_array()? else { return None };
        let Ok(AnyRecord::Known(record)) = Record::parse(&record.to_bytes()) else { return None };
        log.insert(index.as_uint()?, record);
    }
    log.records.values().any(|record| record.submitted.get("trust").is_some()).then_some(log)
}

/// The package of the same records, one of them changed. Those behind it name it as it is then, and one another.
fn changed_log(log: &Log, draws: &mut Draws) -> Option<Files> {
    let mut log = log.clone();
    let places: Vec<u64> = log.records.keys().copied().collect();
    let place = places[draws.below(places.len())];
    let before = log.records[&place].clone();
    let changed = read(&changed_record(&before, draws)?)?;
    let mut renamed = renaming(&before, &changed);
    log.insert(place, changed);
    for place in places.into_iter().filter(|other| *other > place) {
        let before = log.records[&place].clone();
        let after = read(&raw_record(&before, |_, _, value| rename(value, &renamed)))?;
        renamed.extend(renaming(&before, &after));
        log.insert(place, after);
    }
    let records = log.records.iter().map(|(index, record)| (*index, record.clone())).collect();
    Some(log.package_of(records).finish().into_iter().collect())
}

fn read((record, time_ms): &(RawRecord, u64)) -> Option<Record> {
    match Record::parse(&record.to_bytes(&record.entry_at(*time_ms))) {
        Ok(AnyRecord::Known(record)) => Some(record),
        _ => None,
    }
}

/// What others call a record and its members by, before and after.
fn renaming(before: &Record, after: &Record) -> Vec<(Hash, Hash)> {
    let claims = before.submitted.iter().zip(after.submitted.iter());
    let claims = claims.map(|((_, before), (_, after))| (before.hash(), after.hash()));
    let hashes = claims.chain([(before.entry.leaf_hash(), after.entry.leaf_hash())]);
    hashes.filter(|(before, after)| before != after).collect()
}

fn rename(value: &mut Value, renamed: &[(Hash, Hash)]) {
    match value {
        Value::Bytes(bytes) => {
            if let Some((_, after)) = renamed.iter().find(|(before, _)| before.0 == bytes[..]) {
                *bytes = after.0.to_vec();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        Value::Map(map) => {
            let members = map.iter().map(|(name, member)| {
                let mut member = member.clone();
                rename(&mut member, renamed);
                (name.to_owned(), member)
            });
            *map = Map::from_entries(members.collect()).unwrap();
        }
        _ => {}
    }
}

/// The files of a package of the receipt's record; none where no package can have it.
fn package(case: &Case) -> Option<Vec<(String, Vec<u8>)>> {
    let (receipt, _) = Receipt::parse(&case.receipt).ok()?;
    let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) else { return None };
    let log = Log::new(11).with(5, record.clone());
    let mut package = log.package(&[5]).stating(|manifest| manifest.version = Version::V2);
    package.write_records(&[(5, record)]);
    let files = package.finish().into_iter().map(|(name, bytes)| (format!("package/{name}"), bytes));
    let trust = ("trust.tlog-policy".into(), case.trust.clone());
    Some(files.chain([trust]).chain(case.reader.files()).collect())
}

/// The receipt of the same record with one change in one of its claims; none where it has none of them.
fn changed_receipt(case: &Case, draws: &mut Draws) -> Option<Vec<u8>> {
    let (receipt, _) = Receipt::parse(&case.receipt).ok()?;
    let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) else { return None };
    record.attested.get("workload_evidence").or_else(|| record.submitted.get("approval"))?;
    let (record, time_ms) = changed_record(&record, draws)?;
    Some(record.forge_at(time_ms).receipt())
}

/// The same record with one change in one of its claims, and its time; none where it has none of them.
fn changed_record(record: &Record, draws: &mut Draws) -> Option<(RawRecord, u64)> {
    let has = |(section, name): &&(SectionName, &str)| record.section(*section).value(name).is_some();
    let present: Vec<&(SectionName, &str)> = CLAIMS.iter().filter(has).collect();
    let (section, name) = present.get(draws.below(present.len()))?;
    Some(raw_record(record, |of, other, value| {
        if of == *section && other == *name {
            change(value, draws);
        }
    }))
}

/// A record whose claims that are shown are changed like this, and its time.
fn raw_record(record: &Record, mut change: impl FnMut(SectionName, &str, &mut Value)) -> (RawRecord, u64) {
    let mut raw = |of: SectionName| {
        let claims = record.section(of).iter().map(|(name, claim)| {
            let Some(value) = claim.value() else {
                let hash = claim.hash();
                return (name.to_owned(), RawClaim { encoded: hidden(&hash.0), hash });
            };
            let mut value = value.clone();
            change(of, name, &mut value);
            (name.to_owned(), RawClaim::of_bytes(&super::forge::salt(name), &value.to_bytes()))
        });
        RawSection(claims.collect())
    };
    let kind = record.entry.kind.number();
    let (submitted, attested) = (raw(SectionName::Submitted), raw(SectionName::Attested));
    (RawRecord { kind, submitted, attested }, record.entry.time_ms.get())
}

fn hidden(hash: &[u8; 32]) -> Vec<u8> {
    Value::Bytes(hash.to_vec()).to_bytes()
}

/// Changes one scalar, wherever in the value.
fn change(value: &mut Value, draws: &mut Draws) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let place = draws.below(items.len());
            change(&mut items[place], draws);
        }
        Value::Map(map) if map.iter().len() > 0 => {
            let chosen = draws.below(map.iter().len());
            let mut changed = Map::new();
            for (place, (name, member)) in map.iter().enumerate() {
                let mut member = member.clone();
                if place == chosen {
                    change(&mut member, draws);
                }
                changed.insert(name, member).unwrap();
            }
            *map = changed;
        }
        Value::Text(text) => {
            let mut bytes = text.clone().into_bytes();
            change_byte(&mut bytes, draws);
            // What is no text any more stays what it was.
            *text = String::from_utf8(bytes).unwrap_or_else(|_| text.clone());
        }
        Value::Bytes(bytes) => change_byte(bytes, draws),
        Value::Integer(integer) => *integer = (*integer ^ 1).abs(),
        Value::Bool(value) => *value = !*value,
        other => *other = Value::Integer(1),
    }
}

fn change_byte(bytes: &mut Vec<u8>, draws: &mut Draws) {
    let (place, put) = (draws.below(bytes.len()), PUT[draws.below(PUT.len())]);
    match draws.below(4) {
        _ if bytes.is_empty() => bytes.push(put),
        0 => bytes.insert(place, put),
        1 => drop(bytes.remove(place)),
        2 => bytes[place] ^= 1 << draws.below(7),
        _ => bytes[place] = put,
    }
}
