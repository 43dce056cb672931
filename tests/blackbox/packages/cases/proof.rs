//! Proofs that don't lead to the signed root, and ranges that aren't complete.

use super::super::forge::{Log, Package};
use super::super::log::{SIZE, event, log, time_ms};
use super::Case;
use super::good::{RANGE, range};
use provlog_core::package::PROOF;

pub fn cases() -> Vec<Case> {
    let mut cases = nodes();
    cases.extend(leaves());
    cases.extend(completeness());
    cases
}

fn with_nodes(name: &str, change: impl FnOnce(&mut Vec<u8>), refused: &[&str]) -> Case {
    Case::new(format!("proof-{name}"), range().changing(PROOF, change).finish(), refused)
}

fn nodes() -> Vec<Case> {
    let both = ["file:proof.bin", "proof"];
    vec![
        with_nodes("node-missing", |bytes| bytes.truncate(bytes.len() - 32), &both),
        with_nodes("empty", Vec::clear, &both),
        with_nodes("node-changed", |bytes| bytes[40] ^= 1, &["proof"]),
        with_nodes("nodes-swapped", |bytes| bytes[..64].rotate_left(32), &["proof"]),
        with_nodes("node-left-over", |bytes| bytes.extend([0; 32]), &both),
        with_nodes("byte-left-over", |bytes| bytes.push(0), &both),
        with_nodes("node-cut", |bytes| _ = bytes.pop(), &both),
        with_nodes("of-receipts", |bytes| bytes.splice(..0, [0; 32]).for_each(drop), &both),
    ]
}

fn leaves() -> Vec<Case> {
    let moved = |from: u64, to: u64| {
        // Every entry says the same of itself, so that nothing but the place is wrong.
        let log = log();
        let records =
            RANGE.map(|index| (if index == from { to } else { index }, log.records[&index].clone()));
        log.package_of(records.into())
    };
    let forged = event(8, &[("x-number", "forged".into())]);
    let mut beyond = Log::new(SIZE + 3);
    log().records.into_iter().for_each(|(index, record)| beyond.insert(index, record));
    beyond.insert(SIZE + 2, event(SIZE + 2, &[]));
    let mut outside: Package = log().package(&[3, 10]);
    outside.write_records(&[(3, log().records[&3].clone()), (SIZE, log().records[&10].clone())]);
    let mut no_record = range();
    no_record.write_records(&[]);
    vec![
        Case::new("proof-record-not-in-the-log", log().package_of(vec![(8, forged)]).finish(), &["proof"]),
        Case::new(
            "proof-record-elsewhere",
            moved(7, 8).stating(|manifest| manifest.range = None).finish(),
            &["proof"],
        ),
        Case::new("proof-index-beyond-size", outside.finish(), &["file:records.cbor", "records"]),
        Case::new("proof-of-no-record", no_record.finish(), &["file:proof.bin", "count", "proof"]),
    ]
}

fn completeness() -> Vec<Case> {
    let refused = |name: &str, indices: &[u64], [start, end]: [u64; 2]| {
        let package = log().package(indices).stating(|manifest| manifest.range = Some(start..end));
        Case::new(format!("completeness-{name}"), package.finish(), &["completeness"])
    };
    let timed = log().package(&[3, 5]).stating(|manifest| {
        manifest.range = Some(3..6);
        manifest.filters.from_ms = Some(time_ms(3));
    });
    vec![
        refused("gap", &[3, 4, 6, 7], [3, 8]),
        refused("first-missing", &[4, 5, 6], [3, 7]),
        refused("last-missing", &[3, 4, 5], [3, 7]),
        refused("range-narrower", &[3, 4, 5], [3, 5]),
        refused("range-empty", &[3], [3, 3]),
        refused("range-empty-at-0", &[0], [0, 0]),
        refused("range-reversed", &[3, 4], [4, 3]),
        refused("range-beyond-size", &[9, 10], [9, 12]),
        Case::new("completeness-gap-of-times", timed.finish(), &["completeness"]),
    ]
}
