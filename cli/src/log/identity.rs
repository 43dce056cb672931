//! Certificates with their keys, of this program's own: what a log that asks for a client's certificate is shown, and what a workload
//! signs with. Read when such a log may be asked, as roots are.

use crate::local::files::{self, ReadError};
use crate::local::settings::tls::IdentityFiles;
#[cfg(feature = "workload-api")]
use base64ct::{Base64, Encoding as _};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, ClientCert, PrivateKey};

/// Largest file with a certificate or a key, in bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Bits of a mode: what lets others than the owner do anything with a file.
const SHARED: u32 = 0o077;

/// A client's certificate or key that can't be used. Nothing of a key is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error(
        "{0}; expected what --client-cert and --client-key, or --svid and --svid-key, their variables, or `client_cert` and \
         `client_key` in the configuration name"
    )]
    Read(ReadError),
    #[error("{}: expected a client's certificate in PEM (-----BEGIN CERTIFICATE-----), got {problem}", path.display())]
    Certificate { path: PathBuf, problem: String },
    #[error(
        "{}: expected a private key in PEM (BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY), without a passphrase, got {problem}",
        path.display()
    )]
    Key { path: PathBuf, problem: String },
    #[error(
        "{path}: its permissions are {mode:03o}, so that others may read or write the key in it; expected 600 or less: chmod 600 {path}",
        path = path.display()
    )]
    Shared { path: PathBuf, mode: u32 },
    #[error("{}: expected the private key of the first certificate in {}, got another one", key.display(), certificate.display())]
    Pair { certificate: PathBuf, key: PathBuf },
}

/// A certificate with its key, which fit.
#[derive(Debug)]
pub(crate) struct Identity {
    /// What it is called in messages.
    pub(super) name: String,
    pub(super) certified: CertifiedKey,
    /// The same for ureq, which takes for granted that they fit.
    pub(super) shown: ClientCert,
}

impl Identity {
    pub(super) fn read(files: &IdentityFiles) -> Result<Self, IdentityError> {
        let chain = certificates(&files.certificate)?;
        let (pem, key) = private_key(&files.key)?;
        match CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()) {
            Ok(certified) => Ok(Self::of(files.certificate.display().to_string(), certified, pem)),
            Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(IdentityError::Pair { certificate: files.certificate.clone(), key: files.key.clone() })
            }
            Err(error @ TlsError::InvalidCertificate(_)) => Err(IdentityError::Certificate {
                path: files.certificate.clone(),
                problem: error.to_string(),
            }),
            Err(_) => {
                Err(IdentityError::Key { path: files.key.clone(), problem: "one that can't be used".into() })
            }
        }
    }

    /// From DER, the key in PKCS#8; none where they don't fit.
    #[cfg(feature = "workload-api")]
    pub(super) fn of_der(name: String, chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Option<Self> {
        let der = PrivateKeyDer::Pkcs8(key.to_vec().into());
        let certified = CertifiedKey::from_der(chain, der, &aws_lc_rs::default_provider()).ok()?;
        let text = Base64::encode_string(key);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        Some(Self::of(name, certified, PrivateKey::from_pem(pem.as_bytes()).ok()?))
    }

    fn of(name: String, certified: CertifiedKey, key: PrivateKey<'static>) -> Self {
        let chain: Vec<_> = certified.cert.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
        Self { name, certified, shown: ClientCert::new_with_certs(&chain, key) }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let form = |problem: String| IdentityError::Certificate { path: path.into(), problem };
    let bytes = files::read(path, FILE_BYTES_MAX).map_err(IdentityError::Read)?;
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| form(error.to_string()))?;
    if chain.is_empty() { Err(form("none".into())) } else { Ok(chain) }
}

/// The key for ureq, which takes no form of it but PEM for every kind of key, and for rustls.
fn private_key(path: &Path) -> Result<(PrivateKey<'static>, PrivateKeyDer<'static>), IdentityError> {
    let form = |problem: &str| IdentityError::Key { path: path.into(), problem: problem.into() };
    if let Some(mode) = files::mode(path).filter(|mode| mode & SHARED != 0) {
        return Err(IdentityError::Shared { path: path.into(), mode });
    }
    let bytes = files::read(path, FILE_BYTES_MAX).map_err(IdentityError::Read)?;
    // What isn't PEM may be half of a key, and isn't told.
    let parsed = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        form(if matches!(error, PemError::NoItemsFound) { "none" } else { "text that is not PEM" })
    })?;
    let key = PrivateKey::from_pem(&bytes).map_err(|_| form("text that is not PEM"))?;
    Ok((key, parsed))
}
