//! The provlog daemon: HTTP, configuration, limits, health and metrics around a [`provlog_engine::Log`].
//!
//! It parses and salts what clients send, checks every receipt before it leaves, and tells whoever is refused why. It
//! **never** writes a file of the log itself, never decides what is in a format, and never sends a receipt that core's
//! own code does not verify. Until there is authentication it listens on loopback only, and says of every submitter
//! that nothing proves who it is.
//!
//! [`daemon::run`] is the whole program; [`server`] can serve anything else within the same limits.

pub mod config;
pub mod daemon;
pub mod failure;
pub mod problem;
pub mod server;

mod api;
mod append;
mod batch;
mod body;
mod conflicts;
mod first_start;
mod host;
mod metrics;
mod operate;
mod permits;
mod read;
mod receipts;
mod records;
mod request;
mod salts;
mod stream;
