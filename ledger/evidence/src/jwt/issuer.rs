//! Whose token it is.

use crate::spiffe::TrustDomain;
use std::fmt;

/// Who signs tokens, and for whom alone a set of keys was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Issuer {
    /// An OIDC issuer, as in `iss`.
    Oidc(String),
    /// The trust domain of a SPIFFE ID; `iss` isn't looked at.
    Spiffe(TrustDomain),
}

/// GitHub's issuer; enterprises have one with a path of their own.
const GITHUB: &str = "https://token.actions.githubusercontent.com";

impl Issuer {
    /// Whether it is GitHub, whose names of repositories are given again and whose numbers aren't.
    #[must_use]
    pub fn is_github(&self) -> bool {
        let Self::Oidc(issuer) = self else { return false };
        issuer.strip_prefix(GITHUB).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oidc(issuer) => f.write_str(issuer),
            Self::Spiffe(trust_domain) => trust_domain.fmt(f),
        }
    }
}
