//! Deterministic CBOR: the closed profile of `SPEC.md` section 1, narrower than RFC 8949, section 4.2.1.
//!
//! Integers within +-(2^53-1), byte strings, UTF-8 text, arrays, maps with text keys, booleans and null; definite
//! lengths; shortest heads; map keys strictly ascending by their encoded bytes. The reader refuses everything else,
//! so a value has exactly one encoding and hashing the bytes as received is hashing the value.

mod read;
mod sequence;
mod value;
mod write;

pub use read::{CborError, Fault, Reader};
pub use sequence::Sequence;
pub use value::{Map, Value, key_order};
pub use write::Writer;

use alloc::vec::Vec;

impl Value {
    /// The profile's bytes of this value.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(self);
        writer.into_bytes()
    }

    /// Reads exactly one value nested at most `depth_max` deep.
    ///
    /// # Errors
    /// Whatever the profile refuses, trailing bytes included.
    pub fn parse(bytes: &[u8], depth_max: usize) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let value = reader.value(depth_max)?;
        reader.finish()?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
