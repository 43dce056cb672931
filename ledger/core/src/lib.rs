//! What a provlog verifier trusts: the formats of `SPEC.md`, the RFC 6962 tree, and one door to verification.
//!
//! This crate parses untrusted bytes, hashes them, checks proofs and signatures, and says what was proven.
//! It **never** opens a file or a socket, reads a clock, draws randomness, spawns a thread, or contains unsafe
//! code; time and salts are handed in. Whoever wants to know whether a receipt holds needs to read this crate
//! and nothing else.
//!
//! The way in is [`verify::Verifier`].
#![no_std]
#![deny(clippy::as_conversions)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cbor;
pub mod check;
pub mod checkpoint;
pub mod claims;
pub mod encoded;
pub mod encoding;
pub mod entry;
pub mod expectation;
pub mod facet;
pub mod hash;
pub mod hex;
pub mod json;
pub mod limits;
pub mod note;
pub mod package;
pub mod path;
pub mod receipt;
pub mod record;
pub mod record_json;
pub mod redact;
pub mod submission;
pub mod time;
pub mod tree;
pub mod trust;
pub mod verify;
pub mod witness;

pub use entry::{Entry, Kind};
pub use hash::Hash;
pub use record::{Record, Section};
