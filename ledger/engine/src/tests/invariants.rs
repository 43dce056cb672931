//! Retries, time, and stopping.

use super::oracle::History;
use super::sim_disk::Fault;
use super::{Folder, SMALL_SEGMENT_BYTES, Stepped, keyed, submission};
use crate::clock::ClockError;
use crate::observer::Observer;
use crate::shared::Health;
use crate::submission::{AppendError, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn index(log: &mut Stepped, key: &str) -> Outcome {
    log.append(keyed(1, key)).unwrap().outcome
}

#[test]
fn the_same_key_is_the_same_entry_within_a_group_a_batch_and_after_restarts() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let answers = log.commit(vec![
        vec![keyed(1, "a")],
        vec![keyed(2, "a")],
        vec![keyed(3, "b"), keyed(4, "a"), submission(5), keyed(6, "b"), submission(5)],
    ]);
    let outcomes: Vec<Vec<(u64, bool)>> = answers
        .iter()
        .map(|answer| {
            let outcomes = &answer.as_ref().unwrap().outcomes;
            outcomes.iter().map(|outcome| (outcome.index(), outcome.is_duplicate())).collect()
        })
        .collect();
    let batch = vec![(2, false), (1, true), (3, false), (2, true), (4, false)];
    assert_eq!(outcomes, [vec![(1, false)], vec![(1, true)], batch]);
    let committed = answers[1].as_ref().unwrap().committed.clone();
    assert!(
        committed.extension.inclusion_proof(1).is_ok(),
        "a duplicate within the group is proven like any other"
    );

    let mut keys = vec![("a", 1), ("b", 2)];
    for n in 0..40 {
        log.append(submission(n)).unwrap();
    }
    let Outcome::New { index: late, .. } = index(&mut log, "late") else { panic!("a new key") };
    keys.push(("late", late));
    for _ in 0..2 {
        let before = log.opened.shared.committed().checkpoint.size;
        for (key, expected) in &keys {
            assert_eq!(index(&mut log, key), Outcome::Duplicate { index: *expected });
        }
        assert_eq!(log.opened.shared.committed().checkpoint.size, before, "retries append nothing");
        drop(log);
        log = folder.open().unwrap();
        log.follow();
    }
}

#[test]
fn while_older_keys_are_being_read_an_unknown_key_is_refused_and_nothing_else_is() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    assert_eq!(index(&mut log, "old").index(), 1);
    for n in 0..40 {
        log.append(submission(n)).unwrap();
    }
    assert_eq!(index(&mut log, "recent").index(), 42);
    drop(log);

    let mut log = folder.open().unwrap();
    assert!(matches!(log.opened.shared.health(), Health::Degraded { .. }));
    assert_eq!(index(&mut log, "recent"), Outcome::Duplicate { index: 42 });
    let error = log.append(keyed(1, "old")).unwrap_err();
    assert!(matches!(error, AppendError::DedupRebuilding { done: 0, total } if total > 20), "{error}");
    let answers =
        log.commit(vec![vec![submission(7)], vec![submission(8), keyed(9, "new")], vec![submission(9)]]);
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(answers[1].is_err(), "a batch with a key that can't be judged is refused whole");
    assert_eq!(log.opened.shared.committed().checkpoint.size, 45);
    log.follow();
    assert_eq!(index(&mut log, "old"), Outcome::Duplicate { index: 1 });
    assert!(matches!(index(&mut log, "new"), Outcome::New { index: 45, .. }));
    assert_eq!(log.opened.shared.health(), Health::Ok);
}

#[test]
fn a_key_whose_group_failed_is_not_used() {
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    disk.set_space(Some(0));
    let refused = std::iter::repeat_with(|| log.append(keyed(1, "first"))).nth(1);
    assert!(refused.unwrap().unwrap().outcome.is_duplicate());
    let mut n = 0;
    let key = loop {
        let key = format!("key {n}");
        match log.append(keyed(1, &key)) {
            Ok(_) => n += 1,
            Err(AppendError::NoSpace { .. }) => break key,
            Err(other) => panic!("{other}"),
        }
    };
    disk.set_space(None);
    assert!(matches!(index(&mut log, &key), Outcome::New { .. }));
}

#[test]
fn a_stepped_clock_stops_appends_but_neither_retries_nor_reads() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let first = log.append(keyed(1, "a")).unwrap();
    folder.clock.pass_ms(5);
    folder.clock.step_ms(-3_000);
    let second = log.append(submission(2)).unwrap();
    assert_eq!(second.committed.time_ms, first.committed.time_ms, "a small step back repeats the last time");
    folder.clock.step_ms(-100_000);
    let error = log.append(submission(3)).unwrap_err();
    assert!(matches!(error, AppendError::Clock(ClockError::Behind { .. })), "{error}");
    assert!(error.to_string().contains("--accept-clock"));
    assert!(index(&mut log, "a").is_duplicate());
    assert!(log.reader().record(1).is_ok());
    drop(log);

    // The same after a restart, unless the operator says that the clock is right.
    let mut log = folder.open().unwrap();
    assert!(log.append(submission(3)).is_err());
    let options = crate::Options { accept_clock: true, ..folder.options.clone() };
    let mut log = Stepped::open(&folder.disk, &options, SMALL_SEGMENT_BYTES).unwrap();
    let third = log.append(submission(3)).unwrap();
    assert_eq!(third.committed.time_ms, first.committed.time_ms);
}

#[test]
fn a_year_without_entries_is_no_wrong_clock_while_the_log_runs_but_one_at_open() {
    let year_ms = 367 * 24 * 3600 * 1000;
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    folder.clock.pass_ms(year_ms);
    log.append(submission(1)).unwrap();
    drop(log);
    folder.clock.pass_ms(year_ms);
    let error = folder.open().unwrap().append(submission(2)).unwrap_err();
    assert!(matches!(error, AppendError::Clock(ClockError::Ahead { .. })), "{error}");
}

#[derive(Default)]
struct Counting {
    fatal: AtomicUsize,
    groups: AtomicUsize,
}

impl Observer for Counting {
    fn fatal(&self, _detail: &str) {
        self.fatal.fetch_add(1, Ordering::Relaxed);
    }

    fn group_committed(&self, group: &crate::GroupStats) {
        assert!(group.entries == 1 && group.bytes > 300 && group.size > 1);
        self.groups.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_failed_write_stops_the_log_for_good_and_tells_everyone() {
    for (write, what) in
        [(0, "append to the journal"), (1, "append to the journal"), (2, "high-water"), (3, "high-water")]
    {
        let (mut folder, disk) = Folder::simulated();
        let counting = Arc::new(Counting::default());
        folder.options.observer = Arc::<Counting>::clone(&counting);
        let mut log = folder.open().unwrap();
        let mut history = History::default();
        let answer = log.commit(vec![vec![submission(1)]]).remove(0).unwrap();
        history.answered(&[submission(1)], &answer).unwrap();
        history.observe(&log).unwrap();
        disk.plan(write, Fault::Failed);
        let answers = log.commit(vec![vec![submission(2)], vec![submission(3), submission(4)]]);
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(
                matches!(&error, AppendError::Fatal { detail } if detail.contains(what)),
                "write {write}: {error}"
            );
        }
        // The disk is fine again; the log is not: what the failed write left is for the next start to find out.
        assert!(matches!(log.append(submission(5)), Err(AppendError::Fatal { .. })));
        assert!(matches!(log.opened.shared.health(), Health::Fatal { .. }));
        assert_eq!(counting.fatal.load(Ordering::Relaxed), 1);
        assert_eq!(counting.groups.load(Ordering::Relaxed), 1);
        history.observe(&log).unwrap();
        assert_eq!(log.opened.shared.committed().checkpoint.size, 2, "readers stay at the committed head");
        history.check(&log.reader()).unwrap();
        let log = folder.open().unwrap();
        history.observe(&log).unwrap();
        history.check(&log.reader()).unwrap();
    }
}
