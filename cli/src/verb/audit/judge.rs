//! Who is wrong, where entries, tiles and the signed root don't agree. The signed root decides: what leads to it is what
//! the log committed to. If the recomputed entries do, the tiles that differ are wrong; if instead the tiles do, from the
//! root down, the entries are; if nothing does, the checkpoint is over another root.

use super::classify::{Place, classify};
use super::fault::Fault;
use super::walk::{Flaw, Suspect, Walked};
use crate::proof::tiles::{proven, tree_of};
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::tree::{
    Frontier, NodeSource, Resource, TILE_HASHES, TILE_HEIGHT, Tile, TileNodes, TileSource, root_of,
};
use std::collections::HashSet;

/// How a checkpoint stands to an earlier, smaller one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    /// It extends it: proven.
    Extends,
    /// It doesn't: proven.
    Fork,
    /// The tiles prove neither.
    Unproven,
}

/// Proves how `new` stands to `old`, from files of the log of `new`; nothing in them is believed.
pub(super) fn relation<F>(read: &F, old: &Checkpoint, new: &Checkpoint) -> Result<Relation, Failure>
where
    F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>,
{
    if old.size == 0 {
        return Ok(Relation::Extends);
    }
    let Some(tree) = tree_of(read, new)? else { return Ok(Relation::Unproven) };
    // If the tiles prove another root at the old size to be within the new tree, the old one isn't.
    Ok(match proven(root_of(&tree, old.size))? {
        Some(root) if root == old.root => Relation::Extends,
        Some(_) => Relation::Fork,
        None => Relation::Unproven,
    })
}

/// Names what is wrong with a log of which `walked` was found; nothing, if it all leads to the signed root.
pub(super) fn judge<F>(read: &F, walked: &Walked, signed: &Checkpoint) -> Result<Vec<Fault>, Failure>
where
    F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>,
{
    let mut faults = Vec::new();
    for suspect in walked.bundles.iter().chain(&walked.tiles) {
        faults.extend(suspect.flaws.iter().filter_map(Flaw::fault));
    }
    let recomputed = walked.edge.root();
    let mut places = Vec::new();
    if recomputed == signed.root {
        // What is recomputed is what was committed to; hashes that entries don't make came out of the tile.
        for suspect in &walked.bundles {
            faults.extend(tile_faults(suspect));
            places.extend(missing_entries(suspect, &suspect.stated));
        }
        faults.extend(walked.tiles.iter().flat_map(tile_faults));
    } else if let Some(tree) = tree_of(read, signed)? {
        let committed = |tile: Tile| proven(tree.tile_holding(tile.level, tile.index * TILE_HASHES));
        for suspect in &walked.bundles {
            match committed(suspect.tile)? {
                Some(committed) => places.extend(places_of(suspect, committed.hashes())),
                None => faults.extend(doubted_bundle(&tree, suspect)?),
            }
        }
        for suspect in &walked.tiles {
            match committed(suspect.tile)? {
                Some(_) => faults.extend(rewritten_below(walked, suspect)),
                None => faults.extend(tile_faults(suspect)),
            }
        }
    } else if walked.bundles.iter().any(Suspect::has_unknown_leaves) {
        // What nothing gives leads to no root. The files that should have given it are named already.
        faults.extend(walked.bundles.iter().flat_map(tile_faults));
    } else {
        // Where entries and tiles agree, both lead to another root than was signed.
        faults.push(Fault::Root { size: signed.size, signed: signed.root, recomputed });
        faults.extend(walked.bundles.iter().chain(&walked.tiles).flat_map(tile_faults));
        faults.extend(walked.bundles.iter().flat_map(rewritten));
    }
    faults.extend(classify(&places));
    if faults.is_empty() && recomputed != signed.root {
        faults.push(Fault::Root { size: signed.size, signed: signed.root, recomputed });
    }
    Ok(faults)
}

impl Flaw {
    /// As a fault; too few entries are named one by one instead.
    fn fault(&self) -> Option<Fault> {
        match self {
            Self::Missing(resource) => Some(Fault::Missing { path: resource.to_string() }),
            Self::Few(..) => None,
            Self::Malformed(resource, detail) => {
                Some(Fault::Malformed { path: resource.to_string(), detail: detail.clone() })
            }
        }
    }
}

/// Every hash of a tile that isn't the one below it.
fn tile_faults(suspect: &Suspect) -> Vec<Fault> {
    let Tile { level, index, .. } = suspect.tile;
    let both = suspect.computed.iter().zip(&suspect.stated).zip(0..);
    let differing = both.filter(|((computed, stated), _)| computed != stated);
    let faults = differing.map(|((computed, stated), nth)| {
        let under = 1 << (TILE_HEIGHT * u32::from(level));
        let first = (index * TILE_HASHES + nth) * under;
        Fault::Tile {
            path: Resource::Hashes(suspect.tile).to_string(),
            nth,
            entries: (first, first + (under - 1)),
            expected: *computed,
            got: *stated,
        }
    });
    faults.collect()
}

/// The entries of a bundle beside those of `committed`. Of a bundle that isn't served there is nothing to say.
fn places_of(suspect: &Suspect, committed: &[Hash]) -> Vec<Place> {
    if suspect.flaws.contains(&Flaw::Missing(Resource::Entries(suspect.tile))) {
        return Vec::new();
    }
    let first = suspect.tile.index * TILE_HASHES;
    let all = committed.iter().zip(first..).enumerate().map(|(nth, (expected, index))| Place {
        index,
        expected: *expected,
        got: suspect.computed.get(nth).copied(),
    });
    all.collect()
}

/// The entries that a bundle ends before.
fn missing_entries(suspect: &Suspect, committed: &[Hash]) -> Vec<Place> {
    places_of(suspect, committed).into_iter().filter(|place| place.got.is_none()).collect()
}

/// Of a bundle whose tile isn't the committed one: if the bundle is, the tile is wrong; otherwise both are.
fn doubted_bundle<S>(tree: &TileNodes<S>, suspect: &Suspect) -> Result<Vec<Fault>, Failure>
where
    S: TileSource<Error = Failure>,
{
    let tile = suspect.tile;
    let root =
        |hashes: &[Hash]| (hashes.len() == usize::from(tile.width)).then(|| Frontier::over(hashes).root());
    let (bundle, stated) = (root(&suspect.computed), root(&suspect.stated));
    let committed = if tile.is_full() { proven(tree.node(TILE_HEIGHT, tile.index))? } else { None };
    Ok(match (committed, bundle, stated) {
        (Some(expected), Some(bundle), Some(tile_root)) if expected != bundle => {
            let path = Resource::Hashes(tile).to_string();
            vec![Fault::Subtree { path, expected, bundle, tile: tile_root }]
        }
        _ => tile_faults(suspect),
    })
}

/// Of a tile that the log committed to: the tiles below it that agree with their entries, but not with it. Those that
/// don't agree with what is below them are suspects themselves.
fn rewritten_below(walked: &Walked, suspect: &Suspect) -> Vec<Fault> {
    let Tile { level, index, .. } = suspect.tile;
    let Some(below) = level.checked_sub(1).filter(|_| walked.more == 0) else { return Vec::new() };
    let suspects = if below == 0 { &walked.bundles } else { &walked.tiles };
    let suspects: HashSet<(u8, u64)> = suspects.iter().map(|s| (s.tile.level, s.tile.index)).collect();
    let both = suspect.stated.iter().zip(&suspect.computed).zip(index * TILE_HASHES..);
    let differing = both.filter(|((stated, computed), _)| stated != computed);
    differing
        .filter(|(_, index)| !suspects.contains(&(below, *index)))
        .map(|((stated, computed), index)| {
            let tile = Tile { level: below, index, width: u16::try_from(TILE_HASHES).unwrap_or(u16::MAX) };
            Fault::Subtree {
                path: Resource::Hashes(tile).to_string(),
                expected: *stated,
                bundle: *computed,
                tile: *computed,
            }
        })
        .collect()
}

/// The entries of a bundle that the last audit verified as others.
fn rewritten(suspect: &Suspect) -> Vec<Fault> {
    let both = suspect.audited.iter().zip(&suspect.computed).zip(suspect.tile.index * TILE_HASHES..);
    let differing = both.filter(|((audited, got), _)| audited != got);
    differing
        .map(|((audited, got), index)| Fault::EntryRewritten { index, audited: *audited, got: *got })
        .collect()
}
