//! Two verifiers, and evidence that nobody thought of: vectors of evidence with a byte of it changed, under an entry that
//! commits to it. Whatever it is then, both say the same of it, check by check.

use super::cases::{self, Case};
use super::forge::{RawClaim, RawRecord, RawSection};
use super::{files, second, verdict};
use crate::packages::forge::Log;
use crate::packages::verdict_in;
use crate::support::folder;
use provlog_core::cbor::{Map, Value};
use provlog_core::package::Version;
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Claim, Record, SectionName};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

/// What is changed: claims that evidence is, or is of.
const CLAIMS: [(SectionName, &str); 9] = [
    (SectionName::Attested, "workload_evidence"),
    (SectionName::Attested, "workload"),
    (SectionName::Attested, "approval_checks"),
    (SectionName::Submitted, "approval"),
    (SectionName::Submitted, "approvals"),
    (SectionName::Submitted, "subject"),
    (SectionName::Submitted, "intent"),
    (SectionName::Submitted, "policy"),
    (SectionName::Submitted, "environment"),
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
    let has = |(section, name): &&(SectionName, &str)| record.section(*section).value(name).is_some();
    record.attested.get("workload_evidence").or_else(|| record.submitted.get("approval"))?;
    let present: Vec<&(SectionName, &str)> = CLAIMS.iter().filter(has).collect();
    let (section, name) = present.get(draws.below(present.len()))?;
    let raw = |of: SectionName| {
        let claims = record.section(of).iter().map(|(other, claim)| {
            let raw = match claim {
                Claim::Hidden(hash) => RawClaim { encoded: hidden(&hash.0), hash: *hash },
                claim if of == *section && other == *name => {
                    let mut value = claim.value().unwrap().clone();
                    change(&mut value, draws);
                    RawClaim::of_bytes(&super::forge::salt(other), &value.to_bytes())
                }
                claim => RawClaim::of_bytes(&super::forge::salt(other), &claim.value().unwrap().to_bytes()),
            };
            (other.to_owned(), raw)
        });
        RawSection(claims.collect())
    };
    let kind = record.entry.kind.number();
    let mut raw = raw;
    let (submitted, attested) = (raw(SectionName::Submitted), raw(SectionName::Attested));
    let forged = RawRecord { kind, submitted, attested };
    Some(forged.forge_at(record.entry.time_ms.get()).receipt())
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
