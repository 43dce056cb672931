//! A tile whose hashes were proven, and its upper nodes, which prove any part of it by itself.

use super::Tile;
use super::tile::{TILE_HASHES, TILE_HEIGHT};
use crate::hash::Hash;
use alloc::vec::Vec;

/// Levels between a tile's hashes and the nodes that a [`TileTop`] starts with.
pub(super) const TOP_HEIGHT: u32 = 4;

/// Hashes under one of those nodes.
pub(super) const PART_HASHES: u64 = 1 << TOP_HEIGHT;

/// A tile that leads to a trusted root.
#[derive(Debug)]
pub struct ProvenTile {
    tile: Tile,
    /// The tile's hashes, and behind them row by row the nodes over them: each row half as long as the one below it.
    rows: Vec<Hash>,
}

impl ProvenTile {
    /// Which tile.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        self.tile
    }

    /// From left to right, as many as the tile is wide.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        self.row(0)
    }

    /// Its upper nodes, if it is full: a sixteenth of its bytes, and enough to prove it again, or any part of it by itself.
    #[must_use]
    pub fn top(&self) -> Option<TileTop> {
        if !self.tile.is_full() {
            return None;
        }
        let rows = (TOP_HEIGHT..=TILE_HEIGHT).flat_map(|height| self.row(height)).copied().collect();
        Some(TileTop { tile: self.tile, rows, digest: digest(self.hashes()) })
    }

    /// With all nodes over its hashes; not proven yet.
    pub(super) fn over(tile: Tile, hashes: Vec<Hash>) -> Self {
        Self { tile, rows: rows_over(hashes) }
    }

    /// The nodes `height` levels above the tile's hashes.
    pub(super) fn row(&self, height: u32) -> &[Hash] {
        row(&self.rows, self.tile.width.into(), height)
    }

    /// The roots of the perfect subtrees that make up the tile, by their height: for a full tile the one over all of it.
    pub(super) fn peaks(&self) -> impl Iterator<Item = (u32, Hash)> {
        let heights = (0..=TILE_HEIGHT).filter(|height| self.tile.width >> height & 1 == 1);
        heights.filter_map(|height| Some((height, *self.row(height).last()?)))
    }
}

/// The nodes over each sixteen hashes of a full tile that was proven, and those over them.
#[derive(Debug)]
pub struct TileTop {
    tile: Tile,
    /// As those of a [`ProvenTile`].
    rows: Vec<Hash>,
    /// Of the tile's hashes as they are.
    digest: Hash,
}

impl TileTop {
    /// Of which tile.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        self.tile
    }

    /// Whether these are the tile's hashes. That takes a quarter of the hashing that the nodes over them take.
    pub(super) fn is_of(&self, hashes: &[Hash]) -> bool {
        digest(hashes) == self.digest
    }

    /// The nodes `height` levels above the tile's hashes, from [`TOP_HEIGHT`] on.
    pub(super) fn row(&self, height: u32) -> &[Hash] {
        row(&self.rows, TILE_HASHES >> TOP_HEIGHT, height.saturating_sub(TOP_HEIGHT))
    }
}

fn digest(hashes: &[Hash]) -> Hash {
    Hash::plain(&Hash::concat(hashes))
}

/// Nodes with all those over them behind them, row by row: each row is half as long as the one below it.
pub(super) fn rows_over(nodes: Vec<Hash>) -> Vec<Hash> {
    let (mut length, mut rows) = (nodes.len(), nodes);
    // The rows above one of n nodes have less than n together.
    rows.resize(2 * length, Hash::empty_root());
    let mut rest = rows.as_mut_slice();
    while length > 1 {
        let (row, above) = core::mem::take(&mut rest).split_at_mut(length);
        for (parent, [left, right]) in above.iter_mut().zip(row.as_chunks::<2>().0) {
            *parent = Hash::node(left, right);
        }
        (rest, length) = (above, length / 2);
    }
    rows
}

/// Of such rows over `width` nodes, the one `height` levels above them.
pub(super) fn row(rows: &[Hash], width: u64, height: u32) -> &[Hash] {
    let length = |height: u32| usize::try_from(width >> height).unwrap_or(0);
    let start: usize = (0..height).map(length).sum();
    rows.get(start..start + length(height)).unwrap_or_default()
}
