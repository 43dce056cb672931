//! TLS of the listeners: 1.2 and 1.3 by rustls with aws-lc-rs, from files that may change while the daemon runs.

pub mod error;
pub mod failure;
pub mod renewal;

pub(crate) mod handshakes;
pub(crate) mod pem;

mod configuration;
mod svids;
