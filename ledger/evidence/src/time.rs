//! Times as rosters write them, in whole seconds and without marks between their digits.

use provlog_core::time::{read_rfc3339_s, rfc3339_s};

/// Where RFC 3339 has a mark between digits, from the end on.
const MARKS: [(usize, char); 5] = [(12, ':'), (10, ':'), (8, 'T'), (6, '-'), (4, '-')];

/// Reads `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`, from 1970 to 9999, as seconds since the Unix epoch: what `ssh-keygen`
/// takes, but for local times.
#[must_use]
pub(crate) fn parse_compact(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z')?;
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut text = format!("{digits:0<14}Z");
    MARKS.into_iter().for_each(|(place, mark)| text.insert(place, mark));
    read_rfc3339_s(&text)
}

/// Writes `YYYYMMDDHHMMSSZ`.
#[must_use]
pub(crate) fn to_compact(time_s: u64) -> String {
    rfc3339_s(time_s).replace(['-', ':', 'T'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use provlog_core::time::READ_S_MAX;

    #[test]
    fn known_times() {
        let cases = [
            ("19700101Z", 0),
            ("197001010001Z", 60),
            ("20000229Z", 951_782_400),
            ("20000301000000Z", 951_868_800),
            ("20240228235959Z", 1_709_164_799),
            ("21000301Z", 4_107_542_400),
            ("99991231235959Z", READ_S_MAX),
        ];
        for (compact, time_s) in cases {
            assert_eq!(parse_compact(compact), Some(time_s), "{compact}");
        }
    }

    #[test]
    fn what_is_no_date_or_has_another_form_is_none() {
        for text in [
            "",
            "Z",
            "20260101",
            "2026010Z",
            "2026010101Z",
            "20260101010101010Z",
            "20260101z",
            "20260101UTC",
            "+2026010Z",
            "20260001Z",
            "20261301Z",
            "20260100Z",
            "20260132Z",
            "20260431Z",
            "20260229Z",
            "21000229Z",
            "19691231Z",
            "202601012400Z",
            "202601010060Z",
            "20260101000060Z",
            " 20260101Z",
            "20260101\u{0660}Z",
            "2026-01-01Z",
            "2026-01-01T00:00:00Z",
            "100000101Z",
        ] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_has_one_text(time_s in 0..=READ_S_MAX) {
            prop_assert_eq!(parse_compact(&to_compact(time_s)), Some(time_s));
        }
    }
}
