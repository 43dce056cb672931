//! Rosters: which keys are which persons' (`SPEC.md` section 12.6), read from OpenSSH's `allowed_signers` files.
//!
//! Narrower than `ssh-keygen`: a line names persons and not patterns, a key is a person's own and not an authority's, times
//! are UTC, and nobody can be two persons or share a key.

mod line;

use crate::ssh::{Signed, SshKey};
use crate::window::Window;
use line::Line;
use provlog_core::encoding::Foreign;
use std::collections::{BTreeMap, BTreeSet};

pub use line::{NAME_BYTES_MAX, NAMES_MAX, RosterLineError};

/// Largest roster, in bytes: 2,000 lines of Ed25519 keys with 130 each, or 400 of RSA keys with 650.
pub const ROSTER_BYTES_MAX: usize = 256 * 1024;

/// Most lines of a roster, which are the members of a set.
pub const ROSTER_LINES_MAX: usize = 4_096;

/// Why a roster can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RosterError {
    /// Over its limit.
    #[error("roster: at most {ROSTER_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Too many lines.
    #[error("roster: at most {ROSTER_LINES_MAX} lines, got {0}")]
    Lines(usize),
    /// Not UTF-8, or with control characters.
    #[error("roster: expected UTF-8 without control characters other than tabs and newlines")]
    Characters,
    /// Text that was written anew on its way.
    #[error("roster, {0}")]
    Foreign(Foreign),
    /// A line, or a member of a set, with something wrong in it.
    #[error("roster, line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: RosterLineError,
    },
}

/// Why a signature is by nobody who counts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoSigner {
    /// A key of no line.
    #[error("expected a key of the roster, got {0}")]
    Unknown(String),
    /// A line for other uses.
    #[error("{id}: expected a key for the namespace {namespace:?}, got one that the roster has for others")]
    Namespace {
        /// Whose key it is.
        id: String,
        /// The use.
        namespace: String,
    },
    /// Too early or too late, or no time at all was asked about.
    #[error("{id}: expected a key that holds at {times_ms:?} ms, got one that holds from {window}")]
    Time {
        /// Whose key it is.
        id: String,
        /// The times that were asked about.
        times_ms: Vec<u64>,
        /// When it holds.
        window: Window,
    },
}

/// One human, under all the names that the roster gives them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Person {
    id: String,
    aliases: BTreeSet<String>,
}

/// Who made a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signer<'r> {
    /// The person whose key it is.
    pub person: &'r Person,
    /// The roster's line that says so, as a member of a set.
    pub member: &'r str,
    /// When that line holds.
    pub window: Window,
}

/// Persons and their keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roster {
    /// By their one form.
    lines: BTreeMap<String, Line>,
    /// By id.
    persons: BTreeMap<String, Person>,
    /// Alias to id; aliases that differ by case alone are of one person.
    ids: BTreeMap<String, String>,
    /// A key's fingerprint to id: persons are looked up by many, and a roster may have thousands.
    keys: BTreeMap<String, String>,
}

impl Roster {
    /// Reads an `allowed_signers` file. Blank lines and comments say nothing.
    ///
    /// # Errors
    /// [`RosterError`] names the line, what was expected in it, and what was got.
    pub fn parse(bytes: &[u8]) -> Result<Self, RosterError> {
        if bytes.len() > ROSTER_BYTES_MAX {
            return Err(RosterError::Bytes(bytes.len()));
        }
        let characters = || Foreign::of(bytes).map_or(RosterError::Characters, RosterError::Foreign);
        let text = std::str::from_utf8(bytes).map_err(|_| characters())?;
        if text.starts_with('\u{feff}') || text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
            return Err(characters());
        }
        let count = text.lines().count();
        if count > ROSTER_LINES_MAX {
            return Err(RosterError::Lines(count));
        }
        let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t'])).enumerate();
        Self::of_lines(lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')), Line::parse)
    }

    /// From the members of a set, in any order.
    ///
    /// # Errors
    /// [`RosterError`]; its line is the member's place, counted from 1.
    pub fn from_members<'m>(members: impl IntoIterator<Item = &'m str>) -> Result<Self, RosterError> {
        let members: Vec<&str> = members.into_iter().collect();
        if members.len() > ROSTER_LINES_MAX {
            return Err(RosterError::Lines(members.len()));
        }
        Self::of_lines(members.into_iter().enumerate(), Line::parse_member)
    }

    /// Its lines as members of a set, ascending by their bytes.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// The persons, ascending by id.
    pub fn persons(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.persons.values()
    }

    /// Who is called this.
    #[must_use]
    pub fn person(&self, alias: &str) -> Option<&Person> {
        self.persons.get(self.ids.get(alias)?)
    }

    /// Whose key has this fingerprint.
    #[must_use]
    pub fn person_of_key(&self, fingerprint: &str) -> Option<&Person> {
        self.persons.get(self.keys.get(fingerprint)?)
    }

    /// Who signed: the person whose line has the key, is for the namespace that was signed, and holds at all of these times.
    ///
    /// # Errors
    /// [`NoSigner`] says which of these it isn't. No line holds at no time.
    pub fn signer(&self, signed: &Signed, times_ms: &[u64]) -> Result<Signer<'_>, NoSigner> {
        let key: &SshKey = signed.key();
        let found = self.lines.iter().find(|(_, line)| line.key == *key);
        let found =
            found.and_then(|(member, line)| Some((member, line, self.person(line.aliases.first()?)?)));
        let (member, line, person) = found.ok_or_else(|| NoSigner::Unknown(key.fingerprint()))?;
        let (id, window) = (person.id.clone(), line.window());
        if !line.is_for(signed.namespace()) {
            Err(NoSigner::Namespace { id, namespace: signed.namespace().into() })
        } else if times_ms.is_empty() || !times_ms.iter().all(|time_ms| window.contains(*time_ms)) {
            Err(NoSigner::Time { id, times_ms: times_ms.into(), window })
        } else {
            Ok(Signer { person, member, window })
        }
    }

    fn of_lines<'t>(
        lines: impl Iterator<Item = (usize, &'t str)>,
        parse: impl Fn(&str) -> Result<Line, RosterLineError>,
    ) -> Result<Self, RosterError> {
        let (mut roster, mut taken) = (Self::default(), Taken::default());
        for (place, text) in lines {
            let number = place + 1;
            let line = parse(text).and_then(|line| taken.take(&line, number).map(|()| line));
            roster.add(line.map_err(|problem| RosterError::Line { line: number, problem })?);
        }
        // A file may be shorter than its lines in their one form: what is read as a file must be readable as a set.
        let bytes = roster.members().map(|member| member.len() + 1).sum();
        if bytes > ROSTER_BYTES_MAX { Err(RosterError::Bytes(bytes)) } else { Ok(roster) }
    }

    fn add(&mut self, line: Line) {
        let id = line.aliases.first().cloned().unwrap_or_default();
        let nobody = || Person { id: id.clone(), aliases: BTreeSet::new() };
        let person = self.persons.entry(id.clone()).or_insert_with(nobody);
        for alias in &line.aliases {
            person.aliases.insert(alias.clone());
            self.ids.insert(alias.clone(), id.clone());
        }
        self.keys.insert(line.key.fingerprint(), id);
        self.lines.insert(line.to_string(), line);
    }
}

/// What earlier lines have, and no later one may have as another person's.
#[derive(Default)]
struct Taken {
    /// In lower case, to the person's id.
    aliases: BTreeMap<String, String>,
    /// What makes them one key, to the line's number.
    keys: BTreeMap<Vec<u8>, usize>,
}

impl Taken {
    fn take(&mut self, line: &Line, number: usize) -> Result<(), RosterLineError> {
        if let Some(other) = self.keys.insert(line.key.material().into(), number) {
            return Err(RosterLineError::KeyTwice { other, fingerprint: line.key.fingerprint() });
        }
        let id = line.aliases.first().cloned().unwrap_or_default();
        for alias in &line.aliases {
            let owner = self.aliases.entry(alias.to_ascii_lowercase()).or_insert_with(|| id.clone());
            if *owner != id {
                let (alias, other) = (alias.clone(), owner.clone());
                return Err(RosterLineError::AliasOfAnother { alias, id, other });
            }
        }
        Ok(())
    }
}

impl Person {
    /// What they are called first.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All that they are called, the id too, ascending.
    pub fn aliases(&self) -> impl ExactSizeIterator<Item = &str> {
        self.aliases.iter().map(String::as_str)
    }
}

/// A line as a member of a set: the person's id, the key, and when it holds for this use; none: it is no line, or one for others.
pub(crate) fn member_for(namespace: &str, text: &str) -> Option<(String, SshKey, Window)> {
    let line = Line::parse_member(text).ok().filter(|line| line.is_for(namespace))?;
    let window = line.window();
    Some((line.aliases.into_iter().next()?, line.key, window))
}

#[cfg(test)]
mod tests;
