//! GitHub's endpoint of tokens for a job: asked for one whose audience is one submission, as a log is asked, with every answer bounded
//! in size and time, and no redirect followed.
//!
//! What it is shown could be used for other tokens of the job, and goes to nobody else and into no message.

use super::agent;
use super::client::ANSWER_BYTES_MAX;
use super::unanswered::Asked;
use super::url::{LogUrl, UrlError, percent_encoded};
use crate::local::settings::token::Token;
use crate::local::settings::workload::GitHubJob;
use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::json::Json;
use std::io::Read as _;
use std::time::Duration;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// What it is called in messages.
const NAME: &str = "GitHub's endpoint of tokens";

/// Longest text of a refusal that is shown, in characters.
const REFUSAL_CHARS_MAX: usize = 200;

/// The endpoint that a job was given.
#[derive(Debug)]
pub(crate) struct Endpoint {
    agent: Agent,
    asked: Asked,
    job: GitHubJob,
}

impl Endpoint {
    /// That of this job. It is believed by this system's roots: a CA that was named is the log's.
    pub(crate) fn new(job: GitHubJob) -> Result<Self, UrlError> {
        let uri: Uri = job.url.parse().map_err(|_| UrlError::JobUrl)?;
        let base = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => return Err(UrlError::JobUrl),
        };
        let url = LogUrl::parse(&base).map_err(|_| UrlError::JobUrl)?;
        if !url.is_private() {
            return Err(UrlError::JobUrl);
        }
        let proxy = agent::proxy(&url)?;
        let agent = agent::agent(&url, None, None, proxy.clone())?;
        Ok(Self { agent, asked: Asked { url, ca: None, identity: None, proxy }, job })
    }

    /// A new token for this audience, within `timeout`.
    pub(crate) fn token(&self, audience: &str, timeout: Duration) -> Result<Token, Failure> {
        let joint = if self.job.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}audience={}", self.job.url, percent_encoded(audience));
        let request = self.agent.get(url).config().timeout_global(Some(timeout)).build();
        let request = request.header("authorization", self.job.token.bearer());
        let answered = request.header("accept", "application/json").call();
        let mut response = answered.map_err(|error| self.unanswered(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response));
        }
        let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        let body = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                Failure::TooLarge { what: format!("an answer of {NAME}"), limit: ANSWER_BYTES_MAX }
            }
            error => self.unanswered(&error),
        })?;
        // Whatever else is in the answer may be a secret, too.
        let form =
            || Failure::malformed(NAME, "expected an object with a token as its `value`, got something else");
        let json = Json::parse(&body).map_err(|_| form())?;
        json.get("value").and_then(Json::as_str).and_then(Token::parse).ok_or_else(form)
    }

    /// As of a log, but for whose the advice is.
    fn unanswered(&self, error: &ureq::Error) -> Failure {
        match self.asked.unanswered(error) {
            Failure::Unreachable { lasts, .. } => Failure::Unreachable {
                why: printable(&format!("no answer from {NAME}, {}: {error}", self.asked.url)),
                lasts,
            },
            other => other,
        }
    }

    fn refused(&self, response: Response<Body>) -> Failure {
        let status = response.status();
        let retry_after_s =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = if status.is_redirection() {
            "a redirect, which isn't followed".into()
        } else {
            let mut body = Vec::new();
            // Whatever comes of it: that it is a refusal is said already.
            let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
            let _ = response.into_body().into_reader().take(most).read_to_end(&mut body);
            let text = self.job.token.hidden_in(&String::from_utf8_lossy(&body));
            printable(&text.trim().chars().take(REFUSAL_CHARS_MAX).collect::<String>())
        };
        let status = status.as_u16();
        let why = format!("{NAME} answered {status}, and gave no token: {text}");
        Failure::NotIssued { why, status, retry_after_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::exit::Exit;
    use crate::testing::{Reply, serve};

    const SECRET: &str = "request-secret";
    const AUDIENCE: &str = "example.com/log:ab";
    const PATIENCE: Duration = Duration::from_secs(30);

    fn endpoint(url: &str) -> Result<Endpoint, UrlError> {
        Endpoint::new(GitHubJob { url: url.into(), token: Token::parse(SECRET).unwrap() })
    }

    #[test]
    fn it_is_asked_for_this_audience_with_what_the_job_was_given() {
        let server = serve(2, |_, _| Reply::new(200, r#"{"count":3,"value":"a.b.c"}"#));
        for (path, line) in [
            ("/idtoken?api-version=2.0", "/idtoken?api-version=2.0&audience=example.com%2Flog%3Aab"),
            ("/idtoken", "/idtoken?audience=example.com%2Flog%3Aab"),
        ] {
            let token =
                endpoint(&format!("{}{path}", server.url)).unwrap().token(AUDIENCE, PATIENCE).unwrap();
            assert_eq!(token.bearer(), "Bearer a.b.c", "{line}");
        }
        let requests = server.finish();
        assert_eq!(requests[0].line, "GET /idtoken?api-version=2.0&audience=example.com%2Flog%3Aab HTTP/1.1");
        assert_eq!(requests[1].line, "GET /idtoken?audience=example.com%2Flog%3Aab HTTP/1.1");
        assert!(
            requests.iter().all(|request| request.header("authorization") == Some("Bearer request-secret"))
        );
    }

    #[test]
    fn addresses_that_others_could_read_along_to_are_refused_before_anything_is_sent() {
        for url in
            ["http://example.com/idtoken", "ftp://a/b", "idtoken", "unix:/socket", "https://me:me@a/b", ""]
        {
            assert!(matches!(endpoint(url), Err(UrlError::JobUrl)), "{url}");
        }
        for url in ["http://127.0.0.1:1/idtoken?a=b", "http://localhost/idtoken"] {
            assert!(endpoint(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn whatever_is_no_token_is_told_without_what_is_secret() {
        let large = format!(r#"{{"value":"{}"}}"#, "a".repeat(ANSWER_BYTES_MAX));
        let echo = format!(r#"{{"message":"bad {SECRET}"}}"#);
        let cases = [
            (Reply::new(403, echo), Exit::Denied, "403"),
            (Reply::new(500, ""), Exit::Unreachable, "500"),
            (Reply::new(404, "no"), Exit::NotFound, "no"),
            (
                Reply::Cut(
                    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                        .into(),
                ),
                Exit::Unreachable,
                "isn't followed",
            ),
            (Reply::new(200, large), Exit::Malformed, "at most 65536 bytes"),
            (Reply::new(200, "<html>"), Exit::Malformed, "as its `value`"),
            (Reply::new(200, r#"{"value":"two words"}"#), Exit::Malformed, "as its `value`"),
            (Reply::new(200, r#"{"token":"a.b.c"}"#), Exit::Malformed, "as its `value`"),
            (
                Reply::Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into()),
                Exit::Unreachable,
                "no answer from",
            ),
        ];
        for (reply, exit, expected) in cases {
            let mut reply = Some(reply);
            let server = serve(1, move |_, _| reply.take().unwrap());
            let endpoint = endpoint(&server.url).unwrap();
            let failure = endpoint.token(AUDIENCE, PATIENCE).unwrap_err();
            assert_eq!(Exit::of_failure(&failure), exit, "{failure}");
            let told = format!("{failure} {failure:?} {endpoint:?}");
            assert!(told.contains(expected) && !told.contains(SECRET), "{told}");
        }
    }

    #[test]
    fn it_gets_no_more_time_than_there_is() {
        let server = serve(1, |_, _| Reply::Silence);
        let failure = endpoint(&server.url).unwrap().token(AUDIENCE, Duration::from_millis(50)).unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { lasts: false, .. }), "{failure}");
        server.finish();
    }
}
