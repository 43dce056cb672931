//! Workloads of SPIFFE's trust domains, through the real programs: JWT-SVIDs as bearer tokens, X.509-SVIDs over mutual TLS, every one
//! that isn't taken, and bundles that change, lie, or can't be had.

mod bundles;
mod connections;
mod jwt;
mod made;
mod settings;
mod site;
mod x509;
