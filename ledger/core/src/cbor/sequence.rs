//! CBOR sequences: items one after the other, with nothing between or around them (RFC 8742).

use super::read::{CborError, Reader};

/// Splits a sequence into its items, each found by its heads alone ([`Reader::pass`]): what is in an item is for whoever
/// reads it to check. Offsets in errors are from the start of the item, and nothing comes after an error.
#[derive(Clone, Debug)]
pub struct Sequence<'a> {
    rest: &'a [u8],
    depth_max: usize,
}

impl<'a> Sequence<'a> {
    /// The items of `bytes`, each nested at most `depth_max` deep.
    #[must_use]
    pub const fn new(bytes: &'a [u8], depth_max: usize) -> Self {
        Self { rest: bytes, depth_max }
    }
}

impl<'a> Iterator for Sequence<'a> {
    type Item = Result<&'a [u8], CborError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut reader = Reader::new(self.rest);
        let passed = reader.pass(self.depth_max);
        let item = reader.since(0);
        self.rest = match passed {
            Ok(()) => self.rest.get(item.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(passed.map(|()| item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Fault;
    use alloc::vec::Vec;

    fn split(bytes: &[u8]) -> Vec<Result<&[u8], (usize, Fault)>> {
        Sequence::new(bytes, 2).map(|item| item.map_err(|error| (error.offset, error.fault))).collect()
    }

    #[test]
    fn sequences_are_split_at_their_items() {
        assert_eq!(split(b""), []);
        assert_eq!(split(b"\x00\x82\x01\x61a\xf4"), [Ok(&b"\x00"[..]), Ok(b"\x82\x01\x61a"), Ok(b"\xf4")]);
        // What is in an item is for whoever reads it to check.
        assert_eq!(split(b"\xa1\x00\x61\xff"), [Ok(&b"\xa1\x00\x61\xff"[..])]);
    }

    #[test]
    fn nothing_comes_after_an_item_that_does_not_end() {
        assert_eq!(split(b"\x00\x82\x00"), [Ok(&b"\x00"[..]), Err((0, Fault::Truncated))]);
        assert_eq!(split(b"\x00\xc0\x00\x00"), [Ok(&b"\x00"[..]), Err((0, Fault::Tag))]);
        assert_eq!(split(b"\x9f\xff\x00"), [Err((0, Fault::Indefinite))]);
        assert_eq!(split(b"\x81\x81\x81\x00\x00"), [Err((2, Fault::Depth))]);
        assert_eq!(split(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), [Err((0, Fault::Truncated))]);
    }
}
