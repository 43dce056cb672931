//! The records of an export: streamed from the log, checked, redacted and written, a few batches at a time.

use super::output::{Output, Sink};
use super::report::{Counts, Summary};
use super::{Hiding, too_many};
use crate::client::Client;
use crate::crosswalk::evaluate::Evaluator;
use crate::crosswalk::load::Crosswalk;
use crate::failure::Failure;
use crate::sequence::{Next, Sequence};
use indicatif::{ProgressBar, ProgressStyle};
use provlog_core::claims::kind_name;
use provlog_core::package::{
    CSV, ENTRIES_MAX, Filters, JSON_LINES, RECORDS, csv_header, csv_row, json_line, record_item,
};
use provlog_core::record::{AnyRecord, Record};
use provlog_core::redact::{ClaimName, Redaction, redact_record};
use provlog_core::{Hash, hex};
use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;

/// Records asked for at once.
const PAGE_RECORDS: u64 = 20_000;

/// Bytes of records after which a batch is full.
const BATCH_BYTES: usize = 256 * 1024;

/// How far the export is, on a terminal.
const PROGRESS: &str = "{msg} {wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} to go";

/// Which records to fetch, and what to hide in them.
pub(super) struct Query<'a> {
    pub(super) client: &'a Client,
    pub(super) range: Range<u64>,
    pub(super) filters: &'a Filters,
    pub(super) hiding: &'a Hiding,
    pub(super) crosswalk: &'a Crosswalk,
}

/// What was written: 40 bytes an entry, until the proof is.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) indices: Vec<u64>,
    pub(super) leaves: Vec<Hash>,
}

/// What the records say, for the page.
pub(super) struct Said<'a> {
    pub(super) summary: Summary,
    pub(super) evidence: Evaluator<'a>,
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

/// How far an answer of the log has been read.
struct Answer {
    /// Least index that may come next.
    least: u64,
    got: u64,
    done: bool,
}

/// What a batch becomes.
struct Built<'a> {
    entries: Entries,
    records: Vec<u8>,
    json: Vec<u8>,
    csv: Vec<u8>,
    named: BTreeSet<ClaimName>,
    counts: Counts,
    evidence: Evaluator<'a>,
}

/// What has come so far.
struct Taken<'a> {
    records: Sink,
    json: Sink,
    csv: Sink,
    entries: Entries,
    named: BTreeSet<ClaimName>,
    said: Said<'a>,
}

impl<'a> Query<'a> {
    /// Fetches and writes all of them. No entry is an error: a package proves that something is there.
    pub(super) fn fetch(&self, output: &mut Output) -> Result<(Entries, Said<'a>), Failure> {
        let mut taken = Taken {
            records: output.open(RECORDS)?,
            json: output.open(JSON_LINES)?,
            csv: output.open(CSV)?,
            entries: Entries::default(),
            named: BTreeSet::new(),
            said: Said { summary: Summary::default(), evidence: Evaluator::new(self.crosswalk) },
        };
        taken.csv.write(csv_header().as_bytes())?;
        let bar = bar(self.range.end - self.range.start);
        let mut next = self.range.start;
        while next < self.range.end {
            let before = taken.entries.count();
            let outcome = self.page(next, &mut taken, &bar);
            let progress = taken.entries.count() > before;
            next = taken.entries.indices.last().filter(|_| progress).map_or(next, |last| last + 1);
            match outcome {
                Ok(true) => break,
                // A connection that broke is taken up again for as long as it brings something.
                Err(Failure::Unreachable(_)) if progress => {}
                outcome => drop(outcome?),
            }
        }
        bar.finish_and_clear();
        for sink in [taken.records, taken.json, taken.csv] {
            output.close(sink)?;
        }
        if taken.entries.indices.is_empty() {
            return Err(Failure::NotFound("no entry of the log is one that was asked for".into()));
        }
        self.check_names(&taken.named)?;
        Ok((taken.entries, taken.said))
    }

    /// One answer of the log. `true` when there is nothing after it.
    fn page(&self, start: u64, taken: &mut Taken<'a>, bar: &ProgressBar) -> Result<bool, Failure> {
        let limit =
            if self.filters.select() { PAGE_RECORDS } else { PAGE_RECORDS.min(self.range.end - start) };
        let stream = self.client.stream(&self.path(start, limit), "application/cbor-seq")?;
        let broken = |error| self.client.broken(&error).into();
        let mut items = Sequence::new(stream, &broken);
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let mut answer = Answer { least: start, got: 0, done: false };
        while !answer.done {
            let mut batches = Vec::new();
            let mut failed = None;
            while batches.len() < workers && !answer.done && failed.is_none() {
                let mut batch = Batch::default();
                failed = self.cut(&mut items, &mut batch, &mut answer).err();
                batches.push(batch);
            }
            for built in self.build(&batches) {
                taken.take_in(built?)?;
            }
            bar.set_position(answer.least - self.range.start);
            // What came before a connection broke is kept.
            failed.map_or(Ok(()), Err)?;
        }
        Ok(answer.got < limit || answer.least >= self.range.end)
    }

    /// Fills a batch.
    fn cut(&self, items: &mut Sequence<'_>, batch: &mut Batch, answer: &mut Answer) -> Result<(), Failure> {
        while batch.bytes < BATCH_BYTES {
            let item = match items.next_item()? {
                Next::Item(item) if item.index < self.range.end => item,
                Next::Item(_) | Next::End => {
                    answer.done = true;
                    break;
                }
                Next::Malformed(error) => return Err(self.wrong(error.to_string())),
            };
            if item.index < answer.least {
                let problem = format!("expected an entry from {} on, got {}", answer.least, item.index);
                return Err(self.wrong(problem));
            }
            answer.least = item.index + 1;
            answer.got += 1;
            batch.bytes += item.record.len();
            batch.items.push((item.index, item.record.to_vec()));
        }
        Ok(())
    }

    fn build(&self, batches: &[Batch]) -> Vec<Result<Built<'a>, Failure>> {
        thread::scope(|scope| {
            let workers: Vec<_> =
                batches.iter().map(|batch| scope.spawn(move || self.build_one(batch))).collect();
            let ended = || Failure::Internal("a thread ended early: this is a bug, please report it".into());
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(ended()))).collect()
        })
    }

    /// Checks and redacts the records of a batch, and writes them in their three forms.
    fn build_one(&self, batch: &Batch) -> Result<Built<'a>, Failure> {
        let mut built = Built {
            entries: Entries::default(),
            records: Vec::new(),
            json: Vec::new(),
            csv: Vec::new(),
            named: BTreeSet::new(),
            counts: Counts::default(),
            evidence: Evaluator::new(self.crosswalk),
        };
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
            built.counts.add(&record);
            built.evidence.add(*index, &record);
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

impl<'a> Taken<'a> {
    fn take_in(&mut self, built: Built<'a>) -> Result<(), Failure> {
        self.records.write(&built.records)?;
        self.json.write(&built.json)?;
        self.csv.write(&built.csv)?;
        self.entries.indices.extend(built.entries.indices);
        self.entries.leaves.extend(built.entries.leaves);
        self.named.extend(built.named);
        self.said.summary.add(built.counts);
        self.said.evidence.append(built.evidence);
        if self.entries.count() > ENTRIES_MAX { Err(too_many()) } else { Ok(()) }
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
