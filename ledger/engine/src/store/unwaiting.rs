//! The segments for who can't wait for a disk: what is open, known and in memory.

use super::files::Segments;
use super::{FrameAt, Frames, Next, Place, StoreError};
use crate::durable::DiskError;
use crate::edge::Edge;
use std::io;
use std::sync::Arc;

/// Segments, of which nothing is opened here, and nothing read that isn't cached.
pub(super) struct Unwaiting(pub(super) Arc<Segments>);

impl Unwaiting {
    fn would_wait(&self, segment: u64) -> StoreError {
        StoreError::Unavailable {
            action: "read without waiting",
            name: self.0.name(segment),
            source: io::ErrorKind::WouldBlock.into(),
        }
    }
}

impl Frames for Unwaiting {
    fn newest(&self) -> u64 {
        self.0.newest()
    }

    fn edge(&self, segment: u64) -> Result<Edge, StoreError> {
        Err(self.would_wait(segment))
    }

    fn start(&self, segment: u64) -> FrameAt {
        self.0.start(segment)
    }

    fn behind(&self, at: FrameAt, bytes: usize) -> FrameAt {
        self.0.behind(at, bytes)
    }

    fn next(&self, at: FrameAt) -> Result<Next, StoreError> {
        Err(self.would_wait(at.run))
    }

    fn read(&self, at: FrameAt, offset: usize, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.0.opened(at.run).ok_or_else(|| self.would_wait(at.run))?;
        let start = u64::from(at.offset).saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
        let mut bytes = vec![0; length];
        let read: Result<(), DiskError> = file.read_cached(&mut bytes, start);
        Ok(read.map(|()| Some(bytes))?)
    }

    fn place(&self, at: FrameAt) -> Place {
        self.0.place(at)
    }

    fn unwaiting(self: Arc<Self>) -> Arc<dyn Frames> {
        self
    }

    fn first_index(&self, segment: u64) -> Result<u64, StoreError> {
        self.0.known_first_index(segment).ok_or_else(|| self.would_wait(segment))
    }
}
