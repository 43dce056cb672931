//! TLS of the listeners, through the real daemon: what it speaks, whom it lets in, what it refuses, and what happens when its files
//! change.

pub mod site;

mod clients;
mod files;
mod renewal;
mod spoken;
mod stalled;
