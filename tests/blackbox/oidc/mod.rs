//! Workloads with tokens of OIDC issuers, through the real programs: who is let in and what of that is in an entry, every token
//! that isn't taken, issuers that answer otherwise than they should, and settings that name them.

mod cases;
mod claims;
mod conduct;
mod entries;
mod form;
pub mod issuer;
mod python;
mod reload;
mod rules;
mod settings;
pub mod site;
pub mod token;
mod written;
