//! How the journal's bytes are laid out: frames, and the records in them. Nothing here reads or writes files.

pub(crate) mod fields;
pub mod frame;
pub(crate) mod stored;
