//! Evidence made here, good and bad, and verified: by ours, and by other people's programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]
#![expect(unreachable_pub, reason = "one binary: pub means for the other modules")]

mod algorithms;
mod flips;
mod others;
mod support;
mod svids;
mod tokens;
mod workloads;
