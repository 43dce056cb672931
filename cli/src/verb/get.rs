//! `get`: an entry's record or receipt from the log. Where there is a trust file, what it prints is what was verified.

use crate::log::access::LogArgs;
use crate::log::client::Client;
use crate::proof::receipt::{self, SCHEMA_VERSION};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::output::hand_out;
use crate::show::page;
use clap::Args;
use provlog_core::limits::{INTEGER_MAX, RECEIPT_BYTES_MAX};
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record};
use provlog_core::record_json::RecordJson;
use provlog_core::trust::Trust;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The entry's index
    #[arg(value_name = "INDEX", value_parser = clap::value_parser!(u64).range(..=INTEGER_MAX))]
    index: u64,
    /// Write the receipt, at the log's latest checkpoint, to this file instead of printing the record; - prints it
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Write over another file, too; without it only over a receipt of the same entry
    #[arg(long, requires = "receipt")]
    force: bool,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn run(args: &GetArgs) -> Result<Exit, Failure> {
    let (trust, address) = args.log.find()?;
    let trust = trust.map(|file| file.trust);
    let client = address.client()?;
    let bytes = fetch(&client, args.index, trust.as_ref())?;
    if trust.is_none() {
        page::say("NOT VERIFIED: there is no trust file");
    }
    match &args.receipt {
        Some(path) => receipt::with_place(&bytes, args.force, |over| hand_out(path, &bytes, over))?,
        None => {
            let (index, record) = record_of(&bytes)?;
            page::print_json(&RecordAnswer::new(index, &record, trust.is_some()))?;
        }
    }
    Ok(Exit::Ok)
}

/// The receipt of this index, verified if there is something to verify it by.
fn fetch(client: &Client, index: u64, trust: Option<&Trust>) -> Result<Vec<u8>, Failure> {
    let bytes = client.get(&format!("/v1/entries/{index}/receipt"), RECEIPT_BYTES_MAX)?;
    let got = match trust {
        Some(trust) => receipt::believe(&bytes, trust, &[])?.index,
        None => parse(&bytes)?.index,
    };
    if got == index { Ok(bytes) } else { Err(Failure::OtherIndex { expected: index, got }) }
}

/// What is printed of a record.
#[derive(Serialize)]
struct RecordAnswer<'r> {
    schema_version: i64,
    verified: bool,
    #[serde(flatten)]
    record: RecordJson<'r>,
    submitted_digest: String,
    attested_digest: String,
}

impl<'r> RecordAnswer<'r> {
    fn new(index: u64, record: &'r Record, verified: bool) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            verified,
            record: RecordJson::new(index, record),
            submitted_digest: record.entry.submitted_digest.to_hex(),
            attested_digest: record.entry.attested_digest.to_hex(),
        }
    }
}

/// The record in the receipt: nothing that the log says beside it.
fn record_of(bytes: &[u8]) -> Result<(u64, Record), Failure> {
    let receipt = parse(bytes)?;
    match Record::parse(&receipt.record).map_err(answered)? {
        AnyRecord::Known(record) => Ok((receipt.index, record)),
        AnyRecord::UnknownVersion { version, .. } => {
            Err(answered(format!("entry version {version} is not known to this program")))
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Receipt, Failure> {
    Ok(Receipt::parse(bytes).map_err(answered)?.0)
}

fn answered(problem: impl ToString) -> Failure {
    Failure::malformed("the receipt that the log answered", problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OneLog, Reply, serve};
    use provlog_core::Kind;
    use provlog_core::record::Section;

    #[test]
    fn another_entry_or_another_log_does_not_pass_for_this_one() {
        let log = OneLog::new();
        let receipt = log.receipt(Kind::new(22).unwrap(), Section::default());
        let exit = |index, trust: Option<Trust>, reply: (u16, Vec<u8>)| {
            let server = serve(1, move |_, _| Reply::new(reply.0, reply.1.clone()));
            let fetched = fetch(&Client::new(&server.url, None, None).unwrap(), index, trust.as_ref());
            assert_eq!(server.finish()[0].line, format!("GET /v1/entries/{index}/receipt HTTP/1.1"));
            fetched.map_or_else(|failure| Exit::of_failure(&failure), |_| Exit::Ok)
        };
        let good = (200, receipt.clone());
        assert_eq!(exit(1, Some(log.trust()), good.clone()), Exit::Ok);
        assert_eq!(exit(1, None, good.clone()), Exit::Ok);
        assert_eq!(exit(2, None, good.clone()), Exit::NotProven);
        assert_eq!(exit(1, Some(OneLog::with_seed([8; 32]).trust()), good), Exit::Untrusted);
        assert_eq!(exit(9, None, (404, b"{}".to_vec())), Exit::NotFound);
        assert_eq!(exit(1, None, (200, b"nonsense".to_vec())), Exit::Malformed);

        let (index, record) = record_of(&receipt).unwrap();
        let json = serde_json::to_value(RecordAnswer::new(index, &record, true)).unwrap();
        assert_eq!(
            (&json["kind"], &json["index"], &json["verified"]),
            (&"event".into(), &1.into(), &true.into())
        );
    }
}
