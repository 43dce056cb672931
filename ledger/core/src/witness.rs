//! Witness cosignatures (C2SP tlog-cosignature, type 0x04): verification only.

use crate::note::{NoteSignature, VerifierKey};
use alloc::format;

/// Bytes of the timestamp in front of a cosignature's 64.
const TIMESTAMP_BYTES: usize = 8;

/// When a witness says it cosigned, in seconds since the Unix epoch; `None` unless the cosignature verifies over the
/// note's text. The time itself is not judged.
#[must_use]
pub fn verified_cosignature_time_s(
    key: &VerifierKey,
    signature: &NoteSignature,
    note_text: &str,
) -> Option<u64> {
    let (timestamp, bytes) = signature.signature.split_first_chunk::<TIMESTAMP_BYTES>()?;
    let time_s = u64::from_be_bytes(*timestamp);
    let message = cosigned_message(i64::try_from(time_s).ok()?.unsigned_abs(), note_text);
    key.verifies(message.as_bytes(), bytes).then_some(time_s)
}

/// What a witness signs: a header, the time, and the whole checkpoint text.
#[must_use]
pub fn cosigned_message(time_s: u64, note_text: &str) -> alloc::string::String {
    format!("cosignature/v1\ntime {time_s}\n{note_text}")
}
