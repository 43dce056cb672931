//! Tokens and chains of certificates that were verified: a pipeline sends the same one with every request, and to verify it again would
//! only cost time.
//!
//! What is kept is a digest and what came of it, never a token or a certificate. Neither refusals are, nor tokens of whoever isn't let in: at a public
//! issuer anybody has as many as they like, and they would take the places of those that are sent again.

use crate::identity::anchor::Anchor;
use crate::identity::issuer::Issuer;
use crate::identity::recognised::{Proof, Recognised};
use provlog_core::Hash;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;

/// Most tokens that are known by their digest: at 68 new ones a minute, each for the hour that it holds. A workload has at most 2,400
/// bytes of CBOR, some three times that in memory: 30 MiB at the most, and a fifth of it for such as pipelines have.
const TOKENS_MAX: usize = 4_096;

/// What came of each, by its SHA-256.
pub(super) struct Verified(Cache<Hash, Arc<Recognised>>);

impl Verified {
    /// What came of what has this digest, if that holds still: at this time, and where `holds` says so of the issuer and what it was
    /// verified under.
    pub(super) fn find(
        &self,
        digest: &Hash,
        now_ms: u64,
        holds: impl FnOnce(&Issuer, Anchor) -> bool,
    ) -> Option<Arc<Recognised>> {
        let found = self.0.get(digest)?;
        let Proof { window, anchor, .. } = found.proof;
        (window.contains(now_ms) && holds(&found.issuer, anchor)).then_some(found)
    }

    /// Keeps what came of it, unless it is kept.
    pub(super) fn keep(&self, recognised: &Arc<Recognised>) {
        let digest = recognised.proof.digest;
        if !self.0.peek(&digest).is_some_and(|kept| Arc::ptr_eq(&kept, recognised)) {
            self.0.insert(digest, Arc::clone(recognised));
        }
    }
}

impl Default for Verified {
    fn default() -> Self {
        Self(Cache::new(TOKENS_MAX))
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("proofs", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::issuer::KeySource;
    use provlog_core::cbor::Value;
    use provlog_evidence::jwk::Thumbprint;
    use provlog_evidence::jwt;
    use provlog_evidence::window::Window;

    fn recognised(digest: Hash) -> Arc<Recognised> {
        let (window, anchor) = (Window { from_ms: 5, to_ms: 7 }, Anchor::Key(Thumbprint([1; 32])));
        let proof = Proof { digest, window, anchor };
        let issuer = Issuer {
            name: jwt::Issuer::Oidc("https://a.example".into()),
            audience: Some("a".into()),
            keys: KeySource::Discovery,
            ca: None,
        };
        Arc::new(Recognised {
            issuer: issuer.into(),
            identity: "i".into(),
            workload: Value::Null,
            proof,
            bound: None,
        })
    }

    #[test]
    fn a_token_is_known_within_its_window_and_where_its_key_and_issuer_hold() {
        let (tokens, digest) = (Verified::default(), Hash::plain(b"a"));
        tokens.keep(&recognised(digest));
        let found: Vec<u64> =
            (0..10).filter(|now_ms| tokens.find(&digest, *now_ms, |_, _| true).is_some()).collect();
        assert_eq!(found, [5, 6, 7]);
        let asked = tokens.find(&digest, 6, |issuer, signed| {
            issuer.name.to_string() == "https://a.example" && signed == Anchor::Key(Thumbprint([1; 32]))
        });
        assert_eq!(asked, Some(recognised(digest)));
        assert_eq!(tokens.find(&digest, 6, |_, _| false), None);
        assert_eq!(tokens.find(&Hash::plain(b"b"), 6, |_, _| true), None);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let tokens = Verified::default();
        for number in 0..2 * u64::try_from(TOKENS_MAX).unwrap() {
            tokens.keep(&recognised(Hash::plain(&number.to_be_bytes())));
        }
        assert!(tokens.0.len() <= TOKENS_MAX, "{}", tokens.0.len());
    }
}
