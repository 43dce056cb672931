//! The provlog daemon: HTTP, configuration, limits, health and metrics around a [`provlog_engine::Log`].
//!
//! It parses and salts what clients send, checks every receipt before it leaves, and tells whoever is refused why. It
//! **never** writes a file of the log itself, never decides what is in a format, and never sends a receipt that core's
//! own code does not verify. Who calls is known by a token of the log's own, once there are any, or of a configured issuer,
//! or over a Unix socket by its user; else it says of
//! every submitter that nothing proves who it is. Without TLS other machines
//! reach it only where a flag names the risk. It asks nobody for anything but the issuers that are configured for their keys.
//!
//! [`run::run`] is the whole program; [`http::server`] can serve anything else within the same limits. Each room uses only
//! those before it: `files`, `system`, `workers`, `http`, `identity`, `access`, `operate`, `log`, `refusals`, `sets`, `routes`, `run`.

pub mod http;
pub mod operate;
pub mod run;
pub mod workers;

mod access;
mod files;
mod identity;
mod log;
mod refusals;
mod routes;
mod sets;
mod system;

pub use refusals::written_markdown;
pub use routes::table::{access_markdown, openapi_json};
