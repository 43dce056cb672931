//! What the example programs are made of: reading a git history, saying it in claims, and talking to a log.
//!
//! A history tells who wrote a commit and what its trailers say. It never tells who a person really is, what a model was
//! asked, or whether a policy allowed anything: none of that is invented here, it becomes an explicit absence.

pub mod assistants;
pub mod client;
pub mod console;
pub mod daemon;
pub mod git;
pub mod identity;
pub mod promotion;
pub mod tamper;
