//! How the journal's bytes are laid out: frames, and the records in them. Nothing here reads or writes files.

pub(crate) mod encode;
pub(crate) mod fields;
mod format;
pub mod frame;
mod frame_error;
mod keys;
pub(crate) mod stored;
