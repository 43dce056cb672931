//! The strict reader.

use super::value::{Map, Value, key_order};
use crate::limits::INTEGER_MAX;
use alloc::string::String;
use alloc::vec::Vec;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// What the profile refused, and at which byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("CBOR at byte {offset}: {fault}")]
pub struct CborError {
    /// Offset from the start of what the reader was given.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// The ways in which bytes leave the profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The input ends within an item.
    #[error("the input ends within an item")]
    Truncated,
    /// Bytes follow the last item.
    #[error("trailing bytes after the item")]
    Trailing,
    /// The head is longer than it needs to be.
    #[error("expected the shortest head for this length or integer")]
    NotShortest,
    /// A length that isn't told before the content (RFC 8949, section 3.2).
    #[error("indefinite lengths are not allowed")]
    Indefinite,
    /// A head with a reserved length.
    #[error("a reserved head")]
    Reserved,
    /// A tag, major type 6.
    #[error("tags are not allowed")]
    Tag,
    /// A float, `undefined` or another simple value.
    #[error("expected true, false or null among the simple values: floats and others are not allowed")]
    Simple,
    /// Beyond +-(2^53-1).
    #[error("integers are limited to +-(2^53-1)")]
    IntegerRange,
    /// Text that isn't UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A map key that isn't text.
    #[error("map keys must be text")]
    KeyType,
    /// Keys out of order, or twice the same.
    #[error("map keys must ascend strictly, by length and then bytewise")]
    KeyOrder,
    /// Nested deeper than allowed here.
    #[error("arrays and maps are nested too deep")]
    Depth,
    /// Another type than the format has at this place.
    #[error("expected {0}")]
    Expected(&'static str),
}

/// Reads items of the profile from the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input, offset: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes from `start`, an earlier [`Reader::offset`], to here.
    #[must_use]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.offset).unwrap_or_default()
    }

    /// Demands that nothing follows.
    ///
    /// # Errors
    /// [`Fault::Trailing`].
    pub fn finish(self) -> Result<(), CborError> {
        if self.offset == self.input.len() { Ok(()) } else { Err(self.fault(Fault::Trailing)) }
    }

    /// An array's head; gives the number of items.
    ///
    /// # Errors
    /// When the next item is no array.
    pub fn array(&mut self) -> Result<usize, CborError> {
        self.length(ARRAY, "an array")
    }

    /// A map's head; gives the number of entries. Read each key with [`Reader::key`].
    ///
    /// # Errors
    /// When the next item is no map.
    pub fn map(&mut self) -> Result<usize, CborError> {
        self.length(MAP, "a map")
    }

    /// A map's next key, which must come after `previous`.
    ///
    /// # Errors
    /// When it isn't text, or not in order.
    pub fn key(&mut self, previous: Option<&str>) -> Result<&'a str, CborError> {
        let start = self.offset;
        if self.peek().is_some_and(|byte| byte >> 5 != TEXT) {
            return Err(self.fault(Fault::KeyType));
        }
        let key = self.text()?;
        match previous {
            Some(previous) if key_order(previous, key).is_ge() => {
                Err(CborError { offset: start, fault: Fault::KeyOrder })
            }
            _ => Ok(key),
        }
    }

    /// A byte string.
    ///
    /// # Errors
    /// When the next item is none.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.length(BYTES, "a byte string")?;
        self.take(length)
    }

    /// A text string.
    ///
    /// # Errors
    /// When the next item is none, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let start = self.offset;
        let length = self.length(TEXT, "a text string")?;
        let bytes = self.take(length)?;
        core::str::from_utf8(bytes).map_err(|_| CborError { offset: start, fault: Fault::Utf8 })
    }

    /// Whether the next item is a byte string.
    #[must_use]
    pub fn at_bytes(&self) -> bool {
        self.peek().is_some_and(|byte| byte >> 5 == BYTES)
    }

    /// What an error message calls the next item's type, by its first byte alone; nothing at the end of the input.
    #[must_use]
    pub fn next_type(&self) -> Option<&'static str> {
        Some(match self.peek()? >> 5 {
            UNSIGNED | NEGATIVE => "an integer",
            BYTES => "bytes",
            TEXT => "a string",
            ARRAY => "a list",
            MAP => "a map",
            TAG => "a tag",
            _ => "a simple value or a float",
        })
    }

    /// Any item, nested at most `depth_max` deep.
    ///
    /// # Errors
    /// Whatever the profile refuses.
    pub fn value(&mut self, depth_max: usize) -> Result<Value, CborError> {
        let start = self.offset;
        let (major, argument) = self.head()?;
        let wrong = |fault| CborError { offset: start, fault };
        Ok(match major {
            UNSIGNED => Value::Integer(integer(argument).ok_or(wrong(Fault::IntegerRange))?),
            // CBOR's negative integers are -1 - argument.
            NEGATIVE => {
                let negated = argument.checked_add(1).and_then(integer).ok_or(wrong(Fault::IntegerRange))?;
                Value::Integer(-negated)
            }
            BYTES => Value::Bytes(self.counted(argument, start).and_then(|n| self.take(n))?.into()),
            TEXT => {
                let bytes = self.counted(argument, start).and_then(|n| self.take(n))?;
                Value::Text(core::str::from_utf8(bytes).map_err(|_| wrong(Fault::Utf8))?.into())
            }
            ARRAY => {
                let depth_left = depth_max.checked_sub(1).ok_or(wrong(Fault::Depth))?;
                let count = self.counted(argument, start)?;
                let mut items = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    items.push(self.value(depth_left)?);
                }
                Value::Array(items)
            }
            MAP => {
                let depth_left = depth_max.checked_sub(1).ok_or(wrong(Fault::Depth))?;
                let count = self.counted(argument, start)?;
                let mut entries: Vec<(String, Value)> = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    let key = self.key(entries.last().map(|(key, _)| key.as_str()))?;
                    entries.push((key.into(), self.value(depth_left)?));
                }
                Value::Map(Map(entries))
            }
            TAG => return Err(wrong(Fault::Tag)),
            _ => match argument {
                20 => Value::Bool(false),
                21 => Value::Bool(true),
                22 => Value::Null,
                _ => return Err(wrong(Fault::Simple)),
            },
        })
    }

    /// Passes over any item, nested at most `depth_max` deep, checking it as [`Reader::value`] does.
    ///
    /// # Errors
    /// Whatever the profile refuses.
    pub fn skip(&mut self, depth_max: usize) -> Result<(), CborError> {
        let start = self.offset;
        let (major, argument) = self.head()?;
        let wrong = |fault| CborError { offset: start, fault };
        match major {
            UNSIGNED => integer(argument).map(drop).ok_or(wrong(Fault::IntegerRange)),
            NEGATIVE => argument.checked_add(1).and_then(integer).map(drop).ok_or(wrong(Fault::IntegerRange)),
            BYTES => self.counted(argument, start).and_then(|n| self.take(n)).map(drop),
            TEXT => {
                let bytes = self.counted(argument, start).and_then(|n| self.take(n))?;
                core::str::from_utf8(bytes).map(drop).map_err(|_| wrong(Fault::Utf8))
            }
            ARRAY => {
                let depth_left = depth_max.checked_sub(1).ok_or(wrong(Fault::Depth))?;
                (0..self.counted(argument, start)?).try_for_each(|_| self.skip(depth_left))
            }
            MAP => {
                let depth_left = depth_max.checked_sub(1).ok_or(wrong(Fault::Depth))?;
                let mut previous = None;
                for _ in 0..self.counted(argument, start)? {
                    previous = Some(self.key(previous)?);
                    self.skip(depth_left)?;
                }
                Ok(())
            }
            TAG => Err(wrong(Fault::Tag)),
            _ if (20..=22).contains(&argument) => Ok(()),
            _ => Err(wrong(Fault::Simple)),
        }
    }

    /// Passes over any item, nested at most `depth_max` deep, by its heads alone: where it ends. What is in it is for
    /// whoever reads it to check, so nothing that is passed over like this may count before it was read.
    ///
    /// # Errors
    /// Where heads or the end of the input leave it open where the item ends.
    pub fn pass(&mut self, depth_max: usize) -> Result<(), CborError> {
        let start = self.offset;
        let (major, argument) = self.head()?;
        let items = match major {
            BYTES | TEXT => return self.counted(argument, start).and_then(|n| self.take(n)).map(drop),
            ARRAY => self.counted(argument, start)?,
            MAP => self.counted(argument, start)?.saturating_mul(2),
            TAG => return Err(CborError { offset: start, fault: Fault::Tag }),
            _ => return Ok(()),
        };
        let depth_left = depth_max.checked_sub(1).ok_or(CborError { offset: start, fault: Fault::Depth })?;
        (0..items).try_for_each(|_| self.pass(depth_left))
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.offset).copied()
    }

    fn fault(&self, fault: Fault) -> CborError {
        CborError { offset: self.offset, fault }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CborError> {
        let end = self.offset.checked_add(length);
        let bytes =
            end.and_then(|end| self.input.get(self.offset..end)).ok_or(self.fault(Fault::Truncated))?;
        self.offset += length;
        Ok(bytes)
    }

    /// A length, which cannot be above the bytes left: every item has at least one.
    fn counted(&self, argument: u64, start: usize) -> Result<usize, CborError> {
        let left = self.input.len() - self.offset;
        let count = usize::try_from(argument).ok().filter(|count| *count <= left);
        count.ok_or(CborError { offset: start, fault: Fault::Truncated })
    }

    fn length(&mut self, major: u8, name: &'static str) -> Result<usize, CborError> {
        let start = self.offset;
        let (got, argument) = self.head()?;
        if got == major {
            self.counted(argument, start)
        } else {
            Err(CborError { offset: start, fault: Fault::Expected(name) })
        }
    }

    /// The major type and the argument of the next head.
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let start = self.offset;
        let first = self.peek().ok_or(self.fault(Fault::Truncated))?;
        self.offset += 1;
        let (major, low) = (first >> 5, first & 31);
        let wrong = |fault| Err(CborError { offset: start, fault });
        // Major type 7 has no shortest form: one byte is a simple value, everything longer a float or unassigned.
        if major == 7 && low >= 24 {
            return wrong(if low == 31 { Fault::Indefinite } else { Fault::Simple });
        }
        let (length, least) = match low {
            0..24 => return Ok((major, u64::from(low))),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            28..31 => return wrong(Fault::Reserved),
            _ => return wrong(Fault::Indefinite),
        };
        let argument = self.take(length)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        if argument < least { wrong(Fault::NotShortest) } else { Ok((major, argument)) }
    }
}

fn integer(argument: u64) -> Option<i64> {
    i64::try_from(argument).ok().filter(|_| argument <= INTEGER_MAX)
}
