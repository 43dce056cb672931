//! The high-water file: up to where the log was acknowledged and signed.
//!
//! Two slots of 4 KiB, written in turn, so that a power cut while one is written leaves the other. A slot:
//!
//! ```text
//!   0  "provlog hw mark\n"   16  log id, 16 bytes   32  sequence (8)   40  size (8)   48  root, 32 bytes
//! 4092  CRC32C of all before (4)
//! ```
//! Integers are big endian, the rest is zeros. The newest valid slot counts.

use super::segment::LogId;
use super::{Advance, StoreError};
use crate::durable::{Access, Disk, DiskError, DiskFile};
use crate::edge::Head;
use crate::frame::Fields;
use provlog_core::Hash;
use std::path::Path;

const SLOT_BYTES: usize = 4096;
const CHECKSUM_AT: usize = SLOT_BYTES - 4;
const MAGIC: [u8; 16] = *b"provlog hw mark\n";

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
            Err(error) if error.is_not_found() => return Err(StoreError::NoHighWater { file: name }),
            result => result?,
        };
        let mut newest: Option<(u64, Head)> = None;
        let slots = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(2 * SLOT_BYTES) / SLOT_BYTES;
        for number in 0..slots {
            let mut slot = vec![0; SLOT_BYTES];
            file.read_at(&mut slot, offset(number))?;
            let Some((id, sequence, head)) = decode(&slot) else { continue };
            if id != log {
                return Err(StoreError::Foreign { file: name, expected: log.to_hex(), got: id.to_hex() });
            }
            if newest.is_none_or(|(newest, _)| newest < sequence) {
                newest = Some((sequence, head));
            }
        }
        let (sequence, head) = newest.ok_or_else(|| {
            let detail = "neither of its two slots is whole: it is damaged or no high-water file. Put it back from where it was, never from an older copy";
            StoreError::Damaged { file: name, offset: 0, detail: detail.into() }
        })?;
        Ok(Self { file, log, sequence, head })
    }

    /// The mark.
    pub(crate) const fn head(&self) -> Head {
        self.head
    }

    /// Writes the other slot and syncs it.
    pub(crate) fn advance(&mut self, from: &Head, to: &Head) -> Advance {
        if self.head != *from {
            return Advance::NotCommitted(self.head);
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
            mark = HighWater::open(&OsDisk, &path, log).unwrap();
            assert_eq!(mark.head(), head(size + 1));
        }
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
