//! Records that aren't those of the log, or not those that the manifest speaks of.

use super::super::forge::{Package, list, map, record, sha256};
use super::super::log::{SIZE, event, log, time_ms};
use super::Case;
use super::good::{RANGE, claim_names, hiding, range, reference, referring};
use provlog_core::cbor::{Value, Writer};
use provlog_core::limits::ITEM_BYTES_MAX;
use provlog_core::package::{CSV, JSON_LINES, Manifest, RECORDS, record_item};
use provlog_core::record::{Claim, Record, Section};
use provlog_core::redact::Redaction;
use provlog_core::{Hash, Kind};

pub fn cases() -> Vec<Case> {
    [sequence(), inside(), counts(), filters(), redactions(), references()].into_iter().flatten().collect()
}

const REFUSED: [&str; 2] = ["file:records.cbor", "records"];

/// The package whose `records.cbor` is another.
fn with_items(name: &str, items: &[Vec<u8>]) -> Case {
    Case::new(format!("records-{name}"), range().with_file(RECORDS, items.concat()).finish(), &REFUSED)
}

fn items() -> Vec<Vec<u8>> {
    RANGE.iter().map(|index| record_item(*index, &log().records[index])).collect()
}

/// Its second item is another.
fn with_item(name: &str, item: Vec<u8>) -> Case {
    let mut items = items();
    items[1] = item;
    with_items(name, &items)
}

/// `[index, record]`, with these bytes for both.
fn raw_item(index: &[u8], record: &[u8]) -> Vec<u8> {
    [&[0x82], index, record].concat()
}

fn sequence() -> Vec<Case> {
    let good = items();
    let second = log().records[&4].to_bytes();
    let swapped = [&good[1], &good[0], &good[2], &good[3], &good[4]].map(Clone::clone);
    let repeated = [&good[0], &good[1], &good[1], &good[2], &good[3], &good[4]].map(Clone::clone);
    let three = [&[0x83, 4][..], &second, &[0xf6]].concat();
    let mut long = Writer::new();
    long.array(2);
    long.integer(4);
    long.bytes(&vec![0; ITEM_BYTES_MAX]);
    let mut early = log();
    early.insert(5, record(4, time_ms(3), &[("environment", "staging".into())], &[]));
    vec![
        with_items("unsorted", &swapped),
        with_items("index-twice", &repeated),
        with_items("cut", &[good[..4].concat(), good[4][..good[4].len() - 1].to_vec()]),
        with_items("trailing-byte", &[good.concat(), vec![0x80]]),
        with_items("trailing-break", &[good.concat(), vec![0xff]]),
        with_items("in-an-array", &[vec![0x85], good.concat()]),
        with_item("item-of-3", three),
        with_item("item-without-index", second.clone()),
        with_item("item-over-limit", long.into_bytes()),
        with_item("index-text", raw_item(&[0x61, b'4'], &second)),
        with_item("index-negative", raw_item(&[0x23], &second)),
        with_item("index-long-head", raw_item(&[0x18, 4], &second)),
        with_item("index-over-2-53", raw_item(&[0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0], &second)),
        with_item("indefinite", [&[0x9f, 4][..], &second, &[0xff]].concat()),
        beside_missing_texts(&swapped),
        Case::new("records-time-decreasing", early.package(&RANGE).finish(), &REFUSED),
    ]
}

/// Beside a record that is refused nothing is said of the texts, but that one isn't there.
fn beside_missing_texts(items: &[Vec<u8>]) -> Case {
    let mut files = range().with_file(RECORDS, items.concat()).with_file(CSV, "no table").finish();
    files.remove(JSON_LINES);
    let refused = ["file:records.cbor", "file:records.jsonl", "records"];
    Case::new("records-refused-and-texts-too", files, &refused)
}

/// The record at 4 after a change to its bytes, in a log that has it like this.
fn with_bytes(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Case {
    let mut bytes = log().records[&4].to_bytes();
    change(&mut bytes);
    with_item(name, raw_item(&[4], &bytes))
}

fn with_record(name: &str, change: impl FnOnce(&mut Record)) -> Case {
    let mut record = log().records[&4].clone();
    change(&mut record);
    with_item(name, record_item(4, &record))
}

/// Where the entry's bytes start in a record: behind the heads of the array and of the byte string.
const ENTRY: usize = 3;

fn inside() -> Vec<Case> {
    let other = || Claim::disclosed([9; 16], "production".into());
    let set = |section: &mut Section, name: &str, claim: Option<Claim>| {
        let claims = section.iter().filter(|(found, _)| *found != name);
        let mut claims: Vec<(String, Claim)> =
            claims.map(|(name, claim)| (name.into(), claim.clone())).collect();
        claims.extend(claim.map(|claim| (name.to_string(), claim)));
        *section = Section::from_claims(claims).unwrap();
    };
    let hash = Hash::plain(b"another claim");
    let mut version_2 = log();
    let mut entry = version_2.records[&4].entry.to_bytes();
    entry[1] = 2;
    version_2.leaves.insert(4, Hash::leaf(&entry));
    let unknown_version = version_2.package(&RANGE).changing(RECORDS, |bytes| {
        let place = bytes.windows(80).position(|found| found[2..] == entry[2..]).unwrap();
        bytes[place + 1] = 2;
    });
    let float = [0xf9, 0x3c, 0x00];
    vec![
        Case::new("records-unknown-version", unknown_version.finish(), &REFUSED),
        with_record("value-changed", |record| set(&mut record.submitted, "environment", Some(other()))),
        with_record("claim-added", |record| set(&mut record.submitted, "x-more", Some(other()))),
        with_record("claim-removed", |record| set(&mut record.submitted, "environment", None)),
        with_record("claim-renamed", |record| {
            let claim = record.submitted.get("environment").cloned();
            set(&mut record.submitted, "environment", None);
            set(&mut record.submitted, "x-environment", claim);
        }),
        with_record("claim-hidden-as-another", |record| {
            set(&mut record.submitted, "environment", Some(Claim::Hidden(hash)))
        }),
        with_record("attested-changed", |record| set(&mut record.attested, "workload", Some(other()))),
        with_record("sections-swapped", |record| std::mem::swap(&mut record.submitted, &mut record.attested)),
        with_record("kind-changed", |record| record.entry.kind = Kind::new(5).unwrap()),
        with_bytes("version-0", |bytes| bytes[ENTRY + 1] = 0),
        with_bytes("flags", |bytes| bytes[ENTRY + 3] = 1),
        with_bytes("entry-of-79", |bytes| {
            bytes[ENTRY - 1] = 79;
            bytes.remove(ENTRY + 79);
        }),
        with_bytes("length-long-head", |bytes| drop(bytes.splice(1..3, [0x59, 0, 80]))),
        with_bytes("float", |bytes| {
            let place = bytes.windows(11).position(|found| found == b"\x6aproduction").unwrap();
            bytes.splice(place..place + 11, float);
        }),
        with_bytes("key-order", |bytes| {
            let place = bytes.windows(6).position(|found| found == b"\x65model").unwrap();
            bytes[place + 1] = b'z';
        }),
        with_bytes("section-missing", |bytes| {
            bytes.truncate(bytes.len() - log().records[&4].attested.to_bytes().len());
            bytes[0] = 0x82;
        }),
        with_item("record-as-bytes", raw_item(&[4], &Value::Bytes(log().records[&4].to_bytes()).to_bytes())),
    ]
}

fn counts() -> Vec<Case> {
    let counted = |name, count| {
        Case::new(name, range().stating(|manifest| manifest.count = count).finish(), &["count"])
    };
    vec![counted("count-more", 6), counted("count-fewer", 4), counted("count-10000000", 10_000_000)]
}

fn filters() -> Vec<Case> {
    let refused = |name, package: Package, state: &dyn Fn(&mut Manifest)| {
        Case::new(format!("filter-{name}"), package.stating(state).finish(), &["filters"])
    };
    let subject = |digest: Value| {
        move |manifest: &mut Manifest| {
            let Value::Map(digest) = digest.clone() else { unreachable!("a digest is a map") };
            manifest.filters.subject = Some(digest);
        }
    };
    let commit = map(&[("gitCommit", Value::Bytes(vec![1; 20]))]);
    let Value::Map(mut half) = sha256("app.tar") else { unreachable!("a digest is a map") };
    half.insert("gitCommit", Value::Bytes(vec![2; 20])).unwrap();
    let both = list(&[map(&[("digest", Value::Map(half))])]);
    let two_digests = log().with(8, record(22, time_ms(8), &[("subject", both)], &[])).package(&[8]);
    let mut half_agreed = sha256("app.tar");
    if let Value::Map(map) = &mut half_agreed {
        map.insert("gitCommit", Value::Bytes(vec![1; 20])).unwrap();
    }
    let environment = |manifest: &mut Manifest| manifest.filters.environment = Some("production".into());
    let number = log().with(8, event(8, &[("environment", Value::Integer(1))])).package(&[8]);
    vec![
        refused("kind-other", range(), &|manifest| manifest.filters.kind = Kind::new(4)),
        refused("kind-of-unknown", log().package(&[8, 9]), &|manifest| manifest.filters.kind = Kind::new(22)),
        refused("from-after", range(), &|manifest| manifest.filters.from_ms = Some(time_ms(3) + 1)),
        refused("to-is-exclusive", range(), &|manifest| manifest.filters.to_ms = Some(time_ms(7))),
        refused("subject-other", range(), &subject(sha256("app.tar"))),
        refused("subject-of-no-shared-algorithm", log().package(&[4]), &subject(commit)),
        refused("subject-half-agrees", two_digests, &subject(half_agreed)),
        refused("environment-other", log().package(&[4, 5]), &environment),
        refused("environment-missing", log().package(&[4, 6]), &environment),
        refused("environment-misfit", number, &environment),
    ]
}

fn redactions() -> Vec<Case> {
    let refused = |name, package: Package, rule| {
        let package = package.stating(|manifest| manifest.redaction.rule = Some(rule));
        Case::new(format!("redaction-{name}"), package.finish(), &["redaction"])
    };
    let hide = |names: &[&str]| Redaction::Hide(claim_names(names));
    let model = "submitted.model";
    let mut hidden = log().records[&4].clone();
    hidden.submitted.hide("model");
    let partly = log().package_of(vec![(4, hidden), (7, log().records[&7].clone())]);
    vec![
        refused("shown", range(), hide(&[model])),
        refused("shown-in-one-record", partly, hide(&[model])),
        refused("shown-attested", hiding(&RANGE, &[model]), hide(&[model, "attested.workload"])),
        refused(
            "shown-beside-kept",
            hiding(&[4], &[model]),
            Redaction::Keep(claim_names(&["submitted.subject"])),
        ),
        refused("shown-though-nothing-is-kept", log().package(&[SIZE - 1]), Redaction::Keep(Vec::new())),
    ]
}

fn references() -> Vec<Case> {
    let refused = |name, claim, value| {
        Case::new(format!("references-{name}"), referring(claim, value).finish(), &["references"])
    };
    vec![
        refused("other-leaf-hash", "approvals", list(&[reference(3, 3), reference(3, 4)])),
        refused("other-kind", "approvals", list(&[reference(4, 4)])),
        refused("other-claim", "scans", list(&[reference(3, 3)])),
        refused("later", "approvals", list(&[reference(7, 7)])),
        refused("beyond-the-tree", "approvals", list(&[reference(999_999, 3)])),
        refused("itself", "approvals", list(&[reference(5, 3)])),
        refused("misfit-no-list", "generations", reference(3, 3)),
        refused("withdraws-other-kind", "withdraws", reference(4, 4)),
    ]
}
