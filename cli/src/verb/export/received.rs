//! Records as a log answers them: nothing of one is believed but what its entry's digests say.

use crate::log::client::Client;
use crate::show::failure::Failure;
use provlog_core::record::{AnyRecord, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long to wait for a log that restarts or is busy: since its last record, after which a connection that broke is taken
/// up again.
pub(super) const PATIENCE: Duration = Duration::from_secs(13);

/// By index, the bytes of records as they came.
pub(super) type Received = BTreeMap<u64, Vec<u8>>;

/// The record at this index, whose claims are those of its entry.
pub(super) fn read(client: &Client, index: u64, bytes: &[u8]) -> Result<Record, Failure> {
    let record = match Record::parse(bytes) {
        Ok(AnyRecord::Known(record)) => record,
        Ok(AnyRecord::UnknownVersion { version, .. }) => {
            let problem = format!("entry {index}: version {version} is not known to this program");
            return Err(wrong(client, problem));
        }
        Err(error) => return Err(wrong(client, format!("entry {index}: {error}"))),
    };
    if record.digests_match() {
        return Ok(record);
    }
    Err(Failure::NotProven(format!("entry {index}: its claims don't match the digests in it")))
}

/// An answer that isn't what was asked for.
pub(super) fn wrong(client: &Client, problem: String) -> Failure {
    Failure::malformed(format!("the records that {} answered", client.base()), problem)
}
