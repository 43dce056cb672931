//! HTTP over a Unix socket, with the timeouts that hold over TCP.

use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Connects to one socket, whatever is asked for.
#[derive(Debug)]
pub(super) struct UnixConnector(pub(super) PathBuf);

/// A connection to it.
#[derive(Debug)]
pub(super) struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

/// Looks no name up: a socket has none. ureq demands one address of a resolver, and nothing connects to it.
#[derive(Debug)]
pub(super) struct NoNames;

impl Resolver for NoNames {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut none = self.empty();
        none.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(none)
    }
}

impl Connector for UnixConnector {
    type Out = UnixTransport;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Whoever listens and accepts nobody keeps a connect waiting, for as long as a write may.
        within(
            details.timeout,
            |left| socket.set_write_timeout(left),
            || socket.connect(&SockAddr::unix(&self.0)?),
        )?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(UnixTransport { stream: socket.into(), buffers }))
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        let mut stream = &self.stream;
        within(timeout.for_write(), |left| self.stream.set_write_timeout(left), || stream.write_all(output))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let input = self.buffers.input_append_buf();
        let mut stream = &self.stream;
        let amount =
            within(timeout.for_read(), |left| self.stream.set_read_timeout(left), || stream.read(input))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// Between two requests nothing may come, and nothing may end.
    fn is_open(&mut self) -> bool {
        let mut stream = &self.stream;
        let idle = stream.set_nonblocking(true).and_then(|()| stream.read(&mut [0]));
        matches!(idle, Err(error) if error.kind() == ErrorKind::WouldBlock)
            && stream.set_nonblocking(false).is_ok()
    }
}

/// Does what may wait, for no longer than is left. A program that was stopped and goes on (Ctrl-Z, `fg`) finds it interrupted, and
/// waits for the rest.
fn within<T>(
    timeout: NextTimeout,
    bound: impl Fn(Option<Duration>) -> io::Result<()>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        let left = timeout.after.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(timeout.reason));
        }
        bound((!timeout.after.is_not_happening()).then_some(left))?;
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(Error::Timeout(timeout.reason));
            }
            done => return Ok(done?),
        }
    }
}
