//! This machine's clock, and times for people.

use provlog_core::limits::TIME_MS_MAX;
use provlog_core::time::read_rfc3339;
pub(crate) use provlog_core::time::rfc3339;
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's clock, if it is past 1970.
pub(crate) fn now_ms() -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Reads `2026-01-31`, `2026-01-31T23:59:59Z`, with up to three more digits of a second, or milliseconds since the epoch.
pub(crate) fn parse_ms(text: &str) -> Result<u64, String> {
    let milliseconds = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let ms = milliseconds.or_else(|| parse_utc(text)).filter(|ms| *ms <= TIME_MS_MAX);
    let expected =
        "expected a date such as 2026-01-31, a UTC time such as 2026-01-31T23:59:59Z, or milliseconds";
    ms.ok_or_else(|| format!("{expected} since the Unix epoch"))
}

fn parse_utc(text: &str) -> Option<u64> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    // A point without digits behind it stays, and is refused.
    let parted = clock.split_once('.').filter(|(_, fraction)| !fraction.is_empty());
    let (seconds, fraction) = parted.unwrap_or((clock, "000"));
    read_rfc3339(&format!("{date}T{seconds}.{fraction:0<3}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        let cases = [
            ("1970-01-01", 0),
            ("2024-02-29", 1_709_164_800_000),
            ("2026-01-01T00:00:00Z", 1_767_225_600_000),
            ("2025-12-31T23:59:59.001Z", 1_767_225_599_001),
            ("2025-12-31T23:59:59.5Z", 1_767_225_599_500),
            ("1767225599001", 1_767_225_599_001),
        ];
        for (text, ms) in cases {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
        let bad = [
            "",
            "2023-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-1-1",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00.0001Z",
            "2026-01-01T00:00:00.Z",
            "1969-12-31",
            "+5",
            "9007199254740992",
            "2026-01-01T00:60:00Z",
        ];
        for text in bad {
            assert!(parse_ms(text).is_err(), "{text}");
        }
    }
}
