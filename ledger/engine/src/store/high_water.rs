//! The high-water file: up to where the log was acknowledged and signed.
//!
//! Two slots of 4 KiB, written in turn, so that a power cut while one is written leaves the other. A slot:
//!
//! ```text
//!   0  "provlog hw mark\n"   16  log id, 16 bytes   32  sequence (8)   40  size (8)   48  root, 32 bytes
//! 4092  CRC32C of all before (4)
//! ```
//! Integers are big endian, the rest is zeros. The newest valid slot counts.
//!
//! The file is locked while it is open. The lock of the data folder keeps two processes off one folder; this one keeps
//! them off one log, when the folder was copied or its lock file removed.

use super::{Advance, Place, StoreError};
use crate::codec::fields::Fields;
use crate::committed::Head;
use crate::durable::{Access, Disk, DiskError, DiskFile, FileId};
use crate::log_id::LogId;
use provlog_core::Hash;
use std::path::Path;

const SLOT_BYTES: usize = 4096;
const CHECKSUM_AT: usize = SLOT_BYTES - 4;
const MAGIC: [u8; 16] = *b"provlog hw mark\n";

/// What a missing file means, and what to do.
const MISSING: &str = ": it tells up to where the log was signed. Put it back, or name its place with --high-water; without it a restored old copy could not be told from the log, so nothing is signed";

/// The open file.
#[derive(Debug)]
pub(crate) struct HighWater {
    file: Box<dyn DiskFile>,
    log: LogId,
    sequence: u64,
    head: Head,
}

impl HighWater {
    /// The bytes of a new file at `head`: the first slot, and an empty second one.
    pub(crate) fn first_bytes(log: LogId, head: &Head) -> Vec<u8> {
        let mut bytes = encode(log, 0, head);
        bytes.resize(2 * SLOT_BYTES, 0);
        bytes
    }

    /// Opens the file and reads the newest valid slot.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, log: LogId) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let file = match disk.open(path, Access::Write) {
            Err(error) if error.is_not_found() => return Err(StoreError::Missing { name, detail: MISSING }),
            result => result?,
        };
        if !file.try_lock()? {
            return Err(StoreError::Held { name });
        }
        let mut newest: Option<(u64, Head)> = None;
        let slots = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(2 * SLOT_BYTES) / SLOT_BYTES;
        for number in 0..slots {
            let mut slot = vec![0; SLOT_BYTES];
            file.read_at(&mut slot, offset(number))?;
            let Some((id, sequence, head)) = decode(&slot) else { continue };
            if id != log {
                return Err(StoreError::Foreign { name, expected: log.to_hex(), got: id.to_hex() });
            }
            if newest.is_none_or(|(newest, _)| newest < sequence) {
                newest = Some((sequence, head));
            }
        }
        let (sequence, head) = newest.ok_or_else(|| {
            let detail = "neither of its two slots is whole: it is damaged or no high-water file. Put it back from where it was, never from an older copy";
            StoreError::Damaged { place: Place { name, byte: 0 }, detail: detail.into() }
        })?;
        Ok(Self { file, log, sequence, head })
    }

    /// The mark.
    pub(crate) const fn head(&self) -> Head {
        self.head
    }

    /// Which file it is.
    pub(crate) fn id(&self) -> Result<FileId, DiskError> {
        self.file.id()
    }

    /// Writes the other slot and syncs it, if the newest one is still `from`: in the file, not only in memory, so that
    /// nobody who got past the lock can be overtaken unseen.
    pub(crate) fn advance(&mut self, from: &Head, to: &Head) -> Advance {
        match self.newest() {
            Ok(Some((sequence, head))) if sequence == self.sequence && head == *from => {}
            Ok(Some((_, head))) => return Advance::NotCommitted(head),
            Ok(None) => return Advance::NotCommitted(Head { size: 0, root: Hash::empty_root() }),
            Err(error) => return Advance::Unknown(error.into()),
        }
        match self.write(self.sequence + 1, to) {
            Ok(()) => Advance::Committed,
            Err(error) => Advance::Unknown(error.into()),
        }
    }

    /// Writes the slot that was read as the newest again, and syncs it. After a failed sync it may be in the page cache
    /// alone; writing the other slot then would put the only one at risk that is on the disk.
    pub(crate) fn renew(&mut self) -> Result<(), DiskError> {
        let head = self.head;
        self.write(self.sequence, &head)
    }

    /// The slot that was written last, as the file has it; none when it is no longer this log's.
    fn newest(&self) -> Result<Option<(u64, Head)>, DiskError> {
        let mut slot = vec![0; SLOT_BYTES];
        self.file.read_at(&mut slot, offset(usize::from(self.sequence % 2 == 1)))?;
        Ok(decode(&slot).filter(|(log, ..)| *log == self.log).map(|(_, sequence, head)| (sequence, head)))
    }

    /// Whether `bytes` are a high-water file of `log`, or what a creation of it left that was cut off.
    pub(crate) fn is_of(bytes: &[u8], log: LogId) -> bool {
        let start = [&MAGIC[..], &log.0].concat();
        let found = &bytes[..bytes.len().min(start.len())];
        start.starts_with(found) || found.iter().all(|byte| *byte == 0)
    }

    fn write(&mut self, sequence: u64, to: &Head) -> Result<(), DiskError> {
        let slot = usize::from(sequence % 2 == 1);
        self.file.write_at(&encode(self.log, sequence, to), offset(slot))?;
        self.file.sync_data()?;
        (self.sequence, self.head) = (sequence, *to);
        Ok(())
    }
}

fn offset(slot: usize) -> u64 {
    if slot == 0 { 0 } else { 4096 }
}

fn encode(log: LogId, sequence: u64, head: &Head) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * SLOT_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&log.0);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&head.size.to_be_bytes());
    bytes.extend_from_slice(&head.root.0);
    bytes.resize(CHECKSUM_AT, 0);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

fn decode(slot: &[u8]) -> Option<(LogId, u64, Head)> {
    let (content, checksum) = slot.split_at_checked(CHECKSUM_AT)?;
    let mut fields = Fields(content);
    if checksum != crc32c::crc32c(content).to_be_bytes() || fields.take() != MAGIC {
        return None;
    }
    Some((LogId(fields.take()), fields.u64(), Head { size: fields.u64(), root: Hash(fields.take()) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::{OsDisk, create_file};

    #[test]
    fn the_newest_valid_slot_counts_and_the_other_one_is_written_next() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("high-water"), LogId([3; 16]));
        let head = |size| Head { size, root: Hash([7; 32]) };
        create_file(&OsDisk, &path, Access::Create, &HighWater::first_bytes(log, &head(1))).unwrap();
        let mut mark = HighWater::open(&OsDisk, &path, log).unwrap();
        assert!(matches!(mark.advance(&head(9), &head(10)), Advance::NotCommitted(now) if now == head(1)));
        for size in 1..6 {
            assert!(matches!(mark.advance(&head(size), &head(size + 1)), Advance::Committed));
            let second = HighWater::open(&OsDisk, &path, log).unwrap_err().to_string();
            assert!(second.contains("in use by another process"), "{second}");
            drop(mark);
            mark = HighWater::open(&OsDisk, &path, log).unwrap();
            assert_eq!(mark.head(), head(size + 1));
        }
        // Somebody who doesn't lock has written the mark: it is seen before anything is overwritten.
        let ours = std::fs::read(&path).unwrap();
        std::fs::write(&path, [encode(log, 6, &head(7)), encode(log, 5, &head(9))].concat()).unwrap();
        assert!(matches!(mark.advance(&head(6), &head(7)), Advance::NotCommitted(now) if now == head(9)));
        std::fs::write(&path, &ours).unwrap();
        drop(mark);
        // The newest slot is the second: damaged, the one before it counts; that one damaged too, none does.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096 + 41] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(HighWater::open(&OsDisk, &path, log).unwrap().head(), head(5));
        bytes[41] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(
            HighWater::open(&OsDisk, &path, log)
                .unwrap_err()
                .to_string()
                .contains("neither of its two slots")
        );
    }
}
