//! Tiles of the tree and positions of records, from memory where they are recent and from files where they are not. All
//! of it is unchecked: tiles are proven by who asks, and those that were are kept for the next one.

use super::files::DerivedFiles;
use super::tail::Tail;
use super::{Position, Unavailable, Wait, nodes_at};
use crate::sync::read;
use provlog_core::Hash;
use provlog_core::tree::{ProvenTile, TILE_HASHES, Tile, TileSource, TileTop};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Arc, RwLock};

/// Bytes of proven tiles that are kept: most of those of 750,000 entries, at 16 KiB a tile with the nodes over it. What is neither
/// here nor among the upper nodes is a tile of every level to be hashed, for each record or proof that is read.
const TILES_BYTES_MAX: u64 = 48 << 20;

/// Bytes of the upper nodes of tiles that are kept: those of ten million entries, at 1.1 KiB a tile. With these a part of sixteen
/// hashes is all that is hashed, and not a tile.
const TOPS_BYTES_MAX: u64 = 48 << 20;

/// Tiles that were proven, and upper nodes of more of them, as far as there is room.
#[derive(Debug)]
pub(crate) struct ProvenTiles {
    tiles: Cache<(u8, u64), Arc<ProvenTile>, Bytes>,
    tops: Cache<(u8, u64), Arc<TileTop>, Bytes>,
}

impl Default for ProvenTiles {
    fn default() -> Self {
        let tiles = usize::try_from(TILES_BYTES_MAX / TILE_BYTES).unwrap_or(0);
        let tops = usize::try_from(TOPS_BYTES_MAX / TOP_BYTES).unwrap_or(0);
        Self {
            tiles: Cache::with_weighter(tiles, TILES_BYTES_MAX, Bytes),
            tops: Cache::with_weighter(tops, TOPS_BYTES_MAX, Bytes),
        }
    }
}

/// What a full tile takes, and its upper nodes: hashes, and what is around them.
const TILE_BYTES: u64 = 2 * TILE_HASHES * 32 + AROUND_BYTES;
const TOP_BYTES: u64 = TILE_HASHES / 16 * 2 * 32 + AROUND_BYTES;
const AROUND_BYTES: u64 = 128;

/// What a kept item takes of its cache's bytes.
#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<(u8, u64), Arc<ProvenTile>> for Bytes {
    fn weight(&self, _: &(u8, u64), proven: &Arc<ProvenTile>) -> u64 {
        2 * u64::from(proven.tile().width) * 32 + AROUND_BYTES
    }
}

impl Weighter<(u8, u64), Arc<TileTop>> for Bytes {
    fn weight(&self, _: &(u8, u64), _: &Arc<TileTop>) -> u64 {
        TOP_BYTES
    }
}

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

    /// `count` of a tile's hashes, from the `first` of them on.
    fn hashes(&self, tile: Tile, first: u64, count: u64) -> Result<Vec<Hash>, Unavailable> {
        let level = u32::from(tile.level);
        let recent_from = |tail: &Tail| nodes_at(level, tail.first());
        let recent = |tail: &Tail, index| tail.node(level, index);
        let files = |first, count| self.files.nodes(level, first, count, self.wait);
        self.join(tile.index * TILE_HASHES + first, count, recent_from, recent, files)
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
        self.hashes(tile, 0, tile.width.into())
    }

    fn recall(&self, tile: Tile) -> Option<Arc<ProvenTile>> {
        self.proven.tiles.get(&place(tile)).filter(|proven| proven.tile() == tile)
    }

    fn recall_top(&self, tile: Tile) -> Option<Arc<TileTop>> {
        self.proven.tops.get(&place(tile)).filter(|top| top.tile() == tile)
    }

    fn part(&self, tile: Tile, first: u64, count: u64) -> Option<Result<Vec<Hash>, Unavailable>> {
        Some(self.hashes(tile, first, count))
    }

    fn remember(&self, proven: &Arc<ProvenTile>) {
        let place = place(proven.tile());
        if let Some(top) = proven.top() {
            self.proven.tops.insert(place, Arc::new(top));
        }
        self.proven.tiles.insert(place, Arc::clone(proven));
    }
}

const fn place(tile: Tile) -> (u8, u64) {
    (tile.level, tile.index)
}

/// Only asked for what a committed tree has, which is in one of the two.
fn missing() -> Unavailable {
    Unavailable::Missing(
        "the log's newest derived data is incomplete: this is a bug, please report it".into(),
    )
}
