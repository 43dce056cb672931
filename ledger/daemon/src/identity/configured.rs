//! One issuer, as a running daemon goes by it: its settings and its keys.

use crate::identity::fetch::{FETCH_TIME_MAX, Outside};
use crate::identity::held::KeysStanding;
use crate::identity::issuer::{Issuer, KeySource};
use crate::identity::key_set::KeySet;
use crate::identity::keys::FetchedKeys;
use crate::identity::pinned::PinnedKeys;
use provlog_core::Hash;
use provlog_evidence::jwt::{
    self, BearerAudience, BearerToken, BoundToken, IssuerKeys, JwtError, UnverifiedToken,
};
use provlog_evidence::svid::{DomainCas, SvidError};
use std::sync::Arc;

/// What a token has to be good for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// Whatever its bearer does.
    Bearer,
    /// This one submission to the log of this origin.
    Submission {
        /// The log.
        origin: &'a str,
        /// The submission.
        submitted_digest: &'a [u8; 32],
    },
}

/// A token that was verified.
pub(super) enum VerifiedToken {
    Bearer(BearerToken),
    Bound { token: BoundToken, submitted_digest: Hash },
}

/// An issuer with its keys.
#[derive(Debug)]
pub(super) struct ConfiguredIssuer {
    settings: Arc<Issuer>,
    /// None where no token of it is a bearer token.
    audience: Option<BearerAudience>,
    keys: Arc<KeysOf>,
}

#[derive(Debug)]
enum KeysOf {
    Address(FetchedKeys),
    File(PinnedKeys),
}

impl KeysOf {
    fn new(issuer: &Arc<Issuer>, outside: &Arc<dyn Outside>) -> Self {
        let (issuer, outside) = (Arc::clone(issuer), Arc::clone(outside));
        match &issuer.keys {
            KeySource::File(path) => Self::File(PinnedKeys::new(Arc::clone(&issuer), path, outside)),
            KeySource::Discovery | KeySource::Url(_) => Self::Address(FetchedKeys::new(issuer, outside)),
        }
    }
}

impl ConfiguredIssuer {
    /// Goes by it from now on, and by the keys of the one before where they come from the same place.
    pub(super) fn new(
        settings: Issuer,
        audience: Option<BearerAudience>,
        before: Option<&Self>,
        outside: &Arc<dyn Outside>,
    ) -> Self {
        let settings = Arc::new(settings);
        let same = before.filter(|before| before.has_keys_of(&settings));
        let keys = same.map_or_else(|| KeysOf::new(&settings, outside).into(), |same| Arc::clone(&same.keys));
        Self { settings, audience, keys }
    }

    /// Whether an issuer's keys are these: whatever its audience is.
    fn has_keys_of(&self, issuer: &Issuer) -> bool {
        let Issuer { name, audience: _, keys, ca } = &*self.settings;
        (name, keys, ca) == (&issuer.name, &issuer.keys, &issuer.ca)
    }

    /// As the operator configured it.
    pub(super) const fn settings(&self) -> &Arc<Issuer> {
        &self.settings
    }

    /// The keys that may be used now; none where there are none.
    pub(super) fn keys(&self) -> Arc<KeySet> {
        match &*self.keys {
            KeysOf::Address(keys) => keys.current(),
            KeysOf::File(keys) => keys.current(),
        }
    }

    /// The keys that there were at the last look, usable or not.
    pub(super) fn last_keys(&self) -> Arc<KeySet> {
        match &*self.keys {
            KeysOf::Address(keys) => keys.last(),
            KeysOf::File(keys) => keys.last(),
        }
    }

    /// Whether a newer key may verify a token that was refused for this: always one with a name that isn't known; one with a known name,
    /// which the issuer may have given to another key, only where the keys weren't fetched just now.
    pub(super) fn may_have_another_key(&self, refused: &JwtError) -> bool {
        match refused {
            JwtError::NoKey { .. } => true,
            JwtError::Signature { .. } | JwtError::KeyAlgorithm { .. } => match &*self.keys {
                KeysOf::Address(keys) => !keys.is_fresh(),
                // It was looked at for this token.
                KeysOf::File(_) => false,
            },
            _ => false,
        }
    }

    /// Whether a newer CA may be the one that a chain leads to.
    pub(super) const fn may_have_another_ca(refused: &SvidError) -> bool {
        matches!(refused, SvidError::NoPath { .. })
    }

    /// Waits for newer keys than those that were seen, where some may be had, and says whether what isn't among them then is no key of the issuer's.
    pub(super) async fn renew_keys(&self, seen: &Arc<KeySet>) -> bool {
        match &*self.keys {
            KeysOf::Address(keys) => keys.renew(seen, FETCH_TIME_MAX).await,
            KeysOf::File(keys) => keys.is_newest(),
        }
    }

    /// Verifies a token with some of its keys.
    ///
    /// # Errors
    /// [`JwtError`] says why it isn't taken.
    pub(super) fn verify(
        &self,
        token: UnverifiedToken<'_>,
        wanted: Wanted<'_>,
        keys: &KeySet,
        now_ms: u64,
    ) -> Result<VerifiedToken, JwtError> {
        let name = &self.settings.name;
        let keys = IssuerKeys::by_kid(name, keys.keys());
        match wanted {
            Wanted::Bearer => {
                let audience = self.audience.as_ref().ok_or_else(|| JwtError::Member {
                    member: "aud",
                    expected: format!(
                        "one that is bound to a submission, as the operator set none for {name}"
                    ),
                    got: "another".into(),
                })?;
                token.bearer(keys, audience, now_ms).map(VerifiedToken::Bearer)
            }
            Wanted::Submission { origin, submitted_digest } => {
                let token = token.of_submission(origin, submitted_digest, now_ms)?.verified(keys)?;
                Ok(VerifiedToken::Bound { token, submitted_digest: Hash(*submitted_digest) })
            }
        }
    }

    /// Those of its keys that certificates lead to; none of an issuer of tokens alone.
    pub(super) fn cas<'a>(&'a self, keys: &'a KeySet) -> Option<DomainCas<'a>> {
        match &self.settings.name {
            jwt::Issuer::Spiffe(trust_domain) => Some(DomainCas { trust_domain, cas: keys.cas() }),
            jwt::Issuer::Oidc(_) => None,
        }
    }

    /// How it stands with its keys.
    pub(super) fn standing(&self) -> KeysStanding {
        match &*self.keys {
            KeysOf::Address(keys) => keys.standing(),
            KeysOf::File(keys) => keys.standing(),
        }
    }
}
