//! Callers by the X.509-SVID that they showed in the handshake of their connection.

use super::{Issuers, excerpt, recognised};
use crate::http::shown_chain::ShownChain;
use crate::identity::configured::ConfiguredIssuer;
use crate::identity::recognised::{Anchor, Proof, Recognised, Unrecognised};
use provlog_evidence::jwt;
use provlog_evidence::svid::{SvidError, UnverifiedSvid};
use provlog_evidence::workload::Workload;
use std::sync::Arc;

impl Issuers {
    /// Who shows these certificates, at this time, in milliseconds since the Unix epoch: TLS saw that it has the first one's key. A
    /// connection lives on while bundles change and certificates end, so this is asked of each request. Waits for CAs, where none fit,
    /// as long as a fetch may take.
    ///
    /// # Errors
    /// [`Unrecognised`] says why it is nobody, or why that can't be told now.
    pub(crate) async fn recognise_shown(
        &self,
        shown: &ShownChain,
        now_ms: u64,
    ) -> Result<Arc<Recognised>, Unrecognised> {
        let digest = shown.digest();
        if let Some(recognised) = self.find(&digest, now_ms) {
            return Ok(recognised);
        }
        let read = || UnverifiedSvid::parse(shown.certificates());
        let svid = read()?;
        let name = jwt::Issuer::Spiffe(svid.trust_domain().clone());
        let Some(issuer) = self.configured(&name) else {
            return Err(Unrecognised::TrustDomain { got: excerpt(&name) });
        };
        let keys = issuer.keys();
        let verified = match issuer.verify_shown(svid, &self.unshared(&keys), now_ms) {
            Err(refused) if ConfiguredIssuer::may_have_another_ca(&refused) => {
                let all_are_known = issuer.renew_keys(&keys).await;
                match issuer.verify_shown(read()?, &self.unshared(&issuer.keys()), now_ms) {
                    Err(SvidError::NoPath { .. }) if !all_are_known => {
                        return Err(Unrecognised::Keys { issuer: name.to_string() });
                    }
                    verified => verified?,
                }
            }
            verified => verified?,
        };
        let (window, anchor) = (verified.window(), Anchor::Ca(verified.ca().digest()));
        let workload = Workload::of_bearer_svid(&verified);
        Ok(recognised(&issuer, workload, Proof { digest, window, anchor }, now_ms)?.into())
    }
}
