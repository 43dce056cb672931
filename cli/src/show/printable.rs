//! Strangers' text, made safe: nothing in it drives a terminal, and nothing in it is there without being seen.

use std::fmt::Write as _;

/// Most spaces that are shown as they are: more of them move text to where it doesn't belong.
const SPACES_MAX: usize = 2;

/// `text` with everything that controls, formats or shows nothing as escapes, line ends among it.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || is_seen(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_unicode());
        }
    }
    safe
}

/// A stranger's text with long runs of spaces as their number.
pub(crate) fn told_spaces(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(' ') {
        let (before, from) = rest.split_at(start);
        let behind = from.trim_start_matches(' ');
        let spaces = from.len() - behind.len();
        told.push_str(before);
        if spaces > SPACES_MAX {
            told.push_str(&format!(" [{spaces} spaces] "));
        } else {
            told.push_str(&from[..spaces]);
        }
        rest = behind;
    }
    told + rest
}

/// JSON text whose strings hold nothing that isn't seen: what JSON lets through is escaped, too.
pub(crate) fn json_printable(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || is_seen(character) {
            safe.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Invariant: writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// What a text's words mix that look alike: Latin letters with Cyrillic or Greek ones.
pub(crate) fn mixed_scripts(text: &str) -> Option<&'static str> {
    text.split_whitespace().find_map(|word| {
        let any = |is: fn(char) -> bool| word.chars().any(is);
        match (any(is_latin), any(is_cyrillic), any(is_greek)) {
            (true, true, _) => Some("Latin and Cyrillic letters in one word"),
            (true, _, true) => Some("Latin and Greek letters in one word"),
            (_, true, true) => Some("Cyrillic and Greek letters in one word"),
            _ => None,
        }
    })
}

/// Whether a character shows itself. The standard library's table says so of all but those that Unicode counts among
/// letters, marks and symbols though they are blank: fillers, joiners and variation selectors.
fn is_seen(character: char) -> bool {
    let blank = matches!(
        character,
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{fffc}'
            | '\u{1d159}'
            | '\u{e0100}'..='\u{e01ef}'
    );
    // Behind another character, so that a mark on a letter is none that stands alone.
    let mut bytes = *b"a\0\0\0\0";
    let length = 1 + character.encode_utf8(&mut bytes[1..]).len();
    let shown = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
    let escaped =
        matches!(shown.escape_debug().nth(1), Some('\\')) && !matches!(character, '"' | '\'' | '\\');
    !blank && !escaped
}

const fn is_latin(character: char) -> bool {
    matches!(character, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

const fn is_cyrillic(character: char) -> bool {
    matches!(character, '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}')
}

const fn is_greek(character: char) -> bool {
    matches!(character, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped_wherever_it_stands() {
        let unseen = [
            '\0',
            '\u{7}',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{9d}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{2003}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e000}',
        ];
        for character in unseen {
            let text = format!("a{character}b");
            assert_eq!(printable(&text), format!("a{}b", character.escape_unicode()), "{character:?}");
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let safe = json_printable(&json);
            assert!(safe.chars().all(|shown| shown == '\n' || is_seen(shown)), "{safe:?}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [text]);
        }
    }

    #[test]
    fn what_is_seen_stays() {
        let text = "Zoë \"naïve\" \\ cafe\u{301} \u{4f60}\u{597d} \u{928}\u{93f} \u{1f600} a  b 'c'";
        assert_eq!(printable(text), text);
        assert_eq!(json_printable("{\n  \"a\": \"\u{1f600} é\"\n}"), "{\n  \"a\": \"\u{1f600} é\"\n}");
    }

    #[test]
    fn spaces_that_move_text_are_counted() {
        assert_eq!(told_spaces(&format!("a{} b  c", " ".repeat(299))), "a [300 spaces] b  c");
        assert_eq!(told_spaces("   "), " [3 spaces] ");
    }

    #[test]
    fn letters_that_look_alike_are_told() {
        assert_eq!(mixed_scripts("\u{430}lice@example.com"), Some("Latin and Cyrillic letters in one word"));
        assert_eq!(mixed_scripts("\u{3b1}lice"), Some("Latin and Greek letters in one word"));
        assert_eq!(mixed_scripts("alice \u{430}\u{431}\u{432} \u{3b1}\u{3b2}"), None);
    }
}
