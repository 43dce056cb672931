//! The files that a log is asked with over TLS: whose certificates are believed of it, and which one is shown to it.

use clap::Args;
use std::path::PathBuf;

/// The flags and variables that name them.
#[derive(Clone, Debug, Args)]
pub(crate) struct TlsArgs {
    /// File with PEM certificates: over https:// the log's has to lead to one of these, and to no other [default: the one that
    /// stands beside the url in the configuration, else the system's roots]
    #[arg(long, env = "PROVLOG_CA", hide_env_values = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File with a client's certificate in PEM, and with those between it and its CA: for a log that asks for one, over https://
    /// alone [default: the one that stands beside the url in the home directory's configuration, else none]
    #[arg(
        long,
        env = "PROVLOG_CLIENT_CERT",
        hide_env_values = true,
        value_name = "FILE",
        requires = "client_key"
    )]
    client_cert: Option<PathBuf>,
    /// File with that certificate's private key in PEM, which nobody but its owner may read
    #[arg(
        long,
        env = "PROVLOG_CLIENT_KEY",
        hide_env_values = true,
        value_name = "FILE",
        requires = "client_cert"
    )]
    client_key: Option<PathBuf>,
}

/// The files themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TlsFiles {
    /// The certificates that alone are believed; the system's where there is none.
    pub(crate) ca: Option<PathBuf>,
    pub(crate) identity: Option<IdentityFiles>,
}

/// What a client shows of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IdentityFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsArgs {
    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.ca.clone(),
            identity: IdentityFiles::of(self.client_cert.clone(), self.client_key.clone()),
        }
    }
}

impl TlsFiles {
    /// These, and what they leave open by others.
    pub(super) fn or(self, others: Option<&Self>) -> Self {
        let (ca, identity) =
            others.map(|others| (others.ca.clone(), others.identity.clone())).unwrap_or_default();
        Self { ca: self.ca.or(ca), identity: self.identity.or(identity) }
    }
}

impl IdentityFiles {
    /// One is of no use without the other.
    pub(super) fn of(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Option<Self> {
        Some(Self { certificate: certificate?, key: key? })
    }
}
