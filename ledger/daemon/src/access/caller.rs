//! Who asks: what a handler that stands behind the door is given.

use crate::access::role::{Access, listed};
use crate::access::tokens::Token;
use crate::http::codes::{ENVIRONMENT_DENIED, KIND_DENIED, ROLE_DENIED};
use crate::http::problem::Problem;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::KindSpec;
use std::borrow::Cow;
use std::sync::Arc;

/// The claim that says where a change goes.
const ENVIRONMENT: &str = "environment";

/// Somebody who was let in. Only [`Callers`](super::callers::Callers) makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// None where the log has no tokens, and everybody who reaches it is let in.
    token: Option<Arc<Token>>,
}

impl Caller {
    pub(super) const fn anonymous() -> Self {
        Self { token: None }
    }

    /// Whoever has this token, if that may do this.
    ///
    /// # Errors
    /// 403 names the roles that would do.
    pub(super) fn of_token(token: &Arc<Token>, access: Access) -> Result<Self, Problem> {
        let expected = access.roles();
        if token.roles.iter().any(|role| expected.contains(role)) {
            return Ok(Self { token: Some(Arc::clone(token)) });
        }
        let (expected, got) = (listed(expected), listed(&token.roles));
        let detail = format!(
            "the token {} has not the role that this takes: expected one of {expected}, got {got}",
            token.name
        );
        Err(Problem::new(&ROLE_DENIED, detail).expected(expected, got))
    }

    /// Who this is, for ever: what dedup keys are bound to (SPEC.md, section 12.5).
    pub(crate) fn identity(&self) -> Cow<'static, str> {
        match &self.token {
            None => "anonymous".into(),
            Some(token) => format!("token:{}", token.name).into(),
        }
    }

    /// What the log attests of whoever submits (SPEC.md, section 12.5).
    pub(crate) fn workload(&self) -> Value {
        let mut workload = Map::new();
        let mut set = |name, value: &str| {
            // Each member is named once.
            let _ = workload.insert(name, value.into());
        };
        match &self.token {
            None => set("method", "none"),
            Some(token) => {
                set("method", "static-token");
                set("id", &token.name);
            }
        }
        Value::Map(workload)
    }

    /// Whether this may append an entry of this kind with these claims. Where a token is for some environments, the claim is
    /// demanded of every kind that has it.
    ///
    /// # Errors
    /// 403 names what the token is for.
    pub(crate) fn check_append(&self, kind: &KindSpec, claims: &[(String, Value)]) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        let refuse = |code, what: &str, allowed: &[String], got: &str| {
            let expected = allowed.join(", ");
            let detail = format!(
                "the token {} is not for this {what}: expected one of {expected}, got {got}",
                token.name
            );
            Err(Problem::new(code, detail).expected(expected, got))
        };
        if !token.kinds.is_empty() && !token.kinds.iter().any(|allowed| allowed == kind.name) {
            return refuse(&KIND_DENIED, "kind", &token.kinds, kind.name);
        }
        if token.environments.is_empty() || !kind.allows(ENVIRONMENT) {
            return Ok(());
        }
        let claim = claims.iter().find(|(name, _)| name == ENVIRONMENT);
        match claim.map(|(_, value)| value.as_text()) {
            Some(Some(got)) if token.environments.iter().any(|allowed| allowed == got) => Ok(()),
            Some(Some(got)) => refuse(&ENVIRONMENT_DENIED, ENVIRONMENT, &token.environments, got),
            Some(None) | None => refuse(&ENVIRONMENT_DENIED, ENVIRONMENT, &token.environments, "none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::tests::token;
    use crate::http::codes::Code;
    use provlog_core::claims::kind_named;

    #[test]
    fn a_restricted_token_appends_what_it_is_for() {
        let of = |kinds: &[&str], environments: &[&str]| {
            let texts = |items: &[&str]| items.iter().map(|item| String::from(*item)).collect();
            let plain = token(&Secret::draw().unwrap(), "ci", &[Role::Append]);
            let token = Token { kinds: texts(kinds), environments: texts(environments), ..plain };
            Caller::of_token(&Arc::new(token), Access::Append).unwrap()
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
        for (caller, kind, environment, expected) in [
            (&all, "promotion", Some("production"), None),
            (&Caller::anonymous(), "policy", None, None),
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

    #[test]
    fn a_caller_is_attested_as_the_table_of_claims_has_it() {
        let ci = token(&Secret::draw().unwrap(), "ci", &[Role::Append]);
        let ci = Caller::of_token(&Arc::new(ci), Access::Append).unwrap();
        for (caller, identity) in [(&ci, "token:ci"), (&Caller::anonymous(), "anonymous")] {
            assert_eq!(caller.identity(), identity);
            assert_eq!(provlog_core::claims::check_claim("workload", &caller.workload()), None);
        }
        let Value::Map(workload) = ci.workload() else { panic!("{:?}", ci.workload()) };
        assert_eq!(workload.get("method").and_then(Value::as_text), Some("static-token"));
        assert_eq!(workload.get("id").and_then(Value::as_text), Some("ci"));
    }
}
