//! A TCP stream whose writes fail once an answer has waited too long for its client. hyper bounds how long a request may
//! take to arrive, and nothing bounds how long an answer may take to leave.
//!
//! An answer may wait for the write timeout in all, and a second more for every 64 KiB that the client has taken. A client
//! that takes a byte now and then runs out of it as surely as one that takes nothing; one that is faster never does.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// The least that a client has to take, in bytes a second: half a megabit, which most lines exceed.
const RATE_BYTES_PER_S: u64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    patience: Patience,
    /// Runs while a write waits, and is gone as soon as one gets on.
    stalled: Option<Stall>,
}

#[derive(Debug)]
struct Stall {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

/// How long an answer may still wait for its client.
#[derive(Debug)]
struct Patience {
    most: Duration,
    left: Duration,
}

impl Patience {
    fn new(most: Duration) -> Self {
        Self { most, left: most }
    }

    fn renew(&mut self) {
        self.left = self.most;
    }

    fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    /// What is earned is kept only up to the most: else a client could earn hours quickly, and then hold an answer open.
    fn earn(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE_BYTES_PER_S);
        self.left = self.left.saturating_add(earned).min(self.most);
    }
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, write_timeout: Duration) -> Self {
        Self { tcp, patience: Patience::new(write_timeout), stalled: None }
    }

    fn watch(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if let Some(stall) = self.stalled.take() {
                self.patience.spend(stall.since.elapsed());
            }
            self.patience.earn(*result.as_ref().unwrap_or(&0));
            return Poll::Ready(result);
        }
        let left = self.patience.left;
        let stall = || Stall { since: Instant::now(), end: Box::pin(sleep(left)) };
        ready!(self.stalled.get_or_insert_with(stall).end.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes too little of the answer")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, buffer);
        // What is read belongs to a request: with half-closed connections allowed, hyper reads nothing while it answers.
        if buffer.filled().len() > before {
            self.patience.renew();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[test]
    fn patience_is_earned_by_taking() {
        let s = Duration::from_secs;
        let mut patience = Patience::new(s(30));
        patience.earn(1 << 40);
        assert_eq!(patience.left, s(30), "nothing is saved up");
        patience.spend(s(29));
        patience.earn(2 * 64 * 1024);
        assert_eq!(patience.left, s(3));
        for _ in 0..100 {
            patience.spend(s(1));
            patience.earn(64 * 1024);
        }
        assert_eq!(patience.left, s(3), "this client is just fast enough");
        for _ in 0..4 {
            patience.spend(s(1));
            patience.earn(1024);
        }
        assert_eq!(patience.left, Duration::from_micros(15_625), "this one isn't, though it never stops");
        patience.renew();
        assert_eq!(patience.left, s(30), "the next answer starts anew");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = Stream::new(tcp, Duration::from_millis(1));
        let chunk = vec![0; 1 << 20];
        let error = loop {
            if let Err(error) = stream.write_all(&chunk).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
