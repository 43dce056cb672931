//! Nodes of the tree and positions of records, from memory where they are recent and from files where they are not. All
//! of it is unchecked: who asks compares with what is signed.

use super::files::DerivedFiles;
use super::tail::Tail;
use super::{Position, Unavailable, fold, nodes_at};
use crate::sync::read;
use provlog_core::Hash;
use provlog_core::tree::NodeSource;
use std::sync::RwLock;

/// Both sources.
#[derive(Clone, Copy)]
pub(crate) struct Nodes<'a> {
    pub(crate) tail: &'a RwLock<Tail>,
    pub(crate) files: &'a DerivedFiles,
}

impl Nodes<'_> {
    /// Nodes `first..first + count` of a tile level.
    pub(crate) fn tile_nodes(&self, level: u32, first: u64, count: u64) -> Result<Vec<Hash>, Unavailable> {
        let recent_from = |tail: &Tail| nodes_at(level, tail.first());
        let recent = |tail: &Tail, index| tail.node(level, index);
        self.join(first, count, recent_from, recent, |first, count| self.files.nodes(level, first, count))
    }

    /// Positions of the records `first..first + count`.
    pub(crate) fn positions(&self, first: u64, count: u64) -> Result<Vec<Position>, Unavailable> {
        let files = |first, count| self.files.positions(first, count);
        self.join(first, count, Tail::first, Tail::position, files)
    }

    /// The memory is looked at first: what it drops in the meantime is in the files by then.
    fn join<T>(
        &self,
        first: u64,
        count: u64,
        recent_from: impl FnOnce(&Tail) -> u64,
        recent: impl Fn(&Tail, u64) -> Option<T>,
        files: impl FnOnce(u64, u64) -> Result<Vec<T>, Unavailable>,
    ) -> Result<Vec<T>, Unavailable> {
        let end = first.saturating_add(count);
        let tail = read(self.tail);
        let split = recent_from(&tail).clamp(first, end);
        let newest: Option<Vec<T>> = (split..end).map(|index| recent(&tail, index)).collect();
        drop(tail);
        let mut items = if split > first { files(first, split - first)? } else { Vec::new() };
        items.extend(newest.ok_or_else(missing)?);
        Ok(items)
    }
}

impl NodeSource for Nodes<'_> {
    type Error = Unavailable;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Unavailable> {
        let (tile_level, within) = (level / 8, level % 8);
        let nodes = self.tile_nodes(tile_level, index << within, 1 << within)?;
        fold(nodes).ok_or_else(missing)
    }
}

/// Only asked for what a committed tree has, which is in one of the two.
fn missing() -> Unavailable {
    Unavailable("the log's newest derived data is incomplete: this is a bug, please report it".into())
}
