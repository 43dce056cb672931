//! What a stranger's package costs: no more of it is read than somebody who is believed has signed for.

use super::*;
use core::cell::Cell;

/// A package, of whose bytes those are counted that are read of some files.
struct Counted {
    package: Memory,
    of: &'static [&'static str],
    read: Cell<usize>,
}

impl Counted {
    fn new(package: Memory, of: &'static [&'static str]) -> Self {
        Self { package, of, read: Cell::new(0) }
    }
}

struct CountedSlice<'a>(Slice<'a>, &'a Cell<usize>);

impl Stream for CountedSlice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let read = self.0.read(buffer)?;
        self.1.set(self.1.get() + read);
        Ok(read)
    }
}

impl Files for Counted {
    fn names(&self) -> Vec<String> {
        self.package.names()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        let bytes = self.package.0.get(name).ok_or_else(|| Unreadable("no such file".into()))?;
        if !self.of.contains(&name) {
            return self.package.open(name);
        }
        Ok(Box::new(CountedSlice(Slice(bytes), &self.read)))
    }
}

/// What a few bytes of an archive inflate to must not all be read and hashed: of a small tree there are few records.
#[test]
fn nothing_is_read_behind_an_index_that_the_tree_has_no_entry_at() {
    for behind in [SIZE, SIZE + 1, 1 << 40] {
        let mut package = package(&[3, 4], false, false);
        let items = package.0.get_mut(RECORDS).unwrap();
        let one = record(5);
        for index in behind..behind + 50_000 {
            items.extend(record_item(index, &one));
        }
        let length = items.len();
        package.restate(|manifest| manifest.count = 50_002);
        let counted = Counted::new(package, &[RECORDS]);
        let refused = Verifier::new(&trust()).package(&counted).unwrap_err();
        let check = refused.report().unwrap().checks.iter().find(|check| check.name == "records").unwrap();
        let got = check.got.clone().unwrap();
        assert_eq!(
            got,
            format!(
                "the item after entry 4: expected an index below 40, the size of the checkpoint's tree, got {behind}"
            )
        );
        assert!(counted.read.get() < length / 10, "{} of {length} bytes read", counted.read.get());
    }
}

/// Files that nothing bounds where nobody who is believed has signed the size of the tree.
const BOUND_BY_THE_CHECKPOINT: &[&str] = &[RECORDS, JSON_LINES, CSV, PROOF, REPORT];

/// The checks of what is in them.
const OF_RECORDS: [&str; 9] =
    ["records", "count", "filters", "redaction", "references", "proof", "completeness", "jsonl", "csv"];

const NOT_READ: &str = "not read: the checkpoint is not believed";

const WITNESS: &str = "witness.example/a+31b5dacd+BEmtJgd7BXVcNPso3CP/v/0JiJgGkMyaZImnfdYSIKGr";

/// A cosignature by that key that doesn't verify.
const COSIGNATURE: &str = "\u{2014} witness.example/a MbXazQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n";

/// That knows a witness, and demands this quorum.
fn trust_with_quorum(quorum: &str) -> Trust {
    let log = signer();
    Trust::parse(format!("log {}\nwitness a {WITNESS}\nquorum {quorum}\n", log.verifier()).as_bytes())
        .unwrap()
}

fn with_checkpoint(note: impl Into<Vec<u8>>) -> Memory {
    let mut package = whole();
    package.0.insert(CHECKPOINT.into(), note.into());
    package.restate(|_| {});
    package
}

/// Bytes of records, texts, proof and page that are read, and the report.
fn judged(package: Memory, trust: &Trust) -> (usize, Refused<PackageReport>) {
    let counted = Counted::new(package, BOUND_BY_THE_CHECKPOINT);
    let refused = Verifier::new(trust).package(&counted).unwrap_err();
    (counted.read.get(), refused)
}

fn check<'r>(refused: &'r Refused<PackageReport>, name: &str) -> &'r crate::check::Check {
    refused.report().unwrap().checks.iter().find(|check| check.name == name).unwrap()
}

#[test]
fn no_record_is_read_where_the_checkpoint_is_not_believed() {
    let other_key = LogSigner::from_seed("example.com/log", &[8; 32]).unwrap();
    let other_origin = checkpoint(SIZE).text().replace("example.com/log", "example.com/other");
    let good = checkpoint(SIZE).sign(&signer());
    let cases = [
        (with_checkpoint(checkpoint(SIZE).sign(&other_key)), "untrusted", "log-signature"),
        (with_checkpoint(signer().sign(&other_origin)), "untrusted", "origin"),
        (with_checkpoint(good + COSIGNATURE), "untrusted", "cosignatures"),
        (with_checkpoint("no note\n"), "not proven", "checkpoint"),
        (with_checkpoint(Vec::new()), "not proven", "checkpoint"),
    ];
    for (package, verdict, why) in cases {
        let (read, refused) = judged(package, &trust_with_quorum("none"));
        assert_eq!((read, refused.as_str()), (0, verdict), "{why}");
        assert!(refused.report().unwrap().refused().any(|name| name == why), "{why}: {refused}");
        let report = refused.report().unwrap();
        assert_eq!((report.times_ms, report.records_read), (None, false));
        let files = BOUND_BY_THE_CHECKPOINT.iter().map(|name| format!("file:{name}"));
        for name in files.chain(OF_RECORDS.map(ToOwned::to_owned)) {
            let check = check(&refused, &name);
            assert_eq!(
                (check.status, check.remark.as_deref()),
                (Status::Skip, Some(NOT_READ)),
                "{why}: {name}"
            );
        }
        // What is small is looked at as ever.
        for name in
            ["file:manifest.json", "file:checkpoint", "file:previous-checkpoint", "file:consistency.bin"]
        {
            assert_eq!(check(&refused, name).status, Status::Pass, "{why}: {name}");
        }
    }
}

/// The log's own signature bounds the size of the tree, whoever has still to cosign it.
#[test]
fn records_are_read_where_only_the_quorum_is_missing() {
    let (read, refused) = judged(whole(), &trust_with_quorum("a"));
    let report = refused.report().unwrap();
    assert_eq!((refused.as_str(), report.records_read), ("untrusted", true));
    assert!(report.refused().any(|name| name == "quorum"));
    assert!(read > 1000 && check(&refused, "records").status == Status::Pass);
}

/// A file that isn't there, or that nobody listed, is told without reading any.
#[test]
fn the_listing_is_checked_where_no_record_is_read() {
    let other_key = LogSigner::from_seed("example.com/log", &[8; 32]).unwrap();
    for missing in BOUND_BY_THE_CHECKPOINT {
        let mut package = with_checkpoint(checkpoint(SIZE).sign(&other_key));
        package.0.remove(*missing);
        package.0.insert("notes.txt".into(), Vec::new());
        let expected = ["file:notes.txt", &format!("file:{missing}"), "log-signature"];
        assert_eq!(refused(&package), expected);
        let (read, refused) = judged(package, &trust());
        assert_eq!((read, check(&refused, "records").status), (0, Status::Skip));
    }
}
