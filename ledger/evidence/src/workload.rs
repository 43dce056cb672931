//! The attested `workload`: a function of the evidence alone, so that whoever has the evidence computes it again and
//! compares (`SPEC.md` section 12.5).

use crate::jwt::{BearerToken, BoundToken, Issuer, Said, UnverifiedBoundToken};
use crate::spiffe::SpiffeId;
use crate::svid::{BearerSvid, BoundSvid, SignedSvid};
use provlog_core::cbor::{Map, Value};
use provlog_core::json::Json;

/// Largest claim, in bytes of CBOR: the value with `verified_at_ms`, and its salt.
pub const WORKLOAD_BYTES_MAX: usize = 2_400;

/// What isn't in the value yet, in bytes: the head of salt and value, 1; the salt, 1 + 16; `verified_at_ms`, a name of 14
/// behind a head of 1 and an integer of up to 9, which the log adds.
const AROUND_BYTES: usize = 1 + 17 + 15 + 9;

/// Members of a payload that are kept. GitHub's, GitLab's and Kubernetes' are in one list: what a token means is its issuer's
/// business, and a reader needs no configuration of the log to compute the value again. Names of persons' mailboxes, and
/// what they may see, aren't kept.
const CLAIMS: [&str; 40] = [
    "actor",
    "actor_id",
    "base_ref",
    "check_run_id",
    "ci_config_ref_uri",
    "ci_config_sha",
    "deployment_tier",
    "environment",
    "environment_protected",
    "event_name",
    "head_ref",
    "job_id",
    "job_workflow_ref",
    "job_workflow_sha",
    "namespace_id",
    "namespace_path",
    "pipeline_id",
    "pipeline_source",
    "project_id",
    "project_path",
    "project_visibility",
    "ref",
    "ref_path",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "run_attempt",
    "run_id",
    "run_number",
    "runner_environment",
    "runner_id",
    "sha",
    "user_id",
    "user_login",
    "workflow_ref",
    "workflow_sha",
];

/// The member under which Kubernetes puts its own.
const KUBERNETES: &str = "kubernetes.io";

/// Paths within it.
const KUBERNETES_CLAIMS: [&str; 7] = [
    "namespace",
    "node/name",
    "node/uid",
    "pod/name",
    "pod/uid",
    "serviceaccount/name",
    "serviceaccount/uid",
];

/// Every name that the `claims` of a `workload` can have: what a rule about callers can go by, so that what decided is in
/// the entry.
pub fn claim_names() -> impl Iterator<Item = String> {
    let nested = KUBERNETES_CLAIMS.iter().map(|path| format!("{KUBERNETES}/{path}"));
    CLAIMS.iter().map(ToString::to_string).chain(nested)
}

/// Who submitted, and how that was shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Who it is for ever: what makes a retry the same submitter's.
    pub identity: String,
    /// The claim's value, without `verified_at_ms`.
    pub value: Map,
}

/// Why a log doesn't write a `workload`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WorkloadError {
    /// More than the attested section has room for.
    #[error(
        "workload: expected at most {WORKLOAD_BYTES_MAX} bytes of CBOR with its salt, got {0}: names and refs in the token are too long"
    )]
    Large(usize),
}

impl Workload {
    /// What a token makes that says that it is bound to the submission: what a reader without keys compares.
    #[must_use]
    pub fn of_unverified_token(token: &UnverifiedBoundToken<'_>) -> Self {
        Self::of_token(&token.said(), vec![("binding", "statement".into())])
    }

    /// Of a token that covers the submission.
    #[must_use]
    pub fn of_bound_token(token: &BoundToken) -> Self {
        Self::of_token(&token.token().said(), vec![("binding", "statement".into())])
    }

    /// Of a token that only says who brought it.
    #[must_use]
    pub fn of_bearer_token(token: &BearerToken) -> Self {
        let digest = map([("sha256", Value::Bytes(token.token_digest().to_vec()))]);
        let members = vec![("binding", "bearer".into()), ("token_digest", Value::Map(digest))];
        Self::of_token(&token.token().said(), members)
    }

    /// Of a signature by a certificate's key over the submission: what a reader without CAs compares.
    #[must_use]
    pub fn of_signed_svid(svid: &SignedSvid<'_>) -> Self {
        Self::of_svid(svid.id(), "statement")
    }

    /// Of a signature by an X.509-SVID's key over the submission.
    #[must_use]
    pub fn of_bound_svid(svid: &BoundSvid) -> Self {
        Self::of_svid(svid.id(), "statement")
    }

    /// Of an X.509-SVID that only says who showed it.
    #[must_use]
    pub fn of_bearer_svid(svid: &BearerSvid) -> Self {
        Self::of_svid(svid.id(), "bearer")
    }

    /// Whether a log may write it, which binds the log alone.
    ///
    /// # Errors
    /// One that is too large.
    pub fn check_size(&self) -> Result<(), WorkloadError> {
        let bytes = Value::Map(self.value.clone()).to_bytes().len() + AROUND_BYTES;
        if bytes > WORKLOAD_BYTES_MAX { Err(WorkloadError::Large(bytes)) } else { Ok(()) }
    }

    fn of_svid(id: &SpiffeId, binding: &str) -> Self {
        let value = map([
            ("method", "x509-svid".into()),
            ("id", id.as_str().into()),
            ("issuer", Value::Text(id.trust_domain().to_string())),
            ("binding", binding.into()),
        ]);
        Self { identity: format!("spiffe:{}", id.as_str()), value }
    }

    fn of_token(said: &Said<'_>, more: Vec<(&str, Value)>) -> Self {
        let method = match said.issuer {
            Issuer::Oidc(_) => "oidc",
            Issuer::Spiffe(_) => "jwt-svid",
        };
        let mut members = vec![
            ("method", method.into()),
            ("id", said.subject.into()),
            ("issuer", Value::Text(said.issuer.to_string())),
            ("audience", said.audience.into()),
        ];
        members.extend(more);
        let claims = claims(said.payload);
        if !claims.is_empty() {
            members.push(("claims", Value::Map(claims)));
        }
        Self { identity: identity(said), value: map(members) }
    }
}

/// GitHub's `sub` names a repository that may be renamed, and its old name taken: the numbers, which the reader of tokens
/// demands of it, are never given again.
fn identity(said: &Said<'_>) -> String {
    let Said { issuer, subject, payload, .. } = said;
    let text = |name: &str| payload.get(name).and_then(Json::as_str).unwrap_or_default();
    match issuer {
        Issuer::Spiffe(_) => format!("spiffe:{subject}"),
        Issuer::Oidc(name) if issuer.is_github() => {
            let (owner, repository) = (text("repository_owner_id"), text("repository_id"));
            format!("oidc-github:{name}#{owner}/{repository}/{subject}")
        }
        Issuer::Oidc(name) => format!("oidc:{name}#{subject}"),
    }
}

fn claims(payload: &Json) -> Map {
    let flat = CLAIMS.into_iter().map(|name| (name.to_string(), payload.get(name)));
    let nested = KUBERNETES_CLAIMS.into_iter().map(|path| {
        let found = path.split('/').try_fold(payload.get(KUBERNETES)?, |json, name| json.get(name));
        Some((format!("{KUBERNETES}/{path}"), found))
    });
    let mut claims = Map::new();
    for (name, found) in flat.chain(nested.flatten()) {
        let text = match found {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Integer(integer)) => integer.to_string(),
            Some(Json::Bool(value)) => value.to_string(),
            _ => continue,
        };
        insert(&mut claims, name, Value::Text(text));
    }
    claims
}

fn map<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Map {
    let mut map = Map::new();
    members.into_iter().for_each(|(name, value)| insert(&mut map, name.into(), value));
    map
}

/// Names here are literals, and none is used twice.
fn insert(map: &mut Map, name: String, value: Value) {
    let inserted = map.insert(name, value);
    debug_assert!(inserted.is_ok(), "a name twice");
}
