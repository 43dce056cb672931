//! As whom a log is asked to append, as far as that is known before it is asked.

use crate::local::settings::workload::Method;
use std::fmt;

/// Who submits: what makes retries safe is each caller's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Caller {
    /// The public part of the token that authorises, where it has one.
    pub(crate) token: Option<String>,
    /// How the workload proves itself that the entry is bound to: then that is the caller, whatever authorises.
    pub(crate) identity: Option<String>,
}

impl Caller {
    pub(crate) fn new(token: Option<&str>, identity: Option<Method>) -> Self {
        Self { token: token.map(Into::into), identity: identity.map(|method| method.to_string()) }
    }

    /// What to say where a submission that was begun as this caller goes on as another one, which the log doesn't take for it.
    pub(crate) fn change(&self, now: &Self) -> Option<String> {
        let outcome = match (&self.identity, &now.identity) {
            (None, None) if self.token == now.token => return None,
            (begun, now) if begun == now && begun.is_some() => return None,
            (Some(_), Some(_)) => "refuses this one as another workload's",
            _ => "now gets a second one, of the same submitted_digest",
        };
        Some(format!(
            "this was begun with {self}, and goes on with {now}: to the log that is another caller, and where it took the entry the first \
             time, it {outcome}"
        ))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.identity, &self.token) {
            (Some(identity), _) => write!(f, "the identity {identity}"),
            (None, Some(id)) => write!(f, "the token {id}"),
            (None, None) => f.write_str("no token"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_goes_on_as_another_caller_is_told() {
        let caller = |token, identity| Caller::new(token, identity);
        let github = Some(Method::GitHub);
        let other = Caller { identity: Some("another".into()), ..Caller::default() };
        let (first, second) = (Some("0123abcd"), Some("4567cdef"));
        for (begun, now, expected) in [
            (caller(first, None), caller(first, None), None),
            (
                caller(first, None),
                caller(second, None),
                Some("the token 0123abcd, and goes on with the token 4567cdef"),
            ),
            (caller(first, None), caller(None, None), Some("goes on with no token")),
            (caller(first, github), caller(second, github), None),
            (caller(None, github), caller(first, github), None),
            (caller(first, None), caller(first, github), Some("goes on with the identity github")),
            (caller(first, github), caller(first, None), Some("gets a second one")),
            (caller(None, github), other, Some("refuses this one")),
        ] {
            let told = begun.change(&now);
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(
                expected.is_none_or(|part| told.as_deref().unwrap_or_default().contains(part)),
                "{told:?}"
            );
        }
    }
}
