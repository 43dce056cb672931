//! What `hammer` is made of: prebuilt requests, a closed loop over sockets, and the check of what came back.
//!
//! The load generator runs on the cores of what it measures, so it is built to cost next to nothing: no async runtime,
//! no HTTP library, no allocation per request. It **never** interprets an answer while the clock runs; a sample is kept
//! and verified afterwards by the same code that a user's `provlog verify` runs.
//!
//! Beside it [`population`], what `populate` fills a log with.

pub mod abuse;
pub mod answer;
pub mod drive;
pub mod leaf;
pub mod machine;
pub mod population;
pub mod prepared;
pub mod sample;
pub mod wire;
pub mod workload;
