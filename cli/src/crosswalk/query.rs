//! Evidence queries: a closed language of conditions over an entry's kind and its claims.
//!
//! A query is checked against core's claim table when it is loaded, so a misspelt claim or a word that a claim can't
//! have is an error and not evidence that is never found. It reads one record at a time, and never takes a hidden claim for
//! the value that somebody says it has. References are something to it; whoever follows them says which lead anywhere.
//! What it asks of a submitted `decision` the log's gate answers, where there is one (`SPEC.md` section 14).

use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{Type, kind_named};
use provlog_core::facet::{Decision, Facet, decision};
use provlog_core::path::{ClaimName, ClaimPath, PathError};
use provlog_core::record::{Claim, SectionName};
use provlog_core::{Kind, Record, hex};
use serde::Deserialize;
use std::fmt;

/// A query as a file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryRow {
    /// Kinds of entry that it is about.
    kind: Vec<String>,
    /// Whether every one of them has to fit, or one is enough.
    #[serde(default)]
    every: bool,
    /// Which of them it is about.
    #[serde(default, rename = "where")]
    among: Vec<ValueRow>,
    /// Paths at which there is something.
    #[serde(default)]
    has: Vec<String>,
    /// Paths at which there is one of some values.
    #[serde(default)]
    value: Vec<ValueRow>,
    /// Pairs of paths at which there are different values.
    #[serde(default)]
    differ: Vec<DifferRow>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueRow {
    path: String,
    equals: Option<Scalar>,
    one_of: Option<Vec<Scalar>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DifferRow {
    path: String,
    from: String,
}

/// A value that a claim is compared with.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string, an integer or a boolean")]
pub(crate) enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A string; for bytes, their lowercase hex.
    Text(String),
}

/// What a record says to a condition or a query. Of conditions that all have to hold, the last of these decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Truth {
    /// It holds.
    Met,
    /// A claim that would decide it is hidden.
    Undisclosed,
    /// An entry that would decide it is referred to, and isn't here.
    Unresolved,
    /// It doesn't.
    Unmet,
}

/// A field of a query, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct QueryError {
    /// Its name in the file.
    pub(crate) field: &'static str,
    /// Expected and got.
    pub(crate) problem: String,
}

/// A query that fits the claim table.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    kinds: Vec<Kind>,
    every: bool,
    among: Vec<Condition>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
enum Condition {
    /// There is something at the path: no absence, and not an empty list or map.
    Has(ClaimPath),
    /// The scalar at the path is one of these.
    Is { path: ClaimPath, one_of: Vec<Scalar> },
    /// There are scalars at both paths, and none is at both.
    Differ { path: ClaimPath, from: ClaimPath },
}

impl QueryRow {
    /// Checks the query against the claim table.
    ///
    /// # Errors
    /// Every field that doesn't fit it.
    pub(crate) fn compile(&self) -> Result<Query, Vec<QueryError>> {
        let mut problems = Vec::new();
        let kinds = self.kinds().unwrap_or_else(|problem| {
            problems.push(QueryError { field: "kind", problem });
            Vec::new()
        });
        let mut keep = |field, condition: Result<Condition, String>| {
            condition.map_err(|problem| problems.push(QueryError { field, problem })).ok()
        };
        let among = self.among.iter().filter_map(|row| keep("where", row.compile(&kinds))).collect();
        let mut conditions: Vec<Condition> = Vec::new();
        for path in &self.has {
            conditions.extend(keep("has", parse(path, &kinds).map(|(path, _)| Condition::Has(path))));
        }
        for row in &self.value {
            conditions.extend(keep("value", row.compile(&kinds)));
        }
        for row in &self.differ {
            conditions.extend(keep("differ", row.compile(&kinds)));
        }
        if problems.is_empty() {
            Ok(Query { kinds, every: self.every, among, conditions })
        } else {
            Err(problems)
        }
    }

    fn kinds(&self) -> Result<Vec<Kind>, String> {
        if self.kind.is_empty() {
            return Err("expected at least one kind of entry, got none".into());
        }
        let kind = |name: &String| {
            kind_named(name).map(|spec| spec.kind).ok_or_else(|| format!("{name:?} is no kind of entry"))
        };
        let mut kinds: Vec<Kind> = self.kind.iter().map(kind).collect::<Result<_, _>>()?;
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }
}

impl ValueRow {
    fn compile(&self, kinds: &[Kind]) -> Result<Condition, String> {
        let (path, ty) = parse(&self.path, kinds)?;
        let one_of = match (&self.equals, &self.one_of) {
            (Some(value), None) => vec![value.clone()],
            (None, Some(values)) if !values.is_empty() => values.clone(),
            _ => {
                return Err(format!(
                    "{}: expected either equals, or one_of with at least one value",
                    self.path
                ));
            }
        };
        match one_of.iter().find(|value| !value.fits(ty)) {
            Some(value) => Err(format!("{}: expected {ty}, got {value}", self.path)),
            None => Ok(Condition::Is { path, one_of }),
        }
    }
}

impl DifferRow {
    fn compile(&self, kinds: &[Kind]) -> Result<Condition, String> {
        let scalar = |text: &str| match parse(text, kinds)? {
            (path, ty) if is_scalar(ty) => Ok(path),
            (_, ty) => Err(format!("{text}: expected a path to a single value, got one to {ty}")),
        };
        Ok(Condition::Differ { path: scalar(&self.path)?, from: scalar(&self.from)? })
    }
}

impl Query {
    /// Kinds of entry that it is about, in order, each once.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether every entry that it is about has to fit, or one is enough.
    pub(crate) const fn every(&self) -> bool {
        self.every
    }

    /// Whether a condition is about this submitted claim.
    pub(crate) fn asks(&self, claim: &str) -> bool {
        self.conditions
            .iter()
            .flat_map(Condition::paths)
            .any(|path| path.claim.section == SectionName::Submitted && path.claim.name == claim)
    }

    /// What a record says to it, where all that it refers to is there; nothing when the query isn't about this record.
    pub(crate) fn test(&self, record: &Record) -> Option<Truth> {
        if !self.kinds.contains(&record.entry.kind) {
            return None;
        }
        match all(&self.among, record) {
            Truth::Unmet => None,
            Truth::Met => Some(all(&self.conditions, record)),
            undecided => Some(undecided),
        }
    }
}

/// One condition that fails decides, whatever the hidden claims hold.
fn all(conditions: &[Condition], record: &Record) -> Truth {
    let mut truth = Truth::Met;
    for condition in conditions {
        truth = truth.max(condition.test(record));
        if truth == Truth::Unmet {
            break;
        }
    }
    truth
}

impl Condition {
    fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let (path, from) = match self {
            Self::Has(path) | Self::Is { path, .. } => (path, None),
            Self::Differ { path, from } => (path, Some(from)),
        };
        std::iter::once(path).chain(from)
    }

    fn test(&self, record: &Record) -> Truth {
        match self {
            Self::Has(path) => test(path, record, &mut is_something),
            Self::Is { path, one_of } => {
                test(path, record, &mut |found| one_of.iter().any(|value| value.is(found)))
            }
            Self::Differ { path, from } => {
                let (mut these, mut those) = (Vec::new(), Vec::new());
                let truths = [collect(path, record, &mut these), collect(from, record, &mut those)];
                if truths.contains(&Truth::Unmet) || these.iter().any(|value| those.contains(value)) {
                    Truth::Unmet
                } else if truths.contains(&Truth::Undisclosed) {
                    Truth::Undisclosed
                } else {
                    Truth::Met
                }
            }
        }
    }
}

/// Reads a path, and gives the type that it leads to.
fn parse(text: &str, kinds: &[Kind]) -> Result<(ClaimPath, &'static Type), String> {
    let path: ClaimPath = text.parse().map_err(|error: PathError| error.to_string())?;
    let ty = path.ty(kinds).map_err(|error| error.to_string())?;
    Ok((path, ty))
}

/// A list on the way stands for each of its items: all have to fit.
fn test<'r>(path: &ClaimPath, record: &'r Record, fits: &mut dyn FnMut(&'r Value) -> bool) -> Truth {
    match answer(&path.claim, record) {
        Ok(value) if path.all(value, fits) => Truth::Met,
        Ok(_) => Truth::Unmet,
        Err(truth) => truth,
    }
}

/// The value that a record has for a claim, or what it says to every condition where it shows none. Where a gate of the log's
/// decided, a submitted decision is none, and the gate's is asked in its place.
fn answer<'r>(claim: &ClaimName, record: &'r Record) -> Result<&'r Value, Truth> {
    if Facet::Decision.is(claim) {
        return match decision(record) {
            None => Err(Truth::Unmet),
            Some(Decision::NotDisclosed) => Err(Truth::Undisclosed),
            Some(Decision::Gate(value) | Decision::Submitted(value)) => Ok(value),
        };
    }
    match record.section(claim.section).get(&claim.name) {
        None => Err(Truth::Unmet),
        Some(Claim::Hidden(_)) => Err(Truth::Undisclosed),
        Some(Claim::Disclosed { value, .. }) => Ok(value),
    }
}

/// The scalars at the path, all of which have to be there.
fn collect<'r>(path: &ClaimPath, record: &'r Record, found: &mut Vec<&'r Value>) -> Truth {
    test(path, record, &mut |value| {
        found.push(value);
        is_something(value)
    })
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Map(map) => !map.is_empty() && !is_absence(map),
        Value::Array(items) => !items.is_empty(),
        Value::Text(text) => !text.is_empty(),
        Value::Integer(_) | Value::Bytes(_) | Value::Bool(_) => true,
    }
}

/// A map with this member states that there is no value, whatever else it holds.
fn is_absence(map: &Map) -> bool {
    map.get("absent").is_some()
}

const fn is_scalar(ty: &'static Type) -> bool {
    !matches!(ty.item(), Type::Object(_) | Type::ByFormat(_) | Type::Digest | Type::FreeMap { .. })
}

impl Scalar {
    fn fits(&self, ty: &'static Type) -> bool {
        match (ty.item(), self) {
            (Type::Text, Self::Text(text)) => !text.is_empty(),
            (Type::Words(words), Self::Text(text)) => words.contains(&text.as_str()),
            (Type::Bytes(lengths), Self::Text(text)) => {
                hex::decode(text).is_some_and(|bytes| lengths.contains(&bytes.len()))
            }
            (Type::AnyBytes, Self::Text(text)) => hex::decode(text).is_some_and(|bytes| !bytes.is_empty()),
            (Type::Uint, Self::Integer(integer)) => *integer >= 0,
            (Type::Literal(literal), Self::Integer(integer)) => integer == literal,
            (Type::Bool, Self::Bool(_)) | (Type::TextOrEmpty, Self::Text(_)) | (Type::Any, _) => true,
            _ => false,
        }
    }

    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(expected), Value::Bool(got)) => expected == got,
            (Self::Integer(expected), Value::Integer(got)) => expected == got,
            (Self::Text(expected), Value::Text(got)) => expected == got,
            (Self::Text(expected), Value::Bytes(got)) => *expected == hex::encode(got),
            _ => false,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}
