//! Which formats frames have.

use crate::dedup::DEDUP_KEY_BYTES;
use std::fmt;

/// A frame's format. A segment of the journal says with its version which one its frames have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One key for each record, zeros for none. Written by 0.1.0, and no more.
    One,
    /// Any number of keys for each record.
    Two,
}

impl Format {
    /// The one that is written.
    pub(crate) const NEWEST: Self = Self::Two;

    /// The format with this number.
    pub(crate) const fn of_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    pub(super) const fn of_magic(magic: [u8; 4]) -> Option<Self> {
        match &magic {
            b"PLF1" => Some(Self::One),
            b"PLF2" => Some(Self::Two),
            _ => None,
        }
    }

    pub(super) const fn magic(self) -> [u8; 4] {
        match self {
            Self::One => *b"PLF1",
            Self::Two => *b"PLF2",
        }
    }

    /// Whether the keys part of a frame of `count` records may have this length, as far as a header tells.
    pub(super) fn may_have(self, count: usize, keys_bytes: usize) -> bool {
        match self {
            Self::One => count.checked_mul(DEDUP_KEY_BYTES) == Some(keys_bytes),
            Self::Two => keys_bytes >= count,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
