//! Why tokens can't be read or changed, each with what to type.

use crate::access::role::Role;
use std::io;
use std::path::PathBuf;

/// Why tokens can't be read or changed. No text of it holds a token.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "cannot ...".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A folder, a link, a FIFO.
    #[error("{}: expected a regular file, got something else; remove it, and put the file of tokens back from a backup", path.display())]
    NoFile {
        /// The file of tokens.
        path: PathBuf,
    },
    /// Others than the owner may read or write it.
    #[error("{path}: its permissions are {mode:03o}; expected 600, since whoever writes it is any caller: chmod 600 {path}", path = path.display())]
    Mode {
        /// The file of tokens.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else's.
    #[error("{path}: it belongs to user {got}; expected the data folder's owner, user {expected}: chown {expected} {path}", path = path.display())]
    Owner {
        /// The file of tokens.
        path: PathBuf,
        /// Whose folder it lies in.
        expected: u32,
        /// Whose it is.
        got: u32,
    },
    /// Larger than any that provlogd writes.
    #[error("{}: expected at most {most} bytes, got {got}; put it back from a backup", path.display())]
    TooLarge {
        /// The file of tokens.
        path: PathBuf,
        /// The most.
        most: usize,
        /// As it is.
        got: u64,
    },
    /// Not what provlogd writes.
    #[error("{}: {problem}; it is written by provlogd token alone: put it back from a backup", path.display())]
    Form {
        /// The file of tokens.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// It was there.
    #[error("{} is gone, and {} tells that there was one: without it nobody is a caller. Put it back from a backup; to begin anew with no tokens, and with names given a second time, remove {} too", path.display(), lock.display(), lock.display())]
    Gone {
        /// The file of tokens.
        path: PathBuf,
        /// The file that remembers it.
        lock: PathBuf,
    },
    /// Whoever runs the command isn't who the log runs as.
    #[error("{}: it belongs to user {expected}, and this is user {got}; run the command as that user, or as root", path.display())]
    User {
        /// The data folder.
        path: PathBuf,
        /// Its owner.
        expected: u32,
        /// Who runs the command.
        got: u32,
    },
    /// The name was given before.
    #[error(
        "the name {name} was given on {created}, and a name is never given twice, since entries tell who appended them by it; choose another"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// When.
        created: String,
    },
    /// Another token has the id.
    #[error("the id {0} is another token's; make the token again")]
    IdTaken(String),
    /// No token has this name.
    #[error("no token is named {0}; provlogd token list shows them")]
    NoSuchName(String),
    /// As many as there may be.
    #[error("there are {0} tokens, as many as there may be: rows stay for ever, those of revoked tokens too")]
    Full(usize),
    /// A restriction of what the token can't do anyway.
    #[error("{restriction} restricts what role {role} appends, and the token is to have roles {got}; leave it out, or add the role", role = Role::Append)]
    NothingToRestrict {
        /// `--kinds` or `--environments`.
        restriction: &'static str,
        /// As asked for.
        got: String,
    },
    /// More than a token may be restricted to.
    #[error("{restriction}: expected at most {most}, got {got}; leave it out, or make several tokens")]
    TooManyRestrictions {
        /// `--kinds` or `--environments`.
        restriction: &'static str,
        /// The most.
        most: usize,
        /// As asked for.
        got: usize,
    },
    /// It would end before it begins.
    #[error("--expires {0} is not in the future")]
    Past(String),
    /// No randomness.
    #[error("the system has no randomness to give: {0}")]
    Random(getrandom::Error),
    /// The token was made, and couldn't be handed over.
    #[error(
        "the token {name} was made, and can't be printed: {source}; nobody has it now: provlogd token revoke {name}"
    )]
    Unprinted {
        /// Its name.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
}
