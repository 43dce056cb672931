//! Receipts, checkpoints and packages: reading them, having core verify them, and telling what it checked. Opens no socket.

pub(crate) mod believed;
mod decision;
pub(crate) mod evidence;
pub(crate) mod head;
pub(crate) mod heads;
pub(crate) mod markdown;
pub(crate) mod mirror;
pub(crate) mod package;
pub(crate) mod receipt;
pub(crate) mod report;
pub(crate) mod sequence;
pub(crate) mod sources;
mod standard;
pub(crate) mod submitting;
pub(crate) mod tiles;
pub(crate) mod workload;
