//! How a workload proves to be the one that submits, as users name it.

use clap::ValueEnum;
use std::fmt;

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

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub => f.write_str("github"),
            Self::X509Svid => f.write_str("x509-svid"),
            Self::JwtSvid => f.write_str("jwt-svid"),
        }
    }
}
