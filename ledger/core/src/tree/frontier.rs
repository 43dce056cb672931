//! The right edge of a tree: all that appending to it and computing its root needs.

use super::TILE_HASHES;
use crate::hash::Hash;
use alloc::vec::Vec;

/// The perfect subtrees that make up a tree, largest (leftmost) first: one for each bit set in its size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A number of hashes that cannot be the right edge of a tree of that size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the right edge of a tree of {size} leaves has {expected} hashes, got {got}")]
pub struct FrontierError {
    /// Leaves in the tree.
    pub size: u64,
    /// Bits set in the size.
    pub expected: u32,
    /// Hashes handed in.
    pub got: usize,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

impl Frontier {
    /// The empty tree's.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// From its parts, largest subtree first. The caller compares [`Frontier::root`] with a root it trusts.
    ///
    /// # Errors
    /// When the number of peaks doesn't fit the size.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones();
        if usize::try_from(expected) == Ok(peaks.len()) {
            Ok(Self { size, peaks })
        } else {
            Err(FrontierError { size, expected, got: peaks.len() })
        }
    }

    /// Of the tree over these leaves. Nodes of one level count as leaves of the tree above them.
    #[must_use]
    pub fn over(leaves: &[Hash]) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.push(*leaf);
        }
        tree
    }

    /// From the hashes of the incomplete tile of each level, leaves first; `None` when one has as many as a full tile, or
    /// the tree is larger than any. The caller compares [`Frontier::root`] with a root it trusts.
    #[must_use]
    pub fn from_tiles(levels: &[Vec<Hash>]) -> Option<Self> {
        let mut tree = Self::new();
        for hashes in levels.iter().rev() {
            let row = Self::over(hashes);
            if row.size >= TILE_HASHES {
                return None;
            }
            tree.size = tree.size.checked_mul(TILE_HASHES)? + row.size;
            tree.peaks.extend(row.peaks);
        }
        Some(tree)
    }

    /// Leaves in the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The subtrees' hashes, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends one leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            // One peak for each bit set in the size: a trailing one always has its peak.
            if let Some(left) = self.peaks.pop() {
                node = Hash::node(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The tree's root, also of no leaves (RFC 6962, section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let folded = self.peaks.iter().rev().copied().reduce(|right, left| Hash::node(&left, &right));
        folded.unwrap_or_else(Hash::empty_root)
    }

    /// The peak of the subtree of `2^level` leaves, if the size has that bit.
    #[must_use]
    pub fn peak(&self, level: u32) -> Option<Hash> {
        let bit = 1u64.checked_shl(level)?;
        if self.size & bit == 0 {
            return None;
        }
        let larger = usize::try_from((self.size & !(bit | (bit - 1))).count_ones()).ok()?;
        self.peaks.get(larger).copied()
    }
}
