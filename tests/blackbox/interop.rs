//! Checkpoints and tiles read by code that is not ours: `signed_note` and `tlog_tiles`.

use crate::support::{Daemon, folder, promotion};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::tlog;
use tlog_tiles::{Checkpoint, Tile, TileHashReader, TileReader};

/// Reads tiles over HTTP, at the paths that tlog_tiles itself makes.
struct Tiles<'a>(&'a Daemon);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        // Its paths name the height, C2SP's don't: tile/8/0/000 is /tile/0/000.
        let path = |tile: &Tile| tile.path().replacen("tile/8/", "/tile/", 1);
        Ok(tiles.iter().map(|tile| self.0.get(&path(tile)).expect(200).body).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn signed_note_and_tlog_tiles_read_the_log() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let lines: Vec<String> = (0..700).map(|n| promotion(&format!("artifact {n}")).to_string()).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    daemon
        .request("POST", "/v1/entries/batch?receipts=false", &headers, lines.join("\n").as_bytes())
        .expect(200);

    let vkey = daemon.get("/v1/log").expect(200).json()["key"].as_str().unwrap().to_string();
    let note = Note::from_bytes(&daemon.get("/checkpoint").expect(200).body).unwrap();
    let verifier = StandardVerifier::new(&vkey).unwrap();
    let (verified, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(verified.len(), 1);
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(checkpoint.size(), 701, "genesis and 700");

    let tiles = Tiles(&daemon);
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &tiles);
    for index in [0, 1, 255, 256, 511, 512, 700] {
        let bundle = index / 256;
        let width = (checkpoint.size() - bundle * 256).min(256);
        let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
        let entries = daemon.get(&format!("/tile/entries/{bundle:03}{partial}")).expect(200).body;
        let start = usize::try_from(index % 256).unwrap() * 82;
        assert_eq!(entries[start..start + 2], 80u16.to_be_bytes());
        let leaf = tlog::record_hash(&entries[start + 2..start + 82]);
        // The reader doesn't authenticate every tile that it gives hashes from; the proof is checked against the root here.
        let proof = tlog::prove_record(checkpoint.size(), index, &reader).unwrap();
        tlog::check_record(&proof, checkpoint.size(), *checkpoint.hash(), index, leaf).unwrap();
        let ours = daemon.get(&format!("/v1/entries/{index}/proof?size=701")).expect(200).json();
        let ours: Vec<&str> =
            ours["proof"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
        assert_eq!(ours, proof.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    for old in [1, 2, 255, 256, 257, 512, 700] {
        let proof = tlog::prove_tree(checkpoint.size(), old, &reader).unwrap();
        let ours = daemon.get(&format!("/v1/consistency?old={old}&new=701")).expect(200).json();
        let ours: Vec<&str> =
            ours["proof"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
        assert_eq!(ours, proof.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}
