//! Logs that hold back what they have, or send too much of it.

use super::source::{Directory, Source};
use super::tests::Case;
use super::walk::{AHEAD_MAX, SMALL_BYTES_MAX};
use super::*;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const LANES: usize = 8;

/// A log in a folder whose bundles `answer` changes.
struct Hostile<F> {
    log: Directory,
    answer: F,
}

impl<F: Fn(&str, usize) -> Result<Option<Vec<u8>>, Failure> + Sync> Source for Hostile<F> {
    fn name(&self) -> String {
        self.log.name()
    }

    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        if path.starts_with("tile/entries/") { (self.answer)(path, limit) } else { self.log.get(path, limit) }
    }

    fn records(&self, _: u64, _: u64) -> Result<Option<Box<dyn Read>>, Failure> {
        Ok(None)
    }

    fn broken(&self, error: io::Error) -> Failure {
        self.log.broken(error)
    }

    fn records_max(&self) -> u64 {
        1
    }

    fn lanes(&self) -> usize {
        LANES
    }
}

/// While the first bundle is held back, the others are not all fetched: what they differ in would pile up.
#[test]
fn a_bundle_that_is_held_back_holds_back_those_far_behind_it() {
    let bundles = 600;
    let case = Case::of(bundles * 256);
    let asked = AtomicU64::new(0);
    let answer = |path: &str, _: usize| {
        if path == "tile/entries/000" {
            // Until nobody asks for anything any more.
            let mut before = u64::MAX;
            while before != asked.load(Ordering::Relaxed) {
                before = asked.load(Ordering::Relaxed);
                thread::sleep(Duration::from_millis(300));
            }
        } else if asked.fetch_add(1, Ordering::Relaxed) > 2 * bundles {
            panic!("asked for more than there is");
        }
        Ok::<_, Failure>(None)
    };
    let held = AtomicU64::new(0);
    let source = Hostile {
        log: case.log(),
        answer: |path: &str, limit| {
            let answered = answer(path, limit);
            if path == "tile/entries/000" {
                held.fetch_max(asked.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            answered
        },
    };
    let report = case.audit_from(&source, "mirror");
    // A bundle that isn't there is asked for twice: what the mirror may have wrong is fetched again.
    let most = 2 * (AHEAD_MAX + u64::try_from(LANES).unwrap());
    let held = held.into_inner();
    assert!(
        (1..=most).contains(&held),
        "{held} of {bundles} bundles were asked for, expected at most {most}"
    );
    assert!(report.faults.iter().all(|fault| !fault.accuses()), "what isn't served proves nothing");
    assert_eq!(report.exit(), Exit::NotFound);
}

/// Of bundles as large as they may be, one is in memory at a time, whatever the number of threads.
#[test]
fn large_bundles_are_held_one_at_a_time() {
    let case = Case::of(20 * 256);
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let source = Hostile {
        log: case.log(),
        answer: |path: &str, limit| {
            if limit <= SMALL_BYTES_MAX {
                return Err(Failure::TooLarge { what: path.into(), limit });
            }
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::Relaxed);
            case.log().get(path, limit)
        },
    };
    let report = case.audit_from(&source, "mirror");
    assert_eq!((report.faults, most.into_inner()), (vec![], 1));
}
