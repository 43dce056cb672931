//! What binds a submission to the workload that makes it: made anew by each run, once the salts are drawn and kept.

#[cfg(test)]
mod tests;

use super::pending::Pending;
use crate::local::settings::token::Token;
use crate::local::settings::workload::{Method, WorkloadSource};
use crate::local::time;
use crate::log::github::Endpoint;
use crate::log::retry::{Retry, until_answered};
use crate::log::svid::Svid;
#[cfg(feature = "workload-api")]
use crate::log::workload_api::Agent;
use crate::proof::submitting::Submitting;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::submission::Evidence;
use provlog_evidence::submission::{bound_audience, submission_message};
use std::time::Duration;

/// How long one request for a token may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What GitHub was seen to refuse in an audience.
const REFUSED_BY_GITHUB: &str = "github.com";

/// A workload's way to prove that it submits.
#[derive(Debug)]
pub(crate) enum Prover {
    GitHub(Box<Endpoint>),
    Svid(Svid),
    /// For tokens.
    #[cfg(feature = "workload-api")]
    Agent(Agent),
}

/// What binds one submission to its workload, and who that is.
pub(crate) struct Proven {
    pub(crate) proof: Proof,
    pub(crate) by: Submitting,
}

pub(crate) enum Proof {
    /// Which authorises by itself, too.
    Token(Token),
    Svid {
        /// Certificates in DER, the workload's first.
        chain: Vec<Vec<u8>>,
        signature: Vec<u8>,
    },
}

impl Proof {
    /// As it stands beside the claims.
    pub(crate) fn evidence(&self) -> Evidence {
        match self {
            Self::Token(token) => Evidence::Jwt { token: token.text().into() },
            Self::Svid { chain, signature } => {
                Evidence::X509Svid { chain: chain.clone(), signature: signature.clone() }
            }
        }
    }
}

impl Prover {
    /// From where it comes. An agent that gives certificates is asked for one here.
    pub(crate) fn new(source: WorkloadSource, retry: &mut Retry) -> Result<Self, Failure> {
        // Nobody else is asked here.
        #[cfg(not(feature = "workload-api"))]
        let _ = retry;
        Ok(match source {
            WorkloadSource::GitHub(job) => Self::GitHub(Endpoint::new(job)?.into()),
            WorkloadSource::Svid(files) => Self::Svid(Svid::read(&files)?),
            #[cfg(feature = "workload-api")]
            WorkloadSource::Agent(address, Method::X509Svid) => {
                let agent = Agent::new(address)?;
                Self::Svid(until_answered(retry, |retry| agent.svid(retry.left().min(ATTEMPT_TIMEOUT)))?)
            }
            #[cfg(feature = "workload-api")]
            WorkloadSource::Agent(address, _) => Self::Agent(Agent::new(address)?),
        })
    }

    pub(crate) const fn method(&self) -> Method {
        match self {
            Self::GitHub(_) => Method::GitHub,
            Self::Svid(_) => Method::X509Svid,
            #[cfg(feature = "workload-api")]
            Self::Agent(_) => Method::JwtSvid,
        }
    }

    /// The certificate that proves it, where one does.
    pub(crate) const fn svid(&self) -> Option<&Svid> {
        match self {
            Self::GitHub(_) => None,
            Self::Svid(svid) => Some(svid),
            #[cfg(feature = "workload-api")]
            Self::Agent(_) => None,
        }
    }

    /// Proves that this workload means exactly this submission, for this log alone.
    pub(crate) fn prove(
        &self,
        origin: &str,
        pending: &Pending,
        retry: &mut Retry,
    ) -> Result<Proven, Failure> {
        let digest = &pending.submitted_digest;
        let audience = bound_audience(origin, &digest.0);
        match self {
            Self::GitHub(endpoint) => {
                let ask = |retry: &mut Retry| endpoint.token(&audience, retry.left().min(ATTEMPT_TIMEOUT));
                let token = until_answered(retry, ask).map_err(|failure| of_origin(failure, origin))?;
                of_token(token, "what GitHub's endpoint of tokens gave", origin, digest)
            }
            Self::Svid(svid) => of_svid(svid, origin, digest),
            #[cfg(feature = "workload-api")]
            Self::Agent(agent) => {
                let ask = |retry: &mut Retry| agent.token(&audience, retry.left().min(ATTEMPT_TIMEOUT));
                of_token(until_answered(retry, ask)?, "what the SPIFFE agent gave", origin, digest)
            }
        }
    }
}

/// One for another audience might be good for more than this entry.
fn of_token(token: Token, what: &str, origin: &str, submitted_digest: &Hash) -> Result<Proven, Failure> {
    let by = Submitting::by_token(token.text(), origin, submitted_digest);
    let by = by.map_err(|error| Failure::malformed(format!("{what}, which wasn't sent"), error))?;
    Ok(Proven { proof: Proof::Token(token), by })
}

/// One that doesn't hold now isn't sent: the log would take it for none.
fn of_svid(svid: &Svid, origin: &str, submitted_digest: &Hash) -> Result<Proven, Failure> {
    let chain: Vec<Vec<u8>> = svid.chain().map(<[u8]>::to_vec).collect();
    let certificate = chain.first().map(Vec::as_slice).unwrap_or_default();
    let signature = svid.sign(&submission_message(origin, &submitted_digest.0, certificate))?;
    let at_ms = time::now_ms().unwrap_or_default();
    let ders = chain.iter().map(Vec::as_slice);
    let by = Submitting::by_svid(ders, &signature, origin, submitted_digest, at_ms);
    let by = by.map_err(|error| Failure::Usage(format!("the X.509-SVID, which wasn't sent: {error}")))?;
    Ok(Proven { proof: Proof::Svid { chain, signature }, by })
}

/// GitHub's own words don't say what it dislikes.
fn of_origin(failure: Failure, origin: &str) -> Failure {
    match failure {
        Failure::NotIssued { why, status, retry_after_s } if origin.contains(REFUSED_BY_GITHUB) => {
            let why = format!(
                "{why}\n  the log's origin {origin} has {REFUSED_BY_GITHUB} in it, and GitHub may refuse a token for such an audience"
            );
            Failure::NotIssued { why, status, retry_after_s }
        }
        other => other,
    }
}
