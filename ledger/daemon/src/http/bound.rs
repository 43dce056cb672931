//! Listeners that have their places: whoever connects waits there to be accepted.

use crate::http::listener::{Address, BindError, Listener};
use crate::http::remote::Remote;
use crate::http::tls::renewal::Tls;
use crate::http::unix::{self, SocketFile, SocketFileError};
use std::io;
use std::net::{self, SocketAddr};
use std::os::unix::net as unix_net;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A listener in its place.
#[derive(Debug)]
pub struct Bound {
    address: Address,
    place: BoundTo,
}

/// TLS is spoken over TCP alone.
#[derive(Debug)]
enum BoundTo {
    Tcp { listener: TcpListener, tls: Option<Arc<Tls>> },
    Unix { listener: UnixListener, _file: SocketFile },
}

/// How a connection is carried: its streams belong to the runtime that polls them, or to none.
#[derive(Debug)]
pub(crate) enum Carrier<T, U> {
    Tcp(T),
    Tls(T, Arc<Tls>),
    Unix(U),
}

/// A connection that nobody serves yet.
#[derive(Debug)]
pub(crate) struct Arrival<T, U> {
    pub(crate) carrier: Carrier<T, U>,
    pub(crate) remote: Remote,
}

/// One that this thread's runtime polls.
pub(crate) type Accepted = Arrival<TcpStream, UnixStream>;

/// One on its way to another thread.
pub(crate) type HandedOver = Arrival<net::TcpStream, unix_net::UnixStream>;

impl Bound {
    /// Takes the place of a listener, and reads the files of its TLS. Wants to be called within a runtime, which accepts from it.
    ///
    /// # Errors
    /// [`BindError`] says why there is nothing to listen with, or nowhere.
    pub fn new(listener: &Listener) -> Result<Self, BindError> {
        let cannot = |error| BindError::Address { address: listener.address.clone(), error };
        match &listener.address {
            Address::Tcp(address) => {
                let tls = listener.tls.clone().map(Tls::open).transpose()?.map(Arc::new);
                let listener = bind(*address).map_err(cannot)?;
                // Port 0 has become one.
                let address = Address::Tcp(listener.local_addr().map_err(cannot)?);
                Ok(Self { address, place: BoundTo::Tcp { listener, tls } })
            }
            Address::Unix(path) if listener.tls.is_some() => Err(BindError::TlsOverUnix(path.clone())),
            Address::Unix(path) => {
                let (listener, file) = bind_unix(path, cannot)?;
                Ok(Self {
                    address: Address::Unix(path.clone()),
                    place: BoundTo::Unix { listener, _file: file },
                })
            }
        }
    }

    /// Where clients reach it: a URL, or `unix:` and a path.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.place {
            BoundTo::Tcp { tls: None, .. } => format!("http://{}", self.address),
            BoundTo::Tcp { tls: Some(_), .. } => format!("https://{}", self.address),
            BoundTo::Unix { .. } => self.address.to_string(),
        }
    }

    /// What it speaks TLS with, if it does.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        match &self.place {
            BoundTo::Tcp { tls, .. } => tls.as_ref(),
            BoundTo::Unix { .. } => None,
        }
    }

    /// The next connection.
    pub(crate) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let local = self.address.is_local();
        match &self.place {
            BoundTo::Tcp { listener, tls } => listener.poll_accept(context).map_ok(|(tcp, address)| {
                // An IPv6 listener that takes IPv4 too has it in a form of its own.
                let address = Some(address.ip().to_canonical());
                let carrier = match tls {
                    None => Carrier::Tcp(tcp),
                    Some(tls) => Carrier::Tls(tcp, Arc::clone(tls)),
                };
                Arrival { carrier, remote: Remote { address, local, ..Remote::default() } }
            }),
            BoundTo::Unix { listener, .. } => listener.poll_accept(context).map_ok(|(unix, _)| {
                // Where the kernel doesn't tell, nobody is taken for anybody.
                let uid = unix.peer_cred().ok().map(|peer| peer.uid());
                Arrival { carrier: Carrier::Unix(unix), remote: Remote { uid, local, ..Remote::default() } }
            }),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn bind_unix(
    path: &Path,
    cannot: impl Fn(io::Error) -> BindError,
) -> Result<(UnixListener, SocketFile), BindError> {
    let (listener, file) = unix::listen(path).map_err(|error| match error {
        SocketFileError::Other => BindError::NoSocket(path.into()),
        SocketFileError::Io(error) => cannot(error),
    })?;
    Ok((UnixListener::from_std(listener).map_err(cannot)?, file))
}

impl Accepted {
    /// Takes it off this thread's runtime.
    ///
    /// # Errors
    /// What the system answers; the connection is gone then.
    pub(crate) fn hand_over(self) -> io::Result<HandedOver> {
        let carrier = match self.carrier {
            Carrier::Tcp(tcp) => Carrier::Tcp(tcp.into_std()?),
            Carrier::Tls(tcp, tls) => Carrier::Tls(tcp.into_std()?, tls),
            Carrier::Unix(unix) => Carrier::Unix(unix.into_std()?),
        };
        Ok(Arrival { carrier, remote: self.remote })
    }
}

impl HandedOver {
    /// Puts it on this thread's runtime, which has to hear of what the socket does.
    ///
    /// # Errors
    /// As [`Accepted::hand_over`].
    pub(crate) fn take(self) -> io::Result<Accepted> {
        let carrier = match self.carrier {
            Carrier::Tcp(tcp) => Carrier::Tcp(TcpStream::from_std(tcp)?),
            Carrier::Tls(tcp, tls) => Carrier::Tls(TcpStream::from_std(tcp)?, tls),
            Carrier::Unix(unix) => Carrier::Unix(UnixStream::from_std(unix)?),
        };
        Ok(Arrival { carrier, remote: self.remote })
    }
}
