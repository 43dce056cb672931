//! A TCP stream whose writes fail once an answer has waited too long for its client, and that notices when a client is gone
//! while its answer is made. hyper bounds how long a request may take to arrive; nothing in it does either.

use crate::http::patience::Patience;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

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
        let left = self.patience.left();
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

    /// hyper flushes whenever it waits for an answer, and reads nothing then, since a client that has closed its own side still
    /// gets its answer. So this is where a connection that was reset is seen: it becomes readable, and has an error to tell.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.tcp.poll_read_ready(context)?.is_ready()
            && let Some(gone) = self.tcp.take_error()?
        {
            return Poll::Ready(Err(gone));
        }
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
