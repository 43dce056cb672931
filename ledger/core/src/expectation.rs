//! Expectations: what a receipt must be *about*. A receipt alone proves that something is logged.

use crate::cbor::{Map, Value};
use crate::check::{Check, Status};
use crate::claims::check_claim;
use crate::facet::Facet;
use crate::hash::Hash;
use crate::hex;
use crate::path::{ClaimName, ClaimPath, PathError};
use crate::record::{Claim, Record};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// One thing that the caller expects of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// One of the submitted `subject`s has this digest: all shared algorithms agree, and at least one is shared.
    Subject(Map),
    /// The submitted `prompt_hash`, or one of them, is this digest.
    Prompt(Map),
    /// The submitted claims are exactly those that the caller sealed.
    Submission(Hash),
    /// A scalar within a claim is this value.
    Claim {
        /// Where it is.
        path: ClaimPath,
        /// The value, as text: strings as they are, bytes in lowercase hex, integers in decimal, `true`, `false`, `null`.
        value: String,
    },
}

/// An expectation that doesn't have the form `section.claim[.path]=value`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpectationError {
    /// No equals sign, or nothing before it.
    #[error("{0:?}: expected <section>.<claim>[.<path>]=<value>, such as submitted.model.name=m-1")]
    Form(String),
    /// The part before the equals sign is no path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl core::str::FromStr for Expectation {
    type Err = ExpectationError;

    /// Reads `section.claim[.path]=value`.
    fn from_str(text: &str) -> Result<Self, ExpectationError> {
        let (place, value) = text.split_once('=').ok_or_else(|| ExpectationError::Form(text.into()))?;
        Ok(Self::Claim { path: place.parse()?, value: value.into() })
    }
}

impl Expectation {
    fn check_name(&self) -> String {
        match self {
            Self::Subject(_) => "subject".into(),
            Self::Prompt(_) => "prompt".into(),
            Self::Submission(_) => "submission".into(),
            Self::Claim { path, .. } => format!("expect:{path}"),
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Subject(digest) | Self::Prompt(digest) => digest_text(digest),
            Self::Submission(digest) => digest.to_hex(),
            Self::Claim { value, .. } => value.clone(),
        }
    }

    /// Compares a record with the expectation; none is one of an entry version that isn't known.
    #[must_use]
    pub fn check(&self, record: Option<&Record>) -> Check {
        let unknown = (Status::Fail, "an entry version that is not known".to_string());
        let (status, got) = record.map_or(unknown, |record| self.compare(record));
        let (expected, got) = (Some(self.expected()), Some(got));
        let compared = record.map_or_else(Vec::new, |record| self.compared(record));
        Check { expected, got, compared, ..Check::new(self.check_name(), status) }
    }

    /// What it compares, where it holds.
    fn compared(&self, record: &Record) -> Vec<ClaimPath> {
        match self {
            Self::Subject(expected) => Facet::Subject.agreeing(record, expected),
            Self::Prompt(expected) => Facet::PromptHash.agreeing(record, expected),
            Self::Submission(_) => {
                let whole = |name| ClaimPath { claim: ClaimName::submitted(name), members: Vec::new() };
                record.submitted.iter().map(|(name, _)| whole(name)).collect()
            }
            Self::Claim { path, .. } => Vec::from([path.clone()]),
        }
    }

    fn compare(&self, record: &Record) -> (Status, String) {
        match self {
            Self::Submission(expected) => {
                let got = record.entry.submitted_digest;
                (if got == *expected { Status::Pass } else { Status::Fail }, got.to_hex())
            }
            Self::Subject(expected) => compare_digests(record, Facet::Subject, expected),
            Self::Prompt(expected) => compare_digests(record, Facet::PromptHash, expected),
            Self::Claim { path, value: expected } => match found(record, &path.claim) {
                Err(missing) => missing,
                Ok(value) => match path.one(value) {
                    Some(found) => match scalar_text(found) {
                        Some(got) if got == *expected => (Status::Pass, got),
                        Some(got) => (Status::Fail, got),
                        None => (Status::Fail, format!("{}, not a scalar", found.type_name())),
                    },
                    None => (Status::Fail, "nothing at this path".to_string()),
                },
            },
        }
    }
}

fn compare_digests(record: &Record, facet: Facet, expected: &Map) -> (Status, String) {
    match found(record, &facet.name()) {
        Err(missing) => missing,
        Ok(value) => {
            let agrees = facet.has_digest(value, expected);
            let got: Vec<String> = facet.digests(value).map(|(_, digest)| digest_text(digest)).collect();
            let got = if got.is_empty() { value.type_name().into() } else { got.join("; ") };
            (if agrees { Status::Pass } else { Status::Fail }, got)
        }
    }
}

/// The claim's value if it is there, shown, and of its type; otherwise what is wrong with it.
fn found<'r>(record: &'r Record, claim: &ClaimName) -> Result<&'r Value, (Status, String)> {
    match record.section(claim.section).get(&claim.name) {
        None => Err((Status::Fail, format!("no claim {claim}"))),
        Some(Claim::Hidden(_)) => Err((Status::NotDisclosed, format!("{claim} is hidden"))),
        Some(Claim::Disclosed { value, .. }) => match check_claim(&claim.name, value) {
            Some(mismatch) => Err((Status::Fail, mismatch.to_string())),
            None => Ok(value),
        },
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Bytes(bytes) => Some(hex::encode(bytes)),
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some("null".into()),
        Value::Array(_) | Value::Map(_) => None,
    }
}

/// `sha256:00ff…, sha512:…` of a digest set.
fn digest_text(digest: &Map) -> String {
    let parts: Vec<String> = digest
        .iter()
        .map(|(algorithm, bytes)| format!("{algorithm}:{}", scalar_text(bytes).unwrap_or_default()))
        .collect();
    parts.join(", ")
}
