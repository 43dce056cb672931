//! What a record is about: the claims that people select, compare, count and list entries by, each with the members that
//! tell its values apart.
//!
//! This is the only place that says so. Filters, expectations of digests, the columns of `records.csv` and the counts of
//! a report are all made from it.

use crate::cbor::{Map, Value};
use crate::claims::{PROMOTION, check_claim, digests_agree};
use crate::path::{ClaimName, ClaimPath};
use crate::record::{Claim, Record, SectionName};
use alloc::string::ToString;
use alloc::vec::Vec;

/// One thing that a record can be about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facet {
    /// Artifacts or commits.
    Subject,
    /// The models that produced a change.
    Model,
    /// Digests of prompts.
    PromptHash,
    /// The tools that drove the model.
    Agent,
    /// How far people had a hand in it.
    HumanInvolvement,
    /// Who appended the entry, by the log's own word.
    Workload,
    /// Who approved a promotion, or the entries that say so.
    Approvals,
    /// Who approves with this entry.
    Approval,
    /// The policy in force.
    Policy,
    /// Where a change goes.
    Environment,
    /// Whether it may.
    Decision,
    /// What a scanner found.
    Scan,
    /// What the log says that it checked the workload by.
    Evidence,
    /// Whose signed approvals the log says that it checked.
    Signers,
    /// Whether a change may go where it is to, by a policy that the log says it evaluated.
    Gate,
}

/// What decides, and by whose word (`SPEC.md` section 14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision<'r> {
    /// It is hidden, or the log's gate says nothing that could be read.
    NotDisclosed,
    /// The log says that a gate of its own decided.
    Gate(&'r Value),
    /// Whoever submitted it says so.
    Submitted(&'r Value),
}

/// What decides of this record: on a promotion the attested `gate`, where there is one, alone; else the submitted `decision`.
#[must_use]
pub fn decision(record: &Record) -> Option<Decision<'_>> {
    // On entries of other kinds a claim of this name is none of a gate's.
    if record.entry.kind == PROMOTION
        && let Some(gate) = Facet::Gate.claim(record)
    {
        let fits = gate.value().filter(|value| check_claim("gate", value).is_none());
        return Some(fits.map_or(Decision::NotDisclosed, Decision::Gate));
    }
    let claim = Facet::Decision.claim(record)?;
    Some(claim.value().map_or(Decision::NotDisclosed, Decision::Submitted))
}

impl<'r> Decision<'r> {
    /// Its outcome, such as `allow`, where it says one that is text.
    #[must_use]
    pub fn outcome(self) -> Option<&'r str> {
        let (Self::Gate(value) | Self::Submitted(value)) = self else { return None };
        at(value, &["outcome"])?.as_text()
    }
}

/// The facets that a record has, shown or hidden, in the order of [`Facet::ALL`].
pub fn facets(record: &Record) -> impl Iterator<Item = (Facet, &Claim)> {
    Facet::ALL.into_iter().filter_map(|facet| Some((facet, facet.claim(record)?)))
}

/// Names of members on the way from a claim's item to one of its values.
type Members = &'static [&'static str];

impl Facet {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Subject,
        Self::Model,
        Self::PromptHash,
        Self::Agent,
        Self::HumanInvolvement,
        Self::Workload,
        Self::Approvals,
        Self::Approval,
        Self::Policy,
        Self::Environment,
        Self::Decision,
        Self::Scan,
        Self::Evidence,
        Self::Signers,
        Self::Gate,
    ];

    /// The section and name of the claim that says it.
    const fn place(self) -> (SectionName, &'static str) {
        let name = match self {
            Self::Subject => "subject",
            Self::Model => "model",
            Self::PromptHash => "prompt_hash",
            Self::Agent => "agent",
            Self::HumanInvolvement => "human_involvement",
            Self::Workload => return (SectionName::Attested, "workload"),
            Self::Evidence => return (SectionName::Attested, "workload_evidence"),
            Self::Signers => return (SectionName::Attested, "approval_checks"),
            Self::Gate => return (SectionName::Attested, "gate"),
            Self::Approvals => "approvals",
            Self::Approval => "approval",
            Self::Policy => "policy",
            Self::Environment => "environment",
            Self::Decision => "decision",
            Self::Scan => "scan",
        };
        (SectionName::Submitted, name)
    }

    /// What tells one of the claim's items from another, the most important first; none where that is the item itself.
    const fn members(self) -> &'static [Members] {
        match self {
            Self::Subject => &[&["name"], &["uri"], &["digest"]],
            Self::Model => &[&["provider"], &["name"], &["version"]],
            Self::Agent | Self::Policy => &[&["name"], &["version"]],
            Self::HumanInvolvement => &[&["level"]],
            Self::Workload => &[&["method"], &["id"]],
            Self::Approvals | Self::Approval => &[&["approver", "id"], &["index"]],
            Self::Decision | Self::Gate => &[&["outcome"]],
            Self::Evidence => &[&["format"]],
            Self::Signers => &[&["signer"]],
            Self::Scan => &[&["verdict"]],
            Self::PromptHash | Self::Environment => &[],
        }
    }

    /// The claim's full name.
    #[must_use]
    pub fn name(self) -> ClaimName {
        let (section, name) = self.place();
        ClaimName { section, name: name.into() }
    }

    /// Whether the claim of this name is it.
    #[must_use]
    pub fn is(self, claim: &ClaimName) -> bool {
        self.place() == (claim.section, claim.name.as_str())
    }

    /// The claim, if the record has it.
    #[must_use]
    pub fn claim(self, record: &Record) -> Option<&Claim> {
        let (section, name) = self.place();
        record.section(section).get(name)
    }

    /// The claim's value, if the record has it and shows it.
    #[must_use]
    pub fn value(self, record: &Record) -> Option<&Value> {
        self.claim(record)?.value()
    }

    /// What one of the claim's items says for each of the facet's members, where it says it.
    pub fn parts(self, item: &Value) -> impl Iterator<Item = Option<&Value>> {
        self.members().iter().map(|members| at(item, members))
    }

    /// The digests in the claim's value, each with its item's place: of each subject in the list of them, else the claim's
    /// items themselves.
    pub fn digests(self, value: &Value) -> impl Iterator<Item = (usize, &Map)> {
        let items =
            if matches!(self, Self::Subject) { value.as_array().unwrap_or_default() } else { value.items() };
        let members = self.digest_members();
        items.iter().enumerate().filter_map(move |(place, item)| Some((place, at(item, members)?.as_map()?)))
    }

    /// Whether one of those digests agrees with this one (`SPEC.md` section 4.3).
    #[must_use]
    pub fn has_digest(self, value: &Value, wanted: &Map) -> bool {
        self.digests(value).any(|(_, digest)| digests_agree(wanted, digest))
    }

    /// What exactly agrees with this digest in the record's claim: for each item that does, each algorithm that both have.
    pub(crate) fn agreeing(self, record: &Record, wanted: &Map) -> Vec<ClaimPath> {
        let Some(value) = self.value(record) else { return Vec::new() };
        let agreeing = self.digests(value).filter(|(_, digest)| digests_agree(wanted, digest));
        let path = |place: usize, algorithm: &str| {
            let item = value.as_array().map(|_| place.to_string());
            let members = item.into_iter().chain(self.digest_members().iter().map(ToString::to_string));
            ClaimPath { claim: self.name(), members: members.chain([algorithm.to_string()]).collect() }
        };
        agreeing
            .flat_map(|(place, digest)| {
                let shared = wanted.iter().filter(|(algorithm, _)| digest.get(algorithm).is_some());
                shared.map(move |(algorithm, _)| path(place, algorithm)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The way from an item to its digest.
    const fn digest_members(self) -> Members {
        if matches!(self, Self::Subject) { &["digest"] } else { &[] }
    }
}

fn at<'v>(item: &'v Value, members: &[&str]) -> Option<&'v Value> {
    members.iter().try_fold(item, |value, member| value.as_map()?.get(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_facet_is_in_the_claim_table() {
        let whole: Members = &[];
        for facet in Facet::ALL {
            for members in facet.members().iter().chain([&whole]) {
                let members: Vec<_> = members.iter().map(ToString::to_string).collect();
                let path = ClaimPath { claim: facet.name(), members };
                // The column `approvers` looks for the same in both of its claims (`SPEC.md` section 11.5).
                let of_the_other = path.to_string() == "submitted.approval.index";
                assert!(path.ty(&[]).is_ok() != of_the_other, "{path}");
            }
        }
    }
}
