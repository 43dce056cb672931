//! What a set of records says about each control: present, partial or none, with the entries.
//!
//! Takes records one by one, in any order, and holds counts and the first few indices of each query, whatever the number
//! of records. The caller says which records they are and has verified them; nothing here proves anything.

use super::load::{Control, Crosswalk, Evidence, Framework};
use super::query::Truth;
use provlog_core::Record;
use provlog_core::limits::KIND_MAX;

/// Most indices that a tally names. With 500 queries of 3 tallies, 8 bytes an index, they take at most 1.2 MB.
pub(crate) const INDICES_MAX: usize = 100;

/// How much of what a control asks for is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// All that was looked for.
    Present,
    /// Some of it.
    Partial,
    /// Nothing that is shown. Entries whose hidden claims would decide are counted apart, never as evidence.
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

/// How many entries, and the first of them as they came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    /// Their number.
    pub(crate) count: u64,
    /// Indices of the first [`INDICES_MAX`] of them.
    pub(crate) indices: Vec<u64>,
}

impl Tally {
    fn append(&mut self, later: Self) {
        self.count = self.count.saturating_add(later.count);
        let room = INDICES_MAX.saturating_sub(self.indices.len());
        self.indices.extend(later.indices.into_iter().take(room));
    }

    fn add(&mut self, index: u64) {
        self.count = self.count.saturating_add(1);
        if self.indices.len() < INDICES_MAX {
            self.indices.push(index);
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
}

impl Tallies {
    fn add(&mut self, index: u64, truth: Truth) {
        match truth {
            Truth::Met => self.met.add(index),
            Truth::Unmet => self.unmet.add(index),
            Truth::Undisclosed => self.undisclosed.add(index),
        }
    }

    fn append(&mut self, later: Self) {
        self.met.append(later.met);
        self.unmet.append(later.unmet);
        self.undisclosed.append(later.undisclosed);
    }

    const fn status(&self, every: bool) -> Status {
        match self.met.count {
            0 => Status::None,
            _ if every && self.unmet.count.saturating_add(self.undisclosed.count) > 0 => Status::Partial,
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

/// Puts every query of a crosswalk to records.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    crosswalk: &'a Crosswalk,
    /// By number of kind, the places of the queries that are about it: most records concern few of them.
    of_kind: Vec<Vec<usize>>,
    /// One for each query.
    tallies: Vec<Tallies>,
}

impl<'a> Evaluator<'a> {
    /// Starts without any record.
    pub(crate) fn new(crosswalk: &'a Crosswalk) -> Self {
        let mut of_kind = vec![Vec::new(); usize::from(KIND_MAX) + 1];
        for (place, evidence) in crosswalk.evidence().iter().enumerate() {
            for kind in evidence.query.kinds() {
                of_kind[usize::from(kind.number())].push(place);
            }
        }
        Self { crosswalk, of_kind, tallies: vec![Tallies::default(); crosswalk.evidence().len()] }
    }

    /// Takes in the record of the entry at `index`. Each index is given once.
    pub(crate) fn add(&mut self, index: u64, record: &Record) {
        for &place in &self.of_kind[usize::from(record.entry.kind.number())] {
            if let Some(truth) = self.crosswalk.evidence()[place].query.test(record) {
                self.tallies[place].add(index, truth);
            }
        }
    }

    /// What was taken in; nothing is from here on.
    pub(crate) fn take(&mut self) -> Self {
        let nothing = vec![Tallies::default(); self.tallies.len()];
        let tallies = std::mem::replace(&mut self.tallies, nothing);
        Self { crosswalk: self.crosswalk, of_kind: Vec::new(), tallies }
    }

    /// Takes in what an evaluator of the same crosswalk has taken in. Its records come after those of this one.
    pub(crate) fn append(&mut self, later: Self) {
        for (tallies, later) in self.tallies.iter_mut().zip(later.tallies) {
            tallies.append(later);
        }
    }

    /// The result for each control, in the crosswalk's order.
    pub(crate) fn finish(self) -> Vec<ControlResult<'a>> {
        self.crosswalk.controls().iter().map(|control| self.result(control)).collect()
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
