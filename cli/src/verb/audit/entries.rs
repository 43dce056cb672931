//! Entries as the mirror has them, and whether a record is the one that its entry commits to.

use super::mirror::Mirror;
use crate::show::failure::Failure;
use provlog_core::record::{AnyRecord, Record, SectionName};
use provlog_core::tree::{Resource, TILE_HASHES, Tile, bundle};

/// The record, where all of it is what the log committed to; none: it is of a version that isn't known. Else what doesn't match.
pub(super) fn matching(record: &[u8], entry: &[u8]) -> Result<Option<Record>, String> {
    let record = match Record::parse(record).map_err(|error| format!("not a record: {error}"))? {
        AnyRecord::UnknownVersion { entry: got, .. } if got == entry => return Ok(None),
        AnyRecord::UnknownVersion { .. } => return Err("its entry is not the log's".into()),
        AnyRecord::Known(record) => record,
    };
    if record.entry.to_bytes().as_slice() != entry {
        let (expected, got) = (provlog_core::Hash::leaf(entry), record.entry.leaf_hash());
        return Err(format!("its entry is not the log's: expected leaf hash {expected}, got {got}"));
    }
    for name in SectionName::ALL {
        let (expected, got) =
            (record.committed_digest(name), record.section(name).digest(name, record.entry.kind));
        if expected != got {
            return Err(format!(
                "its {name} claims are not those of its entry: expected digest {expected}, got {got}"
            ));
        }
    }
    Ok(Some(record))
}

/// The bundle that was used last: records come in order.
pub(super) struct Bundle<'a> {
    mirror: &'a Mirror,
    size: u64,
    index: Option<u64>,
    bytes: Vec<u8>,
}

impl<'a> Bundle<'a> {
    /// Of a tree of this size.
    pub(super) const fn of(mirror: &'a Mirror, size: u64) -> Self {
        Self { mirror, size, index: None, bytes: Vec::new() }
    }

    /// The entry at an index below the size.
    pub(super) fn entry(&mut self, index: u64) -> Result<&[u8], Failure> {
        let nth = usize::try_from(index % TILE_HASHES).unwrap_or(usize::MAX);
        let mirror = self.mirror;
        self.around(index)?.get(nth).copied().ok_or_else(|| lost(mirror, index))
    }

    /// All entries of the bundle that has the one at `index`.
    pub(super) fn around(&mut self, index: u64) -> Result<Vec<&[u8]>, Failure> {
        let at = index / TILE_HASHES;
        let tile = Tile::holding(0, index, self.size).ok_or_else(|| lost(self.mirror, index))?;
        if self.index != Some(at) {
            self.bytes = self.mirror.get(Resource::Entries(tile))?.ok_or_else(|| lost(self.mirror, index))?;
            self.index = Some(at);
        }
        Ok(bundle::entries(&self.bytes, usize::from(tile.width)).0)
    }
}

fn lost(mirror: &Mirror, index: u64) -> Failure {
    Failure::Internal(format!("{}: entry {index} is gone from the mirror", mirror.name()))
}
