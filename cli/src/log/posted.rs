//! What is posted to a log.

use crate::local::settings::token::Token;

/// One submission.
pub(crate) struct Posted<'a> {
    pub(crate) body: &'a str,
    pub(crate) idempotency_key: &'a str,
    pub(crate) bound_by: BoundBy<'a>,
    /// The token in the body, where its evidence is one.
    pub(crate) token: Option<&'a Token>,
}

impl<'a> Posted<'a> {
    /// What of it isn't for others' eyes.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &'a Token> {
        let in_header = match self.bound_by {
            BoundBy::Header(token) => Some(token),
            BoundBy::Nothing | BoundBy::Evidence => None,
        };
        in_header.into_iter().chain(self.token)
    }
}

/// What binds a submission to its workload, by where it stands.
#[derive(Clone, Copy)]
pub(crate) enum BoundBy<'a> {
    Nothing,
    /// A token in the place of the client's own, which authorises this submission alone.
    Header(&'a Token),
    /// What is in the body. Whatever else the client shows authorises.
    Evidence,
}
