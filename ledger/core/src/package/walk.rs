//! One pass over the records, with their texts beside them, and over the proof's nodes.

use super::batch::{Batch, Checked, Hidden};
use super::manifest::{Manifest, RedactionRule};
use super::references::References;
use super::selection::Selection;
use super::source::{Digesting, Unreadable};
use super::text::csv_header;
use super::{CSV, JSON_LINES, PROOF, RECORDS};
use crate::cbor::Reader;
use crate::check::{Check, Status};
use crate::hash::Hash;
use crate::limits::{INTEGER_MAX, ITEM_BYTES_MAX, RECORD_DEPTH_MAX};
use crate::tree::MultiproofError;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bytes of `records.cbor` that are held: a few items at least, a batch at most.
const WINDOW_BYTES: usize = 8 * ITEM_BYTES_MAX;

/// Bytes of the proof that are held.
const NODES_BYTES: usize = 1024 * 32;

pub(super) const NOT_READ_ON: &str = "not read beyond the record that is refused";

/// What the indices of the records turned out to be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// The first and the last index.
    pub(super) ends: Option<(u64, u64)>,
    /// The first index that is missing between them.
    pub(super) gap: Option<u64>,
}

/// The check of one of the package's files.
pub(super) struct FileCheck {
    pub(super) file: String,
    pub(super) check: Check,
}

/// Who checks batches, and does something else meanwhile.
type CheckBatches<'a, 'c> = &'c dyn Fn(Vec<Batch<'a>>, &mut dyn FnMut()) -> Vec<Checked>;

/// The records, checked batch by batch while the proof asks for their leaves. While a round of batches is checked, what came of
/// the round before is taken in, and the next one is cut.
pub(super) struct Walk<'a, 'c> {
    manifest: &'a Manifest,
    /// Entries in the tree: an index from here on is of no entry, and nothing behind it is read.
    size: u64,
    workers: usize,
    check: CheckBatches<'a, 'c>,
    records: Option<Digesting<'a>>,
    window: Vec<u8>,
    used: usize,
    /// The round that was cut last.
    cut: Vec<Batch<'a>>,
    /// What came of the round before, and isn't taken in yet.
    checked: Vec<Checked>,
    leaves: VecDeque<(u64, Hash)>,
    json: Mirror<'a>,
    csv: Mirror<'a>,
    run: Run,
    count: u64,
    times_ms: Option<(u64, u64)>,
    last_cut: Option<u64>,
    /// Why nothing is cut any more: what is wrong with the item behind the last one.
    uncut: Option<String>,
    refused: Option<String>,
    selection: Selection,
    shown: Option<String>,
    hidden: Hidden,
    references: References,
    ended: bool,
}

/// What came of it.
pub(super) struct Seen {
    pub(super) files: Vec<FileCheck>,
    pub(super) records: Check,
    pub(super) filters: Check,
    pub(super) redaction: Check,
    pub(super) references: Check,
    pub(super) texts: Vec<Check>,
    pub(super) run: Run,
    pub(super) count: u64,
    pub(super) times_ms: Option<(u64, u64)>,
}

impl<'a, 'c> Walk<'a, 'c> {
    pub(super) fn new(
        manifest: &'a Manifest,
        size: u64,
        workers: usize,
        check: CheckBatches<'a, 'c>,
        records: Option<Digesting<'a>>,
        json: Option<Digesting<'a>>,
        csv: Option<Digesting<'a>>,
    ) -> Self {
        let mut csv = Mirror::new(CSV, csv);
        csv.compare(csv_header(manifest.version).as_bytes(), |_| "the first row".into());
        Self {
            manifest,
            size,
            workers: workers.max(1),
            check,
            refused: records.is_none().then(|| format!("{RECORDS} can't be read")),
            records,
            window: Vec::new(),
            used: 0,
            cut: Vec::new(),
            checked: Vec::new(),
            leaves: VecDeque::new(),
            json: Mirror::new(JSON_LINES, json),
            csv,
            run: Run::default(),
            count: 0,
            times_ms: None,
            last_cut: None,
            uncut: None,
            selection: Selection::default(),
            shown: None,
            hidden: Hidden::default(),
            references: References::default(),
            ended: false,
        }
    }

    /// Index and leaf hash of the next record; none after the last, or the one before the first that is refused.
    pub(super) fn next_leaf(&mut self) -> Option<(u64, Hash)> {
        while self.leaves.is_empty() && self.refused.is_none() && !self.is_over() {
            self.advance();
        }
        self.leaves.pop_front()
    }

    /// Whether every item that can be cut was checked and taken in.
    fn is_over(&self) -> bool {
        self.ended && self.cut.is_empty() && self.checked.is_empty()
    }

    /// Checks the round that is cut.
    fn advance(&mut self) {
        let (batches, check) = (core::mem::take(&mut self.cut), self.check);
        let mut is_due = true;
        let mut checked = Vec::new();
        if !batches.is_empty() {
            checked = check(batches, &mut || {
                if core::mem::take(&mut is_due) {
                    self.take_in_and_cut();
                }
            });
        }
        if is_due {
            self.take_in_and_cut();
        }
        self.checked = checked;
        // A batch that was cut earlier comes before the item that couldn't be cut.
        if self.uncut.is_some() && self.cut.is_empty() && self.checked.is_empty() {
            self.refused = self.refused.take().or_else(|| self.uncut.take());
        }
    }

    /// Takes in what came of the last round, and cuts the next one.
    fn take_in_and_cut(&mut self) {
        for checked in core::mem::take(&mut self.checked) {
            self.take_in(checked);
        }
        if self.refused.is_none() {
            self.cut = self.cut_round();
        }
    }

    fn cut_round(&mut self) -> Vec<Batch<'a>> {
        let mut batches = Vec::new();
        for _ in 0..self.workers {
            let mut batch = Batch::new(self.manifest);
            while !batch.is_full() && !self.ended && self.uncut.is_none() {
                if let Err(problem) = self.cut_item(&mut batch) {
                    self.uncut = Some(problem);
                }
            }
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        batches
    }

    /// Cuts the next item out of the window.
    fn cut_item(&mut self, batch: &mut Batch<'a>) -> Result<(), String> {
        if self.window.len() - self.used < ITEM_BYTES_MAX {
            self.window.drain(..self.used);
            self.used = 0;
            if let Some(file) = &mut self.records {
                file.fill(&mut self.window, WINDOW_BYTES).map_err(|error| error.to_string())?;
            }
        }
        let rest = self.window.get(self.used..).unwrap_or_default();
        if rest.is_empty() {
            self.ended = true;
            return Ok(());
        }
        let after = self
            .last_cut
            .map_or_else(|| "the first item".into(), |index| format!("the item after entry {index}"));
        let wrong = |problem: String| format!("{after}: {problem}");
        // An item within its limit lies in here whole.
        let rest = rest.get(..rest.len().min(ITEM_BYTES_MAX)).unwrap_or_default();
        let mut reader = Reader::new(rest);
        let items = reader.array().map_err(|error| wrong(error.to_string()))?;
        let index = reader.value(0).map_err(|error| wrong(error.to_string()))?.as_uint();
        let index = index.filter(|_| items == 2).ok_or_else(|| wrong("expected [index, record]".into()))?;
        let start = reader.offset();
        reader.pass(RECORD_DEPTH_MAX).map_err(|error| wrong(error.to_string()))?;
        if let Some(last) = self.last_cut.filter(|last| index <= *last) {
            return Err(wrong(format!("expected an index from {} to {INTEGER_MAX}, got {index}", last + 1)));
        }
        if index >= self.size {
            let expected =
                format!("expected an index below {}, the size of the checkpoint's tree", self.size);
            return Err(wrong(format!("{expected}, got {index}")));
        }
        batch.push(index, reader.since(start));
        self.last_cut = Some(index);
        self.used += reader.offset();
        Ok(())
    }

    /// Takes in what came of a batch, unless one before it was refused.
    fn take_in(&mut self, checked: Checked) {
        if self.refused.is_some() {
            return;
        }
        if let (Some((_, last_ms)), Some((first_ms, _))) = (self.times_ms, checked.times_ms)
            && first_ms < last_ms
        {
            let index = checked.leaves.first().map_or(0, |(index, _)| *index);
            self.refused = Some(format!("entry {index}: its time is earlier than that of the entry before"));
            return;
        }
        let first_ms = self.times_ms.map(|(first_ms, _)| first_ms);
        self.times_ms = checked
            .times_ms
            .map(|(batch_ms, last_ms)| (first_ms.unwrap_or(batch_ms), last_ms))
            .or(self.times_ms);
        for (index, _) in &checked.leaves {
            let (first, last) = self.run.ends.unwrap_or((*index, index.wrapping_sub(1)));
            if self.run.gap.is_none() && last.wrapping_add(1) != *index {
                self.run.gap = Some(last + 1);
            }
            self.run.ends = Some((first, *index));
            self.count += 1;
        }
        let entry_at = |ends: &dyn Fn(&(usize, usize)) -> usize, offset: usize| {
            let place = checked.ends.partition_point(|end| ends(end) <= offset);
            let index = checked.leaves.get(place).map_or(0, |(index, _)| *index);
            format!("entry {index}")
        };
        self.json.compare(checked.texts.json.as_bytes(), |offset| entry_at(&|end| end.0, offset));
        self.csv.compare(checked.texts.csv.as_bytes(), |offset| entry_at(&|end| end.1, offset));
        self.leaves.extend(checked.leaves.iter().copied());
        self.refused = checked.refused;
        self.selection.refuse(checked.not_asked_for);
        for ((index, _), names) in checked.leaves.iter().zip(&checked.names) {
            self.selection.add(*index, names);
        }
        self.shown = self.shown.take().or(checked.shown);
        for ((index, leaf_hash), (kind, referring)) in checked.leaves.iter().zip(&checked.referring) {
            self.references.add(*index, *kind, *leaf_hash, referring);
        }
        self.hidden.claims += checked.hidden.claims;
        self.hidden.entries += checked.hidden.entries;
    }

    pub(super) fn finish(self) -> Seen {
        let whole = self.refused.is_none();
        let mut files = Vec::new();
        if let Some(file) = self.records {
            let outcome = match &self.refused {
                None => file.finish(),
                Some(problem) => Err(("records, one after the other".into(), problem.clone())),
            };
            files.push(file_check(RECORDS, outcome));
        }
        let records = match self.refused {
            None => Check::passed("records", self.count),
            Some(problem) => {
                Check::compared("records", "records that match their entries, in order", problem, false)
            }
        };
        let mut texts = Vec::new();
        for (name, mirror) in [("jsonl", self.json), ("csv", self.csv)] {
            let (file, text) = mirror.finish(name, whole);
            files.extend(file);
            texts.push(text);
        }
        let filters = self.selection.check(self.manifest);
        let redaction = match self.shown {
            Some(claim) => Check::compared("redaction", "claims hidden as the manifest says", claim, false),
            None => hidden_check(&self.manifest.redaction, self.hidden),
        };
        let references = self.references.check();
        let (run, count, times_ms) = (self.run, self.count, self.times_ms);
        Seen { files, records, filters, redaction, references, texts, run, count, times_ms }
    }
}

/// What is hidden, by which rule, and whether that rule was checked. It isn't where the manifest lists no claims.
fn hidden_check(redaction: &RedactionRule, hidden: Hidden) -> Check {
    let got = match (hidden.claims, hidden.entries) {
        (0, _) => "no claim is hidden".into(),
        (1, _) => "1 claim is hidden".into(),
        (claims, 1) => format!("{claims} claims of 1 entry are hidden"),
        (claims, entries) => format!("{claims} claims of {entries} entries are hidden"),
    };
    let passed = Check::passed("redaction", got);
    match (&redaction.rule, &redaction.profile) {
        (Some(_), _) => passed,
        (None, Some(profile)) => {
            let remark = format!("the maker's rule \"{profile}\" says what is hidden, and was not checked");
            Check { status: Status::Skip, remark: Some(remark), ..passed }
        }
        (None, None) => {
            let remark = "the manifest names no rule to check";
            Check { status: Status::Skip, remark: Some(remark.into()), ..passed }
        }
    }
}

/// A text of the records, compared with what the records say while they are read.
struct Mirror<'a> {
    name: &'static str,
    file: Option<Digesting<'a>>,
    fault: Option<String>,
    buffer: Vec<u8>,
}

impl<'a> Mirror<'a> {
    const fn new(name: &'static str, file: Option<Digesting<'a>>) -> Self {
        Self { name, file, fault: None, buffer: Vec::new() }
    }

    fn compare(&mut self, expected: &[u8], place: impl Fn(usize) -> String) {
        let Some(file) = self.file.as_mut().filter(|_| self.fault.is_none()) else { return };
        self.buffer.clear();
        if let Err(error) = file.fill(&mut self.buffer, expected.len()) {
            self.fault = Some(error.to_string());
        } else if self.buffer != expected {
            let same = self.buffer.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
            self.fault = Some(format!("differs at {}", place(same)));
        }
    }

    /// The check of the file, if there is one, and that of its content, under `name`.
    fn finish(mut self, name: &str, whole: bool) -> (Option<FileCheck>, Check) {
        if !whole {
            return (None, Check::remarked(name, Status::Skip, NOT_READ_ON));
        }
        self.compare_end();
        let Some(file) = self.file else {
            return (None, Check::compared(name, "the text of the records", "no such file", false));
        };
        match self.fault {
            Some(fault) => (
                Some(file_check(self.name, Err(("the text of the records".into(), fault.clone())))),
                Check::compared(name, "the text of the records", fault, false),
            ),
            None => (Some(file_check(self.name, file.finish())), Check::new(name, Status::Pass)),
        }
    }

    /// Nothing comes after the last record's text.
    fn compare_end(&mut self) {
        let Some(file) = self.file.as_mut().filter(|_| self.fault.is_none()) else { return };
        self.buffer.clear();
        self.fault = match file.fill(&mut self.buffer, 1) {
            Err(error) => Some(error.to_string()),
            Ok(()) if !self.buffer.is_empty() => Some("bytes after the last record's".into()),
            Ok(()) => None,
        };
    }
}

/// The proof's nodes, one after the other.
pub(super) struct Nodes<'a> {
    file: Option<Digesting<'a>>,
    buffer: Vec<u8>,
    used: usize,
    fault: Option<String>,
}

impl<'a> Nodes<'a> {
    pub(super) const fn new(file: Option<Digesting<'a>>) -> Self {
        Self { file, buffer: Vec::new(), used: 0, fault: None }
    }

    pub(super) fn next_node(&mut self) -> Option<Hash> {
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
            if let Err(Unreadable(problem)) = self.file.as_mut()?.fill(&mut self.buffer, NODES_BYTES) {
                self.fault = Some(problem);
                return None;
            }
        }
        let rest = self.buffer.get(self.used..)?;
        match rest.first_chunk::<32>() {
            Some(hash) => {
                self.used += 32;
                Some(Hash(*hash))
            }
            None => {
                if !rest.is_empty() {
                    self.fault = Some(format!("expected hashes of 32 bytes, got {} at the end", rest.len()));
                }
                None
            }
        }
    }

    /// The check of the file, if there is one: it holds the nodes that the records need, and no others.
    pub(super) fn finish(self, misfit: Option<&MultiproofError>) -> Option<FileCheck> {
        let file = self.file?;
        Some(match self.fault {
            Some(fault) => file_check(PROOF, Err(("nodes of the tree".into(), fault))),
            None => match misfit {
                Some(misfit) => {
                    file_check(PROOF, Err(("exactly the nodes that are needed".into(), misfit.to_string())))
                }
                None => file_check(PROOF, file.finish()),
            },
        })
    }
}

/// The check of a file: expected and got where it isn't what it must be.
pub(super) fn file_check(name: &str, outcome: Result<(), (String, String)>) -> FileCheck {
    let check = format!("file:{name}");
    let check = match outcome {
        Ok(()) => Check::new(check, Status::Pass),
        Err((expected, got)) => Check::compared(check, expected, got, false),
    };
    FileCheck { file: name.into(), check }
}
