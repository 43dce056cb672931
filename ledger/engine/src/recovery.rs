//! Opening: from the newest run to the log's end, by the code that commits.
//!
//! The end is the first frame that doesn't count. At the high-water mark the roots must agree. Above it one frame may lie
//! that was never acknowledged: it is written again and adopted, or, if it isn't whole, cut off. Everything else that
//! disagrees refuses to open: this module never guesses, and never skips bytes to look for more frames.

use crate::codec::frame::{self, FrameError};
use crate::committed::Head;
use crate::edge::Edge;
use crate::shared::Volatile;
use crate::store::{Advance, FrameAt, Next, Place, Store, StoreError};
use provlog_core::Hash;
use provlog_core::tree::Extension;

/// What was recovered.
pub(crate) struct Recovered {
    pub(crate) edge: Edge,
    pub(crate) volatile: Volatile,
    /// Of the newest frame: what its entries' proofs are made from.
    pub(crate) extension: Extension,
}

/// Why the log can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// Storage failed, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal ends before the high-water mark.
    #[error(
        "the journal holds {size} entries and ends in {place} ({reason}), but {mark} were acknowledged and signed: the journal is an older copy, was truncated, or is damaged there. Put the newest copy of the journal back. If those entries are truly gone, this log is over: start a successor that names it"
    )]
    Behind {
        /// Entries that count.
        size: u64,
        /// The mark.
        mark: u64,
        /// Where the journal ends.
        place: Place,
        /// Why the next frame doesn't count.
        reason: String,
    },
    /// The journal has another root at the mark.
    #[error(
        "at {size} entries the journal's root is {got}, in {} before byte {}, but {expected} was signed at that size: journal and high-water file are not of the same history. Put back the pair that belongs together, the newest there is", .place.name, .place.byte
    )]
    Root {
        /// The mark.
        size: u64,
        /// The root at the mark.
        expected: Hash,
        /// The journal's.
        got: Hash,
        /// Behind the last frame that counts towards it.
        place: Place,
    },
    /// The mark lies within a frame, or before the newest run.
    #[error(
        "the high-water mark ({mark} entries) is no place at which {} can have been acknowledged (from {start} to {end} entries at byte {}): the high-water file is an older copy or of another history. Put the newest one back", .place.name, .place.byte
    )]
    Misplaced {
        /// The mark.
        mark: u64,
        /// The frame there.
        place: Place,
        /// Entries before that place.
        start: u64,
        /// Entries after it.
        end: u64,
    },
    /// More than one whole frame above the mark.
    #[error(
        "{} holds a second whole frame above the high-water mark of {mark} entries, at byte {}; at most one can be unacknowledged: the high-water file is an older copy. Put the newest one back", .place.name, .place.byte
    )]
    SecondFrame {
        /// The mark.
        mark: u64,
        /// Where the second frame starts.
        place: Place,
    },
    /// The head was moved while it was being recovered.
    #[error(
        "the high-water mark changed to {size} entries while the log was being opened: is another process writing it?"
    )]
    Raced {
        /// The new mark.
        size: u64,
    },
}

/// Replays the newest run, decides what counts, and makes that durable. Nothing may be signed before.
pub(crate) fn recover(store: &mut dyn Store) -> Result<Recovered, RecoveryError> {
    let mut replay = Replay::start(store)?;
    let reason = replay.run(store)?;
    let Replay { mark, edge, at, unacknowledged, .. } = &replay;
    let place = store.frames().place(*at);
    if edge.size() < mark.size {
        let (size, mark, reason) = (edge.size(), mark.size, reason.to_string());
        return Err(RecoveryError::Behind { size, mark, place, reason });
    }
    if unacknowledged.is_some() {
        let size = edge.size();
        tracing::info!(%place, size, "adopting the one frame that was written but not acknowledged");
    }
    store.settle_tail(*at, unacknowledged.as_ref().map(|(at, bytes)| (*at, bytes.as_slice())))?;
    if unacknowledged.is_some() {
        match store.advance(mark, &edge.head()) {
            Advance::Committed => {}
            Advance::NotCommitted(head) => return Err(RecoveryError::Raced { size: head.size }),
            Advance::Unknown(error) => return Err(error.into()),
        }
    }
    let Replay { edge, volatile, extension, .. } = replay;
    Ok(Recovered { edge, volatile, extension })
}

struct Replay {
    mark: Head,
    edge: Edge,
    /// Where the next frame would start.
    at: FrameAt,
    volatile: Volatile,
    extension: Extension,
    unacknowledged: Option<(FrameAt, Vec<u8>)>,
}

impl Replay {
    fn start(store: &dyn Store) -> Result<Self, RecoveryError> {
        let (mark, frames) = (store.head(), store.frames());
        let run = frames.newest();
        let (edge, at) = (frames.edge(run)?, frames.start(run));
        let volatile = Volatile::new(run, &edge);
        let extension = Extension::new(&edge.frontier, &[]);
        let replay = Self { mark, edge, at, volatile, extension, unacknowledged: None };
        if replay.mark.size < replay.edge.size() {
            return Err(replay.misplaced(store, replay.edge.size()));
        }
        replay.check_root(store)?;
        Ok(replay)
    }

    /// Goes on to the first frame that doesn't count; tells why it doesn't.
    fn run(&mut self, store: &dyn Store) -> Result<EndReason, RecoveryError> {
        let frames = store.frames();
        loop {
            let bytes = match frames.next(self.at)? {
                Next::Frame(bytes) => bytes,
                Next::End(error) => return Ok(EndReason::Frame(error)),
            };
            let frame = match frame::decode(&bytes).and_then(|frame| frame.check_sections().map(|()| frame)) {
                Ok(frame) => frame,
                Err(error) => return Ok(EndReason::Frame(error)),
            };
            let extension = match self.edge.follow(&frame) {
                Ok(extension) => extension,
                Err(error) => return Ok(EndReason::Edge(error)),
            };
            let (start, end) = (self.edge.size(), extension.after().size());
            if start < self.mark.size && self.mark.size < end {
                return Err(self.misplaced(store, end));
            }
            if start > self.mark.size {
                let place = frames.place(self.at);
                return Err(RecoveryError::SecondFrame { mark: self.mark.size, place });
            }
            self.volatile.apply(self.at, &frame, &extension);
            self.edge = self.edge.after(&frame, &extension);
            self.extension = extension;
            let behind = frames.behind(self.at, bytes.len());
            if start == self.mark.size {
                self.unacknowledged = Some((self.at, bytes));
            }
            self.at = behind;
            self.check_root(store)?;
        }
    }

    fn check_root(&self, store: &dyn Store) -> Result<(), RecoveryError> {
        let head = self.edge.head();
        if head.size != self.mark.size || head.root == self.mark.root {
            return Ok(());
        }
        let place = store.frames().place(self.at);
        let (size, expected, got) = (head.size, self.mark.root, head.root);
        Err(RecoveryError::Root { size, expected, got, place })
    }

    fn misplaced(&self, store: &dyn Store, end: u64) -> RecoveryError {
        let place = store.frames().place(self.at);
        RecoveryError::Misplaced { mark: self.mark.size, place, start: self.edge.size(), end }
    }
}

/// Why a frame doesn't count.
#[derive(Debug, thiserror::Error)]
enum EndReason {
    #[error(transparent)]
    Frame(FrameError),
    #[error(transparent)]
    Edge(crate::edge::EdgeError),
}
