//! By what a test's server is reached: a port of loopback, in clear or with TLS, or a Unix socket.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

/// Where to listen, and what to speak.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    Tcp,
    Tls(Arc<ServerConfig>),
    Unix(PathBuf),
}

/// One that listens.
pub(crate) enum Listener {
    Tcp(TcpListener, Option<Arc<ServerConfig>>),
    Unix(UnixListener, PathBuf),
}

/// A client's connection.
pub(crate) enum Connection {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Door {
    pub(crate) fn open(&self) -> Listener {
        let tcp = |config| Listener::Tcp(TcpListener::bind("127.0.0.1:0").unwrap(), config);
        match self {
            Self::Tcp => tcp(None),
            Self::Tls(config) => tcp(Some(Arc::clone(config))),
            Self::Unix(path) => Listener::Unix(UnixListener::bind(path).unwrap(), path.clone()),
        }
    }
}

impl Listener {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Tcp(listener, config) => {
                let scheme = if config.is_some() { "https" } else { "http" };
                format!("{scheme}://{}", listener.local_addr().unwrap())
            }
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    pub(crate) fn accept(&self) -> Connection {
        match self {
            Self::Tcp(listener, None) => Connection::Tcp(listener.accept().unwrap().0),
            Self::Tcp(listener, Some(config)) => {
                let session = ServerConnection::new(Arc::clone(config)).unwrap();
                Connection::Tls(Box::new(StreamOwned::new(session, listener.accept().unwrap().0)))
            }
            Self::Unix(listener, _) => Connection::Unix(listener.accept().unwrap().0),
        }
    }
}

impl Connection {
    /// TLS's own word that nothing more comes. Without TLS the end of the connection has to do.
    pub(crate) fn say_end(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()
            }
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
