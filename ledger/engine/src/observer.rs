//! What the engine tells whoever measures it.

use std::time::Duration;

/// Figures of one committed group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupStats {
    /// Entries in the group.
    pub entries: u64,
    /// Bytes of its frame.
    pub bytes: u64,
    /// Size of the tree after it.
    pub size: u64,
    /// Planning, hashing and encoding.
    pub encode: Duration,
    /// Writing the frame, with its fdatasync.
    pub journal_sync: Duration,
    /// Writing the high-water mark, with its fdatasync.
    pub high_water_sync: Duration,
    /// Signing, checking the signature, and showing the new state to readers.
    pub publish: Duration,
}

/// Hears of what happens, on the engine's own threads: be quick, and never call back into the log. Every method has an
/// empty default.
pub trait Observer: Send + Sync {
    /// A group is durable and signed.
    fn group_committed(&self, _group: &GroupStats) {}
    /// The log has stopped; the process must exit.
    fn fatal(&self, _detail: &str) {}
    /// A derived file was wrong or couldn't be written; it is made again.
    fn derived_failed(&self, _detail: &str) {}
    /// The derived files are whole again, up to this size.
    fn derived_rebuilt(&self, _size: u64) {}
    /// What is made of the log behind its commits, of this name, still lacks so many entries that it is to have. Told at every
    /// commit.
    fn followed(&self, _name: &'static str, _behind: u64) {}
    /// The journal is damaged.
    fn damaged(&self, _detail: &str) {}
}

/// Hears nothing.
#[derive(Debug, Default)]
pub(crate) struct Silent;

impl Observer for Silent {}
