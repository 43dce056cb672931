//! Whose certificates an `https://` log may show: the system's roots, or those of one file and no others. Read when such a log is
//! asked, and never before: that takes longer than to verify a receipt. There is no way to do without.

use crate::local::files::{self, ReadError};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, RootCerts, TlsConfig};

/// Largest file of roots, in bytes: a whole system's are some 220 KB.
const CA_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Roots that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    #[error("{0}; expected the PEM certificates that --ca, PROVLOG_CA or `ca` in the configuration names")]
    Read(ReadError),
    #[error("{}: expected PEM certificates (-----BEGIN CERTIFICATE-----), got {problem}", path.display())]
    Form { path: PathBuf, problem: String },
    #[error(
        "no root certificates of this system were found{problem}: install them (the package ca-certificates), name a file of them in \
         SSL_CERT_FILE, or give the certificate of the log's CA with --ca FILE"
    )]
    None { problem: String },
}

/// TLS 1.2 and 1.3 with AWS-LC, believing the certificates in `ca`, or else the system's, and showing `identity` to whoever asks.
pub(super) fn tls(ca: Option<&Path>, identity: Option<ClientCert>) -> Result<TlsConfig, RootsError> {
    let roots = match ca {
        Some(path) => of_file(path)?,
        None => of_system()?,
    };
    let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .client_cert(identity)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build())
}

/// All of a file's certificates: one that can't be read is somebody's mistake, and told.
fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let form = |problem: String| RootsError::Form { path: path.into(), problem };
    let bytes = files::read(path, CA_BYTES_MAX).map_err(RootsError::Read)?;
    let roots: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&bytes).collect();
    let roots = roots.map_err(|error| form(error.to_string()))?;
    if roots.is_empty() {
        return Err(form("none".into()));
    }
    for (nth, root) in roots.iter().enumerate() {
        let added = RootCertStore::empty().add(root.clone());
        added.map_err(|error| form(format!("{error} in certificate {}", nth + 1)))?;
    }
    Ok(roots)
}

/// The system's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Some that can't be read leave the others.
fn of_system() -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let problem = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(RootsError::None { problem });
    }
    Ok(found.certs)
}
