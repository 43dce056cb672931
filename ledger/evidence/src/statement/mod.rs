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
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

pub use error::{STATEMENT_BYTES_MAX, SUBJECTS_MAX, StatementError};
pub use fields::{Action, Environments, Fields, Intent, Policy};

/// The use that persons sign statements for.
pub const NAMESPACE: &str = "approval@provlog";

/// Longest name of an environment, in bytes.
const ENVIRONMENT_BYTES_MAX: usize = 63;

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
        if text.len() > STATEMENT_BYTES_MAX {
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

/// What the action allows: a row of the table in section 13.1.
fn check_action(fields: &Fields) -> Result<(), StatementError> {
    let action = fields.action;
    let (is_all, count) = match &fields.environments {
        Environments::All => (true, 1),
        Environments::Named(names) => (false, names.len()),
    };
    let scope_count = fields.intent.as_ref().map_or(0, |intent| intent.scope.len());
    let has_policy = fields.policy.is_some();
    let (is_change, is_withdrawal) =
        (matches!(action, Action::Promote | Action::Override), action == Action::Withdraw);
    // The lines of a withdrawal are those of what it withdraws: of one of the other actions, whichever.
    let as_change = !is_all && count == 1 && has_policy;
    let as_policy = count > 0 && has_policy && scope_count == 0;
    let as_roster = is_all && !has_policy && scope_count == 0;
    let (fits, expected) = match action {
        Action::Promote | Action::Override => (as_change, "one environment, and a policy"),
        Action::PublishPolicy => (as_policy, "an environment or more, a policy, and no scope"),
        Action::ChangeRoster => (as_roster, "the environment *, the policy -, and no scope"),
        Action::Withdraw => {
            (as_change || as_policy || as_roster, "environment, policy and scope of what it withdraws")
        }
    };
    let name = action.name();
    if !fits {
        let policy = if has_policy { "a policy" } else { "no policy" };
        let where_to = if is_all { "all environments".into() } else { format!("{count} environments") };
        let got = format!("{where_to}, {policy}, {scope_count} lines of scope");
        return Err(StatementError::value("action", format!("for {name} {expected}"), &got));
    }
    let wants_reason = is_withdrawal || action == Action::Override;
    if fields.reason.is_some() != wants_reason {
        let expected = format!("{} for {name}", if wants_reason { "one" } else { "none" });
        return Err(StatementError::value("reason", expected, fields.reason.as_deref().unwrap_or("")));
    }
    let subjects = fields.subjects.len();
    if !is_change {
        // Of a text there is one, and the one digest of it.
        let digest = fields.subjects.first().and_then(|subject| subject.digests().next());
        let sha256 = digest.filter(|(algorithm, _)| *algorithm == "sha256").map(|(_, bytes)| bytes);
        let sha256 = sha256.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        if subjects != 1 || sha256.map(Subject::of_sha256).as_ref() != fields.subjects.first() {
            let expected = format!("for {name} one subject, of a sha256 alone, without uri and name");
            return Err(StatementError::value("subject", expected, &format!("{subjects} subjects")));
        }
    } else if !(1..=SUBJECTS_MAX).contains(&subjects) {
        let expected = format!("1 to {SUBJECTS_MAX} subjects");
        return Err(StatementError::value("subject", expected, &subjects.to_string()));
    }
    Ok(())
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
    if let Environments::Named(names) = &fields.environments
        && let Some(name) = names.iter().find(|name| !is_environment(name))
    {
        return Err(StatementError::value("environment", "names [a-z0-9][a-z0-9._-]{0,62}", name));
    }
    let subjects = fields.subjects.iter();
    let (uris, names) = (subjects.clone().filter_map(Subject::uri), subjects.filter_map(Subject::name));
    let intent = fields.intent.as_ref();
    let scope = intent.map(|intent| &intent.scope).into_iter().flatten();
    let scope = scope.clone().map(|(key, _)| key).chain(scope.clone().flat_map(|(_, values)| values));
    let policy = fields.policy.iter().flat_map(|policy| [&policy.name, &policy.version]);
    let mut tokens = uris
        .map(|uri| ("subject", uri))
        .chain(intent.map(|intent| ("intent", intent.id.as_str())))
        .chain(scope.map(|word| ("scope", word.as_str())))
        .chain(policy.map(|word| ("policy", word.as_str())))
        .chain(fields.requester.as_deref().map(|id| ("requester", id)));
    if let Some((name, _)) = tokens.find(|(_, token)| token.is_empty()) {
        return Err(StatementError::value(name, "tokens that aren't empty", ""));
    }
    let mut texts = names
        .map(|name| ("subject", name))
        .chain(intent.map(|intent| ("intent", intent.purpose.as_str())))
        .chain(fields.reason.as_deref().map(|reason| ("reason", reason)));
    if let Some((name, text)) = texts.find(|(_, text)| !words::is_text(text)) {
        const EXPECTED: &str =
            "text without hidden characters (SPEC.md section 13.1), single spaces in it and none at its ends";
        return Err(StatementError::value(name, EXPECTED, text));
    }
    if intent.is_some_and(|intent| intent.scope.values().any(BTreeSet::is_empty)) {
        return Err(StatementError::value("scope", "at least one value of each key", ""));
    }
    if fields.expires_s > crate::time::TIME_S_MAX {
        return Err(StatementError::value(
            "expires",
            "a second until the year 9999",
            &fields.expires_s.to_string(),
        ));
    }
    Ok(())
}

fn is_environment(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=ENVIRONMENT_BYTES_MAX).contains(&name.len())
        && name.bytes().next().is_some_and(word)
        && name.bytes().all(|byte| word(byte) || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;
