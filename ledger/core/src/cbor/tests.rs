use super::*;
use crate::hex;
use alloc::string::String;
use alloc::string::ToString;
use proptest::prelude::*;
use std::format;

fn parse(text: &str) -> Result<Value, Fault> {
    let bytes = hex::decode(text).unwrap();
    assert!(skips_as_it_reads(&bytes), "{text}");
    Value::parse(&bytes, 8).map_err(|error| error.fault)
}

/// Passing over an item takes and refuses exactly what reading it does.
fn skips_as_it_reads(bytes: &[u8]) -> bool {
    let (mut reading, mut skipping) = (Reader::new(bytes), Reader::new(bytes));
    let (read, skipped) = (reading.value(8).map(drop), skipping.skip(8));
    // What is passed over by heads alone may be wrong inside, but ends where it would.
    let mut passing = Reader::new(bytes);
    let passed = passing.pass(8).map(|()| passing.offset());
    read == skipped
        && (read.is_err() || reading.offset() == skipping.offset() && passed == Ok(reading.offset()))
}

proptest! {
    #[test]
    fn any_bytes_are_skipped_as_they_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert!(skips_as_it_reads(&bytes));
    }
}

#[test]
fn values_and_their_bytes() {
    let cases = [
        ("00", Value::Integer(0)),
        ("17", Value::Integer(23)),
        ("1818", Value::Integer(24)),
        ("1b001fffffffffffff", Value::Integer((1 << 53) - 1)),
        ("20", Value::Integer(-1)),
        ("3b001ffffffffffffe", Value::Integer(-((1 << 53) - 1))),
        ("4161", Value::Bytes(b"a".to_vec())),
        ("60", "".into()),
        ("63e282ac", "€".into()),
        ("8101", Value::Array([Value::Integer(1)].to_vec())),
        ("a0", Value::Map(Map::new())),
        ("f4", Value::Bool(false)),
        ("f5", Value::Bool(true)),
        ("f6", Value::Null),
    ];
    for (bytes, value) in cases {
        assert_eq!(parse(bytes), Ok(value.clone()), "{bytes}");
        assert_eq!(hex::encode(&value.to_bytes()), bytes);
    }
}

#[test]
fn everything_outside_of_the_profile_is_refused() {
    let cases = [
        ("", Fault::Truncated),
        ("18", Fault::Truncated),
        ("4261", Fault::Truncated),
        ("9affffffff", Fault::Truncated),
        ("bbffffffffffffffff", Fault::Truncated),
        ("0000", Fault::Trailing),
        ("1817", Fault::NotShortest),
        ("190017", Fault::NotShortest),
        ("1a0000ffff", Fault::NotShortest),
        ("1b00000000ffffffff", Fault::NotShortest),
        ("580161", Fault::NotShortest),
        ("9801f6", Fault::NotShortest),
        ("b80161610a", Fault::NotShortest),
        ("9f01ff", Fault::Indefinite),
        ("bf616101ff", Fault::Indefinite),
        ("5f4161ff", Fault::Indefinite),
        ("ff", Fault::Indefinite),
        ("1c", Fault::Reserved),
        ("c000", Fault::Tag),
        ("d9d9f700", Fault::Tag),
        ("f7", Fault::Simple),
        ("e0", Fault::Simple),
        ("f820", Fault::Simple),
        ("f93c00", Fault::Simple),
        ("fb3ff0000000000000", Fault::Simple),
        ("1b0020000000000000", Fault::IntegerRange),
        ("3b001fffffffffffff", Fault::IntegerRange),
        ("3bffffffffffffffff", Fault::IntegerRange),
        ("61ff", Fault::Utf8),
        ("63eda080", Fault::Utf8),
        ("a10000", Fault::KeyType),
        ("a141610a", Fault::KeyType),
        ("a2616101616102", Fault::KeyOrder),
        ("a2616201616102", Fault::KeyOrder),
        ("a262616101616202", Fault::KeyOrder),
        ("818181818181818181f6", Fault::Depth),
    ];
    for (bytes, fault) in cases {
        assert_eq!(parse(bytes), Err(fault), "{bytes}");
    }
    assert!(parse("8181818181818181f6").is_ok(), "eight levels are allowed");
    assert!(parse("8181818181818180").is_ok(), "an empty array counts as a level");
}

#[test]
fn depth_counts_arrays_and_maps() {
    assert_eq!(Value::Null.depth(), 0);
    assert_eq!(Value::Array(Vec::new()).depth(), 1);
    assert_eq!(Value::Array([Value::Map(Map::new())].to_vec()).depth(), 2);
}

fn any_value() -> impl Strategy<Value = Value> {
    let integer = -((1i64 << 53) - 1)..(1 << 53);
    let leaf = prop_oneof![
        integer.prop_map(Value::Integer),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<String>().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(6, 40, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            proptest::collection::vec((any::<String>(), inner), 0..8).prop_map(|entries| {
                let mut map = Map::new();
                for (key, value) in entries {
                    let _ = map.insert(key, value);
                }
                Value::Map(map)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in any_value()) {
        prop_assert_eq!(Value::parse(&value.to_bytes(), 8), Ok(value));
    }

    #[test]
    fn what_reads_is_written_back_byte_for_byte(bytes in any::<Vec<u8>>()) {
        if let Ok(value) = Value::parse(&bytes, 8) {
            prop_assert_eq!(value.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_never_reads_as_the_same_value(value in any_value(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = value.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert_ne!(Value::parse(&bytes, 8), Ok(value));
    }
}

#[test]
fn errors_name_the_byte() {
    let error = Value::parse(&[0x82, 0x00, 0xf7], 8).unwrap_err();
    assert_eq!(error.offset, 2);
    assert!(error.to_string().starts_with("CBOR at byte 2: "), "{}", format!("{error}"));
}
