//! Settings with every default filled in and every value checked: what a start goes by.

use crate::http::limits::ServerLimits;
use crate::http::listener::Listener;
use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::ConfigText;
use crate::operate::config::issuers::ISSUER;
use crate::operate::config::listeners::{self, LISTENER};
use crate::operate::config::live::{self, PEER};
use crate::operate::config::scope::{Scope, Told, Word, credentials_folder};
use crate::operate::config::table::{
    ALLOW_ANONYMOUS, ALLOW_CLEAR_TEXT, BODY_BYTES_MAX, BODY_TIMEOUT_MS, CONNECTIONS_MAX, DATA_DIR,
    DRAIN_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS, HANDSHAKES_MAX, HEADER_TIMEOUT_MS, HIGH_WATER, LOG_FILTER,
    LOG_FORMAT, LOG_KEY, MUST_EXIST, ORIGIN, SETTINGS, Setting, WRITE_TIMEOUT_MS,
};
use crate::operate::config::trust_domains::TRUST_DOMAIN;
use crate::operate::live::LiveSettings;
use crate::operate::logs::LogFormat;
use provlog_core::checkpoint::is_origin;
use provlog_core::limits::ORIGIN_BYTES_MAX;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;
use tracing_subscriber::filter::Targets;

/// Settings with every default filled in and every value checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the log.
    pub data_dir: PathBuf,
    /// What a start does where there is no log.
    pub without_log: WithoutLog,
    /// Where to listen: one at least.
    pub listeners: Vec<Listener>,
    /// Whether other machines may reach a log that lets everybody in.
    pub allow_anonymous: bool,
    /// The log's name, where the operator gave one.
    pub origin: Option<String>,
    /// The signing key, where it isn't in the data folder.
    pub log_key: Option<PathBuf>,
    /// Where the service manager puts credentials, if it does.
    pub credentials: Option<PathBuf>,
    /// The high-water mark, where it isn't in the data folder.
    pub high_water: Option<PathBuf>,
    /// Whether the wall clock is taken as it is.
    pub accept_clock: bool,
    /// Bytes of request bodies, and of what is made of them, held at once.
    pub body_bytes_max: usize,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// What connections are held to.
    pub server: ServerLimits,
    /// What is logged.
    pub log_filter: Targets,
    /// How lines of the daemon's own log are written.
    pub log_format: LogFormat,
    /// What a running daemon takes anew.
    pub(crate) live: LiveSettings,
    /// Every setting, as it is told.
    pub(crate) told: Vec<Told>,
}

/// The log has another name than the settings say.
#[derive(Debug, thiserror::Error)]
#[error(
    "origin: this log's is {is} and is permanent, but the settings say {set}; leave the setting out, or start another log in another folder"
)]
pub struct OtherOrigin {
    is: String,
    set: String,
}

/// What a start does where the data folder has no log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WithoutLog {
    /// Makes one: whoever starts it by hand sees that.
    Make,
    /// Refuses, for this reason: the folder of a service that is set up for good is there, or its disk isn't mounted. A
    /// new log would take what the old one's clients send.
    Refuse(&'static str),
}

impl Config {
    /// Whether any listener asks whoever connects for a certificate.
    pub(crate) fn demands_certificates(&self) -> bool {
        self.listeners.iter().any(Listener::demands_certificates)
    }

    /// Refuses a log of another name than the operator gave.
    ///
    /// # Errors
    /// Both names.
    pub(crate) fn refuse_other_origin(&self, is: &str) -> Result<(), OtherOrigin> {
        match self.origin.as_deref().filter(|origin| *origin != is) {
            None => Ok(()),
            Some(set) => Err(OtherOrigin { is: is.into(), set: set.into() }),
        }
    }
}

/// Reads the file, if there is one, and puts the words of command line and environment over it.
pub(super) fn resolve(
    words: &[Word],
    file: Option<&Path>,
    accept_clock: bool,
) -> Result<Config, ConfigError> {
    let text = file.map(ConfigText::read).transpose()?;
    let root = text.as_ref().map(ConfigText::parse).transpose()?;
    let file = text.as_ref().zip(root.as_ref());
    if let Some((text, root)) = file {
        text.refuse_unknown(root, &SETTINGS, &[LISTENER, PEER, ISSUER, TRUST_DOMAIN])?;
    }
    fill_in(&mut Scope::whole(words, file), file, accept_clock)
}

fn fill_in(
    scope: &mut Scope<'_>,
    file: Option<(&ConfigText, &DeTable<'_>)>,
    accept_clock: bool,
) -> Result<Config, ConfigError> {
    let data_dir = scope.path(&DATA_DIR)?;
    let must_exist = scope.switch(&MUST_EXIST)?;
    let without_log = match data_dir.as_ref().map(|found| &found.place) {
        _ if must_exist => WithoutLog::Refuse("must_exist is set"),
        Some(WhereSet::Variable(_)) => WithoutLog::Refuse("PROVLOGD_DATA_DIR names it"),
        Some(WhereSet::File { .. }) => WithoutLog::Refuse("the configuration file names it"),
        Some(WhereSet::Flag(_) | WhereSet::Default(_)) | None => WithoutLog::Make,
    };
    let allow_clear_text = scope.switch(&ALLOW_CLEAR_TEXT)?;
    let ms = |scope: &mut Scope<'_>, setting| scope.number(setting).map(Duration::from_millis);
    let count = |scope: &mut Scope<'_>, setting: &'static Setting| {
        Ok::<_, ConfigError>(usize::try_from(scope.number(setting)?).unwrap_or(usize::MAX))
    };
    Ok(Config {
        data_dir: data_dir.map(|found| found.value).unwrap_or_default(),
        without_log,
        listeners: listeners::read(scope, file, allow_clear_text)?,
        allow_anonymous: scope.switch(&ALLOW_ANONYMOUS)?,
        origin: scope.read(&ORIGIN, origin)?.map(|found| found.value),
        log_key: scope.path(&LOG_KEY)?.map(|found| found.value),
        credentials: credentials_folder(),
        high_water: scope.path(&HIGH_WATER)?.map(|found| found.value),
        accept_clock,
        body_bytes_max: count(scope, &BODY_BYTES_MAX)?,
        body_timeout: ms(scope, &BODY_TIMEOUT_MS)?,
        server: ServerLimits {
            connections_max: count(scope, &CONNECTIONS_MAX)?,
            header_timeout: ms(scope, &HEADER_TIMEOUT_MS)?,
            handshake_timeout: ms(scope, &HANDSHAKE_TIMEOUT_MS)?,
            handshakes_max: count(scope, &HANDSHAKES_MAX)?,
            write_timeout: ms(scope, &WRITE_TIMEOUT_MS)?,
            drain_timeout: ms(scope, &DRAIN_TIMEOUT_MS)?,
        },
        log_filter: scope.read(&LOG_FILTER, log_filter)?.map(|found| found.value).unwrap_or_default(),
        log_format: scope.read(&LOG_FORMAT, log_format)?.map(|found| found.value).unwrap_or_default(),
        live: live::read(scope, file)?,
        told: scope.told(),
    })
}

fn origin(text: &str) -> Result<String, String> {
    if is_origin(text) {
        return Ok(text.into());
    }
    Err(format!("expected 1 to {ORIGIN_BYTES_MAX} of A-Z a-z 0-9 . _ ~ : / -, got {text:?}"))
}

fn log_filter(text: &str) -> Result<Targets, String> {
    let expected = "a level, or targets with levels as in \"warn,provlogd=debug\"";
    text.parse().map_err(|_| format!("expected {expected}, got {text:?}"))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("expected text or json, got {text:?}")),
    }
}
