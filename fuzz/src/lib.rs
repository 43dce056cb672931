//! What each fuzz target does with its bytes. The targets of `fuzz_targets/` call these under libFuzzer; a stable test
//! (`tests/blackbox/seeds.rs`) includes this file and replays the checked-in seeds through the same functions.

use provlog_core::cbor::Value;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::limits::RECORD_DEPTH_MAX;
use provlog_core::note::Note;
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record, Section};
use provlog_core::submission::Submission;
use provlog_core::trust::Trust;
use provlog_core::verify::verify;

/// The known answer of C2SP signed-note: a key that signed nothing of ours.
const TRUST: &[u8] =
    b"log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";

/// Whatever our reader accepts, two general readers decode to the same value, and our writer writes back byte for byte.
pub fn cbor(bytes: &[u8]) {
    let Ok(value) = Value::parse(bytes, RECORD_DEPTH_MAX) else { return };
    assert_eq!(value.to_bytes(), bytes, "one value, one encoding");
    let theirs: ciborium::Value = ciborium::from_reader(bytes).expect("ciborium reads what we read");
    assert!(same_as_ciborium(&value, &theirs), "{value:?} is {theirs:?} to ciborium");
    let mut decoder = minicbor::Decoder::new(bytes);
    assert!(same_as_minicbor(&value, &mut decoder), "{value:?} is another value to minicbor");
    assert_eq!(decoder.position(), bytes.len(), "minicbor reads as far as we do");
}

/// Notes and checkpoints: no panic, and what reads as a checkpoint writes the same text.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
        assert_eq!(checkpoint.text(), note.text, "one checkpoint, one text");
    }
}

/// The one door: no panic; what reads as a receipt writes the same text; and nothing verifies that wasn't signed, since
/// the key that the trust file names is one that nobody holds.
pub fn receipt(bytes: &[u8]) {
    let trust = Trust::parse(TRUST).expect("a valid trust file");
    assert!(verify(bytes, &trust, &[], Some(0)).is_err(), "a receipt verified under a key that signed none");
    let Ok((receipt, _)) = Receipt::parse(bytes) else { return };
    assert_eq!(receipt.to_text().as_bytes(), bytes, "one receipt, one text");
    if let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) {
        assert_eq!(record.to_bytes(), receipt.record, "one record, one encoding");
    }
}

/// Trust files: no panic, and a quorum never holds on fewer witnesses than it holds on more.
pub fn trust(bytes: &[u8]) {
    let Ok(trust) = Trust::parse(bytes) else { return };
    if trust.quorum().is_none() {
        assert!(trust.quorum_holds(|_| false), "no quorum is demanded");
    } else {
        assert!(!trust.quorum_holds(|_| false), "a quorum without a cosignature");
    }
    assert!(trust.quorum_holds(|_| true), "every group can be satisfied");
}

/// JSON to claims: no panic; what is accepted seals within the limits, and reads back as the same JSON values.
pub fn submission(bytes: &[u8]) {
    let Ok(submission) = Submission::parse(bytes) else { return };
    let json = submission.to_json().to_string();
    let again = Submission::parse(json.as_bytes()).expect("what was accepted is accepted again");
    assert_eq!(again.claims(), submission.claims());
    let mut salts = 1u128..;
    let salted = submission.with_salts(|| salts.next().unwrap_or(1).to_be_bytes());
    if let Ok(section) = salted.and_then(Submission::seal) {
        assert_eq!(Section::parse(&section.to_bytes()).as_ref(), Ok(&section), "what is sealed is a section");
    }
}

/// Journal frames: no panic and no unbounded memory on any bytes, and what decodes is within what was given.
pub fn frame(bytes: &[u8]) {
    let Ok(frame) = provlog_engine::frame::decode(bytes) else { return };
    assert_eq!(frame.header().frame_bytes, bytes.len(), "a frame is all of its bytes");
    assert_eq!(frame.records().len(), frame.header().count);
    let _ = frame.check_sections();
}

fn same_as_ciborium(ours: &Value, theirs: &ciborium::Value) -> bool {
    match (ours, theirs) {
        (Value::Integer(ours), ciborium::Value::Integer(theirs)) => i128::from(*ours) == i128::from(*theirs),
        (Value::Bytes(ours), ciborium::Value::Bytes(theirs)) => ours == theirs,
        (Value::Text(ours), ciborium::Value::Text(theirs)) => ours == theirs,
        (Value::Bool(ours), ciborium::Value::Bool(theirs)) => ours == theirs,
        (Value::Null, ciborium::Value::Null) => true,
        (Value::Array(ours), ciborium::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_as_ciborium(a, b))
        }
        (Value::Map(ours), ciborium::Value::Map(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|((key, a), (other, b))| other.as_text() == Some(key) && same_as_ciborium(a, b))
        }
        _ => false,
    }
}

fn same_as_minicbor(ours: &Value, theirs: &mut minicbor::Decoder<'_>) -> bool {
    match ours {
        Value::Integer(ours) => theirs.i64().is_ok_and(|theirs| theirs == *ours),
        Value::Bytes(ours) => theirs.bytes().is_ok_and(|theirs| theirs == ours),
        Value::Text(ours) => theirs.str().is_ok_and(|theirs| theirs == ours),
        Value::Bool(ours) => theirs.bool().is_ok_and(|theirs| theirs == *ours),
        Value::Null => theirs.null().is_ok(),
        Value::Array(ours) => {
            let length = theirs.array().ok().flatten();
            length == u64::try_from(ours.len()).ok() && ours.iter().all(|item| same_as_minicbor(item, theirs))
        }
        Value::Map(ours) => {
            let length = theirs.map().ok().flatten();
            length == u64::try_from(ours.len()).ok()
                && ours.iter().all(|(key, value)| {
                    theirs.str().is_ok_and(|theirs| theirs == key) && same_as_minicbor(value, theirs)
                })
        }
    }
}
