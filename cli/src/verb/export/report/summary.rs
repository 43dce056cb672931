//! What the records of an export say, counted: for the page's plain words. Counts of parts of an export add up.

use super::timeline::{Timeline, TimelineJson, name_of};
use crate::crosswalk::evaluate::ReferredApprovals;
use crate::crosswalk::referred::are_by_reference;
use provlog_core::Record;
use provlog_core::cbor::Value;
use provlog_core::claims::PROMOTION;
use provlog_core::entry::Kind;
use provlog_core::facet::{Decision, Facet, decision, facets};
use provlog_core::record::{Claim, SectionName};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Most different values of one sort that are counted apart: the first, as the records come. The rest is counted together.
/// Parts, which are small, count all: so a page doesn't depend on how the records were parted.
const VALUES_MAX: usize = 4096;

/// Rows of a table of values.
const TOP_ROWS: usize = 12;

/// Rows of the tables of hidden and of absent claims.
const CLAIM_ROWS: usize = 100;

/// Key of a claim that says why there is no value, and the reasons that there are for it.
const ABSENT: &str = "absent";
const REASONS: [&str; 3] = ["not_recorded", "not_applicable", "withheld"];
const ANOTHER_REASON: &str = "(another reason)";

/// What stands for a decision that is not disclosed, and for one that isn't there.
const HIDDEN: &str = "(hidden)";
const NONE: &str = "(none)";

/// Counts over the records of an export, as they are in the package: what is hidden there isn't counted here.
#[derive(Default)]
pub(in crate::verb::export) struct Summary {
    counts: Counts,
    timeline: Timeline,
    times_ms: Option<(u64, u64)>,
}

/// Counts that parts of an export have each for themselves.
#[derive(Default)]
pub(crate) struct Counts {
    /// Time and kind of each record, until the parts are put together.
    entries: Vec<(u64, Kind)>,
    count: u64,
    kinds: BTreeMap<u8, u64>,
    /// Outcomes that gates of the log decided: apart, so that nothing that a submitter says is counted as the log's word.
    gates: Values,
    decisions: Values,
    approval: Approval,
    environments: Values,
    models: Values,
    workloads: Values,
    approvers: Values,
    policies: Values,
    agents: Values,
    hidden: Values,
    /// By reason and place, with a NUL between.
    absent: Values,
}

/// Of promotions, how approvals are recorded. Those that have nothing but references to some are told by whoever follows
/// them.
#[derive(Clone, Copy, Default, Serialize)]
struct Approval {
    by_people: u64,
    unresolved: u64,
    absent: u64,
    hidden: u64,
    none: u64,
}

/// How often each value occurs.
#[derive(Default)]
struct Values {
    counts: BTreeMap<String, Occurrence>,
    others: u64,
}

/// How often one value occurs, and how many others came before it.
#[derive(Clone, Copy)]
struct Occurrence {
    count: u64,
    place: usize,
}

impl Counts {
    /// Takes in a record.
    pub(in crate::verb::export) fn add(&mut self, record: &Record) {
        let kind = record.entry.kind;
        self.entries.push((record.entry.time_ms.get(), kind));
        self.count += 1;
        *self.kinds.entry(kind.number()).or_default() += 1;
        for (section, name, claim) in record.claims() {
            self.count_gap((section, name), claim);
        }
        for (facet, claim) in facets(record) {
            if let Some(value) = claim.value() {
                self.count_facet(facet, value);
            }
        }
        if kind == PROMOTION {
            self.count_promotion(record);
        }
    }

    fn count_facet(&mut self, facet: Facet, value: &Value) {
        let values = match facet {
            Facet::Environment => {
                return value.as_text().into_iter().for_each(|name| self.environments.add(name));
            }
            Facet::Approvals | Facet::Approval => {
                let ids = value.items().iter().filter_map(|item| facet.parts(item).next()??.as_text());
                return ids.for_each(|id| self.approvers.add(id));
            }
            Facet::Model => &mut self.models,
            Facet::Agent => &mut self.agents,
            Facet::Policy => &mut self.policies,
            Facet::Workload => &mut self.workloads,
            Facet::Subject
            | Facet::PromptHash
            | Facet::HumanInvolvement
            | Facet::Decision
            | Facet::Scan
            | Facet::Evidence
            | Facet::Signers
            | Facet::Gate => return,
        };
        for item in value.items() {
            // One that says why there is none isn't counted.
            let texts: Vec<&str> = facet.parts(item).flatten().filter_map(Value::as_text).collect();
            if !texts.is_empty() {
                values.add(&texts.join(" "));
            }
        }
    }

    /// Counts a claim that is hidden, or says that there is no value.
    fn count_gap(&mut self, (section, name): (SectionName, &str), claim: &Claim) {
        match claim {
            Claim::Hidden(_) => self.hidden.add(&format!("{section}.{name}")),
            Claim::Disclosed { value, .. } => {
                if !name.starts_with("x-") {
                    self.count_absences((section, name), &mut Vec::new(), value);
                }
            }
        }
    }

    /// Counts absences in a value: of the claim, or of what is in it. Items of a list have its place.
    fn count_absences<'v>(
        &mut self,
        claim: (SectionName, &str),
        members: &mut Vec<&'v str>,
        value: &'v Value,
    ) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.count_absences(claim, members, item)),
            Value::Map(map) => match map.get(ABSENT) {
                Some(Value::Text(reason)) => {
                    let reason = if REASONS.contains(&reason.as_str()) { reason } else { ANOTHER_REASON };
                    let (section, name) = claim;
                    let claim = format!("{section}.{name}");
                    let place = members.iter().fold(claim, |place, member| place + "." + member);
                    self.absent.add(&format!("{reason}\0{place}"));
                }
                Some(_) => {}
                None => {
                    for (name, inner) in map.iter() {
                        members.push(name);
                        self.count_absences(claim, members, inner);
                        members.pop();
                    }
                }
            },
            _ => {}
        }
    }

    fn count_promotion(&mut self, record: &Record) {
        let decision = decision(record);
        let outcome = decision.and_then(Decision::outcome).unwrap_or(NONE);
        match decision {
            Some(Decision::Gate(_)) => self.gates.add(outcome),
            Some(Decision::NotDisclosed) => self.decisions.add(HIDDEN),
            Some(Decision::Submitted(_)) | None => self.decisions.add(outcome),
        }
        let count = match Facet::Approvals.claim(record) {
            Some(Claim::Hidden(_)) => &mut self.approval.hidden,
            Some(Claim::Disclosed { value, .. }) if are_by_reference(value) => return,
            Some(Claim::Disclosed { value: Value::Array(items), .. }) if !items.is_empty() => {
                &mut self.approval.by_people
            }
            Some(Claim::Disclosed { value: Value::Map(map), .. }) if map.get(ABSENT).is_some() => {
                &mut self.approval.absent
            }
            Some(Claim::Disclosed { .. }) | None => &mut self.approval.none,
        };
        *count += 1;
    }
}

impl Summary {
    /// Puts in the counts of the records that come next.
    pub(in crate::verb::export) fn add(&mut self, counts: Counts) {
        for (time_ms, kind) in &counts.entries {
            self.timeline.add(*time_ms, *kind);
            let first_ms = self.times_ms.map_or(*time_ms, |(first_ms, _)| first_ms);
            self.times_ms = Some((first_ms, *time_ms));
        }
        self.counts += counts;
    }

    /// With what promotions come to that have approvals by reference alone.
    pub(super) fn to_json(&self, referred: ReferredApprovals) -> SummaryJson {
        let counts = &self.counts;
        let approval = Approval {
            by_people: counts.approval.by_people + referred.resolved,
            unresolved: referred.unresolved,
            ..counts.approval
        };
        let mut kinds: Vec<Count> = counts
            .kinds
            .iter()
            .map(|(number, count)| Count { value: name_of(*number), count: *count })
            .collect();
        kinds.sort_by_key(|row| std::cmp::Reverse(row.count));
        let absent = counts.absent.counts.iter().filter_map(|(absent, occurrence)| {
            let (reason, value) = absent.split_once('\0')?;
            Some(Absent { value: value.into(), reason: reason.into(), count: occurrence.count })
        });
        let mut absent: Vec<Absent> = absent.collect();
        absent.sort_by(|a, b| (&a.value, &a.reason).cmp(&(&b.value, &b.reason)));
        absent.truncate(CLAIM_ROWS);
        let (first_ms, last_ms) = self.times_ms.unwrap_or_default();
        SummaryJson {
            count: counts.count,
            first_ms,
            last_ms,
            kinds,
            gates: counts.gates.top(CLAIM_ROWS).top,
            decisions: counts.decisions.top(CLAIM_ROWS).top,
            approval,
            environments: counts.environments.top(TOP_ROWS),
            models: counts.models.top(TOP_ROWS),
            workloads: counts.workloads.top(TOP_ROWS),
            approvers: counts.approvers.top(TOP_ROWS),
            policies: counts.policies.top(TOP_ROWS),
            agents: counts.agents.top(TOP_ROWS),
            hidden: counts.hidden.top(CLAIM_ROWS).top,
            absent,
            timeline: self.timeline.to_json(),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        for (number, count) in other.kinds {
            *self.kinds.entry(number).or_default() += count;
        }
        self.approval.by_people += other.approval.by_people;
        self.approval.absent += other.approval.absent;
        self.approval.hidden += other.approval.hidden;
        self.approval.none += other.approval.none;
        for (values, others) in [
            (&mut self.gates, other.gates),
            (&mut self.decisions, other.decisions),
            (&mut self.environments, other.environments),
            (&mut self.models, other.models),
            (&mut self.workloads, other.workloads),
            (&mut self.approvers, other.approvers),
            (&mut self.policies, other.policies),
            (&mut self.agents, other.agents),
            (&mut self.hidden, other.hidden),
            (&mut self.absent, other.absent),
        ] {
            *values += others;
        }
    }
}

impl Values {
    /// Counts one more of a part.
    fn add(&mut self, value: &str) {
        if let Some(found) = self.counts.get_mut(value) {
            found.count += 1;
        } else {
            self.counts.insert(value.into(), Occurrence { count: 1, place: self.counts.len() });
        }
    }

    fn top(&self, rows: usize) -> Top {
        let mut top: Vec<Count> = self
            .counts
            .iter()
            .map(|(value, found)| Count { value: value.clone(), count: found.count })
            .collect();
        top.sort_by_key(|row| std::cmp::Reverse(row.count));
        let others = top.iter().skip(rows).map(|row| row.count).sum::<u64>() + self.others;
        top.truncate(rows);
        Top { top, others }
    }
}

impl AddAssign for Values {
    fn add_assign(&mut self, other: Self) {
        let mut values: Vec<(String, Occurrence)> = other.counts.into_iter().collect();
        values.sort_by_key(|(_, found)| found.place);
        for (value, found) in values {
            if let Some(own) = self.counts.get_mut(&value) {
                own.count += found.count;
            } else if self.counts.len() < VALUES_MAX {
                let place = self.counts.len();
                self.counts.insert(value, Occurrence { place, ..found });
            } else {
                self.others += found.count;
            }
        }
        self.others += other.others;
    }
}

/// The summary as the page takes it.
#[derive(Serialize)]
pub(super) struct SummaryJson {
    pub(super) count: u64,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    kinds: Vec<Count>,
    gates: Vec<Count>,
    decisions: Vec<Count>,
    approval: Approval,
    environments: Top,
    models: Top,
    workloads: Top,
    approvers: Top,
    policies: Top,
    agents: Top,
    hidden: Vec<Count>,
    absent: Vec<Absent>,
    timeline: TimelineJson,
}

#[derive(Serialize)]
struct Count {
    value: String,
    count: u64,
}

#[derive(Serialize)]
struct Top {
    top: Vec<Count>,
    others: u64,
}

#[derive(Serialize)]
struct Absent {
    value: String,
    reason: String,
    count: u64,
}

#[cfg(test)]
mod tests;
