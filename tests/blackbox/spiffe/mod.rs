//! Workloads of SPIFFE's trust domains, through the real programs: JWT-SVIDs as bearer tokens, X.509-SVIDs over mutual TLS, every one
//! that isn't taken, and bundles that change, lie, or can't be had.

mod bundles;
mod connections;
mod jwt;
pub mod made;
mod settings;
pub mod site;
mod x509;
