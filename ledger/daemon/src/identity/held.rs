//! What is held of an issuer's keys, and what became of the attempts to get them.

use crate::identity::error::{KeysError, Outcome};
use crate::identity::key_set::KeySet;
use provlog_evidence::jwt;
use std::sync::Arc;

/// Keys that were taken, until others are.
#[derive(Debug, Default)]
pub(super) struct HeldKeys {
    set: Arc<KeySet>,
    /// When they were taken, in seconds since the Unix epoch.
    taken_s: Option<u64>,
    /// Attempts, in the order of [`Outcome::ALL`].
    attempts: [u64; Outcome::ALL.len()],
    /// Why the last attempt came to nothing, as it was logged.
    told: Option<String>,
}

/// How it stands with an issuer's keys, for whoever measures it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeysStanding {
    /// Whose: as `iss` has it, or `spiffe://` and the trust domain.
    pub(crate) issuer: String,
    /// How many keys of tokens can be used now.
    pub(crate) keys: usize,
    /// How many CAs; none of what isn't a trust domain.
    pub(crate) cas: Option<usize>,
    /// When they were fetched, in seconds since the Unix epoch; none where they never were, or lie in a file.
    pub(crate) fetched_s: Option<u64>,
    /// Whether the last attempt to get them came to nothing.
    pub(crate) is_failing: bool,
    /// What became of each attempt since the issuer was configured.
    pub(crate) attempts: [(Outcome, u64); Outcome::ALL.len()],
}

impl HeldKeys {
    /// The keys that were taken last.
    pub(super) const fn set(&self) -> &Arc<KeySet> {
        &self.set
    }

    /// When they were taken, in seconds since the Unix epoch.
    pub(super) const fn taken_s(&self) -> Option<u64> {
        self.taken_s
    }

    /// Whether the last attempt came to nothing.
    const fn is_failing(&self) -> bool {
        self.told.is_some()
    }

    /// Whether the last attempt got them.
    pub(super) const fn is_newest(&self) -> bool {
        self.told.is_none() && self.taken_s.is_some()
    }

    /// How it stands, where these can be used now.
    pub(super) fn standing(
        &self,
        issuer: &jwt::Issuer,
        usable: &KeySet,
        fetched_s: Option<u64>,
    ) -> KeysStanding {
        let is_domain = matches!(issuer, jwt::Issuer::Spiffe(_));
        KeysStanding {
            issuer: issuer.to_string(),
            keys: usable.keys().len(),
            cas: is_domain.then(|| usable.cas().len()),
            fetched_s,
            is_failing: self.is_failing(),
            attempts: self.attempts(),
        }
    }

    /// What became of the attempts so far.
    fn attempts(&self) -> [(Outcome, u64); Outcome::ALL.len()] {
        let mut counts = self.attempts.into_iter();
        Outcome::ALL.map(|outcome| (outcome, counts.next().unwrap_or_default()))
    }

    /// Ends the keys that there are.
    pub(super) fn end(&mut self) {
        self.set = Arc::default();
    }

    /// Takes other keys, at this time, in seconds since the Unix epoch; or keeps those that there are, and says why, once for each reason. Says whether it took them.
    pub(super) fn take(&mut self, issuer: &jwt::Issuer, read: Result<KeySet, KeysError>, now_s: u64) -> bool {
        let outcome = read.as_ref().map_or_else(KeysError::outcome, |_| Outcome::Taken);
        for (counted, count) in Outcome::ALL.into_iter().zip(&mut self.attempts) {
            *count += u64::from(counted == outcome);
        }
        match read {
            Ok(set) => {
                let (keys, cas) = (set.keys().len(), set.cas().len());
                if self.told.take().is_some() || !set.is_same(&self.set) {
                    tracing::info!(%issuer, keys, cas, "keys of an issuer were taken");
                }
                self.set = set.into();
                self.taken_s = Some(now_s);
                true
            }
            Err(error) => {
                let (why, keys, cas) = (error.to_string(), self.set.keys().len(), self.set.cas().len());
                if self.told.as_ref() != Some(&why) {
                    let stays =
                        if self.set.is_empty() { "there are none" } else { "those that there are stay" };
                    tracing::error!(%issuer, %error, keys, cas, "keys of an issuer can't be had anew: {stays}");
                }
                self.told = Some(why);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{Signer, jwks};

    #[test]
    fn what_comes_to_nothing_is_counted_and_changes_nothing() {
        let one = Signer::new("one");
        let mut held = HeldKeys::default();
        assert!(!held.is_newest());
        let issuer = jwt::Issuer::Oidc("i".into());
        assert!(held.take(&issuer, KeySet::parse(&issuer, jwks(&[&one]).as_bytes()), 7));
        assert!(held.is_newest() && !held.is_failing());
        let first = Arc::clone(held.set());
        assert!(!held.take(&issuer, KeySet::parse(&issuer, b"{}"), 8));
        assert!(!held.take(&issuer, Err(KeysError::Panicked), 9));
        assert!(Arc::ptr_eq(held.set(), &first) && !held.is_newest() && held.is_failing());
        assert_eq!(held.taken_s(), Some(7));
        let counted = [(Outcome::Taken, 1), (Outcome::Unanswered, 1), (Outcome::Refused, 1)];
        assert_eq!(held.attempts(), counted);
    }
}
