//! The accept loop: HTTP/1.1 connections, held to their limits, and a drain with a deadline.
//!
//! axum's own `serve` installs no timer, which leaves hyper's header timeout without effect; so this loop stands on hyper
//! itself. It knows nothing of what is served, and never waits for a client without a bound.

use crate::http::codes::{BUSY_CONNECTIONS, Code, REQUEST_TIMEOUT};
use crate::http::limits::ServerLimits;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use crate::http::request_id::RequestId;
use crate::http::stream::Stream;
use crate::workers::Seats;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use provlog_core::limits::BATCH_BYTES_MAX;
use socket2::SockRef;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Bytes of a request's head: its line and all of its headers.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Bytes that a connection buffers of what it reads; a body arrives in pieces of at most this.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an answer that the system holds and hasn't sent: enough to keep the line busy.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// Connections beyond the limit that are told so at one time; any more are closed without a word.
const REFUSALS_MAX: usize = 64;

/// How long, and how much, a closing connection is read from, so that the client gets to read the last answer: most write
/// their whole request first, and one that is refused as too large is seldom twice the largest.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 2 * BATCH_BYTES_MAX;

/// How long the loop waits when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What answers requests, one clone a connection.
pub trait Handler:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send + Unpin>
    + Clone
    + Send
    + Unpin
    + 'static
{
    /// The same, for a connection with this other end.
    fn connected(&self, remote: Remote) -> Self;

    /// Told of every request that was refused before it got here.
    fn refused(&self, code: &'static Code);
}

/// Accepts connections for `workers` to serve until `stop` is done, and then lets requests in flight end.
///
/// Returns whether they all ended before the drain timeout. Connections that did not are cut when the workers end.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handler: H,
    limits: &ServerLimits,
    workers: &Seats,
    stop: impl Future<Output = ()>,
) -> bool {
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    // Nothing is ever sent: that the sender is gone tells the connections to come to an end.
    let (running, ending) = watch::channel(());
    let connection = Connection { http: http(limits), write_timeout: limits.write_timeout, ending };
    let local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let remote = Remote { address: Some(address.ip()), local, ..Remote::default() };
        let (connection, handler) = (connection.clone(), handler.connected(remote));
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            // It is the worker's runtime that has to hear of what the socket does.
            let Ok(tcp) = tcp.into_std() else { continue };
            workers.spawn_connection(async move {
                match TcpStream::from_std(tcp) {
                    Ok(tcp) => connection.run(tcp, handler).await,
                    Err(error) => tracing::warn!(%error, "a connection could not be served"),
                }
                drop(permit);
            });
        } else if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
            tokio::spawn(async move {
                connection.refuse(tcp, handler).await;
                drop(permit);
            });
        }
    }
    drop((listener, running, connection));
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    timeout(limits.drain_timeout, room.acquire_many(all)).await.is_ok()
}

fn http(limits: &ServerLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(HEADER_BYTES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        // A client may close its side once it has sent its request, and still gets its answer.
        .half_close(true);
    http
}

/// A connection that was reset before it was taken says nothing about the next one; anything else is likely to last.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "no connection could be accepted");
        sleep(ACCEPT_PAUSE).await;
    }
}

#[derive(Clone)]
struct Connection {
    http: http1::Builder,
    write_timeout: Duration,
    ending: watch::Receiver<()>,
}

impl Connection {
    async fn run<H: Handler>(mut self, tcp: TcpStream, handler: H) {
        // Without the one a small answer may wait for an acknowledgement, without the other megabytes are made for a client that
        // reads nothing. A failure costs only that.
        let _ = tcp.set_nodelay(true);
        let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
        let stream = TokioIo::new(Stream::new(tcp, self.write_timeout));
        let mut connection = self.http.serve_connection(stream, handler.clone());
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
            Err(error) => tracing::debug!(%error, "connection ended"),
            Ok(()) => {}
        }
        linger(stream).await;
    }

    async fn refuse<H: Handler>(self, tcp: TcpStream, handler: H) {
        let problem =
            Problem::new(&BUSY_CONNECTIONS, "as many connections as the daemon takes are open already");
        handler.refused(problem.code());
        let mut stream = Stream::new(tcp, self.write_timeout);
        answer(&mut stream, problem).await;
        linger(stream).await;
    }
}

/// Answers in place of hyper, on a connection that is about to be closed. A client that is gone misses nothing.
async fn answer(stream: &mut Stream, problem: Problem) {
    let _ = stream.write_all(&problem.closing().to_http1(RequestId::draw())).await;
}

/// Closes in a way that the client gets to read the last answer: to close a socket with unread bytes resets it, and
/// then the client's system may throw away what it has received.
async fn linger(mut stream: Stream) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::Workers;
    use axum::http::StatusCode;
    use std::future::pending;
    use std::net::SocketAddr;
    use std::sync::Mutex;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    const AGES: Duration = Duration::from_secs(600);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// Answers a request for each permit that the test adds, and keeps what was refused.
    #[derive(Clone)]
    struct Gate {
        arrived: Arc<Semaphore>,
        open: Arc<Semaphore>,
        refused: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Service<Request<Incoming>> for Gate {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn call(&self, _: Request<Incoming>) -> Self::Future {
            self.arrived.add_permits(1);
            let open = Arc::clone(&self.open);
            Box::pin(async move {
                open.acquire().await.unwrap().forget();
                Ok(Response::builder().status(StatusCode::OK).body(Body::from("done")).unwrap())
            })
        }
    }

    impl Handler for Gate {
        fn connected(&self, _: Remote) -> Self {
            self.clone()
        }

        fn refused(&self, code: &'static Code) {
            self.refused.lock().unwrap().push(code.code);
        }
    }

    struct Fixture {
        address: SocketAddr,
        gate: Gate,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<bool>,
        _workers: Workers,
    }

    async fn start(connections_max: usize, header_timeout: Duration, drain_timeout: Duration) -> Fixture {
        let limits = ServerLimits { connections_max, header_timeout, write_timeout: AGES, drain_timeout };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let none = || Arc::new(Semaphore::new(0));
        let gate = Gate { arrived: none(), open: none(), refused: Arc::default() };
        let (stop, stopped) = oneshot::channel();
        let handler = gate.clone();
        let workers = Workers::start(2, pending).unwrap();
        let seats = workers.seats();
        let serving = tokio::spawn(async move {
            serve(listener, handler, &limits, &seats, async { stopped.await.unwrap() }).await
        });
        Fixture { address, gate, stop, serving, _workers: workers }
    }

    async fn read_all(client: &mut TcpStream) -> String {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_too_many_is_told_so() {
        let fixture = start(1, AGES, AGES).await;
        fixture.gate.open.add_permits(1);
        let mut first = TcpStream::connect(fixture.address).await.unwrap();
        first.write_all(REQUEST).await.unwrap();
        assert_eq!(first.read_u8().await.unwrap(), b'H', "it is served, and so counted");
        let mut second = TcpStream::connect(fixture.address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        let answer = read_all(&mut second).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert_eq!(*fixture.gate.refused.lock().unwrap(), ["busy.connections"]);
    }

    #[tokio::test]
    async fn a_client_that_is_gone_before_its_answer_takes_no_place() {
        let fixture = start(1, AGES, AGES).await;
        let mut gone = TcpStream::connect(fixture.address).await.unwrap();
        gone.write_all(REQUEST).await.unwrap();
        fixture.gate.arrived.acquire().await.unwrap().forget();
        gone.set_zero_linger().unwrap();
        drop(gone);
        let given_up = Instant::now() + Duration::from_secs(30);
        let mut next = loop {
            assert!(Instant::now() < given_up, "its place was never given back");
            let mut next = TcpStream::connect(fixture.address).await.unwrap();
            next.write_all(REQUEST).await.unwrap();
            tokio::select! {
                arrived = fixture.gate.arrived.acquire() => {
                    arrived.unwrap().forget();
                    break next;
                }
                refusal = read_all(&mut next) => assert!(refusal.starts_with("HTTP/1.1 503 "), "{refusal}"),
            }
        };
        fixture.gate.open.add_permits(1);
        let mut status = [0; 13];
        next.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 ");
    }

    #[tokio::test]
    async fn a_head_that_never_ends_is_answered_and_an_idle_connection_closed() {
        let fixture = start(2, Duration::from_millis(1), AGES).await;
        let mut slow = TcpStream::connect(fixture.address).await.unwrap();
        slow.write_all(&REQUEST[..20]).await.unwrap();
        let answer = read_all(&mut slow).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert_eq!(read_all(&mut TcpStream::connect(fixture.address).await.unwrap()).await, "");
        assert_eq!(*fixture.gate.refused.lock().unwrap(), ["request.timeout"]);
    }

    #[tokio::test]
    async fn what_is_in_flight_is_answered_before_the_end() {
        let fixture = start(8, AGES, AGES).await;
        let mut idle = TcpStream::connect(fixture.address).await.unwrap();
        let mut client = TcpStream::connect(fixture.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        fixture.gate.arrived.acquire().await.unwrap().forget();
        fixture.stop.send(()).unwrap();
        assert_eq!(read_all(&mut idle).await, "");
        fixture.gate.open.add_permits(1);
        let answer = read_all(&mut client).await;
        assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
        drop((idle, client));
        assert!(fixture.serving.await.unwrap(), "drained");
        assert!(TcpStream::connect(fixture.address).await.is_err());
    }

    /// Two lengths of one request are how requests are smuggled past a proxy. hyper goes by the encoding, drops the length
    /// before anybody here could see it, and ends the connection (RFC 9112, section 6.1).
    #[tokio::test]
    async fn nothing_is_served_behind_a_request_of_two_lengths() {
        let fixture = start(2, AGES, AGES).await;
        fixture.gate.open.add_permits(8);
        let lengths = ["Content-Length: 5", "Transfer-Encoding: chunked"];
        for lengths in [lengths.join("\r\n"), [lengths[1], lengths[0]].join("\r\n")] {
            let mut client = TcpStream::connect(fixture.address).await.unwrap();
            let first = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n0\r\n\r\n");
            client.write_all(&[first.as_bytes(), REQUEST].concat()).await.unwrap();
            let answer = read_all(&mut client).await;
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            assert!(answer.contains("connection: close"), "{answer}");
        }
    }

    #[tokio::test]
    async fn the_drain_has_an_end() {
        let fixture = start(8, AGES, Duration::from_millis(1)).await;
        let mut client = TcpStream::connect(fixture.address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        fixture.gate.arrived.acquire().await.unwrap().forget();
        fixture.stop.send(()).unwrap();
        assert!(!fixture.serving.await.unwrap(), "a request was never answered");
    }
}
