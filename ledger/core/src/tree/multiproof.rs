//! One compact proof for many leaves (`SPEC.md` section 11): exactly the nodes that recomputing the root needs, in the
//! order in which the recomputation, from the left, needs them.
//!
//! Index and size alone fix which node stands for which subtree, so a proof has no positions in it that could disagree:
//! repeated or unsorted indices, missing or left-over nodes are refused.

use super::{NodeSource, split};
use crate::hash::Hash;
#[cfg(test)]
use alloc::vec::Vec;
use core::iter::Peekable;

/// Why a multi-proof doesn't hold together. Whether its root is the signed one is for the caller to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MultiproofError {
    /// Nothing to prove.
    #[error("multi-proof: expected at least one leaf")]
    Empty,
    /// Indices are not strictly ascending.
    #[error("multi-proof: expected an index above {after}, got {index}")]
    Order {
        /// The index before.
        after: u64,
        /// The index that isn't above it.
        index: u64,
    },
    /// A leaf outside of the tree.
    #[error("multi-proof: expected an index below the tree size {size}, got {index}")]
    Index {
        /// The leaf's index.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// A node is missing.
    #[error("multi-proof: the node over leaves {start} to {end} is missing")]
    Missing {
        /// First leaf under it.
        start: u64,
        /// The leaf after its last.
        end: u64,
    },
    /// Nodes are left over.
    #[error("multi-proof: nodes are left over")]
    LeftOver,
}

/// The proof of the leaves at `indices`, which must ascend strictly and be below `size`, one node after the other, so that
/// a proof of any size needs no memory.
///
/// # Errors
/// Those of the source, and those of `emit`.
pub fn multiproof_each<S: NodeSource, E: From<S::Error>>(
    source: &S,
    indices: &[u64],
    size: u64,
    emit: &mut dyn FnMut(Hash) -> Result<(), E>,
) -> Result<(), E> {
    debug_assert!(indices.is_sorted_by(|a, b| a < b) && indices.last().is_some_and(|last| *last < size));
    gather(source, indices, 0, size, emit)
}

fn gather<S: NodeSource, E: From<S::Error>>(
    source: &S,
    indices: &[u64],
    start: u64,
    end: u64,
    emit: &mut dyn FnMut(Hash) -> Result<(), E>,
) -> Result<(), E> {
    if indices.is_empty() {
        emit(super::make::subtree(source, start, end)?)?;
    } else if end - start > 1 && u64::try_from(indices.len()) != Ok(end - start) {
        let middle = start + split(end - start);
        let (left, right) = indices.split_at(indices.partition_point(|index| *index < middle));
        gather(source, left, start, middle, emit)?;
        gather(source, right, middle, end, emit)?;
    }
    Ok(())
}

/// The root that leaves and nodes lead to in a tree of `size` leaves. Both are read once, from the left, so a proof of
/// any number of leaves is checked in the memory of one path.
///
/// # Errors
/// [`MultiproofError`], at the first leaf or node that isn't as it must be.
pub fn root_from_multiproof(
    size: u64,
    leaves: impl IntoIterator<Item = (u64, Hash)>,
    nodes: impl IntoIterator<Item = Hash>,
) -> Result<Hash, MultiproofError> {
    let mut walk = RootWalk { leaves: leaves.into_iter().peekable(), nodes: nodes.into_iter(), last: None };
    let first = walk.leaves.peek().ok_or(MultiproofError::Empty)?.0;
    if first >= size {
        return Err(MultiproofError::Index { index: first, size });
    }
    let root = walk.subtree(0, size)?;
    match (walk.leaves.peek(), walk.last) {
        // What is left is either beyond the tree or not above the last leaf, which was the tree's highest.
        (Some((index, _)), Some(after)) if *index <= after => {
            Err(MultiproofError::Order { after, index: *index })
        }
        (Some((index, _)), _) => Err(MultiproofError::Index { index: *index, size }),
        (None, _) if walk.nodes.next().is_some() => Err(MultiproofError::LeftOver),
        (None, _) => Ok(root),
    }
}

struct RootWalk<L: Iterator<Item = (u64, Hash)>, N> {
    leaves: Peekable<L>,
    nodes: N,
    last: Option<u64>,
}

impl<L: Iterator<Item = (u64, Hash)>, N: Iterator<Item = Hash>> RootWalk<L, N> {
    /// Root over `start..end`; as deep as the tree, at most 53.
    fn subtree(&mut self, start: u64, end: u64) -> Result<Hash, MultiproofError> {
        match (self.leaves.peek().copied(), self.last) {
            (Some((index, _)), Some(after)) if index <= after => Err(MultiproofError::Order { after, index }),
            (Some((index, leaf)), _) if index < end => {
                if end - start == 1 {
                    self.leaves.next();
                    self.last = Some(index);
                    return Ok(leaf);
                }
                let middle = start + split(end - start);
                let left = self.subtree(start, middle)?;
                Ok(Hash::node(&left, &self.subtree(middle, end)?))
            }
            _ => self.nodes.next().ok_or(MultiproofError::Missing { start, end }),
        }
    }
}

/// The whole proof at once.
#[cfg(test)]
pub(crate) fn multiproof<S: NodeSource>(
    source: &S,
    indices: &[u64],
    size: u64,
) -> Result<Vec<Hash>, S::Error> {
    let mut nodes = Vec::new();
    multiproof_each(source, indices, size, &mut |node| {
        nodes.push(node);
        Ok::<(), S::Error>(())
    })?;
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Leaves;
    use super::*;
    use crate::tree::{inclusion_proof, root_of};
    use proptest::prelude::*;

    fn source(size: u64) -> Leaves {
        Leaves((0..size).map(|n| Hash::leaf(&n.to_be_bytes())).collect())
    }

    fn leaves(source: &Leaves, indices: &[u64]) -> Vec<(u64, Hash)> {
        indices.iter().map(|index| (*index, source.0[usize::try_from(*index).unwrap()])).collect()
    }

    /// Every subset of every tree of up to ten leaves.
    #[test]
    fn every_subset_of_small_trees() {
        for size in 1..=10u64 {
            let source = source(size);
            let root = root_of(&source, size).unwrap();
            for subset in 1u64..1 << size {
                let indices: Vec<u64> = (0..size).filter(|index| subset >> index & 1 == 1).collect();
                let nodes = multiproof(&source, &indices, size).unwrap();
                let leaves = leaves(&source, &indices);
                let verified = root_from_multiproof(size, leaves.clone(), nodes.clone());
                assert_eq!(verified, Ok(root), "{indices:?} of {size}");
                for without in 0..nodes.len() {
                    let mut fewer = nodes.clone();
                    fewer.remove(without);
                    assert_ne!(root_from_multiproof(size, leaves.clone(), fewer), Ok(root));
                }
                let mut more = nodes.clone();
                more.push(root);
                let left_over = root_from_multiproof(size, leaves.clone(), more);
                assert_eq!(left_over, Err(MultiproofError::LeftOver));
                let repeated = leaves.iter().flat_map(|leaf| [*leaf, *leaf]);
                assert!(matches!(
                    root_from_multiproof(size, repeated, nodes.clone()),
                    Err(MultiproofError::Order { .. })
                ));
                let unsorted = leaves.iter().rev().copied();
                assert_eq!(root_from_multiproof(size, unsorted, nodes).is_ok(), leaves.len() == 1);
            }
            assert_eq!(root_from_multiproof(size, [], []), Err(MultiproofError::Empty));
            let beyond = root_from_multiproof(size, [(size, root)], []);
            assert_eq!(beyond, Err(MultiproofError::Index { index: size, size }));
        }
    }

    proptest! {
        #[test]
        fn no_larger_than_single_proofs_and_bound_to_every_leaf(
            size in 1u64..400,
            chosen in proptest::collection::vec(any::<prop::sample::Index>(), 1..20),
            changed: prop::sample::Index,
        ) {
            let source = source(size);
            let root = root_of(&source, size).unwrap();
            let indices: std::collections::BTreeSet<u64> =
                chosen.iter().map(|index| u64::try_from(index.index(usize::try_from(size).unwrap())).unwrap()).collect();
            let indices: Vec<u64> = indices.into_iter().collect();
            let nodes = multiproof(&source, &indices, size).unwrap();
            let singly: usize =
                indices.iter().map(|index| inclusion_proof(&source, *index, size).unwrap().len()).sum();
            prop_assert!(nodes.len() <= singly);
            let mut leaves = leaves(&source, &indices);
            prop_assert_eq!(root_from_multiproof(size, leaves.clone(), nodes.clone()), Ok(root));
            let place = changed.index(leaves.len());
            leaves[place].1.0[3] ^= 1;
            prop_assert_ne!(root_from_multiproof(size, leaves, nodes), Ok(root));
        }
    }
}
