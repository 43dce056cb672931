//! What the verbs that read receipts share: reading them, believing them, and their parts as JSON.

use crate::local::files::{self, Over, Same};
use crate::local::settings::TrustFile;
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
use provlog_core::note::Note;
use provlog_core::receipt::Receipt;
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

/// What may lie where a receipt is to be written: one of the same entry, unless the user says that any file may.
pub(crate) fn with_place<T>(receipt: &[u8], force: bool, write: impl FnOnce(Over<'_>) -> T) -> T {
    with_place_of(&|there| is_same(there, receipt), force, write)
}

/// As [`with_place`], where the receipt isn't here yet.
pub(crate) fn with_place_of<T>(
    is: &dyn Fn(&[u8]) -> bool,
    force: bool,
    write: impl FnOnce(Over<'_>) -> T,
) -> T {
    let same = Same {
        is,
        name: "a receipt of the same entry that shows as much of it",
        way_out: "name another one, or write over it with --force",
    };
    write(if force { Over::Any } else { Over::Same(&same) })
}

/// Whether two receipts are of the same entry of the same log, and neither hides what the other shows.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (Receipt::parse(one), Receipt::parse(other)) {
        (Ok((one, one_note)), Ok((other, other_note))) => {
            (one.index, &one.record) == (other.index, &other.record)
                && log_of(&one_note) == log_of(&other_note)
        }
        _ => false,
    }
}

/// A checkpoint's origin, and the keys of that name that signed it.
fn log_of(note: &Note) -> (&str, Vec<[u8; 4]>) {
    let origin = note.text.lines().next().unwrap_or_default();
    let by_log = note.signatures.iter().filter(|signature| signature.name == origin);
    (origin, by_log.map(|signature| signature.id).collect())
}

/// The trust file that was believed.
pub(crate) fn trust_json(trust: &TrustFile) -> Json {
    let key = trust.trust.log();
    Json::Object(vec![
        member("path", Json::String(trust.path.display().to_string())),
        member("origin", key.name().into()),
        member("fingerprint", Json::String(key.fingerprint())),
    ])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::OneLog;
    use provlog_core::Kind;
    use provlog_core::record::Section;

    #[test]
    fn a_receipt_is_the_same_only_of_the_same_entry_of_the_same_log() {
        let of = |log: &OneLog, kind| log.receipt(Kind::new(kind).unwrap(), Section::default());
        let (log, other) = (OneLog::new(), OneLog::with_seed([8; 32]));
        let receipt = of(&log, 22);
        assert!(is_same(&receipt, &receipt));
        assert!(!is_same(&receipt, &of(&log, 21)), "another record at the same index");
        assert!(!is_same(&receipt, &of(&other, 22)), "another key of the same name");
        let text = String::from_utf8(receipt.clone()).unwrap();
        assert!(!is_same(&receipt, text.replace("index 1", "index 0").as_bytes()));
        assert!(!is_same(&receipt, b"") && !is_same(b"", b""));
    }
}
