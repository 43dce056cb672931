//! Everything that talks to a log: the only code that opens sockets.

pub(crate) mod access;
mod agent;
pub(crate) mod client;
mod identity;
pub(crate) mod retry;
mod roots;
#[cfg(test)]
mod tests;
mod unanswered;
mod unix;
mod url;
mod whole;
