//! Callers by what an issuer says of them: rules that the operator set, and what whoever meets one may do.
//!
//! A rule goes by what the attested `workload` has, and by nothing else of a token: so whoever reads an entry sees what decided.

use crate::access::role::Role;
use crate::identity::issuer::Issuer;
use crate::identity::recognised::Recognised;
use provlog_core::cbor::{Map, Value};
use std::sync::Arc;

/// The one name that a rule goes by which isn't among the `claims`: of the `workload` it is the `id`.
pub(crate) const SUBJECT: &str = "sub";

/// What the workloads of one issuer may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IssuerRules {
    /// The issuer, as the operator configured it.
    pub(crate) issuer: Issuer,
    /// The first that a workload meets decides; one that meets none is refused.
    pub(crate) rules: Vec<Rule>,
}

/// What whoever meets it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    /// Each has to be met. One at least.
    pub(crate) matches: Vec<Match>,
    /// None may be met, and what they are about has to be there: else nobody knows that it is none of these.
    pub(crate) excludes: Vec<Match>,
    /// One at least.
    pub(crate) roles: Vec<Role>,
    /// Kinds that it may append; all where there are none.
    pub(crate) kinds: Vec<String>,
    /// Environments that it may append for; all where there are none.
    pub(crate) environments: Vec<String>,
}

/// A claim of the token that has to be one of these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Match {
    /// `sub`, or a member of the attested `workload`'s `claims`.
    pub(crate) claim: String,
    /// One at least.
    pub(crate) values: Vec<Pattern>,
}

/// What a claim may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pattern {
    /// This text.
    Is(String),
    /// A text that starts like this.
    StartsWith(String),
}

/// A workload that proved who it is, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WorkloadCaller {
    /// Who it is, and what is attested of it.
    pub(crate) recognised: Arc<Recognised>,
    /// One at least.
    pub(crate) roles: Vec<Role>,
    /// Kinds that it may append; all where there are none.
    pub(crate) kinds: Vec<String>,
    /// Environments that it may append for; all where there are none.
    pub(crate) environments: Vec<String>,
}

impl IssuerRules {
    /// What a workload of this issuer may do: what the first rule grants that it meets. Nothing where it meets none, or is of
    /// another issuer, or of one that was configured otherwise when its token was looked at.
    pub(crate) fn caller(&self, recognised: &Arc<Recognised>) -> Option<WorkloadCaller> {
        if *recognised.issuer != self.issuer {
            return None;
        }
        let workload = recognised.workload.as_map()?;
        let rule = self.rules.iter().find(|rule| rule.is_met_by(workload))?;
        Some(WorkloadCaller {
            recognised: Arc::clone(recognised),
            roles: rule.roles.clone(),
            kinds: rule.kinds.clone(),
            environments: rule.environments.clone(),
        })
    }
}

impl Rule {
    fn is_met_by(&self, workload: &Map) -> bool {
        self.matches.iter().all(|demand| demand.is_met_by(workload) == Some(true))
            && self.excludes.iter().all(|refusal| refusal.is_met_by(workload) == Some(false))
    }
}

impl Match {
    /// Whether each text meets it that is there.
    pub(crate) fn is_whatever(&self) -> bool {
        self.values.iter().any(|value| matches!(value, Pattern::StartsWith(start) if start.is_empty()))
    }

    /// Nothing where the claim isn't there.
    fn is_met_by(&self, workload: &Map) -> Option<bool> {
        let value = if self.claim == SUBJECT {
            workload.get("id")
        } else {
            workload.get("claims").and_then(Value::as_map).and_then(|claims| claims.get(&self.claim))
        };
        let got = value.and_then(Value::as_text)?;
        Some(self.values.iter().any(|pattern| match pattern {
            Pattern::Is(text) => got == text,
            Pattern::StartsWith(start) => got.starts_with(start.as_str()),
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::issuer::KeySource;
    use crate::identity::recognised::Proof;
    use provlog_evidence::jwt;

    pub(crate) const URL: &str = "https://issuer.example.com";

    /// The issuer [`URL`].
    pub(crate) fn issuer() -> Issuer {
        Issuer {
            name: jwt::Issuer::Oidc(URL.into()),
            audience: Some("https://log.example.com".into()),
            keys: KeySource::Discovery,
            ca: None,
        }
    }

    /// A workload of the issuer [`URL`], with this subject and these claims.
    pub(crate) fn recognised(subject: &str, claims: &[(&str, &str)]) -> Recognised {
        let mut map = Map::new();
        claims.iter().for_each(|(name, value)| map.insert(*name, (*value).into()).unwrap());
        let mut workload = Map::new();
        for (name, value) in [
            ("method", "oidc".into()),
            ("id", subject.into()),
            ("issuer", URL.into()),
            ("audience", "https://log.example.com".into()),
            ("binding", "bearer".into()),
            ("verified_at_ms", Value::Integer(1_790_000_000_000)),
        ] {
            workload.insert(name, value).unwrap();
        }
        if !claims.is_empty() {
            workload.insert("claims", Value::Map(map)).unwrap();
        }
        let (identity, proof) = (format!("oidc:{URL}#{subject}"), Proof::of_test());
        Recognised { issuer: issuer().into(), identity, workload: Value::Map(workload), proof, bound: None }
    }

    /// `NAME=VALUE`s, each a claim of its own; a value that ends in `*` is the start of one.
    fn matches(words: &[&str]) -> Vec<Match> {
        let one = |word: &&str| {
            let (claim, value) = word.split_once('=').unwrap();
            let values = value.split('|').map(|value| match value.strip_suffix('*') {
                Some(start) => Pattern::StartsWith(start.into()),
                None => Pattern::Is(value.into()),
            });
            Match { claim: claim.into(), values: values.collect() }
        };
        words.iter().map(one).collect()
    }

    /// What grants `roles` to whoever meets these.
    pub(crate) fn rule(words: &[&str], roles: &[Role]) -> Rule {
        Rule {
            matches: matches(words),
            excludes: Vec::new(),
            roles: roles.into(),
            kinds: Vec::new(),
            environments: Vec::new(),
        }
    }

    /// A workload of [`URL`] with this subject and these claims, which may append.
    pub(crate) fn caller(subject: &str, claims: &[(&str, &str)]) -> WorkloadCaller {
        let rules = IssuerRules { issuer: issuer(), rules: vec![rule(&["sub=*"], &[Role::Append])] };
        rules.caller(&recognised(subject, claims).into()).unwrap()
    }

    fn meets(rule: Rule, recognised: &Recognised) -> bool {
        IssuerRules { issuer: issuer(), rules: vec![rule] }.caller(&recognised.clone().into()).is_some()
    }

    #[test]
    fn each_claim_of_a_rule_has_to_be_there_and_be_one_of_its_values() {
        // A token's integers and booleans are texts by the time that they are attested.
        let claims = [
            ("repository_id", "123456"),
            ("ref", "refs/tags/v1.2"),
            ("ref_protected", "true"),
            ("base_ref", ""),
            ("kubernetes.io/namespace", "ci"),
        ];
        let workload = recognised("repo:a@1/b@123456:ref:refs/heads/main", &claims);
        for (words, expected) in [
            (&["repository_id=123456"][..], true),
            (&["repository_id=12345"], false),
            (&["repository_id=1234567"], false),
            (&["ref_protected=true"], true),
            (&["ref_protected=false"], false),
            (&["repository_id=1|123456"], true),
            (&["repository_id=1|2"], false),
            (&["ref=refs/tags/v*"], true),
            (&["ref=refs/heads/*"], false),
            (&["ref=refs/heads/main|refs/tags/*"], true),
            (&["ref=refs/tags/v1.2*"], true),
            (&["ref=REFS/tags/*"], false),
            (&["ref=*"], true),
            (&["base_ref="], true),
            (&["base_ref=*"], true),
            (&["head_ref="], false),
            (&["head_ref=*"], false),
            (&["kubernetes.io/namespace=ci"], true),
            (&["sub=repo:a@1/b@123456:ref:refs/heads/main"], true),
            (&["sub=repo:a@1/*"], true),
            (&["sub=repo:a@1"], false),
            (&["repository_id=123456", "ref=refs/tags/*"], true),
            (&["repository_id=123456", "ref=refs/heads/*"], false),
            (&["repository_id=123456", "sha=*"], false),
        ] {
            assert_eq!(meets(rule(words, &[Role::Append]), &workload), expected, "{words:?}");
        }
        assert!(!meets(rule(&["ref=*"], &[Role::Append]), &recognised("s", &[])), "no claims at all");
        // The members of the workload beside `claims` are the log's own.
        for words in [&["method=oidc"], &["issuer=*"], &["id=*"], &["binding=bearer"]] {
            assert!(!meets(rule(words, &[Role::Append]), &workload), "{words:?}");
        }
    }

    #[test]
    fn what_is_excluded_has_to_be_there_and_be_something_else() {
        let without = Rule {
            excludes: matches(&["event_name=pull_request|pull_request_target"]),
            ..rule(&["repository_id=1"], &[Role::Append])
        };
        for (event, expected) in [
            (Some("push"), true),
            (Some("pull_request"), false),
            (Some("pull_request_target"), false),
            (Some("pull_request_review"), true),
            (None, false),
        ] {
            let mut claims = vec![("repository_id", "1")];
            claims.extend(event.map(|event| ("event_name", event)));
            assert_eq!(meets(without.clone(), &recognised("s", &claims)), expected, "{event:?}");
        }
    }

    #[test]
    fn the_first_rule_decides() {
        let first = Rule {
            kinds: vec!["scan".into()],
            environments: vec!["staging".into()],
            ..rule(&["ref=refs/heads/*"], &[Role::Append])
        };
        let rules = IssuerRules { issuer: issuer(), rules: vec![first, rule(&["ref=*"], &[Role::Read])] };
        let caller = |reference| rules.caller(&recognised("s", &[("ref", reference)]).into());
        let main = caller("refs/heads/main").unwrap();
        assert_eq!((&*main.roles, &*main.kinds), (&[Role::Append][..], &["scan".to_owned()][..]));
        assert_eq!(
            (&*main.environments, &*main.recognised.identity),
            (&["staging".to_owned()][..], "oidc:https://issuer.example.com#s")
        );
        let tag = caller("refs/tags/v1").unwrap();
        assert_eq!((&*tag.roles, tag.kinds.is_empty()), (&[Role::Read][..], true));
        assert_eq!(rules.caller(&recognised("s", &[]).into()), None);
        let elsewhere = IssuerRules {
            issuer: Issuer { name: jwt::Issuer::Oidc(format!("{URL}/")), ..issuer() },
            ..rules
        };
        assert_eq!(elsewhere.caller(&recognised("s", &[("ref", "refs/heads/main")]).into()), None);
    }
}
