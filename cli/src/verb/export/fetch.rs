//! The records of an export: streamed from the log, checked, redacted and written, a few batches at a time.

use super::hiding::Hiding;
use super::lanes::{Batch, Entries, Lanes};
use super::output::{Output, Sink};
use super::received::{PATIENCE, Received, read, wrong};
use super::report::Summary;
use crate::crosswalk::evaluate::Evaluator;
use crate::crosswalk::load::Crosswalk;
use crate::log::client::Client;
use crate::log::retry::Retry;
use crate::log::url::percent_encoded;
use crate::proof::sequence::{Next, Sequence};
use crate::show::failure::Failure;
use crate::show::progress::progress;
use indicatif::ProgressBar;
use provlog_core::claims::kind_name;
use provlog_core::hex;
use provlog_core::limits::PACKAGE_ENTRIES_MAX;
use provlog_core::package::{
    CSV, Filters, JSON_LINES, RECORDS, Version, csv_header, encoded_item, record_item,
};
use provlog_core::path::ClaimName;
use provlog_core::record::Record;
use provlog_core::redact::{Redaction, redact_record};
use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;

/// Records asked for at once.
const PAGE_RECORDS: u64 = 20_000;

/// Bytes of records after which a batch is full.
const BATCH_BYTES: usize = 256 * 1024;

/// Which records to fetch, and what to hide in them.
pub(super) struct RecordQuery<'a> {
    pub(super) client: &'a Client,
    pub(super) range: Range<u64>,
    pub(super) filters: &'a Filters,
    pub(super) hiding: &'a Hiding,
    pub(super) crosswalk: &'a Crosswalk,
    /// The name of the log.
    pub(super) origin: &'a str,
}

/// What the records say, for the page.
pub(super) struct Said<'a> {
    pub(super) summary: Summary,
    pub(super) evidence: Evaluator<'a>,
}

/// How far an answer of the log has been read.
struct Answer {
    /// Least index that may come next.
    least: u64,
    got: u64,
    done: bool,
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

impl<'a> RecordQuery<'a> {
    /// Fetches and writes all of them. No entry is an error: a package proves that something is there.
    pub(super) fn fetch(&self, output: &mut Output) -> Result<(Entries, Said<'a>), Failure> {
        let bar = progress("exporting", self.range.end - self.range.start);
        self.write(output, |taken, lanes| {
            let (mut next, mut retry) = (self.range.start, Retry::within(PATIENCE));
            while next < self.range.end {
                let before = taken.entries.count();
                let answered = self.page(next, taken, lanes, &bar);
                // What came before a connection broke is kept.
                let outcome = taken.take_in_all(lanes).and(answered);
                if taken.entries.count() > before {
                    next = taken.entries.indices.last().map_or(next, |last| last + 1);
                    retry = Retry::within(PATIENCE);
                }
                match outcome {
                    Ok(end) => next = next.max(end),
                    Err(failure) => retry.wait(failure)?,
                }
            }
            Ok(())
        })
    }

    /// Writes records that came already.
    pub(super) fn take(
        &self,
        received: &Received,
        output: &mut Output,
    ) -> Result<(Entries, Said<'a>), Failure> {
        self.write(output, |taken, lanes| {
            let mut records = received.iter().peekable();
            while records.peek().is_some() {
                let mut batch = lanes.spare().unwrap_or_else(|| Batch::new(self.crosswalk, self.origin));
                while batch.received.len() < BATCH_BYTES
                    && let Some((index, record)) = records.next()
                {
                    batch.push(*index, record);
                }
                lanes.give(batch);
                while let Some(batch) = lanes.take_if_full() {
                    taken.take_in(batch, lanes)?;
                }
            }
            taken.take_in_all(lanes)
        })
    }

    /// Writes what is handed to the lanes.
    fn write(
        &self,
        output: &mut Output,
        hand: impl FnOnce(&mut Taken<'a>, &mut Lanes<Batch<'a>>) -> Result<(), Failure>,
    ) -> Result<(Entries, Said<'a>), Failure> {
        let mut taken = Taken {
            records: output.open(RECORDS)?,
            json: output.open(JSON_LINES)?,
            csv: output.open(CSV)?,
            entries: Entries::default(),
            named: BTreeSet::new(),
            said: Said { summary: Summary::default(), evidence: Evaluator::new(self.crosswalk, self.origin) },
        };
        taken.csv.write(csv_header(Version::V2).as_bytes())?;
        let build = |batch: &mut Batch<'a>| self.build(batch);
        thread::scope(|scope| hand(&mut taken, &mut Lanes::start(scope, &build)))?;
        for sink in [taken.records, taken.json, taken.csv] {
            output.close(sink)?;
        }
        if taken.entries.indices.is_empty() {
            return Err(Failure::NotFound("no entry of the log is one that was asked for".into()));
        }
        self.check_names(&taken.named)?;
        Ok((taken.entries, taken.said))
    }

    /// One answer of the log, handed to the lanes, which may hold its last batches still. Gives the index to go on at.
    fn page(
        &self,
        start: u64,
        taken: &mut Taken<'a>,
        lanes: &mut Lanes<Batch<'a>>,
        bar: &ProgressBar,
    ) -> Result<u64, Failure> {
        let limit =
            if self.filters.select() { PAGE_RECORDS } else { PAGE_RECORDS.min(self.range.end - start) };
        let records = self.client.records(&self.path(start, limit))?;
        // A log that doesn't say has looked through all that it has.
        let looked_to = records.range_end.map_or(self.range.end, |end| end.min(self.range.end));
        if looked_to <= start {
            return Err(self.wrong(format!("expected a range that ends above {start}, got {looked_to}")));
        }
        let broken = |error| self.client.no_answer(error);
        let mut items = Sequence::new(records.body, &broken);
        let mut answer = Answer { least: start, got: 0, done: false };
        while !answer.done {
            let mut batch = lanes.spare().unwrap_or_else(|| Batch::new(self.crosswalk, self.origin));
            let cut = self.cut(&mut items, &mut batch, &mut answer);
            lanes.give(batch);
            cut?;
            while let Some(batch) = lanes.take_if_full() {
                taken.take_in(batch, lanes)?;
            }
            bar.set_position(answer.least - self.range.start);
        }
        let end = if answer.got < limit { answer.least.max(looked_to) } else { answer.least };
        bar.set_position(end.min(self.range.end) - self.range.start);
        Ok(end)
    }

    /// Fills a batch.
    fn cut(
        &self,
        items: &mut Sequence<'_>,
        batch: &mut Batch<'_>,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        while batch.received.len() < BATCH_BYTES {
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
            batch.push(item.index, item.record);
        }
        Ok(())
    }

    /// Checks and redacts the records of a batch, and writes them in their three forms.
    fn build(&self, batch: &mut Batch<'_>) -> Result<(), Failure> {
        for (index, place) in std::mem::take(&mut batch.places) {
            let bytes = &batch.received[place];
            let record = read(self.client, index, bytes)?;
            if !self.filters.admit(&record) {
                return Err(self.wrong(format!("entry {index} is not one that was asked for")));
            }
            let record = match self.hiding.redaction(&record) {
                // There is one way to write a record: what came is what would be written.
                None => {
                    batch.records.extend_from_slice(&encoded_item(index, bytes));
                    record
                }
                Some(redaction) => {
                    let (Redaction::Hide(claims) | Redaction::Keep(claims)) = &redaction;
                    batch.named.extend(claims.iter().cloned());
                    let record = redact_record(record, &redaction)?;
                    self.check_disclosure(&record)?;
                    batch.records.extend_from_slice(&record_item(index, &record));
                    record
                }
            };
            batch.counts.add(&record);
            batch.evidence.add(index, &record);
            batch.texts.add(Version::V2, index, &record);
        }
        Ok(())
    }

    /// What entries were selected by stands in the manifest: a claim that is hidden in them would be told there.
    fn check_disclosure(&self, record: &Record) -> Result<(), Failure> {
        let filters = [
            ("environment", self.filters.environment.is_some()),
            ("subject", self.filters.subject.is_some()),
        ];
        let told = filters.into_iter().find(|(name, given)| {
            *given && record.submitted.get(name).is_some_and(|claim| claim.value().is_none())
        });
        match told {
            Some((name, _)) => Err(Failure::Usage(format!(
                "--{name} would tell in the manifest what is hidden in the records: submitted.{name}; don't hide it, or \
                 select by something else"
            ))),
            None => Ok(()),
        }
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
        wrong(self.client, problem)
    }
}

impl<'a> Taken<'a> {
    /// Takes in every batch that the lanes still have, up to the first that failed.
    fn take_in_all(&mut self, lanes: &mut Lanes<Batch<'a>>) -> Result<(), Failure> {
        let mut outcome = Ok(());
        while let Some(batch) = lanes.take() {
            let kept = self.take_in(batch, lanes);
            outcome = outcome.and(kept);
        }
        outcome
    }

    /// Writes what was made of a batch, and gives its room back.
    fn take_in(
        &mut self,
        batch: Result<Batch<'a>, Failure>,
        lanes: &mut Lanes<Batch<'a>>,
    ) -> Result<(), Failure> {
        let mut batch = batch?;
        self.records.write(&batch.records)?;
        self.json.write(batch.texts.json.as_bytes())?;
        self.csv.write(batch.texts.csv.as_bytes())?;
        self.named.append(&mut batch.named);
        self.said.summary.add(std::mem::take(&mut batch.counts));
        // With the references of records, entries are taken in, too.
        self.said.evidence.append(batch.evidence.take(), &mut self.entries);
        batch.clear();
        lanes.keep(batch);
        if self.entries.count() > PACKAGE_ENTRIES_MAX { Err(too_many()) } else { Ok(()) }
    }
}

/// More entries than a package holds.
fn too_many() -> Failure {
    let advice = "export in parts, with --start and --end";
    Failure::Usage(format!("a package holds at most {PACKAGE_ENTRIES_MAX} entries: {advice}"))
}
