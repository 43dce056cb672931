//! A store in memory whose writes go wrong on demand: for tests of whatever stands on a store.

use super::{Advance, FrameAt, Frames, Next, Place, Space, Storage, Store, StoreError};
use crate::codec::frame::FrameError;
use crate::committed::Head;
use crate::edge::Edge;
use crate::log_id::LogId;
use crate::sync::lock;
use std::io;
use std::sync::{Arc, Mutex};

/// Frames that a segment takes.
const FRAMES_MAX: usize = 3;

/// How a write goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemoryFault {
    /// Nothing was written.
    Failed,
    /// All of it was, and the writer isn't told.
    FailedButPersisted,
    /// A part of it was.
    Torn,
}

/// What survives the writer.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    head: Option<Head>,
    segments: Vec<Segment>,
    /// Goes wrong at the nth write from now on.
    fault: Option<(usize, MemoryFault)>,
}

struct Segment {
    edge: Edge,
    frames: Vec<Vec<u8>>,
}

/// The writer, and the readers' side.
pub(crate) struct MemoryStore {
    memory: Memory,
    head: Head,
}

impl Memory {
    /// The `nth` write from now on goes wrong.
    pub(crate) fn plan(&self, nth: usize, fault: MemoryFault) {
        lock(&self.0).fault = Some((nth, fault));
    }

    /// Forgets the plan; tells whether it had not happened yet.
    pub(crate) fn forget_plan(&self) -> bool {
        lock(&self.0).fault.take().is_some()
    }

    /// A writer, as after a restart.
    fn writer(&self) -> MemoryStore {
        let head = lock(&self.0).head.unwrap_or(Edge::empty().head());
        MemoryStore { memory: self.clone(), head }
    }

    /// The fault of this write, if it is planned for it.
    fn fault(&self) -> Option<MemoryFault> {
        let mut contents = lock(&self.0);
        let (nth, fault) = contents.fault?;
        contents.fault = nth.checked_sub(1).map(|nth| (nth, fault));
        (nth == 0).then_some(fault)
    }
}

impl Storage for Memory {
    fn create(&self, _log: LogId, frame: &[u8], head: &Head) -> Result<(), StoreError> {
        let mut contents = lock(&self.0);
        contents.head = Some(*head);
        contents.segments = vec![Segment { edge: Edge::empty(), frames: vec![frame.to_vec()] }];
        Ok(())
    }

    fn open(&self, _log: LogId) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.writer()))
    }
}

impl Store for MemoryStore {
    fn head(&self) -> Head {
        self.head
    }

    fn advance(&mut self, from: &Head, to: &Head) -> Advance {
        if self.head != *from {
            return Advance::NotCommitted(self.head);
        }
        let fault = self.memory.fault();
        // The head is atomic by contract: torn means either.
        if !matches!(fault, Some(MemoryFault::Failed | MemoryFault::Torn)) {
            lock(&self.memory.0).head = Some(*to);
        }
        if fault.is_some() {
            return Advance::Unknown(failed());
        }
        self.head = *to;
        Advance::Committed
    }

    fn reserve(&mut self, _bytes: usize, edge: &Edge) -> Result<(), StoreError> {
        let mut contents = lock(&self.memory.0);
        if contents.segments.last().is_none_or(|segment| segment.frames.len() >= FRAMES_MAX) {
            contents.segments.push(Segment { edge: edge.clone(), frames: Vec::new() });
        }
        Ok(())
    }

    fn append(&mut self, frame: &[u8]) -> Result<FrameAt, StoreError> {
        let fault = self.memory.fault();
        let mut contents = lock(&self.memory.0);
        let segment = contents.segments.len() - 1;
        let frames = &mut contents.segments[segment].frames;
        let written = match fault {
            Some(MemoryFault::Failed) => 0,
            Some(MemoryFault::Torn) => frame.len() / 2,
            _ => frame.len(),
        };
        if written > 0 {
            frames.push(frame[..written].to_vec());
        }
        if fault.is_some() {
            return Err(failed());
        }
        Ok(at(segment, frames.len() - 1))
    }

    fn settle_tail(&mut self, end: FrameAt, adopted: Option<(FrameAt, &[u8])>) -> Result<(), StoreError> {
        let step = |change: &mut dyn FnMut(&mut Vec<Segment>)| {
            let fault = self.memory.fault();
            if fault != Some(MemoryFault::Failed) {
                change(&mut lock(&self.memory.0).segments);
            }
            fault.map_or(Ok(()), |_| Err(failed()))
        };
        if let Some((at, frame)) = adopted {
            let (segment, number) = place(at);
            step(&mut |segments| segments[segment].frames[number] = frame.to_vec())?;
        }
        let (segment, number) = place(end);
        step(&mut |segments| segments[segment].frames.truncate(number))?;
        // The head's.
        step(&mut |_| {})
    }

    fn space(&self) -> Option<Space> {
        None
    }

    fn frames(&self) -> Arc<dyn Frames> {
        Arc::new(self.memory.clone())
    }
}

impl Frames for Memory {
    fn newest(&self) -> u64 {
        u64::try_from(lock(&self.0).segments.len() - 1).unwrap()
    }

    fn edge(&self, segment: u64) -> Result<Edge, StoreError> {
        Ok(lock(&self.0).segments[usize::try_from(segment).unwrap()].edge.clone())
    }

    fn start(&self, segment: u64) -> FrameAt {
        FrameAt { run: segment, offset: 0 }
    }

    fn behind(&self, at: FrameAt, _bytes: usize) -> FrameAt {
        FrameAt { offset: at.offset + 1, ..at }
    }

    fn next(&self, at: FrameAt) -> Result<Next, StoreError> {
        let (segment, number) = place(at);
        let frame = lock(&self.0).segments[segment].frames.get(number).cloned();
        Ok(frame.map_or(Next::End(FrameError::Nothing), Next::Frame))
    }

    fn read(&self, at: FrameAt, offset: usize, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let (segment, number) = place(at);
        let contents = lock(&self.0);
        let frame = contents.segments[segment].frames.get(number);
        Ok(frame.and_then(|frame| frame.get(offset..offset + length)).map(<[u8]>::to_vec))
    }

    fn unwaiting(self: Arc<Self>) -> Arc<dyn Frames> {
        self
    }

    fn place(&self, at: FrameAt) -> Place {
        Place { name: format!("segment {}", at.run), byte: u64::from(at.offset) }
    }
}

fn at(segment: usize, frame: usize) -> FrameAt {
    FrameAt { run: u64::try_from(segment).unwrap(), offset: u32::try_from(frame).unwrap() }
}

fn place(at: FrameAt) -> (usize, usize) {
    (usize::try_from(at.run).unwrap(), usize::try_from(at.offset).unwrap())
}

fn failed() -> StoreError {
    let source = io::Error::other("failed, on purpose");
    StoreError::Unavailable { action: "write", name: "memory".into(), source }
}
