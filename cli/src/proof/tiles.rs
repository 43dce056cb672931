//! Tiles of a log, wherever it is read from: finding them, and what those that lead to a checkpoint's root prove. Nothing of
//! them is believed.

use crate::local::files;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::tree::{Resource, TILE_HASHES, Tile, TileError, TileNodes, TileSource, bundle};
use std::path::Path;

/// Path of the newest checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Bytes of a hash in a tile.
pub(crate) const HASH_BYTES: usize = 32;

/// Bytes that are read of a hash tile, of 8 KiB at most: one that is longer is a fault to be named, not a failure to read.
const TILE_BYTES_MAX: usize = 64 * 1024;

/// Largest entry bundle: 256 entries of 65,535 bytes, each with its length.
const BUNDLE_BYTES_MAX: usize = 256 * (2 + 65_535);

/// Gets at most so many bytes at a path; `None` where there is nothing.
pub(crate) type Get<'a> = dyn Fn(&str, usize) -> Result<Option<Vec<u8>>, Failure> + 'a;

/// The bytes at a path of a folder in the layout of C2SP tlog-tiles; `None` where there is no file.
pub(crate) fn get_file(folder: &Path, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
    match files::read(&folder.join(path), limit) {
        Err(error) if error.is_missing() => Ok(None),
        read => Ok(read.map(Some)?),
    }
}

/// At most so many bytes of a tile or bundle, in the width that is named and no wider: where a log has dropped a partial one,
/// the full one holds it.
pub(crate) fn fetch_within(
    get: &Get<'_>,
    resource: Resource,
    most: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let (Resource::Hashes(tile) | Resource::Entries(tile)) = resource;
    let read = |resource: Resource| match get(&resource.to_string(), limit(resource).min(most)) {
        // Storage that lets nobody list it answers 403 where there is nothing. That the log is readable at all, its
        // checkpoint has shown.
        Err(Failure::Answer { status: 401 | 403, .. }) => Ok(None),
        // A page for people is what a host says in place of a file that isn't there.
        answered => answered.map(|bytes| bytes.filter(|bytes| !is_page(bytes))),
    };
    let found = read(resource)?;
    if found.is_some() || tile.is_full() {
        return Ok(found);
    }
    let width = usize::from(tile.width);
    let bytes = read(widened(resource))?;
    Ok(bytes.map(|mut bytes| match resource {
        Resource::Entries(_) => bundle::clip(bytes, width),
        Resource::Hashes(_) => {
            bytes.truncate(width * HASH_BYTES);
            bytes
        }
    }))
}

/// Whether these bytes are HTML. That a tile or bundle starts so is out of the question: its first bytes are a hash, or the
/// length and the first bytes of an entry.
fn is_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let starts_with =
        |tag: &str| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    starts_with("<!doctype html") || starts_with("<html")
}

/// The full tile or bundle at the place of a partial one.
fn widened(resource: Resource) -> Resource {
    let full = |tile: Tile| Tile { width: u16::try_from(TILE_HASHES).unwrap_or(u16::MAX), ..tile };
    match resource {
        Resource::Hashes(tile) => Resource::Hashes(full(tile)),
        Resource::Entries(tile) => Resource::Entries(full(tile)),
    }
}

const fn limit(resource: Resource) -> usize {
    match resource {
        Resource::Hashes(_) => TILE_BYTES_MAX,
        Resource::Entries(_) => BUNDLE_BYTES_MAX,
    }
}

/// The tree of a checkpoint, out of tiles; `None` where its right edge isn't to be had, or leads to another root.
pub(crate) fn tree_of<F>(
    read: &F,
    head: &Checkpoint,
) -> Result<Option<TileNodes<impl TileSource<Error = Failure>>>, Failure>
where
    F: Fn(Resource) -> Result<Option<Vec<u8>>, Failure>,
{
    let hashes = |tile| {
        let bytes = read(Resource::Hashes(tile))?;
        Ok(bytes.and_then(|bytes| hashes_of(tile, &bytes)).unwrap_or_default())
    };
    proven(TileNodes::open(hashes, head.size, &head.root))
}

/// What tiles prove; `None` where they don't.
pub(crate) fn proven<T>(read: Result<T, TileError<Failure>>) -> Result<Option<T>, Failure> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(TileError::Source(failure)) => Err(failure),
        Err(_) => Ok(None),
    }
}

/// The hashes of a tile; `None` where the bytes aren't those of one.
pub(crate) fn hashes_of(tile: Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let whole = hashes.len() == usize::from(tile.width) && rest.is_empty();
    whole.then(|| hashes.iter().copied().map(Hash).collect())
}
