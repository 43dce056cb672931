//! The derived files: `tiles/<L>`, all nodes of tile level L one behind the other, so that tile N is the 8 KiB at
//! N * 8192, `positions`, 8 bytes an entry, and `tiles/mark`, which says up to where they are synced.
//!
//! The last tile of a level may be incomplete in its file; what readers get of it is cut to what they may see.

use super::tail::Chunk;
use super::{Position, TILE_LEVELS, Unavailable, Wait, nodes_at};
use crate::codec::fields::Fields;
use crate::committed::Head;
use crate::durable::{
    Access, Disk, DiskError, DiskFile, parent, read_file, remove_file, replace_file, would_wait,
};
use crate::log_id::LogId;
use crate::sync::{lock, read, write};
use provlog_core::Hash;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

const MARK_BYTES: usize = 76;
const MARK_MAGIC: [u8; 16] = *b"provlog derived\n";
const HASH_BYTES: u64 = 32;
const POSITION_BYTES: u64 = 8;

/// Entries whose nodes or positions are put into one write.
const WRITE_ENTRIES: usize = 32 * 1024;

/// Where the derived files are.
#[derive(Clone, Debug)]
pub(crate) struct DerivedPlaces {
    pub(crate) tiles: PathBuf,
    pub(crate) positions: PathBuf,
}

/// The files, for the follower, who writes them, and for readers.
#[derive(Debug)]
pub(crate) struct DerivedFiles {
    disk: Arc<dyn Disk>,
    places: DerivedPlaces,
    log: LogId,
    open: RwLock<Option<Arc<OpenFiles>>>,
    /// Entries whose derived data the files hold, all synced.
    covered: AtomicU64,
    /// Why the files cover less than they should, while they do.
    problem: Mutex<Option<String>>,
}

#[derive(Debug)]
struct OpenFiles {
    levels: Vec<Box<dyn DiskFile>>,
    positions: Box<dyn DiskFile>,
}

impl DerivedFiles {
    /// Nothing is opened yet, and nothing covered.
    pub(crate) fn new(disk: Arc<dyn Disk>, places: DerivedPlaces, log: LogId) -> Self {
        let problem = Mutex::new(Some("the derived files are being opened".into()));
        Self { disk, places, log, open: RwLock::new(None), covered: AtomicU64::new(0), problem }
    }

    /// Entries covered.
    pub(crate) fn covered(&self) -> u64 {
        self.covered.load(Ordering::Acquire)
    }

    /// Why the files cover less than they should, if they do.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// Says why, or that it is over.
    pub(crate) fn set_problem(&self, problem: Option<String>) {
        *lock(&self.problem) = problem;
    }

    /// Opens or makes the files, and cuts them to the mark if `believes` it; otherwise they start over.
    pub(crate) fn open(&self, believes: impl FnOnce(&Head) -> bool) -> Result<(), DiskError> {
        self.covered.store(0, Ordering::Release);
        *write(&self.open) = None;
        self.disk.create_dir(&self.places.tiles)?;
        let mark = self.read_mark().filter(|mark| believes(mark));
        let size = mark.map_or(0, |mark| mark.size);
        if size == 0 {
            // A mark that isn't believed must not outlive the data that it was about.
            remove_file(self.disk.as_ref(), &self.places.tiles.join("mark"))?;
        }
        let levels: Result<Vec<_>, _> = (0..TILE_LEVELS)
            .map(|level| self.open_or_create(self.places.tiles.join(level.to_string())))
            .collect();
        let files =
            OpenFiles { levels: levels?, positions: self.open_or_create(self.places.positions.clone())? };
        let whole =
            files.lengths(size).try_fold(true, |whole, (file, bytes)| Ok(whole && file.len()? >= bytes))?;
        let covered = if whole { size } else { 0 };
        for (file, bytes) in files.lengths(covered) {
            file.set_len(bytes)?;
        }
        self.disk.sync_dir(&self.places.tiles)?;
        self.disk.sync_dir(parent(&self.places.positions))?;
        *write(&self.open) = Some(Arc::new(files));
        self.covered.store(covered, Ordering::Release);
        Ok(())
    }

    /// Adds what a whole run makes, syncs it, and then moves the mark to `head`, where the run ends.
    pub(crate) fn add(&self, chunk: &Chunk, head: &Head) -> Result<(), DiskError> {
        let Some(files) = read(&self.open).clone() else { return Ok(()) };
        for ((file, level), nodes) in files.levels.iter().zip(0..).zip(chunk.levels()) {
            let mut offset = nodes_at(level, chunk.first()) * HASH_BYTES;
            for part in nodes.chunks(WRITE_ENTRIES) {
                let bytes = Hash::concat(part);
                file.write_at(&bytes, offset)?;
                offset += nodes_len(part.len()) * HASH_BYTES;
            }
            file.sync_data()?;
        }
        let mut offset = chunk.first() * POSITION_BYTES;
        for part in chunk.positions().chunks(WRITE_ENTRIES) {
            let bytes: Vec<u8> = part.iter().flat_map(|position| position.to_bytes()).collect();
            files.positions.write_at(&bytes, offset)?;
            offset += nodes_len(part.len()) * POSITION_BYTES;
        }
        files.positions.sync_data()?;
        let mark = self.places.tiles.join("mark");
        replace_file(self.disk.as_ref(), &mark, Access::CreatePrivate, &self.mark_bytes(head))?;
        self.covered.store(head.size, Ordering::Release);
        Ok(())
    }

    /// Nodes `first..first + count` of a tile level, unchecked.
    pub(crate) fn nodes(
        &self,
        level: u32,
        first: u64,
        count: u64,
        wait: Wait,
    ) -> Result<Vec<Hash>, Unavailable> {
        let file =
            |files: &OpenFiles| usize::try_from(level).ok().filter(|level| *level < files.levels.len());
        let bytes =
            self.read(first, count, nodes_at(level, self.covered()), HASH_BYTES, |files, buffer, offset| {
                file(files).map(|level| wait.read(files.levels[level].as_ref(), buffer, offset))
            })?;
        Ok(bytes.as_chunks::<32>().0.iter().copied().map(Hash).collect())
    }

    /// Positions of the records `first..first + count`, unchecked.
    pub(crate) fn positions(&self, first: u64, count: u64, wait: Wait) -> Result<Vec<Position>, Unavailable> {
        let bytes = self.read(first, count, self.covered(), POSITION_BYTES, |files, buffer, offset| {
            Some(wait.read(files.positions.as_ref(), buffer, offset))
        })?;
        Ok(bytes.as_chunks::<8>().0.iter().copied().map(Position::from_bytes).collect())
    }

    fn read(
        &self,
        first: u64,
        count: u64,
        covered: u64,
        item_bytes: u64,
        read_at: impl FnOnce(&OpenFiles, &mut [u8], u64) -> Option<Result<(), DiskError>>,
    ) -> Result<Vec<u8>, Unavailable> {
        let files = read(&self.open).clone().filter(|_| first.saturating_add(count) <= covered);
        let length = usize::try_from(count.saturating_mul(item_bytes)).ok();
        if let (Some(files), Some(length)) = (files, length) {
            let mut buffer = vec![0; length];
            match read_at(&files, &mut buffer, first * item_bytes) {
                Some(Ok(())) => return Ok(buffer),
                Some(Err(error)) if would_wait(&error.source) => return Err(Unavailable::WouldWait),
                Some(Err(error)) => return Err(Unavailable::Missing(error.to_string())),
                None => {}
            }
        }
        let behind = "the derived files are behind the log and being written".into();
        Err(Unavailable::Missing(self.problem().unwrap_or(behind)))
    }

    fn open_or_create(&self, path: PathBuf) -> Result<Box<dyn DiskFile>, DiskError> {
        let access = if self.disk.exists(&path)? { Access::Write } else { Access::CreatePrivate };
        self.disk.open(&path, access)
    }

    fn mark_bytes(&self, head: &Head) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK_BYTES);
        bytes.extend_from_slice(&MARK_MAGIC);
        bytes.extend_from_slice(&self.log.0);
        bytes.extend_from_slice(&head.size.to_be_bytes());
        bytes.extend_from_slice(&head.root.0);
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// The mark, if there is a whole one of this log; any other counts as none.
    fn read_mark(&self) -> Option<Head> {
        let bytes = read_file(self.disk.as_ref(), &self.places.tiles.join("mark"), MARK_BYTES).ok()?;
        let (content, checksum) = bytes.split_last_chunk::<4>()?;
        let mut fields = Fields(content);
        let valid = bytes.len() == MARK_BYTES
            && *checksum == crc32c::crc32c(content).to_be_bytes()
            && fields.take() == MARK_MAGIC
            && LogId(fields.take()) == self.log;
        valid.then(|| Head { size: fields.u64(), root: Hash(fields.take()) })
    }
}

impl OpenFiles {
    /// Every file with the length that it has when it covers `size` entries.
    fn lengths(&self, size: u64) -> impl Iterator<Item = (&dyn DiskFile, u64)> {
        let levels = self.levels.iter().zip(0..);
        let levels = levels.map(move |(file, level)| (file.as_ref(), nodes_at(level, size) * HASH_BYTES));
        levels.chain([(self.positions.as_ref(), size * POSITION_BYTES)])
    }
}

fn nodes_len(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
