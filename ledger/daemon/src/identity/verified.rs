//! Tokens that were verified: a pipeline sends the same one with every request, and to verify it again would only cost time.
//!
//! What is kept is a digest and what came of it, never a token. Refusals aren't kept.

use crate::identity::issuer::Issuer;
use crate::identity::recognised::Recognised;
use provlog_core::Hash;
use provlog_evidence::jwk::Thumbprint;
use provlog_evidence::window::Window;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;

/// Most tokens that are known by their digest: at 68 new ones a minute, each for the hour that it holds. A workload has at most 2,400
/// bytes of CBOR, some three times that in memory: 30 MiB at the most, and a fifth of it for such as pipelines have.
const TOKENS_MAX: usize = 4_096;

/// What came of tokens, by their SHA-256.
pub(super) struct VerifiedTokens(Cache<Hash, Arc<VerifiedOnce>>);

/// What came of one, and for how long that holds.
struct VerifiedOnce {
    recognised: Arc<Recognised>,
    window: Window,
    key: Thumbprint,
}

impl VerifiedTokens {
    /// What came of the token of this digest, if that holds still: at this time, and where `holds` says so of the issuer and the key
    /// that signed it.
    pub(super) fn find(
        &self,
        digest: &Hash,
        now_ms: u64,
        holds: impl FnOnce(&Issuer, Thumbprint) -> bool,
    ) -> Option<Arc<Recognised>> {
        let found = self.0.get(digest)?;
        let VerifiedOnce { recognised, window, key } = &*found;
        let holds = window.contains(now_ms) && holds(&recognised.issuer, *key);
        holds.then(|| Arc::clone(recognised))
    }

    /// Keeps what came of a token.
    pub(super) fn keep(&self, digest: Hash, recognised: Arc<Recognised>, window: Window, key: Thumbprint) {
        self.0.insert(digest, Arc::new(VerifiedOnce { recognised, window, key }));
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(TOKENS_MAX))
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").field("tokens", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::issuer::KeySource;
    use provlog_core::cbor::Map;

    fn recognised() -> Arc<Recognised> {
        let (url, audience) = ("https://a.example".into(), "a".into());
        let issuer = Issuer { url, audience, keys: KeySource::Discovery, ca: None };
        Arc::new(Recognised { issuer: issuer.into(), identity: "i".into(), workload: Map::new() })
    }

    #[test]
    fn a_token_is_known_within_its_window_and_where_its_key_and_issuer_hold() {
        let (tokens, digest) = (VerifiedTokens::default(), Hash::plain(b"a"));
        let (window, key) = (Window { from_ms: 5, to_ms: 7 }, Thumbprint([1; 32]));
        tokens.keep(digest, recognised(), window, key);
        let found: Vec<u64> =
            (0..10).filter(|now_ms| tokens.find(&digest, *now_ms, |_, _| true).is_some()).collect();
        assert_eq!(found, [5, 6, 7]);
        let asked =
            tokens.find(&digest, 6, |issuer, signed| issuer.url == "https://a.example" && signed == key);
        assert_eq!(asked, Some(recognised()));
        assert_eq!(tokens.find(&digest, 6, |_, _| false), None);
        assert_eq!(tokens.find(&Hash::plain(b"b"), 6, |_, _| true), None);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let tokens = VerifiedTokens::default();
        let recognised = recognised();
        for number in 0..2 * u64::try_from(TOKENS_MAX).unwrap() {
            let window = Window { from_ms: 0, to_ms: 1 };
            let digest = Hash::plain(&number.to_be_bytes());
            tokens.keep(digest, Arc::clone(&recognised), window, Thumbprint([0; 32]));
        }
        assert!(tokens.0.len() <= TOKENS_MAX, "{}", tokens.0.len());
    }
}
