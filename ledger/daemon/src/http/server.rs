//! The accept loop of all listeners: connections, held to one set of limits, and a drain with a deadline.
//!
//! axum's own `serve` installs no timer, which leaves hyper's header timeout without effect; so this loop stands on hyper
//! itself. It knows nothing of what is served, and never waits for a client without a bound.

use crate::http::bound::{Accepted, Bound};
use crate::http::codes::BUSY_CONNECTIONS;
use crate::http::connection::Connection;
use crate::http::handler::Handler;
use crate::http::limits::ServerLimits;
use crate::workers::Seats;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Connections beyond the limit that are told so at one time; any more are closed without a word.
const REFUSALS_MAX: usize = 64;

/// How long the loop waits when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections from all `listeners` for `workers` to serve until `stop` is done, and then lets requests in flight end.
///
/// Returns whether they all ended before the drain timeout. Connections that did not are cut when the workers end.
pub async fn serve<H: Handler>(
    listeners: Vec<Bound>,
    handler: H,
    limits: &ServerLimits,
    workers: &Seats,
    stop: impl Future<Output = ()>,
) -> bool {
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    // Nothing is ever sent: that the sender is gone tells the connections to come to an end.
    let (running, ending) = watch::channel(());
    let connection = Connection::new(limits, ending);
    let mut stop = pin!(stop);
    let mut turn = 0;
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = poll_fn(|context| poll_accept(&listeners, &mut turn, context)) => accepted,
        };
        let arrived = match accepted {
            Ok(arrived) => arrived,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let (connection, handler) = (connection.clone(), handler.clone());
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            let Ok(arrived) = arrived.hand_over() else { continue };
            workers.spawn_connection(async move {
                connection.run(arrived, handler).await;
                drop(permit);
            });
        } else if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
            handler.refused(&BUSY_CONNECTIONS);
            tokio::spawn(async move {
                connection.refuse(arrived).await;
                drop(permit);
            });
        }
    }
    drop((listeners, running, connection));
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    timeout(limits.drain_timeout, room.acquire_many(all)).await.is_ok()
}

/// The next connection of any listener. `turn` is who is asked first: each in turn, so that a crowd before one keeps nobody out at
/// another.
fn poll_accept(
    listeners: &[Bound],
    turn: &mut usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<Accepted>> {
    let (before, from) = listeners.split_at((*turn).min(listeners.len()));
    for (place, listener) in from.iter().chain(before).enumerate() {
        if let Poll::Ready(accepted) = listener.poll_accept(context) {
            *turn = (*turn + place + 1) % listeners.len();
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

/// A connection that was reset before it was taken says nothing about the next one; anything else is likely to last.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "no connection could be accepted");
        sleep(ACCEPT_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::Code;
    use crate::http::listener::{Address, Listener, TlsFiles};
    use crate::http::remote::Remote;
    use crate::http::tls::failure::HandshakeFailure;
    use crate::workers::Workers;
    use axum::body::Body;
    use axum::http::{Request, Response, StatusCode};
    use futures_util::stream;
    use hyper::body::Incoming;
    use hyper::service::Service;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use std::convert::Infallible;
    use std::fs;
    use std::future::pending;
    use std::net::{IpAddr, SocketAddr};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::pin::Pin;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UnixStream};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    const AGES: Duration = Duration::from_secs(600);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// Answers a request for each permit that the test adds, and keeps what was refused.
    #[derive(Clone)]
    struct Gate {
        remotes: Arc<Mutex<Vec<Remote>>>,
        arrived: Arc<Semaphore>,
        open: Arc<Semaphore>,
        refused: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Service<Request<Incoming>> for Gate {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn call(&self, request: Request<Incoming>) -> Self::Future {
            self.arrived.add_permits(1);
            let open = Arc::clone(&self.open);
            Box::pin(async move {
                open.acquire().await.unwrap().forget();
                let body = if request.uri().path() == "/broken" {
                    Body::from_stream(stream::iter([Ok("do"), Err(io::Error::other("broken off"))]))
                } else {
                    Body::from("done")
                };
                Ok(Response::builder().status(StatusCode::OK).body(body).unwrap())
            })
        }
    }

    impl Handler for Gate {
        fn connected(&self, remote: Remote) -> Self {
            self.remotes.lock().unwrap().push(remote);
            self.clone()
        }

        fn refused(&self, code: &'static Code) {
            self.refused.lock().unwrap().push(code.code);
        }

        fn handshake_failed(&self, failure: HandshakeFailure) {
            self.refused.lock().unwrap().push(failure.reason());
        }
    }

    struct Fixture {
        address: SocketAddr,
        urls: Vec<String>,
        gate: Gate,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<bool>,
        _workers: Workers,
    }

    async fn start(connections_max: usize, header_timeout: Duration, drain_timeout: Duration) -> Fixture {
        start_at(&[], connections_max, header_timeout, drain_timeout).await
    }

    /// Listens on loopback, and at these places too.
    async fn start_at(
        others: &[Listener],
        connections_max: usize,
        header_timeout: Duration,
        drain_timeout: Duration,
    ) -> Fixture {
        let limits = ServerLimits {
            connections_max,
            header_timeout,
            handshake_timeout: AGES,
            handshakes_max: 1,
            write_timeout: AGES,
            drain_timeout,
        };
        let here = Listener { address: Address::Tcp(([127, 0, 0, 1], 0).into()), tls: None };
        let listeners: Vec<Bound> =
            [&here].into_iter().chain(others).map(|at| Bound::new(at).unwrap()).collect();
        let urls: Vec<String> = listeners.iter().map(Bound::url).collect();
        let address = urls[0].strip_prefix("http://").unwrap().parse().unwrap();
        let none = || Arc::new(Semaphore::new(0));
        let gate = Gate { remotes: Arc::default(), arrived: none(), open: none(), refused: Arc::default() };
        let (stop, stopped) = oneshot::channel();
        let handler = gate.clone();
        let workers = Workers::start(2, pending).unwrap();
        let seats = workers.seats();
        let serving = tokio::spawn(async move {
            serve(listeners, handler, &limits, &seats, async { stopped.await.unwrap() }).await
        });
        Fixture { address, urls, gate, stop, serving, _workers: workers }
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

    /// A listener of each other kind, and what a client speaks TLS with.
    fn others(folder: &Path) -> ([Listener; 2], TlsConnector) {
        let made = rcgen::generate_simple_self_signed(vec!["log.example".to_owned()]).unwrap();
        let files = ["certificate", "key"].map(|name| folder.join(name));
        fs::write(&files[0], made.cert.pem()).unwrap();
        fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600)).unwrap();
        let [certificate, key] = files;
        let tls = Some(TlsFiles { certificate, key, client_ca: None, client_svids: false });
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let client = client.with_safe_default_protocol_versions().unwrap();
        let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
        let listeners = [
            Listener { address: Address::Unix(folder.join("socket")), tls: None },
            Listener { address: Address::Tcp(([127, 0, 0, 1], 0).into()), tls },
        ];
        (listeners, client.into())
    }

    async fn connect_by_tls(fixture: &Fixture, client: &TlsConnector) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(fixture.urls[2].strip_prefix("https://").unwrap()).await.unwrap();
        client.connect(ServerName::try_from("log.example").unwrap(), tcp).await.unwrap()
    }

    /// Three kinds of listeners, one limit: and the handler is told who is at the other end of each connection.
    #[tokio::test]
    async fn all_listeners_share_their_limits_and_tell_who_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (others, client) = others(folder.path());
        let fixture = start_at(&others, 3, AGES, AGES).await;
        fixture.gate.open.add_permits(8);
        let mut plain = TcpStream::connect(fixture.address).await.unwrap();
        plain.write_all(REQUEST).await.unwrap();
        assert_eq!(plain.read_u8().await.unwrap(), b'H');
        let socket = folder.path().join("socket");
        let mut unix = UnixStream::connect(&socket).await.unwrap();
        unix.write_all(REQUEST).await.unwrap();
        assert_eq!(unix.read_u8().await.unwrap(), b'H');
        let mut secured = connect_by_tls(&fixture, &client).await;
        secured.write_all(REQUEST).await.unwrap();
        assert_eq!(secured.read_u8().await.unwrap(), b'H');

        let mut fourth = UnixStream::connect(&socket).await.unwrap();
        let mut answer = String::new();
        fourth.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("busy.connections"), "{answer}");
        let here = Some(IpAddr::from([127, 0, 0, 1]));
        let uid = Some(rustix::process::geteuid().as_raw());
        let expected = [
            Remote {
                address: here,
                uid: None,
                local: true,
                server_name: None,
                certified: false,
                shown: None,
            },
            Remote { address: None, uid, local: true, server_name: None, certified: false, shown: None },
            Remote {
                address: here,
                uid: None,
                local: true,
                server_name: Some("log.example".into()),
                certified: false,
                shown: None,
            },
        ];
        assert_eq!(*fixture.gate.remotes.lock().unwrap(), expected);
        drop((plain, unix, secured));
        fixture.stop.send(()).unwrap();
        assert!(fixture.serving.await.unwrap(), "drained");
        assert!(!socket.exists());
    }

    /// Over HTTP/1.0 the end of the connection is the end of the answer.
    #[tokio::test]
    async fn an_answer_that_broke_off_never_ends_as_a_whole_one() {
        const BROKEN: &[u8] = b"GET /broken HTTP/1.0\r\nHost: localhost\r\n\r\n";
        let folder = tempfile::tempdir().unwrap();
        let (others, client) = others(folder.path());
        let fixture = start_at(&others, 2, AGES, AGES).await;
        fixture.gate.open.add_permits(2);
        let mut answer = Vec::new();
        let mut plain = TcpStream::connect(fixture.address).await.unwrap();
        plain.write_all(BROKEN).await.unwrap();
        assert!(plain.read_to_end(&mut answer).await.is_err(), "{answer:?}");
        let mut secured = connect_by_tls(&fixture, &client).await;
        secured.write_all(BROKEN).await.unwrap();
        assert!(secured.read_to_end(&mut answer).await.is_err(), "{answer:?}");
    }

    #[tokio::test]
    async fn a_client_that_is_gone_before_its_answer_takes_no_place() {
        for url in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let (others, client) = others(folder.path());
            let fixture = start_at(&others, 1, AGES, AGES).await;
            let arrived = async || fixture.gate.arrived.acquire().await.unwrap().forget();
            match url {
                0 => {
                    let mut gone = TcpStream::connect(fixture.address).await.unwrap();
                    gone.write_all(REQUEST).await.unwrap();
                    arrived().await;
                    gone.set_zero_linger().unwrap();
                }
                1 => {
                    let mut gone = UnixStream::connect(folder.path().join("socket")).await.unwrap();
                    gone.write_all(REQUEST).await.unwrap();
                    arrived().await;
                }
                _ => {
                    let mut gone = connect_by_tls(&fixture, &client).await;
                    gone.write_all(REQUEST).await.unwrap();
                    arrived().await;
                    gone.get_ref().0.set_zero_linger().unwrap();
                }
            }
            let given_up = Instant::now() + Duration::from_secs(30);
            let mut next = loop {
                assert!(Instant::now() < given_up, "its place was never given back: {}", fixture.urls[url]);
                let mut next = TcpStream::connect(fixture.address).await.unwrap();
                next.write_all(REQUEST).await.unwrap();
                tokio::select! {
                    () = arrived() => break next,
                    refusal = read_all(&mut next) => assert!(refusal.starts_with("HTTP/1.1 503 "), "{refusal}"),
                }
            };
            fixture.gate.open.add_permits(1);
            let mut status = [0; 13];
            next.read_exact(&mut status).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 200 ");
        }
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
        // Read to its end: the connection is closed behind it, whether or not the answer had begun before it could say so.
        assert!(answer.ends_with("done"), "{answer}");
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
