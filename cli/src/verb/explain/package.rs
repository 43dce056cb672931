//! The overview of a package, made while its records are checked, and the story of the entry that it is of.

use super::proven::ProvenEntry;
use super::story::{Story, hides, in_line, unverified, write_unverified};
use super::workload::{in_line as workload_in_line, writes_itself};
use crate::local::time;
use crate::proof::package::{JudgedPackage, Onlooker, PageFiles, PageJudge, PageStanding};
use crate::proof::receipt::{kind_text, member, uint_json};
use crate::proof::report::Outcome;
use crate::proof::workload::Shown;
use crate::show::page::Page;
use provlog_core::Record;
use provlog_core::check::{Check, Status};
use provlog_core::json::Json;
use provlog_core::package::PackageReport;
use provlog_evidence::verify::EvidenceVerifier;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Entries that are told in a line each.
const LINES_MAX: usize = 40;

/// Most different workloads that are counted apart, and most that are told.
const WORKLOADS_MAX: usize = 4_096;
const WORKLOADS_TOLD_MAX: usize = 20;

/// Most entries of the package of one; only such a package has one of which the story is told.
const OF_ENTRY_MAX: u64 = 4_096;

/// Looks on while a package is checked.
pub(super) struct Overview<'a> {
    evidence: EvidenceVerifier<'a>,
    origin: &'a str,
    seen: Mutex<Seen>,
}

/// What the entries of a package, or a part of it, come to.
#[derive(Default)]
pub(super) struct Seen {
    count: u64,
    kinds: BTreeMap<String, u64>,
    shown: BTreeMap<Shown, u64>,
    /// In words, with how that was shown.
    workloads: BTreeMap<String, u64>,
    /// Entries of workloads beyond those that are counted apart.
    others: u64,
    /// Entries that somebody submitted who didn't have to say who it is.
    nobodys: u64,
    hiding: u64,
    lines: Vec<String>,
    /// The last entry, as long as there are few: the package of an entry ends with it.
    last: Option<(u64, Record)>,
}

/// What is made of a batch of records.
pub(super) struct SeenPart<'a> {
    evidence: EvidenceVerifier<'a>,
    origin: &'a str,
    keeps_last: bool,
    seen: Seen,
}

impl<'a> Overview<'a> {
    /// By this evidence, of records of the log of this name.
    pub(super) fn new(evidence: EvidenceVerifier<'a>, origin: &'a str) -> Self {
        Self {
            evidence: EvidenceVerifier { require_bound: false, ..evidence },
            origin,
            seen: Mutex::default(),
        }
    }

    pub(super) fn into_seen(self) -> Seen {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Onlooker for Overview<'a> {
    type Part = SeenPart<'a>;

    fn part(&self) -> SeenPart<'a> {
        let count = self.seen.lock().unwrap_or_else(PoisonError::into_inner).count;
        let keeps_last = count <= OF_ENTRY_MAX;
        SeenPart { evidence: self.evidence, origin: self.origin, keeps_last, seen: Seen::default() }
    }

    fn see(part: &mut SeenPart<'a>, index: u64, record: &Record) {
        let shown = Shown::of(record, &part.evidence.checks(Some(record), part.origin));
        let seen = &mut part.seen;
        seen.count += 1;
        *seen.kinds.entry(kind_text(record)).or_default() += 1;
        *seen.shown.entry(shown).or_default() += 1;
        seen.add_workload(workload_in_line(record, shown), 1);
        let is_nobodys = matches!(shown, Shown::Nobody | Shown::Unattested) && !writes_itself(record);
        seen.nobodys += u64::from(is_nobodys);
        seen.hiding += u64::from(hides(record));
        if seen.lines.len() < LINES_MAX {
            seen.lines.push(in_line(index, record, shown));
        }
        if part.keeps_last {
            seen.last = Some((index, record.clone()));
        }
    }

    fn keep(&self, part: SeenPart<'a>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).append(part.seen);
    }
}

impl PageJudge for Overview<'_> {
    fn page(&self, _: &PageFiles<'_>) -> Option<PageStanding> {
        None
    }
}

impl Seen {
    fn add_workload(&mut self, workload: String, count: u64) {
        if self.workloads.len() < WORKLOADS_MAX || self.workloads.contains_key(&workload) {
            *self.workloads.entry(workload).or_default() += count;
        } else {
            self.others += count;
        }
    }

    fn append(&mut self, part: Self) {
        self.count += part.count;
        part.kinds.into_iter().for_each(|(kind, count)| *self.kinds.entry(kind).or_default() += count);
        part.shown.into_iter().for_each(|(shown, count)| *self.shown.entry(shown).or_default() += count);
        part.workloads.into_iter().for_each(|(workload, count)| self.add_workload(workload, count));
        self.others += part.others;
        self.nobodys += part.nobodys;
        self.hiding += part.hiding;
        let room = LINES_MAX.saturating_sub(self.lines.len());
        self.lines.extend(part.lines.into_iter().take(room));
        self.last = part.last.or_else(|| self.last.take());
    }
}

/// A package in words.
pub(super) struct PackageStory {
    seen: Seen,
    /// Where the package isn't verified, what it says.
    told: Result<Told, Vec<String>>,
}

/// What is told of a package that is verified.
struct Told {
    overview: Vec<String>,
    /// Of the entry that the package is of.
    story: Option<Story>,
    unproven: Vec<String>,
}

impl PackageStory {
    pub(super) fn of(judged: &JudgedPackage, seen: Seen, evidence: EvidenceVerifier<'_>) -> Self {
        let Outcome::Verified(verdict) = &judged.outcome else {
            let says = judged.outcome.report().map(|report| says(report, &seen)).unwrap_or_default();
            return Self { seen, told: Err(says) };
        };
        let report = verdict.report();
        let of_entry = report.manifest.filters.entry;
        let last = seen.last.as_ref().filter(|(index, _)| of_entry == Some(*index));
        let story = last.map(|(index, record)| {
            let evidence = EvidenceVerifier { require_bound: false, ..evidence };
            let evidence: Vec<Check> = evidence.checks(Some(record), &report.manifest.origin);
            let (checks, is_in_package) = (report.checks.as_slice(), true);
            Story::of(&ProvenEntry { index: *index, record, evidence: &evidence, checks, is_in_package })
        });
        let told = Told { overview: overview_of(report, &seen), story, unproven: unproven(report, &seen) };
        Self { seen, told: Ok(told) }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let told = match &self.told {
            Ok(told) => told,
            Err(says) => return write_unverified(page, says),
        };
        page.line("What is here");
        told.overview.iter().for_each(|sentence| page.sentence(&format!("  {sentence}")));
        page.line("By workload, and how that was shown");
        self.workloads().iter().for_each(|line| page.sentence(&format!("  {line}")));
        if let Some(story) = &told.story {
            page.line("The entry that the package is of");
            story.write(page);
            page.line("The entries that it leads to, and itself");
        } else {
            page.line("The entries");
        }
        self.seen.lines.iter().for_each(|line| page.sentence(&format!("  {line}")));
        let listed = u64::try_from(self.seen.lines.len()).unwrap_or(u64::MAX);
        if let Some(more) = self.seen.count.checked_sub(listed).filter(|more| *more > 0) {
            page.line(&format!("  and {more} more: `provlog verify` and the package's records have them"));
        }
        page.line("What nobody proved of any of them");
        told.unproven.iter().for_each(|sentence| page.sentence(&format!("  {sentence}")));
    }

    fn workloads(&self) -> Vec<String> {
        let mut counted: Vec<_> = self.seen.workloads.iter().collect();
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told = counted.iter().take(WORKLOADS_TOLD_MAX);
        let mut lines: Vec<String> = told.map(|(workload, count)| format!("{count}: {workload}")).collect();
        let more =
            counted.iter().skip(WORKLOADS_TOLD_MAX).map(|(_, count)| **count).sum::<u64>() + self.seen.others;
        if more > 0 {
            lines.push(format!("{more}: of other workloads"));
        }
        lines
    }

    /// The members that a package's item has beside the verdict.
    pub(super) fn to_json(&self) -> Vec<(String, Json)> {
        let texts = |sentences: &[String]| {
            Json::Array(sentences.iter().map(|sentence| sentence.as_str().into()).collect())
        };
        let told = match &self.told {
            Ok(told) => told,
            Err(says) if says.is_empty() => return Vec::new(),
            Err(says) => return vec![member("unverified", texts(says))],
        };
        let kinds = self.seen.kinds.iter().map(|(kind, count)| member(kind, uint_json(*count)));
        let shown = Shown::ALL.into_iter().map(|shown| {
            member(shown.code(), uint_json(self.seen.shown.get(&shown).copied().unwrap_or_default()))
        });
        let mut members = vec![
            member("overview", texts(&told.overview)),
            member("kinds", Json::Object(kinds.collect())),
            member("shown", Json::Object(shown.collect())),
            member("workloads", texts(&self.workloads())),
            member("entries", texts(&self.seen.lines)),
            member("unproven", texts(&told.unproven)),
        ];
        members.extend(told.story.as_ref().map(|story| member("story", story.to_json())));
        members
    }
}

/// What a package says that isn't verified: of the entry that it is to be of, where that was read.
fn says(report: &PackageReport, seen: &Seen) -> Vec<String> {
    let manifest = &report.manifest;
    let mut lines = vec![format!("{} entries of {}", manifest.count, manifest.origin)];
    let last = seen.last.iter().filter(|(index, _)| manifest.filters.entry == Some(*index));
    lines.extend(last.flat_map(|(index, record)| unverified(*index, record)));
    lines
}

fn overview_of(report: &PackageReport, seen: &Seen) -> Vec<String> {
    let manifest = &report.manifest;
    let which = match (&manifest.range, manifest.filters.entry) {
        (_, Some(entry)) => format!("Entry {entry} of {}, and what it leads to", manifest.origin),
        (Some(range), _) => {
            format!(
                "Every entry of {} from {} to {}",
                manifest.origin,
                range.start,
                range.end.saturating_sub(1)
            )
        }
        _ => format!("Entries of {} that were selected: what else the log has isn't shown", manifest.origin),
    };
    let counted = if seen.count == 1 { "1 entry".into() } else { format!("{} entries", seen.count) };
    let mut sentences = vec![format!("{which}: {counted}, of a tree of {}.", manifest.checkpoint.size)];
    if let Some((first_ms, last_ms)) = report.times_ms {
        let (first, last) = (time::rfc3339(first_ms), time::rfc3339(last_ms));
        sentences.push(format!(
            "The log gave them times from {first} to {last}, in UTC: that is the log's clock."
        ));
    }
    let kinds: Vec<String> = seen.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    sentences.push(format!("By kind: {}.", kinds.join(", ")));
    sentences
}

fn unproven(report: &PackageReport, seen: &Seen) -> Vec<String> {
    let mut sentences = vec![
        "That what submitters say is true: models, prompts and people's part are their word, and the log recorded it.".into(),
    ];
    let by_the_log =
        [Shown::Vouched, Shown::Bearer, Shown::StaticToken, Shown::Peer, Shown::Hidden, Shown::Unknown];
    let count: u64 = by_the_log.iter().filter_map(|shown| seen.shown.get(shown)).sum();
    if count > 0 {
        sentences.push(format!("Which workload submitted {count} of them, but by the log's word."));
    }
    if seen.nobodys > 0 {
        sentences.push(format!("Who submitted {} of them: nobody had to say.", seen.nobodys));
    }
    if seen.hiding > 0 {
        sentences.push(format!("What is hidden in {} of them.", seen.hiding));
    }
    let complete =
        report.checks.iter().any(|check| check.name == "completeness" && check.status == Status::Pass);
    if !complete {
        sentences.push("That these are all: no range of entries is shown to be complete.".into());
    }
    if let Some(left_out) = report.manifest.left_out.as_ref().filter(|left_out| left_out.count > 0) {
        sentences.push(format!("What {} entries say that are named here and are not here.", left_out.count));
    }
    sentences
        .push("What entries that are not here say of these: withdrawals, erasures, other decisions.".into());
    sentences
}
