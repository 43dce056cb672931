//! Tokens: JSON Web Tokens in compact form (RFC 7515, 7519), and JWT-SVIDs, which are such tokens (`SPEC.md` section 12.3).
//!
//! What a token says of itself decides nothing: which issuer's keys it is checked with is compared with the issuer that
//! those keys were given for, and how it is signed is the key's own property. What is verified is either a [`BoundToken`]
//! or a [`BearerToken`], and neither can be taken for the other.

mod error;
mod issuer;
mod read;

pub use error::{BOUND_VALID_S_MAX, BearerAudienceError, JwtError, SKEW_MS, TOKEN_BYTES_MAX};
pub use issuer::Issuer;

use crate::jwk::{Algorithm, Jwk, Thumbprint};
use crate::spiffe::SpiffeId;
use crate::submission::bound_audience;
use crate::window::Window;
use provlog_core::hex;
use provlog_core::json::Json;
use read::{
    algorithm, audiences, check_digits, check_header, excerpt, object, oidc_issuer, part, subject, text,
    validity,
};
use sha2::{Digest, Sha256};
use std::fmt;

/// The keys of one issuer, for that issuer alone, and which of them a token may be verified with.
#[derive(Clone, Copy, Debug)]
pub struct IssuerKeys<'a> {
    issuer: &'a Issuer,
    keys: &'a [Jwk],
    choice: Choice,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    Kid,
    Thumbprint(Thumbprint),
}

impl<'a> IssuerKeys<'a> {
    /// As the log chooses: all keys that have the token's `kid`, which only narrows. Of a trust domain the keys are the
    /// `jwt-svid` members of its bundle.
    #[must_use]
    pub const fn by_kid(issuer: &'a Issuer, keys: &'a [Jwk]) -> Self {
        Self { issuer, keys, choice: Choice::Kid }
    }

    /// As a reader chooses, whose keys may be called otherwise than the issuer called them once: the key that evidence names.
    #[must_use]
    pub const fn by_thumbprint(issuer: &'a Issuer, keys: &'a [Jwk], thumbprint: Thumbprint) -> Self {
        Self { issuer, keys, choice: Choice::Thumbprint(thumbprint) }
    }
}

/// The audience of bearer tokens at one log, which is never one of a bound token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BearerAudience {
    audience: String,
    origin: String,
}

impl BearerAudience {
    /// Takes an audience for the log of this origin.
    ///
    /// # Errors
    /// An empty one, and one that could be taken for a bound token's.
    pub fn new(audience: &str, origin: &str) -> Result<Self, BearerAudienceError> {
        if audience.is_empty() {
            return Err(BearerAudienceError::Empty);
        }
        if is_of_origin(audience, origin) {
            return Err(BearerAudienceError::Origin(audience.into()));
        }
        Ok(Self { audience: audience.into(), origin: origin.into() })
    }
}

/// Whether an audience is kept for what is bound.
fn is_of_origin(audience: &str, origin: &str) -> bool {
    audience.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// A token that was read and not yet verified. It says whose keys are needed, and is good for nothing else.
pub struct UnverifiedToken<'a> {
    token: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: String,
    issuer: Issuer,
    subject: String,
    audiences: Vec<String>,
    valid_s: u64,
    window: Window,
    payload: Json,
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Reads a token, and everything in it that doesn't take a key.
    ///
    /// # Errors
    /// What isn't a token in every part: [`JwtError::Algorithm`] where it may be one of a later version.
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwtError::Large(token.len()));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err(JwtError::Parts(parts.len())) };
        // First of all: a token of a later version may be otherwise in everything else.
        let header = object(header, "header")?;
        let algorithm = algorithm(&header)?;
        let payload = object(payload, "payload")?;
        let signature = part(signature, "signature")?;

        let subject = subject(&payload)?;
        let issuer = if SpiffeId::is_meant_by(&subject) {
            Issuer::Spiffe(SpiffeId::parse(&subject)?.trust_domain().clone())
        } else {
            Issuer::Oidc(oidc_issuer(&payload)?)
        };
        let is_spiffe = matches!(issuer, Issuer::Spiffe(_));
        if is_spiffe && algorithm == Algorithm::EdDsa {
            return Err(JwtError::SpiffeAlgorithm);
        }
        check_header(&header, is_spiffe)?;
        if issuer.is_github() {
            check_digits(&payload, "repository_owner_id")?;
            check_digits(&payload, "repository_id")?;
        }
        let kid = text(&header, "kid")?.to_string();
        let audiences = audiences(&payload)?;
        let (valid_s, window) = validity(&payload)?;
        Ok(Self { token, signature, algorithm, kid, issuer, subject, audiences, valid_s, window, payload })
    }

    /// Whose keys it has to be verified with.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The submission to the log of this origin that it says it is bound to; none where it says anything else. Whether it is
    /// decides [`UnverifiedToken::of_submission`].
    #[must_use]
    pub fn says_bound_to(&self, origin: &str) -> Option<[u8; 32]> {
        let [audience] = &self.audiences[..] else { return None };
        hex::decode_array(audience.strip_prefix(origin)?.strip_prefix(':')?)
    }

    /// When it holds, by its own word.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// Looks whether it is bound to exactly this submission to this log, and holds at this time. Nobody's word stands behind
    /// that yet.
    ///
    /// # Errors
    /// Another audience, another time, or a validity that is too long.
    pub fn of_submission(
        self,
        origin: &str,
        submitted_digest: &[u8; 32],
        at_ms: u64,
    ) -> Result<UnverifiedBoundToken<'a>, JwtError> {
        self.check_time(at_ms)?;
        let audience = bound_audience(origin, submitted_digest);
        if self.audiences != [&*audience] {
            return Err(self.another_audience(format!("{audience:?} alone")));
        }
        if self.valid_s > BOUND_VALID_S_MAX {
            return Err(JwtError::LongValidity(self.valid_s));
        }
        Ok(UnverifiedBoundToken { token: self, audience })
    }

    /// Verifies that the issuer vouches for the subject at this time, towards whoever may ask for this audience. It says
    /// nothing of what is submitted with it.
    ///
    /// # Errors
    /// Another issuer, another audience, another time, or a signature that is none.
    pub fn bearer(
        self,
        keys: IssuerKeys<'_>,
        audience: &BearerAudience,
        at_ms: u64,
    ) -> Result<BearerToken, JwtError> {
        self.check_time(at_ms)?;
        let BearerAudience { audience, origin } = audience;
        let is_bound = self.audiences.iter().any(|item| is_of_origin(item, origin));
        if is_bound || !self.audiences.contains(audience) {
            return Err(self.another_audience(format!("{audience:?}, and none of {origin:?}")));
        }
        let token_digest = Sha256::digest(self.token).into();
        let key = self.verify(keys)?;
        Ok(BearerToken { token: self.verified(audience.clone(), key), token_digest })
    }

    fn check_time(&self, at_ms: u64) -> Result<(), JwtError> {
        let window = self.window;
        if window.contains(at_ms) { Ok(()) } else { Err(JwtError::Time { at_ms, window }) }
    }

    fn another_audience(self, expected: String) -> JwtError {
        let got = match &self.audiences[..] {
            [] => "none".into(),
            [one] => excerpt(one),
            several => format!("{} of them", several.len()),
        };
        JwtError::Member { member: "aud", expected, got }
    }

    fn verify(&self, given: IssuerKeys<'_>) -> Result<Thumbprint, JwtError> {
        let (issuer, kid) = (self.issuer.clone(), self.kid.clone());
        if *given.issuer != issuer {
            return Err(JwtError::Issuer { expected: given.issuer.clone(), got: issuer });
        }
        let chosen = |key: &&Jwk| match given.choice {
            Choice::Kid => key.kid() == kid,
            Choice::Thumbprint(thumbprint) => key.thumbprint() == thumbprint,
        };
        let chosen: Vec<&Jwk> = given.keys.iter().filter(chosen).collect();
        if chosen.is_empty() {
            return Err(match given.choice {
                Choice::Kid => JwtError::NoKey { issuer, kid },
                Choice::Thumbprint(thumbprint) => JwtError::NotGiven { issuer, thumbprint },
            });
        }
        let algorithm = self.algorithm;
        let mut keys = chosen.into_iter().filter(|key| key.algorithm() == algorithm).peekable();
        if keys.peek().is_none() {
            return Err(JwtError::KeyAlgorithm { issuer, kid, algorithm });
        }
        let (signed, _) = self.token.rsplit_once('.').unwrap_or_default();
        let verified = keys.find(|key| key.verifies(signed.as_bytes(), &self.signature));
        verified.map(Jwk::thumbprint).ok_or(JwtError::Signature { issuer, kid })
    }

    fn verified(self, audience: String, key: Thumbprint) -> VerifiedToken {
        let Self { issuer, subject, window, payload, kid, .. } = self;
        VerifiedToken { issuer, subject, audience, window, payload, key, kid }
    }
}

/// What a token says that a `workload` is computed from, whether anybody signed it or not.
pub(crate) struct Said<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) subject: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) payload: &'a Json,
}

/// A token that says that it is bound to one submission to one log. A reader without the issuer's keys gets this far.
#[derive(Debug)]
pub struct UnverifiedBoundToken<'a> {
    token: UnverifiedToken<'a>,
    audience: String,
}

impl UnverifiedBoundToken<'_> {
    /// Whose keys it has to be verified with.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.token.issuer
    }

    /// When it holds: an entry that a log writes has its time in it.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.token.window
    }

    /// Verifies that the issuer vouches for the subject having submitted exactly this to this log.
    ///
    /// # Errors
    /// Another issuer, no such key, or a signature that is none.
    pub fn verified(self, keys: IssuerKeys<'_>) -> Result<BoundToken, JwtError> {
        let key = self.token.verify(keys)?;
        Ok(BoundToken(self.token.verified(self.audience, key)))
    }

    pub(crate) fn said(&self) -> Said<'_> {
        let UnverifiedToken { issuer, subject, payload, .. } = &self.token;
        Said { issuer, subject, audience: &self.audience, payload }
    }
}

/// What an issuer signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedToken {
    issuer: Issuer,
    subject: String,
    audience: String,
    window: Window,
    key: Thumbprint,
    kid: String,
    payload: Json,
}

impl VerifiedToken {
    /// Who signed it.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The key that verified it.
    #[must_use]
    pub const fn key(&self) -> Thumbprint {
        self.key
    }

    /// What its issuer called that key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// When it holds: an entry that a log writes has its time in it.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    pub(crate) fn said(&self) -> Said<'_> {
        let Self { issuer, subject, audience, payload, .. } = self;
        Said { issuer, subject, audience, payload }
    }
}

/// A token whose signature covers one submission to one log. There is no way to it but [`UnverifiedBoundToken::verified`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundToken(VerifiedToken);

impl BoundToken {
    /// What it says.
    #[must_use]
    pub const fn token(&self) -> &VerifiedToken {
        &self.0
    }
}

/// A token that whoever holds it can use again: never kept, and known by its digest alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BearerToken {
    token: VerifiedToken,
    token_digest: [u8; 32],
}

impl BearerToken {
    /// What it says.
    #[must_use]
    pub const fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// SHA-256 of the token as it was sent.
    #[must_use]
    pub const fn token_digest(&self) -> &[u8; 32] {
        &self.token_digest
    }
}
