//! The journal's segments as readers have them: found, opened, and read, with or without waiting for the disk.

use super::segment::{self, HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::{FrameAt, Frames, Next, Place, StoreError};
use crate::codec::frame::{self, Format, FrameError, HEADER_BYTES};
use crate::durable::{Access, Disk, DiskError, DiskFile};
use crate::edge::Edge;
use crate::log_id::LogId;
use crate::sync::{lock, read, write};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// Segment files held open for reading; a process has 1,024 descriptors by default, most of them for connections.
const OPEN_FILES_MAX: usize = 64;

/// Where a segment's first frame starts: behind the header.
pub(super) const START: u32 = 4096;

/// The readers' side.
pub(super) struct Segments {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) log: LogId,
    /// What is remembered of each segment's header, by sequence, once it was read.
    known: RwLock<Vec<Arc<OnceLock<Known>>>>,
    /// Files opened to read, the last used one first.
    open: Mutex<VecDeque<(u64, Arc<dyn DiskFile>)>>,
}

#[derive(Clone, Copy)]
struct Known {
    first_index: u64,
    format: Format,
}

impl Segments {
    /// Those of a folder, up to the newest.
    pub(super) fn new(disk: Arc<dyn Disk>, folder: &Path, log: LogId, newest: u64) -> Self {
        let (known, open) = (RwLock::default(), Mutex::default());
        let segments = Self { disk, folder: folder.into(), log, known, open };
        segments.set_newest(newest);
        segments
    }

    pub(super) fn set_newest(&self, newest: u64) {
        let count = usize::try_from(newest).unwrap_or(usize::MAX).saturating_add(1);
        write(&self.known).resize_with(count, Arc::default);
        lock(&self.open).retain(|(segment, _)| *segment <= newest);
    }

    pub(super) fn file(&self, segment: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
        if let Some(file) = self.opened(segment) {
            return Ok(file);
        }
        // Whoever doesn't wait for a disk doesn't wait for one that opens a file either.
        let file: Arc<dyn DiskFile> =
            Arc::from(self.disk.open(&segment_path(&self.folder, segment), Access::Read)?);
        let mut open = lock(&self.open);
        open.retain(|(other, _)| *other != segment);
        open.push_front((segment, Arc::clone(&file)));
        open.truncate(OPEN_FILES_MAX);
        Ok(file)
    }

    /// The file of a segment that is open already.
    fn opened(&self, segment: u64) -> Option<Arc<dyn DiskFile>> {
        let mut open = lock(&self.open);
        let position = open.iter().position(|(other, _)| *other == segment)?;
        let (_, file) = open.remove(position)?;
        open.push_front((segment, Arc::clone(&file)));
        Some(file)
    }

    /// What is remembered of a segment's header.
    fn known(&self, segment: u64) -> Option<Arc<OnceLock<Known>>> {
        read(&self.known).get(usize::try_from(segment).ok()?).cloned()
    }

    /// The same, read now if it wasn't before.
    fn know(&self, segment: u64) -> Result<Known, StoreError> {
        let known = self.known(segment).ok_or_else(|| missing_segment(self.name(segment)))?;
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let SegmentHeader { edge, format } = self.header(segment)?;
        Ok(*known.get_or_init(|| Known { first_index: edge.size(), format }))
    }

    pub(super) fn open_for_writing(&self, segment: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
        Ok(Arc::from(self.disk.open(&segment_path(&self.folder, segment), Access::Write)?))
    }

    fn name(&self, segment: u64) -> String {
        segment_path(&self.folder, segment).display().to_string()
    }

    pub(super) fn read_header(&self, segment: u64) -> Result<Result<SegmentHeader, HeaderFault>, StoreError> {
        let file = self.file(segment)?;
        let length = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(SEGMENT_HEADER_BYTES);
        let mut header = vec![0; length];
        file.read_at(&mut header, 0)?;
        Ok(segment::decode(&header, self.log, segment, &self.name(segment)))
    }

    pub(super) fn header(&self, segment: u64) -> Result<SegmentHeader, StoreError> {
        match self.read_header(segment)? {
            Ok(header) => Ok(header),
            Err(HeaderFault::Refused(error)) => Err(error),
            Err(HeaderFault::Invalid(what)) => {
                let detail = format!("{what}: the file is damaged. Put it back from a copy");
                Err(StoreError::Damaged { place: Place { name: self.name(segment), byte: 0 }, detail })
            }
        }
    }
}

impl Frames for Segments {
    fn newest(&self) -> u64 {
        u64::try_from(read(&self.known).len().saturating_sub(1)).unwrap_or(u64::MAX)
    }

    fn edge(&self, segment: u64) -> Result<Edge, StoreError> {
        self.header(segment).map(|header| header.edge)
    }

    fn start(&self, segment: u64) -> FrameAt {
        FrameAt { run: segment, offset: START }
    }

    fn behind(&self, at: FrameAt, bytes: usize) -> FrameAt {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        FrameAt { offset: at.offset.saturating_add(bytes), ..at }
    }

    fn next(&self, at: FrameAt) -> Result<Next, StoreError> {
        let file = self.file(at.run)?;
        let left = file.len()?.saturating_sub(u64::from(at.offset));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if left < HEADER_BYTES {
            // A rest too short for a frame is the end of a full segment, if it is empty.
            let mut rest = vec![0; left];
            file.read_at(&mut rest, u64::from(at.offset))?;
            let empty = rest.iter().all(|byte| *byte == 0);
            let short = FrameError::Short { expected: HEADER_BYTES, got: left };
            return Ok(Next::End(if empty { FrameError::Nothing } else { short }));
        }
        let mut bytes = vec![0; HEADER_BYTES];
        file.read_at(&mut bytes, u64::from(at.offset))?;
        let (got, frame_bytes) = match frame::decode_header(&bytes) {
            Ok(header) => (header.format, header.frame_bytes),
            Err(error) => return Ok(Next::End(error)),
        };
        let expected = self.know(at.run)?.format;
        if got != expected {
            return Ok(Next::End(FrameError::OtherFormat { expected, got }));
        }
        if frame_bytes > left {
            return Ok(Next::End(FrameError::Short { expected: frame_bytes, got: left }));
        }
        bytes.resize(frame_bytes, 0);
        file.read_at(&mut bytes, u64::from(at.offset))?;
        Ok(Next::Frame(bytes))
    }

    fn read(&self, at: FrameAt, offset: usize, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.file(at.run)?;
        read_bytes(at, offset, length, |bytes, start| file.read_at(bytes, start))
    }

    fn place(&self, at: FrameAt) -> Place {
        Place { name: self.name(at.run), byte: u64::from(at.offset) }
    }

    fn unwaiting(self: Arc<Self>) -> Arc<dyn Frames> {
        Arc::new(Unwaiting(self))
    }

    fn first_index(&self, segment: u64) -> Result<u64, StoreError> {
        self.know(segment).map(|known| known.first_index)
    }
}

/// Bytes `offset..offset + length` of the frame at `at`; none where the file ends before them.
fn read_bytes(
    at: FrameAt,
    offset: usize,
    length: usize,
    read: impl FnOnce(&mut [u8], u64) -> Result<(), DiskError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let start = u64::from(at.offset).saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
    let mut bytes = vec![0; length];
    match read(&mut bytes, start) {
        Err(error) if error.is_end_of_file() => Ok(None),
        result => Ok(result.map(|()| Some(bytes))?),
    }
}

/// Segments, of which nothing is opened here, and nothing read that isn't cached.
struct Unwaiting(Arc<Segments>);

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
        read_bytes(at, offset, length, |bytes, start| file.read_cached(bytes, start))
    }

    fn place(&self, at: FrameAt) -> Place {
        self.0.place(at)
    }

    fn unwaiting(self: Arc<Self>) -> Arc<dyn Frames> {
        self
    }

    fn first_index(&self, segment: u64) -> Result<u64, StoreError> {
        let known = self.0.known(segment).and_then(|known| known.get().copied());
        known.map(|known| known.first_index).ok_or_else(|| self.would_wait(segment))
    }
}

pub(super) fn missing_segment(name: String) -> StoreError {
    let detail =
        ", though later segments are there: put it back from a copy; the log cannot be opened without it";
    StoreError::Missing { name, detail }
}

pub(super) fn segment_path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:020}.seg"))
}
