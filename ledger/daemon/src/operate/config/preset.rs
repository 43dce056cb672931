//! What is known of some issuers: which of the names in their tokens stay whose they are, and so have to be in each rule.

use crate::access::workloads::{Match, Pattern, SUBJECT};
use crate::operate::config::rules::Demands;
use provlog_evidence::jwt;

/// What kind of issuer it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Preset {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Service accounts of a cluster.
    Kubernetes,
    /// Any other.
    #[default]
    Generic,
}

/// What was sent from outside of a repository: in its event the code of a fork runs, or whoever has one says what runs.
const EVENT: &str = "event_name";
const FROM_OUTSIDE: [&str; 2] = ["pull_request", "pull_request_target"];

/// The issuer of GitLab's own host, where everybody may have a project.
const GITLAB: &str = "https://gitlab.com";

const NAMESPACE: &str = "kubernetes.io/namespace";
const SERVICE_ACCOUNT: &str = "kubernetes.io/serviceaccount/name";

impl Preset {
    /// The preset of this name.
    pub(super) fn named(text: &str) -> Result<Self, String> {
        match text {
            "github" => Ok(Self::Github),
            "gitlab" => Ok(Self::Gitlab),
            "kubernetes" => Ok(Self::Kubernetes),
            "generic" => Ok(Self::Generic),
            _ => Err(format!("expected github, gitlab, kubernetes or generic, got {text:?}")),
        }
    }

    /// GitHub's issuer goes by GitHub's rules, and no other does. That of GitLab's own host goes by GitLab's.
    pub(super) fn check_url(self, url: &str) -> Result<(), String> {
        let is_github = jwt::Issuer::Oidc(url.into()).is_github();
        match (self == Self::Github, is_github) {
            (true, false) => Err(format!(
                "expected another preset than github for an issuer that isn't https://token.actions.githubusercontent.com, got {url:?}"
            )),
            (false, true) => Err("expected preset = \"github\" for GitHub's issuer, got another one".into()),
            _ if self != Self::Gitlab && url == GITLAB => {
                Err(format!("expected preset = \"gitlab\" for {GITLAB}, got another one"))
            }
            _ => Ok(()),
        }
    }

    /// Numbers that an issuer never gives again. Its names are given again, and somebody else may have them tomorrow.
    const fn ids(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["repository_id", "repository_owner_id"],
            Self::Gitlab => &["project_id", "namespace_id"],
            Self::Kubernetes | Self::Generic => &[],
        }
    }
}

impl Demands for Preset {
    /// Whether a number is one, and all of it, and an event the whole of one: the start of some is that of a pull request's, too.
    fn check_value(&self, name: &str, pattern: &Pattern) -> Result<(), String> {
        let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match pattern {
            Pattern::StartsWith(text) if *self == Self::Github && name == EVENT => {
                Err(format!("expected {name}= and an event without a *, got \"{text}*\""))
            }
            _ if !self.ids().contains(&name) => Ok(()),
            Pattern::Is(text) if is_id(text) => Ok(()),
            Pattern::Is(text) => Err(format!("expected {name}= and all digits of a number, got {text:?}")),
            Pattern::StartsWith(text) => {
                Err(format!("expected {name}= and all digits of a number, got \"{text}*\""))
            }
        }
    }

    fn check_rule(&self, matches: &[Match]) -> Result<(), String> {
        let exact = |name: &str| {
            let named = matches.iter().find(|demand| demand.claim == name);
            named.is_some_and(|demand| demand.values.iter().all(|value| matches!(value, Pattern::Is(_))))
        };
        let expected = match self {
            Self::Github | Self::Gitlab if !self.ids().iter().any(|name| exact(name)) => {
                self.ids().join(" or ")
            }
            Self::Kubernetes if !(exact(SUBJECT) || exact(NAMESPACE) && exact(SERVICE_ACCOUNT)) => {
                format!("{NAMESPACE} and {SERVICE_ACCOUNT}, or {SUBJECT},")
            }
            Self::Generic if matches.iter().all(Match::is_whatever) => {
                return Err("expected a name whose every value has more than a *, got none: anybody with a token of this issuer would meet the rule".into());
            }
            _ => return Ok(()),
        };
        let got: Vec<String> = matches.iter().map(|demand| demand.claim.clone()).collect();
        Err(format!("expected {expected} among the names, without a *, got {}", got.join(", ")))
    }

    fn excludes(&self, matches: &[Match]) -> Vec<Match> {
        if *self != Self::Github || matches.iter().any(|demand| demand.claim == EVENT) {
            return Vec::new();
        }
        let values = FROM_OUTSIDE.map(|event| Pattern::Is(event.into())).into();
        vec![Match { claim: EVENT.into(), values }]
    }
}
