//! Reading request bodies: within a limit, within a time, and with a permit for every byte that is held.
//!
//! A connection has one request at a time, so the limit of a body is also the most that a connection can hold.

use crate::http::codes::{BODY_INCOMPLETE, BODY_TOO_LARGE, BUSY_BODIES, REQUEST_TIMEOUT};
use crate::http::patience::Patience;
use crate::http::permits::{Permits, Share};
use crate::http::problem::Problem;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use provlog_core::limits::{BATCH_BYTES_MAX, SUBMISSION_BYTES_MAX};
use std::error::Error;
use std::iter;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Bytes that batches leave to single appends: some thousands of them under way, of the size that pipelines send.
pub(crate) const LEFT_TO_SINGLES: usize = 8 * 1024 * 1024;

/// How long a body may stand still in all, beside a second for every 64 KiB of it that arrive.
const STANDSTILL_MAX: Duration = Duration::from_secs(10);

/// What bodies are held to.
#[derive(Debug)]
pub(crate) struct Bodies {
    permits: Arc<Permits>,
    timeout: Duration,
    standstill_max: Duration,
}

/// What a body is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Submission,
    Batch,
}

/// A body, and the permits for its bytes, which are held as long as anything made of the body is.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) share: Share,
}

impl Content {
    const fn bytes_max(self) -> usize {
        match self {
            Self::Submission => SUBMISSION_BYTES_MAX,
            Self::Batch => BATCH_BYTES_MAX,
        }
    }

    const fn left_over(self) -> usize {
        match self {
            Self::Submission => 0,
            Self::Batch => LEFT_TO_SINGLES,
        }
    }
}

impl Bodies {
    pub(crate) fn new(bytes_max: usize, timeout: Duration) -> Self {
        Self { permits: Permits::new(bytes_max), timeout, standstill_max: STANDSTILL_MAX.min(timeout) }
    }

    /// Bytes that may still be held.
    pub(crate) fn bytes_free(&self) -> usize {
        self.permits.bytes_free()
    }

    /// Reads the whole of `body`.
    ///
    /// # Errors
    /// 413 over the limit, 408 when it takes too long, 503 without permits, 400 when it ends early. But for the last,
    /// the connection is closed behind the answer: nobody is going to read the rest.
    pub(crate) async fn read(&self, body: Body, content: Content) -> Result<Received, Problem> {
        let (announced, limit) = (body.size_hint().lower(), content.bytes_max());
        let announced = match usize::try_from(announced) {
            Ok(bytes) if bytes <= limit => bytes,
            _ => return Err(too_large(limit, announced)),
        };
        let late = |_| {
            let detail = format!("the body did not arrive within {} ms", self.timeout.as_millis());
            Problem::new(&REQUEST_TIMEOUT, detail).closing()
        };
        timeout(self.timeout, self.collect(body, announced, content)).await.map_err(late)?
    }

    async fn collect(&self, mut body: Body, announced: usize, content: Content) -> Result<Received, Problem> {
        let mut share = self.permits.share(content.left_over());
        let mut patience = Patience::new(self.standstill_max);
        let mut first = Bytes::new();
        let mut whole = Vec::new();
        loop {
            let since = Instant::now();
            let frame = timeout(patience.left(), body.frame()).await.map_err(|_| self.standing_still())?;
            patience.spend(since.elapsed());
            let Some(frame) = frame else { break };
            let frame = frame.map_err(incomplete)?;
            // Trailers say nothing that anybody here asks for.
            let Ok(piece) = frame.into_data() else { continue };
            patience.earn(piece.len());
            let got = first.len() + whole.len() + piece.len();
            if got > content.bytes_max() {
                return Err(too_large(content.bytes_max(), got));
            }
            if !share.grow(piece.len()) {
                return Err(busy().closing());
            }
            // Most bodies are one piece, and need no copy.
            if first.is_empty() && whole.is_empty() {
                first = piece;
                continue;
            }
            if whole.is_empty() {
                // Room that nothing was written to yet takes no memory: permits are for what has arrived.
                whole.reserve_exact(announced.max(got));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&piece);
        }
        let bytes = if whole.is_empty() { first } else { whole.into() };
        Ok(Received { bytes, share })
    }

    fn standing_still(&self) -> Problem {
        let ms = self.standstill_max.as_millis();
        let detail =
            format!("the body stood still for {ms} ms, beside a second for every 64 KiB that arrived");
        Problem::new(&REQUEST_TIMEOUT, detail).closing()
    }
}

/// There are no permits for what is wanted.
pub(crate) fn busy() -> Problem {
    let detail = "the daemon holds as many bytes of request bodies, and of what is made of them, as it may";
    Problem::new(&BUSY_BODIES, detail)
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

    const AGES: Duration = Duration::from_secs(600);

    /// Yields pieces, and then ends or hangs.
    fn body(pieces: &[&'static [u8]], hangs: bool) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece))).collect();
        let end = if hangs { stream::pending().left_stream() } else { stream::empty().right_stream() };
        Body::from_stream(stream::iter(pieces).chain(end))
    }

    #[tokio::test]
    async fn pieces_become_one_body_and_hold_permits_until_dropped() {
        let bodies = Bodies::new(10, AGES);
        for pieces in [&[][..], &[&b"abc"[..]], &[&b"ab"[..], b"", b"c", b"def"]] {
            let received = bodies.read(body(pieces, false), Content::Submission).await.unwrap();
            assert_eq!(received.bytes, pieces.concat());
            assert_eq!(bodies.bytes_free(), 10 - received.bytes.len());
            drop(received);
            assert_eq!(bodies.bytes_free(), 10);
        }
    }

    #[tokio::test]
    async fn refusals() {
        static LARGE: [u8; SUBMISSION_BYTES_MAX] = [b' '; SUBMISSION_BYTES_MAX];
        let bodies = Bodies::new(LARGE.len() + 1, AGES);
        let refuse = async |body| bodies.read(body, Content::Submission).await.unwrap_err();
        let announced = refuse(Body::from(vec![0; LARGE.len() + 1])).await;
        assert_eq!(announced.code(), &BODY_TOO_LARGE);
        let streamed = refuse(body(&[&LARGE, b"1"], false)).await;
        assert_eq!(streamed.code(), &BODY_TOO_LARGE);
        let got = format!("\"got\":\"{}\",\"limit\":{}", LARGE.len() + 1, LARGE.len());
        assert!(streamed.to_json().contains(&got), "{}", streamed.to_json());

        let held = bodies.read(body(&[b"12"], false), Content::Submission).await.unwrap();
        assert_eq!(refuse(body(&[&LARGE[3..], b"123"], false)).await.code(), &BUSY_BODIES);
        let batch = bodies.read(body(&[b"1"], false), Content::Batch).await;
        assert_eq!(batch.unwrap_err().code(), &BUSY_BODIES, "what is left is for single appends");
        drop(held);
        assert_eq!(bodies.bytes_free(), LARGE.len() + 1, "a refused body holds nothing");
    }

    #[tokio::test]
    async fn a_body_that_stands_still_or_takes_too_long_is_given_up() {
        let ms = Duration::from_millis;
        for (timeout, standstill_max, expected) in
            [(AGES, ms(1), "stood still"), (ms(1), AGES, "within 1 ms")]
        {
            let bodies = Bodies { standstill_max, ..Bodies::new(4, timeout) };
            let late = bodies.read(body(&[b"1"], true), Content::Submission).await.unwrap_err();
            assert_eq!(late.code(), &REQUEST_TIMEOUT);
            assert!(late.detail().contains(expected), "{}", late.detail());
            assert_eq!(bodies.bytes_free(), 4);
        }
    }
}
