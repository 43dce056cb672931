//! Verifying proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2; the trees are those of RFC 6962).

use crate::hash::Hash;

/// Why a proof doesn't hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// The leaf lies outside of the tree.
    #[error("index: expected below the tree size {size}, got {index}")]
    Index {
        /// Index of the leaf.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The old tree is empty, which every tree extends and which says nothing, or larger than the new one.
    #[error("sizes: the old one must be from 1 to the new, got {old} and {new}")]
    Sizes {
        /// Leaves in the older tree.
        old: u64,
        /// Leaves in the newer tree.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("proof: expected {expected} hashes, got {got}")]
    Length {
        /// Hashes that a proof for this position and size has.
        expected: usize,
        /// Hashes found.
        got: usize,
    },
    /// The proof leads to another root than the one that was signed.
    #[error("root: expected {expected}, got {got}")]
    Root {
        /// The root that was given.
        expected: Hash,
        /// The root that the proof leads to.
        got: Hash,
    },
    /// A consistency proof leads to another old root.
    #[error("old root: expected {expected}, got {got}")]
    OldRoot {
        /// The old root that was given.
        expected: Hash,
        /// The old root that the proof leads to.
        got: Hash,
    },
}

/// How many hashes an inclusion proof of leaf `index` in a tree of `size` leaves has, or `None` when `index` isn't below `size`.
#[must_use]
pub fn inclusion_length(index: u64, size: u64) -> Option<usize> {
    let last = size.checked_sub(1).filter(|last| index <= *last)?;
    // Below the highest bit in which the two differ every level has a sibling; above it only left ones do.
    let inner = u64::BITS - (index ^ last).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    usize::try_from(inner + border).ok()
}

/// The root that `proof` leads to from `leaf` at `index` in a tree of `size` leaves.
///
/// # Errors
/// [`ProofError::Index`] and [`ProofError::Length`].
pub fn root_from_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash]) -> Result<Hash, ProofError> {
    let expected = inclusion_length(index, size).ok_or(ProofError::Index { index, size })?;
    if proof.len() != expected {
        return Err(ProofError::Length { expected, got: proof.len() });
    }
    let (mut node, mut last, mut root) = (index, size - 1, *leaf);
    for sibling in proof {
        if node & 1 == 1 || node == last {
            root = Hash::node(sibling, &root);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = Hash::node(&root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    Ok(root)
}

/// Checks that `leaf` is at `index` in the tree of `size` leaves with this root.
///
/// # Errors
/// Says which of index, number of hashes or root is wrong.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let got = root_from_inclusion(index, size, leaf, proof)?;
    if got == *root { Ok(()) } else { Err(ProofError::Root { expected: *root, got }) }
}

/// Checks that the tree of `new` leaves extends the one of `old` leaves, which must be at least one. Equal sizes demand
/// equal roots and an empty proof.
///
/// # Errors
/// Says which of sizes, number of hashes, old or new root is wrong.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old == 0 || old > new {
        return Err(ProofError::Sizes { old, new });
    }
    let expected = consistency_length(old, new);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, got: proof.len() });
    }
    if old == new {
        let (expected, got) = (*new_root, *old_root);
        return if expected == got { Ok(()) } else { Err(ProofError::Root { expected, got }) };
    }
    let shift = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let mut hashes = proof.iter();
    // Where the old tree is one perfect subtree its root is the starting point, otherwise the first hash is.
    let start = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let start = *start.ok_or(ProofError::Length { expected, got: proof.len() })?;
    let (mut from_old, mut from_new) = (start, start);
    for sibling in hashes {
        if node & 1 == 1 || node == last {
            from_old = Hash::node(sibling, &from_old);
            from_new = Hash::node(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = Hash::node(&from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if from_old != *old_root {
        return Err(ProofError::OldRoot { expected: *old_root, got: from_old });
    }
    if from_new != *new_root {
        return Err(ProofError::Root { expected: *new_root, got: from_new });
    }
    Ok(())
}

/// How many hashes a consistency proof has. The proof is the inclusion path of the old tree's last perfect subtree,
/// with that subtree's own hash in front unless it is the whole old tree.
fn consistency_length(old: u64, new: u64) -> usize {
    if old == new {
        return 0;
    }
    let shift = old.trailing_zeros();
    let path = inclusion_length((old - 1) >> shift, ((new - 1) >> shift) + 1).unwrap_or(0);
    path + usize::from(!old.is_power_of_two())
}
