//! Reading a log. Whatever comes from disk is checked before it is handed out: a record against its entry and its leaf,
//! and every tile, leaves and the nodes of proofs included, against the tree above it, up to the committed right edge.
//!
//! What fails is told apart by reading the journal: if that is whole, a derived file was wrong, and is made again; if it
//! isn't, the damage is reported with file and offset. Nothing here writes.

use crate::codec::frame::{self, HEADER_BYTES};
use crate::codec::stored;
use crate::committed::Committed;
use crate::derived::nodes::{Nodes, ProvenTiles};
use crate::derived::{Position, Unavailable, Wait};
use crate::scan::{damaged, scan_run};
use crate::shared::{Diagnosis, Shared};
use crate::store::{FrameAt, Frames, StoreError};
use crate::sync::lock;
use provlog_core::encoded::EncodedRecord;
use provlog_core::limits::ENTRY_BYTES;
use provlog_core::tree::{
    NodeSource, Resource, TILE_HASHES, Tile, TileError, TileNodes, bundle, consistency_proof,
    inclusion_proof, root_of,
};
use provlog_core::{Entry, Hash, Record};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Why something couldn't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log doesn't have it, at this size.
    #[error("{what}: not in this log, which holds {size} entries")]
    NotFound {
        /// What was asked for.
        what: String,
        /// The log's size.
        size: u64,
    },
    /// It is being made again from the journal.
    #[error("not available for now: {detail}")]
    DerivedUnavailable {
        /// Why.
        detail: String,
    },
    /// It isn't in memory, and the reader is one that doesn't wait for a disk.
    #[error("not in memory")]
    WouldWait,
    /// The journal is damaged, or can't be read.
    #[error(transparent)]
    Journal(StoreError),
}

/// Reads a log, as far as it is committed.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
    frames: Arc<dyn Frames>,
    proven: Arc<ProvenTiles>,
    wait: Wait,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { frames: Arc::clone(&shared.frames), shared, proven: Arc::default(), wait: Wait::May }
    }

    /// A reader of the same that never waits for a disk: it gives [`ReadError::WouldWait`] instead, and then nothing is said
    /// of what was asked for.
    #[must_use]
    pub fn unwaiting(&self) -> Self {
        Self { frames: Arc::clone(&self.shared.frames).unwaiting(), wait: Wait::Never, ..self.clone() }
    }

    /// The newest committed state.
    #[must_use]
    pub fn committed(&self) -> Arc<Committed> {
        self.shared.committed()
    }

    /// One entry.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entry(&self, index: u64) -> Result<Entry, ReadError> {
        self.one(index, |record| Some(record.entry()))
    }

    /// One record.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn record(&self, index: u64) -> Result<Record, ReadError> {
        self.one(index, |record| record.parse().ok())
    }

    /// One record's entry, and its bytes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn encoded(&self, index: u64) -> Result<(Entry, Vec<u8>), ReadError> {
        self.one(index, |record| Some((record.entry(), record.to_bytes())))
    }

    fn one<T>(&self, index: u64, take: impl Fn(EncodedRecord<'_>) -> Option<T>) -> Result<T, ReadError> {
        let mut found = None;
        self.each_record(index, 1, &mut |record| {
            found = take(record);
            ControlFlow::Break(())
        })?;
        found.ok_or_else(|| self.diagnose(index, "a position"))
    }

    /// Hands out the records `first..first + count` one after the other, until told to stop. Neighbours share a frame, so
    /// many at once cost a few reads and not a few each. Where one isn't right, those before it were handed out.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn each_record(
        &self,
        first: u64,
        count: u64,
        visit: &mut dyn FnMut(EncodedRecord<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let committed = self.committed();
        let (size, end) = (committed.checkpoint.size, first.saturating_add(count));
        if end > size {
            return Err(ReadError::NotFound { what: format!("entry {}", first.max(end - 1)), size });
        }
        // One position more, where there is one: a record ends where the next begins.
        let positions = self.nodes().positions(first, size.min(end.saturating_add(1)) - first)?;
        let leaves = self.nodes().leaves(first, count, |first, count| {
            self.proven(leaves(&self.tree(&committed), first, first + count))
        })?;
        let mut done = 0;
        while let Some(rest) = leaves.get(done..).filter(|rest| !rest.is_empty()) {
            let index = first + u64::try_from(done).unwrap_or(u64::MAX);
            let positions = positions.get(done..).unwrap_or_default();
            let mut stop = false;
            let read = self.read_frame(index, positions, rest, &mut |record| {
                let flow = visit(record);
                stop = flow.is_break();
                flow
            })?;
            if stop {
                break;
            }
            if read == 0 {
                return Err(self.diagnose(index, "a position or leaf hash"));
            }
            done += read;
        }
        Ok(())
    }

    /// Inclusion proof of entry `index` in the tree of the first `size` entries; made of proven nodes.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::NotFound`] when the log hasn't reached `size`, or `index` isn't below it.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
        self.inclusion(index, size).map(|(_, proof)| proof)
    }

    /// As [`Reader::inclusion_proof`], with the leaf hash that it is of. Of the entry's record nothing is read.
    ///
    /// # Errors
    /// As there.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<(Hash, Vec<Hash>), ReadError> {
        let committed = self.committed();
        if index >= size || size > committed.checkpoint.size {
            let what = format!("entry {index} in a tree of {size}");
            return Err(ReadError::NotFound { what, size: committed.checkpoint.size });
        }
        let tree = self.tree(&committed);
        let leaf_hash = self.proven(tree.node(0, index))?;
        Ok((leaf_hash, self.proven(inclusion_proof(&tree, index, size))?))
    }

    /// Consistency proof from the tree of `old` entries to that of `new`; made of proven nodes. Empty when they
    /// are equal, or `old` is 0.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::NotFound`] when the log hasn't reached `new`, or `old` is above it.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        let committed = self.committed();
        if old > new || new > committed.checkpoint.size {
            let what = format!("consistency of the trees of {old} and {new}");
            return Err(ReadError::NotFound { what, size: committed.checkpoint.size });
        }
        self.proven(consistency_proof(&self.tree(&committed), old, new))
    }

    /// The root at a size that the log has had; made of proven nodes of the newest tree, so consistent with it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn root_at(&self, size: u64) -> Result<Hash, ReadError> {
        let committed = self.committed();
        if size > committed.checkpoint.size {
            let what = format!("a tree of {size}");
            return Err(ReadError::NotFound { what, size: committed.checkpoint.size });
        }
        self.proven(root_of(&self.tree(&committed), size))
    }

    /// A tile's hashes, 32 bytes each; verified.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn tile(&self, tile: Tile) -> Result<Vec<u8>, ReadError> {
        let hashes = self.checked_tile(tile, &Resource::Hashes(tile))?;
        Ok(Hash::concat(&hashes))
    }

    /// An entry bundle: each entry with its length before it, as two bytes big endian; verified. Index and width are
    /// those of a level-0 tile.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entry_bundle(&self, tile: Tile) -> Result<Vec<u8>, ReadError> {
        let resource = Resource::Entries(tile);
        let leaves = self.checked_tile(Tile { level: 0, ..tile }, &resource)?;
        let first = tile.index * TILE_HASHES;
        let entries = self.read_entries(first, leaves.len())?;
        let mut bundle = Vec::with_capacity(entries.len() * (2 + ENTRY_BYTES));
        for ((entry, leaf), index) in entries.iter().zip(&leaves).zip(first..) {
            if Hash::leaf(entry) != *leaf {
                return Err(self.diagnose(index, "a position or leaf hash"));
            }
            bundle::push_entry(&mut bundle, entry);
        }
        Ok(bundle)
    }

    fn nodes(&self) -> Nodes<'_> {
        Nodes {
            proven: &self.proven,
            tail: &self.shared.volatile.tail,
            files: &self.shared.derived,
            wait: self.wait,
        }
    }

    /// The tree as committed. Every tree that the log has had is the front of it.
    fn tree(&self, committed: &Committed) -> TileNodes<Nodes<'_>> {
        TileNodes::new(self.nodes(), committed.extension.after().clone())
    }

    fn proven<T>(&self, read: Result<T, TileError<Unavailable>>) -> Result<T, ReadError> {
        read.map_err(|error| match error {
            TileError::Source(unavailable) => unavailable.into(),
            wrong => self.distrust(&wrong.to_string()),
        })
    }

    fn checked_tile(&self, tile: Tile, resource: &Resource) -> Result<Vec<Hash>, ReadError> {
        let committed = self.committed();
        let size = committed.checkpoint.size;
        if !tile.exists_at(size) || tile.width == 0 {
            return Err(ReadError::NotFound { what: resource.to_string(), size });
        }
        let mut hashes = self.proven(self.tree(&committed).hashes(tile.level, tile.index * TILE_HASHES))?;
        hashes.truncate(tile.width.into());
        Ok(hashes)
    }

    /// Hands out the records from `index` on that lie in one frame, up to the first that isn't what its leaf says. Gives
    /// their number.
    fn read_frame(
        &self,
        index: u64,
        positions: &[Position],
        leaves: &[Hash],
        visit: &mut dyn FnMut(EncodedRecord<'_>) -> ControlFlow<()>,
    ) -> Result<usize, ReadError> {
        let Some(first) = positions.first() else { return Ok(0) };
        let at = FrameAt { run: self.frames.locate(index)?, offset: first.frame };
        let Some((header, offset)) = self.read_header(at, index)? else { return Ok(0) };
        let of_frame = usize::try_from(header.new_size - index).unwrap_or(usize::MAX);
        let count = of_frame.min(leaves.len());
        let end = match positions.get(count) {
            Some(next) if count < of_frame => usize::try_from(next.record).unwrap_or(usize::MAX),
            _ => header.frame_bytes,
        };
        let start = usize::try_from(first.record).unwrap_or(usize::MAX);
        let Some(length) = end.checked_sub(start).filter(|_| end <= header.frame_bytes) else {
            return Ok(0);
        };
        let Some(entries) = self.frames.read(at, offset, count.saturating_mul(ENTRY_BYTES))? else {
            return Ok(0);
        };
        let Some(bytes) = self.frames.read(at, start, length)? else { return Ok(0) };
        let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
        let mut read = 0;
        for ((entry, leaf), position) in entries.iter().zip(leaves).zip(positions) {
            let place = usize::try_from(position.record).ok().and_then(|record| record.checked_sub(start));
            let bytes = place.and_then(|place| bytes.get(place..)).unwrap_or_default();
            let Some(record) = stored::decode(entry, bytes, leaf) else { break };
            read += 1;
            if visit(record).is_break() {
                break;
            }
        }
        Ok(read)
    }

    /// The header of the frame at `at`, and where in it the entry `index` starts; none when it holds another range.
    fn read_header(&self, at: FrameAt, index: u64) -> Result<Option<(frame::Header, usize)>, ReadError> {
        let Some(bytes) = self.frames.read(at, 0, HEADER_BYTES)? else { return Ok(None) };
        let Ok(header) = frame::decode_header(&bytes) else { return Ok(None) };
        if !(header.first_index..header.new_size).contains(&index) {
            return Ok(None);
        }
        let nth = usize::try_from(index - header.first_index).unwrap_or(usize::MAX);
        Ok(Some((header, HEADER_BYTES + nth * ENTRY_BYTES)))
    }

    /// The bytes of `count` entries, read frame by frame.
    fn read_entries(&self, first: u64, count: usize) -> Result<Vec<[u8; ENTRY_BYTES]>, ReadError> {
        let end = first.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let positions = self.nodes().positions(first, end - first)?;
        let mut entries = Vec::with_capacity(count);
        while let Some(position) = positions.get(entries.len()) {
            let index = first + u64::try_from(entries.len()).unwrap_or(u64::MAX);
            let at = FrameAt { run: self.frames.locate(index)?, offset: position.frame };
            let Some((header, offset)) = self.read_header(at, index)? else {
                return Err(self.diagnose(index, "a position"));
            };
            let of_frame = usize::try_from(header.new_size.min(end) - index).unwrap_or(usize::MAX);
            let Some(bytes) = self.frames.read(at, offset, of_frame.saturating_mul(ENTRY_BYTES))? else {
                return Err(self.diagnose(index, "a position"));
            };
            entries.extend_from_slice(bytes.as_chunks::<ENTRY_BYTES>().0);
        }
        Ok(entries)
    }

    /// Something read for entry `index` was wrong: finds out whether the journal is, or `derived` was.
    fn diagnose(&self, index: u64, derived: &str) -> ReadError {
        if self.wait == Wait::Never {
            return ReadError::WouldWait;
        }
        match self.shared.frames.locate(index).and_then(|run| self.judge(run)) {
            Ok(Diagnosis::Sound) => self.distrust(&format!("{derived} of entry {index} is wrong")),
            Ok(Diagnosis::Damaged { place, detail }) => StoreError::Damaged { place, detail }.into(),
            Err(error) => {
                if error.is_damage() {
                    self.shared.report_damage(&error.to_string());
                }
                error.into()
            }
        }
    }

    /// What is known of a run, or reading all of it tells: up to 64 MiB to hash, so once, and whoever asks meanwhile
    /// waits for that.
    fn judge(&self, run: u64) -> Result<Diagnosis, StoreError> {
        let mut diagnoses = lock(&self.shared.diagnoses);
        if let Some(diagnosis) = diagnoses.get(&run) {
            return Ok(diagnosis.clone());
        }
        let frames = self.shared.frames.as_ref();
        let size = self.committed().checkpoint.size;
        let check = |at: FrameAt, frame: &frame::Frame<'_>, _: &_| {
            frame.check_sections().map_err(|error| damaged(frames, at, &error.to_string()))
        };
        let diagnosis = match scan_run(frames, run, size, check) {
            Ok(()) => Diagnosis::Sound,
            Err(StoreError::Damaged { place, detail }) => {
                self.shared.report_damage(&format!("{place}: {detail}"));
                Diagnosis::Damaged { place, detail }
            }
            Err(error) => return Err(error),
        };
        diagnoses.insert(run, diagnosis.clone());
        Ok(diagnosis)
    }

    fn distrust(&self, what: &str) -> ReadError {
        self.shared.distrust_derived(what);
        ReadError::DerivedUnavailable { detail: format!("{what}: it is being made again from the journal") }
    }
}

/// The leaf hashes of the entries `first..end`.
fn leaves(tree: &TileNodes<Nodes<'_>>, first: u64, end: u64) -> Result<Vec<Hash>, TileError<Unavailable>> {
    (first..end).map(|index| tree.node(0, index)).collect()
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        if error.would_wait() { Self::WouldWait } else { Self::Journal(error) }
    }
}

impl From<Unavailable> for ReadError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Missing(detail) => Self::DerivedUnavailable { detail },
            Unavailable::WouldWait => Self::WouldWait,
        }
    }
}
