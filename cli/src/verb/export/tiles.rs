//! The tree's nodes, from the log's tiles. They are believed by nobody: each tile must lead to the signed root.

use crate::log::client::Client;
use crate::proof::tiles::hashes_of;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::tree::{Resource, Tile, TileError, TileNodes, TileSource};

/// Largest tile, in bytes: 256 hashes of 32.
const TILE_BYTES_MAX: usize = 256 * 32;

/// The tree that a signed checkpoint is of, as the log serves its tiles.
pub(super) fn tree_of(
    client: &Client,
    signed: &Checkpoint,
) -> Result<TileNodes<impl TileSource<Error = Failure>>, Failure> {
    Ok(TileNodes::open(|tile| fetch(client, tile), signed.size, &signed.root)?)
}

fn fetch(client: &Client, tile: Tile) -> Result<Vec<Hash>, Failure> {
    let path = format!("/{}", Resource::Hashes(tile));
    let bytes = client.get(&path, TILE_BYTES_MAX)?;
    hashes_of(tile, &bytes).ok_or_else(|| {
        let got = format!("expected {} hashes of 32 bytes, got {} bytes", tile.width, bytes.len());
        Failure::malformed(format!("{}{path}", client.base()), got)
    })
}

impl From<TileError<Failure>> for Failure {
    fn from(error: TileError<Failure>) -> Self {
        match error {
            TileError::Source(failure) => failure,
            wrong => Self::NotProven(format!(
                "the log served tiles that disagree with the tree that it signed: {wrong}"
            )),
        }
    }
}
