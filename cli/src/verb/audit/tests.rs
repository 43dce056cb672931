//! Whole audits of small logs in folders: one byte anywhere, or one file, is enough to be found and named.

use super::*;
use crate::testing::OneLog;
use provlog_core::Hash;
use provlog_core::tree::{Frontier, Resource, TILE_HASHES, Tile};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A log of `count` small entries in a folder; gives the files of the tree with the first index that each covers.
fn write_log(folder: &Path, log: &OneLog, count: u64) -> Vec<(PathBuf, u64)> {
    let entries: Vec<Vec<u8>> = (0..count)
        .map(|n| [&n.to_be_bytes()[..], &vec![7; usize::try_from(n % 5).unwrap()]].concat())
        .collect();
    let mut tree = Frontier::new();
    let mut row: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
    row.iter().for_each(|leaf| tree.push(*leaf));
    let mut files = Vec::new();
    let mut put = |resource: Resource, bytes: Vec<u8>| {
        let (Resource::Hashes(tile) | Resource::Entries(tile)) = resource;
        let path = folder.join(resource.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        files.push((path, tile.index << (8 * (u32::from(tile.level) + 1))));
    };
    let tile = |level, index, hashes: usize| Tile { level, index, width: u16::try_from(hashes).unwrap() };
    for (bundle, index) in entries.chunks(256).zip(0..) {
        let framed = bundle
            .iter()
            .flat_map(|entry| [&[0, u8::try_from(entry.len()).unwrap()], entry.as_slice()].concat());
        put(Resource::Entries(tile(0, index, bundle.len())), framed.collect());
    }
    for level in 0.. {
        for (hashes, index) in row.chunks(256).zip(0..) {
            put(
                Resource::Hashes(tile(level, index, hashes.len())),
                hashes.iter().flat_map(|hash| hash.0).collect(),
            );
        }
        row = row.as_chunks::<256>().0.iter().map(|hashes| Frontier::over(hashes).root()).collect();
        if row.is_empty() {
            break;
        }
    }
    fs::write(folder.join(CHECKPOINT), log.checkpoint(&tree)).unwrap();
    files
}

pub(super) struct Case {
    home: TempDir,
    log: OneLog,
}

impl Case {
    /// A log of so many entries.
    pub(super) fn of(count: u64) -> Self {
        let case = Self { home: tempfile::tempdir().unwrap(), log: OneLog::new() };
        write_log(&case.home.path().join("log"), &case.log, count);
        case
    }

    /// Its folder.
    pub(super) fn log(&self) -> Directory {
        Directory(self.home.path().join("log"))
    }

    fn audit(&self, mirror: &str) -> Report {
        self.audit_from(&self.log(), mirror)
    }

    pub(super) fn audit_from(&self, source: &dyn Source, mirror: &str) -> Report {
        let mirror = Mirror::open(&self.home.path().join(mirror), None).unwrap();
        let before = mirror.last(&self.log.trust()).unwrap();
        let newest = newest(source, &self.log.trust()).unwrap();
        let believed = Believed::default();
        Audit::new(source, &mirror, &believed, before, newest).run(false, When::Served).unwrap()
    }
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn any_byte_of_any_file_that_changes_is_named() {
    let case = Case { home: tempfile::tempdir().unwrap(), log: OneLog::new() };
    let files = write_log(&case.home.path().join("log"), &case.log, 600);
    assert_eq!(case.audit("first").faults, []);
    let mut state = 0x2545_f491_4f6c_dd1d;
    for round in 0..60 {
        let (path, first) = &files[round % files.len()];
        let good = fs::read(path).unwrap();
        let mut bad = good.clone();
        let at = usize::try_from(xorshift(&mut state)).unwrap() % good.len();
        match round % 7 {
            0 => bad.truncate(at),
            1 => bad.insert(at, 0x55),
            2 => drop(bad.remove(at)),
            _ => bad[at] ^= 1 << (round % 8),
        }
        fs::write(path, &bad).unwrap();
        let report = case.audit(&format!("round-{round}"));
        let name = path.strip_prefix(case.home.path().join("log")).unwrap().to_str().unwrap();
        let named = |fault: &Fault| match fault {
            Fault::Tile { path, .. } | Fault::Malformed { path, .. } | Fault::Subtree { path, .. } => {
                path == name
            }
            Fault::EntryChanged { index, .. }
            | Fault::EntryDropped { index, .. }
            | Fault::EntryInserted { index, .. }
            | Fault::EntryMoved { index, .. }
            | Fault::EntriesSwapped { index, .. } => {
                name.starts_with("tile/entries/") && (*first..first + TILE_HASHES).contains(index)
            }
            _ => false,
        };
        assert!(
            !report.faults.is_empty() && report.faults.iter().all(named),
            "{name}, byte {at}: {:?}",
            report.faults
        );
        fs::write(path, good).unwrap();
    }
}

#[test]
fn what_is_missing_is_named_and_nothing_is_made_up_in_its_place() {
    let case = Case { home: tempfile::tempdir().unwrap(), log: OneLog::new() };
    let log = case.home.path().join("log");
    for end in ["000", "001", "002.p/88"] {
        write_log(&log, &case.log, 600);
        let missing = ["0", "entries"].map(|level| format!("tile/{level}/{end}"));
        missing.iter().for_each(|path| fs::remove_file(log.join(path)).unwrap());
        let report = case.audit(&end.replace('/', "-"));
        assert_eq!(report.faults, missing.map(|path| Fault::Missing { path }));
    }
}

#[test]
fn what_was_mirrored_wrong_is_fetched_again_before_the_log_is_blamed() {
    let case = Case { home: tempfile::tempdir().unwrap(), log: OneLog::new() };
    write_log(&case.home.path().join("log"), &case.log, 600);
    // As a run that was cut off, or a disk that lost power, would leave it.
    let mirror = case.home.path().join("mirror");
    drop(Mirror::open(&mirror, None).unwrap());
    for path in ["tile/entries/001", "tile/0/000", "tile/1/000.p/2"] {
        fs::create_dir_all(mirror.join(path).parent().unwrap()).unwrap();
        fs::write(mirror.join(path), [0; 99]).unwrap();
    }
    assert_eq!(case.audit("mirror").faults, []);
    write_log(&case.home.path().join("log"), &case.log, 70_000);
    let report = case.audit("mirror");
    assert_eq!((report.faults, report.extends, report.recomputed), (vec![], true, Some(69_400)));
}

#[test]
fn the_empty_log_is_a_log() {
    let case = Case { home: tempfile::tempdir().unwrap(), log: OneLog::new() };
    fs::create_dir(case.home.path().join("log")).unwrap();
    write_log(&case.home.path().join("log"), &case.log, 0);
    assert_eq!(case.audit("mirror").faults, []);
    write_log(&case.home.path().join("log"), &case.log, 1);
    let report = case.audit("mirror");
    assert_eq!((report.faults, report.extends, report.recomputed), (vec![], true, Some(1)));
}
