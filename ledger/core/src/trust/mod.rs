//! The trust file: which log key and which witnesses a verifier believes (C2SP tlog-policy).
//!
//! Narrower than C2SP: UTF-8, exactly one `log` line, and only keys that this version can verify.

mod believe;

use crate::checkpoint::is_origin;
use crate::encoding::Foreign;
use crate::limits::{TRUST_BYTES_MAX, TRUST_MEMBERS_MAX};
use crate::note::{KeyError, SignatureType, VerifierKey};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A parsed trust file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    log: VerifierKey,
    url: Option<String>,
    witnesses: Vec<Witness>,
    members: Vec<Member>,
    quorum: Option<usize>,
}

/// One witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Its name within the trust file.
    pub name: String,
    /// Its cosigning key.
    pub key: VerifierKey,
}

/// What quorums are made of, in the order of definition: groups refer only backwards, so there are no cycles.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Member {
    name: String,
    rule: Rule,
    grouped: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    Witness(usize),
    Group { threshold: usize, members: Vec<usize> },
}

/// Why a trust file can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustError {
    /// Over its limit.
    #[error("trust file: at most {TRUST_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Not UTF-8, or with control characters.
    #[error("trust file: expected UTF-8 without control characters other than tabs and newlines")]
    Characters,
    /// Text that was written anew on its way.
    #[error("trust file, {0}")]
    Foreign(Foreign),
    /// A line with something wrong in it.
    #[error("trust file, line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: LineProblem,
    },
    /// No log line.
    #[error("trust file: expected one line \"log <vkey> [url]\", got none")]
    NoLog,
    /// No quorum line.
    #[error("trust file: expected one line \"quorum <name>|none\", got none")]
    NoQuorum,
}

/// What can be wrong with a line of a trust file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LineProblem {
    /// An unknown first word, or too few or too many words.
    #[error(
        "expected \"log <vkey> [url]\", \"witness <name> <vkey> [url]\", \"group <name> any|all|<k> <member>...\" or \"quorum <name>|none\""
    )]
    Form,
    /// A second log or quorum line.
    #[error("expected one {0} line, got a second")]
    Second(&'static str),
    /// A key that can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key of the other role's type.
    #[error("a log key has type 0x01, a witness key type 0x04")]
    KeyRole,
    /// The log key's name isn't an origin.
    #[error("the log key's name is no origin: expected A-Z a-z 0-9 . _ ~ : / -")]
    Origin,
    /// One public key twice, as log or as witness.
    #[error("this public key is in the file already: one key has one role")]
    KeyTwice,
    /// A name defined already, or `none`.
    #[error("name {0:?} is taken")]
    NameTaken(String),
    /// A name not defined before.
    #[error("name {0:?} is not defined above this line")]
    NameUnknown(String),
    /// A member of two groups, or twice of one.
    #[error("{0:?} is a member of a group already")]
    MemberTwice(String),
    /// A threshold that no group of this size has.
    #[error("threshold: expected any, all or 1 to {members}, got {got:?}")]
    Threshold {
        /// Members of the group.
        members: usize,
        /// As written.
        got: String,
    },
    /// Too many names.
    #[error("at most {TRUST_MEMBERS_MAX} witnesses and groups")]
    TooMany,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// [`TrustError`] names the line and what was expected.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > TRUST_BYTES_MAX {
            return Err(TrustError::Bytes(bytes.len()));
        }
        if let Some(foreign) = Foreign::of(bytes) {
            return Err(TrustError::Foreign(foreign));
        }
        let text = core::str::from_utf8(bytes).map_err(|_| TrustError::Characters)?;
        if text.bytes().any(|byte| byte < 0x20 && !b"\t\n".contains(&byte) || byte == 0x7f) {
            return Err(TrustError::Characters);
        }
        let mut builder = Builder::default();
        for (number, line) in text.split('\n').enumerate() {
            builder.line(line).map_err(|problem| TrustError::Line { line: number + 1, problem })?;
        }
        let (log, url) = builder.log.ok_or(TrustError::NoLog)?;
        let quorum = builder.quorum.ok_or(TrustError::NoQuorum)?;
        Ok(Self { log, url, witnesses: builder.witnesses, members: builder.members, quorum })
    }

    /// The trust file of a log without witnesses.
    #[must_use]
    pub fn text_for(log: &VerifierKey, url: Option<&str>) -> String {
        let url = url.map(|url| format!(" {url}")).unwrap_or_default();
        format!("log {log}{url}\nquorum none\n")
    }

    /// The log's key; its name is the origin.
    #[must_use]
    pub const fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// Where the log is served, if the file says so.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// All witnesses.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Name of the witness or group that must have cosigned, or `None` when none must.
    #[must_use]
    pub fn quorum(&self) -> Option<&str> {
        self.quorum.and_then(|quorum| self.members.get(quorum)).map(|member| member.name.as_str())
    }

    /// Whether the quorum holds when exactly the witnesses at these places of [`Trust::witnesses`] have cosigned.
    #[must_use]
    pub fn quorum_holds(&self, cosigned: impl Fn(usize) -> bool) -> bool {
        let Some(quorum) = self.quorum else { return true };
        let mut holds: Vec<bool> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            holds.push(match &member.rule {
                Rule::Witness(witness) => cosigned(*witness),
                Rule::Group { threshold, members } => {
                    members.iter().filter(|member| holds.get(**member) == Some(&true)).count() >= *threshold
                }
            });
        }
        holds.get(quorum) == Some(&true)
    }
}

#[derive(Default)]
struct Builder {
    log: Option<(VerifierKey, Option<String>)>,
    witnesses: Vec<Witness>,
    members: Vec<Member>,
    quorum: Option<Option<usize>>,
}

impl Builder {
    fn line(&mut self, line: &str) -> Result<(), LineProblem> {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some(url)),
            ["witness", name, vkey] | ["witness", name, vkey, _] => self.witness(name, vkey),
            ["group", name, threshold, members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ["quorum", name] => self.quorum(name),
            _ => Err(LineProblem::Form),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<&str>) -> Result<(), LineProblem> {
        let key = self.new_key(vkey, SignatureType::Ed25519)?;
        if !is_origin(key.name()) {
            return Err(LineProblem::Origin);
        }
        if self.log.is_some() {
            return Err(LineProblem::Second("log"));
        }
        self.log = Some((key, url.map(Into::into)));
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str) -> Result<(), LineProblem> {
        let key = self.new_key(vkey, SignatureType::CosignatureEd25519)?;
        self.define(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.into(), key });
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), LineProblem> {
        let bad = || LineProblem::Threshold { members: members.len(), got: threshold.into() };
        let threshold = match threshold {
            "any" => 1,
            "all" => members.len(),
            number => {
                crate::checkpoint::decimal(number).and_then(|k| usize::try_from(k).ok()).ok_or_else(bad)?
            }
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(bad());
        }
        let mut places = Vec::with_capacity(members.len());
        for member in members {
            let place = self.find(member)?;
            if core::mem::replace(&mut self.members[place].grouped, true) {
                return Err(LineProblem::MemberTwice((*member).into()));
            }
            places.push(place);
        }
        self.define(name, Rule::Group { threshold, members: places })
    }

    fn quorum(&mut self, name: &str) -> Result<(), LineProblem> {
        let quorum = if name == "none" { None } else { Some(self.find(name)?) };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err(LineProblem::Second("quorum")),
        }
    }

    fn new_key(&self, vkey: &str, role: SignatureType) -> Result<VerifierKey, LineProblem> {
        let key = VerifierKey::parse(vkey)?;
        if key.signature_type() != role {
            return Err(LineProblem::KeyRole);
        }
        let known = self.witnesses.iter().map(|witness| &witness.key);
        let log = self.log.as_ref().map(|(log, _)| log);
        if known.chain(log).any(|other| other.public_key() == key.public_key()) {
            return Err(LineProblem::KeyTwice);
        }
        Ok(key)
    }

    fn find(&self, name: &str) -> Result<usize, LineProblem> {
        let place = self.members.iter().position(|member| member.name == name);
        place.ok_or_else(|| LineProblem::NameUnknown(name.into()))
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), LineProblem> {
        if name == "none" || self.find(name).is_ok() {
            return Err(LineProblem::NameTaken(name.into()));
        }
        if self.members.len() == TRUST_MEMBERS_MAX {
            return Err(LineProblem::TooMany);
        }
        self.members.push(Member { name: name.into(), rule, grouped: false });
        Ok(())
    }
}
