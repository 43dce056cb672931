//! A package as a ZIP: a reader of the few forms that a package has, written here so that nothing a stranger's archive
//! claims costs memory. Members are stored or deflated; there is no comment, no encryption, nothing before or between.

use super::error::OpenError;
use super::folder::Reading;
use super::onlooker::Nobody;
use super::threads;
use crate::local::files::{self, cannot_read};
use flate2::read::DeflateDecoder;
use provlog_core::limits::{PACKAGE_FILES_MAX, ZIP_DIRECTORY_BYTES_MAX};
use provlog_core::package::{Batch, Checked, Files, Stream, Unreadable};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// Bytes of the record at an archive's end, without a comment.
const END_BYTES: u64 = 22;

/// Bytes of the 64-bit record and of its locator, which come before it.
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;

/// Bytes of a member's header before its name, at the member and in the directory.
const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: usize = 46;

/// A field of 32 bits whose value stands elsewhere, in 64.
const ONES: u64 = 0xffff_ffff;

const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";

/// Flags that change nothing here: lengths after the data, a hint for the compressor, names in UTF-8.
const FLAGS_ALLOWED: u64 = 0b1000_0000_1110;

/// An archive, and what is in it.
pub(super) struct Zip {
    file: Arc<File>,
    members: Vec<Member>,
    /// Where the directory starts: members end before it.
    directory: u64,
}

struct Member {
    name: String,
    deflated: bool,
    bytes: u64,
    packed_bytes: u64,
    header_at: u64,
}

impl Zip {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        Self::of(files::open_file(path)?, path)
    }

    /// Of a file that is open, and called `path` in messages.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, OpenError> {
        let metadata = file.metadata().map_err(|error| cannot_read(path, error))?;
        let file = Arc::new(file);
        let (start, length, count) = directory(&file, metadata.len()).map_err(OpenError::Form)?;
        let bytes = read_at(&file, start, length).map_err(OpenError::Form)?;
        let members = members(&bytes, count).map_err(OpenError::Form)?;
        Ok(Self { file, members, directory: start })
    }

    /// Where a member's data starts: behind its own header, which must say what the directory says.
    fn data_at(&self, member: &Member) -> Result<u64, String> {
        let header = read_at(&self.file, member.header_at, LOCAL_BYTES)?;
        let number = |at, width| number(&header, at, width);
        let (name, extra) = (number(26, 2)?, number(28, 2)?);
        let at = member.header_at.saturating_add(LOCAL_BYTES);
        let found = read_at(&self.file, at, name)?;
        let method = if member.deflated { 8 } else { 0 };
        if !header.starts_with(LOCAL) || found != member.name.as_bytes() || number(8, 2)? != method {
            return Err("its own header is not the directory's".into());
        }
        let data = at + name + extra;
        let end = data.checked_add(member.packed_bytes).filter(|end| *end <= self.directory);
        end.map(|_| data).ok_or_else(|| "its data reaches beyond the members".into())
    }
}

impl Files for Zip {
    fn names(&self) -> Vec<String> {
        self.members.iter().map(|member| member.name.clone()).collect()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        let member = self.members.iter().find(|member| member.name == name);
        let member = member.ok_or_else(|| Unreadable("it is missing".into()))?;
        let at = self.data_at(member).map_err(Unreadable)?;
        let packed = Window { file: Arc::clone(&self.file), at, end: at + member.packed_bytes };
        let data = if member.deflated {
            Data::Deflated(DeflateDecoder::new(packed), member.packed_bytes)
        } else {
            Data::Stored(packed)
        };
        Ok(Box::new(Reading(Whole { data, left: member.bytes })))
    }

    fn workers(&self) -> usize {
        threads::workers()
    }

    fn check<'m>(&self, batches: Vec<Batch<'m>>, meanwhile: &mut dyn FnMut()) -> Vec<Checked> {
        threads::check_in_parallel(batches, &Nobody, meanwhile)
    }
}

/// A part of a file; several may be read at a time.
struct Window {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// A member's data, which must have the length that the directory says, with nothing behind it: whoever reads the archive
/// by its directory sees the same file.
struct Whole {
    data: Data,
    left: u64,
}

enum Data {
    Stored(Window),
    /// With the length that it has when it is read to its end.
    Deflated(DeflateDecoder<Window>, u64),
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let other = || io::Error::other("its length is not the one in the directory");
        let read = match &mut self.data {
            Data::Stored(window) => window.read(buffer)?,
            Data::Deflated(decoder, _) => decoder.read(buffer)?,
        };
        let length = u64::try_from(read).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or_else(other)?;
        let ended = read == 0 && !buffer.is_empty();
        let behind = matches!(&self.data, Data::Deflated(decoder, packed) if decoder.total_in() != *packed);
        if ended && (self.left > 0 || behind) { Err(other()) } else { Ok(read) }
    }
}

/// Start, length and number of members of the directory, from the records at the archive's end.
fn directory(file: &File, file_bytes: u64) -> Result<(u64, u64, u64), String> {
    let no_zip = || {
        "not a ZIP of this format: expected its end record, without a comment, as the last bytes".to_string()
    };
    let end_at = file_bytes.checked_sub(END_BYTES).ok_or_else(no_zip)?;
    let end = read_at(file, end_at, END_BYTES)?;
    let one_volume = number(&end, 4, 4)? == 0 && number(&end, 8, 2)? == number(&end, 10, 2)?;
    if !end.starts_with(END) || number(&end, 20, 2)? != 0 || !one_volume {
        return Err(no_zip());
    }
    let short = [(number(&end, 10, 2)?, 0xffff), (number(&end, 12, 4)?, ONES), (number(&end, 16, 4)?, ONES)];
    let [(mut count, _), (mut length, _), (mut start, _)] = short;
    let mut directory_end = end_at;
    let locator_at = end_at.checked_sub(LOCATOR_BYTES + END64_BYTES).map(|at| at + END64_BYTES);
    if let Some(locator_at) = locator_at {
        let locator = read_at(file, locator_at, LOCATOR_BYTES)?;
        if locator.starts_with(LOCATOR) {
            directory_end = locator_at - END64_BYTES;
            let end64 = read_at(file, directory_end, END64_BYTES)?;
            let one_volume = number(&locator, 4, 4)? == 0
                && number(&locator, 16, 4)? == 1
                && number(&end64, 4, 8)? == END64_BYTES - 12
                && number(&end64, 16, 8)? == 0
                && number(&end64, 24, 8)? == number(&end64, 32, 8)?;
            if !end64.starts_with(END64) || number(&locator, 8, 8)? != directory_end || !one_volume {
                return Err(no_zip());
            }
            (count, length, start) = (number(&end64, 32, 8)?, number(&end64, 40, 8)?, number(&end64, 48, 8)?);
            let agree = short.iter().zip([count, length, start]);
            if !agree.into_iter().all(|((short, ones), wide)| short == ones || *short == wide) {
                return Err(no_zip());
            }
        }
    }
    if usize::try_from(count).map_or(true, |count| count > PACKAGE_FILES_MAX) {
        return Err(format!("a package has at most {PACKAGE_FILES_MAX} files, got {count}"));
    }
    if length > ZIP_DIRECTORY_BYTES_MAX || start.checked_add(length) != Some(directory_end) {
        let expected = format!("at most {ZIP_DIRECTORY_BYTES_MAX} bytes, right before its end record");
        return Err(format!("the ZIP's directory: expected {expected}; got {length} bytes at {start}"));
    }
    Ok((start, length, count))
}

fn members(bytes: &[u8], count: u64) -> Result<Vec<Member>, String> {
    let mut members: Vec<Member> = Vec::new();
    let mut rest = bytes;
    for _ in 0..count {
        let (member, behind) = member(rest)?;
        if members.iter().any(|other| other.name == member.name) {
            return Err(format!("{:?} is there twice", member.name));
        }
        members.push(member);
        rest = behind;
    }
    if rest.is_empty() { Ok(members) } else { Err("the ZIP's directory has bytes left over".into()) }
}

fn member(bytes: &[u8]) -> Result<(Member, &[u8]), String> {
    let no_member = || "the ZIP's directory: expected another member".to_string();
    let (header, rest) = bytes.split_at_checked(CENTRAL_BYTES).ok_or_else(no_member)?;
    let size_of = |at| number(header, at, 2).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let (name, rest) = rest.split_at_checked(size_of(28)?).ok_or_else(no_member)?;
    let (extra, rest) = rest.split_at_checked(size_of(30)?).ok_or_else(no_member)?;
    let (_, rest) = rest.split_at_checked(size_of(32)?).ok_or_else(no_member)?;
    let name = std::str::from_utf8(name).map_err(|_| "a member's name is not UTF-8".to_string())?.to_string();
    if !header.starts_with(CENTRAL) {
        return Err(no_member());
    }
    if name.contains(['/', '\\', '\0']) || name.is_empty() || name == ".." || name == "." {
        return Err(format!("{name:?}: a package has plain files only, no folders and paths"));
    }
    // The upper half of the external attributes is a Unix mode, where the writer was on Unix.
    let kind = (number(header, 38, 4)? >> 16) & 0o170_000;
    if kind != 0 && kind != 0o100_000 {
        return Err(format!("{name:?}: a package has plain files only, no folders and links"));
    }
    let flags = number(header, 8, 2)?;
    let method = number(header, 10, 2)?;
    if flags & !FLAGS_ALLOWED != 0 || !matches!(method, 0 | 8) {
        return Err(format!("{name:?}: expected a member stored or deflated, without encryption"));
    }
    // Each length that is all ones stands in the 64-bit field, in this order.
    let mut wide = extra_64(extra);
    let mut length = |at| match number(header, at, 4)? {
        ONES => {
            let (value, behind) = wide.split_at_checked(8).ok_or_else(no_member)?;
            wide = behind;
            number(value, 0, 8)
        }
        short => Ok(short),
    };
    let (bytes, packed_bytes, header_at) = (length(24)?, length(20)?, length(42)?);
    if number(header, 34, 2)? != 0 {
        return Err(format!("{name:?}: it is said to be in another volume"));
    }
    Ok((Member { name, deflated: method == 8, bytes, packed_bytes, header_at }, rest))
}

/// The field of 64-bit lengths among the extra fields; empty where there is none.
fn extra_64(mut extra: &[u8]) -> &[u8] {
    const ID: [u8; 2] = [1, 0];
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let Some((field, behind)) = rest.split_at_checked(length) else { break };
        if head[..2] == ID {
            return field;
        }
        extra = behind;
    }
    &[]
}

/// A little-endian number of up to 8 bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Result<u64, String> {
    let bytes = bytes.get(at..at + width).ok_or("the ZIP ends within a header")?;
    Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn read_at(file: &File, at: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| "the ZIP's directory is too long")?];
    file.read_exact_at(&mut bytes, at).map_err(|error| format!("the ZIP: {error}"))?;
    Ok(bytes)
}
