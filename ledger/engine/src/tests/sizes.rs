//! Trees of every size, and groups of any.

use super::oracle::History;
use super::sim_disk::SimDisk;
use super::{Folder, ORIGIN, Stepped, options, submission};
use crate::create;
use crate::durable::Disk;
use crate::log::Opened;
use crate::store::memory::Memory;
use crate::submission::Submission;
use proptest::prelude::*;
use provlog_core::tree::Frontier;
use std::sync::Arc;

#[test]
fn the_log_opens_again_after_every_entry() {
    let (folder, _) = Folder::simulated();
    let mut history = History::default();
    for n in 0..300 {
        let mut log = folder.open().unwrap();
        log.follow();
        history.observe(&log).unwrap();
        let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
        history.answered(&[submission(n)], &answer).unwrap();
        history.observe(&log).unwrap();
        log.follow();
        if n % 50 == 0 || (253..259).contains(&n) {
            history.check(&log.reader()).unwrap();
        }
    }
    let mut log = folder.open().unwrap();
    log.follow();
    history.check(&log.reader()).unwrap();
}

#[test]
fn a_log_in_memory_opens_and_grows_through_the_same_code() {
    let (options, _clock) = options("/log");
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(&options.data_dir));
    let memory = Memory::default();
    create::create(disk.as_ref(), &options, ORIGIN, &memory).unwrap();
    let mut history = History::default();
    for n in 0..20 {
        let mut log = Stepped { opened: Opened::open(Arc::clone(&disk), &options, &memory).unwrap() };
        log.follow();
        history.observe(&log).unwrap();
        let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
        history.answered(&[submission(n)], &answer).unwrap();
        log.follow();
        history.check(&log.reader()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_groups_make_the_tree_of_their_entries(
        groups in prop::collection::vec((prop::collection::vec(1_u64..8, 1..4), any::<bool>()), 1..12),
    ) {
        let (folder, _) = Folder::simulated();
        let (mut history, mut frontier) = (History::default(), Frontier::new());
        let mut log = folder.open().unwrap();
        frontier.push(log.reader().entry(0).unwrap().leaf_hash());
        log.follow();
        let mut n = 0;
        for (sizes, reopen) in groups {
            if reopen {
                drop(log);
                log = folder.open().unwrap();
                log.follow();
            }
            let batches: Vec<Vec<Submission>> = sizes.iter().map(|size| {
                n += size;
                (n - size..n).map(submission).collect()
            }).collect();
            let answers = log.commit(batches.clone());
            prop_assert_eq!(answers.len(), batches.len());
            for (batch, answer) in batches.iter().zip(answers) {
                let answer = answer.unwrap();
                history.answered(batch, &answer).unwrap();
                for outcome in &answer.outcomes {
                    let record = log.reader().record(outcome.index()).unwrap();
                    frontier.push(record.entry.leaf_hash());
                }
            }
            prop_assert_eq!(log.opened.shared.committed().checkpoint.root, frontier.root());
            history.observe(&log).unwrap();
            log.follow();
        }
        history.check(&log.reader()).unwrap();
    }
}
