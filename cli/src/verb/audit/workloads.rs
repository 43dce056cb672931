//! Who submitted the entries, as their records show it, looked at while these are compared: whether each `workload` is what
//! its evidence makes, and whether the keys that evidence names are in the log's own sets.
//!
//! Threads read evidence, and what they read is put together in the order of the entries. What is held doesn't grow with the
//! log, but for a bit an entry.

use super::fault::{Fault, Faults};
use super::kept_sets::KeptSets;
use super::mirror::Mirror;
use crate::proof::receipt::{member, uint_json};
use crate::proof::workload::Shown;
use crate::show::failure::Failure;
use crate::show::page::Page;
use provlog_core::Record;
use provlog_core::check::{Check, Status};
use provlog_core::claims::TRUST;
use provlog_core::json::Json;
use provlog_evidence::believed::Believed;
use provlog_evidence::verify::{EntryEvidence, EntryReader, EvidenceVerifier, PackageEvidence};
use std::collections::BTreeMap;
use std::ops::Range;

/// What records come to, put together.
#[derive(Debug)]
pub(super) struct Workloads<'b> {
    reader: EntryReader<'b>,
    evidence: PackageEvidence<'b>,
    range: Range<u64>,
    counts: BTreeMap<Shown, u64>,
    refuted: Faults,
    /// Of keys, where entries may be missing, and where none is.
    keys: [Faults; 2],
    covered: Covered,
    /// The first entry of a version that isn't known.
    unknown: Option<u64>,
    /// The trust entries so far; none: the log's sets aren't known.
    sets: Option<KeptSets>,
}

/// What a thread has read of some entries, in their order.
#[derive(Debug, Default)]
pub(super) struct ReadEntries<'b> {
    counts: BTreeMap<Shown, u64>,
    refuted: Faults,
    covered: Vec<u64>,
    evidence: Vec<EntryEvidence<'b>>,
    trust: Vec<(u64, Vec<u8>)>,
    unknown: Option<u64>,
    pub(super) count: usize,
}

/// Entries whose evidence covers them.
#[derive(Debug)]
pub(super) struct Covered {
    first: u64,
    bits: Vec<u64>,
}

/// What is told of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WorkloadsFound {
    /// The entries that were looked at.
    pub(super) range: Range<u64>,
    /// The first from which on all were, by this audit or by earlier ones.
    pub(super) looked_at_from: u64,
    pub(super) counts: BTreeMap<Shown, u64>,
    /// Why the log's sets weren't known at each of them: only where they are is a key that isn't in one a fault.
    pub(super) sets_unknown: Option<SetsUnknown>,
    /// How many of them repeat the `submitted_digest` of an earlier entry, and the first of these pairs.
    pub(super) repeated: u64,
    pub(super) repeats: Vec<(u64, u64)>,
    /// Earlier entries with a `submitted_digest` that evidence covers in one of these, whose records were not looked at again, or
    /// hide it now.
    pub(super) unseen: u64,
}

/// Why a key that isn't in the log's sets is no fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SetsUnknown {
    /// The mirror doesn't have those of the entries before.
    NotKept,
    /// Not every record was there, and as its entry says.
    NotRead,
    /// This entry is of a version that isn't known: it may change a set.
    Version(u64),
    /// From this entry on they are hidden or too large.
    From(u64),
}

impl<'b> Workloads<'b> {
    /// Before the first of the entries.
    pub(super) fn new(believed: &'b Believed, origin: &'b str, range: Range<u64>) -> Self {
        let evidence = EvidenceVerifier { believed, require_bound: false }.package(origin);
        let covered = Covered::none(range.start);
        Self {
            reader: evidence.reader(),
            evidence,
            range,
            counts: BTreeMap::new(),
            refuted: Faults::default(),
            keys: Default::default(),
            covered,
            unknown: None,
            sets: None,
        }
    }

    /// Folds the log's sets from its first entry on: the trust entries before the first that is looked at are kept in the
    /// mirror, so many of them.
    pub(super) fn fold_sets(&mut self, mirror: &Mirror, size: u64, kept: u64) -> Result<(), Failure> {
        let Self { reader, evidence, range, .. } = self;
        let sets = KeptSets::continued(mirror, (range.start, size), kept, &mut |index, record| {
            reader.read(index, record).into_iter().for_each(|entry| drop(evidence.add(entry)));
        })?;
        self.sets = Some(sets);
        Ok(())
    }

    /// What reads the entries, on any thread.
    pub(super) const fn reader(&self) -> EntryReader<'b> {
        self.reader
    }

    /// Adds what was read of the next entries.
    pub(super) fn add(&mut self, read: ReadEntries<'b>) -> Result<(), Failure> {
        read.counts.into_iter().for_each(|(shown, count)| *self.counts.entry(shown).or_default() += count);
        self.refuted.append(read.refuted);
        read.covered.into_iter().for_each(|index| self.covered.insert(index));
        self.unknown = self.unknown.or(read.unknown);
        for entry in read.evidence {
            let index = entry.index();
            let members = self.evidence.add(entry);
            for (keys, checks) in self.keys.iter_mut().zip([members.of_some, members.of_all]) {
                let failed = checks.into_iter().filter(|check| check.status == Status::Fail);
                failed.for_each(|check| keys.push(Fault::Key { index, detail: remark(check) }));
            }
        }
        if let Some(sets) = &mut self.sets {
            read.trust.iter().try_for_each(|(index, record)| sets.push(*index, record))?;
        }
        Ok(())
    }

    /// The entries that are looked at.
    pub(super) const fn range(&self) -> &Range<u64> {
        &self.range
    }

    /// Entries whose evidence covers them.
    pub(super) const fn covered(&self) -> &Covered {
        &self.covered
    }

    /// What is told, the faults, and the sets that are known now; `all_read` is whether every record was there and as its
    /// entry says.
    pub(super) fn finish(self, all_read: bool) -> (WorkloadsFound, [Faults; 2], Option<KeptSets>) {
        let Self { evidence, range, counts, refuted, keys: [of_some, of_all], sets, unknown, .. } = self;
        let gap = match (&sets, unknown) {
            (None, _) => Some(SetsUnknown::NotKept),
            _ if !all_read => Some(SetsUnknown::NotRead),
            (Some(_), unknown) => unknown.map(SetsUnknown::Version),
        };
        let of_keys = if gap.is_none() { of_all } else { of_some };
        let sets = sets.filter(|_| gap.is_none());
        let sets_unknown = gap.or_else(|| evidence.sets_unknown_from().map(SetsUnknown::From));
        (
            WorkloadsFound {
                looked_at_from: range.start,
                range,
                counts,
                sets_unknown,
                repeated: 0,
                repeats: Vec::new(),
                unseen: 0,
            },
            [refuted, of_keys],
            sets,
        )
    }
}

impl WorkloadsFound {
    /// What people are told: of whose word each is, and what was not looked at.
    pub(super) fn write(&self, page: &mut Page, status: Status) {
        let Range { start, end } = self.range;
        let which = match start {
            0 => format!("all {end} entries"),
            _ => format!("entries {start} to {} alone", end.saturating_sub(1)),
        };
        let shown = Shown::ALL.into_iter().filter_map(|shown| Some((shown, self.counts.get(&shown)?)));
        let shown: Vec<String> =
            shown.map(|(shown, count)| format!("{count} {}", shown.in_words())).collect();
        page.marked(status, &format!("workloads: of {which}: {}", shown.join("; ")));
        if self.looked_at_from < start {
            page.line(&format!(
                "- workloads: those before, from entry {} on, are as earlier audits found them, with the keys given then; --full \
                 looks again",
                self.looked_at_from
            ));
        }
        if self.looked_at_from > 0 {
            let first = self.looked_at_from;
            page.line(&format!("- workloads: those before entry {first} were never looked at; --full does"));
        }
        if self.counts.contains_key(&Shown::Hidden) {
            page.line("- workloads: what was not disclosed is not looked at again, unless with --full");
        }
        if let Some(why) = self.sets_unknown {
            let text = format!(
                "keys: not all were looked for in the log's sets, which aren't known: {}",
                why.in_words()
            );
            page.marked(Status::Warn, &text);
        }
        if self.repeated > 0 {
            let pairs = self.repeats.iter().map(|(index, other)| format!("{index} and {other}"));
            let pairs: Vec<String> = pairs.collect();
            let more =
                if self.repeated > u64::try_from(pairs.len()).unwrap_or(u64::MAX) { ", ..." } else { "" };
            let text = format!(
                "submitted_digest: {} have that of an earlier entry, the same claims submitted again: {}{more}",
                self.repeated,
                pairs.join(", ")
            );
            page.line(&format!("- {text}"));
        }
        if self.unseen > 0 {
            let text = "earlier entries of claims that evidence covers were not looked at again, or hide their evidence now: --full looks again";
            page.line(&format!("- submitted_digest: {} {text}", self.unseen));
        }
    }

    pub(super) fn json(&self) -> Json {
        let mut members = vec![
            member("start", uint_json(self.range.start)),
            member("end", uint_json(self.range.end)),
            member("looked_at_from", uint_json(self.looked_at_from)),
        ];
        members.extend(Shown::ALL.into_iter().map(|shown| {
            let code = shown.code().replace('-', "_");
            member(&code, uint_json(self.counts.get(&shown).copied().unwrap_or_default()))
        }));
        let repeats = self.repeats.iter().map(|(index, other)| {
            Json::Object(vec![member("index", uint_json(*index)), member("other_index", uint_json(*other))])
        });
        members.extend([
            member("sets_known", Json::Bool(self.sets_unknown.is_none())),
            member("sets_unknown", self.sets_unknown.map_or(Json::Null, SetsUnknown::json)),
            member("repeated", uint_json(self.repeated)),
            member("repeats", Json::Array(repeats.collect())),
            member("repeats_unseen", uint_json(self.unseen)),
        ]);
        Json::Object(members)
    }
}

impl SetsUnknown {
    fn in_words(self) -> String {
        match self {
            Self::NotKept => "those before are not in the mirror; --full reads them".into(),
            Self::NotRead => "not every record was there and as its entry says".into(),
            Self::Version(index) => format!("entry {index} is of a version that this program doesn't know"),
            Self::From(index) => format!("from entry {index} on they are hidden or too large"),
        }
    }

    fn json(self) -> Json {
        let (code, index) = match self {
            Self::NotKept => ("not-kept", None),
            Self::NotRead => ("not-read", None),
            Self::Version(index) => ("version", Some(index)),
            Self::From(index) => ("hidden-or-too-large", Some(index)),
        };
        let mut members = vec![member("code", code.into())];
        members.extend(index.map(|index| member("index", uint_json(index))));
        members.push(member("detail", Json::String(self.in_words())));
        Json::Object(members)
    }
}

impl<'b> ReadEntries<'b> {
    /// Reads the next record, whose bytes these are.
    pub(super) fn read(&mut self, reader: EntryReader<'b>, index: u64, record: &Record, bytes: &[u8]) {
        self.count += 1;
        let evidence = reader.read(index, record);
        let checks = evidence.as_ref().map(EntryEvidence::workload_checks).unwrap_or_default();
        let shown = Shown::of(record, &checks);
        *self.counts.entry(shown).or_default() += 1;
        match shown {
            Shown::Refuted => {
                let failed = checks.into_iter().find(|check| check.status == Status::Fail);
                let detail = failed.map(remark).unwrap_or_default();
                self.refuted.push(Fault::Workload { index, detail });
            }
            Shown::Bound | Shown::Vouched => self.covered.push(index),
            _ => {}
        }
        self.evidence.extend(evidence);
        if record.entry.kind == TRUST {
            self.trust.push((index, bytes.to_vec()));
        }
    }

    /// Passes over one of a version that isn't known.
    pub(super) fn pass_over(&mut self, index: u64) {
        self.count += 1;
        self.unknown = self.unknown.or(Some(index));
        *self.counts.entry(Shown::Unknown).or_default() += 1;
    }
}

impl Covered {
    /// None, of entries from `first` on.
    pub(super) const fn none(first: u64) -> Self {
        Self { first, bits: Vec::new() }
    }

    pub(super) fn insert(&mut self, index: u64) {
        let Some((word, bit)) = self.place(index) else { return };
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= bit;
    }

    pub(super) fn contains(&self, index: u64) -> bool {
        self.place(index).is_some_and(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }

    fn place(&self, index: u64) -> Option<(usize, u64)> {
        let at = index.checked_sub(self.first)?;
        Some((usize::try_from(at / 64).ok()?, 1 << (at % 64)))
    }
}

fn remark(check: Check) -> String {
    check.remark.unwrap_or(check.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kept: bool, unknown: &[u64], all_read: bool) -> (Option<SetsUnknown>, bool) {
        let home = tempfile::tempdir().unwrap();
        let mirror = Mirror::open(home.path(), None).unwrap();
        let believed = Believed::default();
        let mut workloads = Workloads::new(&believed, "example.com/log", 0..9);
        if kept {
            workloads.fold_sets(&mirror, 9, 0).unwrap();
        }
        for index in unknown {
            let mut read = ReadEntries::default();
            read.pass_over(*index);
            workloads.add(read).unwrap();
        }
        let (found, _, sets) = workloads.finish(all_read);
        (found.sets_unknown, sets.is_some())
    }

    #[test]
    fn why_the_sets_are_not_known_is_told_and_by_which_entry() {
        assert_eq!(found(true, &[], true), (None, true));
        assert_eq!(found(false, &[], true), (Some(SetsUnknown::NotKept), false));
        assert_eq!(found(true, &[], false), (Some(SetsUnknown::NotRead), false));
        assert_eq!(found(true, &[2, 5], true), (Some(SetsUnknown::Version(2)), false));
        assert!(SetsUnknown::Version(2).in_words().starts_with("entry 2 is of a version"));
    }
}
