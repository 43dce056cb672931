//! What is served: one table, and a file for each group of its rows.

pub(crate) mod api;
pub(crate) mod app;
mod bound;
pub(crate) mod table;

mod append;
mod batch;
mod batch_answer;
mod conflicts;
mod door;
mod entries;
mod openapi;
mod operation;
mod records;
mod references;
mod sequence;
mod tree;
