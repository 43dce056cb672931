//! A reader that doesn't wait for a disk answers as the other one does, or says that it would have to wait.

use super::Folder;
use crate::reader::{ReadError, Reader};
use crate::shared::Health;
use provlog_core::tree::Tile;
use std::sync::Arc;

/// Whether it gives what the waiting one gives of every entry; else how many it would have to wait for, and nothing is wrong.
fn waits_for(unwaiting: &Reader, waiting: &Reader, size: u64) -> u64 {
    let mut waited = 0;
    for index in 0..size {
        let got = [
            unwaiting.encoded(index).map(|(_, record)| record),
            unwaiting
                .inclusion_proof(index, size)
                .map(|proof| proof.iter().flat_map(|hash| hash.0).collect()),
        ];
        let expected = [
            waiting.encoded(index).unwrap().1,
            waiting.inclusion_proof(index, size).unwrap().iter().flat_map(|hash| hash.0).collect(),
        ];
        for (got, expected) in got.into_iter().zip(expected) {
            match got {
                Ok(got) => assert_eq!(got, expected, "entry {index}"),
                Err(ReadError::WouldWait) => waited += 1,
                Err(error) => panic!("entry {index}: {error}"),
            }
        }
    }
    waited
}

#[test]
fn what_is_in_memory_is_the_same_and_what_is_not_says_so() {
    let (folder, disk) = Folder::simulated();
    drop(folder.fill(0, 60));
    let mut log = folder.open().unwrap();
    // Which segment an entry lies in is not known before somebody waited for it.
    let frames = Arc::clone(&log.opened.shared.frames).unwaiting();
    assert!(frames.locate(1).is_err_and(|error| error.would_wait()));
    log.follow();
    assert_eq!(frames.locate(1).unwrap(), 0);
    let (waiting, size) = (log.reader(), 61);
    let unwaiting = waiting.unwaiting();
    let newest = log.opened.shared.frames.newest();
    assert!(newest > 2 && log.opened.shared.derived.covered() > 0);

    assert_eq!(waits_for(&unwaiting, &waiting, size), 0, "all was read once, and is open");
    let tile = Tile { level: 0, index: 0, width: 61 };
    assert_eq!(unwaiting.tile(tile).unwrap(), waiting.tile(tile).unwrap());
    assert_eq!(unwaiting.entry_bundle(tile).unwrap(), waiting.entry_bundle(tile).unwrap());
    let missing = unwaiting.encoded(size).unwrap_err();
    assert!(matches!(missing, ReadError::NotFound { .. }), "{missing}");

    disk.cool(true);
    assert!(waits_for(&unwaiting, &waiting, size) >= size, "no record is in memory");
    assert!(matches!(unwaiting.entry_bundle(tile), Err(ReadError::WouldWait)));
    disk.cool(false);
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

/// Finding out what is wrong reads a whole segment, which is for who may wait.
#[test]
fn what_is_wrong_is_left_to_whoever_waits() {
    let (folder, disk) = Folder::simulated();
    let log = folder.fill(0, 20);
    let newest = log.opened.shared.frames.newest();
    let index = log.opened.shared.frames.first_index(newest).unwrap();
    disk.damage(&folder.segment(newest), |bytes| bytes[4096 + 300] ^= 1);
    let reader = log.reader();
    for _ in 0..2 {
        let error = reader.unwaiting().encoded(index).unwrap_err();
        assert!(matches!(error, ReadError::WouldWait), "{error}");
    }
    assert_eq!(log.opened.shared.health(), Health::Ok, "nothing was read that would tell");
    let error = reader.encoded(index).unwrap_err();
    assert!(matches!(error, ReadError::Journal(_)), "{error}");
    assert!(matches!(log.opened.shared.health(), Health::Degraded { .. }));
}
