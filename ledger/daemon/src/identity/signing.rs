//! Issuers of tests: keys, tokens, and a world that is what a test makes it.

use crate::http::shown_chain::ShownChain;
use crate::identity::error::FetchError;
use crate::identity::fetch::Outside;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use provlog_evidence::jwt;
use provlog_evidence::spiffe::TrustDomain;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyUsagePurpose, SanType, date_time_ymd,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// A time within every token of a test, in milliseconds.
pub(crate) const NOW_MS: u64 = 1_795_816_800_000;

/// A key that signs tokens.
pub(crate) struct Signer {
    kid: String,
    key: SigningKey,
}

enum SigningKey {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn new(kid: &str) -> Self {
        Self { kid: kid.into(), key: SigningKey::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    /// With a key such as JWT-SVIDs are signed with.
    pub(crate) fn p256(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid: kid.into(), key: SigningKey::P256(key) }
    }

    /// The same key under another name.
    pub(crate) fn renamed(&self, kid: &str) -> Self {
        let key = match &self.key {
            SigningKey::Ed25519(key) => {
                let pkcs8 = key.to_pkcs8().unwrap();
                SigningKey::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
            SigningKey::P256(_) => panic!("of tokens of OIDC issuers"),
        };
        Self { kid: kid.into(), key }
    }

    /// Its public key, as issuers publish it.
    pub(crate) fn jwk(&self) -> String {
        let kid = &self.kid;
        match &self.key {
            SigningKey::Ed25519(key) => {
                let x = base64url(key.public_key().as_ref());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}"#)
            }
            SigningKey::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (base64url(x), base64url(y));
                format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"{kid}"}}"#)
            }
        }
    }

    /// A token of this issuer for this audience, which holds from ten minutes before [`NOW_MS`] to ten minutes after it.
    pub(crate) fn token(&self, iss: &str, sub: &str, aud: &str) -> String {
        let (iat, exp) = (NOW_MS / 1_000 - 600, NOW_MS / 1_000 + 600);
        let payload = format!(r#"{{"iss":"{iss}","sub":"{sub}","aud":"{aud}","iat":{iat},"exp":{exp}}}"#);
        let alg = if matches!(self.key, SigningKey::P256(_)) { "ES256" } else { "EdDSA" };
        self.sign(alg, &payload)
    }

    /// A token of this payload, which says that it is signed like this.
    pub(crate) fn sign(&self, alg: &str, payload: &str) -> String {
        let header = format!(r#"{{"alg":"{alg}","kid":"{}","typ":"JWT"}}"#, self.kid);
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
        let signature = match &self.key {
            SigningKey::Ed25519(key) => base64url(key.sign(signed.as_bytes()).as_ref()),
            SigningKey::P256(key) => {
                base64url(key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref())
            }
        };
        format!("{signed}.{signature}")
    }
}

/// A CA of a trust domain.
pub(crate) struct Authority(CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        Self::of_key(rcgen::KeyPair::generate().unwrap())
    }

    fn of_key(key: rcgen::KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Another certificate of the same key.
    pub(crate) fn renewed(&self) -> Self {
        let pem = self.0.key().serialize_pem();
        Self::of_key(rcgen::KeyPair::from_pem(&pem).unwrap())
    }

    /// Its key, where that signs tokens as well.
    pub(crate) fn as_signer(&self, kid: &str) -> Signer {
        let pkcs8 = self.0.key().serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        Signer { kid: kid.into(), key: SigningKey::P256(key) }
    }

    /// The certificate of a workload with this ID, which holds for the days around [`NOW_MS`].
    pub(super) fn svid(&self, id: &str) -> ShownChain {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = date_time_ymd(2026, 11, 26);
        params.not_after = date_time_ymd(2026, 11, 30);
        let key = rcgen::KeyPair::generate().unwrap();
        ShownChain::new([&**params.signed_by(&key, &self.0).unwrap().der()])
    }

    /// As bundles have it. Of its key they need no coordinates.
    pub(crate) fn member(&self) -> String {
        let der = Base64::encode_string(self.0.der());
        format!(r#"{{"kty":"EC","use":"x509-svid","x5c":["{der}"]}}"#)
    }
}

/// A trust domain.
pub(crate) fn domain(name: &str) -> jwt::Issuer {
    jwt::Issuer::Spiffe(TrustDomain::parse(name).unwrap())
}

/// What a trust domain publishes.
pub(crate) fn bundle(signers: &[&Signer], authorities: &[&Authority]) -> String {
    let keys = signers.iter().map(|signer| signer.jwk().replacen('{', r#"{"use":"jwt-svid","#, 1));
    let keys: Vec<String> = keys.chain(authorities.iter().map(|ca| ca.member())).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
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
pub(crate) struct World {
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
    pub(crate) fn put(&self, url: &str, answer: &str) {
        self.state.lock().unwrap().answers.insert(url.into(), answer.into());
    }

    /// Nothing lies there from now on.
    pub(crate) fn take_away(&self, url: &str) {
        self.state.lock().unwrap().answers.remove(url);
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.state.lock().unwrap().passed += time;
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn slow(&self, is_slow: bool) {
        self.state.lock().unwrap().is_slow = is_slow;
        self.changed.notify_all();
    }

    /// Every address that was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Waits until so many were.
    pub(crate) fn until_asked(&self, times: usize) {
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
