//! An issuer, of tokens or of SVIDs, as the operator configured it.

use provlog_evidence::jwt;
use std::path::PathBuf;

/// Whose workloads are believed to be who they say, for which audience, and where the keys for that are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Issuer {
    /// An OIDC issuer as `iss` has it, byte for byte, which is an `https` URL; or a trust domain.
    pub(crate) name: jwt::Issuer,
    /// What bearer tokens have in `aud`; never the log's origin, nor what starts with it and a colon. Where there is none, which is of
    /// trust domains alone, no token of it is a bearer token.
    pub(crate) audience: Option<String>,
    /// Where its keys are.
    pub(crate) keys: KeySource,
    /// Roots that the host of its keys is verified with, in PEM; the system's where there are none.
    pub(crate) ca: Option<PathBuf>,
}

impl Issuer {
    /// Whether it is a trust domain, whose keys are a bundle.
    pub(crate) const fn is_trust_domain(&self) -> bool {
        matches!(self.name, jwt::Issuer::Spiffe(_))
    }
}

/// Where an issuer's keys are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum KeySource {
    /// Of an OIDC issuer: where `<iss>/.well-known/openid-configuration` says (OpenID Connect Discovery 1.0, section 4), on the issuer's own host and port.
    Discovery,
    /// At this `https` URL: a JWKS, of a trust domain its bundle.
    Url(String),
    /// In this file, which holds the same; a changed file holds from the next request on.
    File(PathBuf),
}
