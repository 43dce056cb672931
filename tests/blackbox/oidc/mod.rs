//! Workloads with tokens of OIDC issuers, through the real programs: who is let in and what of that is in an entry, every token
//! that isn't taken, issuers that answer otherwise than they should, and settings that name them.

pub mod cases;
mod claims;
mod conduct;
mod entries;
pub mod form;
pub mod issuer;
mod provider;
mod python;
mod reload;
mod rules;
mod settings;
pub mod site;
pub mod token;
mod written;
