//! `provlogd token`: what it takes, and what it tells. A token goes to stdout, once and alone; all that is said of it to stderr.

use crate::access::date::Expiry;
use crate::access::error::TokensError;
use crate::access::file::TokensFile;
use crate::access::role::{Role, listed};
use crate::access::secret::Secret;
use crate::access::tokens::{RESTRICTED_MAX, Token, Tokens, kind, name};
use clap::{Args, Subcommand};
use provlog_core::time::rfc3339_s;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// What to do about tokens.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum TokenVerb {
    /// Makes a token and prints it, this once; from the first on, nobody is let in without one
    Create(CreateArgs),
    /// Lists all tokens that were ever made, without what makes them tokens
    List(ListArgs),
    /// Revokes a token: from the next request on it is refused; its name stays taken
    Revoke(RevokeArgs),
}

/// A token that is to be made.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct CreateArgs {
    /// Who it is for, for ever: entries tell it, and no other token gets it
    #[arg(long, value_parser = name)]
    name: String,
    /// What it is for
    #[arg(long, value_name = "ROLE", value_enum, value_delimiter = ',', required = true)]
    role: Vec<Role>,
    /// Appends entries of these kinds alone [default: all]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<String>,
    /// Appends for these environments alone, where a kind has the claim [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = name)]
    environments: Vec<String>,
    /// When it ends: a date, whose beginning is meant, a time such as 2027-01-31T12:00:00Z, both in UTC, or never
    #[arg(long, value_name = "DATE|TIME|never", value_parser = Expiry::parse)]
    expires: Expiry,
}

/// How tokens are listed.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListArgs {
    /// Print one array of JSON
    #[arg(long)]
    json: bool,
}

/// A token that is to be revoked.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct RevokeArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

impl TokenVerb {
    /// Does it, at this second.
    pub(crate) fn run(&self, file: &TokensFile, now_s: u64) -> Result<(), TokensError> {
        match self {
            Self::Create(args) => create(args, file, now_s),
            Self::List(args) => list(*args, file, now_s),
            Self::Revoke(args) => revoke(&args.name, file, now_s),
        }
    }
}

fn create(args: &CreateArgs, file: &TokensFile, now_s: u64) -> Result<(), TokensError> {
    args.check(now_s)?;
    let secret = file.change(|tokens| {
        let secret = draw(tokens)?;
        tokens.add(args.token(&secret, now_s)).map(|()| secret)
    })?;
    let unprinted = |source| TokensError::Unprinted { name: args.name.clone(), source };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", secret.reveal()).and_then(|()| stdout.flush()).map_err(unprinted)?;
    let end = match args.expires {
        Expiry::Never => "without an end".into(),
        end @ Expiry::At(_) => format!("until {}", end.to_text()),
    };
    say(&format!(
        "made the token {} (id {}): {}, {end}\nThis is the only time that it is shown. provlog takes it from a file (--token-file) or from PROVLOG_TOKEN.",
        args.name,
        secret.id(),
        listed(&args.roles()),
    ));
    Ok(())
}

/// A token whose id no other has.
fn draw(tokens: &Tokens) -> Result<Secret, TokensError> {
    loop {
        let secret = Secret::draw().map_err(TokensError::Random)?;
        if !tokens.has(secret.id()) {
            return Ok(secret);
        }
    }
}

impl CreateArgs {
    fn check(&self, now_s: u64) -> Result<(), TokensError> {
        if self.expires.is_past(now_s) {
            return Err(TokensError::Past(self.expires.to_text()));
        }
        let restrictions = [("--kinds", &self.kinds), ("--environments", &self.environments)];
        if let Some((restriction, items)) =
            restrictions.into_iter().find(|(_, items)| items.len() > RESTRICTED_MAX)
        {
            return Err(TokensError::TooManyRestrictions {
                restriction,
                most: RESTRICTED_MAX,
                got: items.len(),
            });
        }
        match restrictions.into_iter().find(|(_, items)| !items.is_empty()) {
            Some((restriction, _)) if !self.role.contains(&Role::Append) => {
                Err(TokensError::NothingToRestrict { restriction, got: listed(&self.roles()) })
            }
            _ => Ok(()),
        }
    }

    fn token(&self, secret: &Secret, now_s: u64) -> Token {
        Token {
            id: secret.id(),
            name: self.name.clone(),
            sha256: secret.digest(),
            roles: self.roles(),
            kinds: distinct(&self.kinds),
            environments: distinct(&self.environments),
            created_s: now_s,
            expires: self.expires,
            revoked_s: None,
        }
    }

    fn roles(&self) -> Vec<Role> {
        distinct(&self.role)
    }
}

/// Each item once, sorted.
fn distinct<T: Ord + Clone>(items: &[T]) -> Vec<T> {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    items
}

fn revoke(name: &str, file: &TokensFile, now_s: u64) -> Result<(), TokensError> {
    let revoked_s = file.change(|tokens| tokens.revoke(name, now_s))?;
    say(&format!("the token {name} is revoked since {}", rfc3339_s(revoked_s)));
    Ok(())
}

/// A token, as a list of them shows it.
#[derive(Serialize)]
struct Shown {
    name: String,
    id: String,
    state: &'static str,
    roles: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<String>,
    created: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl Shown {
    fn of(token: &Token, now_s: u64) -> Self {
        Self {
            name: token.name.clone(),
            id: token.id.to_string(),
            state: match token.revoked_s {
                Some(_) => "revoked",
                None if token.expires.is_past(now_s) => "ended",
                None => "holds",
            },
            roles: token.roles.iter().map(|role| role.name()).collect(),
            kinds: token.kinds.clone(),
            environments: token.environments.clone(),
            created: rfc3339_s(token.created_s),
            expires: token.expires.to_text(),
            revoked: token.revoked_s.map(rfc3339_s),
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{:<24} {} {:<8} {}", self.name, self.id, self.state, self.roles.join(","));
        for (what, items) in [("kinds", &self.kinds), ("environments", &self.environments)] {
            if !items.is_empty() {
                // Writing to a string doesn't fail.
                let _ = write!(line, ", {what} {}", items.join(","));
            }
        }
        let end = self
            .revoked
            .as_ref()
            .map_or_else(|| format!("ends {}", self.expires), |at| format!("revoked {at}"));
        format!("{line}, made {}, {end}\n", self.created)
    }
}

fn list(args: ListArgs, file: &TokensFile, now_s: u64) -> Result<(), TokensError> {
    let tokens = file.read()?.map(|(_, tokens)| tokens).unwrap_or_default();
    let shown: Vec<Shown> = tokens.rows().map(|token| Shown::of(token, now_s)).collect();
    let text = if args.json {
        // Strings alone: there is nothing in it that could fail to serialise.
        serde_json::to_string_pretty(&shown).unwrap_or_default() + "\n"
    } else {
        shown.iter().map(Shown::line).collect()
    };
    if shown.is_empty() {
        say("there are no tokens: whoever reaches the log may append and read");
    }
    // Whoever has closed stdout doesn't read it.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::config::{CommandLine, Verb};

    fn parse(arguments: &[&str]) -> Result<TokenVerb, String> {
        let line = CommandLine::read([&["provlogd", "token"], arguments].concat());
        match line.map_err(|error| error.to_string())?.verb {
            Some(Verb::Token(verb)) => Ok(verb),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_asked_for_with_its_end_and_nothing_it_can_t_have() {
        let create = |arguments: &[&str]| {
            parse(&[&["create", "--name", "ci", "--expires", "never"], arguments].concat())
        };
        let TokenVerb::Create(args) =
            create(&["--role", "read,append,read", "--kinds", "scan,generation", "--environments", "b,a,b"])
                .unwrap()
        else {
            panic!("another verb")
        };
        let token = args.token(&Secret::draw().unwrap(), 7);
        assert_eq!(token.roles, [Role::Append, Role::Read]);
        assert_eq!(
            (token.kinds, token.environments),
            (vec!["generation".into(), "scan".into()], vec!["a".into(), "b".into()])
        );
        for (bad, expected) in [
            (&["--role", "root"][..], "append, read, audit, admin"),
            (&["--role", ""], "append, read, audit, admin"),
            (&[], "--role"),
            (&["--role", "append", "--kinds", "genesis"], "expected one of generation, scan"),
            (&["--role", "append", "--kinds", ""], "expected one of"),
            (&["--role", "append", "--environments", "Production"], "a-z 0-9"),
        ] {
            let error = create(bad).unwrap_err();
            assert!(error.contains(expected), "{bad:?}: {error}");
        }
        assert!(parse(&["create", "--name", "ci", "--role", "read"]).unwrap_err().contains("--expires"));
        assert!(parse(&["create", "--name", "CI", "--role", "read", "--expires", "never"]).is_err());
    }

    #[test]
    fn what_makes_no_sense_makes_no_token() {
        let args = |role, kinds: &[&str], expires| CreateArgs {
            name: "ci".into(),
            role: vec![role],
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
            environments: Vec::new(),
            expires,
        };
        let folder = tempfile::tempdir().unwrap();
        let file = TokensFile::of(folder.path());
        let past = create(&args(Role::Read, &[], Expiry::At(7)), &file, 7).unwrap_err();
        assert!(matches!(past, TokensError::Past(_)), "{past}");
        let unrestricted = create(&args(Role::Read, &["scan"], Expiry::Never), &file, 7).unwrap_err();
        assert!(
            unrestricted.to_string().contains("--kinds restricts what role append appends"),
            "{unrestricted}"
        );
        let kinds = ["scan"; RESTRICTED_MAX + 1];
        let too_many = create(&args(Role::Append, &kinds, Expiry::Never), &file, 7).unwrap_err();
        assert!(matches!(too_many, TokensError::TooManyRestrictions { got: 17, .. }), "{too_many}");
        assert!(file.read().unwrap().is_none() && file.identity().unwrap().is_none());
    }
}
