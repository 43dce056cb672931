//! Everything that ends a command early, and what it tells the user.

use super::printable::printable;
use crate::local::digest::DigestError;
use crate::local::files::{ReadError, WriteError};
use crate::local::git::GitError;
use crate::local::known::KnownError;
use crate::local::settings::SettingsError;
use provlog_core::check::{Refused, Report};
use provlog_core::package::PackageReport;
use provlog_core::redact::RedactError;
use provlog_core::submission::SubmissionError;
use provlog_core::tree::ProofError;
use provlog_core::verify::{CheckpointReport, ReceiptReport};
use provlog_evidence::believed::BelievedError;
use std::path::PathBuf;

/// What is said beside a verdict on a package whose checkpoint is not believed.
pub(crate) const RECORDS_UNREAD: &str =
    "the records were not read: only a believed checkpoint says how many there can be";

/// Why a command didn't do what it was asked. [`crate::show::exit`] gives each its exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("{}: {problem}", path.display())]
    Believed { path: PathBuf, problem: BelievedError },
    #[error(
        "the log's key is not the one you named: expected fingerprint {expected}, got {got}; nothing was written"
    )]
    Fingerprint { expected: String, got: String },
    #[error("{}: this submission is for the log {expected}, the trust file for {got}", path.display())]
    OtherLog { path: PathBuf, expected: String, got: String },
    #[error("{what}: {refused}{}", details(refused))]
    Checkpoint { what: String, refused: Refused<CheckpointReport> },
    #[error("{what}: {refused}{}", details(refused))]
    Receipt { what: String, refused: Refused<ReceiptReport> },
    #[error("{what}: {refused}{}{}", details(refused), unread(refused))]
    Package { what: String, refused: Refused<PackageReport> },
    #[error("the log answered with another entry: expected index {expected}, got {got}")]
    OtherIndex { expected: u64, got: u64 },
    #[error("the log answered with an entry of other values than were sent")]
    OtherValues,
    #[error(
        "the tree of {new} does not extend the one of {old}: {source}. The log shows two histories: keep both files"
    )]
    Consistency { old: String, new: String, source: ProofError },
    /// `lasts` where another attempt would find the same, such as a certificate that isn't believed.
    #[error("{why}")]
    Unreachable { why: String, lasts: bool },
    #[error("{cause}; the submission is kept in {}: run the same command again, or `provlog flush` on its folder", path.display())]
    Pending { cause: Box<Failure>, path: PathBuf },
    /// `code` is that of a log's own problem document: what anything on the way may answer has none.
    #[error("the log answered {status}: {text}")]
    Answer { status: u16, code: Option<String>, retry_after_s: Option<u64>, text: String },
    /// Whoever issues the tokens that bind a workload to an entry issues none.
    /// The status is HTTP's, or what it would be there.
    #[error("{why}")]
    NotIssued { why: String, status: u16, retry_after_s: Option<u64> },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Known(#[from] KnownError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("{0}")]
    NotProven(String),
    #[error("{0}")]
    NotFound(String),
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Redact(#[from] RedactError),
    #[error("{what}: expected at most {limit} bytes, got more")]
    TooLarge { what: String, limit: usize },
    #[error("{what}: {problem}")]
    Malformed { what: String, problem: String },
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// What `what` says isn't in the form that it should have.
    pub(crate) fn malformed(what: impl Into<String>, problem: impl ToString) -> Self {
        Self::Malformed { what: what.into(), problem: problem.to_string() }
    }
}

impl Failure {
    /// Whether an input had more bytes than were asked for.
    pub(crate) const fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Read(ReadError::TooLarge { .. }))
    }
}

/// That a package's records were not read, where they weren't.
fn unread(refused: &Refused<PackageReport>) -> String {
    let unread = refused.report().is_some_and(|report| !report.records_read);
    if unread { format!("\n  {RECORDS_UNREAD}") } else { String::new() }
}

/// Expected and got of each check that refuses, a line each.
fn details<R: Report>(refused: &Refused<R>) -> String {
    let mut text = String::new();
    for check in refused.report().into_iter().flat_map(Report::refusing) {
        if let (Some(expected), Some(got)) = (&check.expected, &check.got) {
            let line = format!("{}: expected {expected}, got {got}", check.name);
            text.push_str("\n  ");
            text.push_str(&printable(&line));
        }
    }
    text
}
