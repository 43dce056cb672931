//! Lowercase hexadecimal. Uppercase is refused, so that every value has one spelling.

use alloc::string::String;
use alloc::vec::Vec;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lowercase hex of `bytes`, two characters a byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    push(&mut text, bytes);
    text
}

/// Adds the lowercase hex of `bytes` to `text`.
pub fn push(text: &mut String, bytes: &[u8]) {
    text.reserve(bytes.len().saturating_mul(2));
    // Most of what is spelled out is a hash: a piece of that size at a time.
    for piece in bytes.chunks(32) {
        let mut digits = [0; 64];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(piece) {
            *pair = [byte >> 4, byte & 15].map(|nibble| DIGITS[usize::from(nibble)]);
        }
        let digits = pairs.get(..piece.len()).unwrap_or_default().as_flattened();
        text.push_str(core::str::from_utf8(digits).unwrap_or_default());
    }
}

/// The bytes that `text` spells, or `None` when it is not an even number of lowercase hex digits.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// As [`decode`], for a fixed number of bytes.
#[must_use]
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        assert_eq!(encode(&[0, 0x7f, 0xff]), "007fff");
        for length in [0, 1, 31, 32, 33, 100] {
            let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(7)).collect();
            assert_eq!(encode(&bytes).len(), 2 * bytes.len());
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!(decode("007fff"), Some([0, 0x7f, 0xff].to_vec()));
        assert_eq!(decode_array::<2>("00ff"), Some([0, 255]));
        for bad in ["0", "0G", "FF", " 0", "0x00"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(decode_array::<2>("00"), None);
    }
}
