//! The token that a log is asked with: in a file, or in a variable. Never on the command line, which everybody on this machine can
//! read.

use super::SettingsError;
use crate::local::files;
use clap::Args;
use provlog_evidence::jwt::TOKEN_BYTES_MAX;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variable that holds a token.
pub(crate) const VARIABLE: &str = "PROVLOG_TOKEN";

/// Largest file with a token, in bytes: the longest token, which is an issuer's, and the end of its line.
const FILE_BYTES_MAX: usize = TOKEN_BYTES_MAX + LINE_END.len();
const LINE_END: &str = "\r\n";

/// Bits of a mode: what lets others than the owner write a file, and others than owner and group read it. A group may read, as that
/// of a service that is given its secrets does.
const SHARED: u32 = 0o027;

/// What every token of a log's own begins with; what follows up to the next `_` is public.
const PREFIX: &str = "plt_";

/// With what a log is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    /// File with the token to ask the log with, which others can't read; - is standard input [default: the token that the variable
    /// PROVLOG_TOKEN holds itself, else none]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A token: shown to nobody but the log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl TokenArgs {
    /// The token, if there is one: the file's, else the variable's.
    pub(crate) fn find(&self) -> Result<Option<Token>, SettingsError> {
        self.find_beside(std::env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned()))
    }

    fn find_beside(&self, variable: Option<String>) -> Result<Option<Token>, SettingsError> {
        if let Some(path) = &self.token_file {
            return read(path).map(Some);
        }
        // One that is set and empty counts as not set, as everywhere.
        let variable = variable.filter(|text| !text.is_empty());
        variable.map(|text| Token::parse(&text).ok_or_else(|| no_token(VARIABLE))).transpose()
    }
}

impl Token {
    /// One line of what may stand behind `Bearer` (RFC 6750, section 2.1).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        (!text.is_empty() && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// As the log is told it.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// All of it, for whoever reads what is in it.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// A stranger's text without it.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "...")
    }

    /// Its public part, where it is a token of a log's own.
    pub(crate) fn id(&self) -> Option<&str> {
        Some(self.0.strip_prefix(PREFIX)?.split_once('_')?.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id().unwrap_or("..."))
    }
}

fn read(path: &Path) -> Result<Token, SettingsError> {
    if let Some(mode) = files::mode(path).filter(|mode| mode & SHARED != 0) {
        return Err(SettingsError::TokenShared { path: path.into(), mode });
    }
    let bytes = files::read(path, FILE_BYTES_MAX).map_err(SettingsError::TokenRead)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    Token::parse(&text).ok_or_else(|| no_token(&path.display().to_string()))
}

/// What stands there isn't told: it may be a token with something beside it.
fn no_token(place: &str) -> SettingsError {
    SettingsError::NoToken { place: place.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    const TEXT: &str = "plt_0123abcd_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";

    #[test]
    fn the_file_comes_before_the_variable_and_is_its_owner_s() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        let args = TokenArgs { token_file: Some(path.clone()) };
        let found = |args: &TokenArgs, variable: Option<&str>| args.find_beside(variable.map(Into::into));
        fs::write(&path, format!("{TEXT}\n")).unwrap();
        for (mode, shared) in
            [(0o600, false), (0o400, false), (0o440, false), (0o644, true), (0o660, true), (0o604, true)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match found(&args, Some("other")) {
                Ok(token) => assert!(!shared && token == Some(Token(TEXT.into())), "{mode:o}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        shared && text.contains(&format!("{mode:o}")) && text.contains("chmod"),
                        "{text}"
                    );
                }
            }
        }
        let none = TokenArgs { token_file: None };
        assert_eq!(found(&none, Some(TEXT)).unwrap(), Some(Token(TEXT.into())));
        for nothing in [None, Some("")] {
            assert_eq!(found(&none, nothing).unwrap(), None);
        }
    }

    #[test]
    fn a_file_has_room_for_the_longest_token() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        for (extra, fits) in [(0, true), (1, false)] {
            fs::write(&path, "a".repeat(TOKEN_BYTES_MAX + extra) + LINE_END).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(read(&path).is_ok(), fits, "{extra}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_never_told() {
        let none = TokenArgs { token_file: None };
        for bad in
            [format!("{TEXT} x"), format!("Bearer {TEXT}"), format!("{TEXT}\n\n"), format!("{TEXT}\u{e9}")]
        {
            let error = none.find_beside(Some(bad)).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(VARIABLE) && !text.contains("AbCdEf"), "{text}");
        }
    }

    #[test]
    fn a_token_is_shown_by_its_public_part() {
        let token = Token::parse(TEXT).unwrap();
        assert_eq!((token.id(), &*format!("{token:?}")), (Some("0123abcd"), "Token(0123abcd)"));
        let other = Token::parse("header.payload.signature").unwrap();
        assert_eq!((other.id(), &*format!("{other:?}")), (None, "Token(...)"));
        assert_eq!(token.bearer(), format!("Bearer {TEXT}"));
    }
}
