//! Submissions that are bound to a workload by a token that is good for nothing else, through the real programs: what is in their entries
//! and who sees it when, whose a retry is, every token that isn't taken, and many at once.

mod entries;
mod races;
mod refusals;
pub mod submission;
mod svids;
