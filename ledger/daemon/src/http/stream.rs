//! A stream whose writes fail once an answer has waited too long for its client, and that notices when a client is gone
//! while its answer is made. hyper bounds how long a request may take to arrive; nothing in it does either. It stands on a socket,
//! and TLS stands on it, so that both hold for what goes over the line.

use crate::http::patience::Patience;
use socket2::SockRef;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep};

/// What a stream stands on. Each kind has a stream of its own, so that none costs another anything.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Whether it is readable, or has come to an end.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What has befallen it, if anything has.
    ///
    /// # Errors
    /// That the system doesn't tell.
    fn error(&self) -> io::Result<Option<io::Error>>;

    /// Makes its close tell the client that what it has isn't whole.
    fn reset(&self);
}

impl Socket for TcpStream {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(context)
    }

    fn error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }

    fn reset(&self) {
        // A failure leaves what is true of a Unix socket too: an answer with a length or in chunks still shows that it broke off.
        let _ = self.set_zero_linger();
    }
}

/// There are no resets here: a client that is gone has closed both ways. A client that has closed its own side alone can still be
/// sent to, and sending nothing tells the two apart.
impl Socket for UnixStream {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(context)
    }

    fn error(&self) -> io::Result<Option<io::Error>> {
        if let Some(error) = self.take_error()? {
            return Ok(Some(error));
        }
        let sent = SockRef::from(self).send(&[]);
        Ok(sent.err().filter(|error| error.kind() != io::ErrorKind::WouldBlock))
    }

    fn reset(&self) {}
}

#[derive(Debug)]
pub(crate) struct Stream<S> {
    socket: S,
    patience: Patience,
    /// Runs while a write waits, and is gone as soon as one gets on.
    stalled: Option<Stall>,
}

#[derive(Debug)]
struct Stall {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl<S: Socket> Stream<S> {
    pub(crate) fn new(socket: S, write_timeout: Duration) -> Self {
        Self { socket, patience: Patience::new(write_timeout), stalled: None }
    }

    /// What it stands on.
    pub(crate) const fn socket(&self) -> &S {
        &self.socket
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

impl<S: Socket> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        // What is read belongs to a request: with half-closed connections allowed, hyper reads nothing while it answers.
        if buffer.filled().len() > before {
            self.patience.renew();
        }
        read
    }
}

impl<S: Socket> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper flushes whenever it waits for an answer, and reads nothing then, since a client that has closed its own side still
    /// gets its answer. So this is where a connection that was reset is seen: it becomes readable, and has an error to tell.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.socket.poll_readable(context)?.is_ready()
            && let Some(gone) = self.socket.error()?
        {
            return Poll::Ready(Err(gone));
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    async fn write_until_given_up<S: Socket>(socket: S) -> io::ErrorKind {
        let mut stream = Stream::new(socket, Duration::from_millis(1));
        let chunk = vec![0; 1 << 20];
        loop {
            if let Err(error) = stream.write_all(&chunk).await {
                break error.kind();
            }
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        assert_eq!(write_until_given_up(tcp).await, io::ErrorKind::TimedOut);
        drop(client);
        let (_client, unix) = UnixStream::pair().unwrap();
        assert_eq!(write_until_given_up(unix).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_over_a_unix_socket_that_is_gone_is_told_from_one_that_has_said_all() {
        let (mut client, unix) = UnixStream::pair().unwrap();
        let mut stream = Stream::new(unix, Duration::from_secs(600));
        client.write_all(b"all").await.unwrap();
        client.shutdown().await.unwrap();
        stream.socket().readable().await.unwrap();
        stream.flush().await.unwrap();
        drop(client);
        assert_eq!(stream.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
