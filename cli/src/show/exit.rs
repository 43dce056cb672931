//! Exit codes: what each means, and which one every outcome has. The only place that decides it.

use crate::local::files::{ReadError, WriteError};
use crate::local::git::GitError;
use crate::local::known::KnownError;
use crate::local::settings::SettingsError;
use crate::show::failure::Failure;
use provlog_core::check::{Refused, Report};
use provlog_core::redact::RedactError;
use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Done; there may have been warnings.
    Ok,
    /// A disk, a terminal, or a bug.
    Internal,
    /// The command line, the configuration, or files that don't belong together.
    Usage,
    /// A believed checkpoint doesn't prove what was asked.
    NotProven,
    /// The log knows the caller, or doesn't, and says no.
    Denied,
    /// A checkpoint that the trust file doesn't believe, no trust file, or a quorum that is missing.
    Untrusted,
    /// No such entry, file or revision.
    NotFound,
    /// No answer from the log, or one that says "later".
    Unreachable,
    /// Bytes that are not what they should be.
    Malformed,
}

/// Over several receipts or files the first of these that occurred is the exit code.
const GRAVEST_FIRST: [Exit; 8] = [
    Exit::NotProven,
    Exit::Untrusted,
    Exit::Malformed,
    Exit::Denied,
    Exit::Unreachable,
    Exit::NotFound,
    Exit::Usage,
    Exit::Internal,
];

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotProven => 3,
            Self::Denied => 4,
            Self::Untrusted => 5,
            Self::NotFound => 6,
            Self::Unreachable => 7,
            Self::Malformed => 8,
        }
    }

    /// One exit for several outcomes.
    pub(crate) fn fold(outcomes: &[Self]) -> Self {
        GRAVEST_FIRST.into_iter().find(|exit| outcomes.contains(exit)).unwrap_or(Self::Ok)
    }

    /// Of a receipt, package or checkpoint that was refused.
    pub(crate) const fn of_refused<R: Report>(refused: &Refused<R>) -> Self {
        match refused {
            Refused::Malformed(_) => Self::Malformed,
            Refused::Untrusted(_) => Self::Untrusted,
            Refused::NotProven(_) => Self::NotProven,
        }
    }

    /// Of an answer that isn't a success. What another try may find well, such as a full disk (507), is "unreachable".
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::NotFound,
            // 421: asked under a name that isn't the log's, so that the way to it is wrong.
            408 | 421 | 429 => Self::Unreachable,
            400..=499 => Self::Malformed,
            _ => Self::Unreachable,
        }
    }

    /// Of an input that couldn't be read.
    pub(crate) fn of_read(error: &ReadError) -> Self {
        match error {
            ReadError::TooLarge { .. } => Self::Malformed,
            ReadError::NoFile { .. } => Self::Usage,
            ReadError::Io { .. } if error.is_missing() => Self::NotFound,
            ReadError::Io { .. } => Self::Internal,
        }
    }

    /// Of an output that couldn't be written.
    const fn of_write(error: &WriteError) -> Self {
        match error {
            WriteError::Io { .. } => Self::Internal,
            WriteError::NoFile { .. } | WriteError::Exists { .. } | WriteError::Other { .. } => Self::Usage,
        }
    }

    /// Of whatever ended a command early.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        match failure {
            Failure::Usage(_) => Self::Usage,
            Failure::Settings(error) => Self::of_settings(error),
            Failure::Fingerprint { .. } | Failure::OtherLog { .. } | Failure::Believed { .. } => {
                Self::Untrusted
            }
            Failure::Checkpoint { refused, .. } => Self::of_refused(refused),
            Failure::Receipt { refused, .. } => Self::of_refused(refused),
            Failure::Package { refused, .. } => Self::of_refused(refused),
            Failure::OtherIndex { .. }
            | Failure::OtherValues
            | Failure::Consistency { .. }
            | Failure::NotProven(_) => Self::NotProven,
            Failure::Unreachable { .. } => Self::Unreachable,
            Failure::Pending { cause, .. } => Self::of_failure(cause),
            // TLS isn't spoken where it is demanded: the way to the log is wrong, and nothing of what was sent.
            Failure::Answer { code: Some(code), .. } if code == "tls.missing" => Self::Unreachable,
            // Nothing of it is malformed: the log knows who submits, and it is somebody else's.
            Failure::Answer { code: Some(code), .. } if code == "submission.bound" => Self::Denied,
            Failure::Answer { status, .. } | Failure::NotIssued { status, .. } => Self::of_status(*status),
            Failure::Read(error) => Self::of_read(error),
            Failure::NotFound(_) => Self::NotFound,
            Failure::Submission(_)
            | Failure::Digest(_)
            | Failure::TooLarge { .. }
            | Failure::Malformed { .. } => Self::Malformed,
            Failure::Known(KnownError::NoHome | KnownError::Shared(_)) => Self::Usage,
            Failure::Known(KnownError::Read(error)) => Self::of_read(error),
            Failure::Known(KnownError::Write(_)) => Self::Internal,
            Failure::Redact(error) => Self::of_redaction(error),
            Failure::Git(GitError::Unknown { .. }) => Self::NotFound,
            Failure::Write(error) => Self::of_write(error),
            Failure::Git(GitError::NoCommit { .. }) => Self::Usage,
            Failure::Git(GitError::Start { .. } | GitError::Form { .. }) | Failure::Internal(_) => {
                Self::Internal
            }
        }
    }

    fn of_settings(error: &SettingsError) -> Self {
        match error {
            SettingsError::Here(_) => Self::Internal,
            SettingsError::Read(_)
            | SettingsError::Form { .. }
            | SettingsError::TokenShared { .. }
            | SettingsError::NoToken { .. }
            | SettingsError::NoJob { .. }
            | SettingsError::NoSvid { .. }
            | SettingsError::SvidUnused { .. } => Self::Usage,
            SettingsError::TrustRead(error) | SettingsError::TokenRead(error) => Self::of_read(error),
            SettingsError::NoTrust
            | SettingsError::NotKnown(_)
            | SettingsError::Fingerprint { .. }
            | SettingsError::Trust { .. } => Self::Untrusted,
        }
    }

    const fn of_redaction(error: &RedactError) -> Self {
        match error {
            RedactError::NoClaim(_) => Self::Usage,
            RedactError::Digest | RedactError::Version(_) => Self::NotProven,
            RedactError::Record(_) | RedactError::Receipt(_) => Self::Malformed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_outcomes_have_the_gravest_exit() {
        use Exit::{Internal, Malformed, NotProven, Ok, Untrusted};
        assert_eq!(Exit::fold(&[]), Ok);
        assert_eq!(Exit::fold(&[Ok, Ok]), Ok);
        assert_eq!(Exit::fold(&[Malformed, Untrusted, NotProven, Ok]), NotProven);
        assert_eq!(Exit::fold(&[Malformed, Untrusted, Ok]), Untrusted);
        assert_eq!(Exit::fold(&[Ok, Malformed, Internal]), Malformed);
        assert_eq!(Exit::fold(&[Internal, Ok]), Internal);
    }

    #[test]
    fn every_status_has_an_exit() {
        let cases = [
            (400, Exit::Malformed),
            (401, Exit::Denied),
            (403, Exit::Denied),
            (404, Exit::NotFound),
            (409, Exit::Malformed),
            (422, Exit::Malformed),
            (421, Exit::Unreachable),
            (429, Exit::Unreachable),
            (302, Exit::Unreachable),
            (500, Exit::Unreachable),
            (507, Exit::Unreachable),
        ];
        for (status, exit) in cases {
            assert_eq!(Exit::of_status(status), exit, "{status}");
        }
        let of_code = |code: &str| {
            let (code, text) = (Some(code.into()), String::new());
            Exit::of_failure(&Failure::Answer { status: 400, code, retry_after_s: None, text })
        };
        assert_eq!((of_code("tls.missing"), of_code("host.missing")), (Exit::Unreachable, Exit::Malformed));
    }
}
