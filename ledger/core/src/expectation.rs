//! Expectations: what a receipt must be *about*. A receipt alone proves that something is logged.

use crate::cbor::{Map, Value};
use crate::check::{Check, Status};
use crate::claims::{check_claim, digests_agree};
use crate::hash::Hash;
use crate::hex;
use crate::path::{ClaimName, ClaimNameError};
use crate::record::{Claim, Record, SectionName};
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
        /// Which claim.
        claim: ClaimName,
        /// Names of map members and numbers of list items on the way to the scalar.
        path: Vec<String>,
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
    /// The part before the path names no claim.
    #[error(transparent)]
    Name(#[from] ClaimNameError),
}

impl core::str::FromStr for Expectation {
    type Err = ExpectationError;

    /// Reads `section.claim[.path]=value`.
    fn from_str(text: &str) -> Result<Self, ExpectationError> {
        let (place, value) = text.split_once('=').ok_or_else(|| ExpectationError::Form(text.into()))?;
        let mut words = place.split('.');
        let (Some(section), Some(name)) = (words.next(), words.next()) else {
            return Err(ExpectationError::Form(text.into()));
        };
        let claim = format!("{section}.{name}").parse()?;
        let path: Vec<String> = words.map(Into::into).collect();
        if path.iter().any(String::is_empty) {
            return Err(ExpectationError::Form(text.into()));
        }
        Ok(Self::Claim { claim, path, value: value.into() })
    }
}

impl Expectation {
    fn check_name(&self) -> String {
        match self {
            Self::Subject(_) => "subject".into(),
            Self::Prompt(_) => "prompt".into(),
            Self::Submission(_) => "submission".into(),
            Self::Claim { claim, path, .. } => {
                path.iter().fold(format!("expect:{claim}"), |name, part| format!("{name}.{part}"))
            }
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
        let compared = record.map_or_else(Vec::new, |record| self.about(record));
        Check { expected, got, compared, ..Check::new(self.check_name(), status) }
    }

    /// The claims that it is about.
    fn about(&self, record: &Record) -> Vec<ClaimName> {
        match self {
            Self::Subject(_) => Vec::from([ClaimName::submitted("subject")]),
            Self::Prompt(_) => Vec::from([ClaimName::submitted("prompt_hash")]),
            Self::Submission(_) => {
                record.submitted.iter().map(|(name, _)| ClaimName::submitted(name)).collect()
            }
            Self::Claim { claim, .. } => Vec::from([claim.clone()]),
        }
    }

    fn compare(&self, record: &Record) -> (Status, String) {
        match self {
            Self::Submission(expected) => {
                let got = record.entry.submitted_digest;
                (if got == *expected { Status::Pass } else { Status::Fail }, got.to_hex())
            }
            Self::Subject(expected) => compare_digests(record, SectionName::Submitted, "subject", |value| {
                subject_digests(value).iter().any(|digest| digests_agree(expected, digest))
            }),
            Self::Prompt(expected) => {
                compare_digests(record, SectionName::Submitted, "prompt_hash", |value| {
                    one_or_many(value).filter_map(Value::as_map).any(|digest| digests_agree(expected, digest))
                })
            }
            Self::Claim { claim, path, value: expected } => match found(record, claim.section, &claim.name) {
                Err(missing) => missing,
                Ok(value) => match walk(value, path) {
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

fn compare_digests(
    record: &Record,
    section: SectionName,
    name: &str,
    agrees: impl Fn(&Value) -> bool,
) -> (Status, String) {
    match found(record, section, name) {
        Err(missing) => missing,
        Ok(value) => (if agrees(value) { Status::Pass } else { Status::Fail }, digests_text(value)),
    }
}

/// The claim's value if it is there, shown, and of its type; otherwise what is wrong with it.
fn found<'a>(record: &'a Record, section: SectionName, name: &str) -> Result<&'a Value, (Status, String)> {
    match record.section(section).get(name) {
        None => Err((Status::Fail, format!("no claim {section}.{name}"))),
        Some(Claim::Hidden(_)) => Err((Status::NotDisclosed, format!("{section}.{name} is hidden"))),
        Some(Claim::Disclosed { value, .. }) => match check_claim(name, value) {
            Some(mismatch) => Err((Status::Fail, mismatch.to_string())),
            None => Ok(value),
        },
    }
}

fn walk<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Map(map) => map.get(part),
        Value::Array(items) => {
            let place = crate::checkpoint::decimal(part)?;
            items.get(usize::try_from(place).ok()?)
        }
        _ => None,
    })
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

fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or(core::slice::from_ref(value)).iter()
}

fn subject_digests(value: &Value) -> Vec<&Map> {
    one_or_many(value).filter_map(|subject| subject.as_map()?.get("digest")?.as_map()).collect()
}

/// `sha256:00ff…, sha512:…` of a digest set.
fn digest_text(digest: &Map) -> String {
    let parts: Vec<String> = digest
        .iter()
        .map(|(algorithm, bytes)| format!("{algorithm}:{}", scalar_text(bytes).unwrap_or_default()))
        .collect();
    parts.join(", ")
}

/// All digest sets in a claim's value, for the line that says what was got.
fn digests_text(value: &Value) -> String {
    let texts: Vec<String> = one_or_many(value)
        .filter_map(Value::as_map)
        .map(|map| digest_text(map.get("digest").and_then(Value::as_map).unwrap_or(map)))
        .collect();
    if texts.is_empty() { value.type_name().into() } else { texts.join("; ") }
}
