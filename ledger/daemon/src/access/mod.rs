//! Who calls, and what they may: tokens at rest, the view that a running daemon has of them, roles, rules, and callers.
//!
//! It knows no route and no handler, reads and writes no file but `tokens`, `tokens.new` and `tokens.lock`, and keeps no token:
//! what is stored, logged and told of one is its name and its id.

pub(crate) mod caller;
pub(crate) mod callers;
pub(crate) mod date;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod form;
pub(crate) mod peers;
pub(crate) mod rates;
pub(crate) mod role;
pub(crate) mod secret;
pub(crate) mod tokens;
pub(crate) mod unrecognised;
pub(crate) mod workloads;
