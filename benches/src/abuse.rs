//! Clients that mean no good, or are broken: each kind takes what a server gives away when it trusts its clients to be quick,
//! to listen, or to end what they began.
//!
//! They are many and cost little: one thread of tokio drives all of them. Each goes on until it is dropped; a connection that
//! the server ends is made anew.

use crate::workload::submission;
use clap::ValueEnum;
use provlog_core::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long one waits before it comes again.
const PAUSE: Duration = Duration::from_millis(5);

/// How often those that dribble send a byte.
const DRIBBLE: Duration = Duration::from_secs(1);

/// What those that read slowly take: 66 KiB a second, a little more than the server asks for.
const SIP_EVERY: Duration = Duration::from_millis(100);
const SIP_BYTES: usize = 6_600;

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
}

impl Abuse {
    /// Clients that are enough to hurt, as found with the first version that had no guard against them.
    #[must_use]
    pub const fn clients(self) -> usize {
        match self {
            Self::None => 0,
            Self::StuckBodies | Self::SlowAnswers => 4,
            Self::Mirrors | Self::Junk => 8,
            Self::Gone | Self::Unread | Self::SlowHeads | Self::SlowBodies => 200,
            Self::Idle => 1_800,
        }
    }
}

/// What every client of one kind sends.
#[derive(Debug)]
pub struct Abuser {
    abuse: Abuse,
    address: SocketAddr,
    request: Vec<u8>,
}

impl Abuser {
    /// Builds the request once for all.
    #[must_use]
    pub fn new(abuse: Abuse, address: SocketAddr, host: &str, seed: u64) -> Arc<Self> {
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
            Abuse::None | Abuse::Idle => Vec::new(),
            // No log has entries of that environment, so it is looked for in all of it.
            Abuse::Gone => get("/v1/records?environment=nowhere&limit=1"),
            Abuse::Unread | Abuse::Mirrors => get("/v1/records?limit=100000"),
            Abuse::StuckBodies => batch(&lines, lines.len() + 1),
            Abuse::SlowAnswers => batch(&lines, lines.len()),
            Abuse::Junk => batch(&(lines.clone() + "{}"), lines.len() + 2),
            Abuse::SlowHeads => get(&format!("/v1/log?{}", "x".repeat(4096))),
            Abuse::SlowBodies => post("/v1/entries", "application/json", 40_000, &" ".repeat(40_000)),
        };
        Arc::new(Self { abuse, address, request })
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
        let mut stream = TcpStream::connect(self.address).await?;
        match self.abuse {
            Abuse::None => {}
            Abuse::Gone => {
                stream.write_all(&self.request).await?;
                sleep(PAUSE).await;
                stream.set_zero_linger()?;
            }
            Abuse::Unread => {
                stream.write_all(&self.request).await?;
                // A socket that nobody reads from tells nothing but that it broke.
                while stream.ready(tokio::io::Interest::ERROR).await?.is_empty() {}
            }
            Abuse::Idle => drain(&mut stream).await?,
            Abuse::Mirrors => {
                stream.write_all(&self.request).await?;
                drain(&mut stream).await?;
            }
            Abuse::StuckBodies | Abuse::Junk => {
                stream.write_all(&self.request).await?;
                // One answer; then the next batch, on a connection of its own.
                let _bytes = stream.read(&mut [0; 4096]).await?;
            }
            Abuse::SlowAnswers => {
                stream.write_all(&self.request).await?;
                let mut sip = [0; SIP_BYTES];
                while stream.read(&mut sip).await? > 0 {
                    sleep(SIP_EVERY).await;
                }
            }
            Abuse::SlowHeads => dribble(&mut stream, &self.request).await?,
            Abuse::SlowBodies => {
                let body = self.request.len() - 40_000;
                stream.write_all(&self.request[..body]).await?;
                dribble(&mut stream, &self.request[body..]).await?;
            }
        }
        Ok(())
    }
}

/// Reads until the server says no more.
async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    while stream.read(&mut piece).await? > 0 {}
    Ok(())
}

/// Sends a byte at a time, until the server answers.
async fn dribble(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        let mut answer = [0; 512];
        tokio::select! {
            read = stream.read(&mut answer) => return read.map(drop),
            () = sleep(DRIBBLE) => {}
        }
    }
    Ok(())
}
