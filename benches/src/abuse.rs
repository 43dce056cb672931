//! Clients that mean no good, or are broken: each kind takes what a server gives away when it trusts its clients to be quick,
//! to listen, or to end what they began.
//!
//! They are many and cost little: one thread of tokio drives all of them. Each goes on until it is dropped; a connection that
//! the server ends is made anew.

use crate::wire::{Target, Tls};
use crate::workload::submission;
use clap::ValueEnum;
use provlog_core::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use rustls::ClientConnection;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long one waits before it comes again.
const PAUSE: Duration = Duration::from_millis(5);

/// How often those that dribble send a byte.
const DRIBBLE: Duration = Duration::from_secs(1);

/// What those that read slowly take: 66 KiB a second, a little more than the server asks for.
const SIP_EVERY: Duration = Duration::from_millis(100);
const SIP_BYTES: usize = 6_600;

/// How much junk is sent in place of a handshake.
const GARBAGE_BYTES: usize = 64 * 1024;

/// What the clients do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Abuse {
    /// Nothing: what the others are compared with.
    None,
    /// Ask for a search through all of the log, and reset the connection.
    Gone,
    /// Ask for as many records as there may be in an answer, and read nothing.
    Unread,
    /// The same, and read as fast as it comes.
    Mirrors,
    /// Send a batch but for its last byte.
    StuckBodies,
    /// Append batches, and read the receipts at 66 KiB/s.
    SlowAnswers,
    /// Send a head, a byte a second.
    SlowHeads,
    /// Send the body of a single append, a byte a second.
    SlowBodies,
    /// Connect, and say nothing.
    Idle,
    /// Send batches whose last line is no submission.
    Junk,
    /// Begin a handshake of TLS, and send no more than half of its first message.
    HalfHandshakes,
    /// Make handshakes of TLS one after the other, and ask for nothing.
    Handshakes,
    /// Ask for another handshake within TLS 1.2 again and again, as `openssl s_client` does.
    Renegotiations,
    /// Have the keys of TLS 1.3 changed again and again, and ask for nothing.
    KeyUpdates,
    /// Send what is no TLS.
    Garbage,
}

impl Abuse {
    /// Clients that are enough to hurt, as found with the first version that had no guard against them; of TLS, as many as the others.
    #[must_use]
    pub const fn clients(self) -> usize {
        match self {
            Self::None => 0,
            Self::StuckBodies | Self::SlowAnswers => 4,
            Self::Mirrors | Self::Junk | Self::Renegotiations | Self::KeyUpdates => 8,
            Self::Gone | Self::Unread | Self::SlowHeads | Self::SlowBodies => 200,
            Self::Handshakes | Self::Garbage => 64,
            Self::Idle | Self::HalfHandshakes => 1_800,
        }
    }

    /// Whether it is done to TLS alone.
    const fn is_of_tls(self) -> bool {
        matches!(
            self,
            Self::HalfHandshakes | Self::Handshakes | Self::Renegotiations | Self::KeyUpdates | Self::Garbage
        )
    }

    /// Whether it is done to the socket, in place of a handshake.
    const fn is_below_tls(self) -> bool {
        matches!(self, Self::Idle | Self::HalfHandshakes | Self::Garbage)
    }
}

/// What every client of one kind sends.
#[derive(Debug)]
pub struct Abuser {
    abuse: Abuse,
    target: Target,
    request: Vec<u8>,
    done: AtomicU64,
}

impl Abuser {
    /// Builds the request once for all.
    ///
    /// # Errors
    /// When it is an abuse of TLS, and the server speaks none.
    pub fn new(abuse: Abuse, target: &Target, seed: u64) -> io::Result<Arc<Self>> {
        let host = &target.host;
        if abuse.is_of_tls() && target.tls.is_none() {
            return Err(io::Error::other("expected an https:// URL and --tls-ca for an abuse of TLS"));
        }
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        let post = |path: &str, media_type: &str, length: usize, body: &str| {
            let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n");
            format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
        };
        let batch =
            |body: &str, length: usize| post("/v1/entries/batch", "application/x-ndjson", length, body);
        let line = submission(&"0".repeat(64), seed) + "\n";
        let lines = line.repeat((BATCH_BYTES_MAX / line.len()).min(BATCH_ENTRIES_MAX) - 1);
        let request = match abuse {
            Abuse::None | Abuse::Idle | Abuse::Handshakes | Abuse::Renegotiations | Abuse::KeyUpdates => {
                Vec::new()
            }
            Abuse::Garbage => vec![b'~'; GARBAGE_BYTES],
            Abuse::HalfHandshakes => match &target.tls {
                Some(tls) => half_hello(tls)?,
                None => Vec::new(),
            },
            // No log has entries of that environment, so it is looked for in all of it.
            Abuse::Gone => get("/v1/records?environment=nowhere&limit=1"),
            Abuse::Unread | Abuse::Mirrors => get("/v1/records?limit=100000"),
            Abuse::StuckBodies => batch(&lines, lines.len() + 1),
            Abuse::SlowAnswers => batch(&lines, lines.len()),
            Abuse::Junk => batch(&(lines.clone() + "{}"), lines.len() + 2),
            Abuse::SlowHeads => get(&format!("/v1/log?{}", "x".repeat(4096))),
            Abuse::SlowBodies => post("/v1/entries", "application/json", 40_000, &" ".repeat(40_000)),
        };
        Ok(Arc::new(Self { abuse, target: target.clone(), request, done: AtomicU64::new(0) }))
    }

    /// How often it was done: renegotiations that were asked for, changes of keys that were sent, of all else connections.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// One client, for as long as it is let.
    pub async fn run(self: Arc<Self>) {
        loop {
            // Whatever the server does about it is what is measured.
            let _ended = self.once().await;
            sleep(PAUSE).await;
        }
    }

    async fn once(&self) -> io::Result<()> {
        if self.abuse == Abuse::Renegotiations {
            return self.renegotiate().await;
        }
        let mut stream = self.connect().await?;
        if self.abuse != Abuse::KeyUpdates {
            self.count();
        }
        match self.abuse {
            Abuse::None | Abuse::Renegotiations | Abuse::Handshakes => {}
            Abuse::Gone => {
                stream.send(&self.request).await?;
                sleep(PAUSE).await;
                stream.socket().set_zero_linger()?;
            }
            Abuse::Unread => {
                stream.send(&self.request).await?;
                // A socket that nobody reads from tells nothing but that it broke.
                while stream.socket().ready(tokio::io::Interest::ERROR).await?.is_empty() {}
            }
            Abuse::Idle => drain(&mut stream).await?,
            Abuse::Mirrors | Abuse::HalfHandshakes | Abuse::Garbage => {
                stream.send(&self.request).await?;
                drain(&mut stream).await?;
            }
            Abuse::KeyUpdates => loop {
                stream.update_keys().await?;
                self.count();
            },
            Abuse::StuckBodies | Abuse::Junk => {
                stream.send(&self.request).await?;
                // One answer; then the next batch, on a connection of its own.
                let _bytes = stream.read(&mut [0; 4096]).await?;
            }
            Abuse::SlowAnswers => {
                stream.send(&self.request).await?;
                let mut sip = [0; SIP_BYTES];
                while stream.read(&mut sip).await? > 0 {
                    sleep(SIP_EVERY).await;
                }
            }
            Abuse::SlowHeads => dribble(&mut stream, &self.request).await?,
            Abuse::SlowBodies => {
                let body = self.request.len() - 40_000;
                stream.send(&self.request[..body]).await?;
                dribble(&mut stream, &self.request[body..]).await?;
            }
        }
        Ok(())
    }
}

impl Abuser {
    async fn connect(&self) -> io::Result<Pipe> {
        let socket = TcpStream::connect(self.target.address).await?;
        match &self.target.tls {
            Some(Tls { config, name }) if !self.abuse.is_below_tls() => {
                let connector = TlsConnector::from(Arc::clone(config));
                connector.connect(name.clone(), socket).await.map(|stream| Pipe::Tls(Box::new(stream)))
            }
            _ => Ok(Pipe::Clear(socket)),
        }
    }

    /// Each `R` on a line is a handshake that is asked for, of which the program tells. It ends where the server ends the connection.
    async fn renegotiate(&self) -> io::Result<()> {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-tls1_2", "-connect", &self.target.address.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut program = command.spawn()?;
        let mut input = program.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let told = program.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let ask = async {
            while input.write_all(b"R\n").await.is_ok() {
                sleep(PAUSE).await;
            }
        };
        let listen = async {
            let mut lines = BufReader::new(told).lines();
            while let Some(line) = lines.next_line().await? {
                if line.contains("RENEGOTIATING") {
                    self.count();
                }
            }
            io::Result::Ok(())
        };
        // Once it says no more it has ended.
        tokio::select! {
            () = ask => {}
            listened = listen => listened?,
        }
        program.kill().await
    }
}

/// The first half of what a client says first.
fn half_hello(tls: &Tls) -> io::Result<Vec<u8>> {
    let client = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone());
    let mut hello = Vec::new();
    client.map_err(io::Error::other)?.write_tls(&mut hello)?;
    hello.truncate(hello.len() / 2);
    Ok(hello)
}

/// A connection, in clear text or over TLS.
enum Pipe {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Pipe {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }

    /// Sends a change of keys that the server has to answer with one of its own, and takes what it answers.
    async fn update_keys(&mut self) -> io::Result<()> {
        let Self::Tls(stream) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        stream.get_mut().1.refresh_traffic_keys().map_err(io::Error::other)?;
        stream.flush().await?;
        let mut answer = [0; 512];
        tokio::select! {
            read = stream.read(&mut answer) => match read? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            },
            () = sleep(PAUSE) => Ok(()),
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Reads until the server says no more.
async fn drain(stream: &mut Pipe) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    while stream.read(&mut piece).await? > 0 {}
    Ok(())
}

/// Sends a byte at a time, until the server answers.
async fn dribble(stream: &mut Pipe, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        stream.send(&[*byte]).await?;
        let mut answer = [0; 512];
        tokio::select! {
            read = stream.read(&mut answer) => return read.map(drop),
            () = sleep(DRIBBLE) => {}
        }
    }
    Ok(())
}
