//! What handlers ask of a request's head: media types, the idempotency key, parameters of the query and the path.

use crate::http::codes::{
    CONTENT_ENCODING_UNSUPPORTED, CONTENT_TYPE_UNSUPPORTED, HEADER_MALFORMED, IDEMPOTENCY_KEY_FORM,
    PARAMETER_MALFORMED,
};
use crate::http::problem::Problem;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Uri};
use provlog_core::checkpoint::decimal;
use provlog_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use provlog_core::submission::is_idempotency_key;

pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const CBOR: &str = "application/cbor";
/// A CBOR sequence (RFC 8742).
pub(crate) const CBOR_SEQUENCE: &str = "application/cbor-seq";
pub(crate) const TEXT: &str = "text/plain";
pub(crate) const TEXT_UTF8: &str = "text/plain; charset=utf-8";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Which of `taken` the body is, by its media type without parameters.
///
/// # Errors
/// 415 for any other, none at all, and for a body that is encoded.
pub(crate) fn content_type(headers: &HeaderMap, taken: &[&'static str]) -> Result<&'static str, Problem> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        let got = String::from_utf8_lossy(encoding.as_bytes());
        return Err(Problem::new(&CONTENT_ENCODING_UNSUPPORTED, "expected a body without Content-Encoding")
            .expected("identity", got)
            .closing());
    }
    let got = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let essence = got.as_deref().and_then(|got| got.split(';').next()).unwrap_or_default().trim();
    if let Some(media_type) = taken.iter().find(|taken| taken.eq_ignore_ascii_case(essence)) {
        return Ok(media_type);
    }
    let (expected, got) = (taken.join(" or "), got.as_deref().unwrap_or("none"));
    Err(Problem::new(&CONTENT_TYPE_UNSUPPORTED, format!("Content-Type: expected {expected}, got {got}"))
        .expected(expected, got)
        .closing())
}

/// Which of `offered` the client likes best; the first of them when it has no preference, or likes none.
pub(crate) fn accepted(headers: &HeaderMap, offered: &[&'static str]) -> &'static str {
    let ranges: Vec<(&str, u16)> = weights(headers, &ACCEPT).collect();
    let mut best = (offered.first().copied().unwrap_or(JSON), 0);
    for media_type in offered {
        let weight = weight(media_type, &ranges);
        if weight > best.1 {
            best = (media_type, weight);
        }
    }
    best.0
}

/// What a header of preferences names, each with its weight in thousandths.
pub(crate) fn weights<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a str, u16)> + use<'a> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(range)
}

/// A media range or a coding, and its weight in thousandths (RFC 9110, section 12.5.1); malformed weights count as none.
fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
    (name, weight)
}

fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.get(..3).unwrap_or(fraction);
    match (whole, format!("{fraction:0<3}").parse()) {
        ("0", Ok(thousandths)) => thousandths,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}

/// The most specific range decides: the type itself, then all of its kind, then all.
fn weight(media_type: &str, ranges: &[(&str, u16)]) -> u16 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let find = |wanted: &dyn Fn(&str) -> bool| {
        ranges.iter().find(|(name, _)| wanted(name)).map(|(_, weight)| *weight)
    };
    find(&|name| name.eq_ignore_ascii_case(media_type))
        .or_else(|| {
            find(&|name| name.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(kind)))
        })
        .or_else(|| find(&|name| name == "*/*"))
        .unwrap_or(0)
}

/// The `Idempotency-Key` header.
///
/// # Errors
/// 400 for several, and for anything that isn't a key.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(key), second) = (values.next(), values.next()) else { return Ok(None) };
    if second.is_some() {
        return Err(Problem::new(&HEADER_MALFORMED, "Idempotency-Key: expected one, got several")
            .expected("one Idempotency-Key", "several"));
    }
    let refuse = || {
        let detail =
            format!("Idempotency-Key: expected 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
        Problem::new(&IDEMPOTENCY_KEY_FORM, detail).limit(IDEMPOTENCY_KEY_BYTES_MAX, key.len())
    };
    key.to_str().ok().filter(|key| is_idempotency_key(key)).map(Some).ok_or_else(refuse)
}

/// The values of the query's parameters, in the order of `names`.
///
/// # Errors
/// 400 for a parameter that isn't among `names`, or is there twice.
pub(crate) fn query<'a, const N: usize>(
    uri: &'a Uri,
    names: [&str; N],
) -> Result<[Option<&'a str>; N], Problem> {
    let mut values = [None; N];
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = names.iter().position(|known| *known == name).and_then(|place| values.get_mut(place));
        let Some(slot) = slot else {
            let known = if N == 0 { "no parameters".into() } else { names.join(", ") };
            return Err(malformed("query", &known, name));
        };
        if slot.replace(value).is_some() {
            return Err(malformed("query", &format!("{name} once"), "it twice"));
        }
    }
    Ok(values)
}

/// An integer of the path or the query.
///
/// # Errors
/// 400 for anything but a decimal from 0 to 2^53-1 without leading zeros.
pub(crate) fn integer(name: &str, text: &str) -> Result<u64, Problem> {
    decimal(text).ok_or_else(|| malformed(name, "a decimal from 0 to 2^53-1", text))
}

/// A part of the path or the query that isn't what it must be.
pub(crate) fn malformed(name: &str, expected: &str, got: &str) -> Problem {
    let detail = format!("{name}: expected {expected}, got {got}");
    Problem::new(&PARAMETER_MALFORMED, detail).expected(expected, got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn content_types() {
        for (value, expected) in [
            ("application/json", Some(JSON)),
            ("Application/JSON; charset=utf-8", Some(JSON)),
            ("application/x-ndjson", Some(NDJSON)),
            ("text/plain", None),
            ("application/jsonx", None),
            ("", None),
        ] {
            let got = content_type(&headers(CONTENT_TYPE, &[value]), &[JSON, NDJSON]);
            assert_eq!(got.as_ref().ok(), expected.as_ref(), "{value}");
        }
        assert_eq!(content_type(&HeaderMap::new(), &[JSON]).unwrap_err().code(), &CONTENT_TYPE_UNSUPPORTED);
        let mut encoded = headers(CONTENT_TYPE, &[JSON]);
        encoded.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(content_type(&encoded, &[JSON]).unwrap_err().code(), &CONTENT_ENCODING_UNSUPPORTED);
    }

    #[test]
    fn the_best_liked_type_is_answered() {
        let cases: [(&[&'static str], &str); 10] = [
            (&[], JSON),
            (&["*/*"], JSON),
            (&["text/plain"], TEXT),
            (&["TEXT/PLAIN;q=0.1"], TEXT),
            (&["application/json, text/plain"], JSON),
            (&["application/json;q=0.5, text/plain;q=0.51"], TEXT),
            (&["application/json;q=0.5", "text/*"], TEXT),
            (&["*/*, application/json;q=0"], TEXT),
            (&["image/png"], JSON),
            (&["text/plain;q=none"], JSON),
        ];
        for (values, expected) in cases {
            assert_eq!(accepted(&headers(ACCEPT, values), &[JSON, TEXT]), expected, "{values:?}");
        }
    }

    #[test]
    fn idempotency_keys() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(idempotency_key(&headers(IDEMPOTENCY_KEY, &["job-1/2"])).unwrap(), Some("job-1/2"));
        for bad in [&["two words"][..], &[""], &["a", "b"]] {
            assert!(idempotency_key(&headers(IDEMPOTENCY_KEY, bad)).is_err(), "{bad:?}");
        }
        let long: HeaderMap =
            [(IDEMPOTENCY_KEY, HeaderValue::from_str(&"k".repeat(256)).unwrap())].into_iter().collect();
        assert!(idempotency_key(&long).unwrap_err().to_json().contains("\"got\":\"256\",\"limit\":255"));
    }

    #[test]
    fn queries() {
        let parse = |uri: &'static str| {
            query(&Uri::from_static(uri), ["old", "new"])
                .map(|[old, new]| (old.map(str::to_owned), new.map(str::to_owned)))
        };
        assert_eq!(parse("/x?new=2&old=1").unwrap(), (Some("1".into()), Some("2".into())));
        assert_eq!(parse("/x").unwrap(), (None, None));
        for bad in ["/x?size=1", "/x?old=1&old=2", "/x?=1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "01", "+1", "-1", "1e3", "9007199254740992", "..%2F"] {
            assert!(integer("index", bad).is_err(), "{bad}");
        }
    }
}
