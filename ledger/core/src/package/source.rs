//! Where a package's bytes come from, and reading them once, from the front, with length and digest.

use super::batch::{Batch, Checked};
use super::manifest::FileEntry;
use crate::hash::Hash;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// The files of a package. Implementations refuse what isn't a plain file directly in the package (folders, links, names
/// with a path in them, names twice) before there is one.
pub trait Files {
    /// The names of all files, in any order.
    fn names(&self) -> Vec<String>;

    /// A file from its start; several may be open at a time.
    ///
    /// # Errors
    /// When it can't be read.
    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable>;

    /// How many batches [`Files::check`] works on at a time.
    fn workers(&self) -> usize {
        1
    }

    /// Checks batches, each by [`Batch::check`], and keeps their order: where threads may come in. `meanwhile` is work that needs
    /// none of them, for the thread that waits for the others; what is left out here is done afterwards.
    fn check<'m>(&self, batches: Vec<Batch<'m>>, meanwhile: &mut dyn FnMut()) -> Vec<Checked> {
        meanwhile();
        batches.into_iter().map(Batch::check).collect()
    }
}

/// A file that is being read.
pub trait Stream {
    /// Reads some bytes into the front of `buffer`; none at the end of the file.
    ///
    /// # Errors
    /// When it can't be read.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable>;
}

/// A file that can't be read, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// A file on its way to a digest. It never reads more than the manifest says there is.
pub(super) struct Digesting<'f> {
    stream: Box<dyn Stream + 'f>,
    expected: FileEntry,
    hasher: Sha256,
    length: u64,
    ended: bool,
}

impl<'f> Digesting<'f> {
    pub(super) fn open<F: Files + ?Sized>(files: &'f F, expected: &FileEntry) -> Result<Self, Unreadable> {
        Ok(Self {
            stream: files.open(&expected.name)?,
            expected: expected.clone(),
            hasher: Sha256::new(),
            length: 0,
            ended: false,
        })
    }

    /// Reads until `buffer` holds `want` bytes, or the file ends.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>, want: usize) -> Result<(), Unreadable> {
        while buffer.len() < want && !self.ended {
            let before = buffer.len();
            buffer.resize(want.min(before.saturating_add(CHUNK_BYTES)), 0);
            let got = self.stream.read(&mut buffer[before..]);
            let read = *got.as_ref().unwrap_or(&0);
            buffer.truncate(before.saturating_add(read));
            got?;
            self.hasher.update(&buffer[before..]);
            self.length = self.length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            self.ended = read == 0;
            if self.length > self.expected.size {
                return Err(Unreadable(format!("expected {} bytes, got more", self.expected.size)));
            }
        }
        Ok(())
    }

    /// Reads the file to its end, for nothing but its digest.
    pub(super) fn pass(&mut self, limit: u64) -> Result<(), Unreadable> {
        let mut chunk = Vec::new();
        while !self.ended {
            chunk.clear();
            self.fill(&mut chunk, CHUNK_BYTES)?;
            if self.length > limit {
                return Err(Unreadable(format!("expected at most {limit} bytes, got more")));
            }
        }
        Ok(())
    }

    /// After the last byte that was wanted: nothing may follow, and the digest must be the manifest's. Gives expected
    /// and got of what differs.
    pub(super) fn finish(mut self) -> Result<(), (String, String)> {
        let mut rest = Vec::new();
        if let Err(unreadable) = self.fill(&mut rest, 1) {
            return Err((format!("{} bytes", self.expected.size), unreadable.to_string()));
        }
        let got = Hash(self.hasher.finalize().into());
        if !rest.is_empty() {
            Err(("nothing more".into(), "bytes after the last that belong there".into()))
        } else if self.length != self.expected.size {
            Err((format!("{} bytes", self.expected.size), self.length.to_string()))
        } else if got != self.expected.sha256 {
            Err((self.expected.sha256.to_hex(), got.to_hex()))
        } else {
            Ok(())
        }
    }
}

/// Reads a small file whole.
pub(super) fn read_small<F: Files + ?Sized>(
    files: &F,
    name: &str,
    limit: usize,
) -> Result<Vec<u8>, Unreadable> {
    let mut stream = files.open(name)?;
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let room = limit.saturating_add(1).saturating_sub(before);
        if room == 0 {
            return Err(Unreadable(format!("expected at most {limit} bytes, got more")));
        }
        bytes.resize(before.saturating_add(room.min(CHUNK_BYTES)), 0);
        let read = stream.read(&mut bytes[before..])?;
        bytes.truncate(before.saturating_add(read));
        if read == 0 {
            return Ok(bytes);
        }
    }
}
