//! What a log's refusal says: its code, where it is a log's own, and its words.

use crate::show::printable::printable;
use provlog_core::json::Json;

/// Longest text of an unstructured refusal that is shown, in characters.
pub(super) const REFUSAL_CHARS_MAX: usize = 200;

/// Media type of a problem document.
const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// What the type of a log's problem document is, before its code.
const PROBLEM_TYPE: &str = "urn:provlog:problem:";

/// The code of a log's own problem document (`SPEC.md` section 10): one of this media type, type and status. None of anything
/// else, such as the page of a proxy, however alike.
pub(super) fn problem_code(status: u16, media_type: &str, body: &[u8]) -> Option<String> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let problem = Json::parse(body).ok().filter(|_| essence.eq_ignore_ascii_case(PROBLEM_MEDIA_TYPE))?;
    let code = problem.get("type")?.as_str()?.strip_prefix(PROBLEM_TYPE)?;
    let same =
        problem.get("status")?.as_uint()? == u64::from(status) && problem.get("code")?.as_str()? == code;
    same.then(|| code.into())
}

/// What a problem document says (RFC 9457), or the start of whatever came in its place, without what `hidden` takes out of a text.
pub(super) fn refusal_text(body: &[u8], hidden: impl Fn(&str) -> String) -> String {
    let problem = Json::parse(body).ok();
    let member = |name| problem.as_ref().and_then(|problem| problem.get(name));
    let Some(code) = member("code").and_then(Json::as_str) else {
        // Before it is cut: what is left of a secret is no less one.
        let text = hidden(&String::from_utf8_lossy(body));
        return printable(&text.trim().chars().take(REFUSAL_CHARS_MAX).collect::<String>());
    };
    let detail = member("detail").or_else(|| member("title")).and_then(Json::as_str).unwrap_or("no detail");
    let mut text = printable(&hidden(&format!("{detail} ({code})")));
    for name in ["claim", "expected", "got", "limit"] {
        let value = match member(name) {
            Some(Json::String(value)) => value.clone(),
            Some(value) => value.to_string(),
            None => continue,
        };
        text.push_str("\n  ");
        text.push_str(&printable(&hidden(&format!("{name}: {value}"))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_log_s_own_problem_has_a_code() {
        let own = r#"{"type":"urn:provlog:problem:claim.type","status":400,"code":"claim.type"}"#;
        let code = |media_type, text: &str| problem_code(400, media_type, text.as_bytes());
        for media_type in [PROBLEM_MEDIA_TYPE, "Application/Problem+JSON; charset=utf-8"] {
            assert_eq!(code(media_type, own).as_deref(), Some("claim.type"));
        }
        for media_type in ["", "application/json", "text/html", "application/problem+jsonx"] {
            assert_eq!(code(media_type, own), None, "{media_type}");
        }
        let strange = [
            "<html>".to_string(),
            "{}".into(),
            own.replace("urn:provlog:problem:", "https://example.com/"),
            own.replace("400", "413"),
            own.replace(r#""code":"claim.type""#, r#""code":"claim.ahead""#),
            own.replace(r#","code":"claim.type""#, ""),
        ];
        for text in strange {
            assert_eq!(code(PROBLEM_MEDIA_TYPE, &text), None, "{text}");
        }
    }

    #[test]
    fn problem_documents_are_told_in_words() {
        let body = br#"{"code":"claim.type","detail":"claim model does not fit","expected":"a map","got":"a list","limit":3}"#;
        assert_eq!(
            refusal_text(body, str::to_string),
            "claim model does not fit (claim.type)\n  expected: a map\n  got: a list\n  limit: 3"
        );
        assert_eq!(refusal_text(b" <html>bad gateway\n", str::to_string), "<html>bad gateway");
    }
}
