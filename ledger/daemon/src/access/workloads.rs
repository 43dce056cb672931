//! Callers by what an issuer says of them: rules that the operator set, and what whoever meets one may do.

use crate::access::role::Role;

/// What the workloads of one issuer may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IssuerRules {
    /// The issuer, as `iss` has it.
    pub(crate) url: String,
    /// The first that a workload meets decides; one that meets none is refused.
    pub(crate) rules: Vec<Rule>,
}

/// What whoever meets it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    /// Each has to be met. One at least.
    pub(crate) matches: Vec<Match>,
    /// One at least.
    pub(crate) roles: Vec<Role>,
    /// Kinds that it may append; all where there are none.
    pub(crate) kinds: Vec<String>,
    /// Environments that it may append for; all where there are none.
    pub(crate) environments: Vec<String>,
}

/// A claim of the token that has to be one of these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Match {
    /// `sub`, or a member of the attested `workload`'s `claims`.
    pub(crate) claim: String,
    /// One at least.
    pub(crate) values: Vec<Pattern>,
}

/// What a claim may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pattern {
    /// This text.
    Is(String),
    /// A text that starts like this.
    StartsWith(String),
}
