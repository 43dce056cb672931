//! What is posted to a log.

use crate::local::settings::token::Token;

/// One submission.
pub(crate) struct Posted<'a> {
    pub(crate) body: &'a str,
    pub(crate) idempotency_key: &'a str,
    pub(crate) bound_by: BoundBy<'a>,
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
