//! Keys that would vouch for more than one: a CA's key that is in the bundles of two trust domains, or that signs tokens as well.
//! Whoever has it could pass for what only the other vouches for, so that it vouches for nobody (SPEC.md, section 12.4).
//!
//! Sets come and go while the daemon runs, each at its own time, so this is looked at where keys are used and not where they are
//! taken: which of two came first decides nothing.

use crate::identity::key_set::KeySet;
use provlog_evidence::jwk::Jwk;
use provlog_evidence::jwt;
use provlog_evidence::signature::PublicKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Such keys among these sets.
#[derive(Debug, Default)]
pub(super) struct SharedKeys {
    sets: Vec<Arc<KeySet>>,
    /// Each, with whose it is.
    keys: HashMap<PublicKey, BTreeSet<jwt::Issuer>>,
}

impl SharedKeys {
    /// Those among these sets, each its issuer's.
    pub(super) fn among<'a>(
        issuers: impl Iterator<Item = &'a jwt::Issuer> + Clone,
        sets: Vec<Arc<KeySet>>,
    ) -> Self {
        let mut keys = HashMap::<PublicKey, BTreeSet<jwt::Issuer>>::new();
        for (issuer, ca) in issuers.clone().zip(&sets).flat_map(|(issuer, set)| of_each(issuer, set.cas())) {
            keys.entry(ca.key().clone()).or_default().insert(issuer.clone());
        }
        let mut of_tokens = HashSet::new();
        for (issuer, jwk) in issuers.zip(&sets).flat_map(|(issuer, set)| of_each(issuer, set.keys())) {
            if let Some(owners) = keys.get_mut(Jwk::key(jwk)) {
                owners.insert(issuer.clone());
                of_tokens.insert(jwk.key().clone());
            }
        }
        // A CA that is renewed under its own key is in one bundle twice, and still one domain's.
        keys.retain(|key, owners| owners.len() > 1 || of_tokens.contains(key));
        Self { sets, keys }
    }

    /// Whether it is of exactly these sets.
    pub(super) fn is_of(&self, sets: &[Arc<KeySet>]) -> bool {
        self.sets.len() == sets.len()
            && self.sets.iter().zip(sets).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// What is left of a set without them.
    pub(super) fn without(&self, set: &Arc<KeySet>) -> Arc<KeySet> {
        if self.keys.is_empty() {
            return Arc::clone(set);
        }
        set.filtered(|key| !self.keys.contains_key(key)).into()
    }

    /// Logs those that weren't there before.
    pub(super) fn tell(&self, before: &Self) {
        for (key, owners) in self.keys.iter().filter(|(key, owners)| before.keys.get(key) != Some(owners)) {
            let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
            tracing::error!(
                issuers = owners.join(", "),
                key = key.name(),
                "the key of a CA is also another trust domain's, or signs tokens: it is used for nobody until one of them leaves it out"
            );
        }
    }
}

fn of_each<'a, T>(issuer: &'a jwt::Issuer, keys: &'a [T]) -> impl Iterator<Item = (&'a jwt::Issuer, &'a T)> {
    keys.iter().map(move |key| (issuer, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{Authority, Signer, bundle, domain, jwks};

    #[test]
    fn a_ca_is_one_domain_s_and_signs_no_tokens() {
        let issuer = jwt::Issuer::Oidc("https://a.example".into());
        let (one, other) = (domain("one.example"), domain("other.example"));
        let (ca, own) = (Authority::new(), Authority::new());
        let (signer, as_signer) = (Signer::p256("a"), ca.as_signer("ca"));
        let set =
            |issuer: &jwt::Issuer, text: &str| Arc::new(KeySet::parse(issuer, text.as_bytes()).unwrap());
        let of_one = set(&one, &bundle(&[&signer], &[&ca]));
        for (others, keeps_ca, keeps_key) in [
            (vec![(&issuer, set(&issuer, &jwks(&[&signer])))], true, true),
            (vec![(&other, set(&other, &bundle(&[&signer], &[&own])))], true, true),
            (vec![(&other, set(&other, &bundle(&[], &[&own, &ca])))], false, true),
            (vec![(&other, set(&other, &bundle(&[], &[&own, &ca.renewed()])))], false, true),
            (vec![(&other, set(&other, &bundle(&[&as_signer, &signer], &[])))], false, false),
            (vec![(&issuer, set(&issuer, &jwks(&[&as_signer, &signer])))], false, false),
        ] {
            let (names, sets): (Vec<_>, Vec<_>) =
                [(&one, Arc::clone(&of_one))].into_iter().chain(others).unzip();
            let shared = SharedKeys::among(names.iter().copied(), sets.clone());
            let left = |set: &Arc<KeySet>| {
                let left = shared.without(set);
                (left.keys().len(), left.cas().len())
            };
            assert_eq!(left(&of_one), (1, usize::from(keeps_ca)), "{names:?}");
            let (keys, cas) = (sets[1].keys().len(), sets[1].cas().len());
            let gone = (usize::from(!keeps_key), usize::from(!keeps_ca && cas > 0));
            assert_eq!(left(&sets[1]), (keys - gone.0, cas - gone.1), "{names:?}");
            assert!(shared.is_of(&sets) && !shared.is_of(&sets[..1]));
        }
        let renewed = set(&one, &bundle(&[], &[&ca, &ca.renewed()]));
        let shared = SharedKeys::among([&one].into_iter(), vec![Arc::clone(&renewed)]);
        assert!(Arc::ptr_eq(&shared.without(&renewed), &renewed), "one domain's, renewed under its key");
        let both = set(&one, &bundle(&[&as_signer], &[&ca]));
        let shared = SharedKeys::among([&one].into_iter(), vec![Arc::clone(&both)]);
        assert!(shared.without(&both).is_empty());
    }
}
