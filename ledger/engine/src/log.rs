//! A log: opened once, by one process.

use crate::clock::ClockGuard;
use crate::codec::frame::FRAME_BYTES_MAX;
use crate::committed::Committed;
use crate::create::{self, CreateError};
use crate::dedup::{DedupKey, Secret};
use crate::derived::files::{DerivedFiles, DerivedPlaces};
use crate::durable::{
    Disk, DiskError, OsDisk, make_folder, refuse_other_owner, refuse_writable_by_others, remove_file,
};
use crate::follower::Follower;
use crate::identity::{
    IdentityError, LogIdentity, check_genesis, read_secret, read_signer, restore_trust_file, trust_text,
};
use crate::lock::{FolderLock, LockError};
use crate::log_id::LogId;
use crate::options::Options;
use crate::queue::{Queue, Reply, Respond, Untaken, Work};
use crate::reader::Reader;
use crate::recovery::{RecoveryError, recover};
use crate::sequencer::{Outlook, Sequencer};
use crate::shared::{Health, Shared};
use crate::states::State;
use crate::store::files::{LocalFiles, SEGMENT_BYTES};
use crate::store::{Storage, StoreError};
use crate::submission::{AppendError, Appended, AppendedBatch, Submission};
use crate::sync::lock;
use crate::terms::KEYS_MAX;
use provlog_core::note::VerifierKey;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Whether there is a log to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// There is none: create one. Its creation may have been interrupted, or the folder may hold something else;
    /// [`Log::create`] tells these apart.
    Absent,
    /// There is one.
    Present,
}

/// Why a log wasn't opened. Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("{} holds no log: there is no log.toml", dir.display())]
    NoLog {
        /// The data folder.
        dir: PathBuf,
    },
    /// Another process serves it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Key, secret or identity are not this log's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Storage failed, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Journal and high-water mark disagree.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The first checkpoint couldn't be signed.
    #[error("{0}")]
    Sign(String),
    /// A thread couldn't be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A log: appends go through its one sequencer, reads through any number of [`Reader`]s.
///
/// ```
/// use provlog_core::Kind;
/// use provlog_core::encoded::Sealed;
/// use provlog_core::record::{Claim, Section};
/// use provlog_engine::{Log, Options, Submission, Terms};
/// use std::sync::Arc;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let options = Options::new(folder.path().join("log"));
/// Log::create(&options, "example.com/log")?;
/// let log = Log::open(&options)?;
///
/// // A salt hides a value from whoever only sees its hash: draw each from a secure source, not like here.
/// let claim = |name: &str, salt, value: &str| (name.to_owned(), Claim::disclosed(salt, value.into()));
/// let submitted = Section::from_claims(vec![claim("subject", [1; 16], "an artifact")])?;
/// let attested = Section::from_claims(vec![claim("workload", [2; 16], "none")])?;
/// let kind = Kind::new(4).ok_or("no kind")?;
/// let sealed = Arc::new(Sealed::new(kind, &submitted, &attested)?);
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// log.append(Submission { sealed, terms: Terms::default() }, move |result, _| drop(sender.send(result)));
/// let appended = receiver.recv()??;
/// assert_eq!(appended.outcome.index(), 1); // entry 0 is the log's genesis
/// assert_eq!(appended.committed.checkpoint.size, 2);
/// assert_eq!(log.reader().record(1)?.submitted, submitted);
/// # Ok(())
/// # }
/// ```
pub struct Log {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    verifier: VerifierKey,
    secret: Secret,
    id: LogId,
    trust_file: String,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    sequencer: JoinHandle<()>,
    follower: JoinHandle<()>,
    /// Given back only when both have ended.
    _lock: FolderLock,
}

/// A log whose threads are not running yet.
pub(crate) struct Opened {
    pub(crate) sequencer: Sequencer,
    pub(crate) follower: Follower,
    pub(crate) shared: Arc<Shared>,
    pub(crate) secret: Secret,
    id: LogId,
}

impl Log {
    /// Whether there is a log in the data folder.
    #[must_use]
    pub fn presence(options: &Options) -> Presence {
        if options.settings_path().exists() { Presence::Present } else { Presence::Absent }
    }

    /// Makes a log named `origin`, with a new key and a new secret. Permanent: a log never changes its origin.
    ///
    /// # Errors
    /// [`CreateError`]; a creation that was interrupted may be tried again.
    pub fn create(options: &Options, origin: &str) -> Result<(), CreateError> {
        make_folder(&OsDisk, &options.data_dir)?;
        refuse_writable_by_others(&OsDisk, &options.data_dir)?;
        let _lock = FolderLock::take(&options.data_dir)?;
        create::create(&OsDisk, options, origin, &local_files(Arc::new(OsDisk), options, SEGMENT_BYTES))
    }

    /// Reads what makes the folder this log's, and returns the key that signs for it: what [`Log::open`] checks before it locks
    /// anything, and of log.toml, key and secret. It reads no entry, and neither writes nor locks.
    ///
    /// # Errors
    /// [`OpenError`] says what, where, and what to do.
    pub fn look(options: &Options) -> Result<VerifierKey, OpenError> {
        if Self::presence(options) == Presence::Absent {
            return Err(OpenError::NoLog { dir: options.data_dir.clone() });
        }
        check_permissions(options)?;
        let (identity, _) = LogIdentity::read(&OsDisk, &options.settings_path())?;
        read_secret(&OsDisk, options, &identity)?;
        Ok(read_signer(&OsDisk, options)?.verifier().clone())
    }

    /// Opens a log: checks that everything belongs together, recovers its end, signs its checkpoint, and starts its
    /// threads. Costs the newest segment, whatever the log's size.
    ///
    /// # Errors
    /// [`OpenError`] says what, where, and what to do.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        if Self::presence(options) == Presence::Absent {
            return Err(OpenError::NoLog { dir: options.data_dir.clone() });
        }
        check_permissions(options)?;
        let folder_lock = FolderLock::take(&options.data_dir)?;
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let storage = local_files(Arc::clone(&disk), options, SEGMENT_BYTES);
        let Opened { sequencer, follower, shared, secret, id } = Opened::open(disk, options, &storage)?;
        let verifier = sequencer.signer.verifier().clone();
        let trust_file = trust_text(&verifier);
        let queue = Arc::new(Queue::default());
        let its_queue = Arc::clone(&queue);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(work).map_err(OpenError::Thread)
        };
        let follower = spawn("follower", Box::new(move || follower.run()))?;
        let sequencer = spawn("sequencer", Box::new(move || sequencer.run(&its_queue)))?;
        let threads = Mutex::new(Some(Threads { sequencer, follower, _lock: folder_lock }));
        Ok(Self { shared, queue, verifier, secret, id, trust_file, threads })
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The log's random id.
    #[must_use]
    pub const fn id(&self) -> [u8; 16] {
        self.id.0
    }

    /// The key that signs checkpoints.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The trust file to hand out.
    #[must_use]
    pub fn trust_file(&self) -> &str {
        &self.trust_file
    }

    /// Appends one record. `respond` is called once: on the sequencer's thread, when the entry is durable and signed or
    /// refused, or at once on this one. It must hand the answer over and return; whoever takes the answer up drops the
    /// [`Untaken`], which groups are gathered by. Dropped without a call it means that the
    /// sequencer panicked: the log has stopped, and the next start tells whether the entry is in it.
    pub fn append(
        &self,
        submission: Submission,
        respond: impl FnOnce(Result<Appended, AppendError>, Untaken) + Send + 'static,
    ) {
        self.enqueue(Work::new(vec![submission], Reply::One(self.counted(respond))));
    }

    /// Appends a batch: all of it in one commit, or nothing. Lines that are retries report their old entries, and fail
    /// nothing; a demand of another line that doesn't hold fails all of it. `respond` as with [`Log::append`].
    pub fn append_batch(
        &self,
        batch: Vec<Submission>,
        respond: impl FnOnce(Result<AppendedBatch, AppendError>, Untaken) + Send + 'static,
    ) {
        self.enqueue(Work::new(batch, Reply::Batch(self.counted(respond))));
    }

    fn counted<T>(
        &self,
        respond: impl FnOnce(Result<T, AppendError>, Untaken) + Send + 'static,
    ) -> Respond<T> {
        let queue = Arc::clone(&self.queue);
        Box::new(move |answer| respond(answer, Untaken::new(queue)))
    }

    fn enqueue(&self, work: Work) {
        let got_bytes = work.frame_bytes();
        if got_bytes > FRAME_BYTES_MAX {
            return work.answer.refuse(AppendError::TooLarge { limit_bytes: FRAME_BYTES_MAX, got_bytes });
        }
        let keys = work.submissions.iter().map(|submission| submission.terms.keys().count());
        if let Some(got) = keys.max().filter(|got| *got > KEYS_MAX) {
            return work.answer.refuse(AppendError::TooManyKeys { limit: KEYS_MAX, got });
        }
        if let Err(work) = self.queue.push(work) {
            let detail = self.shared.fatal.get().cloned();
            work.answer
                .refuse(detail.map_or(AppendError::ShuttingDown, |detail| AppendError::Fatal { detail }));
        }
    }

    /// The dedup key for `key`, which is a `what` (say `idempotency-key`, or `submitted-digest`) of the caller whose stable
    /// identity is `caller`: HMAC-SHA-256(secret, CBOR `[what, caller, key]`).
    #[must_use]
    pub fn dedup_key(&self, what: &str, caller: &str, key: &[u8]) -> DedupKey {
        DedupKey::derive(&self.secret, what, caller, key)
    }

    /// The entry that took a dedup key. What a batch is checked with before it is appended: in
    /// between, another request may still use the key.
    ///
    /// # Errors
    /// [`AppendError::DedupRebuilding`] and [`AppendError::DedupUnavailable`]: an append under this key would be refused
    /// with the same.
    pub fn lookup(&self, key: &DedupKey) -> Result<Option<u64>, AppendError> {
        lock(&self.shared.volatile.past).taker(key)
    }

    /// The entries among these that touched a state, ascending. Each is to be read before it is relied on.
    ///
    /// # Errors
    /// As [`Log::lookup`]: an append that demands something of this state would be refused with the same.
    pub fn touched(&self, state: &State, among: Range<u64>) -> Result<Vec<u64>, AppendError> {
        let past = lock(&self.shared.volatile.past);
        let indices = past.touched(state)?;
        let below = |bound| indices.partition_point(|index| *index < bound);
        let (start, end) = (below(among.start), below(among.end));
        Ok(indices.get(start..end).unwrap_or_default().to_vec())
    }

    /// Whether a key that was never used would be known to be new.
    ///
    /// # Errors
    /// As [`Log::lookup`].
    pub fn dedup_ready(&self) -> Result<(), AppendError> {
        lock(&self.shared.volatile.past).whole()
    }

    /// The newest committed state.
    #[must_use]
    pub fn committed(&self) -> Arc<Committed> {
        self.shared.committed()
    }

    /// A reader, cheap to make and to clone; it goes on reading when the log is shut down.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Whether the log does its work.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Bytes that are free for the journal, about a second ago at the most; none where that can't be told.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.shared.free_bytes()
    }

    /// Takes no more appends, finishes and answers those that wait, and gives the lock back. Called again, it does
    /// nothing.
    pub fn shutdown(&self) {
        self.queue.close();
        self.shared.bell.stop();
        let Some(Threads { sequencer, follower, _lock }) = lock(&self.threads).take() else { return };
        // A thread that panicked has told so already: the sequencer by its guard, the follower by the panic's message.
        let _ended = (sequencer.join(), follower.join());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Refuses files and folders that somebody else could put the log's own out of their places by.
fn check_permissions(options: &Options) -> Result<(), DiskError> {
    let keys = options.keys_path();
    for path in [&options.data_dir, &options.journal_path(), &options.high_water_path(), &keys] {
        // What is missing is judged later, by what it is.
        if OsDisk.exists(path)? {
            refuse_writable_by_others(&OsDisk, path)?;
        }
    }
    if OsDisk.exists(&keys)? { refuse_other_owner(&OsDisk, &options.data_dir, &keys) } else { Ok(()) }
}

impl Opened {
    /// Everything that opening does, on the caller's thread.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        options: &Options,
        storage: &dyn Storage,
    ) -> Result<Self, OpenError> {
        let (identity, id) = LogIdentity::read(disk.as_ref(), &options.settings_path())?;
        let secret = read_secret(disk.as_ref(), options, &identity)?;
        let signer = read_signer(disk.as_ref(), options)?;
        let mut store = storage.open(id)?;
        check_genesis(store.frames().as_ref(), &identity, &signer, options.log_key_path())?;
        let recovered = recover(store.as_mut())?;
        if disk.exists(&options.creating_path())? {
            // The log was made in full: log.toml comes last.
            remove_file(disk.as_ref(), &options.creating_path())?;
        }
        restore_trust_file(disk.as_ref(), &options.trust_path(), signer.verifier());
        // Looked at now, so that a log that then stands idle for a year isn't taken for one opened with a wrong clock.
        let mut guard = ClockGuard::new(options.accept_clock);
        // One that isn't believed is told by the first look.
        let _told = guard.now(options.clock.as_ref(), recovered.edge.last_time);
        let committed = Committed::sign(&signer, recovered.extension, recovered.edge.last_time)
            .map_err(OpenError::Sign)?;
        let places = DerivedPlaces {
            tiles: options.data_dir.join("tiles"),
            positions: options.data_dir.join("positions"),
        };
        let derived = DerivedFiles::new(disk, places, id);
        let observer = Arc::clone(&options.observer);
        let shared = Arc::new(Shared::new(committed, recovered.volatile, derived, store.frames(), observer));
        let mut sequencer = Sequencer {
            store,
            edge: recovered.edge,
            clock: Arc::clone(&options.clock),
            guard,
            signer,
            shared: Arc::clone(&shared),
            outlook: Outlook::default(),
        };
        sequencer.look();
        let follower = Follower::new(Arc::clone(&shared));
        Ok(Self { sequencer, follower, shared, secret, id })
    }
}

/// The storage of a log in a data folder.
pub(crate) fn local_files(disk: Arc<dyn Disk>, options: &Options, segment_bytes: u32) -> LocalFiles {
    let (journal, high_water) = (options.journal_path(), options.high_water_path());
    LocalFiles { disk, folder: options.data_dir.clone(), journal, high_water, segment_bytes }
}
