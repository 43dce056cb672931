//! Where a log is, and what it is opened with.

use crate::clock::{Clock, SystemClock};
use crate::observer::{Observer, Silent};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a log is, and what it is opened with.
#[derive(Clone)]
pub struct Options {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The high-water file, if it isn't `<data>/high-water`: on another disk it is not rolled back with the rest.
    pub high_water: Option<PathBuf>,
    /// The signing key's file, if it isn't `<data>/keys/log.key`.
    pub log_key: Option<PathBuf>,
    /// A folder of credentials that a service manager hands over, and guards: a list of access rights lets the service read them,
    /// which shows as what their group may do.
    pub credentials: Option<PathBuf>,
    /// The operator vouches for the wall clock as it is at this start.
    pub accept_clock: bool,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Hears of what happens.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// A log in `data_dir`, everything else at its default.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            high_water: None,
            log_key: None,
            credentials: None,
            accept_clock: false,
            clock: Arc::new(SystemClock),
            observer: Arc::new(Silent),
        }
    }

    /// The signing key's file.
    #[must_use]
    pub fn log_key_path(&self) -> PathBuf {
        self.log_key.clone().unwrap_or_else(|| self.keys_path().join("log.key"))
    }

    /// The folder of the signing key, where nobody named another.
    pub(crate) fn keys_path(&self) -> PathBuf {
        self.data_dir.join("keys")
    }

    /// The high-water file.
    #[must_use]
    pub fn high_water_path(&self) -> PathBuf {
        self.high_water.clone().unwrap_or_else(|| self.data_dir.join("high-water"))
    }

    /// The trust file to hand out.
    #[must_use]
    pub fn trust_path(&self) -> PathBuf {
        self.data_dir.join("trust.tlog-policy")
    }

    pub(crate) fn settings_path(&self) -> PathBuf {
        self.data_dir.join("log.toml")
    }

    pub(crate) fn creating_path(&self) -> PathBuf {
        self.data_dir.join("creating")
    }

    pub(crate) fn secret_path(&self) -> PathBuf {
        self.data_dir.join("secret")
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.data_dir.join("journal")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data_dir, high_water, log_key, accept_clock, .. } = self;
        f.debug_struct("Options")
            .field("data_dir", data_dir)
            .field("high_water", high_water)
            .field("log_key", log_key)
            .field("accept_clock", accept_clock)
            .finish_non_exhaustive()
    }
}
