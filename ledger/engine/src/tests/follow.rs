//! Whoever follows the commits does so by itself: trouble of one is not the others'.

use super::{Folder, SMALL_SEGMENT_BYTES, Stepped, keyed, submission};
use crate::observer::Observer;
use crate::options::Options;
use crate::shared::Health;
use crate::submission::AppendError;
use crate::sync::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How far behind each consumer was when it last was told.
#[derive(Default)]
struct Behind(Mutex<BTreeMap<&'static str, u64>>);

impl Observer for Behind {
    fn followed(&self, name: &'static str, behind: u64) {
        lock(&self.0).insert(name, behind);
    }
}

impl Behind {
    fn of(&self, name: &str) -> u64 {
        lock(&self.0)[name]
    }
}

/// Opens a log, and tells how far behind who is.
fn open(folder: &Folder) -> (Stepped, Arc<Behind>) {
    let behind = Arc::<Behind>::default();
    let options = Options { observer: Arc::<Behind>::clone(&behind), ..folder.options.clone() };
    (Stepped::open(&folder.disk, &options, SMALL_SEGMENT_BYTES).unwrap(), behind)
}

/// Appends until there are full runs more.
fn append_runs(log: &mut Stepped) -> u64 {
    let frames = Arc::clone(&log.opened.shared.frames);
    let newest = frames.newest();
    for n in 0.. {
        if frames.newest() > newest + 2 {
            break;
        }
        log.append(submission(n)).unwrap();
    }
    frames.first_index(frames.newest()).unwrap()
}

#[test]
fn one_that_waits_to_try_again_keeps_nobody_from_following_the_commits() {
    let (folder, disk) = Folder::simulated();
    drop(folder.fill(0, 40));
    // One that looking for the first entry doesn't come by.
    disk.refuse(Some(&folder.segment(2)));
    let (mut log, behind) = open(&folder);
    log.follow_commit();
    let missing = behind.of("dedup");
    assert!(missing > 0);
    assert_eq!(behind.of("tiles"), 0);

    let full = append_runs(&mut log);
    assert!(log.opened.shared.derived.covered() < full);
    log.follow_commit();
    assert_eq!((log.opened.shared.derived.covered(), behind.of("tiles")), (full, 0));
    assert_eq!(log.opened.shared.derived.problem(), None);

    // What was refused isn't tried again at a commit, but when it is time.
    disk.refuse(None);
    log.follow_commit();
    assert_eq!(behind.of("dedup"), missing);
    let error = log.append(keyed(1, "a new one")).unwrap_err();
    assert!(matches!(error, AppendError::DedupRebuilding { .. }), "{error}");
    log.follow();
    assert_eq!(behind.of("dedup"), 0);
    log.append(keyed(1, "a new one")).unwrap();
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

#[test]
fn files_that_cannot_be_written_are_behind_and_catch_up() {
    let (folder, disk) = Folder::simulated();
    drop(folder.fill(0, 10));
    disk.refuse(Some(&folder.path("positions")));
    let (mut log, behind) = open(&folder);
    let full = append_runs(&mut log);
    log.follow_commit();
    assert_eq!((behind.of("tiles"), behind.of("dedup")), (full, 0));
    log.append(keyed(1, "a new one")).unwrap();
    disk.refuse(None);
    log.follow();
    assert_eq!(behind.of("tiles"), 0);
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

#[test]
fn damage_ends_whoever_needs_what_is_damaged_and_nobody_else() {
    let (folder, disk) = Folder::simulated();
    drop(folder.fill(0, 40));
    let flip = |run| disk.damage(&folder.segment(run), |bytes| bytes[4096 + 200] ^= 1);
    flip(1);
    let (mut log, behind) = open(&folder);
    log.follow();
    let error = log.append(keyed(1, "a new one")).unwrap_err();
    assert!(matches!(error, AppendError::DedupUnavailable { .. }), "{error}");
    let full = append_runs(&mut log);
    log.follow();
    assert_eq!((log.opened.shared.derived.covered(), behind.of("tiles")), (full, 0));
    assert!(matches!(log.opened.shared.health(), Health::Degraded { .. }));

    // And the other way round: keys are all read, and a run that is full later is damaged before it is read back.
    flip(1);
    drop(log);
    let (mut log, behind) = open(&folder);
    log.follow();
    let damaged = log.opened.shared.frames.newest();
    append_runs(&mut log);
    flip(damaged);
    log.follow();
    assert!(behind.of("tiles") > 0);
    assert!(log.opened.shared.derived.problem().is_some());
    log.append(keyed(1, "a new one")).unwrap();
    // Until the next start: nothing that is found wrong later has it tried again.
    flip(damaged);
    log.opened.follower.start_over();
    log.follow();
    assert!(behind.of("tiles") > 0);
    drop(log);
    let (mut log, behind) = open(&folder);
    log.follow();
    assert_eq!((behind.of("tiles"), log.opened.shared.health()), (0, Health::Ok));
}
