//! Handshakes under way. They cost more than requests and come before any of them, so there is a bound of their own.
//!
//! Where there are as many as there may be, one makes room: the oldest of those whose clients have said nothing yet, or of those who have
//! spoken, whichever are more. An honest handshake takes milliseconds, and whoever fills the house is soon the oldest of the larger
//! crowd: so connections alone push out nobody who has spoken, and first messages alone nobody who has just come. To keep honest
//! clients out somebody would have to begin handshakes faster than those end theirs.

use crate::http::tls::failure::HandshakeFailure;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A reason is told once in this time; how often each occurs is counted anyway.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// All handshakes of a server.
#[derive(Debug)]
pub(crate) struct Handshakes {
    most: usize,
    under_way: Mutex<UnderWay>,
    told: Mutex<Vec<(HandshakeFailure, Instant)>>,
}

/// Those under way by their numbers, the oldest first, each with what tells it to end.
#[derive(Debug, Default)]
struct UnderWay {
    begun: u64,
    silent: BTreeMap<u64, Arc<Notify>>,
    speaking: BTreeMap<u64, Arc<Notify>>,
}

/// One handshake, under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Handshake {
    number: u64,
    all: Arc<Handshakes>,
    end: Arc<Notify>,
}

impl Handshakes {
    /// At most this many at once.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, under_way: Mutex::default(), told: Mutex::default() })
    }

    /// Begins one, and ends another where it is one too many: the oldest of the larger crowd.
    pub(crate) fn begin(self: &Arc<Self>) -> Handshake {
        let end = Arc::new(Notify::new());
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let number = under_way.begun;
        under_way.begun += 1;
        if under_way.silent.len() + under_way.speaking.len() >= self.most {
            let are_silent = under_way.silent.len() >= under_way.speaking.len();
            let crowd = if are_silent { &mut under_way.silent } else { &mut under_way.speaking };
            if let Some((_, pushed_out)) = crowd.pop_first() {
                pushed_out.notify_one();
            }
        }
        under_way.silent.insert(number, Arc::clone(&end));
        Handshake { number, all: Arc::clone(self), end }
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
    /// Its client has said something.
    pub(crate) fn speaks(&self) {
        let mut under_way = self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Unless it has just been pushed out.
        if let Some(end) = under_way.silent.remove(&self.number) {
            under_way.speaking.insert(self.number, end);
        }
    }

    /// Done where this one has to make room.
    pub(crate) async fn pushed_out(&self) {
        self.end.notified().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.silent.remove(&self.number);
        under_way.speaking.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let handshakes = Handshakes::new(2);
        let (first, second) = (handshakes.begin(), handshakes.begin());
        assert!(first.pushed_out().now_or_never().is_none());
        let third = handshakes.begin();
        first.pushed_out().await;
        assert!(second.pushed_out().now_or_never().is_none() && third.pushed_out().now_or_never().is_none());
        drop(second);
        let fourth = handshakes.begin();
        assert!(third.pushed_out().now_or_never().is_none(), "the second left its place");
        drop(first);
        let _fifth = handshakes.begin();
        third.pushed_out().await;
        assert!(fourth.pushed_out().now_or_never().is_none());
        drop((third, fourth));
        assert_eq!(handshakes.under_way.lock().unwrap().silent.len(), 1);
    }

    #[tokio::test]
    async fn the_silent_make_room_first() {
        let handshakes = Handshakes::new(2);
        let honest = handshakes.begin();
        honest.speaks();
        let mut flood = handshakes.begin();
        for _ in 0..10 {
            let next = handshakes.begin();
            flood.pushed_out().await;
            flood = next;
        }
        assert!(honest.pushed_out().now_or_never().is_none(), "it goes on beside the flood");
        flood.speaks();
        let newest = handshakes.begin();
        honest.pushed_out().await;
        honest.speaks();
        drop((honest, flood));
        let under_way = handshakes.under_way.lock().unwrap();
        assert_eq!((under_way.silent.len(), under_way.speaking.len()), (1, 0), "who was pushed out stays so");
        drop(under_way);
        assert!(newest.pushed_out().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_has_just_come_stays_beside_a_crowd_that_has_spoken() {
        let handshakes = Handshakes::new(3);
        let mut crowd: Vec<Handshake> = (0..2).map(|_| handshakes.begin()).collect();
        crowd.iter().for_each(Handshake::speaks);
        let honest = handshakes.begin();
        for place in 0..5 {
            let next = handshakes.begin();
            next.speaks();
            crowd.push(next);
            crowd[place].pushed_out().await;
        }
        assert!(honest.pushed_out().now_or_never().is_none());
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
