//! When tokens end, as their file and the command line say it. No clock is read here.

use provlog_core::time::{read_rfc3339_s, rfc3339_s};

/// When a token ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expiry {
    /// Not by itself.
    Never,
    /// At this second: then it is no longer taken.
    At(u64),
}

impl Expiry {
    /// Reads a date, whose beginning is meant, a time as [`read_rfc3339_s`] reads it, or `never`.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let time_s = read_rfc3339_s(text).or_else(|| read_rfc3339_s(&format!("{text}T00:00:00Z")));
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
            Self::At(time_s) => rfc3339_s(time_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_beginning_and_the_second_that_is_named_is_the_first_without() {
        let end = Expiry::parse("2027-01-31").unwrap();
        assert_eq!(end.to_text(), "2027-01-31T00:00:00Z");
        let Expiry::At(end_s) = end else { panic!("{end:?}") };
        assert!(!end.is_past(end_s - 1) && end.is_past(end_s) && end.is_past(u64::MAX));
        assert!(!Expiry::parse("never").unwrap().is_past(u64::MAX));
        for bad in [
            "Never",
            "",
            "2027-1-31",
            "31.1.2027",
            "2027-01-31 ",
            "2027-02-29",
            "2027-01-31T23:59:59",
            "tomorrow",
        ] {
            assert!(Expiry::parse(bad).is_err(), "{bad}");
        }
    }
}
