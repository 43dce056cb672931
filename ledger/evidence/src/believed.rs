//! What a reader believes beside the log: keys of issuers, bundles of trust domains, a roster (`SPEC.md` section 12.7).

use crate::jwk::{Jwk, Jwks, JwksError};
use crate::jwt::Issuer;
use crate::roster::{Roster, RosterError};
use crate::spiffe::{SpiffeError, TrustDomain};
use crate::svid::{Bundle, BundleMember, Ca};
use std::collections::BTreeMap;

/// Keys and persons, each believed for its issuer, trust domain or roster alone. They come from elsewhere than the log.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    keys: BTreeMap<Issuer, Vec<Jwk>>,
    cas: BTreeMap<TrustDomain, Vec<Ca>>,
    roster: Option<Roster>,
}

/// Why what a reader gave isn't believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BelievedError {
    /// Two files for one issuer or trust domain: a reader has to say which.
    #[error("{0} is given twice")]
    Twice(String),
    /// Two rosters.
    #[error("a roster is given twice")]
    RosterTwice,
    /// An issuer that no token can name.
    #[error("expected an issuer, visible ASCII without \"#\", got {0:?}")]
    Issuer(String),
    /// A name that is no trust domain.
    #[error(transparent)]
    TrustDomain(#[from] SpiffeError),
    /// What isn't a set of keys.
    #[error("{of}: {problem}")]
    Keys {
        /// Whose keys they were to be.
        of: String,
        /// What is wrong with them.
        problem: JwksError,
    },
    /// A set in which no key can be used, so that it proves nothing.
    #[error("{of}: expected a key that can be used, got none of {count}")]
    NoKey {
        /// Whose keys they were to be.
        of: String,
        /// How many there are.
        count: usize,
    },
    /// One CA for two trust domains: each would vouch for the other's workloads.
    #[error("trust domains {0} and {1} have a CA with one key")]
    SharedCa(String, String),
    /// What isn't a roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
}

impl Believed {
    /// Adds the keys of an OIDC issuer, by its `iss`: a JWKS.
    ///
    /// # Errors
    /// [`BelievedError`].
    pub fn add_issuer(&mut self, iss: &str, jwks: &[u8]) -> Result<(), BelievedError> {
        if iss.is_empty() || !iss.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(BelievedError::Issuer(iss.into()));
        }
        let issuer = Issuer::Oidc(iss.into());
        if self.keys.contains_key(&issuer) {
            return Err(BelievedError::Twice(iss.into()));
        }
        let problem = |problem| BelievedError::Keys { of: iss.into(), problem };
        let Jwks { keys, skipped } = Jwks::parse(jwks).map_err(problem)?;
        if keys.is_empty() {
            return Err(BelievedError::NoKey { of: iss.into(), count: skipped.len() });
        }
        self.keys.insert(issuer, keys);
        Ok(())
    }

    /// Adds the bundle of a trust domain, by its name: SPIFFE's JSON.
    ///
    /// # Errors
    /// [`BelievedError`].
    pub fn add_bundle(&mut self, trust_domain: &str, bundle: &[u8]) -> Result<(), BelievedError> {
        let domain = TrustDomain::parse(trust_domain)?;
        let issuer = Issuer::Spiffe(domain.clone());
        if self.keys.contains_key(&issuer) {
            return Err(BelievedError::Twice(trust_domain.into()));
        }
        let problem = |problem| BelievedError::Keys { of: trust_domain.into(), problem };
        let Bundle { members, skipped, .. } = Bundle::parse(bundle).map_err(problem)?;
        if members.is_empty() {
            return Err(BelievedError::NoKey { of: trust_domain.into(), count: skipped.len() });
        }
        let (mut keys, mut cas) = (Vec::new(), Vec::new());
        for member in members {
            match member {
                BundleMember::JwtSvid(key) => keys.push(key),
                BundleMember::X509Svid(ca) => cas.push(ca),
            }
        }
        for (other, theirs) in &self.cas {
            if theirs.iter().any(|their| cas.iter().any(|ca: &Ca| ca.key() == their.key())) {
                return Err(BelievedError::SharedCa(other.as_str().into(), trust_domain.into()));
            }
        }
        self.keys.insert(issuer, keys);
        self.cas.insert(domain, cas);
        Ok(())
    }

    /// Sets the roster: an OpenSSH `allowed_signers` file.
    ///
    /// # Errors
    /// [`BelievedError`].
    pub fn set_roster(&mut self, file: &[u8]) -> Result<(), BelievedError> {
        if self.roster.is_some() {
            return Err(BelievedError::RosterTwice);
        }
        self.roster = Some(Roster::parse(file)?);
        Ok(())
    }

    /// The keys that were given for an issuer; none where it was not given.
    pub(crate) fn keys(&self, issuer: &Issuer) -> &[Jwk] {
        self.keys.get(issuer).map_or(&[], Vec::as_slice)
    }

    /// The CAs that were given for a trust domain; none where it was not given.
    pub(crate) fn cas(&self, domain: &TrustDomain) -> &[Ca] {
        self.cas.get(domain).map_or(&[], Vec::as_slice)
    }

    pub(crate) const fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }
}
