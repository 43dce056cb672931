//! What the verbs that read receipts share: reading them, believing them, and their parts as JSON.

use crate::local::files;
use crate::local::time;
use crate::show::failure::Failure;
use crate::show::page;
use provlog_core::Hash;
use provlog_core::check::{Refused, Report};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::claims::kind_name;
use provlog_core::expectation::Expectation;
use provlog_core::json::Json;
use provlog_core::limits::RECEIPT_BYTES_MAX;
use provlog_core::record::Record;
use provlog_core::trust::Trust;
use provlog_core::verify::{ReceiptReport, Verifier};
use std::path::Path;

/// Version of everything that is printed as JSON. Members may be added within a version.
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// Ending of a receipt's file name.
pub(crate) const RECEIPT_EXTENSION: &str = "tlog-proof";

/// Reads a receipt's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, files::ReadError> {
    files::read(path, RECEIPT_BYTES_MAX)
}

/// Verifies a receipt that a log has just answered. A quorum may still come, which is said; nothing else may be missing.
pub(crate) fn believe(
    receipt: &[u8],
    trust: &Trust,
    expectations: &[Expectation],
) -> Result<ReceiptReport, Failure> {
    match (Verifier { trust, now_ms: time::now_ms() }).receipt(receipt, expectations) {
        Ok(verdict) => Ok(verdict.into_report()),
        Err(Refused::Untrusted(report)) if report.only_quorum_missing() => {
            page::say("cosignature pending: the receipt verifies once the quorum has cosigned");
            Ok(*report)
        }
        Err(refused) => Err(Failure::Receipt { what: "the receipt that the log answered".into(), refused }),
    }
}

/// A checkpoint's three lines.
pub(crate) fn checkpoint_json(checkpoint: &Checkpoint) -> Json {
    Json::Object(vec![
        member("origin", checkpoint.origin.as_str().into()),
        member("size", uint_json(checkpoint.size)),
        member("root", hash_json(&checkpoint.root)),
    ])
}

/// A member of an object.
pub(crate) fn member(name: &str, value: Json) -> (String, Json) {
    (name.into(), value)
}

/// A hash, in hex.
pub(crate) fn hash_json(hash: &Hash) -> Json {
    Json::String(hash.to_hex())
}

/// Sizes, indices and times: all below 2^53, so the integer is always there.
pub(crate) fn uint_json(number: u64) -> Json {
    i64::try_from(number).map_or(Json::Null, Json::Integer)
}

/// What an entry's kind is called; kinds of later versions have only a number.
pub(crate) fn kind_text(record: &Record) -> String {
    let kind = record.entry.kind;
    kind_name(kind).map_or_else(|| format!("kind {}", kind.number()), Into::into)
}
