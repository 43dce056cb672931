//! Everything that talks to a log: the only code that opens sockets.

pub(crate) mod access;
pub(crate) mod client;
pub(crate) mod retry;
