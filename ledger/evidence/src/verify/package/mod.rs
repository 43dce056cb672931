//! What a reader concludes of the evidence of a package's entries (`SPEC.md` section 12.7): of each what a receipt's reader
//! would, and what entries say of one another.
//!
//! Signatures are verified where records are read, on as many threads as there are; what is made of them is added up in the
//! order of the entries, and is the same however they were parted. What is held is bounded, whatever a package holds.

mod given;
mod members;
mod tally;
#[cfg(test)]
mod tests;

use super::approval::{Counting, Item, Own, counted, own};
use super::identity::Identity;
use super::made::Made;
use super::workload::{BOUND, FORM, claims_evidence, made, no_evidence};
use crate::believed::Believed;
use crate::set::{SetFold, SetLimits, TrustEntry};
use given::Given;
use members::{Found, Naming, named, unknown_from};
use provlog_core::check::{Check, Status};
use provlog_core::claims::{KindWriter, kind_name, kind_spec};
use provlog_core::package::Recent;
use provlog_core::record::{Claim, Record, SectionName};
use tally::Tally;

/// Most entries of kind `approval` before a promotion among which those that it counts are looked up.
pub const APPROVALS_LOOKED_UP_MAX: usize = 4_096;

/// How much of a package's sets is looked at: sets and their members, and members that digests are made of.
pub const PACKAGE_SET_LIMITS: SetLimits = SetLimits { held: 65_536, digested: 67_108_864 };

const MEMBERS: &str = "members";

/// Reads the evidence of a package's entries one by one, in any order and on any thread.
#[derive(Clone, Copy, Debug)]
pub struct EntryReader<'b> {
    pub(super) believed: &'b Believed,
    pub(super) require_bound: bool,
    pub(super) origin: &'b str,
}

/// What an entry's evidence comes to. Nothing of it is as long as a record.
#[derive(Clone, Debug)]
pub struct EntryEvidence<'b> {
    index: u64,
    form: Option<Made>,
    bound: Option<Made>,
    approval: Option<[Made; 2]>,
    counted: Vec<Item>,
    named: Vec<Naming>,
    given: Option<Given<'b>>,
    trust: Option<TrustEntry<Identity>>,
}

/// What else was found of a package, which decides of some of these checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Records {
    /// Whether its records were read, and none is refused: the check `records` passes.
    pub hold: bool,
    /// Whether they are shown to be all of the log's from entry 0 on: the check `completeness` passes, with such a range.
    pub from_zero: bool,
    /// The entry that it is the package of, where it is one.
    pub of_entry: Option<u64>,
}

/// The check `members` of what names members in one entry, each by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntryMembers {
    /// Where entries before it may not have been added.
    pub of_some: Vec<Check>,
    /// Where every entry from 0 on was added.
    pub of_all: Vec<Check>,
}

/// The checks of a package's evidence, as far as its entries were added.
#[derive(Clone, Debug)]
pub struct PackageEvidence<'b> {
    reader: EntryReader<'b>,
    form: Tally,
    bound: Tally,
    approval_form: Tally,
    approval_signed: Tally,
    approval: Tally,
    /// Where entries may be missing.
    members: Tally,
    /// Where all from entry 0 on are here.
    members_of_all: Tally,
    approvals: Recent<Given<'b>>,
    sets: SetFold<Identity>,
}

impl<'b> EntryReader<'b> {
    /// The evidence of the entry at `index`; none: nothing is to be said of it.
    #[must_use]
    pub fn read(&self, index: u64, record: &Record) -> Option<EntryEvidence<'b>> {
        // Most entries of most logs have none, and are looked at once.
        if self.require_bound || may_have_evidence(record) { self.evidence(index, record) } else { None }
    }

    fn evidence(&self, index: u64, record: &Record) -> Option<EntryEvidence<'b>> {
        let Self { believed, origin, .. } = *self;
        let workload = made(believed, record, origin);
        let own = own(believed, record, origin);
        let counting = Counting::of(record);
        let named = named(record, workload.as_ref(), &counting);
        let given = Given::of(believed, record, own.as_ref());
        let (form, bound) = workload.map_or((None, None), |made| (Some(made.form), Some(made.bound)));
        let bound = if self.must_be_bound(record) {
            Some(bound.unwrap_or_else(no_evidence).required(true))
        } else {
            bound
        };
        let evidence = EntryEvidence {
            index,
            form,
            bound,
            approval: own.map(|own| approval(&counting, own)),
            counted: counted(believed, record, &counting, origin),
            named,
            given,
            trust: TrustEntry::of(index, record, Identity::of_member),
        };
        (!evidence.is_none()).then_some(evidence)
    }

    /// What the log or its administrator wrote has no workload.
    fn must_be_bound(&self, record: &Record) -> bool {
        let is_exempt = |writer| matches!(writer, KindWriter::Log | KindWriter::Admin);
        self.require_bound && kind_spec(record.entry.kind).is_none_or(|spec| !is_exempt(spec.writer))
    }
}

/// What a submitter alone says makes no package untrue.
fn approval(counting: &Counting<'_>, own: Own) -> [Made; 2] {
    [own.form, own.by].map(|made| match made.status {
        Status::Fail if matches!(counting, Counting::Nothing) => Made { status: Status::Warn, ..made },
        _ => made,
    })
}

/// Whether there may be something to say of a record that needs no evidence: what a submitter says is looked into by the kind
/// alone, and what the log attests by the names of claims.
fn may_have_evidence(record: &Record) -> bool {
    let attests = |(name, claim): (&str, &Claim)| match name {
        "workload_evidence" | "approval_checks" => true,
        "workload" => claim.value().is_some_and(claims_evidence),
        _ => false,
    };
    matches!(kind_name(record.entry.kind), Some("approval" | "withdrawal" | "trust"))
        || record.section(SectionName::Attested).iter().any(attests)
}

impl EntryEvidence<'_> {
    /// The entry's index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The checks of its workload, as [`super::EvidenceVerifier::checks`] makes them; none where there is nothing to check.
    #[must_use]
    pub fn workload_checks(&self) -> Vec<Check> {
        let made = [(FORM, &self.form), (BOUND, &self.bound)];
        made.into_iter().filter_map(|(name, made)| Some(made.clone()?.named(name))).collect()
    }

    const fn is_none(&self) -> bool {
        self.bound.is_none()
            && self.form.is_none()
            && self.approval.is_none()
            && self.counted.is_empty()
            && self.named.is_empty()
            && self.given.is_none()
            && self.trust.is_none()
    }
}

impl<'b> PackageEvidence<'b> {
    pub(super) fn new(reader: EntryReader<'b>) -> Self {
        Self {
            reader,
            form: Tally::default(),
            bound: Tally::default(),
            approval_form: Tally::default(),
            approval_signed: Tally::default(),
            approval: Tally::default(),
            members: Tally::default(),
            members_of_all: Tally::default(),
            approvals: Recent::of_last(APPROVALS_LOOKED_UP_MAX),
            sets: SetFold::within(PACKAGE_SET_LIMITS),
        }
    }

    /// Who reads the entries that are added here.
    #[must_use]
    pub const fn reader(&self) -> EntryReader<'b> {
        self.reader
    }

    /// Adds what was read of an entry, in the order of their indices. None that has evidence must be left out. Tells what
    /// became of the members that it names.
    pub fn add(&mut self, entry: EntryEvidence<'b>) -> EntryMembers {
        let EntryEvidence { index, form, bound, approval, counted, named, given, trust } = entry;
        form.into_iter().for_each(|made| self.form.add(index, made));
        bound.into_iter().for_each(|made| self.bound.add(index, made));
        if let Some([form, by]) = approval {
            self.approval_form.add(index, form);
            self.approval_signed.add(index, by);
        }
        for item in counted {
            let made = self.counted(item);
            self.approval.add(index, made);
        }
        // In the sets below the entry. Where it leaves none known, none is known for itself either.
        let found: Vec<Found> = named.into_iter().map(|naming| naming.found(&self.sets)).collect();
        // An entry that goes with no change changes no set, which is all that is to be known of it.
        trust.into_iter().for_each(|trust| drop(self.sets.read(trust)));
        let mut members = EntryMembers::default();
        for found in found {
            let [of_some, of_all] = self.add_member(index, found);
            members.of_some.push(of_some.named(MEMBERS));
            members.of_all.push(of_all.named(MEMBERS));
        }
        given.into_iter().for_each(|given| self.approvals.push(index, given));
        members
    }

    /// The entry from which on no set is known; none: sets are known.
    #[must_use]
    pub fn sets_unknown_from(&self) -> Option<u64> {
        self.sets.unknown_from()
    }

    fn counted(&self, item: Item) -> Made {
        let awaited = match item {
            Item::Made(made) => return made,
            Item::Elsewhere(awaited) => awaited,
        };
        match self.approvals.get(awaited.entry.0) {
            Some(given) => given.counted(self.reader.believed, *awaited).unwrap_or_else(|made| made),
            None => awaited.not_given(),
        }
    }

    /// What becomes of it where entries may be missing, and where none is.
    fn add_member(&mut self, index: u64, found: Found) -> [Made; 2] {
        let unknown = self.sets.unknown_from().map(unknown_from);
        let (made, of_all) = match (found, unknown) {
            (Found::Alone(made), _)
            | (Found::BySet(_) | Found::NotGiven, Some(made))
            | (Found::BySet(made), None) => (made.clone(), made),
            (Found::NotGiven, None) => {
                let of_all = "its set has no such change, and every entry is here";
                (Made::skipped("not given: the changes of its set"), Made::failed(of_all))
            }
        };
        self.members.add(index, made.clone());
        self.members_of_all.add(index, of_all.clone());
        [made, of_all]
    }

    /// The checks, once every entry was added.
    #[must_use]
    pub fn checks(&self, records: Records) -> Vec<Check> {
        let is_required = self.reader.require_bound;
        let required =
            |status, remark: &str| is_required.then(|| Made { status, remark: remark.into() }.named(BOUND));
        if !records.hold {
            return Vec::from_iter(required(Status::Fail, "the records were refused, or not read"));
        }
        let check = |tally: &Tally, name, passed| tally.check(name, passed, records.of_entry);
        let members = if records.from_zero { &self.members_of_all } else { &self.members };
        let bound = check(&self.bound, BOUND, "bound by the signature of their issuer");
        let checks = [
            check(&self.form, FORM, "fit their entries"),
            bound.or_else(|| required(Status::Skip, "no entry here has to be bound")),
            check(&self.approval_form, "approval-form", "signed"),
            check(&self.approval_signed, "approval-signed", "signed by a person of the roster"),
            check(&self.approval, "approval", "signed by a person of the roster"),
            check(members, MEMBERS, "in the log's sets, as the changes that are here make them"),
        ];
        checks.into_iter().flatten().collect()
    }
}
