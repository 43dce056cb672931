//! The nodes of a tree, out of tiles that nobody needs to believe: each is proven against the tree above it before any of
//! its hashes is used, and the tree above it ends in a right edge that is trusted.

use super::proven_tile::{PART_HASHES, ProvenTile, TOP_HEIGHT, TileTop, row, rows_over};
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

    /// The upper nodes of a full tile of this very log that was proven, if they still are there.
    fn recall_top(&self, _tile: Tile) -> Option<Arc<TileTop>> {
        None
    }

    /// `count` of a tile's hashes, from the `first` of them on; none from a source that has tiles only as a whole. Asked for
    /// only where [`TileSource::recall_top`] says what they have to lead to.
    fn part(&self, _tile: Tile, _first: u64, _count: u64) -> Option<Result<Vec<Hash>, Self::Error>> {
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

/// What is kept of the tile of a level that was used last.
#[derive(Clone, Debug)]
enum Held {
    Whole(Arc<ProvenTile>),
    Top {
        top: Arc<TileTop>,
        /// The part that was used last, and where it starts in the tile: its hashes and the nodes over them, proven.
        part: Option<(u64, Arc<[Hash]>)>,
    },
}

impl Held {
    fn tile(&self) -> Tile {
        match self {
            Self::Whole(proven) => proven.tile(),
            Self::Top { top, .. } => top.tile(),
        }
    }
}

/// The nodes of a tree whose right edge is trusted. Those of an older, smaller tree of the same log are among them.
#[derive(Debug)]
pub struct TileNodes<S> {
    source: S,
    edge: Frontier,
    /// The tile of each level that was used last: a proof asks for many nodes of one, a long one from the left.
    last: RefCell<[Option<Held>; LEVELS]>,
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
        let tile = self.tile_of(level, index)?;
        if let Some(Held::Whole(proven)) = self.held(tile) {
            return Ok(proven);
        }
        let proven = match self.recall(tile) {
            Some(proven) => proven,
            None => self.prove_whole(tile)?,
        };
        self.hold(Held::Whole(Arc::clone(&proven)));
        Ok(proven)
    }

    /// The hashes of the tile that holds node `index` of tile level `level`, in the width that the tree has of it.
    ///
    /// # Errors
    /// [`TileError`].
    pub fn hashes(&self, level: u8, index: u64) -> Result<Vec<Hash>, TileError<S::Error>> {
        let tile = self.tile_of(level, index)?;
        if let Some(proven) = self.recall(tile) {
            return Ok(proven.hashes().into());
        }
        match self.recall_top(tile) {
            None => Ok(self.prove_whole(tile)?.hashes().into()),
            Some(top) => {
                let hashes = read(&self.source, tile)?;
                if top.is_of(&hashes) { Ok(hashes) } else { Err(TileError::Disagrees { tile }) }
            }
        }
    }

    fn tile_of(&self, level: u8, index: u64) -> Result<Tile, TileError<S::Error>> {
        let size = self.edge.size();
        let outside = TileError::Outside { level: TILE_HEIGHT * u32::from(level), index, size };
        Tile::holding(level, index, size).ok_or(outside)
    }

    fn held(&self, tile: Tile) -> Option<Held> {
        let held = self.last.borrow().get(usize::from(tile.level)).cloned().flatten();
        held.filter(|held| held.tile() == tile)
    }

    fn hold(&self, held: Held) {
        if let Some(last) = self.last.borrow_mut().get_mut(usize::from(held.tile().level)) {
            *last = Some(held);
        }
    }

    fn recall(&self, tile: Tile) -> Option<Arc<ProvenTile>> {
        self.source.recall(tile).filter(|proven| proven.tile() == tile)
    }

    fn recall_top(&self, tile: Tile) -> Option<Arc<TileTop>> {
        self.source.recall_top(tile).filter(|top| top.tile() == tile)
    }

    fn prove_whole(&self, tile: Tile) -> Result<Arc<ProvenTile>, TileError<S::Error>> {
        let proven = Arc::new(self.prove(tile)?);
        self.source.remember(&proven);
        Ok(proven)
    }

    /// As much of a tile as is proven already, or all of it.
    fn proven(&self, tile: Tile) -> Result<Held, TileError<S::Error>> {
        if let Some(held) = self.held(tile) {
            return Ok(held);
        }
        let held = if let Some(proven) = self.recall(tile) {
            Held::Whole(proven)
        } else if let Some(top) = self.recall_top(tile) {
            Held::Top { top, part: None }
        } else {
            Held::Whole(self.prove_whole(tile)?)
        };
        self.hold(held.clone());
        Ok(held)
    }

    /// The part of a tile that starts at its hash `start`, with the nodes over it; none if the source has no parts. The one
    /// over all of the part stands in `top`.
    fn prove_part(&self, top: &TileTop, start: u64) -> Result<Option<Arc<[Hash]>>, TileError<S::Error>> {
        let Some(hashes) = self.source.part(top.tile(), start, PART_HASHES) else { return Ok(None) };
        let hashes = hashes.map_err(TileError::Source)?;
        let nth = usize::try_from(start / PART_HASHES).ok();
        let expected = nth.and_then(|nth| top.row(TOP_HEIGHT).get(nth));
        let whole = u64::try_from(hashes.len()) == Ok(PART_HASHES);
        let rows = rows_over(hashes);
        match row(&rows, PART_HASHES, TOP_HEIGHT) {
            [over] if whole && Some(over) == expected => Ok(Some(rows.into())),
            _ => Err(TileError::Disagrees { tile: top.tile() }),
        }
    }

    /// The `nth` node `height` levels above a tile's hashes.
    fn node_of(&self, held: Held, height: u32, nth: u64) -> Result<Option<Hash>, TileError<S::Error>> {
        let in_row = |row: &[Hash], nth: u64| usize::try_from(nth).ok().and_then(|nth| row.get(nth).copied());
        let (top, part) = match held {
            Held::Whole(proven) => return Ok(in_row(proven.row(height), nth)),
            Held::Top { top, .. } if height >= TOP_HEIGHT => return Ok(in_row(top.row(height), nth)),
            Held::Top { top, part } => (top, part),
        };
        let start = (nth << height) / PART_HASHES * PART_HASHES;
        let part = part.filter(|(place, _)| *place == start).map(|(_, rows)| rows);
        let rows = match part.map_or_else(|| self.prove_part(&top, start), |rows| Ok(Some(rows)))? {
            Some(rows) => rows,
            None => {
                let proven = self.prove_whole(top.tile())?;
                self.hold(Held::Whole(Arc::clone(&proven)));
                return Ok(in_row(proven.row(height), nth));
            }
        };
        let node = in_row(row(&rows, PART_HASHES, height), nth - (start >> height));
        self.hold(Held::Top { top, part: Some((start, rows)) });
        Ok(node)
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
        let nth = (first % TILE_HASHES) >> height;
        let held = self.proven(self.tile_of(tile_level, first)?)?;
        self.node_of(held, height, nth)?.ok_or_else(outside)
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
    use alloc::collections::BTreeMap;
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

    /// A source that keeps the upper nodes of full tiles, and hands out parts of them.
    struct Kept {
        plain: Plain,
        tops: RefCell<BTreeMap<(u8, u64), Arc<TileTop>>>,
    }

    impl TileSource for &Kept {
        type Error = ();

        fn tile(&self, tile: Tile) -> Result<Vec<Hash>, ()> {
            (&self.plain).tile(tile)
        }

        fn recall_top(&self, tile: Tile) -> Option<Arc<TileTop>> {
            self.tops.borrow().get(&(tile.level, tile.index)).cloned()
        }

        fn part(&self, tile: Tile, first: u64, count: u64) -> Option<Result<Vec<Hash>, ()>> {
            let (first, count) = (usize::try_from(first).unwrap(), usize::try_from(count).unwrap());
            Some(self.tile(tile).map(|hashes| hashes[first..first + count].to_vec()))
        }

        fn remember(&self, proven: &Arc<ProvenTile>) {
            let place = (proven.tile().level, proven.tile().index);
            self.tops.borrow_mut().extend(proven.top().map(|top| (place, Arc::new(top))));
        }
    }

    /// Every node that is handed out is the right one; gives how many were refused.
    fn check<S: TileSource>(nodes: &TileNodes<S>, plain: &Plain) -> usize {
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
            let (level, first) = (8 * usize::from(tile.level), usize::try_from(tile.index * 256).unwrap());
            match nodes.hashes(tile.level, tile.index * 256) {
                Ok(hashes) => assert_eq!(hashes, plain.levels[level][first..first + usize::from(tile.width)]),
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
            let kept = Kept { plain: Plain::new(size), tops: RefCell::default() };
            for _ in 0..2 {
                prop_assert_eq!(check(&TileNodes::new(&kept, Frontier::over(&plain.levels[0])), &plain), 0);
            }
            prop_assert_eq!(kept.tops.into_inner().len(), plain.tiles().iter().filter(|tile| tile.is_full()).count());
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

        #[test]
        fn a_part_that_was_changed_since_its_tile_was_proven_is_refused(size in 256u64..1500, which: prop::sample::Index, bit in 0..256 * 256_usize) {
            let mut kept = Kept { plain: Plain::new(size), tops: RefCell::default() };
            let edge = Frontier::over(&kept.plain.levels[0]);
            prop_assert_eq!(check(&TileNodes::new(&kept, edge.clone()), &kept.plain), 0);
            let full: Vec<Tile> = kept.plain.tiles().into_iter().filter(Tile::is_full).collect();
            let tile = full[which.index(full.len())];
            kept.plain.flipped = Some((tile, bit));
            let part = tile.index * 256 + u64::try_from(bit / 256 / 16 * 16).unwrap();
            let level = 8 * u32::from(tile.level);
            for height in 0..4 {
                // Each with nothing held of the tile, and nothing handed out before.
                let nodes = TileNodes::new(&kept, edge.clone());
                let error = nodes.node(level + height, part >> height).unwrap_err();
                prop_assert_eq!(error, TileError::Disagrees { tile });
            }
            let nodes = TileNodes::new(&kept, edge);
            prop_assert!(nodes.node(level + 4, part >> 4).is_ok(), "what is over it is known");
            let disagrees = Err(TileError::Disagrees { tile });
            prop_assert_eq!(nodes.hashes(tile.level, tile.index * 256), disagrees);
            prop_assert!(check(&nodes, &kept.plain) > 0);
        }
    }
}
