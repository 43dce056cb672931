//! HTTP to a log: one request at a time, every answer bounded in size and time. Nothing an answer says is believed here.
//!
//! Never follows a redirect: the receipt proves which log answered, and a submission goes nowhere but where it was sent.

use crate::local::settings::token::{Token, VARIABLE};
use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::checkpoint::decimal;
use provlog_core::json::Json;
use std::fmt::Display;
use std::io::Read;
use std::time::Duration;
use ureq::config::AutoHeaderValue;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

/// How long one request may take where the caller sets no time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

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
    base: String,
    /// Whether it is on this machine, as far as its name tells.
    here: bool,
    /// What it is asked with.
    token: Option<Token>,
}

/// An address that isn't a log's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    #[error(
        "{0}: this version speaks no TLS yet; use http:// to a daemon on this machine, or through a tunnel of your own"
    )]
    Https(String),
    #[error(
        "{0}: a token would go there in clear, for whoever is on the way; nothing was sent. This version speaks no TLS yet: use http:// to a \
         daemon on this machine, or through a tunnel of your own, or ask without a token"
    )]
    TokenInClear(String),
    #[error("{0:?}: expected a URL such as {default}", default = crate::local::settings::URL)]
    Form(String),
}

impl Client {
    /// For the log at `url`.
    pub(crate) fn new(url: &str) -> Result<Self, UrlError> {
        let base = url.trim_end_matches('/');
        let scheme = base.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let uri: Option<ureq::http::Uri> = base.parse().ok();
        let host = uri.as_ref().and_then(ureq::http::Uri::host).filter(|host| !host.is_empty());
        let host = match (scheme.as_deref(), host) {
            (Some("https"), _) => return Err(UrlError::Https(url.into())),
            (Some("http"), Some(host)) => host,
            _ => return Err(UrlError::Form(url.into())),
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(REQUEST_TIMEOUT))
            .user_agent(concat!("provlog/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(host) {
            // A proxy of the environment would look for "this machine" on its own.
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(Self { agent, base: base.into(), here: is_this_machine(host), token: None })
    }

    /// The same, asked with a token, which goes nowhere but there: no redirect is followed, and no proxy lies on the way to this
    /// machine.
    pub(crate) fn with_token(self, token: Option<Token>) -> Result<Self, UrlError> {
        match token {
            Some(_) if !self.here => Err(UrlError::TokenInClear(self.base)),
            token => Ok(Self { token, ..self }),
        }
    }

    /// The address, without a final slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The public part of the token that it is asked with, if there is one.
    pub(crate) fn token_id(&self) -> Option<&str> {
        self.token.as_ref().and_then(Token::id)
    }

    /// `GET`: the body of a 200, at most `limit` bytes of it.
    pub(crate) fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        let url = format!("{}{path}", self.base);
        self.body(self.accepted(self.with_caller(self.agent.get(&url)).call())?, limit)
    }

    /// `GET` of records, to be read as they come; all of them must have come within [`STREAM_TIMEOUT`].
    pub(crate) fn records(&self, path: &str) -> Result<RecordsAnswer, Failure> {
        let url = format!("{}{path}", self.base);
        let mut config = self.agent.get(&url).config().timeout_global(Some(STREAM_TIMEOUT));
        if self.here {
            // To compress so much costs more than it saves.
            config = config.accept_encoding(AutoHeaderValue::None);
        }
        let request = self.with_caller(config.build());
        let response = self.accepted(request.header("accept", CBOR_SEQUENCE).call())?;
        let range_end = response.headers().get(RANGE_END).and_then(|value| value.to_str().ok());
        let range_end = range_end.and_then(decimal);
        Ok(RecordsAnswer { range_end, body: Box::new(response.into_body().into_reader()) })
    }

    /// `POST` of one submission, answered with a receipt of at most `limit` bytes, within `timeout`.
    pub(crate) fn append(
        &self,
        submission: &str,
        idempotency_key: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let request = self.agent.post(format!("{}/v1/entries", self.base));
        let request = request.config().timeout_global(Some(timeout)).build();
        let answered = self
            .with_caller(request)
            .header("content-type", "application/json")
            .header("accept", "text/plain")
            .header("idempotency-key", idempotency_key)
            .send(submission);
        self.body(self.accepted(answered)?, limit)
    }

    fn with_caller<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", token.bearer()),
            None => request,
        }
    }

    /// A success, to be read.
    fn accepted(&self, answered: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Failure> {
        let response = answered.map_err(|error| self.no_answer(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after_s = retry_after.and_then(|text| text.parse().ok());
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let status = status.as_u16();
        let body = self.body(response, ANSWER_BYTES_MAX)?;
        let code = problem_code(status, &media_type, &body);
        let mut text = refusal_text(&body);
        if let Some(advice) = code.as_deref().and_then(|code| advice(code, self.token.as_ref())) {
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
                Failure::TooLarge { what: format!("an answer of {}", self.base), limit }
            }
            error => self.no_answer(error),
        })
    }

    /// The failure of a request, or of a streamed answer that broke off.
    pub(crate) fn no_answer(&self, problem: impl Display) -> Failure {
        Failure::Unreachable(format!("no answer from {}: {problem}", self.base))
    }
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        Self::Usage(error.to_string())
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

/// What whoever isn't let in can do, by the code of the log's problem.
fn advice(code: &str, token: Option<&Token>) -> Option<String> {
    let id = token.and_then(Token::id).map(|id| format!(" (id {id})")).unwrap_or_default();
    match (code, token) {
        ("caller.missing", _) => Some(format!(
            "give a token with --token-file FILE or in {VARIABLE}; the log's operator makes one with provlogd token create"
        )),
        ("token.unknown" | "token.expired" | "token.revoked", Some(_)) => {
            Some(format!("the token that was sent{id} doesn't hold; ask the log's operator for another one"))
        }
        ("role.denied" | "kind.denied" | "environment.denied", Some(_)) => Some(format!(
            "the token that was sent{id} holds, and isn't for this; ask the log's operator for one that is"
        )),
        _ => None,
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::exit::Exit;
    use crate::testing::{Reply, serve};

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        assert_eq!(Client::new("http://127.0.0.1:4180/").unwrap().base(), "http://127.0.0.1:4180");
        assert!(matches!(Client::new("https://log.example.com"), Err(UrlError::Https(_))));
        for url in ["127.0.0.1:4180", "ftp://example.com", "http://", "", "http:///x"] {
            assert!(matches!(Client::new(url), Err(UrlError::Form(_))), "{url}");
        }
    }

    #[test]
    fn a_token_goes_to_this_machine_alone_and_with_every_request() {
        let token = || Token::parse("plt_0123abcd_secret");
        for url in ["http://log.example.com", "http://10.0.0.1:4180", "http://localhost.example.com"] {
            let error = Client::new(url).unwrap().with_token(token()).unwrap_err();
            assert!(matches!(error, UrlError::TokenInClear(_)));
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let server = serve(6, |number, _| match number {
            0 => Reply::problem(401, "token.revoked"),
            1 => Reply::problem(403, "kind.denied"),
            2 => Reply::new(401, "not a log's"),
            _ => Reply::new(200, ""),
        });
        let client = Client::new(&server.url).unwrap().with_token(token()).unwrap();
        for expected in [Some("ask the log's operator for another one"), Some("isn't for this"), None] {
            let failure = client.get("/checkpoint", 1).unwrap_err();
            assert_eq!(Exit::of_failure(&failure), Exit::Denied);
            let text = format!("{failure} {failure:?} {client:?}");
            assert!(expected.is_none_or(|part| text.contains(part) && text.contains("0123abcd")), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
        client.get("/v1/log", 1).unwrap();
        client.records("/v1/records").unwrap();
        client.append("{}", "k", 1, REQUEST_TIMEOUT).unwrap();
        for request in server.finish() {
            assert_eq!(
                request.header("authorization"),
                Some("Bearer plt_0123abcd_secret"),
                "{}",
                request.line
            );
        }
        let server = serve(1, |_, _| Reply::problem(401, "caller.missing"));
        let failure = Client::new(&server.url).unwrap().get("/v1/log", 1).unwrap_err().to_string();
        assert!(failure.contains("--token-file") && failure.contains("PROVLOG_TOKEN"), "{failure}");
        assert_eq!(server.finish()[0].header("authorization"), None);
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["example.com", "10.0.0.1", "[::2]", "localhost.example.com"] {
            assert!(!is_this_machine(host), "{host}");
        }
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
