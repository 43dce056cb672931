//! Times as rosters and statements write them: seconds since the Unix epoch, from 1970 to 9999, in UTC. No clock is read here.

use provlog_core::time::rfc3339;

/// `9999-12-31T23:59:59Z`.
pub const TIME_S_MAX: u64 = 253_402_300_799;

/// Days of each month of a year that isn't a leap year.
const MONTH_DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Reads `YYYY-MM-DDTHH:MM:SSZ`, and no other form of RFC 3339.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let time_s = parse_compact(&format!("{digits}Z"))?;
    (to_text(time_s) == text).then_some(time_s)
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`.
#[must_use]
pub fn to_text(time_s: u64) -> String {
    rfc3339(time_s.min(TIME_S_MAX) * 1_000).replace(".000Z", "Z")
}

/// Reads `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`: what `ssh-keygen` takes, but for local times.
#[must_use]
pub fn parse_compact(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z')?;
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number =
        |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |part| part.parse::<u64>().ok());
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let times = |year: u64, number| year.is_multiple_of(number);
    let leap = |year| u64::from(times(year, 4) && (!times(year, 100) || times(year, 400)));
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    let february = if month == 2 { leap(year) } else { 0 };
    if day < 1 || day > MONTH_DAYS.get(before)? + february {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + leap(year)).sum();
    let months: u64 = MONTH_DAYS.get(..before)?.iter().sum();
    let days = years + months + (day - 1) + if month > 2 { leap(year) } else { 0 };
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Writes `YYYYMMDDHHMMSSZ`.
#[must_use]
pub fn to_compact(time_s: u64) -> String {
    to_text(time_s).replace(['-', ':', 'T'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        let cases = [
            ("19700101Z", 0, "1970-01-01T00:00:00Z"),
            ("197001010001Z", 60, "1970-01-01T00:01:00Z"),
            ("20000229Z", 951_782_400, "2000-02-29T00:00:00Z"),
            ("20000301000000Z", 951_868_800, "2000-03-01T00:00:00Z"),
            ("20240228235959Z", 1_709_164_799, "2024-02-28T23:59:59Z"),
            ("21000301Z", 4_107_542_400, "2100-03-01T00:00:00Z"),
            ("99991231235959Z", TIME_S_MAX, "9999-12-31T23:59:59Z"),
        ];
        for (compact, time_s, text) in cases {
            assert_eq!(parse_compact(compact), Some(time_s), "{compact}");
            assert_eq!(parse(text), Some(time_s), "{text}");
            assert_eq!(to_text(time_s), text);
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
        ] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
        for text in [
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00+00:00",
            "2026-02-29T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "10000-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "20260101000000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_has_one_text(time_s in 0..=TIME_S_MAX) {
            prop_assert_eq!(parse(&to_text(time_s)), Some(time_s));
            prop_assert_eq!(parse_compact(&to_compact(time_s)), Some(time_s));
        }
    }
}
