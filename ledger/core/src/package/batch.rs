//! Records, some hundred at a time: what can be checked of each alone, by as many threads as there are.

use super::manifest::{Manifest, RedactionRule};
use super::names::Names;
use super::references::{self, Referring};
use super::text::Texts;
use crate::cbor::Writer;
use crate::claims::referring_claims;
use crate::entry::Kind;
use crate::hash::Hash;
use crate::path::ClaimName;
use crate::record::{AnyRecord, Record};
use crate::redact::Redaction;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

/// Bytes of `records.cbor` after which a batch is full: enough work for a thread, little enough to hold. So few in tests that
/// small packages take many rounds of batches.
pub(super) const BATCH_BYTES: usize = if cfg!(test) { 1024 } else { 256 * 1024 };

/// Items that were cut out of `records.cbor`, in its order.
#[derive(Debug)]
pub struct Batch<'m> {
    manifest: &'m Manifest,
    bytes: Vec<u8>,
    items: Vec<(u64, Range<usize>)>,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Checked {
    /// Index and leaf hash of each record, up to the first one that is refused.
    pub(super) leaves: Vec<(u64, Hash)>,
    /// Where the texts of each of them end.
    pub(super) ends: Vec<(usize, usize)>,
    /// Those texts.
    pub(super) texts: Texts,
    /// The record that is refused, and why.
    pub(super) refused: Option<String>,
    /// A record that isn't one of those that were asked for.
    pub(super) not_asked_for: Option<String>,
    /// Of the package of an entry: what each record names.
    pub(super) names: Vec<Names>,
    /// A claim that is shown although the manifest says that it is hidden.
    pub(super) shown: Option<String>,
    /// Claims that are hidden, by whomever.
    pub(super) hidden: Hidden,
    /// Each record's kind, and what it refers to.
    pub(super) referring: Vec<(Kind, Vec<Referring>)>,
    /// Times of the first and the last of them, in milliseconds since the Unix epoch.
    pub(super) times_ms: Option<(u64, u64)>,
}

/// How many claims are hidden, in how many entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Hidden {
    pub(super) claims: u64,
    pub(super) entries: u64,
}

/// Which claims a rule hides, found without a look at all that it names: a manifest may name thousands.
struct Hiding<'m> {
    rule: Option<&'m Redaction>,
    named: BTreeSet<&'m ClaimName>,
}

impl<'m> Hiding<'m> {
    fn by(redaction: &'m RedactionRule) -> Self {
        let rule = redaction.rule.as_ref();
        let named = rule.map(|(Redaction::Hide(named) | Redaction::Keep(named))| named.iter().collect());
        Self { rule, named: named.unwrap_or_default() }
    }

    /// A claim of this record that is shown although the rule hides it.
    fn shown_against(&self, record: &Record) -> Option<ClaimName> {
        let hides_named = matches!(self.rule?, Redaction::Hide(_));
        let shown = record.claims().filter(|(.., claim)| claim.value().is_some());
        let mut names = shown.map(|(section, name, _)| ClaimName { section, name: name.into() });
        names.find(|claim| self.named.contains(claim) == hides_named)
    }
}

/// What records are held against, made ready once a batch.
struct Demands<'m> {
    manifest: &'m Manifest,
    hiding: Hiding<'m>,
    referring: Vec<(&'static str, Kind)>,
}

impl<'m> Batch<'m> {
    pub(super) const fn new(manifest: &'m Manifest) -> Self {
        Self { manifest, bytes: Vec::new(), items: Vec::new() }
    }

    pub(super) fn push(&mut self, index: u64, record: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.items.push((index, start..self.bytes.len()));
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Reads every record, recomputes its digests and leaf hash, holds it against the manifest, and writes its texts.
    #[must_use]
    pub fn check(self) -> Checked {
        self.check_each(&mut |_, _| {})
    }

    /// As [`Batch::check`], and shows every record that holds, with its index.
    #[must_use]
    pub fn check_each(self, visit: &mut dyn FnMut(u64, &Record)) -> Checked {
        let mut checked = Checked::default();
        let manifest = self.manifest;
        let hiding = Hiding::by(&manifest.redaction);
        let demands = Demands { manifest, hiding, referring: referring_claims().collect() };
        for (index, range) in &self.items {
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            match checked.add(&demands, *index, bytes) {
                Ok(record) => visit(*index, &record),
                Err(problem) => {
                    checked.refused = Some(format!("entry {index}: {problem}"));
                    break;
                }
            }
        }
        checked
    }
}

impl Checked {
    /// A batch of which nothing could be said: whoever runs batches says why.
    #[must_use]
    pub fn refused(problem: &str) -> Self {
        Self { refused: Some(problem.into()), ..Self::default() }
    }

    fn add(&mut self, demands: &Demands<'_>, index: u64, bytes: &[u8]) -> Result<Record, String> {
        let record = match Record::parse(bytes) {
            Ok(AnyRecord::Known(record)) => record,
            Ok(AnyRecord::UnknownVersion { version, .. }) => {
                return Err(format!("entry version {version} is not known to this version"));
            }
            Err(error) => return Err(error.to_string()),
        };
        if !record.digests_match() {
            return Err("the claims don't match the digests in the entry".into());
        }
        let time_ms = record.entry.time_ms.get();
        let first_ms = match self.times_ms {
            Some((_, last_ms)) if time_ms < last_ms => {
                return Err("its time is earlier than that of the entry before".into());
            }
            Some((first_ms, _)) => first_ms,
            None => time_ms,
        };
        self.times_ms = Some((first_ms, time_ms));
        if self.not_asked_for.is_none() && !demands.manifest.filters.admit(&record) {
            self.not_asked_for = Some(format!("entry {index}"));
        }
        if demands.manifest.filters.entry.is_some() {
            self.names.push(Names::of(&record, index, &demands.manifest.origin));
        }
        if self.shown.is_none() {
            let shown = demands.hiding.shown_against(&record);
            self.shown = shown.map(|claim| format!("{claim} of entry {index}"));
        }
        let hidden = record.claims().filter(|(.., claim)| claim.value().is_none()).count();
        self.hidden.claims += u64::try_from(hidden).unwrap_or(u64::MAX);
        self.hidden.entries += u64::from(hidden > 0);
        self.leaves.push((index, self.texts.add(demands.manifest.version, index, &record)));
        let referring = references::of_record(&record, &demands.manifest.origin, &demands.referring);
        self.referring.push((record.entry.kind, referring));
        self.ends.push((self.texts.json.len(), self.texts.csv.len()));
        Ok(record)
    }
}

/// An item of `records.cbor`: `[index, record]`.
#[must_use]
pub fn record_item(index: u64, record: &Record) -> Vec<u8> {
    encoded_item(index, &record.to_bytes())
}

/// As [`record_item`], of the bytes of a record.
#[must_use]
pub fn encoded_item(index: u64, record: &[u8]) -> Vec<u8> {
    // The head of an array, and an integer of up to 9 bytes.
    let mut writer = Writer::with_capacity(record.len().saturating_add(10));
    writer.array(2);
    // Indices are below 2^53.
    writer.integer(i64::try_from(index).unwrap_or(i64::MAX));
    writer.encoded(record);
    writer.into_bytes()
}
