//! A disk in memory that forgets what was not synced.
//!
//! Each file has the bytes that a process reads (the page cache) and those that are on the platter. A sync moves pending
//! writes there; a sync that fails drops them, as Linux does: they go on being readable, and never reach the platter. A
//! power cut leaves the platter, and of what was pending none, all, or some sectors. Names are kept by folder; those that
//! a failed sync left pending stay so: a file system whose journal fails turns read-only, and shows what is on the platter
//! when it is mounted again.

use crate::durable::{Access, Disk, DiskError, DiskFile, FileId};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

/// What goes wrong at one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It fails, and did nothing.
    Failed,
    /// It fails, and did everything.
    FailedButPersisted,
    /// It fails, and did half.
    Torn,
    /// The power goes before it.
    PowerCut,
    /// There is no space.
    NoSpace,
}

/// What a power cut leaves of what was pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    Nothing,
    Everything,
    Some(u64),
}

/// Tells which syncs to leave out: of this path, a folder's or not.
pub(crate) type Skip = fn(&Path, SyncKind) -> bool;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SyncKind {
    Data,
    All,
    Folder,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct SimDisk(Arc<Mutex<Model>>);

#[derive(Debug, Default)]
struct Model {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    pending_names: Vec<(PathBuf, NameChange)>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    off: bool,
    skip: Option<Skip>,
    /// Bytes that may be allocated yet, if that is limited.
    space: Option<u64>,
    /// What can't be opened.
    refused: Option<PathBuf>,
    /// What can't be read the next time.
    unread: Option<PathBuf>,
    /// Whether nothing that is read is in memory.
    cold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Debug, Default)]
struct Inode {
    cache: Vec<u8>,
    platter: Vec<u8>,
    pending: Vec<Change>,
    mode: u32,
    /// Bytes from the start that have their place on the disk; what lies behind are holes.
    allocated: usize,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, new) => {
                let end = offset + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(new);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }

    /// The part of it that a power cut lets through.
    fn survivors(self, keep: &mut Random) -> Vec<Self> {
        match self {
            Self::Length(_) => Vec::from_iter(keep.flip().then_some(self)),
            Self::Write(offset, bytes) => {
                let mut parts = Vec::new();
                let mut start = 0;
                while start < bytes.len() {
                    let end = ((offset + start) / SECTOR + 1) * SECTOR - offset;
                    let end = end.min(bytes.len());
                    if keep.flip() {
                        parts.push(Self::Write(offset + start, bytes[start..end].to_vec()));
                    }
                    start = end;
                }
                parts
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

/// A small generator of coin flips (splitmix64), or always one side.
enum Random {
    Always(bool),
    Seed(u64),
}

impl Random {
    fn next(&mut self) -> u64 {
        match self {
            Self::Always(side) => u64::from(*side),
            Self::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
            }
        }
    }

    fn flip(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

impl SimDisk {
    /// A disk with a folder that is there for good.
    pub(crate) fn new(folder: &Path) -> Self {
        let disk = Self::default();
        disk.with(|model| {
            for names in [&mut model.names, &mut model.durable_names] {
                names.insert(folder.into(), Node::Folder);
            }
        });
        disk
    }

    /// The `operation`th operation from now on that changes something goes wrong.
    pub(crate) fn plan(&self, operation: usize, fault: Fault) {
        self.with(|model| model.fault = Some((model.operations + operation, fault)));
    }

    /// Whether the planned fault is still ahead; it never happens then.
    pub(crate) fn forget_plan(&self) -> bool {
        self.with(|model| model.fault.take().is_some())
    }

    /// Leaves these syncs out from now on.
    pub(crate) fn skip(&self, skip: Skip) {
        self.with(|model| model.skip = Some(skip));
    }

    /// Operations so far that changed something.
    pub(crate) fn operations(&self) -> usize {
        self.with(|model| model.operations)
    }

    /// Limits what may be allocated.
    pub(crate) fn set_space(&self, bytes: Option<u64>) {
        self.with(|model| model.space = bytes);
    }

    /// Refuses to open this file from now on.
    pub(crate) fn refuse(&self, path: Option<&Path>) {
        self.with(|model| model.refused = path.map(Into::into));
    }

    /// Refuses the next read of this file.
    pub(crate) fn refuse_one_read(&self, path: &Path) {
        self.with(|model| model.unread = Some(path.into()));
    }

    /// Says whether what is read has to be waited for.
    pub(crate) fn cool(&self, cold: bool) {
        self.with(|model| model.cold = cold);
    }

    /// Makes the rest of a file, from `start` on, a hole, as copying it may.
    pub(crate) fn make_hole(&self, path: &Path, start: usize) {
        self.with(|model| {
            let Some(Node::File(inode)) = model.names.get(path) else {
                panic!("{} is no file", path.display())
            };
            model.inodes[*inode].allocated = start;
        });
    }

    /// Changes a file's bytes, in cache and on the platter.
    pub(crate) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        self.with(|model| {
            let Some(Node::File(inode)) = model.names.get(path) else {
                panic!("{} is no file", path.display())
            };
            let inode = &mut model.inodes[*inode];
            change(&mut inode.cache);
            inode.platter = inode.cache.clone();
        });
    }

    /// A file's bytes.
    pub(crate) fn bytes(&self, path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.damage(path, |cache| bytes.clone_from(cache));
        bytes
    }

    /// The power goes, and comes back.
    pub(crate) fn power_cut(&self, keep: Keep) {
        self.with(|model| {
            let mut random = match keep {
                Keep::Nothing => Random::Always(false),
                Keep::Everything => Random::Always(true),
                Keep::Some(seed) => Random::Seed(seed),
            };
            for inode in &mut model.inodes {
                for change in std::mem::take(&mut inode.pending) {
                    change.survivors(&mut random).iter().for_each(|change| change.apply(&mut inode.platter));
                }
                inode.cache = inode.platter.clone();
            }
            // A file system's journal replays a folder's changes in their order, up to some point.
            let mut over: Vec<PathBuf> = Vec::new();
            for (folder, change) in std::mem::take(&mut model.pending_names) {
                if !over.contains(&folder) && random.flip() {
                    change.apply(&mut model.durable_names);
                } else {
                    over.push(folder);
                }
            }
            let names = model.durable_names.clone();
            model.durable_names.retain(|path, _| {
                let mut above = path.ancestors().skip(1).filter(|above| above.components().count() > 1);
                above.all(|above| names.contains_key(above))
            });
            model.names = model.durable_names.clone();
            model.off = false;
            model.fault = None;
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Model) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    /// Runs an operation that changes something, or lets it go wrong. `half` does part of it.
    fn operate(
        &self,
        action: &'static str,
        path: &Path,
        half: impl FnOnce(&mut Model),
        whole: impl FnOnce(&mut Model) -> io::Result<()>,
    ) -> Result<(), DiskError> {
        self.with(|model| {
            let number = model.operations;
            model.operations += 1;
            let fault = model.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
            if fault.is_some() {
                model.fault = None;
            }
            model.off |= fault == Some(Fault::PowerCut);
            if model.off {
                return Err(io::Error::other("the power is off"));
            }
            match fault {
                None => whole(model),
                Some(Fault::Failed) => Err(io::Error::other("failed, on purpose")),
                Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
                Some(Fault::Torn) => {
                    half(model);
                    Err(io::Error::other("torn, on purpose"))
                }
                Some(_) => {
                    whole(model)?;
                    Err(io::Error::other("failed, on purpose, but persisted"))
                }
            }
        })
        .map_err(|source| DiskError { action, path: path.into(), source })
    }

    fn change_names(&self, action: &'static str, path: &Path, change: NameChange) -> Result<(), DiskError> {
        self.operate(
            action,
            path,
            |_| {},
            |model| {
                change.apply(&mut model.names);
                model.pending_names.push((path.parent().unwrap().into(), change));
                Ok(())
            },
        )
    }

    fn look<T>(&self, path: &Path, look: impl FnOnce(&Model) -> io::Result<T>) -> Result<T, DiskError> {
        self.with(|model| if model.off { Err(io::Error::other("the power is off")) } else { look(model) })
            .map_err(|source| DiskError { action: "read", path: path.into(), source })
    }

    fn node(&self, path: &Path) -> Result<Option<Node>, DiskError> {
        self.look(path, |model| Ok(model.names.get(path).copied()))
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn DiskFile>, DiskError> {
        let create = matches!(access, Access::Create | Access::CreatePrivate);
        let failed =
            |kind: io::ErrorKind| DiskError { action: "open", path: path.into(), source: kind.into() };
        if self.with(|model| model.refused.as_deref() == Some(path)) {
            let source = io::Error::other("refused, on purpose");
            return Err(DiskError { action: "open", path: path.into(), source });
        }
        let inode = match (self.node(path)?, create) {
            (Some(Node::File(inode)), false) => inode,
            (None, true) => {
                if self.node(path.parent().unwrap())?.is_none() {
                    return Err(failed(io::ErrorKind::NotFound));
                }
                let mode = if access == Access::CreatePrivate { 0o600 } else { 0o644 };
                let inode = self.with(|model| {
                    model.inodes.push(Inode { mode, ..Inode::default() });
                    model.inodes.len() - 1
                });
                self.change_names("create", path, NameChange::Add(path.into(), Node::File(inode)))?;
                inode
            }
            (Some(_), _) => return Err(failed(io::ErrorKind::AlreadyExists)),
            (None, false) => return Err(failed(io::ErrorKind::NotFound)),
        };
        Ok(Box::new(SimFile { disk: self.clone(), inode, path: path.into() }))
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        match self.node(path)? {
            Some(_) => Ok(()),
            None => self.change_names("create folder", path, NameChange::Add(path.into(), Node::Folder)),
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        self.look(path, |model| {
            Ok(model.names.keys().filter(|name| name.parent() == Some(path)).map(name).collect())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.change_names("rename to", to, NameChange::Rename(from.into(), to.into()))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        match self.node(path)? {
            Some(_) => self.change_names("remove", path, NameChange::Remove(path.into())),
            None => {
                Err(DiskError { action: "remove", path: path.into(), source: io::ErrorKind::NotFound.into() })
            }
        }
    }

    fn remove_dir(&self, path: &Path) -> Result<(), DiskError> {
        assert!(self.list(path)?.is_empty(), "{} is not empty", path.display());
        self.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<(), DiskError> {
        let first = |model: &mut Model| {
            if let Some(first) = model.pending_names.iter().position(|(folder, _)| folder == path) {
                let (_, change) = model.pending_names.remove(first);
                change.apply(&mut model.durable_names);
            }
        };
        self.operate("sync folder", path, first, |model| {
            if model.skip.is_some_and(|skip| skip(path, SyncKind::Folder)) {
                return Ok(());
            }
            for (folder, change) in std::mem::take(&mut model.pending_names) {
                if folder == path {
                    change.apply(&mut model.durable_names);
                } else {
                    model.pending_names.push((folder, change));
                }
            }
            Ok(())
        })
    }

    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        self.node(path).map(|node| node.is_some())
    }

    fn mode(&self, path: &Path) -> Result<u32, DiskError> {
        self.look(path, |model| match model.names.get(path) {
            Some(Node::File(inode)) => Ok(model.inodes[*inode].mode),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    /// One user, the system's administrator.
    fn owner(&self, path: &Path) -> Result<u32, DiskError> {
        self.look(path, |_| Ok(0))
    }

    fn free_bytes(&self, path: &Path) -> Result<u64, DiskError> {
        self.look(path, |model| Ok(model.space.unwrap_or(u64::MAX)))
    }

    /// All folders are one: tests that move them are on a real disk.
    fn id(&self, path: &Path) -> Result<Option<FileId>, DiskError> {
        let id = |node| match node {
            Node::Folder => FileId { device: 0, inode: 0 },
            Node::File(inode) => id_of(inode),
        };
        Ok(self.node(path)?.map(id))
    }
}

fn id_of(inode: usize) -> FileId {
    FileId { device: 1, inode: u64::try_from(inode).unwrap() }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
    path: PathBuf,
}

impl SimFile {
    /// Takes the space for the first `bytes` of the file, as far as it doesn't have it.
    fn take_space(&self, action: &'static str, bytes: usize) -> Result<(), DiskError> {
        let enough = self.disk.with(|model| {
            let inode = &mut model.inodes[self.inode];
            let missing = u64::try_from(bytes.saturating_sub(inode.allocated)).unwrap();
            let enough = model.space.is_none_or(|space| space >= missing);
            if enough {
                model.space = model.space.map(|space| space - missing);
                inode.allocated = inode.allocated.max(bytes);
            }
            enough
        });
        let source = || io::ErrorKind::StorageFull.into();
        enough.then_some(()).ok_or_else(|| DiskError { action, path: self.path.clone(), source: source() })
    }

    fn change(&self, action: &'static str, half: Option<Change>, whole: Change) -> Result<(), DiskError> {
        let apply = |model: &mut Model, change: Change| {
            let inode = &mut model.inodes[self.inode];
            change.apply(&mut inode.cache);
            inode.pending.push(change);
        };
        let half = |model: &mut Model| half.into_iter().for_each(|change| apply(model, change));
        self.disk.operate(action, &self.path, half, |model| {
            apply(model, whole);
            Ok(())
        })
    }

    fn sync(&self, kind: SyncKind) -> Result<(), DiskError> {
        let persist = |model: &mut Model, count: usize| {
            let inode = &mut model.inodes[self.inode];
            let pending = std::mem::take(&mut inode.pending);
            pending.iter().take(count).for_each(|change| change.apply(&mut inode.platter));
        };
        // A sync that fails before anything was written loses what was pending, all the same.
        let fails = self.disk.with(|model| model.fault == Some((model.operations, Fault::Failed)));
        if fails {
            self.disk.with(|model| persist(model, 0));
        }
        let half = |model: &mut Model| persist(model, model.inodes[self.inode].pending.len() / 2);
        self.disk.operate("sync", &self.path, half, |model| {
            if !model.skip.is_some_and(|skip| skip(&self.path, kind)) {
                persist(model, usize::MAX);
            }
            Ok(())
        })
    }
}

impl DiskFile for SimFile {
    fn try_lock(&self) -> Result<bool, DiskError> {
        Ok(true)
    }

    fn id(&self) -> Result<FileId, DiskError> {
        Ok(id_of(self.inode))
    }

    fn len(&self) -> Result<u64, DiskError> {
        self.disk.look(&self.path, |model| Ok(u64::try_from(model.inodes[self.inode].cache.len()).unwrap()))
    }

    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        if self.disk.with(|model| model.cold) {
            let source = io::ErrorKind::WouldBlock.into();
            return Err(DiskError { action: "read", path: self.path.clone(), source });
        }
        self.read_at(buffer, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), DiskError> {
        if self.disk.with(|model| model.unread.take_if(|path| *path == self.path)).is_some() {
            let source = io::Error::other("refused, on purpose");
            return Err(DiskError { action: "read", path: self.path.clone(), source });
        }
        let start = usize::try_from(offset).unwrap();
        self.disk.look(&self.path, |model| {
            let bytes = model.inodes[self.inode].cache.get(start..start + buffer.len());
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        let offset = usize::try_from(offset).unwrap();
        self.take_space("write", offset + bytes.len())?;
        let half = Change::Write(offset, bytes[..bytes.len() / 2].to_vec());
        self.change("write", Some(half), Change::Write(offset, bytes.to_vec()))
    }

    fn allocate(&self, bytes: u64) -> Result<(), DiskError> {
        self.take_space("reserve room for", usize::try_from(bytes).unwrap())?;
        let length = usize::try_from(bytes).unwrap().max(usize::try_from(self.len()?).unwrap());
        self.change("reserve room for", None, Change::Length(length))
    }

    fn set_len(&self, bytes: u64) -> Result<(), DiskError> {
        self.change("set the length of", None, Change::Length(usize::try_from(bytes).unwrap()))
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.sync(SyncKind::Data)
    }

    fn sync_all(&self) -> Result<(), DiskError> {
        self.sync(SyncKind::All)
    }
}
