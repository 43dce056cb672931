//! What a claim is called from outside its record.

use crate::record::{SectionName, is_claim_name};
use alloc::string::String;
use core::fmt;

/// A claim's full name: `section.claim`.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct ClaimName {
    /// Which map it is in.
    pub section: SectionName,
    /// Its name there.
    pub name: String,
}

/// Not `section.claim`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?}: expected submitted.<claim> or attested.<claim>")]
pub struct ClaimNameError(String);

impl ClaimName {
    /// A submitted claim's.
    pub(crate) fn submitted(name: &str) -> Self {
        Self { section: SectionName::Submitted, name: name.into() }
    }
}

impl core::str::FromStr for ClaimName {
    type Err = ClaimNameError;

    fn from_str(text: &str) -> Result<Self, ClaimNameError> {
        let parts = text.split_once('.').and_then(|(section, name)| {
            Some(Self { section: SectionName::from_name(section)?, name: name.into() })
        });
        parts.filter(|claim| is_claim_name(&claim.name)).ok_or_else(|| ClaimNameError(text.into()))
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.name)
    }
}
