//! The Merkle tree of RFC 6962, section 2.1: roots, inclusion and consistency proofs, tile coordinates.
//!
//! Nothing here stores a tree. A [`Frontier`] is the right edge that appending needs, an [`Extension`] the nodes
//! that a group of new leaves adds, and proofs are made from whatever implements [`NodeSource`]:
//! where that is tiles of somebody's, through [`TileNodes`], which believes none of them.

pub mod bundle;
mod extension;
mod frontier;
mod make;
mod multiproof;
mod proven_tile;
mod tile;
mod tile_nodes;
mod verify;

pub use extension::Extension;
pub use frontier::{Frontier, FrontierError};
pub use make::{NodeSource, consistency_proof, inclusion_proof, root_of};
pub use multiproof::{MultiproofError, multiproof_each, root_from_multiproof};
pub use proven_tile::{ProvenTile, TileTop};
pub use tile::{Resource, TILE_HASHES, TILE_HEIGHT, Tile, TilePathError};
pub use tile_nodes::{TileError, TileNodes, TileSource};
pub use verify::{ProofError, inclusion_length, root_from_inclusion, verify_consistency, verify_inclusion};

/// Largest power of two smaller than `size`, which must be at least 2: where RFC 6962 splits a tree.
fn split(size: u64) -> u64 {
    debug_assert!(size >= 2, "a tree of fewer than two leaves has no split");
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

#[cfg(test)]
pub(crate) use multiproof::multiproof;

#[cfg(test)]
pub(crate) mod tests;
