//! Why a text is no approval statement, or why there is no statement that says something.

use provlog_core::claims::Misfit;
use provlog_core::encoding::Foreign;

/// Largest statement, in bytes: a subject of a commit, a tree and an artifact has some 300 with its URI, so that 24 of them fit
/// beside all other lines. Whoever signs more than a few has not read it.
pub const STATEMENT_BYTES_MAX: usize = 8 * 1024;

/// Largest statement that isn't a withdrawal, in bytes: a withdrawal of it has a subject of 83 and a reason of 521 beside its
/// lines.
pub const WITHDRAWABLE_BYTES_MAX: usize = 7 * 1024;

/// Longest token, in bytes, before it is encoded: a URI.
pub const TOKEN_BYTES_MAX: usize = 1_024;

/// Longest purpose, and longest name of a subject, in bytes: what is read at a glance.
pub const LINE_BYTES_MAX: usize = 200;

/// Longest reason, in bytes: two or three sentences.
pub const REASON_BYTES_MAX: usize = 512;

/// Most subjects of a statement.
pub const SUBJECTS_MAX: usize = 64;

/// Characters of a value that an error repeats.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// Why a text is no approval statement, or why there is no statement that says something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StatementError {
    /// Over its limit.
    #[error(
        "approval statement: at most {STATEMENT_BYTES_MAX} bytes, or {WITHDRAWABLE_BYTES_MAX} of one that can be withdrawn, got {0}"
    )]
    Bytes(usize),
    /// Not UTF-8.
    #[error("approval statement: expected UTF-8")]
    Characters,
    /// Text that was written anew on its way.
    #[error("approval statement, {0}")]
    Foreign(Foreign),
    /// A line that isn't the one that has to be there.
    #[error("approval statement, line {line}: expected {expected}, got {got:?}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What has to be there.
        expected: String,
        /// What is there; nothing where the text has ended.
        got: String,
    },
    /// A value that isn't one, or that the action doesn't allow.
    #[error("approval statement, {name}: expected {expected}, got {got:?}")]
    Value {
        /// The name of the line.
        name: &'static str,
        /// What has to be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// Digests that no subject has.
    #[error("approval statement, subject: {0}")]
    Subject(#[from] Misfit),
}

impl StatementError {
    pub(super) fn line(place: usize, expected: impl Into<String>, got: &str) -> Self {
        Self::Line { line: place + 1, expected: expected.into(), got: brief(got) }
    }

    pub(super) fn value(name: &'static str, expected: impl Into<String>, got: &str) -> Self {
        Self::Value { name, expected: expected.into(), got: brief(got) }
    }
}

/// What an error repeats of a text.
pub(super) fn brief(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
