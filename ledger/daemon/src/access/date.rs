//! Times in the file of tokens and on the command line: seconds since the Unix epoch, in UTC. No clock is read here.

use provlog_core::time::rfc3339;

/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;

/// Days from 0000-03-01, where years are counted from here, to 1970-01-01.
const EPOCH_DAYS: u64 = 719_468;

/// When a token ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expiry {
    /// Not by itself.
    Never,
    /// At this second: then it is no longer taken.
    At(u64),
}

impl Expiry {
    /// Reads a date, whose beginning is meant, a time as [`parse`] reads it, or `never`.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let time_s = parse(text).or_else(|| parse(&format!("{text}T00:00:00Z")));
        let expected =
            "expected a date such as 2027-01-31, a UTC time such as 2027-01-31T23:59:59Z, or never";
        time_s.map(Self::At).ok_or_else(|| expected.into())
    }

    /// Whether it has come.
    pub(crate) fn is_past(self, now_s: u64) -> bool {
        matches!(self, Self::At(end_s) if end_s <= now_s)
    }

    /// As [`Expiry::parse`] reads it.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Never => "never".into(),
            Self::At(time_s) => to_text(time_s),
        }
    }
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`.
pub(crate) fn to_text(time_s: u64) -> String {
    rfc3339(time_s.saturating_mul(1_000)).replace(".000Z", "Z")
}

/// Reads `YYYY-MM-DDTHH:MM:SSZ`, from 1970 to 9999, and no other form of RFC 3339.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years that start in March put the leap day last, so that months to days is one division.
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * ERA_DAYS + day_of_era).checked_sub(EPOCH_DAYS)?;
    let time_s = ((days * 24 + hour) * 60 + minute) * 60 + second;
    // Whatever isn't a day of the calendar or a time of the day is written another way.
    (to_text(time_s) == text).then_some(time_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_strictly() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:01Z", 951_825_601),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ];
        for (text, time_s) in cases {
            assert_eq!(parse(text), Some(time_s), "{text}");
        }
        for bad in [
            "",
            "2027-01-31",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T23:59:60Z",
            "2027-01-31T23:59:59+00:00",
            "2027-01-31t23:59:59z",
            "2027-01-31T23:59:59.5Z",
            "+027-01-31T23:59:59Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "\u{e9}\u{e9}27-01-31T23:59:59Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_is_its_beginning_and_the_second_that_is_named_is_the_first_without() {
        let end = Expiry::parse("2027-01-31").unwrap();
        assert_eq!(end.to_text(), "2027-01-31T00:00:00Z");
        let Expiry::At(end_s) = end else { panic!("{end:?}") };
        assert!(!end.is_past(end_s - 1) && end.is_past(end_s) && end.is_past(u64::MAX));
        assert!(!Expiry::parse("never").unwrap().is_past(u64::MAX));
        for bad in ["Never", "", "2027-1-31", "31.1.2027", "2027-01-31 ", "tomorrow"] {
            assert!(Expiry::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(time_s in 0_u64..=253_402_300_799) {
            prop_assert_eq!(parse(&to_text(time_s)), Some(time_s));
        }
    }
}
