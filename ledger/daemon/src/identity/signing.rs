//! Issuers of tests: keys, tokens, and a world that is what a test makes it.

use crate::identity::error::FetchError;
use crate::identity::fetch::Outside;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// A time within every token of a test, in milliseconds.
pub(crate) const NOW_MS: u64 = 1_795_816_800_000;

/// A key that signs tokens.
pub(crate) struct Signer {
    kid: String,
    key: Ed25519KeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &str) -> Self {
        Self { kid: kid.into(), key: Ed25519KeyPair::generate().unwrap() }
    }

    /// Its public key, as issuers publish it.
    pub(super) fn jwk(&self) -> String {
        let (kid, x) = (&self.kid, base64url(self.key.public_key().as_ref()));
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}"#)
    }

    /// A token of this issuer for this audience, which holds from ten minutes before [`NOW_MS`] to ten minutes after it.
    pub(crate) fn token(&self, iss: &str, sub: &str, aud: &str) -> String {
        let (iat, exp) = (NOW_MS / 1_000 - 600, NOW_MS / 1_000 + 600);
        let payload = format!(r#"{{"iss":"{iss}","sub":"{sub}","aud":"{aud}","iat":{iat},"exp":{exp}}}"#);
        self.sign("EdDSA", &payload)
    }

    /// A token of this payload, which says that it is signed like this.
    pub(super) fn sign(&self, alg: &str, payload: &str) -> String {
        let header = format!(r#"{{"alg":"{alg}","kid":"{}","typ":"JWT"}}"#, self.kid);
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
        let signature = base64url(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }
}

/// What an issuer publishes.
pub(crate) fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<String> = signers.iter().map(|signer| signer.jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// What there is to fetch, and the time.
#[derive(Debug)]
pub(super) struct World {
    start: Instant,
    state: Mutex<WorldState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WorldState {
    passed: Duration,
    answers: BTreeMap<String, String>,
    asked: Vec<String>,
    /// Whether answers are held back.
    is_slow: bool,
}

impl Default for World {
    fn default() -> Self {
        Self { start: Instant::now(), state: Mutex::default(), changed: Condvar::new() }
    }
}

impl World {
    /// What lies at this address from now on.
    pub(super) fn put(&self, url: &str, answer: &str) {
        self.state.lock().unwrap().answers.insert(url.into(), answer.into());
    }

    /// Nothing lies there from now on.
    pub(super) fn take_away(&self, url: &str) {
        self.state.lock().unwrap().answers.remove(url);
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        self.state.lock().unwrap().passed += time;
    }

    /// Holds answers back, or lets them go.
    pub(super) fn slow(&self, is_slow: bool) {
        self.state.lock().unwrap().is_slow = is_slow;
        self.changed.notify_all();
    }

    /// Every address that was asked for, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Waits until so many were.
    pub(super) fn until_asked(&self, times: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.asked.len() < times).unwrap());
    }
}

impl Outside for World {
    fn now(&self) -> Instant {
        self.start + self.state.lock().unwrap().passed
    }

    fn now_s(&self) -> u64 {
        NOW_MS / 1_000 + self.state.lock().unwrap().passed.as_secs()
    }

    fn get(&self, url: &str, _: Option<&Path>, _: usize, _: Instant) -> Result<Vec<u8>, FetchError> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(url.into());
        self.changed.notify_all();
        let state = self.changed.wait_while(state, |state| state.is_slow).unwrap();
        let answer = state.answers.get(url).cloned();
        answer.map(Vec::from).ok_or_else(|| FetchError::Status { url: url.into(), got: 404 })
    }
}
