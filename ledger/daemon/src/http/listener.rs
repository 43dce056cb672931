//! Where the daemon listens, and with which certificate.

use crate::http::tls::error::TlsError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Before the path of a Unix socket.
const UNIX: &str = "unix:";

/// One listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// What it speaks TLS with; without, whoever is on the way reads and changes what is said.
    pub tls: Option<TlsFiles>,
}

impl Listener {
    /// Whether whoever connects there has to have a certificate.
    #[must_use]
    pub fn demands_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }
}

/// Where a listener is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// An address and port of this machine; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, an absolute path.
    Unix(PathBuf),
}

/// The files that a listener's TLS is made of, in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate, and those between it and its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Roots of the certificates that clients must have; where there is none, they need none.
    pub client_ca: Option<PathBuf>,
    /// Whether clients are asked for an X.509-SVID, which they needn't have: not beside a client CA.
    pub client_svids: bool,
}

impl Address {
    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(UNIX) {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(AddressError(text.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| AddressError(text.into())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Not where a listener can be.
#[derive(PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an IP address with a port, or unix: and an absolute path, got {0:?}")]
pub struct AddressError(String);

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, or not this machine's.
    #[error(
        "cannot listen on {address}: {error}; stop what listens there, or choose another address with --listen"
    )]
    Address {
        /// As the settings say.
        address: Address,
        /// The system's reason.
        error: io::Error,
    },
    /// Something else lies where the socket is to be, and stays there.
    #[error("cannot listen on {UNIX}{path}: expected a Unix socket there or nothing, got something else; move it away, or choose another path", path = .0.display())]
    NoSocket(PathBuf),
    /// Nobody is between the two ends of a Unix socket.
    #[error("{UNIX}{}: expected no TLS for a Unix socket, which nobody is on the way of; leave its certificate and key out", .0.display())]
    TlsOverUnix(PathBuf),
    /// The files of its TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_told() {
        for text in ["127.0.0.1:4180", "[::1]:0", "0.0.0.0:443", "unix:/run/provlog/provlog.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in
            ["", "localhost:4180", "127.0.0.1", "unix:", "unix:run/socket", "/run/socket", "tcp:127.0.0.1:1"]
        {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(&format!("got {text:?}")), "{error}");
        }
        let local = |text: &str| text.parse::<Address>().unwrap().is_local();
        assert!(local("127.0.0.2:1") && local("[::1]:1") && local("unix:/s") && !local("0.0.0.0:1"));
    }
}
