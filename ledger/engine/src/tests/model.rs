//! The log against a model that knows no groups, files or threads: one request after the other, on plain maps. Whatever is
//! appended under whichever terms, gathered in whichever groups, and interrupted wherever, answers and entries are the
//! model's.

use super::oracle::History;
use super::sim_disk::{Fault, Keep, SimDisk};
use super::{Folder, Stepped, key, submission, touching};
use crate::clock::Clock;
use crate::dedup::DedupKey;
use crate::states::State;
use crate::submission::{AppendError, AppendedBatch, Submission};
use crate::terms::{By, Terms, Unmet};
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::collections::HashMap;

/// Names of keys.
const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn states() -> [State; 5] {
    [
        State::Activation("production".into()),
        State::Activation("*".into()),
        State::Set { what: "roster".into(), name: "approvers".into() },
        State::Withdrawn([7; 32]),
        State::WithdrawnEntry(1),
    ]
}

/// A submission before it has its content: what it takes and demands, and the state that it touches.
#[derive(Clone, Debug)]
struct Line {
    retries: Vec<&'static str>,
    once: Vec<&'static str>,
    absent: Vec<&'static str>,
    /// Which state, and how far before the log's end nothing may have touched it.
    unchanged: Vec<(usize, u64)>,
    /// Around the present time.
    windows: Vec<(i64, i64)>,
    touches: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Undisturbed,
    /// The disk fails at this write, and the process is started again; perhaps after a power cut.
    Fails(usize, Fault, Option<Keep>),
    NoSpace,
    ClockSteps,
}

#[derive(Clone, Debug)]
enum Step {
    Group(Vec<Vec<Line>>, Fate),
    /// The process is started again; older segments are read at once, or with the next start or group.
    Reopen(bool),
    Passes(i64),
}

fn line() -> impl Strategy<Value = Line> {
    let few = |most| subsequence(KEYS.to_vec(), 0..=most);
    let rarely = |most| prop_oneof![3 => Just(Vec::new()), 1 => few(most)];
    let unchanged = prop::collection::vec((0..5_usize, 0..12_u64), 0..=1);
    let windows = prop::collection::vec((-3..=1_i64, -1..=3_i64), 0..=2);
    (
        rarely(2),
        rarely(2),
        rarely(1),
        prop_oneof![2 => Just(Vec::new()), 1 => unchanged],
        prop_oneof![4 => Just(Vec::new()), 1 => windows],
        prop::option::weighted(0.3, 0..5_usize),
    )
        .prop_map(|(retries, once, absent, unchanged, windows, touches)| Line {
            retries,
            once,
            absent,
            unchanged,
            windows,
            touches,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let request =
        prop_oneof![2 => prop::collection::vec(line(), 1), 1 => prop::collection::vec(line(), 2..4)];
    let fault = prop_oneof![Just(Fault::Failed), Just(Fault::FailedButPersisted), Just(Fault::Torn)];
    let keep = prop_oneof![Just(Keep::Nothing), Just(Keep::Everything), (1..9_u64).prop_map(Keep::Some)];
    let fails = (0..6_usize, fault, prop::option::of(keep));
    let fate = prop_oneof![
        6 => Just(Fate::Undisturbed),
        2 => fails.prop_map(|(at, fault, keep)| Fate::Fails(at, fault, keep)),
        1 => Just(Fate::NoSpace),
        1 => Just(Fate::ClockSteps),
    ];
    prop_oneof![
        8 => (prop::collection::vec(request, 1..7), fate).prop_map(|(group, fate)| Step::Group(group, fate)),
        2 => any::<bool>().prop_map(Step::Reopen),
        1 => (0..4_i64).prop_map(Step::Passes),
    ]
}

/// What the log must be: which keys were taken by which entry, and which entries touched what.
#[derive(Clone, Debug)]
struct Model {
    size: u64,
    keys: HashMap<DedupKey, u64>,
    touched: HashMap<State, u64>,
}

/// What becomes of a request: for each line its entry, and whether that is new; or the line that is refused, and why.
type Becomes = Result<Vec<(u64, bool)>, (usize, Unmet)>;

impl Model {
    fn append(&mut self, request: &[(Submission, Vec<State>)], time_ms: u64) -> Becomes {
        let (before, mut outcomes) = (self.clone(), Vec::new());
        for (submission, touches) in request {
            match self.line(&submission.terms, &before, &outcomes, time_ms) {
                Err(unmet) => {
                    *self = before;
                    return Err((outcomes.len() + 1, unmet));
                }
                Ok(Some(index)) => outcomes.push((index, false)),
                Ok(None) => {
                    let index = self.size;
                    let Terms { retries, once, .. } = &submission.terms;
                    self.keys.extend(retries.iter().chain(once).map(|key| (*key, index)));
                    self.touched.extend(touches.iter().map(|state| (state.clone(), index)));
                    self.size += 1;
                    outcomes.push((index, true));
                }
            }
        }
        Ok(outcomes)
    }

    fn line(
        &self,
        terms: &Terms,
        before: &Self,
        outcomes: &[(u64, bool)],
        time_ms: u64,
    ) -> Result<Option<u64>, Unmet> {
        let by = |index: u64| match outcomes.iter().position(|outcome| *outcome == (index, true)) {
            Some(line) if index >= before.size => By::Line(line + 1),
            _ => By::Entry(index),
        };
        if let Some(index) = terms.retries.iter().find_map(|key| self.keys.get(key)) {
            return Ok(Some(*index));
        }
        for (position, key) in terms.once.iter().enumerate() {
            if let Some(index) = self.keys.get(key) {
                return Err(Unmet::Taken { position, by: by(*index) });
            }
        }
        for (position, key) in terms.absent.iter().enumerate() {
            if let Some(index) = self.keys.get(key) {
                return Err(Unmet::Present { position, by: by(*index) });
            }
        }
        for (position, (state, as_of)) in terms.unchanged.iter().enumerate() {
            if let Some(index) = self.touched.get(state).filter(|index| *index >= as_of) {
                return Err(Unmet::Changed { position, as_of: *as_of, by: by(*index) });
            }
        }
        match terms.windows.iter().position(|window| !window.contains(&time_ms)) {
            Some(position) => Err(Unmet::Window { position, time_ms }),
            None => Ok(None),
        }
    }
}

/// The engine, the model, and what happened so far.
struct World {
    folder: Folder,
    disk: SimDisk,
    log: Stepped,
    model: Model,
    history: History,
    /// Whether older segments are still to be read.
    is_rebuilding: bool,
    made: u64,
}

impl World {
    fn new() -> Self {
        let (folder, disk) = Folder::simulated();
        let log = folder.open().unwrap();
        let model = Model { size: 1, keys: HashMap::new(), touched: HashMap::new() };
        let (history, is_rebuilding, made) = (History::default(), false, 0);
        Self { folder, disk, log, model, history, is_rebuilding, made }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Group(group, fate) => self.group(&group, fate),
            Step::Reopen(follows) => self.reopen(follows),
            Step::Passes(ms) => self.folder.clock.pass_ms(ms),
        }
    }

    fn reopen(&mut self, follows: bool) {
        self.log = self.folder.open().unwrap();
        self.is_rebuilding = !follows;
        if follows {
            self.log.follow();
        }
        self.history.observe(&self.log).unwrap();
    }

    fn time_ms(&self) -> u64 {
        self.folder.clock.wall_ms().unsigned_abs()
    }

    /// What is appended for a line.
    fn make(&mut self, line: &Line) -> (Submission, Vec<State>) {
        self.made += 1;
        let keys = |names: &[&str]| names.iter().map(|name| key(name)).collect();
        let (size, now) = (self.model.size, self.folder.clock.wall_ms());
        let bound = |offset: i64| (now + offset).unsigned_abs();
        let terms = Terms {
            retries: keys(&line.retries),
            once: keys(&line.once),
            absent: keys(&line.absent),
            unchanged: line
                .unchanged
                .iter()
                .map(|(state, back)| (states()[*state].clone(), size.saturating_sub(*back)))
                .collect(),
            windows: line.windows.iter().map(|(from, to)| bound(*from)..=bound(*to)).collect(),
        };
        let touches: Vec<State> = line.touches.map(|state| states()[state].clone()).into_iter().collect();
        let submission = touches.first().map_or(submission(self.made), |state| touching(self.made, state));
        (Submission { terms, ..submission }, touches)
    }

    fn group(&mut self, group: &[Vec<Line>], fate: Fate) {
        let group: Vec<Vec<_>> =
            group.iter().map(|request| request.iter().map(|line| self.make(line)).collect()).collect();
        let submissions =
            group.iter().map(|request| request.iter().map(|(submission, _)| submission.clone()));
        let submissions: Vec<Vec<Submission>> = submissions.map(Iterator::collect).collect();
        match fate {
            Fate::Undisturbed => {}
            Fate::Fails(at, fault, _) => self.disk.plan(at, fault),
            Fate::NoSpace => self.disk.set_space(Some(0)),
            Fate::ClockSteps => self.folder.clock.step_ms(-100_000),
        }
        let answers = self.log.commit(submissions.clone());
        match fate {
            Fate::Undisturbed => {}
            Fate::Fails(..) => drop(self.disk.forget_plan()),
            Fate::NoSpace => self.disk.set_space(None),
            Fate::ClockSteps => self.folder.clock.step_ms(100_000),
        }
        assert_eq!(answers.len(), group.len(), "everyone is answered");
        let before = self.model.clone();
        let becomes: Vec<Option<Becomes>> = group
            .iter()
            .zip(&answers)
            .map(|(request, answer)| {
                self.is_judged(request, answer).then(|| self.model.append(request, self.time_ms()))
            })
            .collect();
        if answers.iter().any(is_of_group) {
            let after = std::mem::replace(&mut self.model, before);
            let is_exact = !matches!(fate, Fate::ClockSteps) || !group.iter().flatten().any(has_window);
            for ((request, answer), becomes) in group.iter().zip(&answers).zip(becomes) {
                self.check_failed(request, answer, becomes.filter(|_| is_exact));
            }
            self.restart_after(fate);
            if self.log.opened.shared.committed().checkpoint.size == after.size {
                self.model = after;
            }
        } else {
            for ((submissions, answer), becomes) in submissions.iter().zip(&answers).zip(becomes) {
                if let Some(becomes) = becomes {
                    assert_eq!(said(answer), Some(becomes));
                }
                if let Ok(answer) = answer {
                    self.history.answered(submissions, answer).unwrap();
                }
            }
            // What the disk refused may have been asked for behind the group.
            self.restart_after(fate);
        }
        assert_eq!(self.log.opened.shared.committed().checkpoint.size, self.model.size);
        self.history.observe(&self.log).unwrap();
    }

    fn restart_after(&mut self, fate: Fate) {
        if let Fate::Fails(_, _, keep) = fate
            && self.log.opened.shared.fatal.get().is_some()
        {
            keep.into_iter().for_each(|keep| self.disk.power_cut(keep));
            self.reopen(true);
        }
    }

    /// Whether the request was judged. What may depend on segments that are still to be read isn't, and takes nothing.
    fn is_judged(&self, request: &[(Submission, Vec<State>)], answer: &Answer) -> bool {
        if !matches!(answer, Err(AppendError::DedupRebuilding { .. })) {
            return true;
        }
        let asks = |Terms { retries, once, absent, unchanged, .. }: &Terms| {
            !(retries.is_empty() && once.is_empty() && absent.is_empty() && unchanged.is_empty())
        };
        assert!(self.is_rebuilding && request.iter().any(|(submission, _)| asks(&submission.terms)));
        false
    }

    /// The answer to a request of a group that failed: the group's error, but where it hangs on nothing in the group.
    /// `becomes` is what it would have become after those before it.
    fn check_failed(&self, request: &[(Submission, Vec<State>)], answer: &Answer, becomes: Option<Becomes>) {
        let alone = self.model.clone().append(request, self.time_ms());
        let is_settled = |becomes: &Becomes| match becomes {
            Ok(outcomes) => outcomes.iter().all(|(_, is_new)| !is_new),
            Err(_) => true,
        };
        match said(answer) {
            None if is_of_group(answer) => {
                assert!(
                    becomes.is_none_or(|becomes| becomes != alone || !is_settled(&alone)),
                    "{answer:?}, {alone:?}"
                );
            }
            None => {}
            Some(Ok(outcomes)) => {
                assert!(is_settled(&alone) && Ok(outcomes) == alone, "{answer:?}, {alone:?}")
            }
            Some(Err((
                _,
                Unmet::Taken { by, .. } | Unmet::Present { by, .. } | Unmet::Changed { by, .. },
            ))) => {
                assert!(
                    alone.is_err() && !matches!(by, By::Entry(index) if index >= self.model.size),
                    "{answer:?}"
                );
            }
            Some(Err((_, Unmet::Window { .. }))) => assert!(alone.is_err(), "{answer:?}, {alone:?}"),
        }
    }

    /// All of it once more, as a start finds it.
    fn check(&mut self) {
        self.reopen(true);
        self.history.check(&self.log.reader()).unwrap();
        let past = crate::sync::lock(&self.log.opened.shared.volatile.past);
        for name in KEYS {
            assert_eq!(past.taker(&key(name)), Ok(self.model.keys.get(&key(name)).copied()), "key {name}");
        }
        for state in states() {
            let last = past.touched(&state).unwrap().last();
            assert_eq!(last, self.model.touched.get(&state), "{state:?}");
        }
    }
}

type Answer = Result<AppendedBatch, AppendError>;

fn has_window((submission, _): &(Submission, Vec<State>)) -> bool {
    !submission.terms.windows.is_empty()
}

fn is_of_group(answer: &Answer) -> bool {
    matches!(answer, Err(AppendError::Fatal { .. } | AppendError::NoSpace { .. } | AppendError::Clock(_)))
}

/// An answer in the model's words, where it is one.
fn said(answer: &Answer) -> Option<Becomes> {
    match answer {
        Ok(answer) => {
            let outcomes = answer.outcomes.iter();
            Some(Ok(outcomes.map(|outcome| (outcome.index(), !outcome.is_duplicate())).collect()))
        }
        Err(AppendError::Unmet { line, unmet }) => Some(Err((line.unwrap(), *unmet))),
        Err(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn answers_and_entries_are_those_of_one_request_after_the_other(steps in prop::collection::vec(step(), 1..25)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.check();
    }
}
