//! Approval statements (`SPEC.md` section 13.1): the short text that a person reads and signs.
//!
//! One statement, one text: a text is taken apart, written again from what was taken, and is a statement only where both are
//! the same, byte for byte. So nobody can sign one thing and have it read as another.

mod error;
mod fields;
mod read;
mod words;
mod write;

use crate::subject::Subject;
use crate::window::Window;
use provlog_core::checkpoint::is_origin;
use provlog_core::encoding::Foreign;
use provlog_core::time::READ_S_MAX;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

pub use error::{
    LINE_BYTES_MAX, REASON_BYTES_MAX, STATEMENT_BYTES_MAX, SUBJECTS_MAX, StatementError, TOKEN_BYTES_MAX,
    WITHDRAWABLE_BYTES_MAX,
};
pub use fields::{Action, Fields, Intent, Policy};
pub use write::VERSION;

/// The use that persons sign statements for.
pub const NAMESPACE: &str = "approval@provlog";

/// Longest name of an environment, in bytes.
const ENVIRONMENT_BYTES_MAX: usize = 63;

/// Shortest digest that nobody finds a second text of, in bytes.
const STRONG_BYTES: usize = 32;

/// A statement. There is none that can't be written, or be read as another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    fields: Fields,
    text: String,
}

impl Statement {
    /// The statement that says this.
    ///
    /// # Errors
    /// [`StatementError`] names the line that can't be, what was expected of it, and what was got.
    pub fn new(fields: Fields) -> Result<Self, StatementError> {
        check_action(&fields)?;
        check_words(&fields)?;
        let text = write::text(&fields);
        let is_withdrawal = fields.action == Action::Withdraw;
        if text.len() > if is_withdrawal { STATEMENT_BYTES_MAX } else { WITHDRAWABLE_BYTES_MAX } {
            return Err(StatementError::Bytes(text.len()));
        }
        Ok(Self { fields, text })
    }

    /// Reads a statement's text.
    ///
    /// # Errors
    /// [`StatementError`] names the line, what was expected in it, and what was got.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::Bytes(bytes.len()));
        }
        if let Some(foreign) = Foreign::of(bytes) {
            return Err(StatementError::Foreign(foreign));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| StatementError::Characters)?;
        let statement = Self::new(read::fields(text)?)?;
        let mut lines = statement.text.split('\n').zip(text.split('\n')).enumerate();
        match lines.find(|(_, (expected, got))| expected != got) {
            Some((place, (expected, got))) => {
                let expected = format!("{:?}, in its one form and place", error::brief(expected));
                Err(StatementError::line(place, expected, got))
            }
            // A duplicate, which was read once.
            None if statement.text.len() != text.len() => {
                let place = statement.text.split('\n').count();
                Err(StatementError::line(
                    place - 1,
                    "each line once",
                    text.split('\n').nth(place).unwrap_or(""),
                ))
            }
            None => Ok(statement),
        }
    }

    /// Its text, which is what is signed.
    #[must_use]
    pub fn to_text(&self) -> &str {
        &self.text
    }

    /// What it says.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// SHA-256 of its text: what it is known by.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// When it may be used.
    #[must_use]
    pub const fn window(&self) -> Window {
        Window { from_ms: 0, to_ms: self.fields.expires_s * 1_000 }
    }

    /// The statement that withdraws this one, with its lines.
    ///
    /// # Errors
    /// This one withdraws itself, or there is no such reason.
    pub fn withdrawal(
        &self,
        reason: String,
        nonce: [u8; 16],
        expires_s: u64,
    ) -> Result<Self, StatementError> {
        if self.fields.action == Action::Withdraw {
            return Err(StatementError::value("action", "a statement that isn't a withdrawal", "withdraw"));
        }
        Self::new(Fields {
            action: Action::Withdraw,
            subjects: BTreeSet::from([Subject::of_sha256(self.sha256())]),
            reason: Some(reason),
            nonce,
            expires_s,
            ..self.fields.clone()
        })
    }

    /// Whether this one withdraws the other: it names it, and has its lines. That both are one person's is for the caller to see.
    #[must_use]
    pub fn withdraws(&self, other: &Self) -> bool {
        let reason = self.fields.reason.clone().unwrap_or_default();
        self.fields.action == Action::Withdraw
            && other.withdrawal(reason, self.fields.nonce, self.fields.expires_s).as_ref() == Ok(self)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the action allows: a column of the table in section 13.1.
fn check_action(fields: &Fields) -> Result<(), StatementError> {
    let (action, subjects) = (fields.action, &fields.subjects);
    let name = action.name();
    let wants_reason = action != Action::Promote;
    if fields.reason.is_some() != wants_reason {
        let expected = format!("{} for {name}", if wants_reason { "one" } else { "none" });
        return Err(StatementError::value("reason", expected, fields.reason.as_deref().unwrap_or("")));
    }
    if action != Action::Withdraw {
        if !(1..=SUBJECTS_MAX).contains(&subjects.len()) {
            let expected = format!("1 to {SUBJECTS_MAX} subjects");
            return Err(StatementError::value("subject", expected, &subjects.len().to_string()));
        }
        return Ok(());
    }
    // Of a statement there is the one digest by which it is known.
    let digest = subjects.first().and_then(|subject| subject.digests().find(|pair| pair.0 == "sha256"));
    let sha256 = digest.and_then(|(_, bytes)| <[u8; 32]>::try_from(bytes).ok());
    let known = sha256.map(|sha256| BTreeSet::from([Subject::of_sha256(sha256)]));
    if known.as_ref() == Some(subjects) {
        Ok(())
    } else {
        let got: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        Err(StatementError::value(
            "subject",
            "for withdraw one sha256 alone, without uri and name",
            &got.join(" "),
        ))
    }
}

/// What each word must be, whatever the action.
fn check_words(fields: &Fields) -> Result<(), StatementError> {
    if !is_origin(&fields.log) {
        return Err(StatementError::value(
            "log",
            "an origin, 1 to 255 bytes of [A-Za-z0-9._~:/-]",
            &fields.log,
        ));
    }
    if !is_environment(&fields.environment) {
        return Err(StatementError::value("environment", "[a-z0-9][a-z0-9._-]{0,62}", &fields.environment));
    }
    for subject in &fields.subjects {
        check_subject(subject)?;
    }
    if let Some(intent) = &fields.intent {
        token("intent", &intent.id)?;
        text("intent", &intent.purpose, LINE_BYTES_MAX)?;
        for (key, values) in &intent.scope {
            token("scope", key)?;
            values.iter().try_for_each(|value| token("scope", value))?;
            if values.is_empty() {
                return Err(StatementError::value("scope", "at least one value of each key", key));
            }
        }
    }
    if let Some(reason) = &fields.reason {
        text("reason", reason, REASON_BYTES_MAX)?;
    }
    token("policy", &fields.policy.name)?;
    token("policy", &fields.policy.version)?;
    if let Some(id) = fields.requester.as_deref() {
        token("requester", id)?;
        if fields.intent.is_none() {
            return Err(StatementError::value("requester", "- where there is no intent", id));
        }
    }
    if fields.nonce == [0; 16] {
        return Err(StatementError::value("nonce", "random bytes", "zeros"));
    }
    if fields.expires_s > READ_S_MAX {
        return Err(StatementError::value(
            "expires",
            "a second until the year 9999",
            &fields.expires_s.to_string(),
        ));
    }
    Ok(())
}

fn check_subject(subject: &Subject) -> Result<(), StatementError> {
    let has = |wanted: &str| subject.digests().any(|(algorithm, _)| algorithm == wanted);
    // A commit of SHA-1 alone can be made to have another tree.
    let strong = subject.digests().any(|(_, bytes)| bytes.len() >= STRONG_BYTES);
    let whole = strong || has("gitCommit") && has("gitTree");
    if !whole {
        let expected = format!("a digest of {STRONG_BYTES} bytes or more, or gitCommit and gitTree");
        return Err(StatementError::value("subject", expected, &subject.to_string()));
    }
    subject.uri().map_or(Ok(()), |uri| token("subject", uri))?;
    let Some(name) = subject.name() else { return Ok(()) };
    if name.contains("://") {
        return Err(StatementError::value("subject", "a name that is no URI", name));
    }
    text("subject", name, LINE_BYTES_MAX)
}

fn token(name: &'static str, token: &str) -> Result<(), StatementError> {
    if (1..=TOKEN_BYTES_MAX).contains(&token.len()) {
        return Ok(());
    }
    Err(StatementError::value(name, format!("tokens of 1 to {TOKEN_BYTES_MAX} bytes"), token))
}

fn text(name: &'static str, text: &str, bytes_max: usize) -> Result<(), StatementError> {
    if text.len() <= bytes_max && words::is_text(text) {
        return Ok(());
    }
    let expected = format!(
        "text of 1 to {bytes_max} bytes, with single spaces in it and none at its ends, without hidden characters and without \
         what looks like another part of the statement"
    );
    Err(StatementError::value(name, expected, text))
}

fn is_environment(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=ENVIRONMENT_BYTES_MAX).contains(&name.len())
        && name.bytes().next().is_some_and(word)
        && name.bytes().all(|byte| word(byte) || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;
