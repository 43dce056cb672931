//! Workloads that prove who they are by tokens of OIDC issuers: issuers as configured, their keys, and what their tokens say.
//!
//! It knows no role, no route and no problem document: what a workload may do is `access`'s to say. It keeps no token, but digests
//! of those that were verified, and fetches nothing but keys, from the addresses that the operator named.

pub(crate) mod issuer;
pub(crate) mod issuers;
pub(crate) mod recognised;
