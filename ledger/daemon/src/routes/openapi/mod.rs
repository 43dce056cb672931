//! The OpenAPI document (3.1): what is served, in the words that generators of clients and testers of servers read.
//!
//! A row of the table of routes has its [`Description`](description::Description); status and meaning of a code come from the
//! table of codes, who may ask from the row, and submissions from the schemas of their kinds. What is left is written here once.

pub(crate) mod description;
pub(crate) mod document;
pub(crate) mod operations;

mod refusals;
mod schemas;
