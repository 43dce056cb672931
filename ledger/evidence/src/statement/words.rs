//! The words of a statement: tokens, of which each has one spelling, and text, which shows what it says.

use provlog_core::claims::{Field, Type};
use std::ops::RangeInclusive;

/// Printable ASCII that separates tokens or begins an escape, and so doesn't stand for itself.
const SEPARATORS: &[u8] = b"@=,%";

/// Code points that text may not have: controls, spaces and dashes that aren't U+0020 and U+002D but look like them, what has
/// no width, fillers, what turns the direction of reading or strikes through, private use, tags, and what is no character: a
/// reader sees none of them, or sees something else.
const HIDDEN: [RangeInclusive<char>; 46] = [
    '\u{0}'..='\u{1f}',
    '\u{7f}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{334}'..='\u{338}',
    '\u{34f}'..='\u{34f}',
    '\u{488}'..='\u{489}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{1680}'..='\u{1680}',
    '\u{17b4}'..='\u{17b5}',
    '\u{17d2}'..='\u{17d2}',
    '\u{180b}'..='\u{180f}',
    '\u{1abe}'..='\u{1abe}',
    '\u{2000}'..='\u{2015}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{20d0}'..='\u{20ff}',
    '\u{2212}'..='\u{2212}',
    '\u{2800}'..='\u{2800}',
    '\u{2d7f}'..='\u{2d7f}',
    '\u{3000}'..='\u{3000}',
    '\u{3164}'..='\u{3164}',
    '\u{a670}'..='\u{a672}',
    // With the surrogates before them, which no UTF-8 has.
    '\u{e000}'..='\u{f8ff}',
    '\u{fdd0}'..='\u{fdef}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{ffff}',
    '\u{1107f}'..='\u{1107f}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1345f}',
    '\u{16fe4}'..='\u{16fe4}',
    '\u{1bc9d}'..='\u{1bc9d}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d159}'..='\u{1d159}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{1fffe}'..='\u{1ffff}',
    '\u{2fffe}'..='\u{2ffff}',
    '\u{3fffe}'..='\u{10ffff}',
];

/// Marks that stand above or below the letter before them.
const MARKS: RangeInclusive<char> = '\u{300}'..='\u{36f}';

/// Most of them in a row: languages have two, and more reach into the lines around.
const MARKS_MAX: usize = 2;

/// How lines start behind the first. Where text is wrapped to a narrow window, it could look like one of them.
const LABELS: [&str; 11] = [
    "action: ",
    "log: ",
    "environment: ",
    "subject: ",
    "intent: ",
    "scope: ",
    "reason: ",
    "policy: ",
    "requester: ",
    "nonce: ",
    "expires: ",
];

/// The one spelling of a token.
pub(super) fn encode(token: &str) -> String {
    if token == "-" {
        // Which alone says that there is none.
        return "%2D".into();
    }
    let mut text = String::with_capacity(token.len());
    for byte in token.bytes() {
        if byte.is_ascii_graphic() && !SEPARATORS.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// What a token's text stands for, in whatever spelling: whoever asks spells it again, and compares.
pub(super) fn decode(text: &str) -> Option<String> {
    let (first, rest) = text.split_at(text.find('%').unwrap_or(text.len()));
    let mut bytes = first.as_bytes().to_vec();
    // Each part starts behind a `%`.
    for part in rest.split('%').skip(1) {
        let (digits, after) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(after.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|token| !token.is_empty())
}

/// Whether people see this text as what it is, and as no other part of a statement.
pub(super) fn is_text(text: &str) -> bool {
    let spaced = text.starts_with(' ') || text.ends_with(' ') || text.contains("  ");
    let hidden = |c: char| HIDDEN.iter().any(|range| range.contains(&c));
    let stacked = text.split(|c| !MARKS.contains(&c)).any(|marks| marks.chars().count() > MARKS_MAX);
    let digested = |algorithm: &Field| text.contains(&format!("{}:", algorithm.name));
    let digested = Type::Digest.fields().is_some_and(|algorithms| algorithms.iter().any(digested));
    let labelled = digested || LABELS.iter().any(|label| text.contains(label));
    !text.is_empty() && !spaced && !text.contains(hidden) && !stacked && !labelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_have_one_spelling() {
        let cases = [
            ("alice", "alice"),
            ("-", "%2D"),
            ("--", "--"),
            ("alice@example.com", "alice%40example.com"),
            ("a b,c=d%", "a%20b%2Cc%3Dd%25"),
            ("pkg:oci/app:1.2~rc+x", "pkg:oci/app:1.2~rc+x"),
            ("é\u{202e}\n", "%C3%A9%E2%80%AE%0A"),
        ];
        for (token, text) in cases {
            assert_eq!(encode(token), text);
            assert_eq!(decode(text).as_deref(), Some(token));
        }
        // Another spelling of the same, which is told by spelling it again.
        for text in ["%61", "%2d", "-", "a@b", "a b"] {
            assert_ne!(encode(&decode(text).unwrap()), text);
        }
        for text in ["", "%", "%2", "%zz", "%+1", "%C3", "%é", "a%4"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn text_is_what_people_see() {
        for text in [
            "a",
            "Fix the login",
            "Zürich 東京 \u{1f600}",
            "a\u{301}",
            "= @ , % -",
            "\u{2027}",
            "e\u{301}\u{302}e\u{301}\u{302}",
            "log:",
            "log this",
            "sha1:",
            "sha256 :",
            "My logs:",
        ] {
            assert!(is_text(text), "{text:?}");
        }
        for text in [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\nb",
            "a\rb",
            "a\0",
            "e\u{301}\u{302}\u{303}",
            "see the log: here",
            "expires: never",
            "sha256:00",
            "agitTree:",
        ] {
            assert!(!is_text(text), "{text:?}");
        }
        for hidden in [
            0x7f, 0x85, 0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x1680, 0x17b4, 0x180e, 0x2000, 0x200b,
            0x2010, 0x2015, 0x2212, 0x338, 0x20dd, 0x13430, 0x1fffe, 0x3fffe, 0x40000, 0x200d, 0x200e,
            0x2028, 0x2029, 0x202a, 0x202e, 0x202f, 0x205f, 0x2060, 0x2066, 0x2069, 0x2800, 0x3000, 0x3164,
            0xe000, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffd, 0x1bca0, 0x1d173, 0xe0001, 0xe0041, 0xe0100,
            0xf0000, 0x10_ffff,
        ] {
            let text = format!("a{}b", char::from_u32(hidden).unwrap());
            assert!(!is_text(&text), "U+{hidden:04X}");
        }
    }

    proptest! {
        #[test]
        fn every_token_is_read_as_it_was(token in "\\PC{1,20}|.{1,20}") {
            let text = encode(&token);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"@=,".contains(&byte)));
            prop_assert_eq!(decode(&text), Some(token));
        }
    }
}
