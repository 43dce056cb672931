//! Tokens, member by member, so that each can be made wrong without making anything else wrong.

use crate::vectors::keys::{ED25519, Key, P256, P384, RSA, b64};
use ed25519_dalek::SigningKey;
use provlog_evidence::signature::Scheme;
use serde_json::Value;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What bearer tokens have in `aud` at the logs of these tests.
pub const AUDIENCE: &str = "https://log.example.com";
pub const ORIGIN: &str = "example.com/log";
pub const SUB: &str = "repo:example/app:ref:refs/heads/main";
/// What stays the repository's, whatever it is called.
pub const REPOSITORY_ID: &str = "123456";

/// Somebody else's key.
pub static OTHER: LazyLock<Key> = LazyLock::new(|| Key::Ed25519(SigningKey::from_bytes(&[9; 32])));

/// The keys that an issuer publishes, under the names that it has for them.
pub fn published() -> Vec<String> {
    [("rsa", &*RSA), ("p256", &P256), ("p384", &P384), ("ed", &ED25519)]
        .map(|(kid, key)| key.jwk_json(kid))
        .to_vec()
}

/// The time in seconds.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token before it is signed. No two are the same.
#[derive(Clone)]
pub struct Draft {
    pub header: Members,
    pub payload: Members,
    key: &'static Key,
    scheme: Scheme,
}

/// Members of a JSON object, in their order, each as it is written.
#[derive(Clone, Default)]
pub struct Members(pub Vec<(String, String)>);

impl Members {
    pub fn set(&mut self, name: &str, json: &str) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((name.into(), json.into())),
        }
    }

    pub fn text(&self) -> String {
        let members = self.0.iter().map(|(name, json)| format!(r#""{name}":{json}"#));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

impl Draft {
    /// What this issuer signs for a job on the main branch of the repository.
    pub fn of(issuer: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now_s = now_s();
        let mut draft = Self {
            header: Members::default(),
            payload: Members::default(),
            key: &P256,
            scheme: Scheme::Es256,
        };
        draft = draft.head("typ", "JWT").by("p256", &P256);
        for (name, value) in [
            ("iss", issuer.into()),
            ("sub", SUB.into()),
            ("aud", AUDIENCE.into()),
            ("iat", (now_s - 30).into()),
            ("exp", (now_s + 600).into()),
            ("jti", COUNT.fetch_add(1, Ordering::Relaxed).to_string().into()),
            ("repository", "example/app".into()),
            ("repository_id", REPOSITORY_ID.into()),
            ("repository_owner_id", "77".into()),
            ("ref", "refs/heads/main".into()),
            ("event_name", "push".into()),
            ("run_attempt", 2.into()),
        ] {
            draft = draft.claim::<Value>(name, value);
        }
        draft
    }

    /// With this member in its payload.
    pub fn claim<V: Into<Value>>(self, name: &str, value: V) -> Self {
        self.raw(name, &value.into().to_string())
    }

    /// With this member in its payload, written like this.
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        self.payload.set(name, json);
        self
    }

    /// Without this member.
    pub fn without(mut self, name: &str) -> Self {
        let count = |draft: &Self| draft.header.0.len() + draft.payload.0.len();
        let before = count(&self);
        self.header.0.retain(|(other, _)| other != name);
        self.payload.0.retain(|(other, _)| other != name);
        assert_eq!(count(&self) + 1, before, "{name} was there, once");
        self
    }

    /// With this member in its header.
    pub fn head<V: Into<Value>>(mut self, name: &str, value: V) -> Self {
        self.header.set(name, &value.into().to_string());
        self
    }

    /// Signed with this key, and saying so.
    pub fn by(self, kid: &str, key: &'static Key) -> Self {
        let (alg, scheme) = key.token_scheme();
        self.head("alg", alg).head("kid", kid).with(key, scheme)
    }

    /// Signed like this, whatever it says.
    pub fn with(mut self, key: &'static Key, scheme: Scheme) -> Self {
        (self.key, self.scheme) = (key, scheme);
        self
    }

    pub fn sign(&self) -> String {
        self.sign_texts(self.header.text().as_bytes(), self.payload.text().as_bytes())
    }

    /// As [`Draft::sign`], with other bytes in the place of header and payload.
    pub fn sign_texts(&self, header: &[u8], payload: &[u8]) -> String {
        self.sign_parts(&b64(header), &b64(payload))
    }

    /// As [`Draft::sign`], with parts that needn't be base64url.
    pub fn sign_parts(&self, header: &str, payload: &str) -> String {
        let signed = format!("{header}.{payload}");
        let signature = self.key.sign(self.scheme, signed.as_bytes());
        format!("{signed}.{}", b64(&signature))
    }
}

/// A token with other bytes in the place of its signature.
pub fn with_signature(token: &str, signature: &[u8]) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", b64(signature))
}

/// The bytes of a token's signature.
pub fn signature(token: &str) -> Vec<u8> {
    use base64ct::{Base64UrlUnpadded, Encoding};
    Base64UrlUnpadded::decode_vec(token.rsplit_once('.').unwrap().1).unwrap()
}

/// Whether a text has in it what a token's issuer signed, or a part of its signature. A receipt is in base64, too, and has some of the
/// claims in it: of a payload it takes a piece that is longer than any of them.
pub fn is_told(token: &str, text: &str) -> bool {
    let has = |part: &str, bytes: usize| {
        let mut pieces = part.as_bytes().chunks_exact(bytes);
        pieces.any(|piece| text.contains(std::str::from_utf8(piece).unwrap()))
    };
    let mut parts = token.split('.').skip(1);
    parts.next().is_some_and(|payload| has(payload, 64)) || parts.any(|signature| has(signature, 16))
}
