//! Fetches of one issuer's keys: who causes one, who waits for it, and what is used meanwhile.

use super::*;
use crate::identity::error::Outcome;
use crate::identity::issuer::KeySource;
use crate::identity::schedule::{FRESH_FOR, USABLE_FOR};
use crate::identity::signing::{Signer, World, jwks};
use provlog_evidence::jwt;
use std::thread;
use tokio::task::{spawn, yield_now};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

const KEYS_URL: &str = "https://a.example/keys";

fn fetched(world: &Arc<World>) -> FetchedKeys {
    let keys = KeySource::Url(KEYS_URL.into());
    let name = jwt::Issuer::Oidc("https://a.example".into());
    let issuer = Issuer { name, audience: Some("a".into()), keys, ca: None };
    FetchedKeys::new(issuer.into(), Arc::clone(world) as _)
}

fn world(signers: &[&Signer]) -> Arc<World> {
    let world = World::default();
    world.put(KEYS_URL, &jwks(signers));
    world.into()
}

/// Lets time pass, and waits for what the thread does then.
fn pass(world: &World, keys: &FetchedKeys, time: Duration) {
    world.pass(time);
    let fetches = |keys: &FetchedKeys| keys.standing().attempts.iter().map(|(_, count)| count).sum::<u64>();
    let before = fetches(keys);
    let is_due = keys.0.lock().schedule.until_next(world.now()).is_zero();
    keys.0.wake.notify_all();
    while is_due && fetches(keys) == before {
        thread::yield_now();
    }
}

/// Waits for the first fetch.
async fn started(keys: &FetchedKeys) {
    let nothing = Arc::clone(&keys.0.lock().nothing);
    keys.renew(&nothing, PATIENCE).await;
}

#[tokio::test]
async fn keys_are_fetched_as_soon_as_there_is_an_issuer_and_whoever_comes_first_waits_for_that() {
    let world = world(&[&Signer::new("one")]);
    world.slow(true);
    let keys = Arc::new(fetched(&world));
    world.until_asked(1);
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let keys = Arc::clone(&keys);
            spawn(async move { (keys.renew(&keys.current(), PATIENCE).await, keys.current().keys().len()) })
        })
        .collect();
    while keys.0.ended.receiver_count() < 5 {
        yield_now().await;
    }
    world.slow(false);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), (true, 1));
    }
    assert_eq!(world.asked().len(), 1, "one fetch for all of them");
}

#[tokio::test]
async fn whoever_saw_older_keys_than_there_are_causes_no_fetch() {
    let world = world(&[&Signer::new("one")]);
    let keys = fetched(&world);
    started(&keys).await;
    let older = Arc::default();
    assert!(keys.renew(&older, PATIENCE).await);
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn tokens_of_unknown_keys_cause_no_more_fetches_than_the_bucket_has() {
    let world = world(&[&Signer::new("one")]);
    let keys = fetched(&world);
    started(&keys).await;
    for _ in 0..10 {
        assert!(keys.renew(&keys.current(), PATIENCE).await, "what was fetched just now has all keys");
    }
    assert_eq!(world.asked().len(), 1 + 3);
    world.pass(FRESH_FOR);
    world.take_away(KEYS_URL);
    assert!(!keys.renew(&keys.current(), PATIENCE).await, "a fetch that fails says nothing of keys");
    assert!(!keys.renew(&keys.current(), PATIENCE).await, "nor does none");
    assert_eq!(world.asked().len(), 1 + 3 + 1);
}

#[tokio::test]
async fn keys_are_fetched_again_every_hour_and_after_failures_sooner() {
    let (one, other) = (Signer::new("one"), Signer::new("other"));
    let world = world(&[&one]);
    let keys = fetched(&world);
    started(&keys).await;
    let first = keys.current();
    pass(&world, &keys, Duration::from_secs(3_599));
    assert_eq!(world.asked().len(), 1);
    world.put(KEYS_URL, "{");
    pass(&world, &keys, Duration::from_secs(1));
    assert_eq!(world.asked().len(), 2);
    assert!(Arc::ptr_eq(&first, &keys.current()), "what isn't taken changes nothing");
    assert!(keys.standing().is_failing);
    world.put(KEYS_URL, &jwks(&[]));
    pass(&world, &keys, Duration::from_secs(5));
    assert!(Arc::ptr_eq(&first, &keys.current()), "nor does an issuer that publishes no key");
    world.put(KEYS_URL, &jwks(&[&other]));
    pass(&world, &keys, Duration::from_secs(10));
    assert_ne!(keys.current().keys(), first.keys());
    let attempts = [(Outcome::Taken, 2), (Outcome::Unanswered, 0), (Outcome::Refused, 2)];
    let standing = keys.standing();
    assert_eq!((standing.keys, standing.attempts), (1, attempts));
    assert_eq!((standing.fetched_s, standing.is_failing), (Some(world.now_s()), false));
}

#[tokio::test]
async fn an_outage_changes_nothing_for_a_day_and_ends_by_itself() {
    let world = world(&[&Signer::new("one")]);
    let keys = fetched(&world);
    started(&keys).await;
    world.take_away(KEYS_URL);
    pass(&world, &keys, USABLE_FOR - Duration::from_secs(1));
    assert_eq!(keys.current().keys().len(), 1);
    pass(&world, &keys, Duration::from_secs(1));
    assert_eq!((keys.current().keys().len(), keys.standing().keys), (0, 0));
    world.put(KEYS_URL, &jwks(&[&Signer::new("one")]));
    pass(&world, &keys, Duration::from_secs(300));
    assert_eq!(keys.current().keys().len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_fetch_that_hangs() {
    let world = world(&[&Signer::new("one")]);
    world.slow(true);
    let keys = fetched(&world);
    assert!(!keys.renew(&keys.current(), Duration::ZERO).await);
    world.slow(false);
}

#[tokio::test]
async fn the_thread_ends_with_the_issuer() {
    let world = world(&[&Signer::new("one")]);
    let keys = fetched(&world);
    started(&keys).await;
    let fetching = Arc::downgrade(&keys.0);
    drop(keys);
    while fetching.strong_count() > 0 {
        thread::yield_now();
    }
}

/// What can't be.
#[derive(Debug)]
struct Broken(World);

impl Outside for Broken {
    fn now(&self) -> std::time::Instant {
        self.0.now()
    }

    fn now_s(&self) -> u64 {
        self.0.now_s()
    }

    fn get(
        &self,
        _: &str,
        _: Option<&std::path::Path>,
        _: usize,
        _: std::time::Instant,
    ) -> Result<Vec<u8>, crate::identity::error::FetchError> {
        panic!("a fetch in a test panics")
    }
}

#[tokio::test]
async fn a_fetch_that_panics_is_one_that_failed() {
    let keys = KeySource::Url(KEYS_URL.into());
    let name = jwt::Issuer::Oidc("https://a.example".into());
    let issuer = Issuer { name, audience: Some("a".into()), keys, ca: None };
    let keys = FetchedKeys::new(issuer.into(), Arc::new(Broken(World::default())));
    assert!(!keys.renew(&keys.current(), PATIENCE).await);
    assert!(!keys.renew(&keys.current(), PATIENCE).await, "and the next one is tried");
    assert_eq!(keys.standing().attempts[1], (Outcome::Unanswered, 2));
}
