//! What the engine's threads and its readers share.

use crate::bell::Bell;
use crate::codec::frame::Frame;
use crate::committed::Committed;
use crate::derived::files::DerivedFiles;
use crate::derived::tail::Tail;
use crate::edge::Edge;
use crate::observer::Observer;
use crate::past::{Past, Traces};
use crate::standing::Standing;
use crate::store::{FrameAt, Frames, Place};
use crate::submission::AppendError;
use crate::sync::{lock, read, write};
use provlog_core::tree::Extension;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// Whether the log does its work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// All of it.
    Ok,
    /// Some appends or reads may be refused: something is being rebuilt, the journal is damaged, or there is little space.
    Degraded {
        /// What, and what to do.
        detail: String,
    },
    /// Every append is refused, until what is the reason passes: there is no space, or the clock can't be right. Reads go
    /// on.
    Refusing {
        /// What appends are refused with.
        error: AppendError,
    },
    /// Nothing is appended any more; the process must exit and be started again.
    Fatal {
        /// What failed.
        detail: String,
    },
}

/// What is made from the journal and kept in memory.
pub(crate) struct Volatile {
    pub(crate) past: Mutex<Past>,
    pub(crate) tail: RwLock<Tail>,
}

impl Volatile {
    /// Of a log whose newest run starts at `edge`.
    pub(crate) fn new(run: u64, edge: &Edge) -> Self {
        Self { past: Mutex::new(Past::new(edge.size())), tail: RwLock::new(Tail::new(run, edge)) }
    }

    /// Takes in a frame that is in the log: what commit does, and recovery.
    pub(crate) fn apply(&self, at: FrameAt, frame: &Frame<'_>, extension: &Extension) {
        write(&self.tail).push(at, frame, extension);
        let mut traces = Traces::default();
        traces.push(frame);
        lock(&self.past).add(traces);
    }
}

pub(crate) struct Shared {
    /// Replaced by the sequencer alone, after `volatile` took the group in: who reads this first finds all of it there.
    pub(crate) committed: RwLock<Arc<Committed>>,
    pub(crate) volatile: Volatile,
    pub(crate) derived: DerivedFiles,
    pub(crate) frames: Arc<dyn Frames>,
    pub(crate) bell: Bell,
    pub(crate) observer: Arc<dyn Observer>,
    /// Set once, by the sequencer: why it stopped.
    pub(crate) fatal: OnceLock<String>,
    /// The sequencer's: whether appends are possible.
    standing: Mutex<Standing>,
    /// What stays wrong until the next start.
    lasting: Mutex<Option<String>>,
    /// What reading a whole run said of it, and nobody needs to find out again.
    pub(crate) diagnoses: Mutex<HashMap<u64, Diagnosis>>,
}

/// What reading a run said, when something read from it was wrong.
#[derive(Clone, Debug)]
pub(crate) enum Diagnosis {
    /// It is whole: what was derived from it is wrong. Stands until that was made again.
    Sound,
    /// It is damaged. Stands until the next start.
    Damaged { place: Place, detail: String },
}

impl Shared {
    pub(crate) fn new(
        committed: Committed,
        volatile: Volatile,
        derived: DerivedFiles,
        frames: Arc<dyn Frames>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            committed: RwLock::new(Arc::new(committed)),
            volatile,
            derived,
            frames,
            bell: Bell::default(),
            observer,
            fatal: OnceLock::new(),
            standing: Mutex::default(),
            lasting: Mutex::default(),
            diagnoses: Mutex::default(),
        }
    }

    pub(crate) fn committed(&self) -> Arc<Committed> {
        Arc::clone(&read(&self.committed))
    }

    pub(crate) fn publish(&self, committed: Arc<Committed>) {
        *write(&self.committed) = committed;
    }

    /// The sequencer stops; the first reason stays.
    pub(crate) fn fail(&self, detail: &str) {
        if self.fatal.set(detail.to_owned()).is_ok() {
            tracing::error!(detail, "the log has stopped");
            self.observer.fatal(detail);
        }
    }

    /// The sequencer found out whether appends are possible.
    pub(crate) fn stand(&self, standing: Standing) {
        lock(&self.standing).replace(standing);
    }

    /// Bytes that are free for the journal, where that can be told.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        lock(&self.standing).space.as_ref().map(|space| space.free_bytes)
    }

    /// Damage of the journal was found.
    pub(crate) fn report_damage(&self, detail: &str) {
        tracing::error!(detail, "the journal is damaged");
        self.observer.damaged(detail);
        *lock(&self.lasting) = Some(detail.to_owned());
    }

    /// The follower ended by a panic. What it did not get to isn't there before the next start, and nobody must take it
    /// for being on its way.
    pub(crate) fn follower_stopped(&self) {
        let detail = "the thread that reads older segments panicked: this is a bug, please report it with the log's output, and start the log again";
        tracing::error!(detail, "the follower has stopped");
        lock(&self.volatile.past).give_up(detail.into());
        self.derived.set_problem(Some(detail.into()));
        lock(&self.lasting).get_or_insert_with(|| detail.into());
    }

    /// A derived file was found wrong: it is made again from the journal.
    pub(crate) fn distrust_derived(&self, detail: &str) {
        tracing::error!(detail, "derived files are wrong and will be rebuilt");
        self.observer.derived_failed(detail);
        self.derived.set_problem(Some(format!("the derived files are being rebuilt: {detail}")));
        self.bell.rebuild();
    }

    pub(crate) fn health(&self) -> Health {
        if let Some(detail) = self.fatal.get() {
            return Health::Fatal { detail: detail.clone() };
        }
        let standing = lock(&self.standing).clone();
        let warning = standing.warning();
        if let Some(error) = standing.refusal {
            return Health::Refusing { error };
        }
        let lasting = lock(&self.lasting).clone();
        let rebuilt = || self.derived.problem().or_else(|| lock(&self.volatile.past).problem());
        let problem = lasting.or(warning).or_else(rebuilt);
        problem.map_or(Health::Ok, |detail| Health::Degraded { detail })
    }
}
