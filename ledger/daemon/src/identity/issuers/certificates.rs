//! Workloads by their X.509-SVIDs: that they showed in the handshake of their connection, or that they signed a submission with.

use super::{Issuers, excerpt, recognised};
use crate::http::shown_chain::ShownChain;
use crate::identity::anchor::Anchor;
use crate::identity::configured::ConfiguredIssuer;
use crate::identity::key_set::KeySet;
use crate::identity::recognised::{BoundEvidence, Proof, Recognised, Unrecognised};
use crate::identity::trusted::TrustedKey;
use provlog_core::Hash;
use provlog_core::submission::Evidence;
use provlog_evidence::jwt;
use provlog_evidence::svid::{DomainCas, SvidError, UnverifiedSvid};
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
        let parse = || UnverifiedSvid::parse(shown.certificates());
        let verify = |svid: UnverifiedSvid<'_>, cas: DomainCas<'_>| svid.bearer(cas, now_ms);
        let VerifiedChain { issuer, svid, .. } = self.verify_chain(parse, verify).await?;
        let (window, anchor) = (svid.window(), Anchor::Ca(svid.ca().digest()));
        let workload = Workload::of_bearer_svid(&svid);
        Ok(recognised(&issuer, workload, Proof { digest, window, anchor }, now_ms)?.into())
    }

    /// Whose certificate's key signed the submission with this digest to this log, at this time.
    ///
    /// # Errors
    /// As [`Issuers::recognise_shown`].
    pub(crate) async fn prove_signed(
        &self,
        chain: &[Vec<u8>],
        signature: &[u8],
        submitted_digest: &Hash,
        now_ms: u64,
    ) -> Result<Arc<Recognised>, Unrecognised> {
        let origin = &self.0.origin;
        let verify = |svid: UnverifiedSvid<'_>, cas: DomainCas<'_>| {
            svid.signed(origin, &submitted_digest.0, signature, now_ms)?.bound(cas)
        };
        let VerifiedChain { issuer, keys, svid } =
            self.verify_chain(|| UnverifiedSvid::parse(chain), verify).await?;
        let key = TrustedKey::of_ca(&issuer.settings().name, &keys, svid.ca());
        let evidence = Evidence::X509Svid { chain: chain.to_vec(), signature: signature.to_vec() };
        let bound = Some(BoundEvidence { submitted_digest: *submitted_digest, evidence, key });
        let (window, anchor) = (svid.window(), Anchor::Ca(svid.ca().digest()));
        // It is never looked up by this: what is bound isn't kept.
        let proof = Proof { digest: Hash::plain(signature), window, anchor };
        let workload = Workload::of_bound_svid(&svid);
        Ok(Recognised { bound, ..recognised(&issuer, workload, proof, now_ms)? }.into())
    }

    /// Verifies a chain with the CAs of its trust domain, and with newer ones where none fits.
    async fn verify_chain<'a, T>(
        &self,
        parse: impl Fn() -> Result<UnverifiedSvid<'a>, SvidError>,
        verify: impl Fn(UnverifiedSvid<'a>, DomainCas<'_>) -> Result<T, SvidError>,
    ) -> Result<VerifiedChain<T>, Unrecognised> {
        let name = jwt::Issuer::Spiffe(parse()?.trust_domain().clone());
        let unknown = || Unrecognised::TrustDomain { got: excerpt(&name) };
        let issuer = self.configured(&name).ok_or_else(unknown)?;
        let attempt = |keys: &KeySet| {
            let cas = issuer.cas(keys).ok_or_else(unknown)?;
            verify(parse()?, cas).map_err(Unrecognised::from)
        };
        let published = issuer.keys();
        let mut keys = self.unshared(&published);
        let svid = match attempt(&keys) {
            Err(Unrecognised::Svid(refused)) if ConfiguredIssuer::may_have_another_ca(&refused) => {
                let all_are_known = issuer.renew_keys(&published).await;
                keys = self.unshared(&issuer.keys());
                match attempt(&keys) {
                    Err(Unrecognised::Svid(SvidError::NoPath { .. })) if !all_are_known => {
                        return Err(Unrecognised::Keys { issuer: name.to_string() });
                    }
                    verified => verified?,
                }
            }
            verified => verified?,
        };
        Ok(VerifiedChain { issuer, keys, svid })
    }
}

/// A chain that was verified, with these keys of this issuer.
struct VerifiedChain<T> {
    issuer: Arc<ConfiguredIssuer>,
    keys: Arc<KeySet>,
    svid: T,
}
