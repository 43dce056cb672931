//! Files: inputs within their limits, which can't keep anybody waiting for ever, and outputs that a crash leaves whole.

mod input;
mod lock;
mod output;
mod standard;

pub(crate) use input::{ReadError, cannot_read, list, mode, open, open_file, read};
pub(crate) use lock::{Locked, lock, lock_or_make};
pub(crate) use output::{
    Draft, Over, Readers, Same, WriteError, cannot_write, folder_of, may_write, open_stream, remove,
    rename_new, sync_folder, write,
};
pub(crate) use standard::{DASH, is_stdout};
