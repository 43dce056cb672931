//! Why the daemon doesn't start or doesn't go on, and the exit code of each reason.

use crate::operate::config::ConfigError;
use crate::operate::exit_codes::{ADDRESS, FAILED, FOLDER, INTERNAL, LOCKED, REFUSES, USAGE};
use provlog_engine::{CreateError, LockError, OpenError, StoreError};
use std::io;
use std::net::SocketAddr;

/// Why the daemon ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log filter.
    #[error("log_filter: expected a level, or targets with levels as in \"warn,provlogd=debug\", got {0:?}")]
    LogFilter(String),
    /// The log has another name than the settings say.
    #[error(
        "origin: this log's is {is} and is permanent, but the settings say {set}; leave the setting out, or start another log in another folder"
    )]
    Origin {
        /// The log's name.
        is: String,
        /// The name in the settings.
        set: String,
    },
    /// The address is taken, or not this machine's.
    #[error(
        "cannot listen on {address}: {error}; stop what listens there, or choose another address with --listen"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// The log can't be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The log refuses to open.
    #[error(transparent)]
    Open(#[from] OpenError),
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
    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::System { .. } => INTERNAL,
            Self::Config(_) | Self::LogFilter(_) | Self::Origin { .. } => USAGE,
            Self::Address { .. } => ADDRESS,
            Self::Create(error) => create_code(error),
            Self::Open(error) => open_code(error),
            Self::Fatal(_) => FAILED,
        }
    }
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

fn open_code(error: &OpenError) -> u8 {
    match error {
        OpenError::Lock(error) => lock_code(error),
        OpenError::Store(StoreError::Held { .. }) => LOCKED,
        OpenError::Disk(error) => match error.source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FOLDER,
            _ => REFUSES,
        },
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
