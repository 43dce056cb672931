//! The tree's nodes, from the log's tiles. They are believed by nobody: the proof that is made of them must lead to the
//! signed root.

use crate::log::client::Client;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::tree::{NodeSource, Resource, TILE_HASHES, Tile};
use std::cell::RefCell;
use std::collections::HashMap;

/// Largest tile, in bytes: 256 hashes of 32.
const TILE_BYTES_MAX: usize = 256 * 32;

/// Nodes of the tree of one size.
pub(super) struct Tiles<'c> {
    client: &'c Client,
    size: u64,
    /// The tile of each level that was used last: a proof asks from the left.
    last: RefCell<HashMap<u8, (Tile, Vec<Hash>)>>,
}

impl<'c> Tiles<'c> {
    pub(super) fn new(client: &'c Client, size: u64) -> Self {
        Self { client, size, last: RefCell::new(HashMap::new()) }
    }

    fn fetch(&self, tile: Tile) -> Result<Vec<Hash>, Failure> {
        let path = format!("/{}", Resource::Hashes(tile));
        let bytes = self.client.get(&path, TILE_BYTES_MAX)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != usize::from(tile.width) {
            let got = format!("expected {} hashes of 32 bytes, got {} bytes", tile.width, bytes.len());
            return Err(Failure::malformed(format!("{}{path}", self.client.base()), got));
        }
        Ok(hashes.iter().copied().map(Hash).collect())
    }
}

impl NodeSource for Tiles<'_> {
    type Error = Failure;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Failure> {
        let lost = || Failure::Internal(format!("node {index} of level {level} is in no tile"));
        let (tile_level, within) = (u8::try_from(level / 8).map_err(|_| lost())?, level % 8);
        let first = index << within;
        let tile = Tile::holding(tile_level, first, self.size).ok_or_else(lost)?;
        let mut last = self.last.borrow_mut();
        if last.get(&tile_level).is_none_or(|(held, _)| *held != tile) {
            last.insert(tile_level, (tile, self.fetch(tile)?));
        }
        let hashes = last.get(&tile_level).map(|(_, hashes)| hashes.as_slice()).unwrap_or_default();
        let start = usize::try_from(first % TILE_HASHES).map_err(|_| lost())?;
        let mut row = hashes.get(start..start + (1 << within)).ok_or_else(lost)?.to_vec();
        while row.len() > 1 {
            let (pairs, _) = row.as_chunks::<2>();
            row = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
        }
        row.first().copied().ok_or_else(lost)
    }
}
