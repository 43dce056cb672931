//! The tokens of a log: what is kept of each, and which of them a caller's is.
//!
//! They are only added and revoked, never removed, so a name stays taken for ever: entries tell who appended them by it.

use crate::access::date::Expiry;
use crate::access::error::TokensError;
use crate::access::role::Role;
use crate::access::secret::{TokenId, digest};
use provlog_core::Hash;
use provlog_core::claims::{KINDS, kind_named};
use provlog_core::time::rfc3339_s;
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Tokens of a log, those that are revoked or over included.
pub(crate) const TOKENS_MAX: usize = 4_096;

/// Bytes of a token's name, and of the name of an environment.
const NAME_BYTES_MAX: usize = 63;

/// Kinds, and environments, that a token may be restricted to.
pub(crate) const RESTRICTED_MAX: usize = 16;

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) id: TokenId,
    pub(crate) name: String,
    /// Of the whole token.
    pub(crate) sha256: Hash,
    pub(crate) roles: Vec<Role>,
    /// The only kinds that it appends; none where it appends all.
    pub(crate) kinds: Vec<String>,
    /// The only environments that it appends for; none where it does for all.
    pub(crate) environments: Vec<String>,
    pub(crate) created_s: u64,
    pub(crate) expires: Expiry,
    pub(crate) revoked_s: Option<u64>,
}

/// Every token that was ever made, in the order in which they were.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tokens {
    rows: Vec<Arc<Token>>,
    by_id: HashMap<TokenId, usize>,
    by_name: HashMap<String, usize>,
}

impl Tokens {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Token> {
        self.rows.iter().map(Arc::as_ref)
    }

    /// The token that a caller sent, if it is one of these. What it costs, and how long it takes, doesn't tell whether the id is
    /// one of these: something is hashed, and compared in constant time, for every id.
    pub(crate) fn find(&self, presented: &str) -> Option<&Arc<Token>> {
        const NOBODY: Hash = Hash([0; 32]);
        let place = TokenId::of(presented).and_then(|id| self.by_id.get(&id));
        let found = place.and_then(|place| self.rows.get(*place));
        let kept = found.map_or(&NOBODY, |token| &token.sha256);
        let same = bool::from(digest(presented).0.ct_eq(&kept.0));
        found.filter(|_| same)
    }

    /// Whether a token has this id.
    pub(crate) fn has(&self, id: TokenId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Adds a token.
    ///
    /// # Errors
    /// When its name was given before, its id is another's, or there is no room.
    pub(crate) fn add(&mut self, token: Token) -> Result<(), TokensError> {
        if let Some(taken) = self.by_name.get(&token.name).and_then(|place| self.rows.get(*place)) {
            let created = rfc3339_s(taken.created_s);
            return Err(TokensError::NameTaken { name: token.name, created });
        }
        if self.has(token.id) {
            return Err(TokensError::IdTaken(token.id.to_string()));
        }
        if self.rows.len() >= TOKENS_MAX {
            return Err(TokensError::Full(TOKENS_MAX));
        }
        self.by_id.insert(token.id, self.rows.len());
        self.by_name.insert(token.name.clone(), self.rows.len());
        self.rows.push(Arc::new(token));
        Ok(())
    }

    /// Revokes the token of this name, and says when that was done: one that is revoked stays as it is.
    ///
    /// # Errors
    /// When no token has the name.
    pub(crate) fn revoke(&mut self, name: &str, now_s: u64) -> Result<u64, TokensError> {
        let found = self.by_name.get(name).and_then(|place| self.rows.get_mut(*place));
        let token = found.ok_or_else(|| TokensError::NoSuchName(name.into()))?;
        Ok(*Arc::make_mut(token).revoked_s.get_or_insert(now_s))
    }
}

/// A name, as tokens and environments have one.
///
/// # Errors
/// What was expected.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let starts = text.bytes().next().is_some_and(plain);
    if starts
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| plain(byte) || b"._-".contains(&byte))
    {
        return Ok(text.into());
    }
    Err(format!("expected 1 to {NAME_BYTES_MAX} of a-z 0-9 . _ -, the first a letter or digit"))
}

/// The name of a kind that this version takes from clients.
///
/// # Errors
/// Those that there are.
pub(crate) fn kind(text: &str) -> Result<String, String> {
    match kind_named(text).filter(|kind| kind.accepted) {
        Some(kind) => Ok(kind.name.into()),
        None => {
            let names: Vec<&str> = KINDS.iter().filter(|kind| kind.accepted).map(|kind| kind.name).collect();
            Err(format!("expected one of {}, got {text:?}", names.join(", ")))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::access::secret::Secret;

    /// A token with these roles, which isn't restricted and doesn't end.
    pub(crate) fn token(secret: &Secret, name: &str, roles: &[Role]) -> Token {
        Token {
            id: secret.id(),
            name: name.into(),
            sha256: secret.digest(),
            roles: roles.into(),
            kinds: Vec::new(),
            environments: Vec::new(),
            created_s: 1_790_000_000,
            expires: Expiry::Never,
            revoked_s: None,
        }
    }

    fn one() -> (Secret, Tokens) {
        let secret = Secret::draw().unwrap();
        let mut tokens = Tokens::default();
        tokens.add(token(&secret, "ci", &[Role::Append])).unwrap();
        (secret, tokens)
    }

    #[test]
    fn only_the_whole_token_is_found() {
        let (secret, tokens) = one();
        assert_eq!(tokens.find(secret.reveal()).unwrap().name, "ci");
        let other = Secret::draw().unwrap();
        let (id, rest) = (secret.id(), &other.reveal()[13..]);
        let text = secret.reveal();
        for wrong in [
            other.reveal().to_owned(),
            format!("plt_{id}_{rest}"),
            format!("plt_{id}_"),
            format!("{text} "),
            format!("{text}="),
            text[..text.len() - 1].into(),
            text.to_uppercase(),
            String::new(),
        ] {
            assert_eq!(tokens.find(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_is_given_once_and_stays_taken() {
        let (_, mut tokens) = one();
        let again = |tokens: &mut Tokens| tokens.add(token(&Secret::draw().unwrap(), "ci", &[Role::Read]));
        assert!(matches!(again(&mut tokens), Err(TokensError::NameTaken { .. })));
        assert_eq!(tokens.revoke("ci", 5).unwrap(), 5);
        assert_eq!(tokens.revoke("ci", 6).unwrap(), 5, "it was revoked then, and isn't again");
        assert!(matches!(again(&mut tokens), Err(TokensError::NameTaken { .. })));
        assert!(matches!(tokens.revoke("other", 5), Err(TokensError::NoSuchName(_))));
        let full = (1..TOKENS_MAX).try_for_each(|number| {
            tokens.add(token(&Secret::draw().unwrap(), &format!("n{number}"), &[Role::Read]))
        });
        full.unwrap();
        let one_more = tokens.add(token(&Secret::draw().unwrap(), "more", &[Role::Read]));
        assert!(matches!(one_more, Err(TokensError::Full(TOKENS_MAX))));
        assert_eq!(tokens.rows().count(), TOKENS_MAX);
    }
}
