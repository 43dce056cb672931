//! DER, as much of it as a certificate takes: tags of one byte, definite lengths in their shortest form, nothing left over.

/// `SEQUENCE`.
pub(super) const SEQUENCE: u8 = 0x30;
/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(super) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(super) const OCTET_STRING: u8 = 0x04;
/// `BOOLEAN`.
pub(super) const BOOLEAN: u8 = 0x01;
/// `OBJECT IDENTIFIER`.
pub(super) const OID: u8 = 0x06;
/// `UTCTime`.
pub(super) const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`.
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// What can't be read, by its name in RFC 5280.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a {0} in DER")]
pub struct DerError(pub(super) &'static str);

/// Values that stand one after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the content of what holds all of the bytes.
    pub(super) fn whole(bytes: &'a [u8], tag: u8, name: &'static str) -> Result<Self, DerError> {
        let mut reader = Self(bytes);
        let content = reader.expect(tag, name)?;
        reader.end(name)?;
        Ok(Self(content))
    }

    /// The next value, which has this tag.
    pub(super) fn expect(&mut self, tag: u8, name: &'static str) -> Result<&'a [u8], DerError> {
        self.optional(tag, name)?.ok_or(DerError(name))
    }

    /// The next value if it has this tag.
    pub(super) fn optional(&mut self, tag: u8, name: &'static str) -> Result<Option<&'a [u8]>, DerError> {
        if self.0.first() != Some(&tag) {
            return Ok(None);
        }
        Ok(Some(self.next(name)?.1))
    }

    /// The next value, and its tag.
    pub(super) fn next(&mut self, name: &'static str) -> Result<(u8, &'a [u8]), DerError> {
        self.split().ok_or(DerError(name))
    }

    fn split(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // The form of several bytes, which nothing in a certificate has.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match rest {
            [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
            [0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
            [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// What is left to read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is left over.
    pub(super) const fn end(&self, name: &'static str) -> Result<(), DerError> {
        if self.is_at_end() { Ok(()) } else { Err(DerError(name)) }
    }
}

/// `TRUE` where it is there; that it is `FALSE` is said by leaving it out.
pub(super) fn default_false(reader: &mut Reader<'_>, name: &'static str) -> Result<bool, DerError> {
    match reader.optional(BOOLEAN, name)? {
        None => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(DerError(name)),
    }
}

/// An integer that isn't negative, big endian, without leading zeros.
pub(super) fn unsigned<'a>(reader: &mut Reader<'a>, name: &'static str) -> Result<&'a [u8], DerError> {
    match reader.expect(INTEGER, name)? {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
        whole @ [0x01..=0x7f, ..] => Ok(whole),
        _ => Err(DerError(name)),
    }
}

/// A bit string of whole bytes.
pub(super) fn bytes_of_bits<'a>(reader: &mut Reader<'a>, name: &'static str) -> Result<&'a [u8], DerError> {
    match reader.expect(BIT_STRING, name)? {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(DerError(name)),
    }
}

/// A time of RFC 5280 section 4.1.2.5, to seconds and in UTC, as seconds since the Unix epoch.
pub(super) fn time_s(reader: &mut Reader<'_>, name: &'static str) -> Result<u64, DerError> {
    let (tag, text) = reader.next(name)?;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |number, digit| {
            digit.is_ascii_digit().then(|| 10 * number + u64::from(digit - b'0'))
        })
    };
    let read = || {
        let (year, rest) = match (tag, text) {
            (UTC_TIME, [year @ .., _, _, _, _, _, _, _, _, _, _, b'Z']) if year.len() == 2 => {
                let year = number(year)?;
                (if year >= 50 { 1900 + year } else { 2000 + year }, text.get(2..12)?)
            }
            (GENERALIZED_TIME, [year @ .., _, _, _, _, _, _, _, _, _, _, b'Z']) if year.len() == 4 => {
                (number(year)?, text.get(4..14)?)
            }
            _ => return None,
        };
        let mut fields = rest.chunks_exact(2).map(number);
        let mut field = || fields.next().flatten();
        let (month, day, hour, minute, second) = (field()?, field()?, field()?, field()?, field()?);
        let days = days_since_epoch(year, month, day)?;
        let is_time = hour < 24 && minute < 60 && second < 60;
        is_time.then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
    };
    read().ok_or(DerError(name))
}

/// Days from 1970-01-01 to this day, if there is such a day.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Years that start in March put the leap day last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = 365 * year + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // From 0000-03-01 to 1970-01-01.
    const EPOCH_DAYS: u64 = 719_468;
    (before_year + before_month + day - 1).checked_sub(EPOCH_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_form() {
        let long = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
        for (bytes, length) in [
            (long(&[4, 0], 0), 0),
            (long(&[4, 0x7f], 127), 127),
            (long(&[4, 0x81, 0x80], 128), 128),
            (long(&[4, 0x82, 1, 0], 256), 256),
        ] {
            assert_eq!(Reader::new(&bytes).next("x").unwrap(), (4, &vec![7; length][..]));
        }
        for bad in [
            long(&[4, 0x81, 0x7f], 127),
            long(&[4, 0x82, 0, 0x80], 128),
            long(&[4, 0x83, 0, 1, 0], 256),
            long(&[4, 0x80], 4),
            long(&[0x1f, 4], 4),
            long(&[4, 5], 4),
            vec![4],
            vec![],
        ] {
            assert!(Reader::new(&bad).next("x").is_err(), "{bad:02x?}");
        }
        assert!(Reader::whole(&[4, 1, 7, 0], 4, "x").is_err());
    }

    #[test]
    fn integers_and_booleans_have_one_form() {
        let integer = |bytes: &'static [u8]| unsigned(&mut Reader::new(bytes), "x");
        assert_eq!(integer(&[2, 1, 5]), Ok(&[5][..]));
        assert_eq!(integer(&[2, 2, 0, 0x80]), Ok(&[0x80][..]));
        for bad in [&[2, 1, 0x80][..], &[2, 2, 0, 5], &[2, 0], &[2, 1, 0]] {
            assert!(integer(bad).is_err(), "{bad:02x?}");
        }
        let boolean = |bytes: &'static [u8]| default_false(&mut Reader::new(bytes), "x");
        assert_eq!((boolean(&[]), boolean(&[1, 1, 0xff])), (Ok(false), Ok(true)));
        assert!(boolean(&[1, 1, 0]).is_err() && boolean(&[1, 1, 1]).is_err() && boolean(&[1, 0]).is_err());
    }

    #[test]
    fn times_are_seconds_since_the_epoch() {
        let time = |tag: u8, text: &str| {
            let bytes = [&[tag, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
            time_s(&mut Reader::new(&bytes), "x")
        };
        for (tag, text, seconds) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "000229235959Z", 951_868_799),
            (UTC_TIME, "261127220000Z", 1_795_816_800),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(time(tag, text), Ok(seconds), "{text}");
        }
        for (tag, text) in [
            (UTC_TIME, "261127220000"),
            (UTC_TIME, "2611272200Z"),
            (UTC_TIME, "261127220000+"),
            (UTC_TIME, "261327220000Z"),
            (UTC_TIME, "260229000000Z"),
            (UTC_TIME, "261100000000Z"),
            (UTC_TIME, "261127240000Z"),
            (UTC_TIME, "261127226000Z"),
            (UTC_TIME, "261127220060Z"),
            (UTC_TIME, "26112722000 Z"),
            (UTC_TIME, "691231235959Z"),
            (UTC_TIME, "20261127220000Z"),
            (GENERALIZED_TIME, "261127220000Z"),
            (GENERALIZED_TIME, "20261127220000.5Z"),
            (OCTET_STRING, "261127220000Z"),
        ] {
            assert!(time(tag, text).is_err(), "{text}");
        }
    }
}
