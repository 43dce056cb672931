//! The PEM files that TLS is made of: read whole, and judged.

use crate::files;
use crate::http::tls::error::TlsError;
use rustix::fs::Uid;
use rustix::process::geteuid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::env;
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most bytes of a file: every public root together takes a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Bits of a mode that let others than the owner do anything.
const OTHERS: u32 = 0o077;

/// Bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Where systemd puts what `LoadCredential=` names. It alone says who reads that, by other means than these bits.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The certificates of a file, at least one.
///
/// # Errors
/// [`TlsError`] names the file, and what it has instead.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    parse_certificates(path, &read(path, |_| Ok(()))?)
}

/// The CAs of clients, at least one. Others than the file's owner may read it, and none may write it: whoever can put a CA there is
/// let in.
///
/// # Errors
/// As [`certificates`].
pub(super) fn client_cas(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path, |file| {
        check_mode(path, file, OTHERS_WRITE, |path, mode| TlsError::Writable { path, mode })?;
        check_owner(path, file)
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
        check_mode(path, file, OTHERS, |path, mode| TlsError::Mode { path, mode })?;
        check_owner(path, file)
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

fn check_mode(
    path: &Path,
    file: &Metadata,
    forbidden: u32,
    refusal: impl FnOnce(PathBuf, u32) -> TlsError,
) -> Result<(), TlsError> {
    let mode = file.mode() & 0o777;
    if mode & forbidden == 0 || is_credential(path) { Ok(()) } else { Err(refusal(path.into(), mode)) }
}

fn check_owner(path: &Path, file: &Metadata) -> Result<(), TlsError> {
    let we = geteuid();
    if file.uid() == we.as_raw() || file.uid() == Uid::ROOT.as_raw() || is_credential(path) {
        return Ok(());
    }
    Err(TlsError::Owner { path: path.into(), expected: we.as_raw(), got: file.uid() })
}

fn is_credential(path: &Path) -> bool {
    env::var_os(CREDENTIALS_DIRECTORY)
        .is_some_and(|folder| !folder.is_empty() && path.parent() == Some(Path::new(&folder)))
}

/// Whether a file may be there and couldn't be read now: for want of descriptors, say. It passes without another file.
pub(super) fn may_pass(error: &TlsError) -> bool {
    matches!(error, TlsError::Io { source, .. } if source.kind() != io::ErrorKind::NotFound)
}
