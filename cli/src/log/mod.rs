//! Everything that talks to a log: the only code that opens sockets.

pub(crate) mod access;
mod advice;
mod agent;
pub(crate) mod client;
pub(crate) mod github;
mod identity;
pub(crate) mod posted;
mod refusal;
pub(crate) mod retry;
mod roots;
pub(crate) mod svid;
#[cfg(test)]
mod tests;
mod unanswered;
mod unix;
pub(crate) mod url;
mod whole;
#[cfg(feature = "workload-api")]
pub(crate) mod workload_api;
