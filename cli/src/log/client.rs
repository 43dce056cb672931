//! HTTP to a log: one request at a time, every answer bounded in size and time. Nothing an answer says is believed here.
//!
//! Never follows a redirect: the receipt proves which log answered, and a submission goes nowhere but where it was sent.

use super::advice::advice;
use super::agent;
use super::identity::Identity;
use super::posted::{BoundBy, Posted};
use super::refusal::{problem_code, refusal_text};
use super::unanswered::Asked;
use super::url::{LogUrl, UrlError};
use crate::local::settings::token::Token;
use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::checkpoint::decimal;
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
        self.body(self.accepted(request.call(), None)?, limit)
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
        let response = self.accepted(request.header("accept", CBOR_SEQUENCE).call(), None)?;
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
        self.body(self.accepted(answered, Some(posted))?, limit)
    }

    /// A success, to be read.
    fn accepted(
        &self,
        answered: Result<Response<Body>, ureq::Error>,
        posted: Option<&Posted<'_>>,
    ) -> Result<Response<Body>, Failure> {
        let response = answered.map_err(|error| self.asked.unanswered(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let media_type = header("content-type").unwrap_or_default().to_owned();
        let retry_after_s = header("retry-after").and_then(|text| text.parse().ok());
        let hidden = |text: &str| self.hidden_in(text, posted);
        let location = header("location").filter(|_| status.is_redirection());
        let location = location.map(|location| printable(&hidden(location)));
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
            _ => refusal_text(&body, hidden),
        };
        let bound_by = posted.map_or(BoundBy::Nothing, |posted| posted.bound_by);
        if let Some(advice) = code.as_deref().and_then(|code| advice(code, self.token.as_ref(), bound_by)) {
            text.push_str("\n  ");
            text.push_str(&advice);
        }
        Err(Failure::Answer { status, code, retry_after_s, text })
    }

    /// An answer's text without what it was asked with: some servers say that again, and messages end up in logs that many read.
    fn hidden_in(&self, text: &str, posted: Option<&Posted<'_>>) -> String {
        let tokens = self.token.iter().chain(posted.into_iter().flat_map(Posted::tokens));
        tokens.fold(text.into(), |text, token| token.hidden_in(&text))
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

#[cfg(test)]
mod tests {
    use super::super::refusal::REFUSAL_CHARS_MAX;
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
        let posted = Posted { body: "{}", idempotency_key: "k", bound_by: BoundBy::Evidence, token: None };
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
    fn what_a_log_was_asked_with_is_in_no_message_whatever_it_answers() {
        let own = || Token::parse("plt_0123abcd_secret");
        let bound = Token::parse("header.bound-secret.signature").unwrap();
        for (token, bound_by, evidence) in [
            (own(), BoundBy::Nothing, None),
            (None, BoundBy::Header(&bound), None),
            (own(), BoundBy::Evidence, Some(&bound)),
            (None, BoundBy::Nothing, Some(&bound)),
        ] {
            let server = serve(5, |number, request| {
                let echo = format!("{} {}", request.header("authorization").unwrap_or("-"), request.body);
                match number {
                    0 => Reply::new(401, format!("no: {echo}")),
                    // So that what is shown would end within a token.
                    1 => Reply::new(401, format!("{}{}", "-".repeat(REFUSAL_CHARS_MAX - 10), echo.replace("Bearer ", ""))),
                    2 => Reply::new(401, format!(r#"{{"code":"c","detail":"{echo}","got":["{echo}"]}}"#)),
                    3 => Reply::Answer {
                        status: 401,
                        media_type: "application/problem+json",
                        body: format!(
                            r#"{{"type":"urn:provlog:problem:token.unknown","status":401,"code":"token.unknown","title":"{echo}","expected":"{echo}"}}"#
                        )
                        .into(),
                    },
                    _ => Reply::Cut(
                        format!("HTTP/1.1 302 Found\r\nLocation: http://a/?{}\r\nContent-Length: 0\r\n\r\n", echo.replace(' ', "&"))
                            .into(),
                    ),
                }
            });
            let client = Client::new(&server.url, None, None).unwrap().with_token(token).unwrap();
            let body = evidence.map_or("", Token::text);
            let posted = Posted { body, idempotency_key: "k", bound_by, token: evidence };
            for number in 0..5 {
                let failure = client.append(&posted, 1, agent::REQUEST_TIMEOUT).unwrap_err();
                let told = format!("{failure} {failure:?}");
                assert!(told.contains("..."), "{number}: {told}");
                for part in ["secret", "plt_", "header."] {
                    assert!(!told.contains(part), "{number}: {told}");
                }
            }
            server.finish();
        }
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
}
