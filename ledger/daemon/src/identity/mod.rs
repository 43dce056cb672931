//! Workloads that prove who they are by tokens of OIDC issuers, or by the trust domain of their SPIFFE ID: issuers as configured, their
//! keys, and what their tokens say.
//!
//! It knows no role, no route and no problem document: what a workload may do is `access`'s to say. It keeps no token, but digests
//! of those that were verified; one that is bound to a submission goes with that into the log. It fetches nothing but keys, from the addresses that the operator named: that is all that a daemon
//! ever asks anybody.

pub(crate) mod anchor;
pub(crate) mod issuer;
pub(crate) mod issuers;
pub(crate) mod recognised;
pub(crate) mod trusted;

mod configured;
mod error;
mod fetch;
mod held;
mod key_set;
mod keys;
mod pinned;
mod schedule;
mod shared;
mod source;
mod verified;

#[cfg(test)]
pub(crate) mod signing;
