//! The walk over a log: every bundle is fetched, kept, recomputed and compared with its tile by many threads; one puts
//! the results together in order and compares the levels above. What differs is gathered here and judged elsewhere.
//!
//! Memory is bounded, whatever the log sends: a small bundle or tile a thread, one large bundle in all, the results in a
//! window that wait for their turn, and what differs up to a limit.

use super::mirror::{Last, Mirror};
use super::recompute::{Edge, FullTile, leaves as leaves_of};
use super::source::{Source, fetch_within};
use super::window::{Ahead, ClosedOnPanic};
use crate::proof::tiles::HASH_BYTES;
use crate::show::failure::Failure;
use crate::show::progress::progress;
use provlog_core::Hash;
use provlog_core::tree::bundle::BundleError;
use provlog_core::tree::{Frontier, Resource, TILE_HASHES, TILE_HEIGHT, Tile};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Bundles and tiles with differences that are kept to be judged, 16 KiB each; more are counted.
const SUSPECTS_MAX: usize = 1_024;

/// Bundles that may be fetched ahead of the first one that isn't there yet.
pub(super) const AHEAD_MAX: u64 = 256;

/// Bytes of a bundle, or tile, of which every thread may hold one. Larger ones, of entries over 8 KiB on average, are held
/// one at a time.
pub(super) const SMALL_BYTES_MAX: usize = 2 * 1024 * 1024;

pub(super) struct Walk<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) mirror: &'a Mirror,
    /// Entries in the tree, as the verified checkpoint says.
    pub(super) size: u64,
    /// Whether what the mirror has is fetched again.
    pub(super) afresh: bool,
    /// Held by whoever holds a large bundle.
    pub(super) large: Mutex<()>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The right edge that the entries make.
    pub(super) edge: Edge,
    /// The root that they made at the size of the last audit, where the walk came by it.
    pub(super) old_root: Option<Hash>,
    /// Bundles that aren't in order, or don't agree with their tile.
    pub(super) bundles: Vec<Suspect>,
    /// Tiles above them that don't agree with what is recomputed.
    pub(super) tiles: Vec<Suspect>,
    /// More of either that were not kept.
    pub(super) more: u64,
}

/// A tile, what it should hold as recomputed from below, and what it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Suspect {
    pub(super) tile: Tile,
    /// Recomputed from the entries; short where there are too few of them.
    pub(super) computed: Vec<Hash>,
    /// As the tile has it; empty where the log doesn't serve the tile.
    pub(super) stated: Vec<Hash>,
    /// What is wrong with the files themselves.
    pub(super) flaws: Vec<Flaw>,
    /// What the last audit kept here, where that is another file.
    pub(super) audited: Vec<Hash>,
}

/// A file that isn't what it should be, whatever its hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Flaw {
    Missing(Resource),
    /// A bundle of whole entries, but too few of them.
    Few(Resource),
    /// Not in the form of one.
    Malformed(Resource, String),
}

/// A bundle, recomputed.
struct Checked {
    /// Its leaf hashes; those that its entries don't make are the tile's, so that the rest can still be compared.
    leaves: Vec<Hash>,
    suspect: Option<Suspect>,
}

/// What the thread in the middle needs of a bundle.
struct Recomputed {
    root: Option<Hash>,
    /// Kept only of a partial bundle, and of the one in which the last audit ended.
    leaves: Vec<Hash>,
    suspect: Option<Suspect>,
}

impl Walk<'_> {
    /// Walks all bundles that `last` doesn't cover; all of them when there is no last audit, or it doesn't count.
    pub(super) fn run(&self, last: Option<&Last>, old_size: Option<u64>) -> Result<Walked, Failure> {
        let mut walked =
            Walked { edge: last.map(|last| last.edge.clone()).unwrap_or_default(), ..Default::default() };
        walked.edge.take_leaves();
        let first = walked.edge.size() / TILE_HASHES;
        let end = self.size.div_ceil(TILE_HASHES);
        let (next, stop) = (AtomicU64::new(first), AtomicBool::new(false));
        let window = Ahead::new(first, AHEAD_MAX);
        let lanes = u64::try_from(self.source.lanes()).unwrap_or(1).min(end - first);
        thread::scope(|scope| {
            let (results, received) = mpsc::channel();
            for _ in 0..lanes {
                let results = results.clone();
                let (next, stop, window) = (&next, &stop, &window);
                scope.spawn(move || {
                    let _watched = ClosedOnPanic(window);
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= end || !window.reaches(index) {
                            break;
                        }
                        if results.send((index, self.bundle(index, old_size))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(results);
            let received = progress("recomputing bundles", end - first).wrap_iter(received.into_iter());
            let merged = self.merge(&mut walked, first, old_size, received, &window);
            stop.store(true, Ordering::Relaxed);
            window.close();
            merged
        })?;
        self.right_edge(&mut walked)?;
        Ok(walked)
    }

    /// Takes results in order of index. Ends with the first failure; the threads end when nobody listens any more.
    fn merge(
        &self,
        walked: &mut Walked,
        first: u64,
        old_size: Option<u64>,
        received: impl Iterator<Item = (u64, Result<Recomputed, Failure>)>,
        window: &Ahead,
    ) -> Result<(), Failure> {
        let (mut waiting, mut turn) = (BTreeMap::new(), first);
        for (index, result) in received {
            waiting.insert(index, result?);
            while let Some(result) = waiting.remove(&turn) {
                if old_size.is_some_and(|old| old / TILE_HASHES == turn) {
                    walked.old_root = old_size.map(|old| root_within(&walked.edge, &result.leaves, old));
                }
                if let Some(suspect) = result.suspect {
                    walked.suspect(suspect, |walked| &mut walked.bundles);
                }
                match result.root {
                    Some(root) => {
                        for full in walked.edge.push_bundle(root) {
                            self.compare_above(walked, full)?;
                        }
                    }
                    None => walked.edge.set_leaves(result.leaves),
                }
                turn += 1;
                window.move_to(turn);
            }
        }
        if old_size == Some(walked.edge.size()) {
            walked.old_root = Some(walked.edge.root());
        }
        Ok(())
    }

    /// Compares the incomplete tiles of the levels above the leaves.
    fn right_edge(&self, walked: &mut Walked) -> Result<(), Failure> {
        let levels = walked.edge.levels().to_vec();
        for (hashes, level) in levels.into_iter().zip(0_u8..).skip(1).filter(|(hashes, _)| !hashes.is_empty())
        {
            let index = (self.size >> (TILE_HEIGHT * u32::from(level))) / TILE_HASHES;
            self.compare_above(walked, FullTile { level, index, hashes })?;
        }
        Ok(())
    }

    fn compare_above(&self, walked: &mut Walked, recomputed: FullTile) -> Result<(), Failure> {
        let FullTile { level, index, hashes: computed } = recomputed;
        let tile = Tile { level, index, width: width(computed.len()) };
        let look = |afresh| {
            let bytes = self.obtain(Resource::Hashes(tile), afresh, SMALL_BYTES_MAX)?;
            let (stated, flaws) = read_tile(tile, bytes);
            let differs = stated != computed || !flaws.is_empty();
            Ok::<_, Failure>((differs, stated, flaws))
        };
        let mut looked = look(self.afresh)?;
        if looked.0 && !self.afresh {
            looked = look(true)?;
        }
        let (differs, stated, flaws) = looked;
        if differs {
            walked.suspect(Suspect { tile, computed, stated, flaws, audited: Vec::new() }, |walked| {
                &mut walked.tiles
            });
        }
        Ok(())
    }

    fn bundle(&self, index: u64, old_size: Option<u64>) -> Result<Recomputed, Failure> {
        let tile = Tile { level: 0, index, width: width_at(index, self.size) };
        let before =
            old_size.filter(|_| self.afresh).map(|old| self.audited(index, old)).transpose()?.flatten();
        let mut checked = self.check(tile, self.afresh)?;
        if checked.suspect.is_some() && !self.afresh {
            checked = self.check(tile, true)?;
        }
        let Checked { leaves, mut suspect } = checked;
        if let Some(before) = before {
            let audited = leaves_of(&before, usize::from(tile.width)).0;
            if audited.iter().zip(&leaves).any(|(audited, leaf)| audited != leaf) {
                self.mirror.keep_bundle(index, &before)?;
                suspect.get_or_insert_with(|| Suspect::intact(tile, &leaves)).audited = audited;
            }
        }
        let root = tile.is_full().then(|| Frontier::over(&leaves).root());
        let keep = root.is_none() || old_size.is_some_and(|old| old / TILE_HASHES == index);
        Ok(Recomputed { root, leaves: if keep { leaves } else { Vec::new() }, suspect })
    }

    /// What the last audit, of `old` entries, kept of a bundle that is to be fetched again.
    fn audited(&self, index: u64, old: u64) -> Result<Option<Vec<u8>>, Failure> {
        match old.checked_sub(index * TILE_HASHES) {
            None | Some(0) => Ok(None),
            Some(_) => {
                self.mirror.get(Resource::Entries(Tile { level: 0, index, width: width_at(index, old) }))
            }
        }
    }

    fn check(&self, tile: Tile, afresh: bool) -> Result<Checked, Failure> {
        match self.check_within(tile, afresh, SMALL_BYTES_MAX) {
            Err(failure) if failure.is_too_large() => {
                let _alone = self.large.lock().unwrap_or_else(PoisonError::into_inner);
                self.check_within(tile, afresh, usize::MAX)
            }
            checked => checked,
        }
    }

    /// Holds no more than `most` bytes of a bundle.
    fn check_within(&self, tile: Tile, afresh: bool, most: usize) -> Result<Checked, Failure> {
        let (resource, width) = (Resource::Entries(tile), usize::from(tile.width));
        let bundle = self.obtain(resource, afresh, most)?;
        let (stated, mut flaws) = read_tile(tile, self.obtain(Resource::Hashes(tile), afresh, most)?);
        let computed = match bundle {
            None => {
                flaws.push(Flaw::Missing(resource));
                Vec::new()
            }
            Some(bytes) => {
                let (computed, whole) = leaves_of(&bytes, width);
                flaws.extend(whole.err().map(|error| match error {
                    BundleError::Few { .. } => Flaw::Few(resource),
                    error => Flaw::Malformed(resource, error.to_string()),
                }));
                computed
            }
        };
        if computed == stated && flaws.is_empty() {
            return Ok(Checked { leaves: computed, suspect: None });
        }
        let from_tile =
            (computed.len()..width).map(|at| stated.get(at).copied().unwrap_or(Hash([0; HASH_BYTES])));
        let leaves = computed.iter().copied().chain(from_tile).collect();
        Ok(Checked { leaves, suspect: Some(Suspect { tile, computed, stated, flaws, audited: Vec::new() }) })
    }

    /// At most so many bytes from the mirror, or else from the log, and then it is kept.
    fn obtain(&self, resource: Resource, afresh: bool, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        if !afresh && let Some(bytes) = self.mirror.get(resource)? {
            return if bytes.len() > most {
                Err(Failure::TooLarge { what: resource.to_string(), limit: most })
            } else {
                Ok(Some(bytes))
            };
        }
        let bytes = fetch_within(self.source, resource, most)?;
        if let Some(bytes) = &bytes {
            self.mirror.put(resource, bytes)?;
        }
        Ok(bytes)
    }
}

impl Suspect {
    /// Whether there are leaves, of a bundle, that neither it nor its tile gives.
    pub(super) fn has_unknown_leaves(&self) -> bool {
        self.computed.len().max(self.stated.len()) < usize::from(self.tile.width)
    }

    /// One in which nothing differs.
    fn intact(tile: Tile, leaves: &[Hash]) -> Self {
        Self { tile, computed: leaves.into(), stated: leaves.into(), flaws: Vec::new(), audited: Vec::new() }
    }
}

impl Walked {
    fn suspect(&mut self, suspect: Suspect, list: impl Fn(&mut Self) -> &mut Vec<Suspect>) {
        if list(self).len() < SUSPECTS_MAX {
            list(self).push(suspect);
        } else {
            self.more += 1;
        }
    }
}

/// The root of the first `size` entries, of which the last lie in the bundle behind `edge`.
fn root_within(edge: &Edge, leaves: &[Hash], size: u64) -> Hash {
    let mut edge = edge.clone();
    let within = usize::try_from(size % TILE_HASHES).unwrap_or(usize::MAX);
    edge.set_leaves(leaves.iter().take(within).copied().collect());
    edge.root()
}

/// A tile's hashes, and what is wrong with its form.
pub(super) fn read_tile(tile: Tile, bytes: Option<Vec<u8>>) -> (Vec<Hash>, Vec<Flaw>) {
    let resource = Resource::Hashes(tile);
    let Some(bytes) = bytes else { return (Vec::new(), vec![Flaw::Missing(resource)]) };
    let expected = usize::from(tile.width) * HASH_BYTES;
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    let hashes = hashes.iter().take(usize::from(tile.width)).map(|hash| Hash(*hash)).collect();
    let flaw = (bytes.len() != expected).then(|| {
        Flaw::Malformed(resource, format!("expected a tile of {expected} bytes, got {}", bytes.len()))
    });
    (hashes, flaw.into_iter().collect())
}

/// Width of a bundle in a tree of `size` entries that has it.
fn width_at(index: u64, size: u64) -> u16 {
    u16::try_from((size - index * TILE_HASHES).min(TILE_HASHES)).unwrap_or(u16::MAX)
}

fn width(hashes: usize) -> u16 {
    u16::try_from(hashes).unwrap_or(u16::MAX)
}
