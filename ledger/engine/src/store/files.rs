//! Local files: the journal's segments and the high-water file.
//!
//! A segment is reserved in full before its header is written, and its name is durable before it takes a frame, so an
//! append is one write and one fdatasync. Frames are never changed once acknowledged.

use super::high_water::HighWater;
use super::names::{Named, Names};
use super::segment::{self, HeaderFault, SEGMENT_HEADER_BYTES};
use super::segments::{START, Segments, missing_segment, segment_path};
use super::{Advance, FrameAt, Frames, Space, Storage, Store, StoreError};
use crate::codec::frame::{FRAME_BYTES_MAX, Format};
use crate::committed::Head;
use crate::durable::{Access, Disk, DiskError, DiskFile, create_file, make_folder};
use crate::edge::Edge;
use crate::log_id::LogId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a segment file: 64 MiB, so that opening, which reads one, takes a fraction of a second.
pub(crate) const SEGMENT_BYTES: u32 = 64 * 1024 * 1024;

/// Segments that there should be space for; with less, somebody should make room.
const SEGMENTS_FREE: u64 = 2;

/// Bytes looked at, and zeroed, together when what lies behind the end is searched for garbage.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A new segment has room for any frame.
const _: () = assert!(FRAME_BYTES_MAX + SEGMENT_HEADER_BYTES <= 64 * 1024 * 1024);

/// Where a log's files are.
#[derive(Clone, Debug)]
pub(crate) struct LocalFiles {
    pub(crate) disk: Arc<dyn Disk>,
    /// The data folder.
    pub(crate) folder: PathBuf,
    pub(crate) journal: PathBuf,
    pub(crate) high_water: PathBuf,
    pub(crate) segment_bytes: u32,
}

/// The writer.
pub(crate) struct FileStore {
    segments: Arc<Segments>,
    high_water: HighWater,
    current: Current,
    names: Names,
    segment_bytes: u32,
}

struct Current {
    sequence: u64,
    file: Arc<dyn DiskFile>,
    /// Of its frames. A segment of another format than the newest takes no frame more.
    format: Format,
    /// Bytes that the file has room for.
    capacity: u32,
    /// Where the next frame goes.
    end: u32,
    /// Whether that room is reserved, and nothing but zeros lies in it behind the end. Not yet in a segment that was just
    /// opened: a copy of it that was put back may have holes, and a torn frame may lie there.
    cleared: bool,
}

impl Storage for LocalFiles {
    /// The journal's folder is made; the high-water file must not exist.
    fn create(&self, log: LogId, frame: &[u8], head: &Head) -> Result<(), StoreError> {
        let disk = self.disk.as_ref();
        make_folder(disk, &self.journal)?;
        let segment = create_segment(disk, &self.journal, log, 0, &Edge::empty(), self.segment_bytes)?;
        segment.write_at(frame, u64::from(START))?;
        segment.sync_data()?;
        let mark = HighWater::first_bytes(log, head);
        Ok(create_file(disk, &self.high_water, Access::CreatePrivate, &mark)?)
    }

    fn open(&self, log: LogId) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(FileStore::open(self, log)?))
    }
}

impl FileStore {
    fn open(files: &LocalFiles, log: LogId) -> Result<Self, StoreError> {
        let high_water = HighWater::open(files.disk.as_ref(), &files.high_water, log)?;
        let sequences = list_sequences(files.disk.as_ref(), &files.journal)?;
        let missing =
            |sequence| missing_segment(segment_path(&files.journal, sequence).display().to_string());
        if let Some(gap) =
            (0..).zip(&sequences).find_map(|(expected, found)| (expected != *found).then_some(expected))
        {
            return Err(missing(gap));
        }
        let mut newest = sequences.last().copied().ok_or_else(|| missing(0))?;
        let segments = Arc::new(Segments::new(Arc::clone(&files.disk), &files.journal, log, newest));
        // A newest segment whose header never was written in full has no frames: it is made anew when it is needed. With
        // anything behind it, the header was whole and synced once: that is damage, and said below.
        if newest > 0
            && let Err(HeaderFault::Invalid(_)) = segments.read_header(newest)?
            && first_non_zero(segments.file(newest)?.as_ref(), u64::from(START))?.is_none()
        {
            newest -= 1;
            segments.set_newest(newest);
        }
        let format = segments.header(newest)?.format;
        let file = segments.open_for_writing(newest)?;
        let names = Names {
            folder: Named::of_folder(files.disk.as_ref(), &files.folder)?,
            mark: Named::new(&files.high_water, high_water.id()?),
            segment: Named::new(&segment_path(&files.journal, newest), file.id()?),
        };
        let current = Current { sequence: newest, file, format, capacity: START, end: START, cleared: false };
        Ok(Self { segments, high_water, current, names, segment_bytes: files.segment_bytes })
    }

    /// Opens the next segment. Room is reserved first: failing for lack of it leaves everything as it was.
    fn roll(&mut self, edge: &Edge) -> Result<(), StoreError> {
        let sequence = self.current.sequence + 1;
        let Segments { disk, folder, log, .. } = self.segments.as_ref();
        self.names.check(disk.as_ref())?;
        let file = create_segment(disk.as_ref(), folder, *log, sequence, edge, self.segment_bytes)?;
        self.names.segment = Named::new(&segment_path(folder, sequence), file.id()?);
        self.segments.set_newest(sequence);
        let (file, format, capacity) = (Arc::from(file), Format::NEWEST, self.segment_bytes);
        self.current = Current { sequence, file, format, capacity, end: START, cleared: true };
        Ok(())
    }

    /// Writes the current segment's header again: when no acknowledged frame follows it, it may never have reached the
    /// disk although it reads back.
    fn renew_header(&self) -> Result<(), DiskError> {
        let mut header = vec![0; SEGMENT_HEADER_BYTES];
        self.current.file.read_at(&mut header, 0)?;
        self.current.file.write_at(&header, 0)?;
        self.current.file.sync_all()?;
        self.segments.disk.sync_dir(&self.segments.folder)
    }

    /// Reserves the current segment's room and zeroes what lies behind its end. Room comes first: without it, nothing is
    /// written, and it may be tried again.
    fn clear(&mut self) -> Result<(), StoreError> {
        let Current { file, end, .. } = &self.current;
        let capacity = file.len()?.max(u64::from(self.segment_bytes));
        file.allocate(capacity).map_err(no_space)?;
        let mut offset = u64::from(*end);
        while let Some(garbage) = first_non_zero(file.as_ref(), offset)? {
            let length = usize::try_from(capacity - garbage).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            file.write_at(&vec![0; length], garbage)?;
            offset = garbage + u64::try_from(length).unwrap_or(u64::MAX);
        }
        file.sync_data()?;
        self.current.capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
        self.current.cleared = true;
        Ok(())
    }
}

impl Store for FileStore {
    fn head(&self) -> Head {
        self.high_water.head()
    }

    fn advance(&mut self, from: &Head, to: &Head) -> Advance {
        match self.names.check(self.segments.disk.as_ref()) {
            Ok(()) => self.high_water.advance(from, to),
            Err(error) => Advance::Unknown(error),
        }
    }

    fn reserve(&mut self, bytes: usize, edge: &Edge) -> Result<(), StoreError> {
        if !self.current.cleared {
            self.clear()?;
        }
        let room = match self.current.format {
            Format::NEWEST => self.current.capacity.saturating_sub(self.current.end),
            Format::One => 0,
        };
        let room = usize::try_from(room).unwrap_or(0);
        if bytes <= room { Ok(()) } else { self.roll(edge) }
    }

    fn append(&mut self, frame: &[u8]) -> Result<FrameAt, StoreError> {
        let at = FrameAt { run: self.current.sequence, offset: self.current.end };
        self.current.file.write_at(frame, u64::from(at.offset))?;
        self.current.file.sync_data()?;
        self.current.end = self.segments.behind(at, frame.len()).offset;
        Ok(at)
    }

    fn settle_tail(&mut self, end: FrameAt, adopted: Option<(FrameAt, &[u8])>) -> Result<(), StoreError> {
        // What reads back may lie in the page cache alone, if a sync of it failed: all of it is written anew.
        if adopted.map_or(end, |(at, _)| at).offset == START {
            self.renew_header()?;
        }
        if let Some((at, frame)) = adopted {
            self.current.file.write_at(frame, u64::from(at.offset))?;
            self.current.file.sync_data()?;
        }
        (self.current.end, self.current.cleared) = (end.offset, false);
        match self.clear() {
            // Nothing is appended before there is space; reads go on.
            Err(StoreError::NoSpace { .. }) => {}
            result => result?,
        }
        Ok(self.high_water.renew()?)
    }

    fn space(&self) -> Option<Space> {
        let Segments { disk, folder, .. } = self.segments.as_ref();
        let free_bytes = disk.free_bytes(folder).ok()?;
        let low_bytes = SEGMENTS_FREE * u64::from(self.segment_bytes);
        Some(Space { name: folder.display().to_string(), free_bytes, low_bytes })
    }

    fn frames(&self) -> Arc<dyn Frames> {
        Arc::<Segments>::clone(&self.segments)
    }
}

/// Reserves, writes and syncs a new segment, and makes its name durable.
fn create_segment(
    disk: &dyn Disk,
    folder: &Path,
    log: LogId,
    sequence: u64,
    edge: &Edge,
    segment_bytes: u32,
) -> Result<Box<dyn DiskFile>, StoreError> {
    let path = segment_path(folder, sequence);
    // What an earlier try left behind has no frames: a segment takes some only after all of this succeeded.
    if disk.exists(&path)? {
        disk.remove(&path)?;
    }
    let file = disk.open(&path, Access::CreatePrivate).map_err(no_space)?;
    if let Err(error) = file.allocate(u64::from(segment_bytes)) {
        disk.remove(&path)?;
        return Err(no_space(error));
    }
    file.write_at(&segment::encode(log, sequence, edge), 0)?;
    file.sync_all()?;
    disk.sync_dir(folder)?;
    Ok(file)
}

/// For what may be tried again when there is room.
fn no_space(error: DiskError) -> StoreError {
    if !error.is_no_space() {
        return error.into();
    }
    let DiskError { action, path, source } = error;
    StoreError::NoSpace { action, name: path.display().to_string(), source }
}

/// Where the first byte that isn't zero lies, at `offset` or behind it.
fn first_non_zero(file: &dyn DiskFile, mut offset: u64) -> Result<Option<u64>, DiskError> {
    let end = file.len()?;
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let mut chunk = vec![0; length];
        file.read_at(&mut chunk, offset)?;
        let within = |position| offset.saturating_add(u64::try_from(position).unwrap_or(u64::MAX));
        if let Some(position) = chunk.iter().position(|byte| *byte != 0) {
            return Ok(Some(within(position)));
        }
        offset = within(length);
    }
    Ok(None)
}

fn list_sequences(disk: &dyn Disk, folder: &Path) -> Result<Vec<u64>, DiskError> {
    let sequence = |name: &String| {
        let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let mut sequences: Vec<u64> = disk.list(folder)?.iter().filter_map(sequence).collect();
    sequences.sort_unstable();
    Ok(sequences)
}
