//! The writer. It cannot write anything that the reader refuses, as long as integers stay within +-(2^53-1) and the
//! counts given for arrays and maps are true.

use super::value::{Map, Value};
use alloc::vec::Vec;

/// Appends items of the profile to a byte vector.
#[derive(Default, Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts empty.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Starts empty, with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Head of an array of `count` items, which the caller writes next.
    pub fn array(&mut self, count: usize) {
        self.head(4, length(count));
    }

    /// Head of a map of `count` entries; the caller writes keys and values next, in the profile's order.
    pub fn map(&mut self, count: usize) {
        self.head(5, length(count));
    }

    /// A byte string, major type 2.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, length(bytes.len()));
        self.0.extend_from_slice(bytes);
    }

    /// A text string, major type 3.
    pub fn text(&mut self, text: &str) {
        self.head(3, length(text.len()));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// An integer, major type 0 or 1. Readers take those within +-(2^53-1).
    pub fn integer(&mut self, integer: i64) {
        match u64::try_from(integer) {
            Ok(unsigned) => self.head(0, unsigned),
            // -1 - n without overflow: the bitwise complement's magnitude.
            Err(_) => self.head(1, (!integer).unsigned_abs()),
        }
    }

    /// A value with all that is in it, maps in the profile's order.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Integer(integer) => self.integer(*integer),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Text(text) => self.text(text),
            Value::Array(items) => {
                self.array(items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(map) => self.entries(map),
            Value::Bool(false) => self.0.push(0xf4),
            Value::Bool(true) => self.0.push(0xf5),
            Value::Null => self.0.push(0xf6),
        }
    }

    /// Bytes so far.
    pub(crate) const fn written(&self) -> usize {
        self.0.len()
    }

    /// Bytes that are an item of the profile already.
    pub fn encoded(&mut self, item: &[u8]) {
        self.0.extend_from_slice(item);
    }

    fn entries(&mut self, map: &Map) {
        self.map(map.len());
        for (key, value) in map.iter() {
            self.text(key);
            self.value(value);
        }
    }

    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        let (low, tail) = match argument {
            0..24 => (bytes[7], &bytes[8..]),
            24..0x100 => (24, &bytes[7..]),
            0x100..0x1_0000 => (25, &bytes[6..]),
            0x1_0000..0x1_0000_0000 => (26, &bytes[4..]),
            _ => (27, &bytes[..]),
        };
        self.0.push(major | low);
        self.0.extend_from_slice(tail);
    }
}

/// Lengths fit 64 bits on every platform that Rust has.
fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
