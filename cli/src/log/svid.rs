//! A workload's X.509-SVID with its key, which signs submissions.

use super::identity::{Identity, IdentityError};
use super::url::UrlError;
use crate::local::settings::tls::IdentityFiles;
use crate::show::failure::Failure;
use provlog_evidence::svid::{SvidError, UnverifiedSvid};
use rustls::SignatureScheme;

/// Of every kind of key the one way in which it signs (`SPEC.md` section 12.4).
const SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::ED25519,
];

/// A certificate that proves no workload, or isn't there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SvidFileError {
    #[error("{name}: {problem}")]
    Form { name: String, problem: SvidError },
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// An SVID that was read, and in whose name its key signs.
#[derive(Debug)]
pub(crate) struct Svid {
    identity: Identity,
}

impl Svid {
    /// Reads certificate and key, which fit. Whether it holds now is asked when it signs.
    pub(crate) fn read(files: &IdentityFiles) -> Result<Self, SvidFileError> {
        Self::of(Identity::read(files)?)
    }

    pub(super) fn of(identity: Identity) -> Result<Self, SvidFileError> {
        let svid = Self { identity };
        match UnverifiedSvid::parse(svid.chain()) {
            Ok(_) => Ok(svid),
            Err(problem) => Err(SvidFileError::Form { name: svid.identity.name, problem }),
        }
    }

    /// What it is shown as over TLS.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its certificates in DER, the workload's first.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.identity.certified.cert.iter().map(AsRef::as_ref)
    }

    /// The workload's signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        // An SVID's key has one of these.
        let signer = self.identity.certified.key.choose_scheme(&SCHEMES);
        let signature = signer.map(|signer| signer.sign(message));
        match signature {
            Some(Ok(signature)) => Ok(signature),
            Some(Err(error)) => Err(Failure::Internal(format!("the workload's key: {error}"))),
            None => {
                Err(Failure::Internal("the workload's key signs in none of the ways that there are".into()))
            }
        }
    }
}

impl From<SvidFileError> for Failure {
    fn from(error: SvidFileError) -> Self {
        match error {
            SvidFileError::Identity(error) => UrlError::from(error).into(),
            form @ SvidFileError::Form { .. } => Self::Usage(form.to_string()),
        }
    }
}
