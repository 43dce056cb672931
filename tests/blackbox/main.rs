//! Black-box tests of the two real binaries, and the formats that outlive them. One test binary, one module a topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]
#![expect(unreachable_pub, reason = "one binary: pub means for the other modules")]

mod approvals;
mod audit;
mod audit_hosts;
mod audit_workloads;
mod bad_input;
mod bound;
mod browser;
mod caching;
mod cbor_bodies;
mod clock;
mod configuration;
mod creation;
mod crosswalk;
mod docs;
mod entry_package;
mod explain;
mod export;
mod fair;
mod forks;
mod git;
mod git_history;
mod go;
mod house;
mod identity;
mod interop;
mod kill;
mod logs;
mod main_job;
mod messages;
mod mirror;
mod oidc;
mod openapi;
mod operate;
mod operations;
mod outputs;
mod packages;
mod pending;
mod records;
mod references;
mod refusals;
mod retries;
mod rollback;
mod seeds;
mod smuggling;
mod spiffe;
mod spire;
mod support;
mod tables;
mod tls;
mod tokens;
mod trust;
mod unix_socket;
mod vectors;
