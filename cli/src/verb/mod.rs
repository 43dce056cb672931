//! What the program can be asked to do: a file or folder each, with its arguments.

pub(crate) mod append;
pub(crate) mod audit;
pub(crate) mod consistency;
pub(crate) mod crosswalk;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod redact;
pub(crate) mod trust;
pub(crate) mod verify;
