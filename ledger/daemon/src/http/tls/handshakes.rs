//! Handshakes under way. They cost more than requests and come before any of them, so there is a bound of their own.
//!
//! Where there are as many as there may be, the oldest makes room: an honest handshake takes milliseconds, and one that stalls is
//! the oldest before long. To keep honest clients out somebody would have to begin them faster than those end theirs.

use crate::http::tls::failure::HandshakeFailure;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A reason is told once in this time; how often each occurs is counted anyway.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// All handshakes of a server.
#[derive(Debug)]
pub(crate) struct Handshakes {
    most: usize,
    under_way: Mutex<UnderWay>,
    told: Mutex<Vec<(HandshakeFailure, Instant)>>,
}

/// Those under way, the oldest first, each with what tells it to end: that the sender is gone.
#[derive(Debug, Default)]
struct UnderWay {
    begun: u64,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// One handshake, under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Handshake {
    number: u64,
    all: Arc<Handshakes>,
    ending: oneshot::Receiver<()>,
}

impl Handshakes {
    /// At most this many at once.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, under_way: Mutex::default(), told: Mutex::default() })
    }

    /// Begins one, and ends the oldest where it is one too many.
    pub(crate) fn begin(self: &Arc<Self>) -> Handshake {
        let (end, ending) = oneshot::channel();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let number = under_way.begun;
        under_way.begun += 1;
        under_way.waiting.push_back((number, end));
        if under_way.waiting.len() > self.most {
            under_way.waiting.pop_front();
        }
        Handshake { number, all: Arc::clone(self), ending }
    }

    /// Whether this reason wasn't told for a while, and is to be now.
    pub(crate) fn is_news(&self, failure: HandshakeFailure, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.iter_mut().find(|(known, _)| *known == failure) {
            Some((_, when)) if now.duration_since(*when) < TOLD_AGAIN => return false,
            Some((_, when)) => *when = now,
            None => told.push((failure, now)),
        }
        true
    }
}

impl Handshake {
    /// Done where this one has to make room.
    pub(crate) async fn pushed_out(&mut self) {
        // Nothing is ever sent.
        let _ = (&mut self.ending).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(place) = under_way.waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            under_way.waiting.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let handshakes = Handshakes::new(2);
        let (mut first, mut second) = (handshakes.begin(), handshakes.begin());
        assert!(first.pushed_out().now_or_never().is_none());
        let mut third = handshakes.begin();
        first.pushed_out().await;
        assert!(second.pushed_out().now_or_never().is_none() && third.pushed_out().now_or_never().is_none());
        drop(second);
        let mut fourth = handshakes.begin();
        assert!(third.pushed_out().now_or_never().is_none(), "the second left its place");
        drop(first);
        let _fifth = handshakes.begin();
        third.pushed_out().await;
        assert!(fourth.pushed_out().now_or_never().is_none());
        drop((third, fourth));
        assert_eq!(handshakes.under_way.lock().unwrap().waiting.len(), 1);
    }

    #[test]
    fn a_reason_is_news_once_in_a_while() {
        let (handshakes, start) = (Handshakes::new(1), Instant::now());
        let news = |failure, after| handshakes.is_news(failure, start + after);
        let later = TOLD_AGAIN - Duration::from_millis(1);
        assert!(news(HandshakeFailure::Timeout, Duration::ZERO));
        assert!(news(HandshakeFailure::Gone, later) && !news(HandshakeFailure::Timeout, later));
        assert!(news(HandshakeFailure::Timeout, TOLD_AGAIN) && !news(HandshakeFailure::Gone, TOLD_AGAIN));
    }
}
