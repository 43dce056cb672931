//! The derived data of the newest runs, in memory.

use super::{Position, TILE_LEVELS, nodes_at};
use crate::codec::frame::Frame;
use crate::edge::Edge;
use crate::store::FrameAt;
use provlog_core::Hash;
use provlog_core::tree::{Extension, NodeSource};
use std::collections::VecDeque;

/// Chunks kept while the files lag: the newest run, and three that the follower hasn't written yet. Each is at most
/// some 40 bytes an entry; older ones are dropped and read from the journal when the files catch up.
const CHUNKS_MAX: usize = 4;

/// What one run adds: positions of its records, and the nodes of each tile level that its entries complete.
#[derive(Debug)]
pub(crate) struct Chunk {
    run: u64,
    first: u64,
    end: u64,
    positions: Vec<Position>,
    levels: Vec<Vec<Hash>>,
}

impl Chunk {
    /// Of a run that starts at entry `first`.
    pub(crate) fn new(run: u64, first: u64) -> Self {
        Self { run, first, end: first, positions: Vec::new(), levels: vec![Vec::new(); levels()] }
    }

    /// Adds the run's next frame.
    pub(crate) fn push(&mut self, at: FrameAt, frame: &Frame<'_>, extension: &Extension) {
        self.positions.extend(frame.records().iter().map(|record| Position::new(at, record.offset)));
        let (before, after) = (extension.size_before(), extension.after().size());
        for (level, nodes) in (0..TILE_LEVELS).zip(&mut self.levels) {
            let new = nodes_at(level, before)..nodes_at(level, after);
            // An extension holds every node that its own leaves complete, so none is skipped here.
            nodes.extend(new.filter_map(|index| extension.node(8 * level, index).ok()));
        }
        self.end = after;
    }

    /// Index of the run's first entry.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Index behind the last entry added.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// Positions of all records from [`Chunk::first`] on.
    pub(crate) fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// By tile level: the nodes from `first >> 8 * level` on.
    pub(crate) fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }
}

/// The newest runs' chunks, oldest first; there is always one.
#[derive(Debug)]
pub(crate) struct Tail {
    chunks: VecDeque<Chunk>,
}

impl Tail {
    /// Starts with an empty chunk for the newest run.
    pub(crate) fn new(run: u64, edge: &Edge) -> Self {
        Self { chunks: VecDeque::from([Chunk::new(run, edge.size())]) }
    }

    /// Adds the log's next frame.
    pub(crate) fn push(&mut self, at: FrameAt, frame: &Frame<'_>, extension: &Extension) {
        match self.chunks.back_mut() {
            Some(newest) if newest.run == at.run => newest.push(at, frame, extension),
            _ => {
                let mut chunk = Chunk::new(at.run, extension.size_before());
                chunk.push(at, frame, extension);
                self.chunks.push_back(chunk);
                if self.chunks.len() > CHUNKS_MAX {
                    self.chunks.pop_front();
                }
            }
        }
    }

    /// Index of the first entry that is here.
    pub(crate) fn first(&self) -> u64 {
        self.chunks.front().map_or(0, |chunk| chunk.first)
    }

    /// Drops the chunks that the files hold, up to `covered` entries; never the newest.
    pub(crate) fn drop_covered(&mut self, covered: u64) {
        while self.chunks.len() > 1 && self.chunks.front().is_some_and(|chunk| chunk.end <= covered) {
            self.chunks.pop_front();
        }
    }

    /// Position of a record, if it is here.
    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        let chunk = self.chunks.iter().rev().find(|chunk| chunk.first <= index)?;
        chunk.positions.get(usize::try_from(index - chunk.first).ok()?).copied()
    }

    /// A node of a tile level, if it is here.
    pub(crate) fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let chunk = self.chunks.iter().rev().find(|chunk| nodes_at(level, chunk.first) <= index)?;
        let offset = usize::try_from(index - nodes_at(level, chunk.first)).ok()?;
        chunk.levels.get(usize::try_from(level).ok()?)?.get(offset).copied()
    }
}

fn levels() -> usize {
    usize::try_from(TILE_LEVELS).unwrap_or(0)
}
