//! As which workload an entry is appended, and where what proves that comes from.
//!
//! None by default: a program that runs in a job isn't the job's word, unless whoever wrote the job says so.

use super::SettingsError;
use super::token::Token;
use clap::{Args, ValueEnum};
use std::fmt;

/// Where GitHub gives a job its tokens, and what it has to show for them.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// How a workload proves to be the one that submits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Method {
    /// A job of GitHub Actions (permissions: id-token: write), by a token that GitHub signs for this entry alone
    #[value(name = "github")]
    GitHub,
}

/// The flags and variables that say it.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkloadArgs {
    /// Append as the workload that this runs as, by what binds it to this very entry and is evidence in it. Where the log is asked
    /// with another token, that authorises the append; else what binds the workload does [default: none]
    #[arg(long, env = "PROVLOG_IDENTITY", hide_env_values = true, value_name = "METHOD")]
    identity: Option<Method>,
}

/// What proves a workload, or gives what does.
#[derive(Debug)]
pub(crate) enum WorkloadSource {
    /// GitHub's endpoint for this job.
    GitHub(GitHubJob),
}

/// What GitHub tells a job that may ask for tokens.
#[derive(Debug)]
pub(crate) struct GitHubJob {
    pub(crate) url: String,
    pub(crate) token: Token,
}

impl WorkloadArgs {
    /// Where the proof comes from, if an entry is to be bound. Nothing is asked yet.
    pub(crate) fn source(&self) -> Result<Option<WorkloadSource>, SettingsError> {
        match self.identity {
            Some(Method::GitHub) => {
                let job = GitHubJob::of(|name| std::env::var(name).ok())?;
                Ok(Some(WorkloadSource::GitHub(job)))
            }
            None => Ok(None),
        }
    }
}

impl GitHubJob {
    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let set = |name: &'static str| {
            variable(name).filter(|value| !value.is_empty()).ok_or(SettingsError::NoJob { name })
        };
        let (url, token) = (set(GITHUB_URL)?, set(GITHUB_TOKEN)?);
        let token =
            Token::parse(&token).ok_or_else(|| SettingsError::NoToken { place: GITHUB_TOKEN.into() })?;
        Ok(Self { url, token })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub => f.write_str("github"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_the_permission_is_told_what_is_missing_and_no_secret() {
        let job = |url: Option<&str>, token: Option<&str>| {
            let (url, token) = (url.map(String::from), token.map(String::from));
            GitHubJob::of(move |name| if name == GITHUB_URL { url.clone() } else { token.clone() })
        };
        for (url, token, expected) in [
            (None, Some("secret"), GITHUB_URL),
            (Some(""), Some("secret"), GITHUB_URL),
            (Some("https://a"), None, GITHUB_TOKEN),
            (Some("https://a"), Some(""), GITHUB_TOKEN),
        ] {
            let error = job(url, token).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("id-token: write"), "{error}");
        }
        let error = job(Some("https://a"), Some("secret with spaces")).unwrap_err().to_string();
        assert!(error.contains(GITHUB_TOKEN) && !error.contains("secret"), "{error}");
        let told = format!("{:?}", job(Some("https://a"), Some("secret")).unwrap());
        assert!(!told.contains("secret"), "{told}");
    }
}
