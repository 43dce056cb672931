//! Derived files may be deleted, damaged or unwritable, and older segments may rot: what is read is right, or refused.

use super::oracle::History;
use super::{Folder, SMALL_SEGMENT_BYTES, Stepped, damage, key, keyed, submission};
use crate::observer::Observer;
use crate::options::Options;
use crate::reader::{ReadError, Reader};
use crate::shared::Health;
use crate::store::StoreError;
use crate::submission::AppendError;
use crate::sync::lock;
use provlog_core::tree::Tile;
use std::fs;
use std::sync::Arc;

/// A log of 300 entries in several segments, and what is known of it.
fn filled() -> (Folder, History) {
    let folder = Folder::new();
    let history = fill(&folder);
    (folder, history)
}

fn fill(folder: &Folder) -> History {
    let mut history = History::default();
    let mut log = folder.open().unwrap();
    log.follow();
    for n in 0..30 {
        let batch: Vec<_> = (10 * n..10 * n + 10).map(submission).collect();
        let batch = if n == 0 { vec![keyed(1, "first")] } else { batch };
        let answer = log.commit(vec![batch.clone()]).remove(0).unwrap();
        history.answered(&batch, &answer).unwrap();
        history.observe(&log).unwrap();
    }
    log.follow();
    history
}

fn open(folder: &Folder) -> Stepped {
    let mut log = folder.open().unwrap();
    log.follow();
    log
}

#[test]
fn derived_files_may_be_deleted_cut_or_belong_to_another_log() {
    let (folder, history) = filled();
    let positions = folder.path("positions");
    let size = fs::metadata(&positions).unwrap().len();
    assert!(size > 8 * 200);
    let (other, _) = filled();
    let changes: [(&str, &dyn Fn()); 7] = [
        ("nothing", &|| {}),
        ("no tiles", &|| fs::remove_dir_all(folder.path("tiles")).unwrap()),
        ("no positions", &|| fs::remove_file(&positions).unwrap()),
        ("no mark", &|| fs::remove_file(folder.path("tiles/mark")).unwrap()),
        ("short positions", &|| damage(&positions, |bytes| bytes.truncate(16))),
        ("a longer level", &|| damage(&folder.path("tiles/0"), |bytes| bytes.extend([9; 3200]))),
        ("another log's", &|| {
            for name in ["tiles/mark", "tiles/0", "tiles/1", "positions"] {
                fs::copy(other.path(name), folder.path(name)).unwrap();
            }
        }),
    ];
    for (name, change) in changes {
        change();
        let mut log = open(&folder);
        history.check(&log.reader()).unwrap_or_else(|what| panic!("{name}: {what}"));
        assert_eq!(log.opened.shared.health(), Health::Ok, "{name}");
        assert_eq!(fs::metadata(&positions).unwrap().len(), size, "{name}");
        assert!(log.append(keyed(1, "first")).unwrap().outcome.is_duplicate(), "{name}");
    }
}

#[test]
fn a_damaged_derived_file_is_never_believed_and_is_made_again() {
    let (folder, disk) = Folder::simulated();
    let history = fill(&folder);
    for name in ["tiles/0", "tiles/1", "positions"] {
        let length = disk.bytes(&folder.path(name)).len();
        for position in (0..length).step_by(length.div_ceil(16)) {
            let mut log = open(&folder);
            disk.damage(&folder.path(name), |bytes| bytes[position] ^= 4);
            for read in reads_of(&log.reader(), name, u64::try_from(position).unwrap()) {
                let refused = matches!(read, Err(ReadError::DerivedUnavailable { .. }));
                assert!(refused, "{name}, byte {position}: {read:?}");
            }
            match history.check(&log.reader()) {
                Ok(()) => panic!("{name}, byte {position}: not noticed"),
                Err(what) => {
                    assert!(what.contains("made again from the journal"), "{name}, byte {position}: {what}")
                }
            }
            assert!(matches!(log.opened.shared.health(), Health::Degraded { .. }));
            log.append(keyed(1, "first")).unwrap();
            log.opened.follower.start_over();
            log.follow();
            history.check(&log.reader()).unwrap_or_else(|what| panic!("{name}, byte {position}: {what}"));
            assert_eq!(log.opened.shared.health(), Health::Ok);
        }
    }
}

/// The reads that stand directly on a byte of a derived file.
fn reads_of(reader: &Reader, name: &str, position: u64) -> Vec<Result<(), ReadError>> {
    let size = reader.committed().checkpoint.size;
    let tile = |level: u8, node: u64| reader.tile(Tile::holding(level, node, size).unwrap()).map(drop);
    match name {
        "tiles/0" => vec![tile(0, position / 32), reader.record(position / 32).map(drop)],
        "tiles/1" => vec![tile(1, position / 32)],
        _ => vec![reader.record(position / 8).map(drop)],
    }
}

#[test]
fn derived_files_of_another_history_of_the_same_log_are_not_believed() {
    let (folder, fork) = (Folder::new(), Folder::new());
    for path in ["log.toml", "secret", "keys/log.key", "high-water", "journal/00000000000000000000.seg"] {
        fs::copy(folder.path(path), fork.path(path)).unwrap();
    }
    // Records of the same lengths, so that the segments of both have the same sizes.
    drop(folder.fill(100, 140));
    drop(fork.fill(800, 840));
    for name in ["tiles/mark", "tiles/0", "tiles/1", "positions"] {
        fs::copy(fork.path(name), folder.path(name)).unwrap();
    }
    let log = open(&folder);
    for index in 0..41 {
        log.reader().record(index).unwrap();
    }
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

#[test]
fn derived_files_that_cannot_be_written_fail_no_append() {
    let (folder, mut history) = filled();
    fs::remove_dir_all(folder.path("tiles")).unwrap();
    fs::write(folder.path("tiles"), "a file where a folder should be").unwrap();
    let mut log = open(&folder);
    assert!(matches!(log.opened.shared.health(), Health::Degraded { detail } if detail.contains("tiles")));
    for n in 0..40 {
        let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
        history.answered(&[submission(n)], &answer).unwrap();
        history.observe(&log).unwrap();
        log.follow();
    }
    assert!(matches!(log.reader().record(2), Err(ReadError::DerivedUnavailable { .. })));
    let newest = log.reader().committed().checkpoint.size - 1;
    log.reader().record(newest).unwrap();
    assert!(
        log.append(keyed(1, "first")).unwrap().outcome.is_duplicate(),
        "dedup keys don't wait for derived files"
    );
    fs::remove_file(folder.path("tiles")).unwrap();
    log.follow();
    history.check(&log.reader()).unwrap();
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

#[test]
fn a_flipped_byte_in_an_older_segment_is_found_by_any_read_of_it_and_by_the_next_start() {
    let (folder, disk) = Folder::simulated();
    let history = fill(&folder);
    let segment = folder.segment(1);
    let name = segment.display().to_string();
    let first = folder.open().unwrap().opened.shared.frames.first_index(1).unwrap();
    let end = folder.open().unwrap().opened.shared.frames.first_index(2).unwrap();
    let frame_bytes = crate::codec::frame::decode_header(&disk.bytes(&segment)[4096..]).unwrap().frame_bytes;
    for position in (4096..4096 + frame_bytes).step_by(199).chain([4096 + frame_bytes - 1]) {
        let mut log = open(&folder);
        disk.damage(&segment, |bytes| bytes[position] ^= 1);
        let checked = history.check(&log.reader());
        if reads(position, frame_bytes, end - first) {
            let what = checked.unwrap_err();
            assert!(what.contains(&name) && what.contains(" at byte "), "byte {position}: {what}");
        }
        drop(log);
        // The next start reads older segments in the background: it goes on, and says so.
        log = open(&folder);
        assert!(matches!(log.opened.shared.health(), Health::Degraded { detail } if detail.contains(&name)));
        let error = log.append(keyed(1, "a new one")).unwrap_err();
        assert!(
            matches!(&error, AppendError::DedupUnavailable { detail } if detail.contains(&name)),
            "{error}"
        );
        log.append(submission(1)).unwrap();
        assert_eq!(log.opened.shared.derived.problem(), None, "what was derived before is still there");
        disk.damage(&segment, |bytes| bytes[position] ^= 1);
    }
}

/// Whether reading records and bundles reads this byte of a frame: all but the dedup keys and the body's checksum, which
/// only the start reads.
fn reads(position: usize, frame_bytes: usize, count: u64) -> bool {
    let (within, count) = (position - 4096, usize::try_from(count).unwrap());
    let keys = 100 + 80 * count..100 + 81 * count;
    !keys.contains(&within) && within < frame_bytes - 4
}

#[test]
fn what_the_log_does_not_have_is_not_found() {
    let (folder, _) = Folder::simulated();
    let log = folder.fill(0, 4);
    let reader: Reader = log.reader();
    let tile = |level, index, width| Tile { level, index, width };
    let not_found = [
        reader.record(5).map(drop),
        reader.entry(u64::MAX).map(drop),
        reader.inclusion_proof(5, 5).map(drop),
        reader.inclusion_proof(0, 6).map(drop),
        reader.inclusion_proof(u64::MAX, u64::MAX).map(drop),
        reader.consistency_proof(3, 2).map(drop),
        reader.consistency_proof(0, 6).map(drop),
        reader.root_at(6).map(drop),
        reader.tile(tile(0, 0, 6)).map(drop),
        reader.tile(tile(0, 0, 0)).map(drop),
        reader.tile(tile(1, 0, 1)).map(drop),
        reader.tile(tile(255, u64::MAX, 256)).map(drop),
        reader.entry_bundle(tile(0, 0, 256)).map(drop),
        reader.entry_bundle(tile(0, 1, 1)).map(drop),
    ];
    for (number, result) in not_found.into_iter().enumerate() {
        assert!(matches!(result, Err(ReadError::NotFound { size: 5, .. })), "case {number}: {result:?}");
    }
    assert_eq!(reader.inclusion_proof(0, 1).unwrap(), []);
    assert_eq!(reader.consistency_proof(0, 5).unwrap(), []);
    assert_eq!(reader.consistency_proof(5, 5).unwrap(), []);
    assert_eq!(reader.root_at(0).unwrap(), provlog_core::Hash::empty_root());
}

#[test]
fn a_lost_older_segment_is_reported_by_name() {
    let (folder, _) = filled();
    let log = open(&folder);
    fs::rename(folder.segment(1), folder.path("elsewhere")).unwrap();
    let mut reopened = 0;
    for index in 0..200 {
        match log.reader().record(index) {
            Ok(_) => reopened += 1,
            Err(ReadError::Journal(StoreError::Unavailable { name, .. })) => assert!(name.contains(".seg")),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(reopened > 0);
}

#[test]
fn a_segment_that_the_system_will_not_read_is_no_damage_and_is_tried_again() {
    let (folder, disk) = Folder::simulated();
    let history = fill(&folder);
    // One that looking for the first entry doesn't come by.
    let segment = folder.segment(2);
    let first = folder.open().unwrap().opened.shared.frames.first_index(2).unwrap();
    for derive in [false, true] {
        if derive {
            disk.damage(&folder.path("tiles/mark"), Vec::clear);
        }
        disk.refuse(Some(&segment));
        let mut log = open(&folder);
        let error = log.append(keyed(1, "a new one")).unwrap_err();
        assert!(matches!(error, AppendError::DedupRebuilding { .. }), "{error}");
        match log.reader().record(first).unwrap_err() {
            ReadError::DerivedUnavailable { detail } if derive => {
                assert!(detail.contains("refused, on purpose; it will be tried again"), "{detail}");
            }
            ReadError::Journal(StoreError::Unavailable { .. }) if !derive => {}
            other => panic!("{other}"),
        }
        disk.refuse(None);
        log.follow();
        history.check(&log.reader()).unwrap();
        assert!(log.append(keyed(1, "first")).unwrap().outcome.is_duplicate());
        // Nor does a read that fails later say anything of the journal, or of what was derived from it.
        disk.refuse_one_read(&segment);
        let error = log.reader().record(first).unwrap_err();
        assert!(matches!(error, ReadError::Journal(StoreError::Unavailable { .. })), "{error}");
        log.reader().record(first).unwrap();
        assert_eq!(log.opened.shared.health(), Health::Ok);
    }
}

#[test]
fn a_segment_found_damaged_is_not_searched_again() {
    let (folder, disk) = Folder::simulated();
    let log = folder.fill(0, 30);
    let segment = folder.segment(1);
    let first = log.opened.shared.frames.first_index(1).unwrap();
    let second =
        4096 + crate::codec::frame::decode_header(&disk.bytes(&segment)[4096..]).unwrap().frame_bytes;
    let sections = crate::codec::frame::HEADER_BYTES + crate::codec::encode::RECORD_OVERHEAD_BYTES + 80;
    disk.damage(&segment, |bytes| bytes[second + sections] ^= 1);
    let error = log.reader().record(first + 1).unwrap_err().to_string();
    assert!(error.contains(&format!("{} at byte {second}: ", segment.display())), "{error}");
    // Searching again would stop at the first frame.
    disk.damage(&segment, |bytes| bytes[4096 + sections] ^= 1);
    assert_eq!(log.reader().record(first + 1).unwrap_err().to_string(), error);
    log.reader().record(first + 2).unwrap();
}

#[test]
fn a_panic_on_the_followers_thread_is_told() {
    struct Panics;
    impl Observer for Panics {
        fn derived_failed(&self, _detail: &str) {
            panic!("on purpose, in a test");
        }
    }
    let (folder, disk) = Folder::simulated();
    fill(&folder);
    disk.refuse(Some(&folder.path("tiles/0")));
    let options = Options { observer: Arc::new(Panics), ..folder.options.clone() };
    let opened = Stepped::open(&folder.disk, &options, SMALL_SEGMENT_BYTES).unwrap().opened;
    let follower = opened.follower;
    std::thread::spawn(move || follower.run()).join().unwrap_err();
    let Health::Degraded { detail } = opened.shared.health() else { panic!("nobody was told") };
    assert!(detail.contains("panicked"), "{detail}");
    let unavailable = Err(AppendError::DedupUnavailable { detail });
    assert_eq!(lock(&opened.shared.volatile.past).taker(&key("a new one")), unavailable);
}
