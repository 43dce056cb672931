//! Trees of every size, and groups of any.

use super::oracle::History;
use super::{Folder, submission};
use crate::submission::Submission;
use proptest::prelude::*;
use provlog_core::tree::Frontier;

#[test]
fn the_log_opens_again_after_every_entry() {
    let (folder, _) = Folder::simulated();
    let mut history = History::default();
    for n in 0..300 {
        let mut log = folder.open().unwrap();
        log.follow(true);
        history.observe(&log).unwrap();
        let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
        history.answered(&[submission(n)], &answer).unwrap();
        history.observe(&log).unwrap();
        log.follow(false);
        if n % 50 == 0 || (253..259).contains(&n) {
            history.check(&log.reader()).unwrap();
        }
    }
    let mut log = folder.open().unwrap();
    log.follow(true);
    history.check(&log.reader()).unwrap();
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
        log.follow(true);
        let mut n = 0;
        for (sizes, reopen) in groups {
            if reopen {
                drop(log);
                log = folder.open().unwrap();
                log.follow(true);
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
            log.follow(false);
        }
        history.check(&log.reader()).unwrap();
    }
}
