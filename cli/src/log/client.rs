//! HTTP to a log: one request at a time, every answer bounded in size and time. Nothing an answer says is believed here.
//!
//! Never follows a redirect: the receipt proves which log answered, and a submission goes nowhere but where it was sent.

use super::advice::advice;
use super::agent;
use super::identity::Identity;
use super::posted::{BoundBy, Posted};
use super::unanswered::Asked;
use super::url::{LogUrl, UrlError};
use crate::local::settings::token::Token;
use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::checkpoint::decimal;
use provlog_core::json::Json;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;
use ureq::config::AutoHeaderValue;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

/// How long a streamed answer may take.
const STREAM_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Largest answer other than a receipt, in bytes: a consistency proof has at most 2 * 53 hashes of 47 bytes in JSON.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest text of an unstructured refusal that is shown, in characters.
const REFUSAL_CHARS_MAX: usize = 200;

/// Media type of a problem document.
const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// What the type of a log's problem document is, before its code.
const PROBLEM_TYPE: &str = "urn:provlog:problem:";

/// A CBOR sequence (RFC 8742).
const CBOR_SEQUENCE: &str = "application/cbor-seq";

/// The index at which the log stopped looking for records (`SPEC.md` section 10).
const RANGE_END: &str = "provlog-range-end";

/// An answer of records.
pub(crate) struct RecordsAnswer {
    /// Whatever matches below this index is in the answer, unless that was cut off at its limit. None where the log doesn't say.
    pub(crate) range_end: Option<u64>,
    pub(crate) body: Box<dyn Read>,
}

/// A log's HTTP interface.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    asked: Asked,
    /// What it is asked with.
    token: Option<Token>,
}

impl Client {
    /// For the log at `url`; over `https://` it has to show a certificate that leads to one in the file `ca`, or else to one of the
    /// system's, and is shown the client's if it asks for one.
    pub(crate) fn new(url: &str, ca: Option<&Path>, identity: Option<&Identity>) -> Result<Self, UrlError> {
        let url = LogUrl::parse(url)?;
        let proxy = agent::proxy(&url)?;
        let agent = agent::agent(&url, ca, identity, proxy.clone())?;
        let asked = Asked {
            url,
            ca: ca.map(Into::into),
            identity: identity.map(|identity| identity.name.clone()),
            proxy,
        };
        Ok(Self { agent, asked, token: None })
    }

    /// The same, asked with a token, which nobody but the log gets to see: no redirect is followed, and over a network it goes in TLS
    /// alone, so that a proxy on the way can't read it.
    pub(crate) fn with_token(self, token: Option<Token>) -> Result<Self, UrlError> {
        if token.is_some() {
            self.check_private()?;
        }
        Ok(Self { token, ..self })
    }

    /// That nobody on the way to it would read a token.
    pub(super) fn check_private(&self) -> Result<(), UrlError> {
        if self.asked.url.is_private() { Ok(()) } else { Err(UrlError::TokenInClear(self.base().into())) }
    }

    /// Whether it is on this machine, as far as its name tells.
    pub(crate) fn is_here(&self) -> bool {
        self.asked.url.is_here()
    }

    /// The address, without a final slash.
    pub(crate) fn base(&self) -> &str {
        self.asked.url.text()
    }

    /// Whether it is asked with a token.
    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The public part of the token that it is asked with, if there is one.
    pub(crate) fn token_id(&self) -> Option<&str> {
        self.token.as_ref().and_then(Token::id)
    }

    /// `GET`: the body of a 200, at most `limit` bytes of it.
    pub(crate) fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        let url = self.asked.url.request(path);
        let request = with_caller(self.agent.get(&url), self.token.as_ref());
        self.body(self.accepted(request.call(), BoundBy::Nothing)?, limit)
    }

    /// `GET` of records, to be read as they come; all of them must have come within [`STREAM_TIMEOUT`].
    pub(crate) fn records(&self, path: &str) -> Result<RecordsAnswer, Failure> {
        let url = self.asked.url.request(path);
        let mut config = self.agent.get(&url).config().timeout_global(Some(STREAM_TIMEOUT));
        if self.is_here() {
            // To compress so much costs more than it saves.
            config = config.accept_encoding(AutoHeaderValue::None);
        }
        let request = with_caller(config.build(), self.token.as_ref());
        let response = self.accepted(request.header("accept", CBOR_SEQUENCE).call(), BoundBy::Nothing)?;
        let range_end = response.headers().get(RANGE_END).and_then(|value| value.to_str().ok());
        let range_end = range_end.and_then(decimal);
        Ok(RecordsAnswer { range_end, body: Box::new(response.into_body().into_reader()) })
    }

    /// `POST` of one submission, answered with a receipt of at most `limit` bytes, within `timeout`.
    pub(crate) fn append(
        &self,
        posted: &Posted<'_>,
        limit: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let request = self.agent.post(self.asked.url.request("/v1/entries"));
        let request = request.config().timeout_global(Some(timeout)).build();
        let token = match posted.bound_by {
            BoundBy::Header(token) => Some(token),
            BoundBy::Nothing | BoundBy::Evidence => self.token.as_ref(),
        };
        let answered = with_caller(request, token)
            .header("content-type", "application/json")
            .header("accept", "text/plain")
            .header("idempotency-key", posted.idempotency_key)
            .send(posted.body);
        self.body(self.accepted(answered, posted.bound_by)?, limit)
    }

    /// A success, to be read.
    fn accepted(
        &self,
        answered: Result<Response<Body>, ureq::Error>,
        bound_by: BoundBy<'_>,
    ) -> Result<Response<Body>, Failure> {
        let response = answered.map_err(|error| self.asked.unanswered(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let media_type = header("content-type").unwrap_or_default().to_owned();
        let retry_after_s = header("retry-after").and_then(|text| text.parse().ok());
        let location = header("location").filter(|_| status.is_redirection()).map(printable);
        let status = status.as_u16();
        let mut body = Vec::new();
        // Whatever comes of it: that it is a refusal is said already.
        let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
        let _ = response.into_body().into_reader().take(most).read_to_end(&mut body);
        let code = problem_code(status, &media_type, &body);
        let mut text = match (location, retry_after_s) {
            (Some(location), _) => {
                format!("a redirect to {location}, which isn't followed: if the log is there, give that URL")
            }
            (None, Some(wait_s)) if body.is_empty() => format!("it asks to be left alone for {wait_s} s"),
            _ => refusal_text(&body),
        };
        if let Some(advice) = code.as_deref().and_then(|code| advice(code, self.token.as_ref(), bound_by)) {
            text.push_str("\n  ");
            text.push_str(&advice);
        }
        Err(Failure::Answer { status, code, retry_after_s, text })
    }

    fn body(&self, mut response: Response<Body>, limit: usize) -> Result<Vec<u8>, Failure> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        body.map_err(|error| match error {
            // Asking again would bring as much again.
            ureq::Error::BodyExceedsLimit(_) => {
                Failure::TooLarge { what: format!("an answer of {}", self.base()), limit }
            }
            error => self.asked.unanswered(&error),
        })
    }

    /// The failure of a streamed answer that broke off.
    pub(crate) fn no_answer(&self, error: io::Error) -> Failure {
        self.asked.unanswered(&error.into())
    }
}

fn with_caller<B>(request: RequestBuilder<B>, token: Option<&Token>) -> RequestBuilder<B> {
    match token {
        Some(token) => request.header("authorization", token.bearer()),
        None => request,
    }
}

/// The code of a log's own problem document (`SPEC.md` section 10): one of this media type, type and status. None of anything
/// else, such as the page of a proxy, however alike.
fn problem_code(status: u16, media_type: &str, body: &[u8]) -> Option<String> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let problem = Json::parse(body).ok().filter(|_| essence.eq_ignore_ascii_case(PROBLEM_MEDIA_TYPE))?;
    let code = problem.get("type")?.as_str()?.strip_prefix(PROBLEM_TYPE)?;
    let same =
        problem.get("status")?.as_uint()? == u64::from(status) && problem.get("code")?.as_str()? == code;
    same.then(|| code.into())
}

/// What a problem document says (RFC 9457), or the start of whatever came in its place.
fn refusal_text(body: &[u8]) -> String {
    let problem = Json::parse(body).ok();
    let member = |name| problem.as_ref().and_then(|problem| problem.get(name));
    let Some(code) = member("code").and_then(Json::as_str) else {
        let text = String::from_utf8_lossy(body);
        return printable(&text.trim().chars().take(REFUSAL_CHARS_MAX).collect::<String>());
    };
    let detail = member("detail").or_else(|| member("title")).and_then(Json::as_str).unwrap_or("no detail");
    let mut text = printable(&format!("{detail} ({code})"));
    for name in ["claim", "expected", "got", "limit"] {
        let value = match member(name) {
            Some(Json::String(value)) => value.clone(),
            Some(value) => value.to_string(),
            None => continue,
        };
        text.push_str("\n  ");
        text.push_str(&printable(&format!("{name}: {value}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::exit::Exit;
    use crate::testing::{Reply, serve};

    #[test]
    fn a_token_goes_in_clear_to_this_machine_alone_and_with_every_request() {
        let token = || Token::parse("plt_0123abcd_secret");
        for url in ["http://log.example.com", "http://10.0.0.1:4180", "http://localhost.example.com"] {
            let error = Client::new(url, None, None).unwrap().with_token(token()).unwrap_err();
            assert!(matches!(error, UrlError::TokenInClear(_)));
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let server = serve(6, |number, _| match number {
            0 => Reply::problem(401, "token.revoked"),
            1 => Reply::problem(403, "kind.denied"),
            2 => Reply::new(401, "not a log's"),
            _ => Reply::new(200, ""),
        });
        let client = Client::new(&server.url, None, None).unwrap().with_token(token()).unwrap();
        for expected in [Some("ask the log's operator for another one"), Some("isn't for this"), None] {
            let failure = client.get("/checkpoint", 1).unwrap_err();
            assert_eq!(Exit::of_failure(&failure), Exit::Denied);
            let text = format!("{failure} {failure:?} {client:?}");
            assert!(expected.is_none_or(|part| text.contains(part) && text.contains("0123abcd")), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
        client.get("/v1/log", 1).unwrap();
        client.records("/v1/records").unwrap();
        let posted = Posted { body: "{}", idempotency_key: "k", bound_by: BoundBy::Evidence };
        client.append(&posted, 1, agent::REQUEST_TIMEOUT).unwrap();
        for request in server.finish() {
            assert_eq!(
                request.header("authorization"),
                Some("Bearer plt_0123abcd_secret"),
                "{}",
                request.line
            );
        }
        let server = serve(1, |_, _| Reply::problem(401, "caller.missing"));
        let failure =
            Client::new(&server.url, None, None).unwrap().get("/v1/log", 1).unwrap_err().to_string();
        assert!(failure.contains("--token-file") && failure.contains("PROVLOG_TOKEN"), "{failure}");
        assert_eq!(server.finish()[0].header("authorization"), None);
    }

    #[test]
    fn an_answer_without_words_is_told_by_what_it_says_otherwise() {
        let server = serve(2, |number, _| {
            let head = match number {
                0 => "301 Moved\r\nLocation: https://log.example.com/v1/log",
                _ => "503 Busy\r\nRetry-After: 7",
            };
            Reply::Cut(format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into())
        });
        let client = Client::new(&server.url, None, None).unwrap();
        for expected in
            ["a redirect to https://log.example.com/v1/log, which isn't followed", "alone for 7 s"]
        {
            let failure = client.get("/v1/log", 1).unwrap_err().to_string();
            assert!(failure.contains(expected), "{failure}");
        }
        server.finish();
    }

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
            refusal_text(body),
            "claim model does not fit (claim.type)\n  expected: a map\n  got: a list\n  limit: 3"
        );
        assert_eq!(refusal_text(b" <html>bad gateway\n"), "<html>bad gateway");
    }
}
