//! The issuers that a running daemon goes by.

use crate::identity::issuer::Issuer;
use crate::identity::recognised::{Recognised, Unrecognised};
use provlog_evidence::jwt::BearerAudienceError;
use std::sync::Arc;

/// All of them, with their keys and the tokens that were verified.
#[derive(Debug, Default)]
pub(crate) struct Issuers {}

/// An issuer that a log can't go by.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("issuer {url}: {source}")]
pub(crate) struct IssuerError {
    /// Whose audience it is.
    pub(crate) url: String,
    /// What is wrong with it at this log.
    pub(crate) source: BearerAudienceError,
}

impl Issuers {
    /// Those of the log of this origin; none at first.
    pub(crate) fn new(_origin: &str) -> Self {
        todo!()
    }

    /// Goes by these from now on, and keeps the keys of those that are the same. All of them are checked before any is taken.
    ///
    /// # Errors
    /// [`IssuerError`], where one can't be gone by at this log.
    pub(crate) fn replace(&self, _issuers: Vec<Issuer>) -> Result<(), IssuerError> {
        todo!()
    }

    /// Who brings this token, at this time, in milliseconds since the Unix epoch. Waits for keys, where none fit, as long as a fetch may take.
    ///
    /// # Errors
    /// [`Unrecognised`] says why it is nobody's, or why that can't be told now. None of it has the token in it.
    pub(crate) async fn recognise(&self, _token: &str, _now_ms: u64) -> Result<Arc<Recognised>, Unrecognised> {
        todo!()
    }
}
