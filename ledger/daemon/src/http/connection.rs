//! One connection, from its beginning to its end: the handshake where it has TLS, its requests, and a close that lets the client
//! read the last answer. Nothing in it waits for a client without a bound.

use crate::http::bound::{Accepted, Arrival, Carrier, HandedOver};
use crate::http::codes::{BUSY_CONNECTIONS, REQUEST_TIMEOUT, TLS_MISSING};
use crate::http::handler::Handler;
use crate::http::limits::ServerLimits;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use crate::http::request_id::RequestId;
use crate::http::shown_chain::ShownChain;
use crate::http::stream::{Socket, Stream};
use crate::http::tls::failure::HandshakeFailure;
use crate::http::tls::handshakes::{Handshake, Handshakes};
use crate::http::tls::renewal::Tls;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use provlog_core::limits::BATCH_BYTES_MAX;
use rustls::pki_types::CertificateDer;
use socket2::SockRef;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes of a request's head: its line and all of its headers.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Bytes that a connection buffers of what it reads; a body arrives in pieces of at most this.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an answer that the system holds and hasn't sent: enough to keep the line busy.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// How long, and how much, a closing connection is read from, so that the client gets to read the last answer: most write
/// their whole request first, and one that is refused as too large is seldom twice the largest.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 2 * BATCH_BYTES_MAX;

/// The first byte of everything that TLS begins with: a record of the handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// What all connections are held to.
#[derive(Clone)]
pub(crate) struct Connection {
    http: http1::Builder,
    write_timeout: Duration,
    handshake_timeout: Duration,
    handshakes: Arc<Handshakes>,
    /// That its sender is gone tells the connections to come to an end.
    ending: watch::Receiver<()>,
}

/// Why there is no TLS on a connection.
enum Unshaken {
    Failed {
        failure: HandshakeFailure,
        /// What rustls or the system says.
        error: Option<io::Error>,
        /// The connection, where it is still of use.
        stream: Option<Stream<TcpStream>>,
    },
    /// The daemon goes down, and the client has asked for nothing yet.
    Ending,
}

impl Connection {
    pub(crate) fn new(limits: &ServerLimits, ending: watch::Receiver<()>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(HEADER_BYTES_MAX)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            // A client may close its side once it has sent its request, and still gets its answer.
            .half_close(true);
        Self {
            http,
            write_timeout: limits.write_timeout,
            handshake_timeout: limits.handshake_timeout,
            handshakes: Handshakes::new(limits.handshakes_max),
            ending,
        }
    }

    /// Serves a connection on the runtime that this runs on.
    pub(crate) async fn run<H: Handler>(self, arrived: HandedOver, handler: H) {
        let Arrival { carrier, remote } = match arrived.take() {
            Ok(arrived) => arrived,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be served");
                return;
            }
        };
        match carrier {
            Carrier::Tcp(tcp) => {
                prepare(&tcp);
                self.clear(tcp, handler.connected(remote)).await;
            }
            Carrier::Unix(unix) => self.clear(unix, handler.connected(remote)).await,
            Carrier::Tls(tcp, tls) => {
                prepare(&tcp);
                self.secured(tcp, &tls, remote, handler).await;
            }
        }
    }

    /// Serves a connection without TLS.
    async fn clear<H: Handler>(self, socket: impl Socket, handler: H) {
        let stream = Stream::new(socket, self.write_timeout);
        match self.exchange(stream, handler).await {
            Ok(stream) => linger(stream).await,
            Err(stream) => stream.socket().reset(),
        }
    }

    /// Serves a connection with TLS.
    async fn secured<H: Handler>(mut self, tcp: TcpStream, tls: &Tls, mut remote: Remote, handler: H) {
        match self.shake(tcp, tls).await {
            Ok(stream) => {
                remote.server_name = stream.get_ref().1.server_name().map(Into::into);
                let certificates = stream.get_ref().1.peer_certificates();
                if tls.asks_for_svids() {
                    let shown =
                        |chain: &[CertificateDer<'_>]| ShownChain::new(chain.iter().map(AsRef::as_ref));
                    remote.shown = certificates.map(|chain| shown(chain).into());
                } else {
                    // Else nobody is asked for one but by a listener with a client CA, and then nobody gets here without.
                    remote.certified = certificates.is_some();
                }
                let mut stream = match self.exchange(stream, handler.connected(remote)).await {
                    Ok(stream) => stream,
                    Err(stream) => return stream.get_ref().0.socket().reset(),
                };
                // With its close_notify the client knows that nothing was cut off (RFC 8446, section 6.1). What it still sends
                // needn't be understood.
                if stream.shutdown().await.is_ok() {
                    linger(stream.into_inner().0).await;
                }
            }
            Err(Unshaken::Failed { failure, error, stream }) => {
                handler.handshake_failed(failure);
                let (reason, client, error) =
                    (failure.reason(), remote.address, error.as_ref().map(tracing::field::display));
                if self.handshakes.is_news(failure, Instant::now()) {
                    tracing::info!(
                        reason,
                        ?client,
                        error,
                        "a TLS handshake failed; more are counted, and told at debug"
                    );
                } else {
                    tracing::debug!(reason, ?client, error, "a TLS handshake failed");
                }
                let Some(mut stream) = stream else { return };
                if failure == HandshakeFailure::ClearText {
                    let detail =
                        "this address speaks TLS, and the request came without; expected https:// in its URL";
                    let problem = Problem::new(&TLS_MISSING, detail);
                    handler.refused(problem.code());
                    answer(&mut stream, problem).await;
                }
                linger(stream).await;
            }
            Err(Unshaken::Ending) => {}
        }
    }

    async fn shake(&mut self, tcp: TcpStream, tls: &Tls) -> Result<TlsStream<Stream<TcpStream>>, Unshaken> {
        let under_way = self.handshakes.begin();
        let stream = Stream::new(tcp, self.write_timeout);
        let without_word = |failure| Unshaken::Failed { failure, error: None, stream: None };
        tokio::select! {
            shaken = timeout(self.handshake_timeout, handshake(stream, tls, &under_way)) => {
                shaken.unwrap_or_else(|_| Err(without_word(HandshakeFailure::Timeout)))
            }
            () = under_way.pushed_out() => Err(without_word(HandshakeFailure::TooMany)),
            _ = self.ending.changed() => Err(Unshaken::Ending),
        }
    }

    /// Answers requests until one of both has enough, and hands the stream back to be closed.
    ///
    /// # Errors
    /// The stream, to be reset: its last answer was broken off, which a client of HTTP/1.0 couldn't tell from a whole one.
    async fn exchange<IO, H>(mut self, stream: IO, handler: H) -> Result<IO, IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
        H: Handler,
    {
        let mut connection = self.http.serve_connection(TokioIo::new(stream), handler.clone());
        let served = {
            let mut ending = pin!(self.ending.changed());
            let mut ended = false;
            poll_fn(|context| {
                if !ended && ending.as_mut().poll(context).is_ready() {
                    ended = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                connection.poll_without_shutdown(context)
            })
            .await
        };
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        match served {
            // The timeout of a head that had begun. Without a byte of one the connection was idle: no answer is due.
            Err(error) if error.is_timeout() && !parts.read_buf.is_empty() => {
                let problem =
                    Problem::new(&REQUEST_TIMEOUT, "the head of the request did not arrive in time");
                handler.refused(problem.code());
                answer(&mut stream, problem).await;
            }
            Err(error) => {
                tracing::debug!(%error, "connection ended");
                if is_broken_off(&error) {
                    return Err(stream);
                }
            }
            Ok(()) => {}
        }
        Ok(stream)
    }

    /// Tells a client that there are too many connections. One that wants TLS is closed without a handshake, which would cost
    /// what there is too much of already; its client takes that for a connection to be tried again.
    pub(crate) async fn refuse(self, arrived: Accepted) {
        match arrived.carrier {
            Carrier::Tcp(tcp) => self.tell_busy(tcp).await,
            Carrier::Unix(unix) => self.tell_busy(unix).await,
            Carrier::Tls(..) => {}
        }
    }

    async fn tell_busy(self, socket: impl Socket) {
        let mut stream = Stream::new(socket, self.write_timeout);
        let detail = "as many connections as the daemon takes are open already";
        answer(&mut stream, Problem::new(&BUSY_CONNECTIONS, detail)).await;
        linger(stream).await;
    }
}

/// Whether an answer ended before it was whole: what makes it failed, or its client took too little of it.
fn is_broken_off(error: &hyper::Error) -> bool {
    let io = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    error.is_user() || io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
}

/// Without the one a small answer may wait for an acknowledgement, without the other megabytes are made for a client that reads
/// nothing. A failure costs only that.
fn prepare(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}

/// The files of TLS are looked at once the client has said something: whoever connects and says nothing costs no more than that.
async fn handshake(
    stream: Stream<TcpStream>,
    tls: &Tls,
    under_way: &Handshake,
) -> Result<TlsStream<Stream<TcpStream>>, Unshaken> {
    let mut first = [TLS_HANDSHAKE];
    let peeked = stream.socket().peek(&mut first).await;
    if peeked.is_ok() && first != [TLS_HANDSHAKE] {
        let failure = HandshakeFailure::ClearText;
        return Err(Unshaken::Failed { failure, error: None, stream: Some(stream) });
    }
    if matches!(peeked, Ok(1..)) {
        under_way.speaks();
    }
    let shaken = TlsAcceptor::from(tls.current()).accept(stream).into_fallible().await;
    shaken.map_err(|(error, stream)| Unshaken::Failed {
        failure: HandshakeFailure::of(&error),
        error: Some(error),
        stream: Some(stream),
    })
}

/// Answers in place of hyper, on a connection that is about to be closed. A client that is gone misses nothing.
async fn answer(stream: &mut (impl AsyncWrite + Unpin), problem: Problem) {
    let _ = stream.write_all(&problem.closing().to_http1(RequestId::draw())).await;
}

/// Closes in a way that the client gets to read the last answer: to close a socket with unread bytes resets it, and
/// then the client's system may throw away what it has received.
async fn linger<S: Socket>(mut stream: Stream<S>) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let discard = async {
        let mut discarded = vec![0; 8 * 1024];
        let mut bytes = 0;
        while let Ok(more @ 1..) = stream.read(&mut discarded).await {
            bytes += more;
            if bytes > LINGER_BYTES_MAX {
                break;
            }
        }
    };
    // Elapsed or not, the stream is dropped here.
    let _ = timeout(LINGER, discard).await;
}
