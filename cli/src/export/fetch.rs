//! The records of an export: streamed from the log, checked, redacted and written, a few batches at a time.

use super::output::{Output, Sink};
use super::{Hiding, too_many};
use crate::client::Client;
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use provlog_core::cbor::{Fault, Reader};
use provlog_core::claims::kind_name;
use provlog_core::limits::RECORD_DEPTH_MAX;
use provlog_core::package::{
    CSV, ENTRIES_MAX, Filters, ITEM_BYTES_MAX, JSON_LINES, RECORDS, csv_header, csv_row, json_line,
    record_item,
};
use provlog_core::record::{AnyRecord, Record};
use provlog_core::redact::{ClaimName, Redaction, redact_record};
use provlog_core::{Hash, hex};
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;
use std::thread;

/// Records asked for at once.
const PAGE_RECORDS: u64 = 20_000;

/// Bytes of records after which a batch is full.
const BATCH_BYTES: usize = 256 * 1024;

/// Bytes that are read at a time.
const READ_BYTES: usize = 128 * 1024;

/// How far the export is, on a terminal.
const PROGRESS: &str = "{msg} {wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} to go";

/// Which records to fetch, and what to hide in them.
pub(super) struct Query<'a> {
    pub(super) client: &'a Client,
    pub(super) range: Range<u64>,
    pub(super) filters: &'a Filters,
    pub(super) hiding: &'a Hiding,
}

/// What was written: 40 bytes an entry, until the proof is.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) indices: Vec<u64>,
    pub(super) leaves: Vec<Hash>,
}

impl Entries {
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.indices.len()).unwrap_or(u64::MAX)
    }
}

/// Records as they came, with their indices.
#[derive(Default)]
struct Batch {
    items: Vec<(u64, Vec<u8>)>,
    bytes: usize,
}

/// What a batch becomes.
#[derive(Default)]
struct Built {
    entries: Entries,
    records: Vec<u8>,
    json: Vec<u8>,
    csv: Vec<u8>,
    named: BTreeSet<ClaimName>,
}

/// The three files.
struct Sinks {
    records: Sink,
    json: Sink,
    csv: Sink,
}

impl Query<'_> {
    /// Fetches and writes all of them. No entry is an error: a package proves that something is there.
    pub(super) fn fetch(&self, output: &mut Output) -> Result<Entries, Failure> {
        let mut sinks =
            Sinks { records: output.open(RECORDS)?, json: output.open(JSON_LINES)?, csv: output.open(CSV)? };
        sinks.csv.write(csv_header().as_bytes())?;
        let mut entries = Entries::default();
        let mut named = BTreeSet::new();
        let bar = bar(self.range.end - self.range.start);
        let mut next = self.range.start;
        while next < self.range.end {
            let before = entries.count();
            let outcome = self.page(next, &mut sinks, &mut entries, &mut named, &bar);
            let progress = entries.count() > before;
            next = entries.indices.last().filter(|_| progress).map_or(next, |last| last + 1);
            match outcome {
                Ok(true) => break,
                // A connection that broke is taken up again for as long as it brings something.
                Err(Failure::Unreachable(_)) if progress => {}
                outcome => drop(outcome?),
            }
        }
        bar.finish_and_clear();
        for sink in [sinks.records, sinks.json, sinks.csv] {
            output.close(sink)?;
        }
        if entries.indices.is_empty() {
            return Err(Failure::NotFound("no entry of the log is one that was asked for".into()));
        }
        self.check_names(&named)?;
        Ok(entries)
    }

    /// One answer of the log. `true` when there is nothing after it.
    fn page(
        &self,
        start: u64,
        sinks: &mut Sinks,
        entries: &mut Entries,
        named: &mut BTreeSet<ClaimName>,
        bar: &ProgressBar,
    ) -> Result<bool, Failure> {
        let limit =
            if self.filters.select() { PAGE_RECORDS } else { PAGE_RECORDS.min(self.range.end - start) };
        let stream = self.client.stream(&self.path(start, limit), "application/cbor-seq")?;
        let mut items = Items { stream, client: self.client, buffer: Vec::new(), used: 0, ended: false };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let (mut least, mut got, mut done) = (start, 0, false);
        while !done {
            let mut batches = Vec::new();
            let mut broken = None;
            while batches.len() < workers && !done && broken.is_none() {
                let mut batch = Batch::default();
                while batch.bytes < BATCH_BYTES {
                    match items.next_item() {
                        Ok(Some((index, record))) if index < self.range.end => {
                            if index < least {
                                let problem = format!("expected an entry from {least} on, got {index}");
                                return Err(self.wrong(problem));
                            }
                            (least, got) = (index + 1, got + 1);
                            batch.bytes += record.len();
                            batch.items.push((index, record));
                        }
                        Ok(_) => {
                            done = true;
                            break;
                        }
                        Err(failure) => {
                            broken = Some(failure);
                            break;
                        }
                    }
                }
                batches.push(batch);
            }
            for built in self.build(&batches) {
                sinks.take_in(built?, entries, named)?;
            }
            bar.set_position(least - self.range.start);
            // What came before a connection broke is kept.
            broken.map_or(Ok(()), Err)?;
        }
        Ok(got < limit || least >= self.range.end)
    }

    fn build(&self, batches: &[Batch]) -> Vec<Result<Built, Failure>> {
        thread::scope(|scope| {
            let workers: Vec<_> =
                batches.iter().map(|batch| scope.spawn(move || self.build_one(batch))).collect();
            let ended = || Failure::Internal("a thread ended early: this is a bug, please report it".into());
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(ended()))).collect()
        })
    }

    /// Checks and redacts the records of a batch, and writes them in their three forms.
    fn build_one(&self, batch: &Batch) -> Result<Built, Failure> {
        let mut built = Built::default();
        for (index, bytes) in &batch.items {
            let record = match Record::parse(bytes) {
                Ok(AnyRecord::Known(record)) => record,
                Ok(AnyRecord::UnknownVersion { version, .. }) => {
                    return Err(
                        self.wrong(format!("entry {index}: version {version} is not known to this program"))
                    );
                }
                Err(error) => return Err(self.wrong(format!("entry {index}: {error}"))),
            };
            if !self.filters.admit(&record) {
                return Err(self.wrong(format!("entry {index} is not one that was asked for")));
            }
            if !record.digests_match() {
                let problem = format!("entry {index}: its claims don't match the digests in it");
                return Err(Failure::NotProven(problem));
            }
            let record = self.redacted(record, &mut built.named)?;
            built.records.extend_from_slice(&record_item(*index, &record));
            built.json.extend_from_slice(json_line(*index, &record).as_bytes());
            built.csv.extend_from_slice(csv_row(*index, &record).as_bytes());
            built.entries.indices.push(*index);
            built.entries.leaves.push(record.entry.leaf_hash());
        }
        Ok(built)
    }

    fn redacted(&self, record: Record, named: &mut BTreeSet<ClaimName>) -> Result<Record, Failure> {
        let present = |claims: &[ClaimName], named: &mut BTreeSet<ClaimName>| {
            let there = |claim: &&ClaimName| record.section(claim.section).get(&claim.name).is_some();
            let there: Vec<ClaimName> = claims.iter().filter(there).cloned().collect();
            named.extend(there.iter().cloned());
            there
        };
        let redaction = match self.hiding {
            Hiding::Nothing => return Ok(record),
            Hiding::Profile(profile) => profile.redaction(&record),
            Hiding::Named(Redaction::Hide(claims)) => Redaction::Hide(present(claims, named)),
            Hiding::Named(Redaction::Keep(claims)) => Redaction::Keep(present(claims, named)),
        };
        Ok(redact_record(record, &redaction)?)
    }

    /// A claim that no record has is perhaps a misspelling, and then something is shown that wasn't meant to be.
    fn check_names(&self, named: &BTreeSet<ClaimName>) -> Result<(), Failure> {
        let Hiding::Named(Redaction::Hide(claims) | Redaction::Keep(claims)) = self.hiding else {
            return Ok(());
        };
        match claims.iter().find(|claim| !named.contains(claim)) {
            Some(claim) => Err(Failure::Usage(format!("none of these records has a claim {claim}"))),
            None => Ok(()),
        }
    }

    fn path(&self, start: u64, limit: u64) -> String {
        let mut path = format!("/v1/records?start={start}&limit={limit}");
        let mut add = |name: &str, value: &str| path.push_str(&format!("&{name}={}", percent_encoded(value)));
        if let Some(kind) = self.filters.kind.and_then(kind_name) {
            add("kind", kind);
        }
        for (name, ms) in [("from", self.filters.from_ms), ("to", self.filters.to_ms)] {
            if let Some(ms) = ms {
                add(name, &ms.to_string());
            }
        }
        // The log takes one algorithm; what has that one and another value under a second is left out here.
        if let Some((algorithm, digest)) =
            self.filters.subject.as_ref().and_then(|digest| digest.iter().next())
        {
            add("subject", &format!("{algorithm}:{}", hex::encode(digest.as_bytes().unwrap_or_default())));
        }
        if let Some(environment) = &self.filters.environment {
            add("environment", environment);
        }
        path
    }

    fn wrong(&self, problem: String) -> Failure {
        Failure::malformed(format!("the records that {} answered", self.client.base()), problem)
    }
}

impl Sinks {
    fn take_in(
        &mut self,
        built: Built,
        entries: &mut Entries,
        named: &mut BTreeSet<ClaimName>,
    ) -> Result<(), Failure> {
        self.records.write(&built.records)?;
        self.json.write(&built.json)?;
        self.csv.write(&built.csv)?;
        entries.indices.extend(built.entries.indices);
        entries.leaves.extend(built.entries.leaves);
        named.extend(built.named);
        if entries.count() > ENTRIES_MAX { Err(too_many()) } else { Ok(()) }
    }
}

/// The CBOR sequence of an answer, item by item.
struct Items<'c> {
    stream: Box<dyn Read>,
    client: &'c Client,
    buffer: Vec<u8>,
    used: usize,
    ended: bool,
}

impl Items<'_> {
    fn next_item(&mut self) -> Result<Option<(u64, Vec<u8>)>, Failure> {
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            if rest.is_empty() && self.ended {
                return Ok(None);
            }
            let mut reader = Reader::new(rest);
            let item = reader.array().and_then(|items| {
                let index = reader.value(0)?;
                let start = reader.offset();
                reader.skip(RECORD_DEPTH_MAX)?;
                Ok((index.as_uint().filter(|_| items == 2), reader.since(start).to_vec()))
            });
            let wrong = |problem: String| {
                Failure::malformed(format!("the records that {} answered", self.client.base()), problem)
            };
            match item {
                Ok((Some(index), record)) => {
                    self.used += reader.offset();
                    return Ok(Some((index, record)));
                }
                Ok((None, _)) => return Err(wrong("expected [index, record]".into())),
                Err(error)
                    if error.fault == Fault::Truncated && !self.ended && rest.len() < ITEM_BYTES_MAX =>
                {
                    self.fill()?;
                }
                Err(error) => return Err(wrong(error.to_string())),
            }
        }
    }

    fn fill(&mut self) -> Result<(), Failure> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + READ_BYTES, 0);
        let read = self.stream.read(&mut self.buffer[before..]);
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended = read.map_err(|error| self.client.broken(&error))? == 0;
        Ok(())
    }
}

/// RFC 3986, section 2.1: everything but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message("exporting");
    match ProgressStyle::with_template(PROGRESS) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
