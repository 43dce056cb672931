//! What a tree recomputes to: leaf hashes out of entry bundles, and the right edge of a tree that grows by bundles. Pure:
//! no files, no network, no opinion on who is wrong.

use provlog_core::Hash;
use provlog_core::tree::bundle::{self, BundleError};
use provlog_core::tree::{Frontier, TILE_HASHES, TILE_HEIGHT};

/// Leaf hashes of a bundle's entries, as far as they are whole, and where that ends.
pub(super) fn leaves(bundle: &[u8], width: usize) -> (Vec<Hash>, Result<(), BundleError>) {
    let (entries, whole) = bundle::entries(bundle, width);
    (entries.into_iter().map(Hash::leaf).collect(), whole)
}

/// A tile that has just become full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FullTile {
    pub(super) level: u8,
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
}

/// The right edge of a tree, by levels of tiles: the hashes of the incomplete tile of each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Edge {
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// From what [`Edge::levels`] gave; `None` when a level is as full as a tile, or the tree too large.
    pub(super) fn from_levels(levels: Vec<Vec<Hash>>) -> Option<Self> {
        let small = levels.len() <= 7 && levels.iter().all(|level| count(level) < TILE_HASHES);
        small.then_some(Self { levels })
    }

    /// The incomplete tiles' hashes, leaves first.
    pub(super) fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Leaves in the tree.
    pub(super) fn size(&self) -> u64 {
        self.levels.iter().zip(0_u32..).map(|(hashes, level)| count(hashes) << (TILE_HEIGHT * level)).sum()
    }

    pub(super) fn root(&self) -> Hash {
        // No level is as full as a tile, and the levels are those of a size that fits.
        Frontier::from_tiles(&self.levels).map_or_else(Hash::empty_root, |tree| tree.root())
    }

    /// The edge without the leaves of an incomplete bundle, which are handed out.
    pub(super) fn take_leaves(&mut self) -> Vec<Hash> {
        self.levels.first_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The leaves of an incomplete bundle: the tree's last. None may be there already.
    pub(super) fn set_leaves(&mut self, leaves: Vec<Hash>) {
        debug_assert!(count(&leaves) < TILE_HASHES, "a full bundle is pushed by its root");
        self.level(0).clear();
        self.level(0).extend(leaves);
    }

    /// Appends a full bundle by the root over it; gives the tiles above it that it completes. There must be no
    /// incomplete bundle.
    pub(super) fn push_bundle(&mut self, root: Hash) -> Vec<FullTile> {
        let mut full = Vec::new();
        let bundles = (self.size() >> TILE_HEIGHT) + 1;
        let (mut node, mut level) = (root, 1_u8);
        loop {
            let hashes = self.level(usize::from(level));
            hashes.push(node);
            if count(hashes) < TILE_HASHES {
                return full;
            }
            let hashes = std::mem::take(hashes);
            node = Frontier::over(&hashes).root();
            let index = (bundles >> (TILE_HEIGHT * u32::from(level))) - 1;
            full.push(FullTile { level, index, hashes });
            level += 1;
        }
    }

    fn level(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        &mut self.levels[level]
    }
}

/// Hashes of a tile; never more than 256.
fn count(hashes: &[Hash]) -> u64 {
    u64::try_from(hashes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle_of(entries: &[Vec<u8>]) -> Vec<u8> {
        let length = |entry: &[u8]| u16::try_from(entry.len()).unwrap().to_be_bytes();
        entries.iter().flat_map(|entry| [&length(entry)[..], entry].concat()).collect()
    }

    /// Entries of all lengths that a log can have, the empty and the longest among them.
    fn sample(count: usize) -> Vec<Vec<u8>> {
        let lengths = [0, 1, 80, 255, 256, 65_535];
        (0..count).map(|n| vec![u8::try_from(n % 251).unwrap(); lengths[n % lengths.len()]]).collect()
    }

    /// Small and fast numbers that look random (xorshift), so that a failure is seen again.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
        }
    }

    #[test]
    fn every_mutation_of_a_bundle_changes_what_it_recomputes_to() {
        let entries = sample(24);
        let good = bundle_of(&entries);
        let (expected, whole) = leaves(&good, 24);
        assert_eq!((expected.len(), whole), (24, Ok(())));
        assert!(expected.iter().zip(&entries).all(|(leaf, entry)| *leaf == Hash::leaf(entry)));
        let mut numbers = Numbers(0x1234_5678_9abc_def1);
        for round in 0..400 {
            let mut bad = good.clone();
            match round % 5 {
                0 => bad[numbers.below(good.len())] ^= 1 << numbers.below(8),
                1 => bad.truncate(numbers.below(good.len())),
                2 => bad.insert(numbers.below(good.len() + 1), 0x55),
                3 => drop(bad.remove(numbers.below(good.len()))),
                _ => {
                    // Swap two entries that differ.
                    let (a, b) = (numbers.below(24), numbers.below(24));
                    let mut swapped = entries.clone();
                    swapped.swap(a, b);
                    bad = bundle_of(&swapped);
                }
            }
            if bad != good {
                let (got, whole) = leaves(&bad, 24);
                assert!(got != expected || whole.is_err(), "round {round}");
                assert!(got.len() <= 24);
            }
        }
    }

    #[test]
    fn the_edge_agrees_with_the_tree_at_every_size() {
        let leaf = |n: u64| Hash::leaf(&n.to_be_bytes());
        let (mut tree, mut edge, mut bundle) = (Frontier::new(), Edge::default(), Vec::new());
        assert_eq!(edge.root(), tree.root());
        let mut full = Vec::new();
        for n in 0..66_500 {
            tree.push(leaf(n));
            bundle.push(leaf(n));
            if bundle.len() == 256 {
                edge.take_leaves();
                full.extend(edge.push_bundle(Frontier::over(&bundle).root()));
                bundle.clear();
            }
            if n % 97 == 0 || bundle.is_empty() {
                edge.set_leaves(bundle.clone());
                assert_eq!((edge.size(), edge.root()), (tree.size(), tree.root()), "{n}");
                assert_eq!(Edge::from_levels(edge.levels().to_vec()), Some(edge.clone()));
            }
        }
        assert_eq!(full.len(), 1, "65,536 leaves fill one tile of level 1");
        assert_eq!((full[0].level, full[0].index, full[0].hashes.len()), (1, 0, 256));
        assert_eq!(Edge::from_levels(vec![vec![leaf(0); 256]]), None);
    }
}
