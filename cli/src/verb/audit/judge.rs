//! Who is wrong, where entries, tiles and the signed root don't agree. The signed root decides: what leads to it is what
//! the log committed to. If the recomputed entries do, the tiles that differ are wrong; if instead the tiles do, from the
//! root down, the entries are; if nothing does, the checkpoint is over another root.

use super::classify::{Place, classify};
use super::fault::Fault;
use super::recompute::{LEVELS_PER_TILE, fold};
use super::walk::{Flaw, Suspect, Walked, read_tile};
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::tree::{
    NodeSource, Resource, TILE_HASHES, Tile, consistency_proof, root_of, verify_consistency,
};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// A tree as its tiles state it, of a given size. Each tile is read once.
pub(super) struct Stated<F> {
    read: F,
    size: u64,
    tiles: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

/// Why a node could not be had from tiles.
#[derive(Debug)]
pub(super) enum NoNode {
    /// The tile isn't served, or is too short.
    Absent,
    /// It couldn't be read.
    Failed(Failure),
}

impl<F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>> Stated<F> {
    pub(super) fn new(read: F, size: u64) -> Self {
        Self { read, size, tiles: RefCell::default() }
    }

    /// The hashes of the tile that holds node `index` of tile level `level`.
    fn tile(&self, level: u8, index: u64) -> Result<(Tile, Vec<Hash>), NoNode> {
        let tile = Tile::holding(level, index, self.size).ok_or(NoNode::Absent)?;
        let key = (level, tile.index);
        if let Some(hashes) = self.tiles.borrow().get(&key) {
            return Ok((tile, hashes.clone()));
        }
        let bytes = (self.read)(Resource::Hashes(tile)).map_err(NoNode::Failed)?;
        let (hashes, flaws) = read_tile(tile, bytes);
        if !flaws.is_empty() {
            return Err(NoNode::Absent);
        }
        self.tiles.borrow_mut().insert(key, hashes.clone());
        Ok((tile, hashes))
    }

    /// The root that the tiles lead to; `None` where one is missing.
    pub(super) fn root(&self) -> Result<Option<Hash>, Failure> {
        present(root_of(self, self.size))
    }

    /// The tile's hashes, if every tile above it, up to the right edge, commits to it. That the right edge leads to the
    /// signed root is the caller's to know.
    fn committed(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Failure> {
        let Some((tile, hashes)) = present(self.tile(level, index * TILE_HASHES))? else { return Ok(None) };
        if !tile.is_full() {
            return Ok(Some(hashes));
        }
        let parent = self.committed_node(level + 1, index)?;
        Ok((parent == Some(fold(&hashes))).then_some(hashes))
    }

    /// The hash that the log committed to for node `index` of tile level `level`.
    fn committed_node(&self, level: u8, index: u64) -> Result<Option<Hash>, Failure> {
        let tile = self.committed(level, index / TILE_HASHES)?;
        let nth = usize::try_from(index % TILE_HASHES).unwrap_or(usize::MAX);
        Ok(tile.and_then(|hashes| hashes.get(nth).copied()))
    }
}

impl<F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>> NodeSource for Stated<F> {
    type Error = NoNode;

    fn node(&self, level: u32, index: u64) -> Result<Hash, NoNode> {
        let tile_level = u8::try_from(level / LEVELS_PER_TILE).map_err(|_| NoNode::Absent)?;
        let within = level % LEVELS_PER_TILE;
        let first = index << within;
        let (_, hashes) = self.tile(tile_level, first)?;
        let start = usize::try_from(first % TILE_HASHES).map_err(|_| NoNode::Absent)?;
        hashes.get(start..start + (1 << within)).map(fold).ok_or(NoNode::Absent)
    }
}

fn present<T>(node: Result<T, NoNode>) -> Result<Option<T>, Failure> {
    match node {
        Ok(node) => Ok(Some(node)),
        Err(NoNode::Absent) => Ok(None),
        Err(NoNode::Failed(failure)) => Err(failure),
    }
}

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

/// Proves how `new` stands to `old`, from tiles of the tree of `new`; nothing in them is believed.
pub(super) fn relation<F>(tiles: &Stated<F>, old: &Checkpoint, new: &Checkpoint) -> Result<Relation, Failure>
where
    F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>,
{
    if old.size == 0 {
        return Ok(Relation::Extends);
    }
    let Some(proof) = present(consistency_proof(tiles, old.size, new.size))? else {
        return Ok(Relation::Unproven);
    };
    if verify_consistency(old.size, new.size, &old.root, &new.root, &proof).is_ok() {
        return Ok(Relation::Extends);
    }
    // If the tiles prove another root at the old size to be within the new tree, the old one isn't.
    let Some(other) = present(root_of(tiles, old.size))? else { return Ok(Relation::Unproven) };
    let proven = verify_consistency(old.size, new.size, &other, &new.root, &proof).is_ok();
    Ok(if proven && other != old.root { Relation::Fork } else { Relation::Unproven })
}

/// Names what is wrong with a log of which `walked` was found; nothing, if it all leads to the signed root.
pub(super) fn judge<F>(tiles: &Stated<F>, walked: &Walked, signed: &Checkpoint) -> Result<Vec<Fault>, Failure>
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
    } else if tiles.root()? == Some(signed.root) {
        for suspect in &walked.bundles {
            match tiles.committed(0, suspect.tile.index)? {
                Some(committed) => places.extend(places_of(suspect, &committed)),
                None => faults.extend(doubted_bundle(tiles, suspect)?),
            }
        }
        for suspect in &walked.tiles {
            match tiles.committed(suspect.tile.level, suspect.tile.index)? {
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
        let under = 1 << (LEVELS_PER_TILE * u32::from(level));
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
fn doubted_bundle<F>(tiles: &Stated<F>, suspect: &Suspect) -> Result<Vec<Fault>, Failure>
where
    F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>,
{
    let tile = suspect.tile;
    let root = |hashes: &[Hash]| (hashes.len() == usize::from(tile.width)).then(|| fold(hashes));
    let (bundle, stated) = (root(&suspect.computed), root(&suspect.stated));
    let committed = if tile.is_full() { tiles.committed_node(1, tile.index)? } else { None };
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
