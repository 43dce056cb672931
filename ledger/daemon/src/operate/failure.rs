//! Why the daemon doesn't start or doesn't go on, and the exit code of each reason.

use crate::access::error::TokensError;
use crate::http::listener::{Address, BindError};
use crate::identity::issuers::IssuerError;
use crate::operate::config::{ConfigError, OtherOrigin};
use crate::operate::exit_codes::{ADDRESS, FAILED, FOLDER, INTERNAL, LOCKED, REFUSES, USAGE};
use crate::system::Refusal;
use provlog_engine::{CreateError, LockError, OpenError, StoreError};
use provlog_evidence::jwt::{self, BearerAudienceError};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the daemon ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A running daemon can't take another log filter.
    #[error("log_filter: {0}")]
    SetLogFilter(String),
    /// Everybody would be let in.
    #[error(
        "other machines reach {address}, and nothing says who calls: there are no tokens, no [[peer]], no [[issuer]], no [[trust_domain]], and no tls_client_ca, so that whoever reaches it appends and reads. Make the log with provlogd init where there is none yet, and a token with provlogd token create, both with the same settings; or listen on 127.0.0.1; or, where everybody may, set allow_anonymous = true (--allow-anonymous)"
    )]
    Anonymous {
        /// The listener's.
        address: Address,
    },
    /// A reload would let in everybody.
    #[error(
        "expected a [[peer]], an [[issuer]] or a [[trust_domain]] still, or tokens, got none of them: whoever reaches the log would append and read. Make a token with provlogd token create; or, where everybody may, start the daemon with allow_anonymous = true (--allow-anonymous)"
    )]
    Opens,
    /// A log for others has no name of its own.
    #[error(
        "origin: expected a name for the log that is to be made, since other machines reach {address}, got none: it is permanent and stands in all that verifiers trust. Set it, as in origin = \"log.example.com/provlog\" (--origin)"
    )]
    OriginNeeded {
        /// The listener's.
        address: Address,
    },
    /// The log has another name than the settings say.
    #[error(transparent)]
    Origin(#[from] OtherOrigin),
    /// An issuer that this log can't go by.
    #[error("issuer {name}: {source}; set another audience in its table of the configuration")]
    Issuer {
        /// Its URL, or its trust domain.
        name: jwt::Issuer,
        /// What is wrong with its audience at this log.
        source: BearerAudienceError,
    },
    /// There is nothing to listen with, or nowhere.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is no log, and the start is not to make one.
    #[error(
        "{} holds no log, and {why}: no new log is made there, since a wrong path and a disk that isn't mounted look the same. Mount it, correct the path or put the log back; for a new log, run provlogd init with the same settings", dir.display()
    )]
    NoLog {
        /// The data folder.
        dir: PathBuf,
        /// Why none is made.
        why: &'static str,
    },
    /// The log can't be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The log refuses to open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The tokens can't be read or changed.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A write or sync failed while the log was running.
    #[error("stopped by itself: {0}")]
    Fatal(String),
    /// The system refuses what every program needs.
    #[error("{what}: {error}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// The system's reason.
        error: io::Error,
    },
}

impl Failure {
    /// 1 and 2 as everywhere, 10 to 14 by what refuses.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::System { .. } | Self::SetLogFilter(_) => INTERNAL,
            Self::Config(_)
            | Self::Origin(_)
            | Self::Anonymous { .. }
            | Self::Opens
            | Self::Issuer { .. }
            | Self::OriginNeeded { .. } => USAGE,
            Self::Bind(BindError::Address { .. } | BindError::NoSocket(_)) => ADDRESS,
            Self::Bind(BindError::TlsOverUnix(_) | BindError::Tls(_)) => USAGE,
            Self::Create(error) => refusal_code(error).unwrap_or_else(|| create_code(error)),
            Self::Open(error) => refusal_code(error).unwrap_or_else(|| open_code(error)),
            Self::NoLog { .. } => REFUSES,
            Self::Tokens(error) => refusal_code(error).unwrap_or_else(|| tokens_code(error)),
            Self::Fatal(_) => FAILED,
        }
    }
}

impl From<IssuerError> for Failure {
    fn from(IssuerError { name, source }: IssuerError) -> Self {
        Self::Issuer { name, source }
    }
}

/// One code for what the system refused, whichever file of the log it was.
fn refusal_code(error: &(dyn Error + 'static)) -> Option<u8> {
    Refusal::behind(error).map(|refusal| match refusal {
        Refusal::Denied | Refusal::NoSpace => FOLDER,
        Refusal::Shortage => INTERNAL,
    })
}

fn create_code(error: &CreateError) -> u8 {
    match error {
        CreateError::Lock(error) => lock_code(error),
        CreateError::Disk(_) | CreateError::Store(_) => FOLDER,
        CreateError::Exists { .. } | CreateError::NotEmpty { .. } | CreateError::OtherPlaces { .. } => {
            REFUSES
        }
        CreateError::Clock(_) => REFUSES,
        CreateError::Origin(_) | CreateError::Genesis => USAGE,
        CreateError::Random(_) | CreateError::Key(_) | CreateError::Seal(_) => INTERNAL,
    }
}

const fn tokens_code(error: &TokensError) -> u8 {
    match error {
        TokensError::NameTaken { .. }
        | TokensError::NoSuchName(_)
        | TokensError::NothingToRestrict { .. }
        | TokensError::TooManyRestrictions { .. }
        | TokensError::Past(_) => USAGE,
        TokensError::Io { .. }
        | TokensError::NoFile { .. }
        | TokensError::Mode { .. }
        | TokensError::Owner { .. }
        | TokensError::User { .. } => FOLDER,
        TokensError::TooLarge { .. }
        | TokensError::Form { .. }
        | TokensError::Gone { .. }
        | TokensError::Full(_) => REFUSES,
        TokensError::Random(_) | TokensError::IdTaken(_) | TokensError::Unprinted { .. } => INTERNAL,
    }
}

fn open_code(error: &OpenError) -> u8 {
    match error {
        OpenError::Lock(error) => lock_code(error),
        OpenError::Store(StoreError::Held { .. }) => LOCKED,
        OpenError::Thread(_) => INTERNAL,
        _ => REFUSES,
    }
}

fn lock_code(error: &LockError) -> u8 {
    match error {
        LockError::Held { .. } => LOCKED,
        LockError::Io { .. } => FOLDER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_engine::{DiskError, IdentityError, RecoveryError};
    use rustix::io::Errno;

    #[test]
    fn what_the_system_refused_has_one_code_whichever_file_it_was() {
        let cases = [
            (Errno::ACCESS, FOLDER),
            (Errno::PERM, FOLDER),
            (Errno::ROFS, FOLDER),
            (Errno::NOSPC, FOLDER),
            (Errno::DQUOT, FOLDER),
            (Errno::MFILE, INTERNAL),
            (Errno::NFILE, INTERNAL),
        ];
        for (errno, code) in cases {
            let source = || io::Error::from(errno);
            let lock = || LockError::Io { path: "lock".into(), source: source() };
            let disk = || DiskError { action: "open", path: "log.toml".into(), source: source() };
            let store =
                || StoreError::Unavailable { action: "read", name: "journal".into(), source: source() };
            let full = || StoreError::NoSpace { action: "write", name: "journal".into(), source: source() };
            let failures: [Failure; 11] = [
                CreateError::from(lock()).into(),
                CreateError::from(disk()).into(),
                CreateError::from(store()).into(),
                CreateError::from(full()).into(),
                OpenError::from(lock()).into(),
                OpenError::from(disk()).into(),
                OpenError::from(store()).into(),
                OpenError::from(full()).into(),
                OpenError::from(IdentityError::from(disk())).into(),
                OpenError::from(RecoveryError::from(store())).into(),
                OpenError::from(RecoveryError::from(full())).into(),
            ];
            for failure in failures {
                assert_eq!(failure.exit_code(), code, "{errno}: {failure:?}");
            }
        }
    }

    #[test]
    fn everything_else_keeps_the_code_of_what_was_being_done() {
        let source = || io::Error::from(Errno::IO);
        let lock = || LockError::Io { path: "lock".into(), source: source() };
        let held = || LockError::Held { dir: "data".into(), holder: "process 1".into() };
        let store = || StoreError::Unavailable { action: "read", name: "journal".into(), source: source() };
        let taken = Address::Tcp(([127, 0, 0, 1], 80).into());
        let cases: [(Failure, u8); 8] = [
            (CreateError::from(lock()).into(), FOLDER),
            (CreateError::from(store()).into(), FOLDER),
            (CreateError::from(held()).into(), LOCKED),
            (OpenError::from(lock()).into(), FOLDER),
            (OpenError::from(store()).into(), REFUSES),
            (OpenError::from(held()).into(), LOCKED),
            (OpenError::NoLog { dir: "data".into() }.into(), REFUSES),
            (BindError::Address { address: taken, error: Errno::ACCESS.into() }.into(), ADDRESS),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.exit_code(), code, "{failure:?}");
        }
    }
}
