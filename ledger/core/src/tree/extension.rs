//! What appending a group of leaves adds to a tree: enough to prove each of them in the tree that they complete.

use super::{Frontier, NodeSource, inclusion_proof};
use crate::hash::Hash;
use alloc::vec::Vec;

/// The nodes on and right of the old right edge, by level. A proof of a new leaf, in the tree that the group
/// completes, needs nothing else: what lies to its left is a peak of the old tree.
#[derive(Clone, Debug)]
pub struct Extension {
    levels: Vec<Level>,
    before: u64,
    after: Frontier,
}

#[derive(Clone, Debug)]
struct Level {
    first: u64,
    nodes: Vec<Hash>,
}

/// A node that lies left of the old right edge, or beyond the new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("node {index} of level {level} is not part of this extension")]
pub struct OutsideExtension {
    /// Level, 0 for leaves.
    pub level: u32,
    /// Index within the level.
    pub index: u64,
}

impl Extension {
    /// Appends `leaves` to the tree whose right edge is `before`.
    #[must_use]
    pub fn new(before: &Frontier, leaves: &[Hash]) -> Self {
        let mut after = before.clone();
        for leaf in leaves {
            after.push(*leaf);
        }
        let mut levels = Vec::new();
        let mut row: Vec<Hash> = leaves.to_vec();
        for level in 0..u64::BITS {
            let mut first = before.size() >> level;
            if let Some(peak) = before.peak(level) {
                first -= 1;
                row.insert(0, peak);
            }
            if row.is_empty() && after.size() >> level == 0 {
                break;
            }
            let (pairs, _odd) = row.as_chunks::<2>();
            let parents = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
            levels.push(Level { first, nodes: row });
            row = parents;
        }
        Self { levels, before: before.size(), after }
    }

    /// Leaves in the tree before the group.
    #[must_use]
    pub const fn size_before(&self) -> u64 {
        self.before
    }

    /// The right edge of the tree that the group completes.
    #[must_use]
    pub const fn after(&self) -> &Frontier {
        &self.after
    }

    /// Inclusion proof of the new leaf `index` in the completed tree.
    ///
    /// # Errors
    /// When `index` is not one of the group's.
    pub fn inclusion_proof(&self, index: u64) -> Result<Vec<Hash>, OutsideExtension> {
        if index < self.before || index >= self.after.size() {
            return Err(OutsideExtension { level: 0, index });
        }
        inclusion_proof(self, index, self.after.size())
    }
}

impl NodeSource for Extension {
    type Error = OutsideExtension;

    fn node(&self, level: u32, index: u64) -> Result<Hash, OutsideExtension> {
        let outside = OutsideExtension { level, index };
        let row = usize::try_from(level).ok().and_then(|level| self.levels.get(level)).ok_or(outside)?;
        let offset = index.checked_sub(row.first).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| row.nodes.get(offset)).copied().ok_or(outside)
    }
}
