//! Tables of tokens: what each is, and what the log makes of it.

use super::site::{Site, code};
use super::token::{Draft, is_told};
use crate::support::{Response, promotion};

/// A name, how the token is made of a good one, and the status and code that it is answered with; no code where it is taken.
pub type Case = (&'static str, fn(Draft) -> String, u16, &'static str);

/// Appends with each, and demands what its row says.
pub fn hold(site: &Site, issuer: &str, cases: &[Case]) {
    let mut tokens = Vec::new();
    let mut problems = Vec::new();
    for &(name, make, status, expected) in cases {
        let (token, before) = (make(Draft::of(issuer)), site.size());
        let answer = site.append(name, &token);
        let problem = differs(&answer, &token, status, expected);
        let grown = site.size() - before;
        problems.extend(problem.map(|problem| format!("{name}: {problem}\n  {}", answer.text())));
        if grown != u64::from(status == 201) {
            problems.push(format!("{name}: {grown} entries were made"));
        }
        tokens.push(token);
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), cases.len(), problems.join("\n"));
    site.says_nothing_of(&tokens);
}

/// How an answer is otherwise than it should be.
pub fn differs(answer: &Response, token: &str, status: u16, expected: &str) -> Option<String> {
    if answer.status != status {
        return Some(format!("expected {status} {expected}, got {}", answer.status));
    }
    if is_told(token, answer.text()) {
        return Some("a part of the token is in the answer".into());
    }
    if status == 201 {
        return None;
    }
    if code(answer) != expected {
        return Some(format!("expected {expected}, got {}", code(answer)));
    }
    let problem = answer.json();
    let is_said = |member: &str| problem[member].as_str().is_some_and(|text| !text.is_empty());
    if !is_said("expected") || !is_said("got") {
        return Some("it doesn't say what was expected, and what was got".into());
    }
    let is_challenged = answer.header("www-authenticate").is_some();
    (!is_challenged && matches!(status, 401 | 403)).then(|| "no WWW-Authenticate".into())
}

/// A promotion for another environment.
pub fn promotion_for(subject: &str, environment: &str) -> String {
    let mut submission = promotion(subject);
    submission["claims"]["environment"] = environment.into();
    submission.to_string()
}
