//! SSH's wire format (RFC 4251 section 5), read so that every value has one spelling.

/// Bytes that aren't what the format has in their place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// It ends within a field.
    #[error("{field}: expected {expected} bytes, got {got}")]
    Short {
        /// The field.
        field: &'static str,
        /// Bytes that it has by its type, or says that it has.
        expected: usize,
        /// Bytes that are left.
        got: usize,
    },
    /// Bytes after the last field.
    #[error("{field}: expected nothing after it, got {got} bytes")]
    Left {
        /// What should have ended.
        field: &'static str,
        /// Bytes that are left.
        got: usize,
    },
    /// An integer below zero.
    #[error("{field}: expected an integer of at least 0, got a negative one")]
    Negative {
        /// The field.
        field: &'static str,
    },
    /// An integer with a zero byte before it that it doesn't need.
    #[error("{field}: expected an integer in its shortest form, got a zero byte too many before it")]
    Padded {
        /// The field.
        field: &'static str,
    },
}

/// What is left to be read.
pub(super) struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// This many bytes.
    pub(super) fn bytes(&mut self, field: &'static str, expected: usize) -> Result<&'a [u8], WireError> {
        let short = WireError::Short { field, expected, got: self.0.len() };
        let (bytes, rest) = self.0.split_at_checked(expected).ok_or(short)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(super) fn uint32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        // A length that doesn't fit is longer than anything that is in memory.
        let length = usize::try_from(self.uint32(field)?).unwrap_or(usize::MAX);
        self.bytes(field, length)
    }

    /// An integer that isn't negative: big endian, without leading zero bytes, so that zero is no byte at all.
    pub(super) fn mpint(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        match self.string(field)? {
            // The sign's bit would be set without the zero byte.
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Ok(rest),
            [0, ..] => Err(WireError::Padded { field }),
            [0x80..=0xff, ..] => Err(WireError::Negative { field }),
            magnitude => Ok(magnitude),
        }
    }

    /// Nothing may be left of what is called `field`.
    pub(super) const fn end(self, field: &'static str) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Left { field, got: self.0.len() }) }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let short = WireError::Short { field, expected: N, got: self.0.len() };
        let (bytes, rest) = self.0.split_first_chunk().ok_or(short)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// Adds a string. None that is made here comes near 2^32 bytes; one that did would get a length that no reader agrees with.
pub(super) fn push_string(bytes: &mut Vec<u8>, string: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(string.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(string);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mpint(content: &[u8]) -> Result<Vec<u8>, WireError> {
        let mut bytes = Vec::new();
        push_string(&mut bytes, content);
        let mut wire = Wire::new(&bytes);
        let magnitude = wire.mpint("n")?.to_vec();
        wire.end("n")?;
        Ok(magnitude)
    }

    #[test]
    fn an_integer_has_one_spelling() {
        // RFC 4251 section 5: zero, 0x9a378f9b2e332a7, 0x80, and two that are negative.
        assert_eq!(mpint(&[]), Ok(vec![]));
        let long = [0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7];
        assert_eq!(mpint(&long), Ok(long.to_vec()));
        assert_eq!(mpint(&[0, 0x80]), Ok(vec![0x80]));
        assert_eq!(mpint(&[0xed, 0xcc]), Err(WireError::Negative { field: "n" }));
        assert_eq!(mpint(&[0xff, 0x21, 0x52, 0x41, 0x11]), Err(WireError::Negative { field: "n" }));
        for padded in [&[0][..], &[0, 0], &[0, 0x7f], &[0, 0, 0x80]] {
            assert_eq!(mpint(padded), Err(WireError::Padded { field: "n" }), "{padded:?}");
        }
    }

    #[test]
    fn what_is_short_and_what_is_left_are_told() {
        let short = |expected, got| Err(WireError::Short { field: "s", expected, got });
        assert_eq!(Wire::new(&[0, 0, 0]).string("s"), short(4, 3));
        assert_eq!(Wire::new(&[0, 0, 0, 2, 7]).string("s"), short(2, 1));
        assert_eq!(Wire::new(&[0xff, 0xff, 0xff, 0xff, 7]).string("s"), short(0xffff_ffff, 1));
        assert_eq!(Wire::new(&[]).byte("s"), Err(WireError::Short { field: "s", expected: 1, got: 0 }));
        let mut wire = Wire::new(&[0, 0, 0, 1, 7, 8, 9]);
        assert_eq!(wire.string("s"), Ok(&[7][..]));
        assert_eq!(wire.byte("s"), Ok(8));
        assert_eq!(wire.end("s"), Err(WireError::Left { field: "s", got: 1 }));
    }
}
