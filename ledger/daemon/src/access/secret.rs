//! The text of a token: `plt_<id>_<secret>`, 8 lowercase hex digits and 43 characters of base64url, of 32 random bytes.
//!
//! The prefix is for people and for scanners of leaked secrets. The id is public: it finds the row, is logged, and tells one
//! token from another. Of the whole text the daemon keeps a SHA-256 alone; 256 random bits need no slow hash.

use base64ct::{Base64UrlUnpadded, Encoding};
use provlog_core::{Hash, hex};
use std::fmt;

/// What every token begins with.
const PREFIX: &str = "plt_";

/// Whether a text is meant to be a token of a log, and no other token.
pub(crate) fn is_meant_by(presented: &str) -> bool {
    presented.starts_with(PREFIX)
}

/// Bytes of an id.
const ID_BYTES: usize = 4;

/// Random bytes of the secret part.
const SECRET_BYTES: usize = 32;

/// The public part of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TokenId(pub(crate) [u8; ID_BYTES]);

impl TokenId {
    /// The id in what a caller sent, where that begins as tokens do. Nothing is said of the rest.
    pub(crate) fn of(presented: &str) -> Option<Self> {
        let (id, _secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
        Self::from_hex(id)
    }

    /// From 8 lowercase hex digits.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        hex::decode_array(text).map(Self)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// A whole token, in the moment in which it is made: it is printed once, and nobody keeps it.
pub(crate) struct Secret {
    id: TokenId,
    text: String,
}

impl Secret {
    /// One that nobody had before.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn draw() -> Result<Self, getrandom::Error> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        let id = TokenId(id);
        Ok(Self { id, text: format!("{PREFIX}{id}_{}", Base64UrlUnpadded::encode_string(&secret)) })
    }

    pub(crate) const fn id(&self) -> TokenId {
        self.id
    }

    /// What is kept of it.
    pub(crate) fn digest(&self) -> Hash {
        digest(&self.text)
    }

    /// All of it, to be handed to whoever asked for it.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({PREFIX}{}_...)", self.id)
    }
}

/// What is kept of a token, and compared.
pub(crate) fn digest(token: &str) -> Hash {
    Hash::plain(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_form_and_is_nobody_else_s() {
        let (one, other) = (Secret::draw().unwrap(), Secret::draw().unwrap());
        assert_ne!(one.reveal(), other.reveal());
        let parts: Vec<&str> = one.reveal().splitn(3, '_').collect();
        assert_eq!((parts[0], parts[1], parts[2].len()), ("plt", &*one.id().to_string(), 43));
        assert_eq!(Base64UrlUnpadded::decode_vec(parts[2]).unwrap().len(), SECRET_BYTES);
        assert_eq!(TokenId::of(one.reveal()), Some(one.id()));
        let shown = format!("{one:?}");
        assert!(shown.contains(parts[1]) && !shown.contains(parts[2]), "{shown}");
    }

    #[test]
    fn ids_are_lowercase_hex_behind_the_prefix() {
        assert_eq!(TokenId::of("plt_00ff00ff_x"), Some(TokenId([0, 255, 0, 255])));
        for bad in [
            "",
            "plt_",
            "plt_00ff00ff",
            "plt_00FF00FF_x",
            "plt_00ff00f_x",
            "tlp_00ff00ff_x",
            "PLT_00ff00ff_x",
        ] {
            assert_eq!(TokenId::of(bad), None, "{bad}");
        }
    }
}
