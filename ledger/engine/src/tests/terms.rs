//! What appends take and demand: each demand alone, beside others of its group and batch, after restarts, while older
//! segments are still to be read, and when the group fails.

use super::{Folder, Stepped, key, submission, touching};
use crate::clock::tests::START_MS;
use crate::codec::frame::{HEADER_BYTES, decode_header};
use crate::log::Log;
use crate::options::Options;
use crate::shared::Health;
use crate::states::State;
use crate::submission::{AppendError, Outcome, Submission};
use crate::terms::{By, KEYS_MAX, Terms, Unmet};
use crate::tests::sim_disk::Fault;
use std::sync::mpsc::channel;

/// The time that the clock of these tests stands at.
const NOW_MS: u64 = START_MS.unsigned_abs();

fn with(n: u64, terms: Terms) -> Submission {
    Submission { terms, ..submission(n) }
}

fn once(name: &str) -> Terms {
    Terms { once: vec![key(name)], ..Terms::default() }
}

fn retried(name: &str) -> Terms {
    Terms { retries: vec![key(name)], ..Terms::default() }
}

fn absent(name: &str) -> Terms {
    Terms { absent: vec![key(name)], ..Terms::default() }
}

fn unchanged(state: &State, as_of: u64) -> Terms {
    Terms { unchanged: vec![(state.clone(), as_of)], ..Terms::default() }
}

fn production() -> State {
    State::Activation("production".into())
}

fn roster() -> State {
    State::Set { what: "roster".into(), name: "approvers".into() }
}

fn unmet(line: usize, unmet: Unmet) -> AppendError {
    AppendError::Unmet { line: Some(line), unmet }
}

fn append(log: &mut Stepped, submission: Submission) -> Result<Outcome, AppendError> {
    log.append(submission).map(|appended| appended.outcome)
}

fn indices(log: &mut Stepped, group: Vec<Vec<Submission>>) -> Vec<Result<Vec<u64>, AppendError>> {
    let indices = |outcomes: Vec<Outcome>| outcomes.iter().map(Outcome::index).collect();
    log.commit(group).into_iter().map(|answer| answer.map(|answer| indices(answer.outcomes))).collect()
}

#[test]
fn an_entry_takes_all_of_its_keys_and_any_of_those_for_retries_finds_it_again() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let terms = Terms { retries: vec![key("a"), key("b")], once: vec![key("c")], ..Terms::default() };
    assert!(!append(&mut log, with(1, terms.clone())).unwrap().is_duplicate());
    append(&mut log, with(2, retried("d"))).unwrap();
    for _ in 0..2 {
        let again = [
            (terms.clone(), 1),
            (retried("b"), 1),
            // The first known one decides.
            (Terms { retries: vec![key("new"), key("d"), key("a")], ..Terms::default() }, 2),
            // A retry demands nothing.
            (Terms { absent: vec![key("a")], once: vec![key("c")], ..retried("b") }, 1),
        ];
        for (terms, index) in again {
            assert_eq!(append(&mut log, with(3, terms)), Ok(Outcome::Duplicate { index }));
        }
        let by = By::Entry(1);
        let taken = Err(unmet(1, Unmet::Taken { position: 0, by }));
        assert_eq!(append(&mut log, with(3, once("c"))), taken);
        assert_eq!(append(&mut log, with(3, once("a"))), taken);
        let present = Err(unmet(1, Unmet::Present { position: 0, by }));
        assert_eq!(append(&mut log, with(3, absent("c"))), present);
        drop(log);
        log = folder.open().unwrap();
    }
    append(&mut log, with(4, absent("new"))).unwrap();
    append(&mut log, with(5, absent("new"))).unwrap();
}

#[test]
fn what_earlier_requests_of_the_group_and_lines_of_the_batch_do_counts() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let taken = |line, position, by| Err(unmet(line, Unmet::Taken { position, by }));
    let second = Terms { once: vec![key("z"), key("a")], ..Terms::default() };
    let answers = indices(
        &mut log,
        vec![
            vec![with(1, once("a"))],
            vec![submission(2), with(3, second)],
            // What was refused has taken nothing.
            vec![with(4, once("z"))],
            vec![with(5, once("b")), submission(6), with(7, once("b"))],
            vec![with(8, once("b"))],
            vec![with(9, retried("r")), with(10, Terms { once: vec![key("a")], ..retried("r") })],
            vec![touching(11, &roster()), with(12, unchanged(&roster(), 0))],
            vec![with(13, unchanged(&roster(), 0))],
            vec![touching(14, &roster())],
            vec![with(15, unchanged(&roster(), 0))],
            vec![with(16, unchanged(&roster(), 6))],
        ],
    );
    let changed = |line, as_of, by| Err(unmet(line, Unmet::Changed { position: 0, as_of, by }));
    let expected = [
        Ok(vec![1]),
        taken(2, 1, By::Entry(1)),
        Ok(vec![2]),
        taken(3, 0, By::Line(1)),
        Ok(vec![3]),
        Ok(vec![4, 4]),
        changed(2, 0, By::Line(1)),
        Ok(vec![5]),
        Ok(vec![6]),
        changed(1, 0, By::Entry(6)),
        changed(1, 6, By::Entry(6)),
    ];
    assert_eq!(answers, expected);
    assert_eq!(append(&mut log, with(17, unchanged(&roster(), 7))).unwrap().index(), 7);
}

#[test]
fn a_policy_touches_its_environments_and_nothing_else() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    for state in [State::AnyActivation, production(), State::Activation("*".into()), roster()] {
        append(&mut log, with(1, unchanged(&state, 0))).unwrap();
    }
    let index = append(&mut log, touching(2, &production())).unwrap().index();
    let is_free =
        |log: &mut Stepped, state: &State, as_of| append(log, with(3, unchanged(state, as_of))).is_ok();
    for state in [State::AnyActivation, production()] {
        assert!(!is_free(&mut log, &state, 0) && !is_free(&mut log, &state, index), "{state:?}");
        assert!(is_free(&mut log, &state, index + 1), "{state:?}");
    }
    assert!(is_free(&mut log, &State::Activation("*".into()), 0) && is_free(&mut log, &roster(), 0));
    // An entry may touch the state that it demands to be unchanged: that is how it is changed from what was seen.
    let next = Submission { terms: unchanged(&production(), index + 1), ..touching(4, &production()) };
    append(&mut log, next.clone()).unwrap();
    assert!(append(&mut log, next).is_err());
}

#[test]
fn the_time_must_lie_in_every_window() {
    let (folder, _) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let within = |windows: Vec<std::ops::RangeInclusive<u64>>| Terms { windows, ..Terms::default() };
    append(&mut log, with(1, within(vec![NOW_MS..=NOW_MS, 0..=u64::MAX]))).unwrap();
    for window in [NOW_MS + 1..=u64::MAX, 0..=NOW_MS - 1] {
        let refused = append(&mut log, with(2, within(vec![NOW_MS..=NOW_MS, window])));
        assert_eq!(refused, Err(unmet(1, Unmet::Window { position: 1, time_ms: NOW_MS })));
    }
    // The time is the entry's, not the clock's.
    folder.clock.step_ms(-1000);
    append(&mut log, with(3, within(vec![NOW_MS..=NOW_MS]))).unwrap();

    // A clock that isn't believed has no time for what is new; retries are answered.
    append(&mut log, with(4, retried("a"))).unwrap();
    folder.clock.step_ms(-100_000);
    let windowed = Terms { windows: vec![0..=u64::MAX], ..retried("a") };
    let answers = log.commit(vec![
        vec![with(5, within(vec![0..=u64::MAX]))],
        vec![with(6, windowed)],
        vec![submission(7)],
    ]);
    assert!(matches!(answers[0], Err(AppendError::Clock(_))), "{:?}", answers[0]);
    assert_eq!(answers[1].as_ref().unwrap().outcomes, [Outcome::Duplicate { index: 3 }]);
    assert!(matches!(answers[2], Err(AppendError::Clock(_))), "{:?}", answers[2]);
}

#[test]
fn keys_and_states_are_found_in_older_segments_and_nothing_is_guessed_before() {
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    append(&mut log, with(1, once("old"))).unwrap();
    append(&mut log, touching(2, &roster())).unwrap();
    for n in 0..40 {
        append(&mut log, submission(n)).unwrap();
    }
    append(&mut log, with(3, once("recent"))).unwrap();
    let recent = append(&mut log, touching(4, &roster())).unwrap().index();
    drop(log);

    let mut log = folder.open().unwrap();
    let size = log.opened.shared.committed().checkpoint.size;
    let undecided = [once("old"), absent("old"), once("new"), absent("new"), retried("new")];
    let of_states = [unchanged(&roster(), 0), unchanged(&roster(), size), unchanged(&production(), 0)];
    for terms in undecided.iter().chain(&of_states) {
        let error = append(&mut log, with(5, terms.clone())).unwrap_err();
        assert!(matches!(error, AppendError::DedupRebuilding { .. }), "{terms:?}: {error}");
    }
    // What is known is known.
    assert!(matches!(append(&mut log, with(5, once("recent"))), Err(AppendError::Unmet { .. })));
    append(&mut log, submission(6)).unwrap();
    log.follow();
    let by = By::Entry(1);
    assert_eq!(append(&mut log, with(5, once("old"))), Err(unmet(1, Unmet::Taken { position: 0, by })));
    assert_eq!(append(&mut log, with(5, absent("old"))), Err(unmet(1, Unmet::Present { position: 0, by })));
    let changed = Unmet::Changed { position: 0, as_of: 3, by: By::Entry(recent) };
    assert_eq!(append(&mut log, with(5, unchanged(&roster(), 3))), Err(unmet(1, changed)));
    append(&mut log, with(5, unchanged(&roster(), size))).unwrap();
    assert_eq!(log.opened.shared.health(), Health::Ok);
    drop(log);

    disk.damage(&folder.segment(0), |bytes| {
        let genesis = decode_header(&bytes[4096..]).unwrap().frame_bytes;
        bytes[4096 + genesis + 200] ^= 1;
    });
    let mut log = folder.open().unwrap();
    log.follow();
    for terms in undecided.iter().chain(&of_states) {
        let error = append(&mut log, with(5, terms.clone())).unwrap_err();
        assert!(matches!(error, AppendError::DedupUnavailable { .. }), "{terms:?}: {error}");
    }
}

#[test]
fn a_record_that_states_would_be_derived_from_is_checked() {
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    append(&mut log, touching(2, &roster())).unwrap();
    for n in 0..40 {
        append(&mut log, submission(n)).unwrap();
    }
    drop(log);
    // Under a checksum that is right: somebody changed it on purpose.
    disk.damage(&folder.segment(0), |bytes| {
        let place = bytes.windows(9).position(|bytes| bytes == b"approvers").unwrap();
        bytes[place] = b'A';
        let genesis = decode_header(&bytes[4096..]).unwrap().frame_bytes;
        let frame = &mut bytes[4096 + genesis..];
        let end = decode_header(frame).unwrap().frame_bytes - 4;
        let checksum = crc32c::crc32c(&frame[HEADER_BYTES..end]);
        frame[end..end + 4].copy_from_slice(&checksum.to_be_bytes());
    });
    let mut log = folder.open().unwrap();
    log.follow();
    let error = append(&mut log, with(5, unchanged(&roster(), 0))).unwrap_err();
    assert!(
        matches!(&error, AppendError::DedupUnavailable { detail } if detail.contains("expected digest")),
        "{error}"
    );
}

#[test]
fn who_is_refused_for_an_entry_that_never_came_to_be_gets_the_groups_error() {
    let group = || {
        vec![
            vec![touching(1, &roster())],
            vec![with(2, Terms { once: vec![key("a")], ..retried("r") })],
            vec![with(3, once("a"))],
            vec![with(4, absent("a"))],
            vec![with(5, unchanged(&roster(), 0))],
            vec![with(6, Terms { once: vec![key("a")], ..retried("r") })],
            // These hang on nothing in the group.
            vec![with(7, once("b")), with(8, once("b"))],
            vec![with(9, once("known"))],
            vec![with(10, retried("known"))],
            vec![with(11, Terms { windows: vec![0..=1], ..Terms::default() })],
        ]
    };
    let is_settled = |number: usize| number > 5;
    let (folder, disk) = Folder::simulated();
    let mut log = folder.open().unwrap();
    let known = append(&mut log, with(0, retried("known"))).unwrap().index();
    disk.plan(0, Fault::Failed);
    for (number, answer) in log.commit(group()).into_iter().enumerate() {
        match answer {
            Err(AppendError::Fatal { .. }) => assert!(!is_settled(number), "request {number}"),
            Err(AppendError::Unmet { .. }) => assert!(is_settled(number), "request {number}"),
            Ok(answer) => assert_eq!((number, answer.outcomes[0].index()), (8, known)),
            Err(other) => panic!("request {number}: {other}"),
        }
    }
    drop(log);

    // The same where the log goes on; then the group is committed, and its refusals are told.
    let mut log = folder.open().unwrap();
    folder.clock.step_ms(-100_000);
    for (number, answer) in log.commit(group()).into_iter().enumerate() {
        let is_told = matches!(answer, Ok(_) | Err(AppendError::Unmet { .. }));
        assert_eq!(is_told, is_settled(number) && number != 9, "request {number}: {answer:?}");
        assert!(is_told || matches!(answer, Err(AppendError::Clock(_))), "request {number}: {answer:?}");
    }
    folder.clock.step_ms(100_000);
    let answers = indices(&mut log, group());
    let refused: Vec<usize> = (0..10).filter(|number| answers[*number].is_err()).collect();
    assert_eq!(refused, [2, 3, 4, 6, 7, 9]);
    assert_eq!((&answers[1], &answers[5]), (&Ok(vec![3]), &Ok(vec![3])));
}

#[test]
fn through_the_threads_a_single_append_is_told_no_line_and_states_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    Log::create(&options, super::ORIGIN).unwrap();
    let log = Log::open(&options).unwrap();
    let append = |submission| {
        let (sender, receiver) = channel();
        log.append(submission, move |result, _| sender.send(result).unwrap());
        receiver.recv().unwrap().map(|appended| appended.outcome.index())
    };
    assert_eq!(append(touching(1, &roster())), Ok(1));
    assert_eq!(append(with(2, once("a"))), Ok(2));
    assert_eq!(append(touching(3, &roster())), Ok(3));
    let error = append(with(4, once("a"))).unwrap_err();
    let unmet = Unmet::Taken { position: 0, by: By::Entry(2) };
    assert_eq!(error, AppendError::Unmet { line: None, unmet });
    assert_eq!(error.to_string(), "key 0, which one entry may take, was taken by entry 2");
    for (among, expected) in [
        (0..0, &[][..]),
        (0..1, &[]),
        (0..2, &[1]),
        (0..3, &[1]),
        (0..9, &[1, 3]),
        (1..3, &[1]),
        (2..4, &[3]),
        (4..9, &[]),
    ] {
        assert_eq!(log.touched(&roster(), among.clone()).unwrap(), expected, "{among:?}");
    }
    assert_eq!(log.touched(&production(), 0..4), Ok(Vec::new()));
    let keys = |count: usize| (0..count).map(|n| key(&n.to_string())).collect();
    let got = KEYS_MAX + 1;
    let terms = Terms { once: keys(1), retries: keys(KEYS_MAX), ..Terms::default() };
    assert_eq!(append(with(5, terms)), Err(AppendError::TooManyKeys { limit: KEYS_MAX, got }));
    assert_eq!(append(with(5, Terms { once: keys(KEYS_MAX), ..Terms::default() })), Ok(4));
}
