//! What a refused request is answered with: an RFC 9457 problem document. Nothing in the daemon answers an error in any other form,
//! HTTP that hyper can't parse aside.

use crate::http::codes::{
    AUTHORIZATION_MALFORMED, BODY_TOO_LARGE, BUSY_READS, CALLER_CERTIFICATE, CALLER_MISSING, CLOCK, CODES,
    Code, DEDUP_REBUILDING, DEDUP_UNAVAILABLE, DERIVED_UNAVAILABLE, ENTRY_NOT_FOUND, INTERNAL, KEY_TAKEN,
    NO_SPACE, SHUTTING_DOWN, STATE_CHANGED, STORAGE_DAMAGED, STORAGE_FATAL, SUBMISSION_BOUND,
    SUBMISSION_FORM, TIME_WINDOW,
};
use crate::http::request_id::RequestId;
use crate::system::Refusal;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use provlog_core::submission::SubmissionError;
use provlog_engine::{AppendError, ReadError, Unmet};
use serde::Serialize;
use std::fmt::Write;

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Bytes of any one text in a problem document.
const TEXT_BYTES_MAX: usize = 1024;

/// Seconds after which a client that was refused for lack of room may try again.
const RETRY_SOON_S: u32 = 1;

/// Seconds after which a client may try again where an operator, or a rebuild, has to be waited for.
const RETRY_LATER_S: u32 = 10;

/// One occurrence of a problem: what the client is told.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    code: &'static Code,
    detail: String,
    line: Option<usize>,
    claim: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    limit: Option<u64>,
    retry_after_s: Option<u32>,
    close: bool,
}

impl Problem {
    /// A problem with the sentence that explains this occurrence.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        let retry_after_s = match code.status {
            StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_SOON_S),
            _ => None,
        };
        Self(Box::new(Details {
            code,
            detail: detail.into(),
            line: None,
            claim: None,
            expected: None,
            got: None,
            limit: None,
            retry_after_s,
            close: false,
        }))
    }

    /// Says what was expected and what was got.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>, got: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self.0.got = Some(got.into());
        self
    }

    /// Names a limit that was passed, and by what.
    #[must_use]
    pub fn limit(mut self, limit: usize, got: impl ToString) -> Self {
        self.0.limit = u64::try_from(limit).ok();
        self.0.got = Some(got.to_string());
        self
    }

    /// Names the line of a batch, from 1.
    #[must_use]
    pub fn on_line(mut self, line: usize) -> Self {
        self.0.line = Some(line);
        self.0.detail.insert_str(0, &format!("line {line}: "));
        self
    }

    /// The same under another code.
    #[must_use]
    pub fn with_code(mut self, code: &'static Code) -> Self {
        self.0.code = code;
        self
    }

    /// Says that it is the submission's evidence that is wrong.
    #[must_use]
    pub fn of_evidence(mut self) -> Self {
        self.0.detail.insert_str(0, "evidence: ");
        self
    }

    /// Names the claim that is wrong.
    #[must_use]
    pub fn in_claim(mut self, claim: &str) -> Self {
        self.0.claim = Some(claim.into());
        self
    }

    /// Closes the connection behind the answer, because what the client still sends isn't going to be read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.close = true;
        self
    }

    /// The row of the table.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// The sentence that explains this occurrence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> String {
        let details = &self.0;
        let document = Document {
            r#type: format!("urn:provlog:problem:{}", details.code.code),
            title: details.code.title,
            status: details.code.status.as_u16(),
            code: details.code.code,
            detail: clip(&details.detail),
            line: details.line,
            claim: details.claim.as_deref().map(clip),
            expected: details.expected.as_deref().map(clip),
            got: details.got.as_deref().map(clip),
            limit: details.limit,
        };
        // Strings and integers alone: there is nothing in it that could fail to serialise.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The whole HTTP/1.1 answer to this request, for a connection that hyper doesn't serve.
    pub(crate) fn to_http1(&self, request: RequestId) -> Vec<u8> {
        let body = self.to_json();
        let mut head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", self.0.code.status, body.len());
        let mut headers = self.headers();
        request.put(&mut headers);
        for (name, value) in &headers {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        [head.as_bytes(), b"\r\n", body.as_bytes()].concat()
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(challenge) = challenge(self.0.code) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        headers
    }

    /// Says after how many seconds the client may try again.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Says that it will take a while: until an operator, or a rebuild, is done.
    #[must_use]
    pub(crate) fn retry_later(mut self) -> Self {
        self.0.retry_after_s = Some(RETRY_LATER_S);
        self
    }
}

/// What a refusal of a caller asks for (RFC 6750, section 3).
fn challenge(code: &Code) -> Option<&'static str> {
    Some(match code.status {
        _ if code == &AUTHORIZATION_MALFORMED => r#"Bearer realm="provlog", error="invalid_request""#,
        StatusCode::UNAUTHORIZED if code == &CALLER_MISSING || code == &CALLER_CERTIFICATE => {
            r#"Bearer realm="provlog""#
        }
        StatusCode::UNAUTHORIZED => r#"Bearer realm="provlog", error="invalid_token""#,
        StatusCode::FORBIDDEN => r#"Bearer realm="provlog", error="insufficient_scope""#,
        _ => return None,
    })
}

/// As much of a text as is told: what a client sent comes back in some, and needn't come back whole.
fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// RFC 9457, section 3, with this log's own members after `status`.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl IntoResponse for Problem {
    /// The document; the row of the table goes along as an extension, for the counter of refusals.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = self.0.code.status;
        response.extensions_mut().insert(self.0.code);
        *response.headers_mut() = self.headers();
        response
    }
}

impl From<SubmissionError> for Problem {
    fn from(error: SubmissionError) -> Self {
        let code = CODES.iter().find(|row| row.code == error.code());
        let mut problem = Self::new(code.copied().unwrap_or(&SUBMISSION_FORM), error.to_string());
        problem.0.claim = error.claim().map(Into::into);
        problem.0.expected = error.expected();
        problem.0.got = error.got();
        problem.0.limit = error.limit();
        problem
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match &error {
            AppendError::NoSpace { .. } => Self::new(&NO_SPACE, error.to_string()),
            AppendError::DedupRebuilding { .. } => Self::new(&DEDUP_REBUILDING, error.to_string()),
            AppendError::DedupUnavailable { .. } => {
                Self::new(&DEDUP_UNAVAILABLE, error.to_string()).retry_later()
            }
            AppendError::Unmet { line, unmet } => {
                let code = match unmet {
                    Unmet::Taken { .. } => &SUBMISSION_BOUND,
                    Unmet::Present { .. } => &KEY_TAKEN,
                    Unmet::Changed { .. } => &STATE_CHANGED,
                    Unmet::Window { .. } => &TIME_WINDOW,
                };
                // Whose it is, and where, is nobody else's business.
                let bound = "another workload has bound these claims and salts to itself; expected salts of one's own";
                let detail = if code == &SUBMISSION_BOUND { bound.into() } else { error.to_string() };
                let problem = Self::new(code, detail);
                if let Some(line) = line { problem.on_line(*line) } else { problem }
            }
            // No client's doing: what is submitted here takes three keys at most.
            AppendError::TooManyKeys { .. } => Self::new(&INTERNAL, error.to_string()),
            AppendError::Clock(_) => Self::new(&CLOCK, error.to_string()).retry_later(),
            AppendError::TooLarge { limit_bytes, got_bytes } => {
                Self::new(&BODY_TOO_LARGE, error.to_string()).limit(*limit_bytes, got_bytes)
            }
            AppendError::ShuttingDown => Self::new(&SHUTTING_DOWN, error.to_string()),
            AppendError::Fatal { .. } => Self::new(&STORAGE_FATAL, error.to_string()),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::NotFound { .. } => Self::new(&ENTRY_NOT_FOUND, error.to_string()),
            // Who can't wait hands such a read on; nobody is answered so.
            ReadError::WouldWait => Self::new(&INTERNAL, error.to_string()),
            ReadError::DerivedUnavailable { .. } => Self::new(&DERIVED_UNAVAILABLE, error.to_string()),
            ReadError::Journal(error) if Refusal::behind(error) == Some(Refusal::Shortage) => {
                tracing::error!(%error, "the journal can't be read for now");
                Self::new(&BUSY_READS, "too many files are open for the journal to be read; ask again")
            }
            ReadError::Journal(error) if !error.is_damage() => {
                tracing::error!(%error, "the journal can't be read");
                Self::new(&INTERNAL, "the journal can't be read; the daemon's own log says why")
            }
            ReadError::Journal(_) => {
                tracing::error!(%error, "what is stored does not verify");
                Self::new(&STORAGE_DAMAGED, error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::{BUSY_BODIES, HOST_DENIED, KIND_UNKNOWN, REQUEST_TIMEOUT};
    use provlog_core::submission::Submission;
    use provlog_engine::StoreError;
    use rustix::io::Errno;

    #[test]
    fn a_submission_error_keeps_its_parts() {
        let error = Submission::parse(br#"{"kind": "promise", "claims": {}}"#).unwrap_err();
        let problem = Problem::from(error).on_line(3);
        assert_eq!(problem.code(), &KIND_UNKNOWN);
        let document: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(document["type"], "urn:provlog:problem:kind.unknown");
        assert_eq!(document["status"], 400);
        assert_eq!(document["line"], 3);
        assert!(document["detail"].as_str().unwrap().starts_with("line 3: unknown kind"), "{document}");
        assert_eq!(document["got"], "promise");
        assert!(document["expected"].as_str().unwrap().contains("promotion"), "{document}");
        assert!(document.get("claim").is_none(), "members without a value are left out");
    }

    #[test]
    fn no_text_is_longer_than_told() {
        let long = "\u{e9}".repeat(TEXT_BYTES_MAX);
        let problem = Problem::new(&HOST_DENIED, long.clone()).expected("x", long);
        let document: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(document["detail"].as_str().unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(document["got"].as_str().unwrap().len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn a_shortage_of_files_passes_and_is_no_damage() {
        let (action, name) = ("open", "journal");
        for (errno, code) in [
            (Errno::MFILE, &BUSY_READS),
            (Errno::NFILE, &BUSY_READS),
            (Errno::IO, &INTERNAL),
            (Errno::ACCESS, &INTERNAL),
        ] {
            let error = StoreError::Unavailable { action, name: name.into(), source: errno.into() };
            assert_eq!(Problem::from(ReadError::from(error)).code(), code, "{errno}");
        }
    }

    #[test]
    fn a_503_says_when_to_come_back() {
        let response = Problem::new(&BUSY_BODIES, "full").closing().into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CONNECTION], "close");
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    }

    #[test]
    fn whoever_is_not_let_in_is_told_how() {
        let no_token = [&CALLER_MISSING, &CALLER_CERTIFICATE];
        for code in CODES {
            let challenge = challenge(code).unwrap_or_default();
            let asks = matches!(code.status.as_u16(), 401 | 403) || *code == &AUTHORIZATION_MALFORMED;
            assert_eq!(challenge.starts_with("Bearer realm="), asks, "{code:?}");
            // Without a token there is nothing that could be an error (RFC 6750, section 3.1).
            assert_eq!(challenge.contains("error="), asks && !no_token.contains(code), "{code:?}");
        }
        let response = Problem::new(&CALLER_MISSING, "none").into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"Bearer realm="provlog""#);
    }

    #[test]
    fn the_answer_beside_hyper_is_http() {
        let answer = Problem::new(&REQUEST_TIMEOUT, "late").closing().to_http1(RequestId::draw());
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("\r\nconnection: close\r\nx-request-id: "), "{head}");
    }
}
