//! Whether appends are possible is known without one, before it hurts, and when it is over.

use super::{Folder, ORIGIN, SMALL_SEGMENT_BYTES, Stepped, options, submission};
use crate::log::Log;
use crate::shared::Health;
use crate::submission::AppendError;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn health(log: &Stepped) -> Health {
    log.opened.shared.health()
}

fn is_full(health: &Health) -> bool {
    matches!(health, Health::Refusing { error: AppendError::NoSpace { .. } })
}

#[test]
fn a_full_disk_is_told_before_during_and_after() {
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    log.follow();
    let two_segments = 2 * u64::from(SMALL_SEGMENT_BYTES);
    disk.set_space(Some(two_segments));
    log.opened.sequencer.look();
    assert_eq!((health(&log), log.opened.shared.free_bytes()), (Health::Ok, Some(two_segments)));

    disk.set_space(Some(0));
    log.opened.sequencer.look();
    let Health::Degraded { detail } = health(&log) else { panic!("there is room in the segment") };
    assert!(
        detail.starts_with("0 bytes are free for /log/journal, expected at least 14192, which is two"),
        "{detail}"
    );
    let mut n = 0;
    let error = loop {
        match log.append(submission(n)) {
            Ok(_) => assert!(matches!(health(&log), Health::Degraded { .. })),
            Err(error) => break error,
        }
        n += 1;
    };
    assert!(n > 0 && matches!(error, AppendError::NoSpace { .. }), "{error}");
    for _ in 0..3 {
        assert_eq!(health(&log), Health::Refusing { error: error.clone() });
        log.opened.sequencer.look();
    }

    disk.set_space(Some(two_segments + u64::from(SMALL_SEGMENT_BYTES)));
    assert!(is_full(&health(&log)), "nobody has looked");
    log.opened.sequencer.look();
    assert_eq!(health(&log), Health::Ok, "no append was needed for that");
    log.append(submission(n)).unwrap();
}

#[test]
fn an_append_that_succeeds_tells_that_there_is_space() {
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    log.follow();
    disk.set_space(Some(0));
    let refused = (0..100).find(|n| log.append(submission(*n)).is_err()).unwrap();
    assert!(is_full(&health(&log)));
    disk.set_space(None);
    log.append(submission(refused)).unwrap();
    assert_eq!(health(&log), Health::Ok);
}

#[test]
fn a_batch_that_is_refused_for_its_size_alone_keeps_no_others_out() {
    // Segments that have room for a batch as well as for the largest record.
    const SEGMENT_BYTES: u32 = 200_000;
    let (folder, disk) = Folder::simulated();
    let mut log = Stepped::open(&folder.disk, &folder.options, SEGMENT_BYTES).unwrap();
    log.follow();
    disk.set_space(Some(0));
    let batch = |count: u64| (0..count).map(submission).collect::<Vec<_>>();
    let refused = log.commit(vec![batch(1000)]).remove(0).unwrap_err();
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused}");
    assert!(matches!(health(&log), Health::Degraded { .. }), "{:?}", health(&log));
    log.append(submission(1)).unwrap();
    // What many send one by one is no batch: as long as it comes so, all of it is refused.
    let singles = || (0..1000).map(|n| vec![submission(n)]).collect();
    assert!(log.commit(singles()).iter().all(Result::is_err));
    assert!(is_full(&health(&log)), "{:?}", health(&log));
    log.append(submission(2)).unwrap();
    assert!(is_full(&health(&log)), "a small one found room");
    disk.set_space(None);
    log.opened.sequencer.look();
    assert_eq!(health(&log), Health::Ok);
}

#[test]
fn a_log_put_back_onto_a_full_disk_says_so_when_it_is_opened() {
    let (folder, disk) = Folder::simulated();
    drop(folder.fill(0, 2));
    let path = folder.segment(0);
    let end = disk.bytes(&path).iter().rposition(|byte| *byte != 0).unwrap() + 1;
    disk.damage(&path, |bytes| bytes.truncate(end));
    disk.make_hole(&path, end);
    disk.set_space(Some(0));
    let mut log = folder.open().unwrap();
    log.follow();
    assert!(is_full(&health(&log)), "{:?}", health(&log));
    disk.set_space(None);
    log.opened.sequencer.look();
    assert_eq!(health(&log), Health::Ok);
}

#[test]
fn a_clock_that_steps_is_told_without_an_append_and_so_is_its_return() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    log.follow();
    log.append(submission(1)).unwrap();
    for step_ms in [-100_000, 100_000] {
        folder.clock.step_ms(step_ms);
        log.opened.sequencer.look();
        let now = health(&log);
        assert!(matches!(now, Health::Refusing { error: AppendError::Clock(_) }), "{now:?}");
        // Looking again and again believes no clock.
        log.opened.sequencer.look();
        log.append(submission(2)).unwrap_err();
        folder.clock.step_ms(-step_ms);
        log.opened.sequencer.look();
        assert_eq!(health(&log), Health::Ok);
    }
}

/// On the log's own threads, and nobody appends.
#[test]
fn an_idle_log_looks_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (options, clock) = options(folder.path());
    Log::create(&options, ORIGIN).unwrap();
    let log = Log::open(&options).unwrap();
    assert!(log.free_bytes().is_some_and(|bytes| bytes > 0));
    let until = |is: &dyn Fn(&Health) -> bool| {
        let start = Instant::now();
        while !is(&log.health()) {
            assert!(start.elapsed() < Duration::from_secs(60), "{:?}", log.health());
            sleep(Duration::from_millis(10));
        }
    };
    clock.step_ms(100_000);
    until(&|health| matches!(health, Health::Refusing { error: AppendError::Clock(_) }));
    clock.step_ms(-100_000);
    until(&|health| !matches!(health, Health::Refusing { .. }));
}
