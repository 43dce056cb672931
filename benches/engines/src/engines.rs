//! Each engine as its documentation says that a group becomes durable.

use anyhow::{Context, anyhow};
use provlog_core::Kind;
use provlog_core::encoded::Sealed;
use provlog_core::record::{Claim, Section};
use provlog_engine::{DedupKey, Log, Options, Submission, Terms};
use redb::{Database, ReadableDatabase, TableDefinition};
use rustix::fs::{FallocateFlags, fallocate};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// Bytes of an entry.
const ENTRY_BYTES: usize = 400;

/// Bytes of a file that is allocated at once.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What is stored.
pub(crate) struct Entry {
    index: u64,
    bytes: [u8; ENTRY_BYTES],
    keys: [[u8; 32]; 3],
}

/// A group as its engine takes it.
pub(crate) enum Prepared {
    Entries(Vec<Entry>),
    Submissions(Vec<Submission>),
}

/// What takes groups.
pub(crate) trait Engine {
    /// Brings a group into the form that the engine takes, which isn't measured.
    fn prepare(&self, group: Vec<Entry>) -> anyhow::Result<Prepared> {
        Ok(Prepared::Entries(group))
    }

    /// Appends a group. Once it returns, the group survives the loss of power.
    fn append(&mut self, group: Prepared) -> anyhow::Result<()>;
}

impl Entry {
    /// Bytes and keys that don't compress, fixed by the index.
    pub(crate) fn new(index: u64) -> Self {
        let mut state = index;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)).to_be_bytes()
        };
        let mut entry = Self { index, bytes: [0; ENTRY_BYTES], keys: [[0; 32]; 3] };
        entry.bytes.as_chunks_mut().0.fill_with(&mut next);
        for key in &mut entry.keys {
            key.as_chunks_mut().0.fill_with(&mut next);
        }
        entry
    }
}

impl Prepared {
    fn entries(self) -> anyhow::Result<Vec<Entry>> {
        match self {
            Self::Entries(entries) => Ok(entries),
            Self::Submissions(_) => Err(anyhow!("this engine takes entries")),
        }
    }
}

pub(crate) struct File {
    dir: PathBuf,
    file: fs::File,
    written: u64,
    files: u64,
}

impl File {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        Ok(Self { dir: dir.into(), file: Self::open(dir, 0)?, written: 0, files: 1 })
    }

    fn open(dir: &Path, number: u64) -> anyhow::Result<fs::File> {
        let file = fs::File::create_new(dir.join(number.to_string()))?;
        fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES)?;
        file.sync_all()?;
        fs::File::open(dir)?.sync_all()?;
        Ok(file)
    }
}

impl Engine for File {
    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let bytes: Vec<u8> = group.entries()?.iter().flat_map(|entry| entry.bytes).collect();
        let length = u64::try_from(bytes.len())?;
        if self.written + length > FILE_BYTES {
            (self.file, self.written) = (Self::open(&self.dir, self.files)?, 0);
            self.files += 1;
        }
        self.file.write_all_at(&bytes, self.written)?;
        self.written += length;
        Ok(self.file.sync_data()?)
    }
}

pub(crate) struct Provlog {
    log: Log,
}

impl Provlog {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let options = Options::new(dir.join("data"));
        Log::create(&options, "example.com/log")?;
        Ok(Self { log: Log::open(&options)? })
    }

    fn submission(&self, entry: &Entry) -> anyhow::Result<Submission> {
        let salt = *entry.keys[1].first_chunk().context("a key is longer than a salt")?;
        let section = |bytes: &[u8]| {
            let claim = Claim::disclosed(salt, provlog_core::cbor::Value::Bytes(bytes.to_vec()));
            Section::from_claims(vec![("type".into(), claim)])
        };
        // With what a record has beside it, about as many bytes as the others store.
        let (submitted, attested) = (section(&entry.bytes[..ENTRY_BYTES - 80])?, section(&[])?);
        let kind = Kind::new(22).context("an event")?;
        let sealed = Arc::new(Sealed::new(kind, &submitted, &attested)?);
        let key: DedupKey = self.log.dedup_key("key", "bench", &entry.keys[0]);
        Ok(Submission { sealed, terms: Terms { retries: vec![key], ..Terms::default() } })
    }
}

impl Engine for Provlog {
    fn prepare(&self, group: Vec<Entry>) -> anyhow::Result<Prepared> {
        let submissions = group.iter().map(|entry| self.submission(entry)).collect::<Result<_, _>>()?;
        Ok(Prepared::Submissions(submissions))
    }

    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let Prepared::Submissions(batch) = group else {
            return Err(anyhow!("this engine takes submissions"));
        };
        let (sender, answer) = sync_channel(1);
        self.log.append_batch(batch, move |appended, _| drop(sender.send(appended)));
        answer.recv()??;
        Ok(())
    }
}

pub(crate) struct Fjall {
    database: fjall::Database,
    entries: fjall::Keyspace,
    keys: fjall::Keyspace,
}

impl Fjall {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let database = fjall::Database::builder(dir).open()?;
        let entries = database.keyspace("entries", fjall::KeyspaceCreateOptions::default)?;
        let keys = database.keyspace("keys", fjall::KeyspaceCreateOptions::default)?;
        Ok(Self { database, entries, keys })
    }
}

impl Engine for Fjall {
    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(fjall::PersistMode::SyncAll));
        for entry in group.entries()? {
            let index = entry.index.to_be_bytes();
            batch.insert(&self.entries, index, entry.bytes);
            entry.keys.iter().for_each(|key| batch.insert(&self.keys, *key, index));
        }
        Ok(batch.commit()?)
    }
}

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
const KEYS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("keys");

pub(crate) struct Redb {
    database: Database,
}

impl Redb {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let database = Database::create(dir.join("redb"))?;
        // Fails here where it would fail later.
        drop(database.begin_read()?);
        Ok(Self { database })
    }
}

impl Engine for Redb {
    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let transaction = self.database.begin_write()?;
        {
            let (mut entries, mut keys) = (transaction.open_table(ENTRIES)?, transaction.open_table(KEYS)?);
            for entry in group.entries()? {
                entries.insert(entry.index, entry.bytes.as_slice())?;
                for key in &entry.keys {
                    keys.insert(key.as_slice(), entry.index)?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
}

impl Sqlite {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let connection = rusqlite::Connection::open(dir.join("sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE entries (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
             CREATE TABLE keys (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;",
        )?;
        Ok(Self { connection })
    }
}

impl Engine for Sqlite {
    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut entries = transaction.prepare_cached("INSERT INTO entries VALUES (?, ?)")?;
            let mut keys = transaction.prepare_cached("INSERT INTO keys VALUES (?, ?)")?;
            for entry in group.entries()? {
                let number = i64::try_from(entry.index)?;
                entries.execute((number, entry.bytes.as_slice()))?;
                for key in &entry.keys {
                    keys.execute((key.as_slice(), number))?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

pub(crate) struct Sled {
    database: sled::Db,
    entries: sled::Tree,
    keys: sled::Tree,
}

impl Sled {
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let database = sled::open(dir)?;
        let (entries, keys) = (database.open_tree("entries")?, database.open_tree("keys")?);
        Ok(Self { database, entries, keys })
    }
}

impl Engine for Sled {
    fn append(&mut self, group: Prepared) -> anyhow::Result<()> {
        let (mut entries, mut keys) = (sled::Batch::default(), sled::Batch::default());
        for entry in group.entries()? {
            let index = entry.index.to_be_bytes();
            entries.insert(&index, entry.bytes.as_slice());
            entry.keys.iter().for_each(|key| keys.insert(key, &index));
        }
        self.entries.apply_batch(entries)?;
        self.keys.apply_batch(keys)?;
        self.database.flush()?;
        Ok(())
    }
}
