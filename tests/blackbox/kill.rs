//! kill -9 at any moment loses no acknowledged entry. 10 rounds; `KILL_ROUNDS` makes it more.

use crate::support::{Daemon, folder, promotion};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

const CLIENTS: usize = 8;

/// Rounds of one log: each start reads all of its newest segment.
const ROUNDS_A_LOG: usize = 100;

#[test]
fn no_acknowledged_entry_is_lost() {
    let rounds: usize = std::env::var("KILL_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap());
    for first in (0..rounds).step_by(ROUNDS_A_LOG) {
        no_acknowledged_entry_of_one_log_is_lost(first..rounds.min(first + ROUNDS_A_LOG));
    }
}

fn no_acknowledged_entry_of_one_log_is_lost(rounds: Range<usize>) {
    let folder = folder();
    let mut receipts: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for round in rounds.clone() {
        let daemon = Daemon::start(folder.path());
        // Where in the commit the kill falls is chance; how much was acknowledged before it differs from round to round.
        let enough = 1 + round * 37 % 101;
        for (index, receipt) in append_until_killed(daemon, round, enough) {
            let other = receipts.insert(index, receipt);
            assert!(other.is_none(), "round {round}: index {index} was given out twice");
        }
    }
    let daemon = Daemon::start(folder.path());
    let trust = Trust::parse(&fs::read(daemon.trust(folder.path())).unwrap()).unwrap();
    for (index, receipt) in &receipts {
        let before = Verifier::new(&trust)
            .receipt(receipt, &[])
            .unwrap_or_else(|error| panic!("receipt {index}: {error}"));
        let now = daemon.get(&format!("/v1/entries/{index}/receipt")).expect(200);
        let now = Verifier::new(&trust)
            .receipt(&now.body, &[])
            .unwrap_or_else(|error| panic!("index {index}: {error}"));
        assert_eq!(before.report().leaf_hash, now.report().leaf_hash, "index {index} holds another entry");
        let (old, new) = (&before.report().checkpoint, &now.report().checkpoint);
        let proof =
            daemon.get(&format!("/v1/consistency?old={}&new={}", old.size, new.size)).expect(200).json();
        let proof: Vec<_> = proof["proof"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| provlog_core::Hash::from_base64(hash.as_str().unwrap()).unwrap())
            .collect();
        provlog_core::tree::verify_consistency(old.size, new.size, &old.root, &new.root, &proof).unwrap();
    }
    assert!(receipts.len() >= rounds.len(), "every round acknowledged something, got {}", receipts.len());
}

/// Appends from several clients at once; kills the daemon when enough was acknowledged. Gives what was.
fn append_until_killed(daemon: Daemon, round: usize, enough: usize) -> Vec<(u64, Vec<u8>)> {
    let (acknowledged, told) = mpsc::channel();
    let stopped = AtomicBool::new(false);
    let receipts = Mutex::new(Vec::new());
    let process = daemon.id();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (daemon, acknowledged, stopped, receipts) =
                (&daemon, acknowledged.clone(), &stopped, &receipts);
            scope.spawn(move || {
                for n in 0.. {
                    let body = promotion(&format!("round {round}, client {client}, {n}")).to_string();
                    let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
                    match daemon.try_request("POST", "/v1/entries", &headers, body.as_bytes()) {
                        Ok(answer) if answer.status == 201 => {
                            let index = answer
                                .header("location")
                                .unwrap()
                                .rsplit('/')
                                .next()
                                .unwrap()
                                .parse()
                                .unwrap();
                            receipts.lock().unwrap().push((index, answer.body));
                            // Nobody listens once enough was heard.
                            let _ = acknowledged.send(());
                        }
                        // Killed: the connection breaks, or nobody listens any more.
                        Err(_) => break,
                        Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                    }
                    if stopped.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        drop(acknowledged);
        let heard = told.iter().take(enough).count();
        assert_eq!(heard, enough, "round {round}: the clients ended first");
        crate::support::signal("-KILL", process);
        stopped.store(true, Ordering::SeqCst);
    });
    receipts.into_inner().unwrap()
}
