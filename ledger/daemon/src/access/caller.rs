//! Who asks: what a handler that stands behind the door is given.

use crate::access::peers::Peer;
use crate::access::role::{Access, Role, listed};
use crate::access::tokens::Token;
use crate::access::workloads::WorkloadCaller;
use crate::http::codes::{ENVIRONMENT_DENIED, KIND_DENIED, ROLE_DENIED};
use crate::http::problem::Problem;
use provlog_core::cbor::Value;
use provlog_core::claims::KindSpec;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The claim that says where a change goes.
const ENVIRONMENT: &str = "environment";

/// Somebody that is known, let in or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Anybody, where the log asks nobody who calls.
    Anonymous,
    /// Whoever has this token.
    Token(Arc<Token>),
    /// A process on this machine, by its user.
    Peer(Arc<Peer>),
    /// A workload that an issuer signed a token for.
    Workload(Arc<WorkloadCaller>),
}

impl Who {
    /// Who this is, for ever: what dedup keys are bound to (SPEC.md, section 12.5).
    pub(crate) fn identity(&self) -> Cow<'static, str> {
        match self {
            Self::Anonymous => "anonymous".into(),
            Self::Token(token) => format!("token:{}", token.name).into(),
            Self::Peer(peer) => format!("peer:{}", peer.uid).into(),
            Self::Workload(caller) => caller.recognised.identity.clone().into(),
        }
    }

    /// What the log attests of whoever submits (SPEC.md, section 12.5).
    pub(crate) fn workload(&self) -> Cow<'_, Value> {
        let method = |method: &str| ("method", method.into());
        Cow::Owned(match self {
            Self::Anonymous => Value::map([method("none")]),
            Self::Token(token) => Value::map([method("static-token"), ("id", token.name.as_str().into())]),
            Self::Peer(peer) => Value::map([method("peer"), ("id", peer.uid.to_string().as_str().into())]),
            Self::Workload(caller) => return Cow::Borrowed(&caller.recognised.workload),
        })
    }

    /// Lets this in, if it may do this.
    ///
    /// # Errors
    /// 403 names the roles that would do.
    pub(super) fn let_in(self, access: Access) -> Result<Caller, Refused> {
        let (expected, roles) = (access.roles(), self.roles());
        if roles.is_none_or(|roles| roles.iter().any(|role| expected.contains(role))) {
            return Ok(Caller(self));
        }
        let got = roles.filter(|roles| !roles.is_empty()).map_or_else(|| "none".into(), listed);
        let expected = listed(expected);
        let detail =
            format!("{self} has not the role that this takes: expected one of {expected}, got {got}");
        Err(self.refused(Problem::new(&ROLE_DENIED, detail).expected(expected, got)))
    }

    /// That this isn't let in.
    pub(super) const fn refused(self, problem: Problem) -> Refused {
        Refused { problem, who: Some(self) }
    }

    /// What it may do; nothing where everybody may do everything.
    fn roles(&self) -> Option<&[Role]> {
        match self {
            Self::Anonymous => None,
            Self::Token(token) => Some(&token.roles),
            Self::Peer(peer) => Some(&peer.roles),
            Self::Workload(caller) => Some(&caller.roles),
        }
    }

    /// The only kinds, and the only environments, that it appends; of either none where it appends all.
    fn restrictions(&self) -> (&[String], &[String]) {
        match self {
            Self::Anonymous => (&[], &[]),
            Self::Token(token) => (&token.kinds, &token.environments),
            Self::Peer(peer) => (&peer.kinds, &peer.environments),
            Self::Workload(caller) => (&caller.kinds, &caller.environments),
        }
    }
}

/// As sentences have it.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anybody"),
            Self::Token(token) => write!(f, "the token {}", token.name),
            Self::Peer(peer) => write!(f, "the user {}", peer.uid),
            Self::Workload(caller) => write!(f, "the workload {}", caller.recognised.identity),
        }
    }
}

/// Somebody who was let in. Only [`Callers`](super::callers::Callers) makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller(Who);

impl Caller {
    /// Who it is.
    pub(crate) const fn who(&self) -> &Who {
        &self.0
    }

    /// Whether this may append an entry of this kind with these claims. Where it is for some environments, the claim is
    /// demanded of every kind that has it.
    ///
    /// # Errors
    /// 403 names what the caller is for.
    pub(crate) fn check_append(&self, kind: &KindSpec, claims: &[(String, Value)]) -> Result<(), Problem> {
        let (kinds, environments) = self.0.restrictions();
        let refuse = |code, what: &str, allowed: &[String], got: &str| {
            let expected = allowed.join(", ");
            let detail = format!("{} is not for this {what}: expected one of {expected}, got {got}", self.0);
            Err(Problem::new(code, detail).expected(expected, got))
        };
        if !kinds.is_empty() && !kinds.iter().any(|allowed| allowed == kind.name) {
            return refuse(&KIND_DENIED, "kind", kinds, kind.name);
        }
        if environments.is_empty() || !kind.allows(ENVIRONMENT) {
            return Ok(());
        }
        let claim = claims.iter().find(|(name, _)| name == ENVIRONMENT);
        match claim.map(|(_, value)| value.as_text()) {
            Some(Some(got)) if environments.iter().any(|allowed| allowed == got) => Ok(()),
            Some(Some(got)) => refuse(&ENVIRONMENT_DENIED, ENVIRONMENT, environments, got),
            Some(None) | None => refuse(&ENVIRONMENT_DENIED, ENVIRONMENT, environments, "none"),
        }
    }
}

/// Somebody who wasn't let in.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Why not.
    pub(crate) problem: Problem,
    /// Who it was, where that is known.
    pub(crate) who: Option<Who>,
}

impl From<Problem> for Refused {
    /// Of somebody that nobody knows.
    fn from(problem: Problem) -> Self {
        Self { problem, who: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::tests::token;
    use crate::access::workloads::tests::caller;
    use crate::http::codes::Code;
    use provlog_core::claims::kind_named;

    #[test]
    fn a_restricted_token_appends_what_it_is_for() {
        let of = |kinds: &[&str], environments: &[&str]| {
            let texts = |items: &[&str]| items.iter().map(|item| String::from(*item)).collect();
            let plain = token(&Secret::draw().unwrap(), "ci", &[Role::Append]);
            let token = Token { kinds: texts(kinds), environments: texts(environments), ..plain };
            Who::Token(token.into()).let_in(Access::Append).unwrap()
        };
        let refused = |caller: &Caller, kind: &str, environment: Option<&str>| -> Option<&'static Code> {
            let claims: Vec<_> =
                environment.map(|text| (ENVIRONMENT.to_owned(), text.into())).into_iter().collect();
            caller.check_append(kind_named(kind).unwrap(), &claims).err().map(|problem| problem.code())
        };
        let all = of(&[], &[]);
        let scans = of(&["scan", "generation"], &[]);
        let staging = of(&[], &["staging", "dev"]);
        let both = of(&["promotion", "scan"], &["staging"]);
        let peer = peer(7, &[Role::Append], &["scan"], &["staging"]).let_in(Access::Append).unwrap();
        let anybody = Who::Anonymous.let_in(Access::Append).unwrap();
        let job = WorkloadCaller {
            kinds: vec!["promotion".into()],
            environments: vec!["staging".into()],
            ..caller("job-1", &[])
        };
        let job = Who::Workload(job.into()).let_in(Access::Append).unwrap();
        for (caller, kind, environment, expected) in [
            (&all, "promotion", Some("production"), None),
            (&anybody, "policy", None, None),
            (&peer, "scan", None, None),
            (&job, "promotion", Some("staging"), None),
            (&job, "promotion", Some("production"), Some(&ENVIRONMENT_DENIED)),
            (&job, "scan", None, Some(&KIND_DENIED)),
            (&peer, "promotion", Some("staging"), Some(&KIND_DENIED)),
            (&scans, "scan", None, None),
            (&scans, "promotion", Some("staging"), Some(&KIND_DENIED)),
            (&staging, "promotion", Some("dev"), None),
            (&staging, "promotion", Some("production"), Some(&ENVIRONMENT_DENIED)),
            (&staging, "promotion", Some("staging "), Some(&ENVIRONMENT_DENIED)),
            (&staging, "approval", None, Some(&ENVIRONMENT_DENIED)),
            (&staging, "approval", Some("staging"), None),
            (&staging, "generation", None, None),
            (&both, "scan", None, None),
            (&both, "promotion", Some("staging"), None),
            (&both, "promotion", Some("dev"), Some(&ENVIRONMENT_DENIED)),
            (&both, "event", None, Some(&KIND_DENIED)),
        ] {
            assert_eq!(refused(caller, kind, environment), expected, "{kind} {environment:?}");
        }
    }

    fn peer(uid: u32, roles: &[Role], kinds: &[&str], environments: &[&str]) -> Who {
        let texts = |items: &[&str]| items.iter().map(|item| String::from(*item)).collect();
        let peer = Peer { uid, roles: roles.into(), kinds: texts(kinds), environments: texts(environments) };
        Who::Peer(peer.into())
    }

    #[test]
    fn a_caller_is_attested_as_the_table_of_claims_has_it() {
        let ci = Who::Token(token(&Secret::draw().unwrap(), "ci", &[Role::Append]).into());
        let seven = peer(7, &[], &[], &[]);
        let job = Who::Workload(caller("job-1", &[("ref", "refs/heads/main")]).into());
        for (who, identity, method, id) in [
            (&job, "oidc:https://issuer.example.com#job-1", "oidc", Some("job-1")),
            (&ci, "token:ci", "static-token", Some("ci")),
            (&seven, "peer:7", "peer", Some("7")),
            (&Who::Anonymous, "anonymous", "none", None),
        ] {
            assert_eq!(who.identity(), identity);
            assert_eq!(provlog_core::claims::check_claim("workload", &who.workload()), None);
            let workload = who.workload();
            let workload = workload.as_map().unwrap();
            assert_eq!(workload.get("method").and_then(Value::as_text), Some(method));
            assert_eq!(workload.get("id").and_then(Value::as_text), id);
        }
    }

    #[test]
    fn whoever_has_no_role_is_told_which_one_would_do() {
        let refused = peer(7, &[], &[], &[]).let_in(Access::Append).unwrap_err();
        assert_eq!(refused.who, Some(peer(7, &[], &[], &[])));
        assert_eq!(
            refused.problem.detail(),
            "the user 7 has not the role that this takes: expected one of append, got none"
        );
        let refused = peer(7, &[Role::Append, Role::Admin], &[], &[]).let_in(Access::Read);
        assert!(refused.is_ok(), "one of several is enough");
    }
}
