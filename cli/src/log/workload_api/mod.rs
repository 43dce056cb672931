//! A SPIFFE agent, asked over its Workload API for what proves the workload that this program runs as. Built with the feature
//! `workload-api` alone, which brings gRPC.

#[cfg(test)]
mod tests;

use super::identity::Identity;
use super::svid::Svid;
use crate::local::settings::token::Token;
use crate::show::failure::Failure;
use crate::show::printable::printable;
use spiffe::{WorkloadApiClient, WorkloadApiError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// What a refusal would be in HTTP.
const DENIED: u16 = 403;

/// An agent, by the address that `SPIFFE_ENDPOINT_SOCKET` holds.
#[derive(Debug)]
pub(crate) struct Agent {
    address: String,
    runtime: Runtime,
}

impl Agent {
    pub(crate) fn new(address: String) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::Internal(format!("the Workload API's runtime: {error}")))?;
        Ok(Self { address, runtime })
    }

    /// A new JWT-SVID for this audience alone, within `timeout`.
    pub(crate) fn token(&self, audience: &str, timeout: Duration) -> Result<Token, Failure> {
        let token = self.within(timeout, async |client| client.fetch_jwt_token([audience], None).await)?;
        Token::parse(&token)
            .ok_or_else(|| Failure::malformed(self.name(), "expected a token, got something else"))
    }

    /// The workload's X.509-SVID with its key, within `timeout`.
    pub(crate) fn svid(&self, timeout: Duration) -> Result<Svid, Failure> {
        let svid = self.within(timeout, async |client| client.fetch_x509_svid().await)?;
        let chain = svid.cert_chain().iter().map(|one| one.as_bytes().to_vec().into()).collect();
        let name = format!("the X.509-SVID of {}", self.name());
        let identity = Identity::of_der(name, chain, svid.private_key().as_bytes());
        let identity = identity.ok_or_else(|| {
            Failure::malformed(
                self.name(),
                "expected a certificate with its own key in PKCS#8, got something else",
            )
        })?;
        Ok(Svid::of(identity)?)
    }

    fn within<T>(
        &self,
        timeout: Duration,
        ask: impl AsyncFnOnce(WorkloadApiClient) -> Result<T, WorkloadApiError>,
    ) -> Result<T, Failure> {
        let asked = self.runtime.block_on(async {
            let whole = async { ask(WorkloadApiClient::connect_to(&self.address).await?).await };
            tokio::time::timeout(timeout, whole).await
        });
        match asked {
            Ok(answered) => answered.map_err(|error| self.failure(&error)),
            Err(_) => Err(Failure::Unreachable {
                why: format!("no answer in time from {}", self.name()),
                lasts: false,
            }),
        }
    }

    /// Whoever isn't registered with the agent isn't so on the next attempt either.
    fn failure(&self, error: &WorkloadApiError) -> Failure {
        let why = printable(&format!("{}: {error}", self.name()));
        match error {
            WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_) => {
                let why = format!("{why}; it knows no workload that this process is");
                Failure::NotIssued { why, status: DENIED, retry_after_s: None }
            }
            WorkloadApiError::Endpoint(_) => Failure::Usage(format!("SPIFFE_ENDPOINT_SOCKET: {why}")),
            WorkloadApiError::Transport(_) | WorkloadApiError::EmptyResponse => {
                Failure::Unreachable { why, lasts: error.is_invalid_argument() }
            }
            _ => Failure::malformed(self.name(), error),
        }
    }

    fn name(&self) -> String {
        format!("the SPIFFE agent at {}", printable(&self.address))
    }
}
