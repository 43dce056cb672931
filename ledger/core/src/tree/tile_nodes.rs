//! The nodes of a tree, out of tiles that nobody needs to believe: each is proven against the tree above it before any of
//! its hashes is used, and the tree above it ends in a right edge that is trusted.

use super::tile::{TILE_HASHES, TILE_HEIGHT};
use super::{Frontier, NodeSource, Resource, Tile};
use crate::hash::Hash;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// Levels of tiles that a tree of any size has.
const LEVELS: usize = 8;

/// Where tiles come from. Nothing in them is believed.
pub trait TileSource {
    /// Why a tile could not be had.
    type Error;

    /// The tile's hashes, from its first on: exactly as many as it is wide. Another number is refused.
    ///
    /// # Errors
    /// As the source has them; they are passed through.
    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Self::Error>;

    /// What [`TileSource::remember`] was given for this tile of this very log, if it still is there.
    fn recall(&self, _tile: Tile) -> Option<Arc<ProvenTile>> {
        None
    }

    /// A tile that was proven, for a source that serves more than one [`TileNodes`]. What a log's tile of some width holds
    /// never changes, whatever the size of the tree that it was proven in.
    fn remember(&self, _proven: &Arc<ProvenTile>) {}
}

impl<F, E> TileSource for F
where
    F: Fn(Tile) -> Result<Vec<Hash>, E>,
{
    type Error = E;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, E> {
        self(tile)
    }
}

/// Why a node could not be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TileError<E> {
    /// The source failed.
    #[error(transparent)]
    Source(E),
    /// A tile has too few or too many hashes.
    #[error("{}: expected {} hashes, got {got}", Resource::Hashes(*tile), tile.width)]
    Width {
        /// The tile asked for.
        tile: Tile,
        /// Hashes that came.
        got: usize,
    },
    /// A tile was changed.
    #[error("{} doesn't agree with the tree above it", Resource::Hashes(*tile))]
    Disagrees {
        /// The lower one: that above it is proven.
        tile: Tile,
    },
    /// The incomplete tiles, one of each level, were changed, or are those of another tree.
    #[error("the right edge's tiles lead to another root: expected {expected}, got {got}")]
    Root {
        /// The trusted root.
        expected: Hash,
        /// The root that the tiles lead to.
        got: Hash,
    },
    /// The tree has no such node.
    #[error("node {index} of level {level} is not in the tree of {size} leaves")]
    Outside {
        /// Level, 0 for leaves.
        level: u32,
        /// Index within the level.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
}

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

    /// With all nodes over its hashes; not proven yet.
    fn over(tile: Tile, hashes: Vec<Hash>) -> Self {
        let (mut rows, mut length) = (hashes, usize::from(tile.width));
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
        Self { tile, rows }
    }

    /// The nodes `height` levels above the tile's hashes.
    fn row(&self, height: u32) -> &[Hash] {
        let length = |height: u32| usize::from(self.tile.width >> height);
        let start: usize = (0..height).map(length).sum();
        self.rows.get(start..start + length(height)).unwrap_or_default()
    }

    /// The roots of the perfect subtrees that make up the tile, by their height: for a full tile the one over all of it.
    fn peaks(&self) -> impl Iterator<Item = (u32, Hash)> {
        let heights = (0..=TILE_HEIGHT).filter(|height| self.tile.width >> height & 1 == 1);
        heights.filter_map(|height| Some((height, *self.row(height).last()?)))
    }
}

/// The nodes of a tree whose right edge is trusted. Those of an older, smaller tree of the same log are among them.
#[derive(Debug)]
pub struct TileNodes<S> {
    source: S,
    edge: Frontier,
    /// The tile of each level that was used last: a proof asks for many nodes of one, a long one from the left.
    last: RefCell<[Option<Arc<ProvenTile>>; LEVELS]>,
}

impl<S: TileSource> TileNodes<S> {
    /// Of the tree with this right edge, which the caller trusts.
    pub fn new(source: S, edge: Frontier) -> Self {
        Self { source, edge, last: RefCell::default() }
    }

    /// Of the tree of `size` leaves with this root, which the caller trusts. Reads the incomplete tile of each level.
    ///
    /// # Errors
    /// Those of the source, [`TileError::Width`], and [`TileError::Root`] when the tiles don't lead to the root.
    pub fn open(source: S, size: u64, root: &Hash) -> Result<Self, TileError<S::Error>> {
        let mut levels = Vec::new();
        for level in (0_u8..).take(LEVELS) {
            let tile = Tile::incomplete(level, size);
            levels.push(tile.map(|tile| read(&source, tile)).transpose()?.unwrap_or_default());
        }
        // Each level has fewer hashes than a full tile, and all of them are those of a size that fits.
        let edge = Frontier::from_tiles(&levels).unwrap_or_default();
        let got = edge.root();
        if got == *root { Ok(Self::new(source, edge)) } else { Err(TileError::Root { expected: *root, got }) }
    }

    /// The tile that holds node `index` of tile level `level`, in the width that the tree has of it.
    ///
    /// # Errors
    /// [`TileError`].
    pub fn tile_holding(&self, level: u8, index: u64) -> Result<Arc<ProvenTile>, TileError<S::Error>> {
        let outside =
            TileError::Outside { level: TILE_HEIGHT * u32::from(level), index, size: self.edge.size() };
        let tile = Tile::holding(level, index, self.edge.size()).ok_or(outside)?;
        let slot = usize::from(level);
        let held = self.last.borrow().get(slot).cloned().flatten();
        if let Some(held) = held.filter(|held| held.tile == tile) {
            return Ok(held);
        }
        let proven = match self.source.recall(tile).filter(|proven| proven.tile == tile) {
            Some(proven) => proven,
            None => {
                let proven = Arc::new(self.prove(tile)?);
                self.source.remember(&proven);
                proven
            }
        };
        if let Some(last) = self.last.borrow_mut().get_mut(slot) {
            *last = Some(Arc::clone(&proven));
        }
        Ok(proven)
    }

    /// Reads a tile, and compares the subtrees that make it up with the tree above it: the one over a full tile stands in
    /// the tile above, or is a peak of the tree, as those of an incomplete tile all are.
    fn prove(&self, tile: Tile) -> Result<ProvenTile, TileError<S::Error>> {
        let found = ProvenTile::over(tile, read(&self.source, tile)?);
        for (height, peak) in found.peaks() {
            let level = TILE_HEIGHT * u32::from(tile.level) + height;
            let end = tile.index * TILE_HASHES + u64::from(tile.width);
            if peak != self.node(level, (end >> height) - 1)? {
                return Err(TileError::Disagrees { tile });
            }
        }
        Ok(found)
    }
}

impl<S: TileSource> NodeSource for TileNodes<S> {
    type Error = TileError<S::Error>;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TileError<S::Error>> {
        let size = self.edge.size();
        let outside = || TileError::Outside { level, index, size };
        let count = size.checked_shr(level).unwrap_or(0);
        if index >= count {
            return Err(outside());
        }
        if let Some(peak) = self.edge.peak(level).filter(|_| index == count - 1) {
            return Ok(peak);
        }
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let tile_level = u8::try_from(tile_level).map_err(|_| outside())?;
        let first = index << height;
        let proven = self.tile_holding(tile_level, first)?;
        let nth = usize::try_from((first % TILE_HASHES) >> height).map_err(|_| outside())?;
        proven.row(height).get(nth).copied().ok_or_else(outside)
    }
}

fn read<S: TileSource>(source: &S, tile: Tile) -> Result<Vec<Hash>, TileError<S::Error>> {
    let hashes = source.tile(tile).map_err(TileError::Source)?;
    let got = hashes.len();
    if got == usize::from(tile.width) { Ok(hashes) } else { Err(TileError::Width { tile, got }) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::leaves;
    use super::*;
    use crate::tree::{consistency_proof, inclusion_proof, root_of, verify_inclusion};
    use proptest::prelude::*;
    use std::string::ToString;

    /// All nodes of a tree by level, and which bit of which tile is served wrong.
    struct Plain {
        levels: Vec<Vec<Hash>>,
        flipped: Option<(Tile, usize)>,
    }

    impl Plain {
        fn new(size: u64) -> Self {
            let mut levels = std::vec![leaves(size)];
            while let Some(row) = levels.last().filter(|row| row.len() > 1) {
                levels.push(
                    row.as_chunks::<2>().0.iter().map(|[left, right]| Hash::node(left, right)).collect(),
                );
            }
            Self { levels, flipped: None }
        }

        fn size(&self) -> u64 {
            u64::try_from(self.levels[0].len()).unwrap()
        }

        fn tiles(&self) -> Vec<Tile> {
            let level = |level: u8| {
                let nodes = self.size() >> (8 * u32::from(level));
                (0..nodes.div_ceil(256)).map(move |tile| (level, tile * 256))
            };
            let places = (0..3).flat_map(level);
            places.map(|(level, index)| Tile::holding(level, index, self.size()).unwrap()).collect()
        }
    }

    impl NodeSource for Plain {
        type Error = ();

        fn node(&self, level: u32, index: u64) -> Result<Hash, ()> {
            let row = self.levels.get(usize::try_from(level).unwrap()).ok_or(())?;
            row.get(usize::try_from(index).unwrap()).copied().ok_or(())
        }
    }

    impl TileSource for &Plain {
        type Error = ();

        fn tile(&self, tile: Tile) -> Result<Vec<Hash>, ()> {
            let first = tile.index * TILE_HASHES;
            let indices = first..first + u64::from(tile.width);
            let hashes: Result<Vec<Hash>, ()> =
                indices.map(|index| self.node(8 * u32::from(tile.level), index)).collect();
            let mut hashes = hashes?;
            if let Some((_, bit)) = self.flipped.filter(|(flipped, _)| *flipped == tile) {
                hashes[bit / 256].0[bit / 8 % 32] ^= 1 << (bit % 8);
            }
            Ok(hashes)
        }
    }

    /// Every node that is handed out is the right one; gives how many were refused.
    fn check(nodes: &TileNodes<&Plain>, plain: &Plain) -> usize {
        let mut refused = 0;
        for (row, level) in plain.levels.iter().zip(0..) {
            for (node, index) in row.iter().zip(0..) {
                match nodes.node(level, index) {
                    Ok(got) => assert_eq!(got, *node, "node {index} of level {level}"),
                    Err(_) => refused += 1,
                }
            }
        }
        for tile in plain.tiles() {
            match nodes.tile_holding(tile.level, tile.index * 256) {
                Ok(proven) => {
                    assert_eq!(proven.tile(), tile);
                    let level = 8 * usize::from(tile.level);
                    let first = usize::try_from(tile.index * 256).unwrap();
                    assert_eq!(proven.hashes(), &plain.levels[level][first..first + usize::from(tile.width)]);
                }
                Err(_) => refused += 1,
            }
        }
        refused
    }

    #[test]
    fn three_levels_of_tiles() {
        let plain = Plain::new(2 * 65_536 + 700);
        let root = root_of(&plain, plain.size()).unwrap();
        let nodes = TileNodes::open(&plain, plain.size(), &root).unwrap();
        assert_eq!(check(&nodes, &plain), 0);
        let proof = inclusion_proof(&nodes, 65_537, plain.size()).unwrap();
        assert_eq!(verify_inclusion(65_537, plain.size(), &plain.levels[0][65_537], &proof, &root), Ok(()));
        assert!(matches!(nodes.node(0, plain.size()), Err(TileError::Outside { .. })));
        assert!(matches!(nodes.node(64, 0), Err(TileError::Outside { .. })));
        assert!(matches!(nodes.node(0, u64::MAX), Err(TileError::Outside { .. })));
        // A tile of which all below it would follow: it is found by the one above it.
        let tile = Tile::holding(1, 0, plain.size()).unwrap();
        let forged = Plain { flipped: Some((tile, 9)), ..Plain::new(plain.size()) };
        let nodes = TileNodes::open(&forged, plain.size(), &root).unwrap();
        let error = nodes.node(0, 0).unwrap_err();
        assert_eq!(error, TileError::Disagrees { tile });
        let short = |tile: Tile| (&plain).tile(tile).map(|hashes| hashes[1..].to_vec());
        assert!(matches!(TileNodes::open(short, plain.size(), &root), Err(TileError::Width { .. })));
        let edge = Frontier::from_tiles(&[leaves(3)]).unwrap();
        let tile = Tile { level: 0, index: 0, width: 3 };
        let other = TileNodes::new(|_| Ok::<_, FrontierLost>(leaves(4).split_off(1)), edge);
        let error = other.node(0, 0).unwrap_err();
        assert_eq!(error, TileError::Disagrees { tile });
        assert_eq!(error.to_string(), "tile/0/000.p/3 doesn't agree with the tree above it");
    }

    #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
    #[error("never")]
    struct FrontierLost;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn nodes_and_proofs_are_those_of_the_leaves(size in 0u64..1500, old: prop::sample::Index, at: prop::sample::Index) {
            let plain = Plain::new(size);
            let nodes = TileNodes::open(&plain, size, &root_of(&plain, size).unwrap()).unwrap();
            prop_assert_eq!(check(&nodes, &plain), 0);
            let old = u64::try_from(old.index(usize::try_from(size + 1).unwrap())).unwrap();
            prop_assert_eq!(root_of(&nodes, old).unwrap(), root_of(&plain, old).unwrap());
            prop_assert_eq!(consistency_proof(&nodes, old, size).unwrap(), consistency_proof(&plain, old, size).unwrap());
            if old > 0 {
                let at = u64::try_from(at.index(usize::try_from(old).unwrap())).unwrap();
                prop_assert_eq!(inclusion_proof(&nodes, at, old).unwrap(), inclusion_proof(&plain, at, old).unwrap());
            }
        }

        #[test]
        fn one_flipped_bit_is_refused_and_never_a_node(size in 1u64..1500, which: prop::sample::Index, bit: prop::sample::Index) {
            let mut plain = Plain::new(size);
            let root = root_of(&plain, size).unwrap();
            let edge = Frontier::over(&plain.levels[0]);
            let tiles = plain.tiles();
            let tile = tiles[which.index(tiles.len())];
            plain.flipped = Some((tile, bit.index(256 * usize::from(tile.width))));
            let nodes = TileNodes::new(&plain, edge);
            prop_assert_eq!(nodes.tile_holding(tile.level, tile.index * 256).unwrap_err(), TileError::Disagrees { tile });
            prop_assert!(check(&nodes, &plain) > 0);
            let opened = TileNodes::open(&plain, size, &root);
            prop_assert_eq!(opened.is_err(), !tile.is_full());
        }
    }
}
