//! What readers need beside the journal, all of it derived from it: the tree's hashes by tile level, and where each
//! record lies.
//!
//! The newest run's share is in memory ([`tail`]): it is made again whenever the log is opened. When a run is
//! full, the [`follower`] reads it back from the journal, adds its share to the files, syncs them, and only then writes a
//! mark; opening cuts the files to the mark. So the sequencer never waits for them, and never reads them: they may be
//! deleted while the log is stopped, and whatever turns out wrong in them is thrown away and made again.

pub(crate) mod files;
pub(crate) mod nodes;
pub(crate) mod tail;

use crate::durable::{DiskError, DiskFile};
use crate::store::FrameAt;

/// Levels of tiles that are kept: seven hold a tree of 2^53 leaves, eight levels of nodes each.
pub(crate) const TILE_LEVELS: u32 = 7;

/// Nodes of tile level `level` that a tree of `size` leaves has.
pub(crate) const fn nodes_at(level: u32, size: u64) -> u64 {
    match size.checked_shr(8 * level) {
        Some(nodes) => nodes,
        None => 0,
    }
}

/// Where a record lies, within the run that its index tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    /// Where its frame starts in the run.
    pub(crate) frame: u32,
    /// Where its sections' lengths start in the frame.
    pub(crate) record: u32,
}

impl Position {
    pub(crate) fn new(at: FrameAt, record: u32) -> Self {
        Self { frame: at.offset, record }
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let [[a, b, c, d], [e, f, g, h]] = [self.frame, self.record].map(u32::to_be_bytes);
        [a, b, c, d, e, f, g, h]
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { frame: u32::from_be_bytes([a, b, c, d]), record: u32::from_be_bytes([e, f, g, h]) }
    }
}

/// Why derived data can't be had right now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    /// It is being made, or can't be read.
    #[error("{0}")]
    Missing(String),
    /// It is on the disk, and who asked can't wait for that.
    #[error("it is not in memory")]
    WouldWait,
}

/// Whether a read may wait for a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// As long as it takes.
    May,
    /// Never: what isn't in memory is an error that [`would_wait`].
    Never,
}

impl Wait {
    pub(crate) fn read(self, file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        match self {
            Self::May => file.read_at(buffer, offset),
            Self::Never => file.read_cached(buffer, offset),
        }
    }
}
