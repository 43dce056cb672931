//! Whatever our reader accepts, two general readers decode to the same value, and our writer writes back byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provlog_core::cbor::Value;
use provlog_core::limits::RECORD_DEPTH_MAX;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = Value::parse(bytes, RECORD_DEPTH_MAX) else { return };
    assert_eq!(value.to_bytes(), bytes, "one value, one encoding");
    let theirs: ciborium::Value = ciborium::from_reader(bytes).expect("ciborium reads what we read");
    assert!(same_as_ciborium(&value, &theirs), "{value:?} is {theirs:?} to ciborium");
    let mut decoder = minicbor::Decoder::new(bytes);
    assert!(same_as_minicbor(&value, &mut decoder), "{value:?} is another value to minicbor");
    assert_eq!(decoder.position(), bytes.len(), "minicbor reads as far as we do");
});

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
                && ours.iter().zip(theirs).all(|((key, a), (other, b))| {
                    other.as_text() == Some(key) && same_as_ciborium(a, b)
                })
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
