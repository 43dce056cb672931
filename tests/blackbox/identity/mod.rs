//! Workloads that `provlog` proves by itself, through the real programs: appends that are bound to a job of GitHub or a workload of
//! SPIFFE, cut off and gone on with, and what is not taken for one.

pub mod endpoint;
mod github;
mod svid;
