//! What makes an entry more than hearsay: tokens, SVIDs, SSH signatures, rosters and statements, checked.
//!
//! Every check is a plain function of bytes, keys and times. This crate **never** opens a file or a socket, reads a clock or
//! draws randomness, so daemon and verifier run the same code, years apart. It says what was proven and by whom; what
//! follows from it for a change is decided elsewhere.

pub mod approval;
mod base64url;
pub mod believed;
pub mod coverage;
pub mod jwk;
pub mod jwt;
pub mod roster;
pub mod separation;
pub mod set;
pub mod signature;
pub mod spiffe;
pub mod ssh;
pub mod statement;
pub mod subject;
pub mod submission;
pub mod svid;
mod time;
pub mod verify;
pub mod window;
pub mod workload;
