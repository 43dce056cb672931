//! What the user is told: text and JSON, and how a command ends.

pub(crate) mod exit;
pub(crate) mod failure;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod printable;
pub(crate) mod progress;
