//! Where requests go: a server by its URL, and connections to it, in clear text or over TLS.

use rustix::fd::{AsFd, BorrowedFd};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nobody listens, or not any more; or the handshake failed.
    #[error("can't connect to {address}: {source}")]
    Connect {
        /// The server.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A URL that this doesn't speak to.
    #[error(
        "{0:?}: expected http://<host>:<port> of a host with an address, or with the file of a CA https://"
    )]
    Url(String),
    /// A file of a CA that is none.
    #[error("{}: {problem}", file.display())]
    Authority {
        /// Where it lies.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A server that is loaded.
#[derive(Clone, Debug)]
pub struct Target {
    /// What requests have as `Host`.
    pub host: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it speaks TLS.
    pub tls: Option<Tls>,
}

/// How TLS is spoken to it: each connection makes a handshake of its own, and resumes none.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whose certificates count, and no others.
    pub config: Arc<ClientConfig>,
    /// What its certificate has to be for.
    pub name: ServerName<'static>,
}

impl Target {
    /// The server of this URL: `http://`, or `https://` with the file of the CA that its certificate is by.
    ///
    /// # Errors
    /// [`WireError::Url`] and [`WireError::Authority`].
    pub fn of(url: &str, tls_ca: Option<&Path>) -> Result<Self, WireError> {
        let refused = || WireError::Url(url.into());
        let scheme = if tls_ca.is_some() { "https://" } else { "http://" };
        let host = url.strip_prefix(scheme).ok_or_else(refused)?.trim_end_matches('/');
        let address = host.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(refused)?;
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match tls_ca {
            None => None,
            Some(file) => Some(Tls {
                config: Arc::new(
                    config(file).map_err(|problem| WireError::Authority { file: file.into(), problem })?,
                ),
                name: ServerName::try_from(name).map_err(|_| refused())?,
            }),
        };
        Ok(Self { host: host.into(), address, tls })
    }

    /// A connection that is ready for requests: the handshake is over. It blocks until [`Wire::set_nonblocking`].
    ///
    /// # Errors
    /// [`WireError::Connect`], when nobody listens or the handshake fails.
    pub fn connect(&self) -> Result<Wire, WireError> {
        let address = self.address;
        let wire = TcpStream::connect(address).and_then(|stream| {
            stream.set_nodelay(true)?;
            let mut wire = Wire { stream, tls: None };
            if let Some(Tls { config, name }) = &self.tls {
                let tls = ClientConnection::new(Arc::clone(config), name.clone());
                let mut tls = Box::new(tls.map_err(io::Error::other)?);
                while tls.is_handshaking() {
                    tls.complete_io(&mut wire.stream)?;
                }
                wire.tls = Some(tls);
            }
            Ok(wire)
        });
        wire.map_err(|source| WireError::Connect { address, source })
    }
}

fn config(file: &Path) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("expected a certificate in PEM".into());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A connection. Over TLS, `write` may take bytes that `flush` has still to send, and there may be more to read though the
/// socket has nothing: whoever doesn't block flushes what was written, and reads until that would block.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Wire {
    /// As of a socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let Some(tls) = &mut self.tls else { return self.stream.write(bytes) };
        let count = tls.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            tls.write_tls(&mut self.stream)?;
        }
        Ok(())
    }
}
