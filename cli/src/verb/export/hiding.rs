//! What an export hides of its records.

use super::profile::Profile;
use provlog_core::package::RedactionRule;
use provlog_core::path::ClaimName;
use provlog_core::record::Record;
use provlog_core::redact::Redaction;

#[derive(Debug)]
pub(super) enum Hiding {
    Nothing,
    Named(Redaction),
    Profile(Profile),
}

impl Hiding {
    /// What to hide in a record, as far as it has the claims that were named; none where nothing is hidden.
    pub(super) fn redaction(&self, record: &Record) -> Option<Redaction> {
        let present = |claims: &[ClaimName]| {
            let there = |claim: &&ClaimName| record.section(claim.section).get(&claim.name).is_some();
            claims.iter().filter(there).cloned().collect()
        };
        match self {
            Self::Nothing => None,
            Self::Profile(profile) => Some(profile.redaction(record)),
            Self::Named(Redaction::Hide(claims)) => Some(Redaction::Hide(present(claims))),
            Self::Named(Redaction::Keep(claims)) => Some(Redaction::Keep(present(claims))),
        }
    }

    /// As the manifest says it.
    pub(super) fn rule(&self) -> RedactionRule {
        match self {
            Self::Nothing => RedactionRule::default(),
            Self::Named(redaction) => RedactionRule { rule: Some(redaction.clone()), profile: None },
            Self::Profile(profile) => RedactionRule { rule: None, profile: Some(profile.name().into()) },
        }
    }
}
