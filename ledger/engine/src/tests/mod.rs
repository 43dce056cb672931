//! Tests of the engine as a whole, on a modelled disk and on a real one.

pub(crate) mod oracle;
pub(crate) mod sim_disk;

mod derived;
mod faults;
mod follow;
mod invariants;
mod model;
mod moved;
mod old;
mod refusals;
mod service;
mod sizes;
mod standing;
mod terms;
mod unwaiting;

use crate::clock::tests::ManualClock;
use crate::create::{self, CreateError};
use crate::dedup::{DedupKey, Secret};
use crate::durable::Disk;
use crate::follower::RETRY_AFTER;
use crate::log::{OpenError, Opened, local_files};
use crate::options::Options;
use crate::queue::{Reply, Work};
use crate::reader::Reader;
use crate::states::State;
use crate::submission::{AppendError, Appended, AppendedBatch, Submission};
use crate::terms::Terms;
use provlog_core::Kind;
use provlog_core::cbor::{Map, Value};
use provlog_core::encoded::Sealed;
use provlog_core::record::{Claim, Section};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

pub(crate) const ORIGIN: &str = "example.com/log";

/// Makes a log of small segments.
pub(crate) fn create(disk: &Arc<dyn Disk>, options: &Options, origin: &str) -> Result<(), CreateError> {
    let storage = local_files(Arc::clone(disk), options, SMALL_SEGMENT_BYTES);
    create::create(disk.as_ref(), options, origin, &storage)
}

/// Small enough that a handful of groups fills a segment.
pub(crate) const SMALL_SEGMENT_BYTES: u32 = 4096 + 3000;

/// A record of a little over 32,000 bytes.
pub(crate) fn large() -> Submission {
    let claim = |name: &str, salt| {
        (name.to_owned(), Claim::disclosed([salt; 16], "x".repeat(16_000).as_str().into()))
    };
    sealed(4, vec![claim("a", 1), claim("b", 2)], Vec::new())
}

pub(crate) fn sealed(
    kind: u8,
    submitted: Vec<(String, Claim)>,
    attested: Vec<(String, Claim)>,
) -> Submission {
    let [submitted, attested] = [submitted, attested].map(|claims| Section::from_claims(claims).unwrap());
    let sealed = Sealed::new(Kind::new(kind).unwrap(), &submitted, &attested).unwrap();
    Submission { sealed: Arc::new(sealed), terms: Terms::default() }
}

/// A record whose claims follow from `n`.
pub(crate) fn submission(n: u64) -> Submission {
    let claim = |name: &str, salt: u8, value: Value| {
        let mut salts = [salt; 16];
        salts[..8].copy_from_slice(&n.to_be_bytes());
        (name.to_owned(), Claim::disclosed(salts, value))
    };
    let length = usize::try_from(n % 7).unwrap() * 20;
    let submitted = vec![
        claim("subject", 1, Value::Text(format!("artifact {n} {}", "x".repeat(length)))),
        claim("model", 2, "a model".into()),
    ];
    sealed(4, submitted, vec![claim("workload", 3, "none".into())])
}

/// A record that touches a state, and else follows from `n`.
pub(crate) fn touching(n: u64, state: &State) -> Submission {
    let map = |entries: Vec<(&str, Value)>| {
        Value::Map(
            Map::from_entries(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
                .unwrap(),
        )
    };
    let claim = |name: &str, value| (name.to_owned(), Claim::disclosed([0x55; 16], value));
    let subject = || claim("subject", Value::Text(format!("change {n}")));
    let withdrawal = |withdraws| sealed(8, vec![subject(), claim("withdraws", map(withdraws))], Vec::new());
    match state {
        State::Activation(environment) => {
            let environments = Value::Array(vec![environment.as_str().into()]);
            sealed(5, vec![subject()], vec![claim("activation", map(vec![("environments", environments)]))])
        }
        State::AnyActivation => touching(n, &State::Activation("any".into())),
        State::Set { what, name } => {
            let trust = map(vec![("what", what.as_str().into()), ("name", name.as_str().into())]);
            sealed(6, vec![subject(), claim("trust", trust)], Vec::new())
        }
        State::Withdrawn(statement) => withdrawal(vec![("statement", Value::Bytes(statement.to_vec()))]),
        State::WithdrawnEntry(index) => {
            let index = Value::Integer(i64::try_from(*index).unwrap());
            withdrawal(vec![("index", index), ("leaf_hash", Value::Bytes(vec![1; 32]))])
        }
    }
}

/// A dedup key that follows from `key`.
pub(crate) fn key(key: &str) -> DedupKey {
    DedupKey::derive(&Secret::new([9; 32]), "test", "alice", key.as_bytes())
}

/// The same under a dedup key.
pub(crate) fn keyed(n: u64, name: &str) -> Submission {
    let terms = Terms { retries: vec![key(name)], ..Terms::default() };
    Submission { terms, ..submission(n) }
}

/// A log whose threads don't run: the tests do their work, one step after the other.
pub(crate) struct Stepped {
    pub(crate) opened: Opened,
}

impl Stepped {
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        options: &Options,
        segment_bytes: u32,
    ) -> Result<Self, OpenError> {
        let storage = local_files(Arc::clone(disk), options, segment_bytes);
        Opened::open(Arc::clone(disk), options, &storage).map(|opened| Self { opened })
    }

    /// Commits the requests as one group; answers in their order.
    pub(crate) fn commit(
        &mut self,
        batches: Vec<Vec<Submission>>,
    ) -> Vec<Result<AppendedBatch, AppendError>> {
        let (sender, receiver) = channel();
        let work = batches.into_iter().enumerate().map(|(number, submissions)| {
            let sender = sender.clone();
            let respond = move |result| sender.send((number, result)).unwrap();
            Work::new(submissions, Reply::Batch(Box::new(respond)))
        });
        let work = work.collect();
        self.opened.sequencer.commit(work);
        drop(sender);
        let mut answers: Vec<_> = receiver.into_iter().collect();
        answers.sort_by_key(|(number, _)| *number);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Commits one record alone.
    pub(crate) fn append(&mut self, submission: Submission) -> Result<Appended, AppendError> {
        let AppendedBatch { outcomes, committed } = self.commit(vec![vec![submission]]).remove(0)?;
        Ok(Appended { outcome: outcomes[0], committed })
    }

    /// What the follower does when it is time to try again whatever failed.
    pub(crate) fn follow(&mut self) {
        self.opened.follower.catch_up(Instant::now() + RETRY_AFTER);
    }

    /// What it does at a commit.
    pub(crate) fn follow_commit(&mut self) {
        self.opened.follower.catch_up(Instant::now());
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.opened.shared))
    }
}

/// Options of a log in `folder` whose clock stands still.
pub(crate) fn options(folder: impl Into<std::path::PathBuf>) -> (Options, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let mut options = Options::new(folder);
    options.clock = Arc::<ManualClock>::clone(&clock);
    (options, clock)
}

/// A log in a folder of its own, with small segments.
pub(crate) struct Folder {
    pub(crate) options: Options,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) disk: Arc<dyn Disk>,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    /// On the real disk, for tests that do something to the files.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (options, clock) = options(folder.path());
        Self::create(Arc::new(crate::durable::OsDisk), options, clock, Some(folder))
    }

    /// The same as a folder of its own within one that outlives it, for tests that move it.
    pub(crate) fn inside(folder: &std::path::Path) -> Self {
        let data_dir = folder.join("log");
        crate::durable::make_folder(&crate::durable::OsDisk, &data_dir).unwrap();
        let (options, clock) = options(data_dir);
        Self::create(Arc::new(crate::durable::OsDisk), options, clock, None)
    }

    /// On a modelled disk, for tests that open and append often.
    pub(crate) fn simulated() -> (Self, sim_disk::SimDisk) {
        let (options, clock) = options("/log");
        let disk = sim_disk::SimDisk::new(&options.data_dir);
        (Self::create(Arc::new(disk.clone()), options, clock, None), disk)
    }

    fn create(
        disk: Arc<dyn Disk>,
        options: Options,
        clock: Arc<ManualClock>,
        temporary: Option<tempfile::TempDir>,
    ) -> Self {
        create(&disk, &options, ORIGIN).unwrap();
        Self { options, clock, disk, _temporary: temporary }
    }

    pub(crate) fn open(&self) -> Result<Stepped, OpenError> {
        Stepped::open(&self.disk, &self.options, SMALL_SEGMENT_BYTES)
    }

    /// Appends records `from..to`, one a group, and follows; gives the log back open.
    pub(crate) fn fill(&self, from: u64, to: u64) -> Stepped {
        let mut log = self.open().unwrap();
        log.follow();
        for n in from..to {
            log.append(submission(n)).unwrap();
        }
        log.follow();
        log
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.options.data_dir.join(name)
    }

    pub(crate) fn segment(&self, sequence: u64) -> std::path::PathBuf {
        self.path(&format!("journal/{sequence:020}.seg"))
    }

    pub(crate) fn newest_segment(&self) -> u64 {
        u64::try_from(std::fs::read_dir(self.path("journal")).unwrap().count()).unwrap() - 1
    }
}

/// Changes a file's bytes.
pub(crate) fn damage(path: &std::path::Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}
