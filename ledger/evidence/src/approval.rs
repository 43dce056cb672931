//! What a statement says of claims (`SPEC.md` section 13.2): the statement is the truth, and claims must equal it.
//!
//! Both are brought to [`Fields`], of which a statement is the one text. So the claims that somebody is asked to sign, and
//! those that a signature is compared with, are read by the same code.

use crate::statement::{Action, Fields, Intent, Policy, Statement, StatementError};
use crate::subject::Subject;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{Misfit, check_claim};
use provlog_core::hex;
use std::collections::{BTreeMap, BTreeSet};

/// The claims that a statement is about.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// `subject`; of a withdrawal, `withdraws`.
    pub subject: &'a Value,
    /// Of a withdrawal, `withdrawal_reason`.
    pub reason: Option<&'a Value>,
    /// `environment`.
    pub environment: &'a Value,
    /// `intent`, where the entry has one.
    pub intent: Option<&'a Value>,
    /// `policy`.
    pub policy: &'a Value,
}

/// What a statement says beside claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// What it is signed for.
    pub action: Action,
    /// The origin of the log.
    pub log: String,
    /// Why, for an override; of a withdrawal a claim says it.
    pub reason: Option<String>,
    /// Drawn at random.
    pub nonce: [u8; 16],
    /// Until when it may be used, in seconds since the Unix epoch.
    pub expires_s: u64,
}

/// Why claims are none that a statement can equal, or don't equal this one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApprovalError {
    /// A value that doesn't fit its type.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A value that no statement can say.
    #[error("{claim}: expected {expected}, got {got}")]
    Unsayable {
        /// Which claim, and which part of it.
        claim: &'static str,
        /// What can be said.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// Another value than the statement's.
    #[error("{claim}: the statement says {expected}, the claim {got}")]
    Differs {
        /// Which claim, and which part of it.
        claim: &'static str,
        /// What the statement says.
        expected: String,
        /// What the claim says.
        got: String,
    },
}

/// What a statement would have to say for these claims.
///
/// # Errors
/// The first claim that no statement can equal.
pub fn fields_of(claims: &Claims<'_>, occasion: Occasion) -> Result<Fields, ApprovalError> {
    let Occasion { action, log, reason, nonce, expires_s } = occasion;
    let (subjects, reason) = match action {
        Action::Withdraw => {
            (withdrawn(claims.subject)?, claims.reason.and_then(Value::as_text).map(Into::into))
        }
        Action::Promote | Action::Override => (subjects(claims.subject)?, reason),
    };
    fits("environment", claims.environment)?;
    let environment = claims.environment.as_text().unwrap_or_default().into();
    let (intent, requester) = intent(claims.intent)?;
    let policy = policy(claims.policy)?;
    Ok(Fields { action, log, environment, subjects, intent, reason, policy, requester, nonce, expires_s })
}

/// Whether these claims are what the statement says of them.
///
/// # Errors
/// The first claim that isn't, and how it differs.
pub fn check_claims(statement: &Statement, claims: &Claims<'_>) -> Result<(), ApprovalError> {
    let said = statement.fields();
    let occasion = Occasion {
        action: said.action,
        log: said.log.clone(),
        reason: said.reason.clone(),
        nonce: said.nonce,
        expires_s: said.expires_s,
    };
    let got = fields_of(claims, occasion)?;
    let subject = if said.action == Action::Withdraw { "withdraws" } else { "subject" };
    same(subject, &said.subjects, &got.subjects, |subjects| {
        subjects.iter().map(named).collect::<Vec<_>>().join("; ")
    })?;
    same("withdrawal_reason", &said.reason, &got.reason, |reason| {
        reason.clone().unwrap_or_else(|| "none".into())
    })?;
    same("environment", &said.environment, &got.environment, Clone::clone)?;
    same("intent", &said.intent, &got.intent, |intent| match intent {
        Some(Intent { id, purpose, scope }) => format!("{id} {purpose:?} {scope:?}"),
        None => "none".into(),
    })?;
    same("intent.requester", &said.requester, &got.requester, |requester| {
        requester.clone().unwrap_or_else(|| "none".into())
    })?;
    same("policy", &said.policy, &got.policy, |Policy { name, version, sha256 }| {
        format!("{name}@{version} sha256:{}", hex::encode(sha256))
    })
}

/// The SHA-256 of one statement in place of all that equal these claims in this log: two have it alike where the same statements
/// equal them.
///
/// # Errors
/// Why no statement can equal them.
pub(crate) fn claims_digest(claims: &Claims<'_>, log: &str) -> Result<[u8; 32], String> {
    let occasion = Occasion {
        action: Action::Promote,
        log: log.into(),
        reason: None,
        nonce: STAND_IN_NONCE,
        expires_s: 0,
    };
    let fields = fields_of(claims, occasion).map_err(|error| error.to_string())?;
    stand_in(fields).map_err(|error| error.to_string())
}

/// As [`claims_digest`], of the claims that equal this statement.
///
/// # Errors
/// None of a statement that isn't a withdrawal.
pub(crate) fn statement_digest(statement: &Statement) -> Result<[u8; 32], StatementError> {
    stand_in(statement.fields().clone())
}

/// Any but zeros, which no statement has.
const STAND_IN_NONCE: [u8; 16] = [1; 16];

fn stand_in(fields: Fields) -> Result<[u8; 32], StatementError> {
    let (action, nonce) = (Action::Promote, STAND_IN_NONCE);
    let fields = Fields { action, reason: None, nonce, expires_s: 0, ..fields };
    Statement::new(fields).map(|statement| statement.sha256())
}

/// Whether an `approval`'s own members are what its statement says of them: `nonce` and `expires_at_ms`.
///
/// # Errors
/// The first that isn't there, or differs.
pub fn check_approval(statement: &Statement, approval: &Map) -> Result<(), ApprovalError> {
    let said = statement.fields();
    let nonce = approval.get("nonce").and_then(Value::as_text).unwrap_or("none");
    same("approval.nonce", &hex::encode(&said.nonce), &nonce.into(), Clone::clone)?;
    let expires = approval.get("expires_at_ms").and_then(Value::as_uint);
    let shown = |time: &Option<u64>| time.map_or_else(|| "none".into(), |time| time.to_string());
    same("approval.expires_at_ms", &said.expires_s.checked_mul(1000), &expires, shown)
}

fn same<T: PartialEq>(
    claim: &'static str,
    expected: &T,
    got: &T,
    show: impl Fn(&T) -> String,
) -> Result<(), ApprovalError> {
    if expected == got {
        return Ok(());
    }
    Err(ApprovalError::Differs { claim, expected: show(expected), got: show(got) })
}

fn fits(name: &str, value: &Value) -> Result<(), ApprovalError> {
    match check_claim(name, value) {
        Some(misfit) => Err(misfit.into()),
        None => Ok(()),
    }
}

fn subjects(value: &Value) -> Result<BTreeSet<Subject>, ApprovalError> {
    let items = Subject::of_claim(value)?;
    let count = items.len();
    let subjects: BTreeSet<Subject> = items.into_iter().collect();
    if subjects.len() < count {
        let expected = "each of them once";
        return Err(ApprovalError::Unsayable { claim: "subject", expected, got: "one of them twice".into() });
    }
    Ok(subjects)
}

fn withdrawn(value: &Value) -> Result<BTreeSet<Subject>, ApprovalError> {
    fits("withdraws", value)?;
    let statement = value.as_map().and_then(|map| map.get("statement")).and_then(Value::as_bytes);
    let sha256 = statement.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let sha256 = sha256.ok_or_else(|| ApprovalError::Unsayable {
        claim: "withdraws",
        expected: "a statement by its SHA-256",
        got: "an entry".into(),
    })?;
    Ok(BTreeSet::from([Subject::of_sha256(sha256)]))
}

fn intent(value: Option<&Value>) -> Result<(Option<Intent>, Option<String>), ApprovalError> {
    let Some(value) = value else { return Ok((None, None)) };
    fits("intent", value)?;
    let Some(map) = value.as_map().filter(|map| map.get("absent").is_none()) else {
        return Ok((None, None));
    };
    let text = |name: &str| map.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    let scope = match map.get("scope").and_then(Value::as_map) {
        Some(scope) => self::scope(scope)?,
        None => BTreeMap::new(),
    };
    let requester = map.get("requester").and_then(Value::as_map).and_then(|who| who.get("id"));
    let requester = requester.and_then(Value::as_text).map(Into::into);
    Ok((Some(Intent { id: text("id"), purpose: text("purpose"), scope }), requester))
}

fn scope(map: &Map) -> Result<BTreeMap<String, BTreeSet<String>>, ApprovalError> {
    let refused = |got: String| ApprovalError::Unsayable {
        claim: "intent.scope",
        expected: "names with at least one value, each value once, or no scope at all",
        got,
    };
    if map.iter().len() == 0 {
        return Err(refused("an empty map".into()));
    }
    let mut scope = BTreeMap::new();
    for (key, list) in map.iter() {
        let values: BTreeSet<String> =
            list.items().iter().filter_map(Value::as_text).map(Into::into).collect();
        if values.is_empty() || values.len() < list.items().len() {
            return Err(refused(format!("{key} with {} values", list.items().len())));
        }
        scope.insert(key.to_owned(), values);
    }
    Ok(scope)
}

fn policy(value: &Value) -> Result<Policy, ApprovalError> {
    fits("policy", value)?;
    let map = value.as_map();
    let text = |name: &str| map.and_then(|map| map.get(name)).and_then(Value::as_text);
    let digest = map.and_then(|map| map.get("digest")).and_then(Value::as_map);
    let alone = digest.filter(|digest| digest.iter().len() == 1);
    let sha256 = alone.and_then(|digest| digest.get("sha256")).and_then(Value::as_bytes);
    let sha256 = sha256.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match (text("name"), text("version"), sha256) {
        (Some(name), Some(version), Some(sha256)) => {
            Ok(Policy { name: name.into(), version: version.into(), sha256 })
        }
        _ => Err(ApprovalError::Unsayable {
            claim: "policy",
            expected: "a policy whose digest is a sha256 alone",
            got: if digest.is_some() { "other digests".into() } else { "none".into() },
        }),
    }
}

fn named(subject: &Subject) -> String {
    let uri = subject.uri().unwrap_or("-");
    match subject.name() {
        Some(name) => format!("{subject} {uri} {name:?}"),
        None => format!("{subject} {uri}"),
    }
}
