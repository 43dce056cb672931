//! Why a listener's TLS can't be made of its files: which file, what was expected, what was got, what to type.

use provlog_core::time::rfc3339;
use provlog_evidence::svid::CertificateError;
use rustls::server::VerifierBuilderError;
use std::io;
use std::path::PathBuf;

/// Why files make no TLS. No text of it holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Of what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A folder, a FIFO.
    #[error("{}: expected a regular file, got something else", path.display())]
    NoFile {
        /// What the settings name.
        path: PathBuf,
    },
    /// Larger than any such file.
    #[error("{}: expected at most {most} bytes, got {got}", path.display())]
    TooLarge {
        /// What the settings name.
        path: PathBuf,
        /// The most.
        most: u64,
        /// As it is.
        got: u64,
    },
    /// Not certificates.
    #[error("{}: expected certificates in PEM (BEGIN CERTIFICATE), got {got}", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// What it has.
        got: &'static str,
    },
    /// Not a certificate of a server.
    #[error("{}: expected the server's certificate first, in X.509 version 3: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// Nobody takes it any more.
    #[error("{}: expected a certificate that holds, got one that ended at {}; put a new one there", path.display(), rfc3339(*not_after_ms))]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it ended, in milliseconds since the Unix epoch.
        not_after_ms: u64,
    },
    /// Not one private key.
    #[error("{}: expected one private key in PEM (BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY), got {got}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it has.
        got: &'static str,
    },
    /// A key of a type that isn't taken, or no key after all.
    #[error("{}: expected a private key of ECDSA (P-256, P-384, P-521), Ed25519 or RSA (at least 2048 bits), got something else", path.display())]
    KeyType {
        /// The file.
        path: PathBuf,
    },
    /// The key isn't the certificate's.
    #[error("{}: expected the private key of the first certificate in {}, got another key", key.display(), certificate.display())]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// Others than the owner may read the key.
    #[error("{path}: its permissions are {mode:03o}; expected none for others than its owner, since whoever reads it can pass for this log: chmod 600 {path}", path = path.display())]
    Mode {
        /// The file of the key.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Others than the owner may write a file of CAs.
    #[error("{path}: its permissions are {mode:03o}; expected none to write for others than its owner, since whoever writes it says who is let in: chmod go-w {path}", path = path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else's file.
    #[error("{path}: it belongs to user {got}; expected user {expected}, who the daemon runs as, or root: chown {expected} {path}", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Who the daemon runs as.
        expected: u32,
        /// Whose it is.
        got: u32,
    },
    /// Not a root of clients' certificates.
    #[error("{}: expected certificates of CAs; number {number} is none that can be used: {source}", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, from 1.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The roots make no verifier.
    #[error("{}: expected certificates of CAs: {source}", path.display())]
    ClientCas {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: VerifierBuilderError,
    },
    /// What rustls has against all of it together, which is none of the above.
    #[error("TLS of {}: {source}", certificate.display())]
    Rustls {
        /// The file of the certificate.
        certificate: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}
