//! X.509-SVIDs: a workload's certificate, the way from it to its trust domain, and its key's signature over a submission
//! (`SPEC.md` section 12.4).
//!
//! No path is searched: each certificate is signed by the next one. What webpki doesn't look at, or does otherwise (key
//! usage, how many URIs there are, the order, the CA's own time and path length), is checked here; then webpki verifies the
//! path as a whole.

mod bundle;
mod certificate;
mod der;
mod error;
mod server;
mod webpki_path;

pub use bundle::{Bundle, BundleMember, CA_BYTES_MAX, Ca, CaError, MemberError};
pub use certificate::CertificateError;
pub use der::DerError;
pub use error::{CHAIN_BYTES_MAX, CHAIN_CERTIFICATES_MAX, SVID_VALID_S_MAX, SvidError};
pub use server::ServerCertificate;

use crate::signature::{PublicKey, Scheme};
use crate::spiffe::{SpiffeId, TrustDomain};
use crate::submission::submission_message;
use crate::window::Window;
use certificate::Certificate;

/// The CAs of one trust domain, for that domain alone: the `x509-svid` members of its bundle.
#[derive(Clone, Copy, Debug)]
pub struct DomainCas<'a> {
    /// Whose they are.
    pub trust_domain: &'a TrustDomain,
    /// In any order.
    pub cas: &'a [Ca],
}

/// A chain that was read and not yet verified. It says whose CAs are needed, and is good for nothing else.
#[derive(Debug)]
pub struct UnverifiedSvid<'a> {
    /// The workload's certificate first, each signed by the next.
    chain: Vec<&'a [u8]>,
    id: SpiffeId,
    key: PublicKey,
    /// When every certificate of the chain holds.
    window: Window,
}

impl<'a> UnverifiedSvid<'a> {
    /// Reads a chain, the workload's certificate first, and all that SPIFFE demands of that one.
    ///
    /// # Errors
    /// What isn't an SVID, with other certificates behind it.
    pub fn parse<T: AsRef<[u8]> + ?Sized + 'a>(
        chain: impl IntoIterator<Item = &'a T>,
    ) -> Result<Self, SvidError> {
        let chain: Vec<&[u8]> = chain.into_iter().map(AsRef::as_ref).collect();
        if !(1..=CHAIN_CERTIFICATES_MAX).contains(&chain.len()) {
            return Err(SvidError::Count(chain.len()));
        }
        let bytes = chain.iter().fold(0_usize, |sum, der| sum.saturating_add(der.len()));
        if bytes > CHAIN_BYTES_MAX {
            return Err(SvidError::Large(bytes));
        }
        let certificates = read(&chain)?;
        let leaf = certificates.first().ok_or(SvidError::Count(0))?;
        let (id, key) = workload(leaf)?;
        let windows = certificates.iter().map(|certificate| Some(certificate.window));
        let window = windows.reduce(|all, one| all?.and(&one?)).flatten().ok_or(SvidError::NoWindow)?;
        Ok(Self { chain, id, key, window })
    }

    /// Whose workload it says it is.
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        self.id.trust_domain()
    }

    /// Verifies that the certificate's key signed exactly this submission to this log, and that the chain holds at this time.
    /// Whose key that is nobody vouches for yet.
    ///
    /// # Errors
    /// Another time, or a signature that is none.
    pub fn signed(
        self,
        origin: &str,
        submitted_digest: &[u8; 32],
        signature: &[u8],
        at_ms: u64,
    ) -> Result<SignedSvid<'a>, SvidError> {
        if !self.window.contains(at_ms) {
            return Err(SvidError::Time { at_ms, window: self.window });
        }
        let scheme = match &self.key {
            PublicKey::P256(_) => Scheme::Es256Der,
            PublicKey::P384(_) => Scheme::Es384Der,
            PublicKey::Rsa { .. } => Scheme::Ps256,
            PublicKey::Ed25519(_) => Scheme::Ed25519,
        };
        let leaf = self.chain.first().copied().unwrap_or_default();
        let message = submission_message(origin, submitted_digest, leaf);
        if !self.key.verifies(scheme, &message, signature) {
            return Err(SvidError::Signature(self.key.name()));
        }
        Ok(SignedSvid { svid: self, at_ms })
    }

    /// Verifies that the trust domain vouches for the workload at this time. That whoever brought the chain has its key is for
    /// somebody else to have seen, as TLS does; it says nothing of what is submitted.
    ///
    /// # Errors
    /// Another time, another trust domain, or no way to one of its CAs.
    pub fn bearer(self, given: DomainCas<'_>, at_ms: u64) -> Result<BearerSvid, SvidError> {
        if !self.window.contains(at_ms) {
            return Err(SvidError::Time { at_ms, window: self.window });
        }
        let (ca, window) = self.path(given, at_ms)?;
        Ok(BearerSvid { id: self.id, ca, window })
    }

    /// The CA that the chain leads to, and when all of it holds. A CA is renewed under its own key, so that several may fit:
    /// the one that holds longest is taken.
    fn path(&self, given: DomainCas<'_>, at_ms: u64) -> Result<(Ca, Window), SvidError> {
        check_links(&read(&self.chain)?)?;
        if given.trust_domain != self.trust_domain() {
            let (expected, got) = (given.trust_domain.clone(), self.trust_domain().clone());
            return Err(SvidError::TrustDomain { expected, got });
        }
        let (mut found, mut got): (Option<(&Ca, Window)>, _) = (None, "none that was given".into());
        for ca in given.cas {
            let window = self.window.and(&ca.window()).filter(|window| window.contains(at_ms));
            let Some(window) = window else {
                got = "one that doesn't hold then".into();
                continue;
            };
            match webpki_path::check(&self.chain, ca, at_ms) {
                Err(reason) => got = reason,
                Ok(()) if found.is_none_or(|(_, longest)| window.to_ms > longest.to_ms) => {
                    found = Some((ca, window));
                }
                Ok(()) => {}
            }
        }
        let none = || SvidError::NoPath { trust_domain: given.trust_domain.clone(), at_ms, got };
        found.map(|(ca, window)| (ca.clone(), window)).ok_or_else(none)
    }
}

/// A certificate whose key signed one submission to one log. A reader without the trust domain's CAs gets this far.
#[derive(Debug)]
pub struct SignedSvid<'a> {
    svid: UnverifiedSvid<'a>,
    at_ms: u64,
}

impl SignedSvid<'_> {
    /// Who the certificate says it is.
    #[must_use]
    pub const fn id(&self) -> &SpiffeId {
        &self.svid.id
    }

    /// When every certificate of the chain holds.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.svid.window
    }

    /// Verifies that the trust domain vouches for the workload, then, too.
    ///
    /// # Errors
    /// Another trust domain, or no way to one of its CAs.
    pub fn bound(self, given: DomainCas<'_>) -> Result<BoundSvid, SvidError> {
        let Self { svid, at_ms } = self;
        let (ca, window) = svid.path(given, at_ms)?;
        Ok(BoundSvid { id: svid.id, ca, window })
    }
}

fn read<'a>(chain: &[&'a [u8]]) -> Result<Vec<Certificate<'a>>, SvidError> {
    let certificates = chain
        .iter()
        .enumerate()
        .map(|(at, der)| Certificate::parse(der).map_err(|error| SvidError::Certificate { at, error }));
    certificates.collect()
}

/// Whether each certificate may be signed by the next one.
fn check_links(certificates: &[Certificate<'_>]) -> Result<(), SvidError> {
    for (below, ca) in certificates.iter().skip(1).enumerate() {
        let at = below + 1;
        if !ca.may_sign_others() {
            return Err(SvidError::NoCa(at));
        }
        if !ca.allows_below(below) {
            return Err(SvidError::PathLength(at));
        }
        if certificates.iter().take(at).any(|other| (other.subject, other.spki) == (ca.subject, ca.spki)) {
            return Err(SvidError::Twice(at));
        }
    }
    match certificates.array_windows().position(|[one, by]| one.issuer != by.subject) {
        Some(at) => Err(SvidError::Issuer(at)),
        None => Ok(()),
    }
}

/// What SPIFFE demands of a workload's certificate.
fn workload(certificate: &Certificate<'_>) -> Result<(SpiffeId, PublicKey), SvidError> {
    let [uri] = certificate.uris[..] else { return Err(SvidError::Uris(certificate.uris.len())) };
    // What isn't UTF-8 is no ID either.
    let id = SpiffeId::parse(&String::from_utf8_lossy(uri))?;
    if certificate.is_ca {
        return Err(SvidError::IsCa);
    }
    let fits = certificate.key_usage.as_ref().is_some_and(|usage| {
        usage.is_critical && usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign()
    });
    if !fits {
        return Err(SvidError::KeyUsage);
    }
    if certificate.is_for_clients == Some(false) {
        return Err(SvidError::Purpose);
    }
    let valid_ms = certificate.window.to_ms.saturating_sub(certificate.window.from_ms);
    if valid_ms > SVID_VALID_S_MAX * 1000 {
        return Err(SvidError::LongValidity(valid_ms / 1000));
    }
    let key =
        certificate.public_key().map_err(|error| SvidError::Certificate { at: 0, error: error.into() })?;
    key.check()?;
    Ok((id, key))
}

/// A workload's signature over one submission to one log. There is no way to it but [`SignedSvid::bound`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundSvid {
    id: SpiffeId,
    ca: Ca,
    window: Window,
}

impl BoundSvid {
    /// Who signed.
    #[must_use]
    pub const fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// The CA that the chain led to.
    #[must_use]
    pub const fn ca(&self) -> &Ca {
        &self.ca
    }

    /// When every certificate of the chain holds, and the CA.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// A workload that somebody showed a certificate of, and nothing that it signed: it can do so again, and it covers no submission.
/// There is no way to it but [`UnverifiedSvid::bearer`], and none from it to [`BoundSvid`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BearerSvid {
    id: SpiffeId,
    ca: Ca,
    window: Window,
}

impl BearerSvid {
    /// Who it is.
    #[must_use]
    pub const fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// The CA that the chain led to.
    #[must_use]
    pub const fn ca(&self) -> &Ca {
        &self.ca
    }

    /// When every certificate of the chain holds, and the CA.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}
