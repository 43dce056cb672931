//! What a set of records says about each control: present, partial or none, with the entries.
//!
//! Takes records one by one, and holds counts and the first few indices of each query, and what the last records can be
//! referred to by, whatever the number of records. The caller says which records they are and has verified them; nothing
//! here proves anything.

use super::known::{AnyOrder, Known};
use super::load::{Control, Crosswalk, Evidence, Framework};
use super::query::Truth;
use super::referred::{APPROVALS, Note, Referred, is_named};
use provlog_core::claims::referring_claims;
use provlog_core::limits::{KIND_MAX, REFERRED_BACK_MAX};
use provlog_core::{Kind, Record};

/// Most indices that a tally names. With 500 queries of 4 tallies, 8 bytes an index, they take at most 1.6 MB.
pub(crate) const INDICES_MAX: usize = 100;

/// How much of what a control asks for is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// All that was looked for.
    Present,
    /// Some of it.
    Partial,
    /// Nothing that is shown. Entries that hidden claims, or entries that aren't here, would decide on are counted apart,
    /// never as evidence.
    None,
}

impl Status {
    /// `present`, `partial` or `none`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }

    fn fold(all: impl Iterator<Item = Self>) -> Self {
        all.reduce(|a, b| if a == b { a } else { Self::Partial }).unwrap_or(Self::None)
    }
}

/// How many entries, and the first of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    /// Their number.
    pub(crate) count: u64,
    /// The lowest [`INDICES_MAX`] of their indices, in order.
    pub(crate) indices: Vec<u64>,
}

impl Tally {
    fn append(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        other.indices.into_iter().for_each(|index| self.name(index));
    }

    fn add(&mut self, index: u64) {
        self.count = self.count.saturating_add(1);
        self.name(index);
    }

    fn name(&mut self, index: u64) {
        let place = self.indices.partition_point(|other| *other < index);
        if place < INDICES_MAX {
            self.indices.insert(place, index);
            self.indices.truncate(INDICES_MAX);
        }
    }
}

/// What the entries that a query is about said to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tallies {
    /// Those that fit.
    pub(crate) met: Tally,
    /// Those that don't.
    pub(crate) unmet: Tally,
    /// Those that hide a claim which would decide it.
    pub(crate) undisclosed: Tally,
    /// Those that refer to an entry which would decide it, and isn't among the records.
    pub(crate) unresolved: Tally,
}

impl Tallies {
    fn add(&mut self, index: u64, truth: Truth) {
        match truth {
            Truth::Met => self.met.add(index),
            Truth::Unmet => self.unmet.add(index),
            Truth::Undisclosed => self.undisclosed.add(index),
            Truth::Unresolved => self.unresolved.add(index),
        }
    }

    fn append(&mut self, later: Self) {
        self.met.append(later.met);
        self.unmet.append(later.unmet);
        self.undisclosed.append(later.undisclosed);
        self.unresolved.append(later.unresolved);
    }

    fn status(&self, every: bool) -> Status {
        let others = [&self.unmet, &self.undisclosed, &self.unresolved];
        match self.met.count {
            0 => Status::None,
            _ if every && others.iter().any(|tally| tally.count > 0) => Status::Partial,
            _ => Status::Present,
        }
    }
}

/// What was found of one piece of evidence.
#[derive(Clone, Debug)]
pub(crate) struct Finding<'a> {
    /// What was looked for.
    pub(crate) evidence: &'a Evidence,
    /// How much of it is there.
    pub(crate) status: Status,
    /// Which entries said what.
    pub(crate) tallies: Tallies,
}

/// What was found for one control.
#[derive(Clone, Debug)]
pub(crate) struct ControlResult<'a> {
    /// Where the control comes from.
    pub(crate) framework: &'a Framework,
    /// The control.
    pub(crate) control: &'a Control,
    /// Present or none where all its evidence is, else partial.
    pub(crate) status: Status,
    /// What was found, in the control's order.
    pub(crate) findings: Vec<Finding<'a>>,
}

/// What was found in records.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    /// The result for each control, in the crosswalk's order.
    pub(crate) controls: Vec<ControlResult<'a>>,
    /// Of promotions that have approvals by reference alone, what those lead to.
    pub(crate) referred_approvals: ReferredApprovals,
    /// The first reference that is wrong: whose, and how.
    pub(crate) wrong_reference: Option<String>,
}

/// Promotions that have approvals by reference alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ReferredApprovals {
    /// With a reference to an approval of the same subject among the records.
    pub(crate) resolved: u64,
    /// Without one.
    pub(crate) unresolved: u64,
}

/// Puts every query of a crosswalk to records.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    crosswalk: &'a Crosswalk,
    /// The name of the log that the records are in.
    origin: &'a str,
    /// The claims that may refer to entries.
    referring: Vec<(&'static str, Kind)>,
    /// By number of kind, the places of the queries that are about it: most records concern few of them.
    of_kind: Vec<Vec<usize>>,
    /// One for each query.
    tallies: Vec<Tallies>,
    /// Records whose references are still to be followed.
    pending: Vec<Awaited>,
    /// How much they hold.
    weight: usize,
    /// The records before those, unless whoever hands in parts knows them.
    known: AnyOrder,
    referred: Referred,
    referred_approvals: ReferredApprovals,
}

/// A record, and what it says to queries if its references are what they should be.
#[derive(Debug)]
struct Awaited {
    note: Note,
    awaiting: Vec<(usize, Truth)>,
}

impl<'a> Evaluator<'a> {
    /// Starts without any record of the log of this name.
    pub(crate) fn new(crosswalk: &'a Crosswalk, origin: &'a str) -> Self {
        let mut of_kind = vec![Vec::new(); usize::from(KIND_MAX) + 1];
        for (place, evidence) in crosswalk.evidence().iter().enumerate() {
            for kind in evidence.query.kinds() {
                of_kind[usize::from(kind.number())].push(place);
            }
        }
        Self { of_kind, ..Self::without_queries(crosswalk, origin) }
    }

    fn without_queries(crosswalk: &'a Crosswalk, origin: &'a str) -> Self {
        Self {
            crosswalk,
            origin,
            referring: referring_claims().collect(),
            of_kind: Vec::new(),
            tallies: vec![Tallies::default(); crosswalk.evidence().len()],
            pending: Vec::new(),
            weight: 0,
            known: AnyOrder::default(),
            referred: Referred::default(),
            referred_approvals: ReferredApprovals::default(),
        }
    }

    /// Takes in the record of the entry at `index`. Each index is given once, in any order.
    pub(crate) fn add(&mut self, index: u64, record: &Record) {
        let note = Note::new(index, record, self.origin, &self.referring);
        let mut awaiting = Vec::new();
        for &place in &self.of_kind[usize::from(record.entry.kind.number())] {
            let query = &self.crosswalk.evidence()[place].query;
            match query.test(record) {
                None => {}
                Some(truth) if truth < Truth::Unmet && note.alone().any(|claim| query.asks(claim)) => {
                    awaiting.push((place, truth));
                }
                Some(truth) => self.tallies[place].add(index, truth),
            }
        }
        self.weight += note.weight() + awaiting.len();
        self.pending.push(Awaited { note, awaiting });
    }

    /// Follows the references of the records so far, once they are many: what is added later may not be referred to by them.
    /// For those who add without end.
    pub(crate) fn follow_if_many(&mut self) {
        if self.weight >= REFERRED_BACK_MAX {
            self.follow_among_own();
        }
    }

    fn follow_among_own(&mut self) {
        let mut known = std::mem::take(&mut self.known);
        self.follow(&mut known);
        self.known = known;
    }

    fn follow(&mut self, known: &mut dyn Known) {
        self.weight = 0;
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_by_key(|pending| pending.note.index);
        for Awaited { note, awaiting } in pending {
            let (index, kind) = (note.index, note.kind);
            let found = self.referred.follow(note, known);
            for (place, truth) in awaiting {
                let query = &self.crosswalk.evidence()[place].query;
                let asked = found.iter().filter(|(claim, _)| query.asks(claim)).map(|(_, truth)| *truth);
                self.tallies[place].add(index, asked.fold(truth, Truth::max));
            }
            let approvals =
                found.iter().find(|(claim, _)| *claim == APPROVALS && is_named(kind, "promotion"));
            match approvals {
                None => {}
                Some((_, Truth::Met)) => self.referred_approvals.resolved += 1,
                Some(_) => self.referred_approvals.unresolved += 1,
            }
        }
    }

    /// What was taken in; nothing is from here on.
    pub(crate) fn take(&mut self) -> Self {
        let nothing = Self::without_queries(self.crosswalk, self.origin);
        let of_kind = std::mem::take(&mut self.of_kind);
        let taken = std::mem::replace(self, nothing);
        self.of_kind = of_kind;
        taken
    }

    /// Takes in the records that an evaluator of the same crosswalk was given one by one. They come after those of this one, which
    /// `known` has taken in, as it now does these.
    pub(crate) fn append(&mut self, later: Self, known: &mut dyn Known) {
        for (tallies, later) in self.tallies.iter_mut().zip(later.tallies) {
            tallies.append(later);
        }
        self.pending.extend(later.pending);
        self.follow(known);
    }

    /// What was found.
    pub(crate) fn finish(mut self) -> Findings<'a> {
        self.follow_among_own();
        let controls = self.crosswalk.controls().iter().map(|control| self.result(control)).collect();
        Findings {
            controls,
            referred_approvals: self.referred_approvals,
            wrong_reference: self.referred.wrong,
        }
    }

    fn result(&self, control: &'a Control) -> ControlResult<'a> {
        let finding = |&place: &usize| {
            let (evidence, tallies) = (&self.crosswalk.evidence()[place], &self.tallies[place]);
            Finding { evidence, status: tallies.status(evidence.query.every()), tallies: tallies.clone() }
        };
        let findings: Vec<Finding<'a>> = control.evidence.iter().map(finding).collect();
        let status = Status::fold(findings.iter().map(|finding| finding.status));
        ControlResult {
            framework: &self.crosswalk.frameworks()[control.framework],
            control,
            status,
            findings,
        }
    }
}
