//! Reading request bodies: within a limit, within a time, and with a permit for every byte that is held.
//!
//! A connection has one request at a time, so the limit of a body is also the most that a connection can hold.

use crate::http::permits::{Permits, Share};
use crate::http::problem::{BODY_INCOMPLETE, BODY_TOO_LARGE, BUSY_BODIES, Problem, REQUEST_TIMEOUT};
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::error::Error;
use std::iter;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What bodies are held to.
#[derive(Debug)]
pub(crate) struct Bodies {
    permits: Arc<Permits>,
    timeout: Duration,
}

/// A body, and the permits for its bytes. They are held as long as anything made of the body is.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) share: Share,
}

impl Bodies {
    pub(crate) fn new(bytes_max: usize, timeout: Duration) -> Self {
        Self { permits: Permits::new(bytes_max), timeout }
    }

    /// Bytes that may still be held.
    pub(crate) fn bytes_free(&self) -> usize {
        self.permits.bytes_free()
    }

    /// Reads the whole of `body`, at most `limit` bytes.
    ///
    /// # Errors
    /// 413 over the limit, 408 when it takes too long, 503 without permits, 400 when it ends early. But for the last,
    /// the connection is closed behind the answer: nobody is going to read the rest.
    pub(crate) async fn read(&self, body: Body, limit: usize) -> Result<Received, Problem> {
        let announced = body.size_hint().lower();
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(too_large(limit, announced));
        }
        let late = |_| {
            let detail = format!("the body did not arrive within {} ms", self.timeout.as_millis());
            Problem::new(&REQUEST_TIMEOUT, detail).closing()
        };
        timeout(self.timeout, self.collect(body, limit)).await.map_err(late)?
    }

    async fn collect(&self, mut body: Body, limit: usize) -> Result<Received, Problem> {
        let mut share = self.permits.share();
        let mut first = Bytes::new();
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(incomplete)?;
            // Trailers say nothing that anybody here asks for.
            let Ok(piece) = frame.into_data() else { continue };
            let got = first.len() + whole.len() + piece.len();
            if got > limit {
                return Err(too_large(limit, got));
            }
            if !share.grow(piece.len()) {
                let detail = "the daemon holds as many bytes of request bodies as it may";
                return Err(Problem::new(&BUSY_BODIES, detail).closing());
            }
            // Most bodies are one piece, and need no copy.
            if first.is_empty() && whole.is_empty() {
                first = piece;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            // Grows as bytes arrive: room for what was only announced would have no permits.
            whole.extend_from_slice(&piece);
        }
        let bytes = if whole.is_empty() { first } else { whole.into() };
        Ok(Received { bytes, share })
    }
}

fn incomplete(error: axum::Error) -> Problem {
    // The first cause alone says what was wrong with the bytes; the rest is the way that it took.
    let causes = iter::successors(error.source(), |error| (*error).source());
    let cause = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    Problem::new(&BODY_INCOMPLETE, format!("body: {cause}")).closing()
}

fn too_large(limit: usize, got: impl ToString) -> Problem {
    let detail = format!("expected a body of at most {limit} bytes");
    Problem::new(&BODY_TOO_LARGE, detail).limit(limit, got).closing()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;

    /// Yields pieces, and then ends or hangs.
    fn body(pieces: &[&'static [u8]], hangs: bool) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece))).collect();
        let end = if hangs { stream::pending().left_stream() } else { stream::empty().right_stream() };
        Body::from_stream(stream::iter(pieces).chain(end))
    }

    #[tokio::test]
    async fn pieces_become_one_body_and_hold_permits_until_dropped() {
        let bodies = Bodies::new(10, Duration::from_secs(60));
        for pieces in [&[][..], &[&b"abc"[..]], &[&b"ab"[..], b"", b"c", b"def"]] {
            let received = bodies.read(body(pieces, false), 6).await.unwrap();
            assert_eq!(received.bytes, pieces.concat());
            assert_eq!(bodies.bytes_free(), 10 - received.bytes.len());
            drop(received);
            assert_eq!(bodies.bytes_free(), 10);
        }
    }

    #[tokio::test]
    async fn refusals() {
        let bodies = Bodies::new(4, Duration::from_millis(1));
        let announced = bodies.read(Body::from("1234567"), 6).await.unwrap_err();
        assert_eq!(announced.code(), &BODY_TOO_LARGE);
        let streamed = bodies.read(body(&[b"12", b"34567"], false), 6).await.unwrap_err();
        assert_eq!(streamed.code(), &BODY_TOO_LARGE);
        assert!(streamed.to_json().contains("\"got\":\"7\",\"limit\":6"), "{}", streamed.to_json());
        let busy = bodies.read(body(&[b"123", b"45"], false), 6).await.unwrap_err();
        assert_eq!(busy.code(), &BUSY_BODIES);
        let late = bodies.read(body(&[b"1"], true), 6).await.unwrap_err();
        assert_eq!(late.code(), &REQUEST_TIMEOUT);
        assert_eq!(bodies.bytes_free(), 4, "a refused body holds nothing");
    }
}
