//! What a claim, and a value within it, is called from outside its record.

use crate::cbor::Value;
use crate::checkpoint::decimal;
use crate::claims::{ABSENT_KEY, Type, kind_spec, type_of};
use crate::entry::Kind;
use crate::limits::VALUE_DEPTH_MAX;
use crate::record::{SectionName, is_claim_name};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A claim's full name: `section.claim`.
#[derive(Clone, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct ClaimName {
    /// Which map it is in.
    pub section: SectionName,
    /// Its name there.
    pub name: String,
}

/// A claim, and the way to a value within it: `section.claim[.member]...`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimPath {
    /// The claim.
    pub claim: ClaimName,
    /// Names of map members and, where a single value is meant, numbers of list items.
    pub members: Vec<String>,
}

/// Why a text is no path, or a path that leads nowhere in an entry of some kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// No section, no claim, or a member without a name.
    #[error("{0:?}: expected submitted.<claim> or attested.<claim>, and members after it")]
    Form(String),
    /// More members than values nest.
    #[error("\"{path}\": expected at most {VALUE_DEPTH_MAX} members, got {got}")]
    Deep {
        /// The path.
        path: ClaimPath,
        /// Its members.
        got: usize,
    },
    /// The claim table has no such claim.
    #[error("\"{0}\": there is no claim {claim}", claim = .0.claim.name)]
    Claim(ClaimPath),
    /// The claim isn't one of this kind's.
    #[error("\"{path}\": an entry of kind {kind} has no claim {claim}", claim = path.claim.name)]
    Kind {
        /// The path.
        path: ClaimPath,
        /// The kind's name.
        kind: &'static str,
    },
    /// The type on the way has no such member.
    #[error("\"{path}\": {ty} has no member {member:?}")]
    Member {
        /// The path.
        path: ClaimPath,
        /// What there is.
        ty: String,
        /// What was asked of it.
        member: String,
    },
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

impl ClaimPath {
    /// The type of what is there in entries of these kinds, by the claim table.
    ///
    /// # Errors
    /// [`PathError`]: nothing can be there.
    pub fn ty(&self, kinds: &[Kind]) -> Result<&'static Type, PathError> {
        if self.members.len() > VALUE_DEPTH_MAX {
            return Err(PathError::Deep { path: self.clone(), got: self.members.len() });
        }
        let claim = &self.claim;
        let ty = type_of(&claim.name).ok_or_else(|| PathError::Claim(self.clone()))?;
        let mut specs = kinds.iter().filter_map(|kind| kind_spec(*kind));
        // What a log attests isn't bound to kinds.
        let bound = claim.section == SectionName::Submitted;
        if let Some(spec) = specs.find(|spec| bound && !spec.allows(&claim.name)) {
            return Err(PathError::Kind { path: self.clone(), kind: spec.name });
        }
        self.members.iter().try_fold(ty, |ty, member| {
            let missing =
                || PathError::Member { path: self.clone(), ty: ty.to_string(), member: member.clone() };
            ty.member(member).ok_or_else(missing)
        })
    }

    /// The one value there, in the claim's value; a list on the way takes a number.
    #[must_use]
    pub fn one<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.members.iter().try_fold(value, |value, member| match value {
            Value::Map(map) => map.get(member),
            Value::Array(items) => items.get(usize::try_from(decimal(member)?).ok()?),
            _ => None,
        })
    }

    /// Whether what is there fits, in each item of the lists on the way. Nothing is there in an empty list or an absence.
    pub fn all<'v>(&self, value: &'v Value, fits: &mut dyn FnMut(&'v Value) -> bool) -> bool {
        all_at(value, &self.members, fits)
    }
}

fn all_at<'v>(value: &'v Value, members: &[String], fits: &mut dyn FnMut(&'v Value) -> bool) -> bool {
    match (value, members.split_first()) {
        (Value::Array(items), _) => !items.is_empty() && items.iter().all(|item| all_at(item, members, fits)),
        (_, None) => fits(value),
        (Value::Map(map), Some((member, rest))) if map.get(ABSENT_KEY).is_none() => {
            map.get(member).is_some_and(|inner| all_at(inner, rest, fits))
        }
        _ => false,
    }
}

impl core::str::FromStr for ClaimPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let form = || PathError::Form(text.into());
        let mut words = text.split('.');
        let claim = [words.next(), words.next()].map(Option::unwrap_or_default).join(".");
        let claim = claim.parse().map_err(|_| form())?;
        let members: Vec<String> = words.map(Into::into).collect();
        if members.iter().any(String::is_empty) { Err(form()) } else { Ok(Self { claim, members }) }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.claim.fmt(f)?;
        self.members.iter().try_for_each(|member| write!(f, ".{member}"))
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
