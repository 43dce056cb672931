//! Why an issuer's keys aren't taken. What there was before stays, unless an operator's file says otherwise.

use crate::http::tls::error::TlsError;
use provlog_core::json::JsonError;
use provlog_evidence::jwk::JwksError;
use std::io;
use std::path::PathBuf;

/// Why what should hold an issuer's keys isn't believed, or can't be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    /// Nothing came.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// No thread, so nothing is asked for.
    #[error("cannot start a thread that fetches keys: {0}")]
    Thread(io::Error),
    /// A fetch panicked.
    #[error("a fetch of keys panicked: this is a bug, please report it with the log's output")]
    Panicked,
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Of what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A folder, a FIFO.
    #[error("{}: expected a regular file, got something else", path.display())]
    NoFile {
        /// What the settings name.
        path: PathBuf,
    },
    /// Others than the owner may write the file.
    #[error("{path}: its permissions are {mode:03o}; expected none to write for others than its owner, since whoever writes it says who is let in: chmod go-w {path}", path = path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else's file.
    #[error("{path}: it belongs to user {got}; expected user {expected}, who the daemon runs as, or root: chown {expected} {path}", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Who the daemon runs as.
        expected: u32,
        /// Whose it is.
        got: u32,
    },
    /// Not JSON, at the address of discovery.
    #[error("{url}: expected an OpenID provider's configuration, got {error}")]
    Json {
        /// Where.
        url: String,
        /// What was found.
        error: JsonError,
    },
    /// JSON, but without a member that has to be there, as text.
    #[error("{url}: expected an OpenID provider's configuration, which has the text {member:?}")]
    Member {
        /// Where.
        url: String,
        /// Its name.
        member: &'static str,
    },
    /// Somebody else's.
    #[error("{url}: expected the issuer {expected}, got {got}")]
    Issuer {
        /// Where.
        url: String,
        /// As the settings have it.
        expected: String,
        /// The start of what is there.
        got: String,
    },
    /// Keys that lie elsewhere, which nobody but the operator may say.
    #[error(
        "{url}: expected a jwks_uri that is https and on the issuer's own host and port, got {got}; where that is right, set it as jwks_url"
    )]
    JwksUri {
        /// Where.
        url: String,
        /// The start of what is there.
        got: String,
    },
    /// No JWKS, or one with a private key.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// No key in it verifies a token.
    #[error("JWKS: expected a key that signs with RS256, ES256, ES384 or EdDSA, got none among {got}{}", reason(.first.as_deref()))]
    NoneUsable {
        /// How many there are.
        got: usize,
        /// Why the first isn't one.
        first: Option<String>,
    },
    /// No member of a bundle verifies anything.
    #[error("bundle: expected a key with the use jwt-svid, or a CA with the use x509-svid, got none among {got}{}", reason(.first.as_deref()))]
    NoMember {
        /// How many there are.
        got: usize,
        /// Why the first isn't one.
        first: Option<String>,
    },
}

/// Why nothing came from an address.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The file of roots.
    #[error("the roots of the issuer: {0}")]
    Ca(#[from] TlsError),
    /// A file of roots with one that is none.
    #[error("the roots of the issuer: {}: expected certificates of CAs, got {problem}", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with one.
        problem: String,
    },
    /// The system has none.
    #[error(
        "no root certificates of this system were found{problem}: install them (the package ca-certificates), or name a file of them as the issuer's ca"
    )]
    NoRoots {
        /// What the system said, if it said anything.
        problem: String,
    },
    /// No address of a proxy. It may have a password in it, so it isn't shown.
    #[error(
        "{variable}: expected the address of a proxy, such as http://proxy.example.com:3128, got something else"
    )]
    ProxyVariable {
        /// The variable of the environment.
        variable: &'static str,
    },
    /// A proxy of a kind that isn't spoken to.
    #[error("the environment's proxy: expected http:// or https://, got another kind")]
    Proxy,
    /// No address of an issuer.
    #[error("{url}: expected an https:// address without user info, fragment, white space")]
    Address {
        /// The start of what was to be asked.
        url: String,
    },
    /// No answer, none in time, or a part of one.
    #[error("{url}: no whole answer: {problem}")]
    Unanswered {
        /// What was asked.
        url: String,
        /// What happened instead.
        problem: String,
    },
    /// Another status. Redirects aren't followed: they could lead anywhere.
    #[error("{url}: expected the status 200, got {got}")]
    Status {
        /// What was asked.
        url: String,
        /// What it said.
        got: u16,
    },
    /// More than keys are.
    #[error("{url}: expected at most {most} bytes, got more")]
    Large {
        /// What was asked.
        url: String,
        /// The most.
        most: usize,
    },
}

impl KeysError {
    /// How it is counted.
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Fetch(_) | Self::Thread(_) | Self::Panicked | Self::Io { .. } => Outcome::Unanswered,
            _ => Outcome::Refused,
        }
    }

    /// Whether it may pass without anything having changed: for want of descriptors, say.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() != io::ErrorKind::NotFound)
    }

    /// Whether a file that is like this ends the keys of the one before: an operator who took it away, or put none there that can be
    /// used, cut the issuer off. Not where it may pass, or the file may be half written.
    pub(super) fn ends_keys(&self) -> bool {
        match self {
            Self::Io { .. } => !self.may_pass(),
            Self::NoFile { .. }
            | Self::Writable { .. }
            | Self::Owner { .. }
            | Self::NoneUsable { .. }
            | Self::NoMember { .. } => true,
            _ => false,
        }
    }
}

/// What becomes of an attempt to get keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The keys are taken.
    Taken,
    /// Nothing came.
    Unanswered,
    /// What came isn't believed.
    Refused,
}

impl Outcome {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Taken, Self::Unanswered, Self::Refused];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unanswered => "unanswered",
            Self::Refused => "refused",
        }
    }
}

fn reason(of_first: Option<&str>) -> String {
    of_first.map(|reason| format!("; the first: {reason}")).unwrap_or_default()
}

/// As much of a foreign text as a line of the log shows.
const EXCERPT_CHARS: usize = 200;

/// The start of a foreign text, quoted: it moves nobody's cursor.
pub(super) fn excerpt(text: &str) -> String {
    format!("{:?}", text.chars().take(EXCERPT_CHARS).collect::<String>())
}
