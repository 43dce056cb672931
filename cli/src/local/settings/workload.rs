//! As which workload an entry is appended, and where what proves that comes from.
//!
//! None by default: a program that runs in a job isn't the job's word, unless whoever wrote the job says so.

use super::SettingsError;
use super::tls::IdentityFiles;
use super::token::Token;
use clap::{Args, ValueEnum};
use std::fmt;
use std::path::PathBuf;

/// Where GitHub gives a job its tokens, and what it has to show for them.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// How a workload proves to be the one that submits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Method {
    /// A job of GitHub Actions (permissions: id-token: write), by a token that GitHub signs for this entry alone
    #[value(name = "github")]
    GitHub,
    /// A workload of SPIFFE, by its certificate's key, which signs this entry: of --svid and --svid-key, or, built with the feature
    /// workload-api, of the agent at SPIFFE_ENDPOINT_SOCKET
    X509Svid,
    /// A workload of SPIFFE, by a token for this entry alone; built with the feature workload-api, of the agent at
    /// SPIFFE_ENDPOINT_SOCKET
    JwtSvid,
}

/// The flags and variables that say it.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkloadArgs {
    /// Append as the workload that this runs as, by what binds it to this very entry and is evidence in it. Where the log is asked
    /// with another token, that authorises the append; else what binds the workload does [default: none]
    #[arg(long, env = "PROVLOG_IDENTITY", hide_env_values = true, value_name = "METHOD")]
    identity: Option<Method>,
    /// File with an X.509-SVID in PEM, and with those between it and its CA. An https:// log that asks for a client's certificate is
    /// shown it, where neither another one nor a token is given
    #[arg(
        long,
        env = "PROVLOG_SVID",
        hide_env_values = true,
        value_name = "FILE",
        requires_all = ["svid_key", "identity"]
    )]
    svid: Option<PathBuf>,
    /// File with that certificate's private key in PEM, which nobody but its owner may read
    #[arg(long, env = "PROVLOG_SVID_KEY", hide_env_values = true, value_name = "FILE", requires = "svid")]
    svid_key: Option<PathBuf>,
}

/// What proves a workload, or gives what does.
#[derive(Debug)]
pub(crate) enum WorkloadSource {
    /// GitHub's endpoint for this job.
    GitHub(GitHubJob),
    /// Certificate and key of an X.509-SVID.
    Svid(IdentityFiles),
    /// The address of a SPIFFE agent, which gives either kind of SVID.
    #[cfg(feature = "workload-api")]
    Agent(String, Method),
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
        let Some(method) = self.identity else { return Ok(None) };
        let svid = IdentityFiles::of(self.svid.clone(), self.svid_key.clone());
        Ok(Some(match (method, svid) {
            (Method::X509Svid, Some(files)) => WorkloadSource::Svid(files),
            (method, Some(_)) => return Err(SettingsError::SvidUnused { method: method.name() }),
            (method @ (Method::X509Svid | Method::JwtSvid), None) => agent(method)?,
            (Method::GitHub, None) => WorkloadSource::GitHub(GitHubJob::of(|name| std::env::var(name).ok())?),
        }))
    }
}

/// The agent that gives this kind of SVID.
#[cfg(feature = "workload-api")]
fn agent(method: Method) -> Result<WorkloadSource, SettingsError> {
    let socket = std::env::var("SPIFFE_ENDPOINT_SOCKET").ok().filter(|socket| !socket.is_empty());
    socket.map(|socket| WorkloadSource::Agent(socket, method)).ok_or_else(|| method.missing())
}

/// None: this program was built without what speaks to one.
#[cfg(not(feature = "workload-api"))]
const fn agent(method: Method) -> Result<WorkloadSource, SettingsError> {
    Err(method.missing())
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
        f.write_str(self.name())
    }
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::X509Svid => "x509-svid",
            Self::JwtSvid => "jwt-svid",
        }
    }

    /// That what it takes isn't there.
    const fn missing(self) -> SettingsError {
        SettingsError::NoSvid { method: self.name(), wants: self.wants() }
    }

    const fn wants(self) -> &'static str {
        match (self, cfg!(feature = "workload-api")) {
            (Self::X509Svid, true) => {
                "--svid FILE and --svid-key FILE, or an agent at SPIFFE_ENDPOINT_SOCKET"
            }
            (Self::X509Svid, false) => {
                "--svid FILE and --svid-key FILE; a program that asks an agent for them is built with `cargo build --release -p provlog \
                 --features workload-api`"
            }
            (_, true) => "an agent at SPIFFE_ENDPOINT_SOCKET",
            (_, false) => {
                "a program that asks an agent, which is built with `cargo build --release -p provlog --features workload-api`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_identity_takes_is_told() {
        let identity = |identity, svid: bool| {
            let svid = svid.then(|| PathBuf::from("/nowhere"));
            WorkloadArgs { identity: Some(identity), svid: svid.clone(), svid_key: svid }.source().map(|_| ())
        };
        for (method, svid, expected) in [
            (Method::GitHub, true, "expected no --svid"),
            (Method::JwtSvid, true, "expected no --svid"),
            #[cfg(not(feature = "workload-api"))]
            (Method::JwtSvid, false, "--features workload-api"),
            #[cfg(not(feature = "workload-api"))]
            (Method::X509Svid, false, "--svid FILE and --svid-key FILE; a program that asks an agent"),
        ] {
            let error = identity(method, svid).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&method.to_string()), "{error}");
        }
        assert!(identity(Method::X509Svid, true).is_ok());
    }

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
