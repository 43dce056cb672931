//! A text, taken apart as if it were a statement's. Whether it is in the one form that such a text has is found by writing what
//! was read, so order and spelling aren't looked at here.

use super::error::{StatementError, brief};
use super::fields::{Action, Fields, Intent, Policy};
use super::words::decode;
use super::write::{NONE, VERSION};
use crate::subject::Subject;
use provlog_core::hex;
use provlog_core::time::read_rfc3339_s;
use std::collections::BTreeMap;

pub(super) fn fields(text: &str) -> Result<Fields, StatementError> {
    let mut lines = Lines { lines: text.split('\n').collect(), place: 0 };
    if lines.next() != VERSION {
        return Err(StatementError::line(0, format!("{VERSION:?}"), lines.lines.first().unwrap_or(&"")));
    }
    let action = action(lines.one("action")?)?;
    let log = lines.one("log")?.to_owned();
    let environment = lines.one("environment")?.to_owned();
    let subjects = lines.many("subject").into_iter().map(subject).collect::<Result<_, _>>()?;
    let mut intent = lines.optional("intent").map(intent).transpose()?;
    for line in lines.many("scope") {
        let expected = || {
            StatementError::value(
                "scope",
                "<key>=<value>[,<value>...], each key once, behind an intent",
                line,
            )
        };
        let (key, values) = line.split_once('=').ok_or_else(expected)?;
        let values = values.split(',').map(decode).collect::<Option<_>>().ok_or_else(expected)?;
        let scope = &mut intent.as_mut().ok_or_else(expected)?.scope;
        if scope.insert(decode(key).ok_or_else(expected)?, values).is_some() {
            return Err(expected());
        }
    }
    let reason = lines.optional("reason").map(str::to_owned);
    let policy = policy(lines.one("policy")?)?;
    let requester = Some(lines.one("requester")?).filter(|line| *line != NONE);
    let requester = requester.map(|line| token("requester", line)).transpose()?;
    let nonce = lines.one("nonce")?;
    let nonce = hex::decode_array(nonce)
        .ok_or_else(|| StatementError::value("nonce", "32 lowercase hex digits", nonce))?;
    let expires = lines.one("expires")?;
    let expires_s = read_rfc3339_s(expires).ok_or_else(|| {
        StatementError::value("expires", "a time YYYY-MM-DDTHH:MM:SSZ from 1970 to 9999", expires)
    })?;
    lines.end()?;
    Ok(Fields { action, log, environment, subjects, intent, reason, policy, requester, nonce, expires_s })
}

/// The lines that are left; behind the final newline stands an empty one.
struct Lines<'t> {
    lines: Vec<&'t str>,
    place: usize,
}

impl<'t> Lines<'t> {
    fn peek(&self) -> &'t str {
        self.lines.get(self.place).copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'t str {
        let line = self.peek();
        self.place += 1;
        line
    }

    /// The value of the next line, if it has this name.
    fn optional(&mut self, name: &str) -> Option<&'t str> {
        let value = self.peek().strip_prefix(name)?.strip_prefix(": ")?;
        self.place += 1;
        Some(value)
    }

    fn one(&mut self, name: &str) -> Result<&'t str, StatementError> {
        let value = self.optional(name);
        value.ok_or_else(|| StatementError::line(self.place, format!("a line \"{name}: \""), self.peek()))
    }

    fn many(&mut self, name: &str) -> Vec<&'t str> {
        std::iter::from_fn(|| self.optional(name)).collect()
    }

    fn end(&self) -> Result<(), StatementError> {
        match self.lines.get(self.place..) {
            Some([""]) => Ok(()),
            _ => Err(StatementError::line(self.place, "the end, behind one newline", self.peek())),
        }
    }
}

fn action(name: &str) -> Result<Action, StatementError> {
    let found = Action::ALL.into_iter().find(|action| action.name() == name);
    found.ok_or_else(|| {
        let names = Action::ALL.map(Action::name);
        StatementError::value("action", names.join(" or "), name)
    })
}

fn subject(line: &str) -> Result<Subject, StatementError> {
    let expected = || StatementError::value("subject", "<algorithm>:<hex>[,...] <uri or -> [<name>]", line);
    let (digests, rest) = line.split_once(' ').ok_or_else(expected)?;
    let (uri, name) = rest.split_once(' ').map_or((rest, None), |(uri, name)| (uri, Some(name)));
    let mut parsed = BTreeMap::new();
    for digest in digests.split(',') {
        let (algorithm, bytes) = digest.split_once(':').ok_or_else(expected)?;
        if parsed.insert(algorithm.to_owned(), hex::decode(bytes).ok_or_else(expected)?).is_some() {
            return Err(StatementError::value(
                "subject",
                "each algorithm once",
                &format!("{} twice", brief(algorithm)),
            ));
        }
    }
    let uri = Some(uri).filter(|uri| *uri != NONE).map(|uri| token("subject", uri)).transpose()?;
    Ok(Subject::new(parsed, uri, name.map(str::to_owned))?)
}

fn intent(line: &str) -> Result<Intent, StatementError> {
    let (id, purpose) =
        line.split_once(' ').ok_or_else(|| StatementError::value("intent", "<id> <purpose>", line))?;
    Ok(Intent { id: token("intent", id)?, purpose: purpose.into(), scope: BTreeMap::new() })
}

fn policy(line: &str) -> Result<Policy, StatementError> {
    let expected =
        || StatementError::value("policy", "<name>@<version> sha256:<64 lowercase hex digits>", line);
    let (called, digest) = line.split_once(' ').ok_or_else(expected)?;
    let (name, version) = called.split_once('@').ok_or_else(expected)?;
    let sha256 = digest.strip_prefix("sha256:").and_then(hex::decode_array).ok_or_else(expected)?;
    Ok(Policy { name: token("policy", name)?, version: token("policy", version)?, sha256 })
}

fn token(name: &'static str, text: &str) -> Result<String, StatementError> {
    const EXPECTED: &str = "a token: UTF-8 that isn't empty, with %XX for what isn't printable ASCII";
    decode(text).ok_or_else(|| StatementError::value(name, EXPECTED, text))
}
