//! The records of a package, for commands that ask what they say. Only those of a package that verifies are handed out.

use super::Opened;
use super::error::OpenError;
use crate::proof::sequence::{Item, Next, Sequence};
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::package::{Files, PackageReport, RECORDS, Stream};
use provlog_core::record::{AnyRecord, Record};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};
use std::path::Path;

/// Verifies the package at `path`, and hands out its records with their indices. They are read a second time for that, one
/// in memory at a time: nothing that was handed out counts unless this returns `Ok`.
pub(crate) fn each_record(
    path: &Path,
    trust: &Trust,
    each: &mut dyn FnMut(u64, &Record),
) -> Result<PackageReport, Failure> {
    let opened = Opened::at(path).map_err(|error| match error {
        OpenError::Read(error) => Failure::Read(error),
        OpenError::Form(problem) => Failure::malformed(path.display().to_string(), problem),
    })?;
    match opened {
        Opened::Zip(zip) => of_files(&zip, path, trust, each),
        Opened::Folder(folder) => of_files(&folder, path, trust, each),
    }
}

/// The record of entry 0 of the package at `path`, if it is in there. Nothing is verified.
pub(crate) fn entry_zero(path: &Path) -> Option<Record> {
    match Opened::at(path).ok()? {
        Opened::Zip(zip) => first_of(&zip),
        Opened::Folder(folder) => first_of(&folder),
    }
}

fn first_of<F: Files>(files: &F) -> Option<Record> {
    let stream = Hashing { stream: files.open(RECORDS).ok()?, hasher: Sha256::new() };
    let broken = |error: io::Error| Failure::Internal(error.to_string());
    match Sequence::new(Box::new(stream), &broken).next_item().ok()? {
        Next::Item(Item { index: 0, record }) => match Record::parse(record) {
            Ok(AnyRecord::Known(record)) => Some(record),
            _ => None,
        },
        _ => None,
    }
}

fn of_files<F: Files>(
    files: &F,
    path: &Path,
    trust: &Trust,
    each: &mut dyn FnMut(u64, &Record),
) -> Result<PackageReport, Failure> {
    let what = path.display().to_string();
    let verdict = Verifier::new(trust).package(files);
    let report = verdict.map_err(|refused| Failure::Package { what: what.clone(), refused })?.into_report();
    let wrong = |problem: String| Failure::malformed(format!("{what}: {RECORDS}"), problem);
    let stream = files.open(RECORDS).map_err(|error| wrong(error.to_string()))?;
    let mut file = Hashing { stream, hasher: Sha256::new() };
    let broken = |error: io::Error| wrong(error.to_string());
    let mut items = Sequence::new(Box::new(&mut file), &broken);
    loop {
        match items.next_item()? {
            Next::Item(item) => match Record::parse(item.record) {
                Ok(AnyRecord::Known(record)) => each(item.index, &record),
                Ok(AnyRecord::UnknownVersion { version, .. }) => {
                    return Err(wrong(format!("entry {}: unknown version {version}", item.index)));
                }
                Err(error) => return Err(wrong(format!("entry {}: {error}", item.index))),
            },
            Next::End => break,
            Next::Malformed(error) => return Err(wrong(error.to_string())),
        }
    }
    drop(items);
    // What was read now must be what was verified before: a file may be written to in between.
    let (expected, got) =
        (report.manifest.file(RECORDS).map(|file| file.sha256), Hash(file.hasher.finalize().into()));
    if expected == Some(got) {
        Ok(report)
    } else {
        Err(Failure::NotProven(format!("{what}: {RECORDS} was changed while it was read")))
    }
}

/// A stream on its way to a digest.
struct Hashing<'f> {
    stream: Box<dyn Stream + 'f>,
    hasher: Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer).map_err(io::Error::other)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
