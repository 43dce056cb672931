//! What the operator sets and is told: settings, the first start, metrics, and exit codes.

pub mod config;
pub mod failure;

pub(crate) mod exit_codes;
pub(crate) mod first_start;
pub(crate) mod metrics;
