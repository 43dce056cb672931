//! Handshakes of a listener that asks its clients for X.509-SVIDs: a client may show a certificate, any that it has the key of, and what
//! that says is looked at per request. So a trust domain whose bundle changes, or that is new, needs no other handshakes.

use provlog_evidence::svid::{CHAIN_BYTES_MAX, CHAIN_CERTIFICATES_MAX, SvidError};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use std::fmt;
use std::sync::Arc;

/// Asks for a certificate, and takes a handshake with one or without.
#[derive(Debug)]
pub(super) struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    /// What verifies the signatures of handshakes as this does.
    pub(super) const fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: a client would else look for a certificate of one of them.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Looks at nothing but how much there is to keep.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let count = intermediates.len().saturating_add(1);
        let bytes = intermediates.iter().fold(end_entity.len(), |sum, der| sum.saturating_add(der.len()));
        let refuse = |error| {
            let error = OtherError(Arc::new(Unkept(error)));
            Err(Error::InvalidCertificate(CertificateError::Other(error)))
        };
        if count > CHAIN_CERTIFICATES_MAX {
            return refuse(SvidError::Count(count));
        }
        if bytes > CHAIN_BYTES_MAX {
            return refuse(SvidError::Large(bytes));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Why a chain isn't kept.
#[derive(thiserror::Error)]
#[error(transparent)]
struct Unkept(SvidError);

/// As the error says it: rustls shows others' errors by this alone.
impl fmt::Debug for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::aws_lc_rs;

    #[test]
    fn no_more_is_kept_than_a_chain_has() {
        let verifier = AnyCertificate::new(&aws_lc_rs::default_provider());
        let certificate = |bytes| CertificateDer::from(vec![0; bytes]);
        let verify = |sizes: &[usize]| {
            let chain: Vec<_> = sizes.iter().copied().map(certificate).collect();
            let verified = verifier.verify_client_cert(&chain[0], &chain[1..], UnixTime::now());
            verified.map(drop).map_err(|error| error.to_string())
        };
        let most = CHAIN_BYTES_MAX;
        for fine in [&[1][..], &[1, 1, 1, 1], &[most], &[most - 3, 1, 1, 1]] {
            verify(fine).unwrap();
        }
        for (sizes, said) in [
            (&[1, 1, 1, 1, 1][..], "chain: expected 1 to 4 certificates, got 5"),
            (&[most + 1], "chain: expected at most 7168 bytes in all, got 7169"),
            (&[most, 1], "chain: expected at most 7168 bytes in all, got 7169"),
        ] {
            let refusal = verify(sizes).unwrap_err();
            assert!(refusal.contains(said), "{refusal}");
        }
    }
}
