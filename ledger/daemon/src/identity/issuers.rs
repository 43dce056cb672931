//! The issuers that a running daemon goes by.

use crate::identity::anchor::Anchor;
use crate::identity::configured::{ConfiguredIssuer, VerifiedToken, Wanted};
use crate::identity::error::KeysError;
use crate::identity::fetch::{Https, Outside};
use crate::identity::held::KeysStanding;
use crate::identity::issuer::Issuer;
use crate::identity::key_set::KeySet;
use crate::identity::recognised::{BoundEvidence, Proof, Recognised, Unrecognised};
use crate::identity::shared::SharedKeys;
use crate::identity::source;
use crate::identity::trusted::TrustedKey;
use crate::identity::verified::Verified;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::submission::Evidence;
use provlog_evidence::jwt::{self, BearerAudience, BearerAudienceError, JwtError, UnverifiedToken};
use provlog_evidence::workload::Workload;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

mod certificates;

/// As much of a foreign issuer as a refusal shows.
const EXCERPT_CHARS: usize = 200;

/// All of them, with their keys and what was verified. Clones are the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Issuers(Arc<AllIssuers>);

/// Issuers by whose tokens and SVIDs they sign.
type ByName = BTreeMap<jwt::Issuer, Arc<ConfiguredIssuer>>;

#[derive(Debug)]
struct AllIssuers {
    origin: String,
    outside: Arc<dyn Outside>,
    configured: RwLock<Arc<ByName>>,
    /// As it was when it was last looked at.
    shared: RwLock<Arc<SharedKeys>>,
    verified: Verified,
}

/// An issuer that a log can't go by.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("issuer {name}: {source}")]
pub(crate) struct IssuerError {
    /// Whose audience it is.
    pub(crate) name: jwt::Issuer,
    /// What is wrong with it at this log.
    pub(crate) source: BearerAudienceError,
}

/// Files of an issuer that can't be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct IssuerFilesError(KeysError);

/// What can be used of an issuer's file of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Usable {
    /// Keys that tokens are verified with.
    pub(crate) keys: usize,
    /// CAs that X.509-SVIDs are.
    pub(crate) cas: usize,
}

/// Reads the files of an issuer, as far as it has some, as a running daemon would: its roots, and its keys, of which it says how many
/// can be used. Nothing is fetched.
///
/// # Errors
/// [`IssuerFilesError`] says what can't be used: a daemon takes none of the issuer's tokens until that is right.
pub(crate) fn check_files(issuer: &Issuer) -> Result<Option<Usable>, IssuerFilesError> {
    let read = source::check_files(issuer).map_err(IssuerFilesError)?;
    Ok(read.map(|set| Usable { keys: set.keys().len(), cas: set.cas().len() }))
}

impl Issuers {
    /// Those of the log of this origin; none at first.
    pub(crate) fn new(origin: &str) -> Self {
        Self::with(origin, Arc::new(Https::of_environment()))
    }

    fn with(origin: &str, outside: Arc<dyn Outside>) -> Self {
        let (configured, shared, verified) = (RwLock::default(), RwLock::default(), Verified::default());
        Self(Arc::new(AllIssuers { origin: origin.into(), outside, configured, shared, verified }))
    }

    /// Goes by these from now on, and keeps the keys of those whose keys come from the same place. All of them are checked before any is taken.
    ///
    /// # Errors
    /// [`IssuerError`], where one can't be gone by at this log.
    pub(crate) fn replace(&self, issuers: Vec<Issuer>) -> Result<(), IssuerError> {
        let checked = issuers.into_iter().map(|issuer| {
            let audience = issuer.audience.as_deref();
            match audience.map(|audience| BearerAudience::new(audience, &self.0.origin)).transpose() {
                Ok(audience) => Ok((issuer, audience)),
                Err(source) => Err(IssuerError { name: issuer.name, source }),
            }
        });
        let checked: Vec<_> = checked.collect::<Result<_, _>>()?;
        // No request waits for files that are read here: the lock is held for the exchange alone.
        let before = self.all();
        let next = checked.into_iter().map(|(issuer, audience)| {
            let (name, before) = (issuer.name.clone(), before.get(&issuer.name));
            let same = before.filter(|before| **before.settings() == issuer).cloned();
            let next = same.unwrap_or_else(|| {
                let before = before.map(Arc::as_ref);
                ConfiguredIssuer::new(issuer, audience, before, &self.0.outside).into()
            });
            (name, next)
        });
        let next = Arc::new(next.collect());
        *self.0.configured.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Who brings this token, at this time, in milliseconds since the Unix epoch. Waits for keys, where none fit, as long as a fetch may
    /// take.
    ///
    /// # Errors
    /// [`Unrecognised`] says why it is nobody's, or why that can't be told now. None of it has the token in it.
    pub(crate) async fn recognise(&self, token: &str, now_ms: u64) -> Result<Arc<Recognised>, Unrecognised> {
        let digest = Hash::plain(token.as_bytes());
        match self.find(&digest, now_ms) {
            Some(recognised) => Ok(recognised),
            None => self.verify(token, Wanted::Bearer, now_ms).await,
        }
    }

    /// As [`Issuers::recognise`], for whoever brings it together with one submission to this log: it may then be bound to that, whose
    /// digest is for the caller to compare.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn recognise_submitter(
        &self,
        token: &str,
        now_ms: u64,
    ) -> Result<Arc<Recognised>, Unrecognised> {
        if let Some(recognised) = self.find(&Hash::plain(token.as_bytes()), now_ms) {
            return Ok(recognised);
        }
        // What is no token is told so where it is verified.
        let says = UnverifiedToken::parse(token).ok().and_then(|token| token.says_bound_to(&self.0.origin));
        match says {
            Some(submitted_digest) => self.prove(token, &Hash(submitted_digest), now_ms).await,
            None => self.verify(token, Wanted::Bearer, now_ms).await,
        }
    }

    /// Whose evidence this token is, at this time: for the submission with this digest to this log, and for no other.
    ///
    /// # Errors
    /// As [`Issuers::recognise`].
    pub(crate) async fn prove(
        &self,
        token: &str,
        submitted_digest: &Hash,
        now_ms: u64,
    ) -> Result<Arc<Recognised>, Unrecognised> {
        let wanted = Wanted::Submission { origin: &self.0.origin, submitted_digest: &submitted_digest.0 };
        self.verify(token, wanted, now_ms).await
    }

    async fn verify(
        &self,
        token: &str,
        wanted: Wanted<'_>,
        now_ms: u64,
    ) -> Result<Arc<Recognised>, Unrecognised> {
        let unverified = UnverifiedToken::parse(token)?;
        let name = unverified.issuer().clone();
        let Some(issuer) = self.configured(&name) else {
            return Err(Unrecognised::Issuer { got: excerpt(&name) });
        };
        let published = issuer.keys();
        let mut keys = self.unshared(&published);
        let verified = match issuer.verify(unverified, wanted, &keys, now_ms) {
            Err(refused) if issuer.may_have_another_key(&refused) => {
                let all_are_known = issuer.renew_keys(&published).await;
                keys = self.unshared(&issuer.keys());
                match issuer.verify(UnverifiedToken::parse(token)?, wanted, &keys, now_ms) {
                    Err(JwtError::NoKey { .. }) if !all_are_known => {
                        return Err(Unrecognised::Keys { issuer: name.to_string() });
                    }
                    verified => verified?,
                }
            }
            verified => verified?,
        };
        let (workload, said) = match &verified {
            VerifiedToken::Bearer(token) => (Workload::of_bearer_token(token), token.token()),
            VerifiedToken::Bound { token, .. } => (Workload::of_bound_token(token), token.token()),
        };
        let digest = Hash::plain(token.as_bytes());
        let proof = Proof { digest, window: said.window(), anchor: Anchor::Key(said.key()) };
        let bound = match &verified {
            VerifiedToken::Bearer(_) => None,
            VerifiedToken::Bound { submitted_digest, .. } => {
                // It is one of those that it was verified with.
                let key = TrustedKey::of_token(&name, &keys, said.key(), said.kid());
                let key = key.ok_or_else(|| Unrecognised::Keys { issuer: name.to_string() })?;
                let evidence = Evidence::Jwt { token: token.into() };
                Some(BoundEvidence { submitted_digest: *submitted_digest, evidence, key })
            }
        };
        Ok(Recognised { bound, ..recognised(&issuer, workload, proof, now_ms)? }.into())
    }

    /// Recognises that token or certificate again without verifying it. Of those who were let in alone: who wasn't may have any number of
    /// them. One that is bound comes once, and isn't kept.
    pub(crate) fn remember(&self, recognised: &Arc<Recognised>) {
        if recognised.bound.is_none() {
            self.0.verified.keep(recognised);
        }
    }

    /// How it stands with the keys of each.
    pub(crate) fn standing(&self) -> Vec<KeysStanding> {
        self.all().values().map(|issuer| issuer.standing()).collect()
    }

    fn all(&self) -> Arc<ByName> {
        Arc::clone(&self.0.configured.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn configured(&self, name: &jwt::Issuer) -> Option<Arc<ConfiguredIssuer>> {
        self.all().get(name).cloned()
    }

    /// Who brought what has this digest, where that was verified, and still holds.
    fn find(&self, digest: &Hash, now_ms: u64) -> Option<Arc<Recognised>> {
        self.0.verified.find(digest, now_ms, |issuer, anchor| {
            let now = self.configured(&issuer.name);
            now.is_some_and(|now| **now.settings() == *issuer && self.unshared(&now.keys()).has(anchor))
        })
    }

    /// What of an issuer's keys vouches for it alone: the others vouch for nobody. Whoever uses keys uses these.
    fn unshared(&self, keys: &Arc<KeySet>) -> Arc<KeySet> {
        let all = self.all();
        let sets: Vec<_> = all.values().map(|issuer| issuer.last_keys()).collect();
        let before = Arc::clone(&self.0.shared.read().unwrap_or_else(PoisonError::into_inner));
        if before.is_of(&sets) {
            return before.without(keys);
        }
        let now = Arc::new(SharedKeys::among(all.keys(), sets));
        now.tell(&before);
        *self.0.shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&now);
        now.without(keys)
    }
}

/// Of a log without a name, which has no issuers.
impl Default for Issuers {
    fn default() -> Self {
        Self::new("")
    }
}

/// The start of a foreign issuer's name.
fn excerpt(name: &jwt::Issuer) -> String {
    name.to_string().chars().take(EXCERPT_CHARS).collect()
}

fn recognised(
    issuer: &ConfiguredIssuer,
    workload: Workload,
    proof: Proof,
    now_ms: u64,
) -> Result<Recognised, Unrecognised> {
    workload.check_size()?;
    let Workload { identity, value: mut workload } = workload;
    // It held then, and nothing holds at a later time.
    let verified_at_ms = Value::Integer(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let inserted = workload.insert("verified_at_ms", verified_at_ms);
    debug_assert!(inserted.is_ok(), "evidence doesn't say when it was looked at");
    let issuer = Arc::clone(issuer.settings());
    Ok(Recognised { issuer, identity, workload: Value::Map(workload), proof, bound: None })
}

#[cfg(test)]
mod tests;
