//! Where a log is read from: over HTTP, or a folder in the layout of C2SP tlog-tiles. Nothing read is believed here.
//!
//! A partial tile is asked for only where a verified checkpoint needs it: callers name resources by the size of one.

use crate::local::files;
use crate::log::client::Client;
use crate::log::retry::{Retry, until_answered};
use crate::proof::tiles;
use crate::show::failure::Failure;
use provlog_core::limits::ITEM_BYTES_MAX;
use provlog_core::tree::Resource;
use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Path of the records: over HTTP the route, in a folder a file with the CBOR sequence that the route answers.
const RECORDS: &str = "v1/records";

/// The first byte of a sequence of records: of an array of two.
const ITEM_START: u8 = 0x82;

/// Requests at one time: enough to hide the way to a server, few enough to be no burden to it.
const HTTP_LANES: usize = 8;

/// Records asked for at once over HTTP: at most 94 MiB of them, as a stream.
const HTTP_RECORDS: u64 = 2_048;

/// How long to go on with a request whose connection broke, or whose server is busy. An audit that is given up after that
/// is resumed by running it again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A log, to be read by many threads.
pub(super) trait Source: Sync {
    /// What it is called in messages.
    fn name(&self) -> String;

    /// The bytes at a path, at most `limit` of them; `None` when there is nothing.
    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure>;

    /// A CBOR sequence of records, which may start before `start` and end before `start + limit`, but holds all that
    /// the log has between; `None` when the log serves no records.
    fn records(&self, start: u64, limit: u64) -> Result<Option<Box<dyn Read>>, Failure>;

    /// The failure of a stream of records that broke off.
    fn broken(&self, error: io::Error) -> Failure;

    /// Most records to ask for at once.
    fn records_max(&self) -> u64;

    /// Threads that may read at one time.
    fn lanes(&self) -> usize;
}

/// The bytes of a tile or bundle, in the width that is named and no wider: where a log has dropped a partial one, the
/// full one holds it.
pub(super) fn fetch(source: &dyn Source, resource: Resource) -> Result<Option<Vec<u8>>, Failure> {
    fetch_within(source, resource, usize::MAX)
}

/// As [`fetch`], of at most so many bytes.
pub(super) fn fetch_within(
    source: &dyn Source,
    resource: Resource,
    most: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    tiles::fetch_within(&|path, limit| source.get(path, limit), resource, most)
}

/// A log's read interface, at a URL.
#[derive(Debug)]
pub(super) struct Http(pub(super) Client);

impl Source for Http {
    fn name(&self) -> String {
        self.0.base().into()
    }

    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        found(|| self.0.get(&format!("/{path}"), limit))
    }

    fn records(&self, start: u64, limit: u64) -> Result<Option<Box<dyn Read>>, Failure> {
        let path = format!("/{RECORDS}?start={start}&limit={limit}");
        let stream = match found(|| self.0.records(&path)) {
            // A log that has records, and doesn't let this caller read them.
            Err(failure @ Failure::Answer { status: 401 | 403, code: Some(_), .. }) => return Err(failure),
            // Whatever else a host says, it says so of a path that it doesn't have. What passes with time was asked again.
            Err(Failure::Answer { status: 300..=407 | 409..=428 | 430..=499 | 501, .. }) => None,
            records => records?.map(|records| records.body),
        };
        let Some(mut stream) = stream else { return Ok(None) };
        let mut first = [0];
        let read = stream.read(&mut first).map_err(|error| self.broken(error))?;
        // A host that answers every path sends a page, or nothing.
        if read == 0 || first != [ITEM_START] {
            return Ok(None);
        }
        // A host of plain files sends all records, from the first one on.
        let items = start.saturating_add(limit);
        let bytes_max = items.saturating_mul(u64::try_from(ITEM_BYTES_MAX).unwrap_or(u64::MAX));
        Ok(Some(Box::new(io::Cursor::new(first).chain(stream.take(bytes_max)))))
    }

    fn broken(&self, error: io::Error) -> Failure {
        self.0.no_answer(error)
    }

    fn records_max(&self) -> u64 {
        HTTP_RECORDS
    }

    fn lanes(&self) -> usize {
        HTTP_LANES.max(cores())
    }
}

/// What is there, asked for with patience.
fn found<T>(request: impl Fn() -> Result<T, Failure>) -> Result<Option<T>, Failure> {
    match until_answered(&mut Retry::within(PATIENCE), |_| request()) {
        Err(Failure::Answer { status: 404 | 410, .. }) => Ok(None),
        answered => answered.map(Some),
    }
}

/// A folder in the layout of C2SP tlog-tiles.
#[derive(Debug)]
pub(super) struct Directory(pub(super) PathBuf);

impl Source for Directory {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        tiles::get_file(&self.0, path, limit)
    }

    fn records(&self, _: u64, _: u64) -> Result<Option<Box<dyn Read>>, Failure> {
        match files::open(&self.0.join(RECORDS)) {
            Err(error) if error.is_missing() => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    fn broken(&self, error: io::Error) -> Failure {
        files::cannot_read(&self.0.join(RECORDS), error).into()
    }

    fn records_max(&self) -> u64 {
        // One pass over the file.
        u64::MAX
    }

    fn lanes(&self) -> usize {
        cores()
    }
}

/// Threads that this machine runs at one time.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
