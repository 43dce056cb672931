//! What this machine has: files, settings, digests of files, git, a clock, threads. Imports no other room, and opens no socket.

pub(crate) mod digest;
pub(crate) mod files;
pub(crate) mod folder_name;
pub(crate) mod git;
pub(crate) mod in_order;
pub(crate) mod known;
pub(crate) mod settings;
pub(crate) mod time;
