//! What is in a token's parts, one member after the other.

use super::error::{JwtError, SKEW_MS, TIME_S_MAX, TOKEN_DEPTH_MAX};
use crate::base64url;
use crate::jwk::Algorithm;
use crate::window::Window;
use provlog_core::json::Json;
use provlog_core::limits::INTEGER_MAX;

pub(super) fn part(text: &str, part: &'static str) -> Result<Vec<u8>, JwtError> {
    base64url::decode(text).filter(|bytes| !bytes.is_empty()).ok_or(JwtError::Base64(part))
}

pub(super) fn object(text: &str, name: &'static str) -> Result<Json, JwtError> {
    match Json::parse(&part(text, name)?) {
        Ok(json @ Json::Object(_)) if depth(&json) <= TOKEN_DEPTH_MAX => Ok(json),
        Ok(Json::Object(_)) => Err(JwtError::Deep(name)),
        Ok(other) => Err(JwtError::NoObject { part: name, got: other.type_name() }),
        Err(error) => Err(JwtError::Json { part: name, error }),
    }
}

/// 0 for what holds nothing. The reader of JSON bounds it.
fn depth(json: &Json) -> usize {
    let deepest = match json {
        Json::Array(items) => items.iter().map(depth).max(),
        Json::Object(members) => members.iter().map(|(_, value)| depth(value)).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// Names are taken from a list, so that what would change how a token is verified (`crit`, `jwk`, `jku`, `x5u`, `x5c`,
/// `b64`, `zip`, `enc`) can't be there, now or later. GitHub sends `x5t`, a hash of a certificate: it means nothing here.
pub(super) fn check_header(header: &Json, is_spiffe: bool) -> Result<(), JwtError> {
    let Json::Object(members) = header else { return Ok(()) };
    for (name, value) in members {
        match (name.as_str(), value) {
            ("alg" | "kid", _) | ("x5t" | "x5t#S256", Json::String(_)) => {}
            ("typ", _) => check_typ(value, is_spiffe)?,
            ("x5t" | "x5t#S256", _) => return Err(wrong("x5t", "text", value)),
            _ => return Err(JwtError::Header(name.chars().take(EXCERPT_CHARS).collect())),
        }
    }
    Ok(())
}

/// Media types are compared without case (RFC 7515 section 4.1.9). A token of another type, such as a logout token or a proof
/// of possession, was made for something else (RFC 8725 section 3.11).
fn check_typ(typ: &Json, is_spiffe: bool) -> Result<(), JwtError> {
    let is = |name: &str| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case(name));
    if is("JWT") || (is_spiffe && is("JOSE")) {
        return Ok(());
    }
    Err(wrong("typ", if is_spiffe { "JWT or JOSE" } else { "JWT" }, typ))
}

pub(super) fn algorithm(header: &Json) -> Result<Algorithm, JwtError> {
    let found = header.get("alg").ok_or(JwtError::Missing("alg"))?;
    let name = found.as_str().ok_or_else(|| wrong("alg", "text", found))?;
    Algorithm::of_name(name).ok_or_else(|| JwtError::Algorithm(told(found)))
}

/// Identities are written `<issuer>#<subject>`: with a `#` in the issuer one could be read as another's.
pub(super) fn oidc_issuer(payload: &Json) -> Result<String, JwtError> {
    let issuer = text(payload, "iss")?;
    if issuer.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Ok(issuer.into());
    }
    Err(wrong_text("iss", "visible ASCII without #", issuer))
}

/// What is shown to people isn't to move their cursor.
pub(super) fn subject(payload: &Json) -> Result<String, JwtError> {
    let subject = text(payload, "sub")?;
    if subject.chars().any(char::is_control) {
        return Err(wrong_text("sub", "text without control characters", subject));
    }
    Ok(subject.into())
}

/// GitHub's numbers, which are in who it is for ever.
pub(super) fn check_digits(payload: &Json, member: &'static str) -> Result<(), JwtError> {
    let digits = text(payload, member)?;
    if (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(wrong_text(member, "text of 1 to 20 digits", digits))
}

/// Most digits of a number of 64 bits.
const DIGITS_MAX: usize = 20;

/// All audiences, in their order.
pub(super) fn audiences(payload: &Json) -> Result<Vec<String>, JwtError> {
    let expected = "text, or a list of texts";
    match payload.get("aud").ok_or(JwtError::Missing("aud"))? {
        Json::String(audience) => Ok(vec![audience.clone()]),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let got = || format!("a list with {}", item.type_name());
                let wrong = || JwtError::Member { member: "aud", expected: expected.into(), got: got() };
                item.as_str().map(String::from).ok_or_else(wrong)
            })
            .collect(),
        other => Err(wrong("aud", expected, other)),
    }
}

/// For how long it is valid, in seconds, and when that is.
pub(super) fn validity(payload: &Json) -> Result<(u64, Window), JwtError> {
    let iat_s = seconds(payload, "iat")?.ok_or(JwtError::Missing("iat"))?;
    let exp_s = seconds(payload, "exp")?.ok_or(JwtError::Missing("exp"))?;
    let from_s = seconds(payload, "nbf")?.map_or(iat_s, |nbf_s| nbf_s.max(iat_s));
    if from_s >= exp_s {
        return Err(JwtError::Validity { from_s, exp_s });
    }
    let from_ms = from_s.checked_mul(1000).and_then(|ms| ms.checked_sub(SKEW_MS));
    let to_ms = exp_s.checked_mul(1000).and_then(|ms| ms.checked_add(SKEW_MS));
    match (from_ms, to_ms) {
        (Some(from_ms), Some(to_ms)) if to_ms <= INTEGER_MAX => {
            Ok((exp_s.saturating_sub(iat_s), Window { from_ms, to_ms }))
        }
        _ => Err(JwtError::NoWindow { from_s, exp_s }),
    }
}

fn seconds(payload: &Json, member: &'static str) -> Result<Option<u64>, JwtError> {
    let Some(found) = payload.get(member) else { return Ok(None) };
    match found.as_uint() {
        Some(seconds) if seconds <= TIME_S_MAX => Ok(Some(seconds)),
        _ => Err(wrong(member, "an integer from 0 to 9007199254740", found)),
    }
}

pub(super) fn text<'a>(json: &'a Json, member: &'static str) -> Result<&'a str, JwtError> {
    let found = json.get(member).ok_or(JwtError::Missing(member))?;
    found
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| wrong(member, "text that isn't empty", found))
}

fn wrong(member: &'static str, expected: &str, found: &Json) -> JwtError {
    JwtError::Member { member, expected: expected.into(), got: told(found) }
}

fn wrong_text(member: &'static str, expected: &str, found: &str) -> JwtError {
    JwtError::Member { member, expected: expected.into(), got: excerpt(found) }
}

fn told(found: &Json) -> String {
    match found {
        Json::String(text) => excerpt(text),
        Json::Integer(integer) => integer.to_string(),
        other => other.type_name().into(),
    }
}

/// As much of a foreign text as a message shows: an audience, which is an origin of 255 and 65 more, fits.
const EXCERPT_CHARS: usize = 400;

pub(super) fn excerpt(text: &str) -> String {
    format!("{:?}", text.chars().take(EXCERPT_CHARS).collect::<String>())
}
