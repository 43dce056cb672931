//! Times for people: milliseconds or seconds since the Unix epoch as RFC 3339, UTC, and back. No clock is read here.

use alloc::format;
use alloc::string::String;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;

/// Days from 0000-03-01, where the computation starts its years, to 1970-01-01.
const EPOCH_DAYS: u64 = 719_468;

/// The last second that is read: `9999-12-31T23:59:59Z`.
pub const READ_S_MAX: u64 = 253_402_300_799;

/// `2026-01-31T23:59:59.999Z`.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    // Years that start in March put the leap day last, so that days to months is one division.
    let days = ms / DAY_MS + EPOCH_DAYS;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);

    let seconds = ms % DAY_MS / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

/// `2026-01-31T23:59:59Z`.
#[must_use]
pub fn rfc3339_s(time_s: u64) -> String {
    rfc3339(time_s.saturating_mul(1_000)).replace(".000Z", "Z")
}

/// The milliseconds that [`rfc3339`] writes as this text, from 1970 to 9999. No other form of RFC 3339 is read.
#[must_use]
pub fn read_rfc3339(text: &str) -> Option<u64> {
    let number = |from, to| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years that start in March, as above.
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * ERA_DAYS + day_of_era).checked_sub(EPOCH_DAYS)?;
    let ms = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + number(20, 23)?;
    // What is no day of the calendar, no time of the day or of another form is written another way.
    (rfc3339(ms) == text).then_some(ms)
}

/// The seconds that [`rfc3339_s`] writes as this text, from 1970 to [`READ_S_MAX`]. No other form of RFC 3339 is read.
#[must_use]
pub fn read_rfc3339_s(text: &str) -> Option<u64> {
    let seconds = text.strip_suffix('Z').filter(|rest| rest.len() == "2026-01-31T23:59:59".len())?;
    read_rfc3339(&format!("{seconds}.000Z")).map(|ms| ms / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
            (1_767_225_599_001, "2025-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (9_007_199_254_740_991, "287396-10-12T08:59:00.991Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(rfc3339(ms), text);
            let four_digits = ms / 1_000 <= READ_S_MAX;
            assert_eq!(read_rfc3339(text), four_digits.then_some(ms), "{text}");
        }
        assert_eq!(rfc3339_s(READ_S_MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_time_or_has_another_form_is_none() {
        for text in [
            "",
            "Z",
            "2027-01-31",
            "2027-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-04-31T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T23:60:59Z",
            "2027-01-31T23:59:60Z",
            "2027-01-31T23:59:59",
            "2027-01-31T23:59:59+00:00",
            "2027-01-31t23:59:59z",
            "2027-01-31 23:59:59Z",
            "2027-01-31T23:59Z",
            "20270131T235959Z",
            "+027-01-31T23:59:59Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            " 2027-01-31T23:59:59Z",
            "\u{e9}\u{e9}27-01-31T23:59:59Z",
        ] {
            assert_eq!(read_rfc3339_s(text), None, "{text}");
            assert_eq!(read_rfc3339(&text.replace('Z', ".000Z")), None, "{text}");
        }
        for fraction in ["", ".0", ".00", ".0000", ".+00", ",000"] {
            assert_eq!(read_rfc3339(&format!("2027-01-31T23:59:59{fraction}Z")), None, "{fraction}");
        }
        assert_eq!(read_rfc3339_s("2027-01-31T23:59:59.000Z"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(ms in 0..=READ_S_MAX * 1_000 + 999) {
            prop_assert_eq!(read_rfc3339(&rfc3339(ms)), Some(ms));
            prop_assert_eq!(read_rfc3339_s(&rfc3339_s(ms / 1_000)), Some(ms / 1_000));
        }

        #[test]
        fn no_other_text_is_read(text: String) {
            prop_assert_eq!((read_rfc3339(&text), read_rfc3339_s(&text)), (None, None));
        }
    }
}
