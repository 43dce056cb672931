//! What a statement says, taken apart.

use crate::subject::Subject;
use std::collections::{BTreeMap, BTreeSet};

/// What a statement is signed for. One for one use never serves another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A change may go to an environment.
    Promote,
    /// A change may go to an environment although the policy in force says no.
    Override,
    /// An earlier statement of the same person counts no longer.
    Withdraw,
}

/// Why a change is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// Its id.
    pub id: String,
    /// For people.
    pub purpose: String,
    /// What the change may touch; every key has a value.
    pub scope: BTreeMap<String, BTreeSet<String>>,
}

/// A policy, by name and by bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
}

/// What a statement says. That it can be said is known once [`super::Statement::new`] has taken it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fields {
    /// What it is signed for.
    pub action: Action,
    /// The origin of the one log that it is for.
    pub log: String,
    /// Where.
    pub environment: String,
    /// Of what: things that change, or the statement that is withdrawn.
    pub subjects: BTreeSet<Subject>,
    /// Why, where that was declared.
    pub intent: Option<Intent>,
    /// Why the rule doesn't hold this time, or why a statement is withdrawn.
    pub reason: Option<String>,
    /// Under which policy.
    pub policy: Policy,
    /// Who asked for it, where that is known.
    pub requester: Option<String>,
    /// Drawn at random, so that no statement is another's.
    pub nonce: [u8; 16],
    /// Until when it may be used, this second included.
    pub expires_s: u64,
}

impl Action {
    pub(super) const ALL: [Self; 3] = [Self::Promote, Self::Override, Self::Withdraw];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Override => "override",
            Self::Withdraw => "withdraw",
        }
    }
}
