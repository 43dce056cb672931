//! An issuer of tokens, as the operator configured it.

use std::path::PathBuf;

/// Whose tokens are taken, for which audience, and where its keys are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Issuer {
    /// As `iss` has it, byte for byte: an `https` URL.
    pub(crate) url: String,
    /// What bearer tokens have in `aud`; never the log's origin, nor what starts with it and a colon.
    pub(crate) audience: String,
    /// Where its keys are.
    pub(crate) keys: KeySource,
    /// Roots that the issuer's host is verified with, in PEM; the system's where there are none.
    pub(crate) ca: Option<PathBuf>,
}

/// Where an issuer's keys are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum KeySource {
    /// Where `<url>/.well-known/openid-configuration` says (OpenID Connect Discovery 1.0, section 4), on the issuer's own host and port.
    Discovery,
    /// At this `https` URL.
    Url(String),
    /// In this file, a JWKS; a changed file holds from the next token on.
    File(PathBuf),
}
