//! What the operator sets, does and is told: settings, tokens, the first start, metrics, and exit codes.

pub mod config;
pub mod failure;
pub mod logs;
pub mod reload;
pub mod token;

pub(crate) mod check;
pub(crate) mod exit_codes;
pub(crate) mod exposed;
pub(crate) mod first_start;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod notify;

mod issuer_keys;
