//! A log that 0.1.0 made: it is read and gone on with, and what 0.1.0 wrote stays as it is.

use super::oracle::History;
use super::{Folder, Stepped, damage, key, keyed, options, submission};
use crate::clock::tests::START_MS;
use crate::codec::frame::tests::in_format_1;
use crate::codec::frame::{HEADER_BYTES, decode_header};
use crate::dedup::DedupKey;
use crate::durable::{Disk, OsDisk};
use crate::options::Options;
use crate::scan::scan_run;
use crate::shared::Health;
use crate::store::high_water::HighWater;
use crate::submission::{AppendError, Outcome, Submission};
use crate::terms::Terms;
use provlog_core::tree::Frontier;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/logs/0.1.0");
const SIZE: u64 = 12;
const ROOT: &str = "1d665f1ea02abf537af08339c3663b7c8fa13b47cf06a5e431191c3367bbb16e";
const CREATED_MS: i64 = 1_795_816_743_994;

/// There is room behind the frames of 0.1.0.
const SEGMENT_BYTES: u32 = 64 * 1024;

/// Where each file of the kept log lies in it.
const FILES: [&str; 6] = [
    "high-water",
    "journal/00000000000000000000.seg",
    "keys/log.key",
    "log.toml",
    "secret",
    "trust.tlog-policy",
];

/// A copy of the kept log.
struct Copy {
    options: Options,
    _folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in FILES {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, fs::read(Path::new(KEPT).join(name)).unwrap()).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let (options, clock) = options(folder.path());
        clock.pass_ms(CREATED_MS - START_MS + 3_600_000);
        Self { options, _folder: folder }
    }

    fn open(&self) -> Stepped {
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let mut log = Stepped::open(&disk, &self.options, SEGMENT_BYTES).unwrap();
        log.follow();
        log
    }

    fn segment(&self, sequence: u64) -> PathBuf {
        self.options.data_dir.join(format!("journal/{sequence:020}.seg"))
    }

    /// Whether the segment of 0.1.0 says what it said, with nothing but zeros behind it.
    fn is_as_it_was(&self) -> bool {
        let kept = fs::read(Path::new(KEPT).join(FILES[1])).unwrap();
        let now = fs::read(self.segment(0)).unwrap();
        now.starts_with(&kept) && now[kept.len()..].iter().all(|byte| *byte == 0)
    }

    /// What a client of 0.1.0 sends again, and the entry that it became.
    fn retries(&self, log: &Stepped) -> Vec<(DedupKey, u64)> {
        let derive = |what, key: &[u8]| DedupKey::derive(&log.opened.secret, what, "anonymous", key);
        let named = |name: &str| derive("idempotency-key", name.as_bytes());
        let line = |line: &str| derive("batch-line", format!("a-batch\n{line}").as_bytes());
        let salted = log.reader().record(6).unwrap().entry.submitted_digest;
        vec![
            (named("a-generation"), 1),
            (named("a-scan"), 2),
            (named("a-promotion"), 5),
            (derive("submitted-digest", &salted.0), 6),
            (line("1"), 8),
            (line("3"), 10),
            (named("a-last"), 11),
        ]
    }
}

fn under(key: DedupKey) -> Submission {
    Submission { terms: Terms { retries: vec![key], ..Terms::default() }, ..submission(1) }
}

/// Reads all of it twice: each record as a reader does, and each run as what checks a journal does.
fn read_all(log: &Stepped) {
    let (reader, frames) = (log.reader(), &log.opened.shared.frames);
    let checkpoint = reader.committed().checkpoint.clone();
    let mut frontier = Frontier::new();
    for index in 0..checkpoint.size {
        let record = reader.record(index).unwrap();
        assert!(record.digests_match());
        frontier.push(record.entry.leaf_hash());
    }
    assert_eq!(frontier.root(), checkpoint.root);
    let mut scanned = 0;
    for run in 0..=frames.newest() {
        scan_run(frames.as_ref(), run, checkpoint.size, |_, frame, extension| {
            frame.check_sections().unwrap();
            scanned = extension.after().size();
            Ok(())
        })
        .unwrap();
    }
    assert_eq!(scanned, checkpoint.size);
}

#[test]
fn it_is_read_its_retries_are_and_new_entries_go_into_a_segment_of_their_own() {
    let copy = Copy::new();
    let mut log = copy.open();
    let mut history = History::default();
    history.observe(&log).unwrap();
    let checkpoint = log.reader().committed().checkpoint.clone();
    assert_eq!((checkpoint.size, checkpoint.root.to_hex()), (SIZE, ROOT.into()));
    assert_eq!(log.opened.shared.health(), Health::Ok);
    read_all(&log);
    for (key, index) in copy.retries(&log) {
        assert_eq!(log.append(under(key)).unwrap().outcome, Outcome::Duplicate { index });
    }
    assert!(copy.is_as_it_was() && !copy.segment(1).exists(), "nothing was appended yet");

    let taken = |name: &str| Terms { once: vec![key(name)], ..Terms::default() };
    for n in 0..8 {
        let name = format!("key {n}");
        let submission = Submission { terms: taken(&name), ..keyed(n, &format!("retry {n}")) };
        let answer = log.commit(vec![vec![submission.clone()]]).remove(0).unwrap();
        assert_eq!(answer.outcomes[0].index(), SIZE + n);
        history.answered(&[submission], &answer).unwrap();
    }
    assert_eq!(fs::read(copy.segment(0)).unwrap()[32..36], [0, 0, 0, 1]);
    assert_eq!(fs::read(copy.segment(1)).unwrap()[32..36], [0, 0, 0, 2], "0.1.0 refuses this version");
    assert!(copy.is_as_it_was());
    drop(log);

    let mut log = copy.open();
    history.observe(&log).unwrap();
    history.check(&log.reader()).unwrap();
    read_all(&log);
    for (key, index) in copy.retries(&log) {
        assert_eq!(log.append(under(key)).unwrap().outcome, Outcome::Duplicate { index });
    }
    for n in 0..8 {
        let refused = log.append(Submission { terms: taken(&format!("key {n}")), ..submission(1) });
        assert!(matches!(refused, Err(AppendError::Unmet { .. })), "{refused:?}");
    }
    assert_eq!(log.append(submission(9)).unwrap().outcome.index(), SIZE + 8);
    assert!(copy.is_as_it_was());
}

#[test]
fn a_frame_that_it_did_not_acknowledge_is_adopted_as_it_is() {
    let mut heads = Vec::new();
    for slot in 0..2 {
        let copy = Copy::new();
        let path = copy.options.high_water_path();
        damage(&path, |bytes| bytes[slot * 4096..][..4096].fill(0));
        let id = crate::log_id::LogId(
            provlog_core::hex::decode_array("513b0ffccf9f1ae8971352952c28bc29").unwrap(),
        );
        heads.push(HighWater::open(&OsDisk, &path, id).unwrap().head().size);
        let mut log = copy.open();
        let checkpoint = log.reader().committed().checkpoint.clone();
        assert_eq!((checkpoint.size, checkpoint.root.to_hex()), (SIZE, ROOT.into()));
        assert!(copy.is_as_it_was() && !copy.segment(1).exists());
        let (last, index) = *copy.retries(&log).last().unwrap();
        assert_eq!(log.append(under(last)).unwrap().outcome, Outcome::Duplicate { index });
        assert_eq!(log.append(submission(1)).unwrap().outcome.index(), SIZE);
        drop(log);
        read_all(&copy.open());
    }
    heads.sort_unstable();
    assert_eq!(heads, [SIZE - 1, SIZE], "with the newest mark gone the last frame was not acknowledged");
}

#[test]
fn it_is_torn_and_cut_like_any_other() {
    let copy = Copy::new();
    let kept = fs::read(copy.segment(0)).unwrap();
    let end = kept.len() - 32;
    let torn = |bytes: &mut Vec<u8>| bytes[end..].copy_from_slice(&kept[4096..][..32]);
    damage(&copy.segment(0), torn);
    let mut log = copy.open();
    assert!(copy.is_as_it_was(), "what was torn is zeroed");
    assert_eq!(log.append(submission(1)).unwrap().outcome.index(), SIZE);
    drop(log);
    read_all(&copy.open());
}

#[test]
fn frames_of_one_format_do_not_count_in_a_segment_of_the_other() {
    let folder = Folder::new();
    drop(folder.fill(0, 30));
    let newest = folder.newest_segment();
    let whole = fs::read(folder.segment(newest)).unwrap();
    let of_version_1 = |bytes: &mut Vec<u8>| {
        bytes[35] = 1;
        let checksum = crc32c::crc32c(&bytes[..4092]);
        bytes[4092..4096].copy_from_slice(&checksum.to_be_bytes());
    };
    let of_format_1 = |bytes: &mut Vec<u8>| {
        let frame_bytes = decode_header(&bytes[4096..]).unwrap().frame_bytes;
        let old = in_format_1(&bytes[4096..][..frame_bytes]);
        assert!(old.len() > frame_bytes - HEADER_BYTES);
        bytes[4096..].fill(0);
        bytes[4096..][..old.len()].copy_from_slice(&old);
    };
    let refused = |change: fn(&mut Vec<u8>), expected: &str| {
        damage(&folder.segment(newest), change);
        let Err(error) = folder.open() else { panic!("the log opened") };
        assert!(error.to_string().contains(expected), "{error}");
        fs::write(folder.segment(newest), &whole).unwrap();
    };
    refused(of_version_1, "at byte 4096 (a frame of format 2 in a segment of format 1)");
    refused(of_format_1, "at byte 4096 (a frame of format 1 in a segment of format 2)");
    folder.open().unwrap();

    // In an older segment the start doesn't see it; who reads it does.
    damage(&folder.segment(1), of_version_1);
    let mut log = folder.open().unwrap();
    log.follow();
    let error = log.append(keyed(1, "a new one")).unwrap_err();
    assert!(
        matches!(&error, AppendError::DedupUnavailable { detail } if detail.contains("a frame of format 2 in")),
        "{error}"
    );
}
