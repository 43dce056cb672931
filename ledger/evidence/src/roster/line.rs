//! One line of a roster.

use crate::ssh::{KeyType, SshKey, SshKeyError};
use crate::time;
use crate::window::Window;
use provlog_core::limits::TIME_MS_MAX;
use std::collections::BTreeSet;
use std::fmt;

/// Most names in the list of a line: one person's aliases, or the namespaces that the key signs for.
pub const NAMES_MAX: usize = 16;

/// Longest name, in bytes: that of an address that people still read at a glance.
pub const NAME_BYTES_MAX: usize = 64;

/// Characters of a line that an error repeats.
const QUOTED_CHARACTERS_MAX: usize = 64;

const PRINCIPALS: &str = "principals";
const NAMESPACES: &str = "namespaces";
const VALID_AFTER: &str = "valid-after";
const VALID_BEFORE: &str = "valid-before";

/// What can be wrong with a line of a roster.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RosterLineError {
    /// Fields are missing.
    #[error("expected <principals> [options] <key type> <base64>, got {0:?}")]
    Fields(String),
    /// Too many names.
    #[error("{list}: expected 1 to {NAMES_MAX} names, got {got}")]
    NameCount {
        /// Of what.
        list: &'static str,
        /// How many there are.
        got: usize,
    },
    /// Not a name, or one that stands for several.
    #[error(
        "{list}: expected a name of 1 to {NAME_BYTES_MAX} visible ASCII characters without comma, quote, * ? ! and backslash, \
         not starting with # (of a namespace, letters, digits, @ . _ - alone), got {got:?}"
    )]
    Name {
        /// Of what.
        list: &'static str,
        /// As it is written.
        got: String,
    },
    /// A name that is there twice.
    #[error("{list}: expected each name once, got {name:?} twice")]
    NameTwice {
        /// Of what.
        list: &'static str,
        /// The name.
        name: String,
    },
    /// An authority's key, by which it could make persons at will.
    #[error("option cert-authority: expected a person's own key")]
    CertAuthority,
    /// An option that this version doesn't know, or one that isn't written as options are.
    #[error(
        "expected options namespaces=\"<names>\", valid-after=\"<time>\" and valid-before=\"<time>\", joined by commas, got {0:?}"
    )]
    Option(String),
    /// An option that is there twice.
    #[error("option {0}: expected it once, got it twice")]
    OptionTwice(&'static str),
    /// Not a time, or a local one.
    #[error(
        "option {option}: expected a time YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ after 1970-01-01, got {got:?}"
    )]
    Time {
        /// Which one.
        option: &'static str,
        /// As it is written.
        got: String,
    },
    /// It would never hold.
    #[error("option valid-before: expected a time after valid-after ({after}), got {before}")]
    Never {
        /// From when it would hold.
        after: String,
        /// Until when.
        before: String,
    },
    /// No key.
    #[error("{0}")]
    Key(#[from] SshKeyError),
    /// A member of a set that isn't in the one form that it has.
    #[error("expected the line in its one form, {expected:?}, got {got:?}")]
    Form {
        /// Its one form.
        expected: String,
        /// As it is written.
        got: String,
    },
    /// An alias of another person.
    #[error(
        "principal {alias:?}: expected an alias of {id:?} alone, got one of {other:?} too (in whatever case)"
    )]
    AliasOfAnother {
        /// The alias.
        alias: String,
        /// Whose line this is.
        id: String,
        /// Who has it as well.
        other: String,
    },
    /// A key that another line has, maybe as one of another type.
    #[error("expected a key that no other line has, got that of line {other} ({fingerprint})")]
    KeyTwice {
        /// That line's number, counted from 1.
        other: usize,
        /// The key's.
        fingerprint: String,
    },
}

/// One line: who, when and for what use, and with which key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// At least one; the first is the person's id.
    pub(super) aliases: Vec<String>,
    namespaces: Option<BTreeSet<String>>,
    valid_after_s: Option<u64>,
    valid_before_s: Option<u64>,
    pub(super) key: SshKey,
}

impl Line {
    /// Reads a line of a file, as loosely written as `ssh-keygen` takes it; what follows the key is its comment.
    pub(super) fn parse(line: &str) -> Result<Self, RosterLineError> {
        let (principals, rest) = word(line);
        let aliases = names(PRINCIPALS, principals)?;
        let (mut options, mut fields) = ("", rest);
        let (first, after) = word(rest);
        let is_type = |word: &str| KeyType::named(word).is_some();
        if first.contains(['=', '"']) || !is_type(first) && is_type(word(after).0) {
            (options, fields) = (first, after);
        }
        let (key_type, after) = word(fields);
        let (base64, _comment) = word(after);
        if base64.is_empty() {
            return Err(RosterLineError::Fields(brief(line)));
        }
        let mut parsed = Self {
            aliases,
            namespaces: None,
            valid_after_s: None,
            valid_before_s: None,
            key: SshKey::parse(key_type, base64)?,
        };
        if !options.is_empty() {
            parsed.read_options(options)?;
        }
        match (parsed.valid_after_s, parsed.valid_before_s) {
            (Some(after), Some(before)) if before <= after => Err(RosterLineError::Never {
                after: time::to_compact(after),
                before: time::to_compact(before),
            }),
            _ => Ok(parsed),
        }
    }

    /// Reads a member of a set: a line in its one form.
    pub(super) fn parse_member(text: &str) -> Result<Self, RosterLineError> {
        let line = Self::parse(text)?;
        let expected = line.to_string();
        if expected == text {
            Ok(line)
        } else {
            Err(RosterLineError::Form { expected: brief(&expected), got: brief(text) })
        }
    }

    /// Whether the key signs for this use.
    pub(super) fn is_for(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.contains(namespace))
    }

    /// When it holds: all of its last second, too.
    pub(super) fn window(&self) -> Window {
        Window {
            from_ms: self.valid_after_s.map_or(0, |time_s| time_s * 1_000),
            to_ms: self.valid_before_s.map_or(TIME_MS_MAX, |time_s| time_s * 1_000 + 999),
        }
    }

    fn read_options(&mut self, options: &str) -> Result<(), RosterLineError> {
        let malformed = || RosterLineError::Option(brief(options));
        let mut rest = options;
        loop {
            let (name, after) = rest.split_once('=').unwrap_or((rest, ""));
            if name.split(',').any(|name| name.eq_ignore_ascii_case("cert-authority")) {
                return Err(RosterLineError::CertAuthority);
            }
            let (value, after) =
                after.strip_prefix('"').and_then(|rest| rest.split_once('"')).ok_or_else(malformed)?;
            match name {
                NAMESPACES => {
                    let given = self.namespaces.replace(names(NAMESPACES, value)?.into_iter().collect());
                    given.map_or(Ok(()), |_| Err(RosterLineError::OptionTwice(NAMESPACES)))?;
                }
                VALID_AFTER => read_time(VALID_AFTER, value, &mut self.valid_after_s)?,
                VALID_BEFORE => read_time(VALID_BEFORE, value, &mut self.valid_before_s)?,
                _ => return Err(malformed()),
            }
            if after.is_empty() {
                return Ok(());
            }
            rest = after.strip_prefix(',').ok_or_else(malformed)?;
        }
    }
}

impl fmt::Display for Line {
    /// The line in its one form, which is a member of a set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let namespaces = self.namespaces.as_ref().map(|names| (NAMESPACES, join(names)));
        let after = self.valid_after_s.map(|time_s| (VALID_AFTER, time::to_compact(time_s)));
        let before = self.valid_before_s.map(|time_s| (VALID_BEFORE, time::to_compact(time_s)));
        let options = [namespaces, after, before].into_iter().flatten();
        let options: Vec<String> = options.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        f.write_str(&self.aliases.join(","))?;
        if !options.is_empty() {
            write!(f, " {}", options.join(","))?;
        }
        write!(f, " {}", self.key)
    }
}

/// What stands before the first space or tab outside quotes, and what after.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        !quoted && (c == ' ' || c == '\t')
    });
    text.split_at(end.unwrap_or(text.len()))
}

fn names(list: &'static str, text: &str) -> Result<Vec<String>, RosterLineError> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    if names.len() > NAMES_MAX {
        return Err(RosterLineError::NameCount { list, got: names.len() });
    }
    for (place, name) in names.iter().enumerate() {
        // Of what `ssh-keygen` gives a meaning to, within quotes or outside, nothing may stand in a name.
        let allowed = |byte: u8| match list {
            PRINCIPALS => byte.is_ascii_graphic() && !b"\"*?!\\".contains(&byte),
            _ => byte.is_ascii_alphanumeric() || b"@._-".contains(&byte),
        };
        let length = (1..=NAME_BYTES_MAX).contains(&name.len());
        if !length || !name.bytes().all(allowed) || name.starts_with('#') {
            return Err(RosterLineError::Name { list, got: brief(name) });
        }
        if names.iter().take(place).any(|other| other == name) {
            return Err(RosterLineError::NameTwice { list, name: name.clone() });
        }
    }
    Ok(names)
}

fn read_time(option: &'static str, value: &str, into: &mut Option<u64>) -> Result<(), RosterLineError> {
    // To `ssh-keygen` the first second of all is no time.
    let time_s = time::parse_compact(value).filter(|time_s| *time_s > 0);
    let time_s = time_s.ok_or_else(|| RosterLineError::Time { option, got: brief(value) })?;
    into.replace(time_s).map_or(Ok(()), |_| Err(RosterLineError::OptionTwice(option)))
}

/// What an error repeats of a text.
fn brief(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
