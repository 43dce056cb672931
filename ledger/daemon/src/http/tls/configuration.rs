//! One configuration of TLS: what files say at one time, judged as a whole before anybody is served with it.

use crate::http::listener::TlsFiles;
use crate::http::tls::error::TlsError;
use crate::http::tls::pem;
use crate::http::tls::svids::AnyCertificate;
use provlog_core::time::rfc3339;
use provlog_evidence::svid::ServerCertificate;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// What is spoken under TLS (RFC 7301). A client that offers other protocols alone is refused.
const ALPN: &[u8] = b"http/1.1";

/// What handshakes are made with.
pub(super) struct Configuration {
    pub(super) server: Arc<ServerConfig>,
    pub(super) certificate: ServerCertificate,
}

impl Configuration {
    /// Reads the files, and makes of them what can be served with at this time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`TlsError`] names the file that stands in the way.
    pub(super) fn read(files: &TlsFiles, now_ms: u64) -> Result<Self, TlsError> {
        let chain = pem::certificates(&files.certificate)?;
        let key = pem::private_key(&files.key)?;
        let first = chain.first().map(AsRef::as_ref).unwrap_or_default();
        let path = || files.certificate.clone();
        let certificate = ServerCertificate::parse(first)
            .map_err(|source| TlsError::Certificate { path: path(), source })?;
        let window = certificate.window;
        if now_ms > window.to_ms {
            return Err(TlsError::Expired { path: path(), not_after_ms: window.to_ms });
        }
        if now_ms < window.from_ms {
            tracing::warn!(
                file = %files.certificate.display(),
                not_before = rfc3339(window.from_ms),
                "the certificate does not hold yet: clients will not take it"
            );
        }
        if let Some(reason) = unwanted(&certificate) {
            tracing::warn!(file = %files.certificate.display(), "the certificate {reason}: clients such as provlog will not take it");
        }
        // Never the process's default, which another part of it could set.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let other = |source| TlsError::Rustls { certificate: path(), source };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(other)?;
        let builder = match &files.client_ca {
            Some(path) => builder.with_client_cert_verifier(verifier(path, &provider)?),
            None if files.client_svids => {
                builder.with_client_cert_verifier(Arc::new(AnyCertificate::new(&provider)))
            }
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_single_cert(chain, key).map_err(|source| refusal(files, source))?;
        server.alpn_protocols = vec![ALPN.into()];
        // What a client sends before the handshake's end can be sent again by others (RFC 8446, section 8).
        server.max_early_data_size = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        if files.client_ca.is_none() && !files.client_svids {
            // The keys of tickets are this configuration's own: what was resumable under another one isn't under this.
            server.ticketer = aws_lc_rs::Ticketer::new().map_err(other)?;
        } else {
            // Whoever resumes shows no certificate again, and may by then have one that has ended.
            server.send_tls13_tickets = 0;
        }
        Ok(Self { server: server.into(), certificate })
    }
}

/// Why clients don't take a certificate that is well formed, and holds.
pub(super) fn unwanted(certificate: &ServerCertificate) -> Option<&'static str> {
    if certificate.is_ca {
        return Some("is a CA's own (openssl req -x509 takes -addext basicConstraints=critical,CA:FALSE)");
    }
    certificate.names.is_empty().then_some("has no name of a server (subjectAltName)")
}

/// Demands a certificate below one of these roots.
fn verifier(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for (place, certificate) in pem::cas(path)?.into_iter().enumerate() {
        let number = place.saturating_add(1);
        roots.add(certificate).map_err(|source| TlsError::ClientCa { path: path.into(), number, source })?;
    }
    WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
        .build()
        .map_err(|source| TlsError::ClientCas { path: path.into(), source })
}

/// Which of the two files rustls means.
fn refusal(files: &TlsFiles, source: rustls::Error) -> TlsError {
    match source {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::OtherKey { key: files.key.clone(), certificate: files.certificate.clone() }
        }
        // What doesn't load a key has no other word for it, and its text is of the key.
        rustls::Error::General(_) => TlsError::KeyType { path: files.key.clone() },
        source => TlsError::Rustls { certificate: files.certificate.clone(), source },
    }
}
