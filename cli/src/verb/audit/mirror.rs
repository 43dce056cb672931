//! The local folder of an audit: the log's tiles, bundles and last audited checkpoint in the layout of C2SP tlog-tiles,
//! so that the folder can itself be audited; `audit.json`, where the next audit goes on; and evidence.
//!
//! ```text
//! checkpoint, tile/...    the log as it was last audited
//! audit.json              that checkpoint, the tree's right edge at it, how many records were compared, and how many trust entries
//!                         are kept, and from which entry on workloads were looked at; it marks the folder as an audit's from the first one's start, when its checkpoint is null
//! trust-records           records of the trust entries among those that were compared
//! evidence/               checkpoints that prove a fault of the log: never removed here
//! lock                    one audit at a time
//! ```
//! Files of the log are written without waiting for the disk: whatever turns out wrong in here is fetched again before
//! anybody is blamed. `audit.json` and evidence are durable once they are written.

use super::own::{self, LOCK, STATE};
use super::recompute::Edge;
use super::source::{Directory, Source as _};
use crate::local::files::{self, Over};
use crate::proof::head::Head;
use crate::proof::receipt::{SCHEMA_VERSION, member, uint_json};
use crate::proof::tiles::CHECKPOINT;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::json::Json;
use provlog_core::tree::{Resource, Tile};
use provlog_core::trust::Trust;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const EVIDENCE: &str = "evidence";

/// Levels of tiles that a tree of 2^53 - 1 entries has.
const LEVELS: u8 = 7;

/// The folder, held by this audit.
#[derive(Debug)]
pub(super) struct Mirror {
    folder: PathBuf,
    /// Locked until it is closed.
    _lock: File,
}

/// Where the last audit ended.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) head: Head,
    /// The tree's right edge at it.
    pub(super) edge: Edge,
    /// Records that were compared with their entries: all before this index.
    pub(super) records: u64,
    /// How many trust entries before that index are kept; none: nobody kept them.
    pub(super) trust_records: Option<u64>,
    /// The first entry from which on all workloads before that index were looked at; none: it isn't known that any was.
    pub(super) workloads_from: Option<u64>,
}

impl Mirror {
    /// Takes the folder, which is made if it isn't there, to mirror a log that isn't in `directory` with it. A folder that is no
    /// audit's is left as it is.
    pub(super) fn open(folder: &Path, directory: Option<&Path>) -> Result<Self, Failure> {
        let apart = || directory.map_or(Ok(()), |directory| own::apart(folder, directory));
        apart()?;
        own::prove(folder)?;
        fs::create_dir_all(folder).map_err(|source| files::cannot_write(folder, source))?;
        // Only now all of its path is there to be followed.
        apart()?;
        let lock = files::lock_or_make(&folder.join(LOCK))?.ok_or_else(|| {
            Failure::Usage(format!("{}: another audit is at work in this folder", folder.display()))
        })?;
        let mirror = Self { folder: folder.into(), _lock: lock };
        mirror.mark()?;
        Ok(mirror)
    }

    /// Marks the folder as an audit's, if it isn't yet: an audit that finds faults, or is cut off, is run again in it.
    fn mark(&self) -> Result<(), Failure> {
        if own::state(&self.folder)?.is_none() {
            let begun =
                [member("schema_version", Json::Integer(SCHEMA_VERSION)), member("checkpoint", Json::Null)];
            self.write_state(Json::Object(begun.into()))?;
        }
        Ok(())
    }

    fn write_state(&self, state: Json) -> Result<(), Failure> {
        Ok(files::write(&self.folder.join(STATE), format!("{state}\n").as_bytes(), Over::Any)?)
    }

    /// Where the last audit ended, if there was one.
    pub(super) fn last(&self, trust: &Trust) -> Result<Option<Last>, Failure> {
        let Some((what, state)) = own::state(&self.folder)? else { return Ok(None) };
        let Some(note) = state.get("checkpoint").and_then(Json::as_str) else { return Ok(None) };
        let head =
            Head::verified(format!("{what}, of the last audit in this folder"), note.as_bytes(), trust)?;
        let edge = state.get("edge").and_then(read_levels).and_then(Edge::from_levels);
        let sound = |edge: &Edge| edge.size() == head.checkpoint.size && edge.root() == head.checkpoint.root;
        let edge = edge.filter(sound).ok_or_else(|| {
            let problem = "its right edge doesn't make its checkpoint's root; remove it to start over";
            Failure::malformed(&what, problem)
        })?;
        let records = state.get("records").and_then(Json::as_uint).unwrap_or(0);
        let trust_records = state.get("trust_records").and_then(Json::as_uint);
        let workloads_from = state.get("workloads_from").and_then(Json::as_uint);
        Ok(Some(Last { head, edge, records, trust_records, workloads_from }))
    }

    /// Makes this the last audit, and removes partial tiles that it doesn't need any more.
    pub(super) fn advance(&self, last: &Last, before: Option<&Last>) -> Result<(), Failure> {
        let levels = last
            .edge
            .levels()
            .iter()
            .map(|level| Json::Array(level.iter().map(|hash| Json::String(hash.to_base64())).collect()));
        let state = Json::Object(vec![
            member("schema_version", Json::Integer(SCHEMA_VERSION)),
            member("checkpoint", last.head.note.as_str().into()),
            member("edge", Json::Array(levels.collect())),
            member("records", uint_json(last.records)),
            member("trust_records", last.trust_records.map_or(Json::Null, uint_json)),
            member("workloads_from", last.workloads_from.map_or(Json::Null, uint_json)),
        ]);
        self.write_state(state)?;
        files::write(&self.folder.join(CHECKPOINT), last.head.note.as_bytes(), Over::Any)?;
        let (old, new) = (before.map_or(0, |before| before.head.checkpoint.size), last.head.checkpoint.size);
        let kept = partials(new);
        for stale in partials(old).into_iter().filter(|partial| !kept.contains(partial)) {
            let path = self.folder.join(stale.to_string());
            files::remove(&path)?;
            // Empty unless it holds a partial tile of another width, which is then none of ours.
            let _ = path.parent().map(fs::remove_dir);
        }
        Ok(())
    }

    /// A tile or bundle that is here already.
    pub(super) fn get(&self, resource: Resource) -> Result<Option<Vec<u8>>, Failure> {
        super::source::fetch(&Directory(self.folder.clone()), resource)
    }

    /// Keeps a tile or bundle. Whoever reads at the same time finds all of it or none.
    pub(super) fn put(&self, resource: Resource, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.join(resource.to_string());
        let cannot = |source| files::cannot_write(&path, source);
        let temporary = path.with_added_extension("tmp");
        let written = fs::write(&temporary, bytes).or_else(|error| match (error.kind(), path.parent()) {
            (io::ErrorKind::NotFound, Some(folder)) => {
                fs::create_dir_all(folder)?;
                fs::write(&temporary, bytes)
            }
            _ => Err(error),
        });
        written.and_then(|()| fs::rename(&temporary, &path)).map_err(|source| cannot(source).into())
    }

    /// Keeps a signed checkpoint that proves a fault; gives the file.
    pub(super) fn keep(&self, head: &Head) -> Result<PathBuf, Failure> {
        let Checkpoint { size, root, .. } = &head.checkpoint;
        let root: String = root.to_hex().chars().take(16).collect();
        let path = self.folder.join(EVIDENCE).join(format!("checkpoint-{size}-{root}"));
        files::write(&path, head.note.as_bytes(), Over::Any)?;
        Ok(path)
    }

    /// Keeps the bundle that an earlier audit verified, where the log now serves another; gives the file.
    pub(super) fn keep_bundle(&self, index: u64, bundle: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.folder.join(EVIDENCE).join(format!("audited-bundle-{index}"));
        files::write(&path, bundle, Over::Any)?;
        Ok(path)
    }

    /// Where a file of this name lies.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder's name in messages.
    pub(super) fn name(&self) -> String {
        Directory(self.folder.clone()).name()
    }
}

/// The partial tiles and the partial bundle of a tree.
fn partials(size: u64) -> Vec<Resource> {
    let tiles = (0..LEVELS).filter_map(|level| Tile::incomplete(level, size)).map(Resource::Hashes);
    tiles.chain(Tile::incomplete(0, size).map(Resource::Entries)).collect()
}

fn read_levels(levels: &Json) -> Option<Vec<Vec<Hash>>> {
    let Json::Array(levels) = levels else { return None };
    let read_level = |level: &Json| match level {
        Json::Array(hashes) => hashes.iter().map(|hash| Hash::from_base64(hash.as_str()?)).collect(),
        _ => None,
    };
    levels.iter().map(read_level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::exit::Exit;
    use crate::testing::OneLog;
    use provlog_core::tree::Frontier;

    fn last_of(log: &OneLog, leaves: usize) -> Last {
        let leaves: Vec<Hash> = (0..leaves).map(|n| Hash::leaf(&n.to_be_bytes())).collect();
        let mut tree = Frontier::new();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        let mut edge = Edge::default();
        edge.set_leaves(leaves);
        let head = Head::verified("a test".into(), log.checkpoint(&tree).as_bytes(), &log.trust()).unwrap();
        Last { head, edge, records: 2, trust_records: Some(1), workloads_from: Some(1) }
    }

    #[test]
    fn an_audit_is_found_again_and_only_by_whoever_trusts_its_log() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let mirror = Mirror::open(home.path(), None).unwrap();
        assert!(mirror.last(&log.trust()).unwrap().is_none());
        assert!(matches!(Mirror::open(home.path(), None), Err(Failure::Usage(_))), "one audit at a time");
        let (three, five) = (last_of(&log, 3), last_of(&log, 5));
        let bundle = |width| Resource::Entries(Tile { level: 0, index: 0, width });
        mirror.put(bundle(3), b"three").unwrap();
        mirror.advance(&three, None).unwrap();
        mirror.put(bundle(5), b"five").unwrap();
        mirror.advance(&five, Some(&three)).unwrap();
        let found = mirror.last(&log.trust()).unwrap().unwrap();
        assert_eq!((found.records, found.trust_records, found.workloads_from), (2, Some(1), Some(1)));
        assert_eq!((found.head.checkpoint, found.edge), (five.head.checkpoint, five.edge));
        assert_eq!(mirror.get(bundle(3)).unwrap(), None, "partial tiles of earlier sizes are removed");
        assert_eq!(mirror.get(bundle(5)).unwrap(), Some(b"five".to_vec()));
        let failure = mirror.last(&OneLog::with_seed([8; 32]).trust()).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Untrusted);
    }

    #[test]
    fn a_state_that_does_not_hold_together_is_refused() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let mirror = Mirror::open(home.path(), None).unwrap();
        mirror.advance(&Last { edge: last_of(&log, 4).edge, ..last_of(&log, 3) }, None).unwrap();
        assert_eq!(Exit::of_failure(&mirror.last(&log.trust()).unwrap_err()), Exit::Malformed);
    }
}
