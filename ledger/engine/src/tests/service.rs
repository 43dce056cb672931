//! The log as its users have it: threads, a queue, a lock.

use super::{ORIGIN, keyed, large, submission};
use crate::CreateError;
use crate::codec::frame::FRAME_BYTES_MAX;
use crate::dedup::DedupKey;
use crate::log::{Log, OpenError, Presence};
use crate::options::Options;
use crate::shared::Health;
use crate::submission::{AppendError, Appended, AppendedBatch, Submission};
use provlog_core::record::SectionName;
use provlog_core::trust::Trust;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

fn new_log() -> (tempfile::TempDir, Options, Log) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("nested").join("log"));
    assert_eq!(Log::presence(&options), Presence::Absent);
    Log::create(&options, ORIGIN).unwrap();
    assert_eq!(Log::presence(&options), Presence::Present);
    let log = Log::open(&options).unwrap();
    (folder, options, log)
}

fn append(log: &Log, submission: Submission) -> Result<Appended, AppendError> {
    let (sender, receiver) = channel();
    log.append(submission, move |result, _| sender.send(result).unwrap());
    receiver.recv().unwrap()
}

fn append_batch(log: &Log, batch: Vec<Submission>) -> Result<AppendedBatch, AppendError> {
    let (sender, receiver) = channel();
    log.append_batch(batch, move |result, _| sender.send(result).unwrap());
    receiver.recv().unwrap()
}

#[test]
fn a_log_is_made_opened_used_and_opened_again() {
    let (_folder, options, log) = new_log();
    assert_eq!(log.origin(), ORIGIN);
    assert_eq!(log.committed().checkpoint.size, 1, "genesis");
    assert_eq!(Trust::parse(log.trust_file().as_bytes()).unwrap().log(), log.verifier());
    assert_eq!(std::fs::read_to_string(options.trust_path()).unwrap(), log.trust_file());
    let appended = append(&log, submission(1)).unwrap();
    assert_eq!((appended.outcome.index(), appended.committed.checkpoint.size), (1, 2));
    let batch = append_batch(&log, (2..50).map(submission).collect()).unwrap();
    assert_eq!((batch.outcomes[0].index(), batch.committed.checkpoint.size), (2, 50));
    let empty = append_batch(&log, Vec::new()).unwrap();
    assert!(empty.outcomes.is_empty() && empty.committed.checkpoint.size == 50);
    let (id, committed) = (log.id(), log.committed());

    assert!(matches!(Log::open(&options), Err(OpenError::Lock(_))), "one process at a time");
    assert!(matches!(Log::create(&options, ORIGIN), Err(CreateError::Lock(_))));
    let reader = log.reader();
    log.shutdown();
    log.shutdown();
    assert_eq!(append(&log, submission(1)).unwrap_err(), AppendError::ShuttingDown);
    assert!(reader.record(49).is_ok(), "reads go on");
    assert!(matches!(Log::create(&options, ORIGIN), Err(CreateError::Exists { .. })));

    let again = Log::open(&options).unwrap();
    assert_eq!((again.id(), &again.committed().signed), (id, &committed.signed));
    assert!(matches!(Log::open(&Options::new("/nowhere/at/all")), Err(OpenError::NoLog { .. })));
}

#[test]
fn concurrent_appends_get_each_index_once_and_a_key_one_entry() {
    let (_folder, _options, log) = new_log();
    let (log, barrier) = (Arc::new(log), Arc::new(Barrier::new(8)));
    let workers: Vec<_> = (0..8)
        .map(|worker: u64| {
            let (log, barrier) = (Arc::clone(&log), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                let mut indices = Vec::new();
                for n in 0..20 {
                    let appended = append(&log, submission(100 * worker + n)).unwrap();
                    let index = appended.outcome.index();
                    // The newest group is read while the next is being made.
                    let record = log.reader().record(index).unwrap();
                    assert_eq!(
                        record.submitted.to_bytes(),
                        submission(100 * worker + n).sealed.section(SectionName::Submitted)
                    );
                    log.reader().inclusion_proof(index, appended.committed.checkpoint.size).unwrap();
                    indices.push((index, append(&log, keyed(n, &n.to_string())).unwrap().outcome.index()));
                }
                indices
            })
        })
        .collect();
    let indices: Vec<Vec<(u64, u64)>> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    let keyed: Vec<Vec<u64>> =
        indices.iter().map(|one| one.iter().map(|(_, keyed)| *keyed).collect()).collect();
    assert!(keyed.iter().all(|one| *one == keyed[0]), "every worker was told the same entries");
    let mut all: BTreeSet<u64> = indices.iter().flatten().map(|(single, _)| *single).collect();
    all.extend(&keyed[0]);
    assert_eq!(all.into_iter().collect::<Vec<_>>(), (1..181).collect::<Vec<_>>());
}

#[test]
fn shutting_down_answers_what_waits() {
    let (_folder, options, log) = new_log();
    let (sender, receiver) = channel();
    for n in 0..50 {
        let sender = sender.clone();
        log.append(submission(n), move |result, _| sender.send(result.unwrap().outcome.index()).unwrap());
    }
    drop(log);
    drop(sender);
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), (1..51).collect::<Vec<_>>());
    assert_eq!(Log::open(&options).unwrap().committed().checkpoint.size, 51);
}

#[test]
fn a_panic_on_the_sequencers_thread_leaves_nobody_waiting() {
    let (_folder, options, log) = new_log();
    log.append(submission(1), |_, _| panic!("on purpose, in a test"));
    // One in the same group is dropped with its answer, which ends the wait as well; later ones are told.
    let error = loop {
        let (sender, receiver) = channel();
        log.append(submission(2), move |result, _| sender.send(result).unwrap());
        if let Ok(Err(error)) = receiver.recv() {
            break error;
        }
    };
    assert!(matches!(error, AppendError::Fatal { .. }), "{error}");
    assert!(matches!(log.health(), Health::Fatal { .. }));
    drop(log);
    assert!(Log::open(&options).unwrap().committed().checkpoint.size >= 2);
}

#[test]
fn more_than_a_frame_is_refused_at_once() {
    let (_folder, _options, log) = new_log();
    let error = append_batch(&log, vec![large(); FRAME_BYTES_MAX / 32_000]).unwrap_err();
    assert!(
        matches!(error, AppendError::TooLarge { limit_bytes: FRAME_BYTES_MAX, got_bytes } if got_bytes > FRAME_BYTES_MAX)
    );
    assert_eq!(log.committed().checkpoint.size, 1);
}

#[test]
fn dedup_keys_are_this_logs_own() {
    let (_one, _options, log) = new_log();
    let (_two, _options, other) = new_log();
    let key = |log: &Log| -> DedupKey { log.dedup_key("idempotency-key", "alice", b"1") };
    assert_eq!(key(&log), key(&log));
    assert_ne!(key(&log), key(&other));
    assert_ne!(key(&log), log.dedup_key("idempotency-key", "bob", b"1"));
}
