//! Making proofs, from any source of perfect subtrees' hashes (RFC 6962, sections 2.1.1 and 2.1.2).

use super::split;
use crate::hash::Hash;
use alloc::vec::Vec;

/// Where the hashes of perfect subtrees come from.
pub trait NodeSource {
    /// Why a node could not be had.
    type Error;

    /// Hash of the perfect subtree over the leaves `index * 2^level .. (index + 1) * 2^level`. Only asked for nodes
    /// that lie wholly within the size handed to the function that asks.
    ///
    /// # Errors
    /// As the source has them; they are passed through.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The tree's root at `size`.
///
/// # Errors
/// Those of the source.
pub fn root_of<S: NodeSource>(source: &S, size: u64) -> Result<Hash, S::Error> {
    if size == 0 { Ok(Hash::empty_root()) } else { subtree(source, 0, size) }
}

/// Inclusion proof of leaf `index` in the tree of `size` leaves, the leaf's sibling first. `index` must be below `size`.
///
/// # Errors
/// Those of the source.
pub fn inclusion_proof<S: NodeSource>(source: &S, index: u64, size: u64) -> Result<Vec<Hash>, S::Error> {
    debug_assert!(index < size, "leaf {index} is not in a tree of {size}");
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    // From the root down, so the siblings come in reverse.
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtree(source, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(source, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Consistency proof between the trees of `old` and `new` leaves; empty when they are equal or `old` is 0. `old` must
/// not be above `new`.
///
/// # Errors
/// Those of the source.
pub fn consistency_proof<S: NodeSource>(source: &S, old: u64, new: u64) -> Result<Vec<Hash>, S::Error> {
    debug_assert!(old <= new, "a tree of {new} leaves does not extend one of {old}");
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    // While the verifier still knows the subtree as a part of the old root it needs no hash of it.
    let mut known = true;
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(subtree(source, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(source, start, middle)?);
            start = middle;
            known = false;
        }
    }
    if !known {
        proof.push(subtree(source, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Hash over the leaves `start..end`, where `start` is a multiple of the smallest power of two not below the length.
pub(super) fn subtree<S: NodeSource>(source: &S, start: u64, end: u64) -> Result<Hash, S::Error> {
    let (mut left, mut lefts) = (start, Vec::new());
    loop {
        let length = end - left;
        if length.is_power_of_two() {
            let level = length.trailing_zeros();
            let last = source.node(level, left >> level)?;
            return Ok(lefts.iter().rev().fold(last, |right, left| Hash::node(left, &right)));
        }
        let half = split(length);
        let level = half.trailing_zeros();
        lefts.push(source.node(level, left >> level)?);
        left += half;
    }
}
