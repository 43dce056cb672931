//! Tiles of the tree and positions of records, from memory where they are recent and from files where they are not. All
//! of it is unchecked: tiles are proven by who asks, and those that were are kept for the next one.

use super::files::DerivedFiles;
use super::tail::Tail;
use super::{Position, Unavailable, Wait, nodes_at};
use crate::sync::{read, write};
use provlog_core::Hash;
use provlog_core::tree::{ProvenTile, TILE_HASHES, Tile, TileSource};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Proven tiles kept of each level, of 16 KiB each with the nodes over them: 64 MiB of those of the leaves, where a million
/// entries are read, and hardly any above them. A record's leaf hash is one of a tile that must be proven first: without these
/// that is hashing one tile of every level for each record or proof that is read.
const KEPT_TILES: u64 = 4096;

/// Tiles that were proven: the last of each level with an index of some remainder.
#[derive(Debug, Default)]
pub(crate) struct ProvenTiles(RwLock<HashMap<(u8, u64), Arc<ProvenTile>>>);

/// Both sources.
#[derive(Clone, Copy)]
pub(crate) struct Nodes<'a> {
    pub(crate) proven: &'a ProvenTiles,
    pub(crate) tail: &'a RwLock<Tail>,
    pub(crate) files: &'a DerivedFiles,
    /// Whether files may be waited for.
    pub(crate) wait: Wait,
}

impl Nodes<'_> {
    /// Leaf hashes of the entries `first..first + count`. Those in memory are of what was appended, or read back and checked
    /// when the log was opened: only older ones come from files, and are to be `proven`.
    pub(crate) fn leaves<E: From<Unavailable>>(
        &self,
        first: u64,
        count: u64,
        proven: impl FnOnce(u64, u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Vec<Hash>, E> {
        self.join(first, count, Tail::first, |tail, index| tail.node(0, index), proven)
    }

    /// Positions of the records `first..first + count`.
    pub(crate) fn positions(&self, first: u64, count: u64) -> Result<Vec<Position>, Unavailable> {
        let files = |first, count| self.files.positions(first, count, self.wait);
        self.join(first, count, Tail::first, Tail::position, files)
    }

    /// The memory is looked at first: what it drops in the meantime is in the files by then.
    fn join<T, E: From<Unavailable>>(
        &self,
        first: u64,
        count: u64,
        recent_from: impl FnOnce(&Tail) -> u64,
        recent: impl Fn(&Tail, u64) -> Option<T>,
        files: impl FnOnce(u64, u64) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, E> {
        let end = first.saturating_add(count);
        let tail = read(self.tail);
        let split = recent_from(&tail).clamp(first, end);
        let newest: Option<Vec<T>> = (split..end).map(|index| recent(&tail, index)).collect();
        drop(tail);
        let mut items = if split > first { files(first, split - first)? } else { Vec::new() };
        items.extend(newest.ok_or_else(missing)?);
        Ok(items)
    }
}

impl TileSource for Nodes<'_> {
    type Error = Unavailable;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Unavailable> {
        let level = u32::from(tile.level);
        let recent_from = |tail: &Tail| nodes_at(level, tail.first());
        let recent = |tail: &Tail, index| tail.node(level, index);
        let files = |first, count| self.files.nodes(level, first, count, self.wait);
        self.join(tile.index * TILE_HASHES, tile.width.into(), recent_from, recent, files)
    }

    fn recall(&self, tile: Tile) -> Option<Arc<ProvenTile>> {
        let kept = read(&self.proven.0);
        kept.get(&slot(tile)).filter(|proven| proven.tile() == tile).cloned()
    }

    fn remember(&self, proven: &Arc<ProvenTile>) {
        write(&self.proven.0).insert(slot(proven.tile()), Arc::clone(proven));
    }
}

fn slot(tile: Tile) -> (u8, u64) {
    (tile.level, tile.index % KEPT_TILES)
}

/// Only asked for what a committed tree has, which is in one of the two.
fn missing() -> Unavailable {
    Unavailable::Missing(
        "the log's newest derived data is incomplete: this is a bug, please report it".into(),
    )
}
