//! What an export hides of its records.

use super::profile::Profile;
use provlog_core::package::RedactionRule;
use provlog_core::redact::Redaction;

#[derive(Debug)]
pub(super) enum Hiding {
    Nothing,
    Named(Redaction),
    Profile(Profile),
}

impl Hiding {
    /// As the manifest says it.
    pub(super) fn rule(&self) -> RedactionRule {
        match self {
            Self::Nothing => RedactionRule::default(),
            Self::Named(redaction) => RedactionRule { rule: Some(redaction.clone()), profile: None },
            Self::Profile(profile) => RedactionRule { rule: None, profile: Some(profile.name().into()) },
        }
    }
}
