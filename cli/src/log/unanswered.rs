//! Why there was no answer, in words, and whether asking again would find the same.

use super::url::{LogUrl, Way};
use super::whole::Cut;
use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::time::rfc3339;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError, OtherError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use ureq::{Error, Proxy, ProxyProtocol};

/// By what way a log is asked: what a failure is told by.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) url: LogUrl,
    /// The file whose certificates alone are believed.
    pub(super) ca: Option<PathBuf>,
    /// The name of the certificate that is shown to whoever asks for one.
    pub(super) identity: Option<String>,
    pub(super) proxy: Option<Proxy>,
}

impl Asked {
    /// The failure of a request, or of an answer that broke off.
    ///
    /// A certificate that isn't believed, TLS where there is none, and a socket that this user may not open are the same on the next
    /// attempt: to go on for the whole timeout would only keep the reason from the user. Whatever a restart of the log mends passes.
    pub(super) fn unanswered(&self, error: &Error) -> Failure {
        let lasting = match (&self.url.way, error) {
            (Way::Unix(path), Error::Io(error)) => of_socket(error, path),
            (Way::Clear(_), Error::Protocol(error)) => Some(format!(
                "{} doesn't answer in HTTP ({error}); if it speaks TLS, its URL begins with https://",
                self.url
            )),
            (_, Error::Protocol(error)) => {
                Some(format!("{} doesn't answer in HTTP ({error}); is this the URL of a log?", self.url))
            }
            (_, Error::ConnectProxyFailed(reason)) => self.of_proxy(reason),
            (_, error) => tls_error(error).and_then(|error| self.of_tls(error)),
        };
        let (why, lasts) = match lasting {
            Some(why) => (why, true),
            None => (self.of_passing(error), false),
        };
        Failure::Unreachable { why: printable(&why), lasts }
    }

    fn of_passing(&self, error: &Error) -> String {
        let through =
            self.proxy_name().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        let why = match error {
            Error::Io(error)
                if error.kind() == ErrorKind::UnexpectedEof && matches!(self.url.way, Way::Tls(_)) =>
            {
                "the connection ended in the TLS handshake; if it speaks no TLS, its URL begins with http://"
                    .into()
            }
            Error::Io(error) if matches!(self.url.way, Way::Unix(_)) => match error.kind() {
                ErrorKind::NotFound => {
                    "there is no such socket; is the daemon running, with this path in --listen?".into()
                }
                ErrorKind::ConnectionRefused => {
                    "nobody listens on this socket; is the daemon running?".into()
                }
                _ => error.to_string(),
            },
            // Without ureq's word before it.
            Error::Other(error) if error.is::<Cut>() => error.to_string(),
            error => error.to_string(),
        };
        format!("no answer from {}{through}: {why}", self.url)
    }

    /// A proxy that says no to a client says it again; one that is busy, or doesn't reach the log, may not.
    fn of_proxy(&self, reason: &str) -> Option<String> {
        let status = reason.strip_prefix("proxy server responded ")?.split('/').next()?;
        let name =
            self.proxy_name().filter(|_| status.starts_with('4') && !matches!(status, "408" | "429"))?;
        let why = match status {
            "407" => "; it wants a user and password, which stand in the proxy's URL",
            _ => "",
        };
        Some(format!("the proxy {name} answered {status} to CONNECT, so that {} wasn't asked{why}", self.url))
    }

    /// Its URL may hold a password, and isn't shown.
    fn proxy_name(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// Who the failure of a handshake may be of.
    fn tls_end(&self) -> String {
        let is_tls = |proxy: &Proxy| proxy.protocol() == ProxyProtocol::Https;
        match (self.proxy_name(), &self.url.way) {
            (Some(name), Way::Tls(_)) if self.proxy.as_ref().is_some_and(is_tls) => {
                format!("{}, or its proxy {name},", self.url)
            }
            (Some(name), Way::Clear(_)) => format!("the proxy {name}"),
            _ => self.url.to_string(),
        }
    }

    /// None of what another attempt may find otherwise.
    fn of_tls(&self, error: &TlsError) -> Option<String> {
        let url = self.tls_end();
        Some(match error {
            TlsError::InvalidCertificate(error) => {
                format!("{url} can't be told from somebody else: {}", self.of_certificate(error))
            }
            TlsError::InvalidMessage(_) => {
                format!(
                    "{url} answers, but not in TLS ({error}); if it speaks none, its URL begins with http://"
                )
            }
            TlsError::PeerIncompatible(problem) => {
                format!(
                    "{url} has no TLS in common with this program, which speaks TLS 1.2 and 1.3: {problem:?}"
                )
            }
            TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
                format!(
                    "{url} asked for a client's certificate, and was shown none: give one, with its key, with --client-cert FILE and \
                     --client-key FILE; the log's operator says which CA it has to be of"
                )
            }
            TlsError::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::AccessDenied
                | AlertDescription::DecryptError),
            ) if let Some(identity) = &self.identity => format!(
                "{url} refuses the client's certificate in {identity}, by the alert {alert:?}; ask the log's operator which CA it has to be of, \
                 and whether it has expired"
            ),
            TlsError::AlertReceived(
                alert @ (AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::UnrecognisedName),
            ) => format!("{url} refuses TLS with this program, by the alert {alert:?}"),
            _ => return None,
        })
    }

    fn of_certificate(&self, error: &CertificateError) -> String {
        let date = |time: &UnixTime| rfc3339(time.as_secs().saturating_mul(1000));
        match error {
            CertificateError::UnknownIssuer => match self.ca.as_deref().map(Path::display) {
                Some(ca) => format!("its certificate doesn't lead to one in {ca}, the file that --ca, PROVLOG_CA or `ca` names"),
                None => "its certificate is of an issuer that this system doesn't know; if the log has a CA of its own, give that \
                         CA's certificate with --ca FILE, from whoever operates the log"
                    .into(),
            },
            CertificateError::NotValidForNameContext { expected, presented } => format!(
                "its certificate is for another name: expected {}, got {}; ask the log under a name that the certificate has",
                expected.to_str(),
                names(presented)
            ),
            CertificateError::ExpiredContext { time, not_after } => format!(
                "its certificate has expired: expected one that holds at {}, got one that ended at {}; the log's operator has to renew it, \
                 unless this machine's clock is wrong",
                date(time),
                date(not_after)
            ),
            CertificateError::NotValidYetContext { time, not_before } => format!(
                "its certificate doesn't hold yet: expected one that holds at {}, got one that begins at {}; is this machine's clock right?",
                date(time),
                date(not_before)
            ),
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                let among = self.ca.as_deref().map_or_else(
                    || "those that this system knows".into(),
                    |ca| format!("those of {}", ca.display()),
                );
                format!(
                    "its certificate isn't signed by the key of the issuer that it names, which is among {among}; if the log's certificate was \
                     renewed, get the new one, or its CA's, from whoever operates the log, and give it with --ca FILE"
                )
            }
            CertificateError::Other(other) if is_of_ca(other) => {
                "its certificate is a CA's own: expected one for a server, without CA:TRUE among its basic constraints; the log's operator \
                 has to make another one (openssl req -x509 takes -addext basicConstraints=critical,CA:FALSE)"
                    .into()
            }
            error => format!("its certificate doesn't hold: {error}"),
        }
    }
}

fn is_of_ca(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The names in a certificate, which rustls gives as `DnsName("log.example.com")` and `IpAddress(192.0.2.1)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_string()
    };
    let names: Vec<String> = presented.iter().map(bare).collect();
    if names.is_empty() { "no name".into() } else { names.join(", ") }
}

/// What rustls found wrong, which comes as the inner error of one of I/O.
fn tls_error(error: &Error) -> Option<&TlsError> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn of_socket(error: &io::Error, path: &Path) -> Option<String> {
    let path = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => Some(format!(
            "unix:{path}: this user may not connect to the socket: expected write permission on it, and search permission on its \
             folders; ask whoever operates the log"
        )),
        _ => None,
    }
}
