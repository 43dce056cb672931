//! What is served: one table, and a file for each group of its rows.

pub(crate) mod api;
pub(crate) mod app;

mod append;
mod batch;
mod batch_answer;
mod conflicts;
mod entries;
mod operation;
mod records;
mod references;
mod salts;
mod sequence;
mod table;
mod tree;
