//! The PEM files that TLS is made of: read whole, and judged.

use crate::files::{self, Exposed, OTHERS, OTHERS_WRITE};
use crate::http::tls::error::TlsError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Most bytes of a file: every public root together takes a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The certificates of a file, at least one.
///
/// # Errors
/// [`TlsError`] names the file, and what it has instead.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    parse_certificates(path, &read(path, |_| Ok(()))?)
}

/// The CAs that somebody is verified with, at least one. Others than the file's owner may read it, and none may write it: whoever can put a CA there is
/// let in.
///
/// # Errors
/// As [`certificates`].
pub(crate) fn cas(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path, |file| {
        files::check_exposure(path, file, OTHERS_WRITE).map_err(|exposed| match exposed {
            Exposed::Mode(mode) => TlsError::Writable { path: path.into(), mode },
            Exposed::Owner { expected, got } => TlsError::Owner { path: path.into(), expected, got },
        })
    })?;
    parse_certificates(path, &bytes)
}

fn parse_certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let got = match found {
        Ok(certificates) if !certificates.is_empty() => return Ok(certificates),
        Ok(_) => "none",
        Err(_) => "text that is not PEM, or is cut off",
    };
    Err(TlsError::NoCertificates { path: path.into(), got })
}

/// The one private key of a file that nobody but its owner may read.
///
/// # Errors
/// [`TlsError`] names the file, and what is wrong with it; nothing of what it holds.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path, |file| {
        files::check_exposure(path, file, OTHERS).map_err(|exposed| match exposed {
            Exposed::Mode(mode) => TlsError::Mode { path: path.into(), mode },
            Exposed::Owner { expected, got } => TlsError::Owner { path: path.into(), expected, got },
        })
    })?;
    let mut keys = PrivateKeyDer::pem_slice_iter(&bytes);
    let got = match (keys.next(), keys.next()) {
        (Some(Ok(key)), None) => return Ok(key),
        (None, _) if is_encrypted(&bytes) => "one under a passphrase, which nobody is there to type",
        (None, _) => "none",
        (Some(Ok(_)), Some(Ok(_))) => "several",
        _ => "text that is not PEM, or is cut off",
    };
    Err(TlsError::NoKey { path: path.into(), got })
}

fn is_encrypted(pem: &[u8]) -> bool {
    const LABEL: &[u8] = b"ENCRYPTED PRIVATE KEY";
    pem.windows(LABEL.len()).any(|window| window == LABEL)
}

/// Reads what a path leads to, links followed, since tools that renew certificates make some. `check` judges the file that is
/// read, and not one that takes its name meanwhile.
fn read(path: &Path, check: impl FnOnce(&Metadata) -> Result<(), TlsError>) -> Result<Vec<u8>, TlsError> {
    let cannot = |source| TlsError::Io { path: path.into(), source };
    let Some((file, metadata)) = files::open(path).map_err(cannot)? else {
        return Err(TlsError::NoFile { path: path.into() });
    };
    check(&metadata)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if got > FILE_BYTES_MAX {
        let got = got.max(metadata.size());
        return Err(TlsError::TooLarge { path: path.into(), most: FILE_BYTES_MAX, got });
    }
    Ok(bytes)
}

/// Whether a file may be there and couldn't be read now: for want of descriptors, say. It passes without another file.
pub(super) fn may_pass(error: &TlsError) -> bool {
    matches!(error, TlsError::Io { source, .. } if source.kind() != io::ErrorKind::NotFound)
}
