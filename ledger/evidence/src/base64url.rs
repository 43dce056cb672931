//! Base64url as JOSE writes it (RFC 7515 section 2): without padding, white space, or bits left over.

use base64ct::{Base64UrlUnpadded, Encoding};

/// The bytes that the text spells. Every byte string has one spelling: what else would decode to it is refused (RFC 4648
/// section 3.5), so that a token can't be written in two ways.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// How the bytes are spelled.
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_string_has_one_spelling() {
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decode(""), Some(vec![]));
        // Padding, bits left over, the other alphabet, white space, one character too many.
        for bad in ["-_8=", "-_9", "+/8", "-_ 8", "-_8\n", " -_8", "-_8-_", "-_8.", "-_\u{e9}"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        for byte in 0..=255 {
            assert_eq!(decode(&encode(&[byte])), Some(vec![byte]));
        }
        // Of the sixteen last characters of a group only one is right.
        let right = (b'A'..=b'P').filter(|last| decode(&format!("A{}", char::from(*last))).is_some()).count();
        assert_eq!(right, 1);
    }
}
