//! What a text is that somebody's editor or version control wrote anew: the reason that every reader would otherwise put as
//! "not what was expected", of a line that looks right.

use core::fmt;

/// Why a text isn't plain UTF-8 whose lines end in a newline alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// A byte order mark before its first character.
    Bom,
    /// UTF-16, with a byte order mark or without.
    Utf16,
    /// A carriage return before the newline, first on this line, counted from 1.
    CarriageReturn(usize),
}

impl Foreign {
    /// Looks at the bytes of what should be a text; `None` of one that is, or that is something else altogether.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(Self::Utf16),
            [0, 0x20..=0x7e, 0, ..] | [0x20..=0x7e, 0, 0x20..=0x7e, 0, ..] => return Some(Self::Utf16),
            [0xef, 0xbb, 0xbf, ..] => return Some(Self::Bom),
            _ => {}
        }
        let at = bytes.windows(2).position(|two| two == b"\r\n")?;
        let before = bytes.get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        Some(Self::CarriageReturn(before.saturating_add(1)))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KEEP: &str = "keep the file's own bytes, or write it anew as UTF-8 with plain newlines";
        match self {
            Self::Bom => write!(f, "line 1: it starts with a byte order mark (BOM): {KEEP}"),
            Self::Utf16 => write!(f, "line 1: it is UTF-16, expected UTF-8: {KEEP}"),
            Self::CarriageReturn(line) => write!(
                f,
                "line {line}: it ends in CRLF, as git's autocrlf and some editors write it, expected a newline alone: {KEEP}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_make_of_a_text_is_told_from_what_is_none() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        let cases: [(alloc::vec::Vec<u8>, Option<Foreign>); 9] = [
            (b"one\ntwo\n".to_vec(), None),
            (b"".to_vec(), None),
            (b"\x00\x01\x02\x03".to_vec(), None),
            (b"\xef\xbb\xbfone\r\n".to_vec(), Some(Foreign::Bom)),
            (b"one\ntwo\r\n".to_vec(), Some(Foreign::CarriageReturn(2))),
            (b"\xff\xfeo\0".to_vec(), Some(Foreign::Utf16)),
            (utf16("one", u16::to_le_bytes), Some(Foreign::Utf16)),
            (utf16("one", u16::to_be_bytes), Some(Foreign::Utf16)),
            (b"one\rtwo\n".to_vec(), None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Foreign::of(&bytes), expected, "{bytes:?}");
        }
    }
}
