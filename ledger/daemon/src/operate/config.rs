//! What the operator sets: one TOML file, whose every key is also a flag and a `PROVLOGD_*` variable.
//!
//! A flag wins over a variable, a variable over the file, the file over the default. Keys that nobody knows are refused.
//! This module reads no file but that one, and opens nothing.

use crate::access::rates::Rates;
use crate::http::body::LEFT_TO_SINGLES;
use crate::http::limits::ServerLimits;
use crate::operate::live::LiveSettings;
use crate::operate::token::TokenVerb;
use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use provlog_core::checkpoint::is_origin;
use provlog_core::limits::{BATCH_BYTES_MAX, ORIGIN_BYTES_MAX};
use provlog_engine::frame::FRAME_BYTES_MAX;
use serde::Deserialize;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the data of a log lies when nothing is said.
pub const DATA_DIR_DEFAULT: &str = "./provlog-data";

/// Where the daemon listens when nothing is said.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:4180";

/// Connections that may be open at once, unless set otherwise: a thousand that append, and as many that read.
const CONNECTIONS_MAX_DEFAULT: usize = 2048;

/// Most connections that can be asked for: with 64 KiB of buffer each they may hold 4 GiB.
const CONNECTIONS_MAX_MOST: usize = 65_536;

/// Bytes of request bodies, and of what is made of them, held at once, unless set otherwise: some four of the largest batches.
pub(crate) const BODY_BYTES_MAX_DEFAULT: usize = 64 * 1024 * 1024;

/// The least of them: one batch, as it came and as it is written, beside what is left to single appends.
const BODY_BYTES_MAX_LEAST: usize = BATCH_BYTES_MAX + FRAME_BYTES_MAX + LEFT_TO_SINGLES;

const HEADER_TIMEOUT_MS_DEFAULT: u64 = 30_000;
const BODY_TIMEOUT_MS_DEFAULT: u64 = 30_000;
const WRITE_TIMEOUT_MS_DEFAULT: u64 = 30_000;
const DRAIN_TIMEOUT_MS_DEFAULT: u64 = 20_000;
const LOG_FILTER_DEFAULT: &str = "info";

/// The command line.
#[derive(Parser, Debug)]
#[command(name = "provlogd", version, about = "Keeps a provlog: an append-only, signed log of provenance entries.", after_help = crate::operate::exit_codes::HELP)]
pub struct CommandLine {
    /// TOML file with any of the settings below, named as the flags with underscores [default: none]
    #[arg(long, value_name = "FILE", env = "PROVLOGD_CONFIG")]
    pub config: Option<PathBuf>,

    /// Takes the wall clock as it is, for this start, where it contradicts the log or the boot-time clock
    // Neither in the file nor in the environment: it is an answer to one refusal, and left there it would answer all.
    #[arg(long)]
    pub accept_clock: bool,

    /// The settings.
    #[command(flatten)]
    pub settings: Settings,

    /// What to do instead of serving the log.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// Whether it is the environment that names the data folder.
    #[arg(skip)]
    data_dir_in_environment: bool,
}

/// What the program does beside serving a log.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Makes the log, tells what was made, and ends; takes the settings of the daemon that is to serve it
    Init,
    /// Says who may call: makes, lists and revokes tokens; a daemon that serves the log takes that at once
    #[command(subcommand)]
    Token(TokenVerb),
}

/// Every setting, set or not. The file and the command line are read into this one struct.
#[derive(clap::Args, Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder of the log, made at the first start; where the file or the variable names it, `provlogd init` alone makes a log [default: ./provlog-data]
    #[arg(long, value_name = "DIR", env = "PROVLOGD_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never makes a log: without one in the data folder the start is refused [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", env = "PROVLOGD_MUST_EXIST")]
    pub must_exist: Option<bool>,

    /// Loopback address and port; port 0 takes a free one [default: 127.0.0.1:4180]
    #[arg(long, value_name = "ADDRESS:PORT", env = "PROVLOGD_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// The log's name, permanent once the log is made [default: localhost/provlog/<16 random hex digits>]
    #[arg(long, value_name = "NAME", env = "PROVLOGD_ORIGIN")]
    pub origin: Option<String>,

    /// The log's signing key [default: keys/log.key in the data folder]
    #[arg(long, value_name = "FILE", env = "PROVLOGD_LOG_KEY")]
    pub log_key: Option<PathBuf>,

    /// The high-water mark; on another disk it notices a data folder that was rolled back [default: high-water in the data folder]
    #[arg(long, value_name = "FILE", env = "PROVLOGD_HIGH_WATER")]
    pub high_water: Option<PathBuf>,

    /// Connections open at once; more are answered 503 and closed [default: 2048, at most 65536]
    #[arg(long, value_name = "NUMBER", env = "PROVLOGD_CONNECTIONS_MAX")]
    pub connections_max: Option<usize>,

    /// Bytes of request bodies, and of what is made of them, held at once; more are answered 503 [default: 67108864, at least 50331648]
    #[arg(long, value_name = "BYTES", env = "PROVLOGD_BODY_BYTES_MAX")]
    pub body_bytes_max: Option<usize>,

    /// How long a request's head may take, and how long a connection may be idle, in milliseconds [default: 30000]
    #[arg(long, value_name = "MS", env = "PROVLOGD_HEADER_TIMEOUT_MS")]
    pub header_timeout_ms: Option<u64>,

    /// How long a request's body may take, in milliseconds; of that it may stand still for 10000, and a second more for every 64 KiB that arrives [default: 30000]
    #[arg(long, value_name = "MS", env = "PROVLOGD_BODY_TIMEOUT_MS")]
    pub body_timeout_ms: Option<u64>,

    /// How long an answer may wait for its client, in milliseconds; a second more for every 64 KiB that it takes [default: 30000]
    #[arg(long, value_name = "MS", env = "PROVLOGD_WRITE_TIMEOUT_MS")]
    pub write_timeout_ms: Option<u64>,

    /// How long requests may go on after SIGTERM or SIGINT, in milliseconds [default: 20000]
    #[arg(long, value_name = "MS", env = "PROVLOGD_DRAIN_TIMEOUT_MS")]
    pub drain_timeout_ms: Option<u64>,

    /// Requests that one caller may send in a second, each entry of a batch one; 0 is unlimited [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PROVLOGD_CALLER_RATE_PER_S")]
    pub caller_rate_per_s: Option<u32>,

    /// Requests that all callers together may send in a second, each entry of a batch one; 0 is unlimited [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PROVLOGD_TOTAL_RATE_PER_S")]
    pub total_rate_per_s: Option<u32>,

    /// Entries of kind refusal that the log writes in a minute, of requests that it refused; 0 writes none [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PROVLOGD_REFUSAL_ENTRIES_PER_MINUTE")]
    pub refusal_entries_per_minute: Option<u32>,

    /// What is logged to stderr: a level, or targets with levels, as in "warn,provlogd=debug" [default: info]
    #[arg(long, value_name = "FILTER", env = "PROVLOGD_LOG")]
    pub log_filter: Option<String>,
}

/// Settings with every default filled in and every value checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the log.
    pub data_dir: PathBuf,
    /// What a start does where there is no log.
    pub without_log: WithoutLog,
    /// A loopback address.
    pub listen: SocketAddr,
    /// The log's name, where the operator gave one.
    pub origin: Option<String>,
    /// The signing key, where it isn't in the data folder.
    pub log_key: Option<PathBuf>,
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
    /// What holds until it is changed.
    pub(crate) live: LiveSettings,
    /// What is logged.
    pub log_filter: String,
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

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {}: {error}", file.display())]
    Read {
        /// What `--config` names.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("configuration {}: {error}", file.display())]
    Parse {
        /// What `--config` names.
        file: PathBuf,
        /// Names line, column and key.
        error: toml::de::Error,
    },
    /// An address that others can reach.
    #[error(
        "listen: expected a loopback address such as {LISTEN_DEFAULT}, got {0}: this version has no TLS yet, and whoever is on the way could read tokens and records"
    )]
    NotLoopback(SocketAddr),
    /// Not an origin.
    #[error("origin: expected 1 to {ORIGIN_BYTES_MAX} of A-Z a-z 0-9 . _ ~ : / -, got {0:?}")]
    Origin(String),
    /// A number below what works at all.
    #[error("{key}: expected at least {least}, got {got}")]
    TooSmall {
        /// The setting.
        key: &'static str,
        /// The least that works.
        least: u64,
        /// As set.
        got: u64,
    },
    /// A number above what works at all.
    #[error("{key}: expected at most {most}, got {got}")]
    TooLarge {
        /// The setting.
        key: &'static str,
        /// The most that works.
        most: usize,
        /// As set.
        got: usize,
    },
}

impl CommandLine {
    /// Reads the command line, and the environment behind it. A variable that is set and empty counts as not set: that is
    /// how scripts and unit files unset them.
    ///
    /// # Errors
    /// What clap has to say: also the help, where that is asked for.
    pub fn read(arguments: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        // Settings may stand before and behind the verb.
        let command = Self::command().mut_args(|argument| {
            let variable = argument.get_env().and_then(std::env::var_os);
            let empty = variable.is_some_and(|value| value.is_empty());
            let argument = argument.global(true);
            if empty { argument.env(Resettable::Reset) } else { argument }
        });
        let matches = command.try_get_matches_from(arguments)?;
        let data_dir_in_environment = matches.value_source("data_dir") == Some(ValueSource::EnvVariable);
        Ok(Self { data_dir_in_environment, ..Self::from_arg_matches(&matches)? })
    }

    /// Reads the file, if one is named, and puts the command line over it.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, what was expected and what was got.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let file = self.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let by_hand = self.settings.data_dir.is_some() && !self.data_dir_in_environment;
        let without_log = match (self.settings.must_exist.or(file.must_exist), &file.data_dir) {
            (Some(true), _) => WithoutLog::Refuse("must_exist is set"),
            _ if by_hand => WithoutLog::Make,
            _ if self.data_dir_in_environment => WithoutLog::Refuse("PROVLOGD_DATA_DIR names it"),
            (_, Some(_)) => WithoutLog::Refuse("the configuration file names it"),
            (_, None) => WithoutLog::Make,
        };
        self.settings.over(file).fill_in(self.accept_clock, without_log)
    }
}

impl Settings {
    fn over(self, under: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(under.data_dir),
            must_exist: self.must_exist.or(under.must_exist),
            listen: self.listen.or(under.listen),
            origin: self.origin.or(under.origin),
            log_key: self.log_key.or(under.log_key),
            high_water: self.high_water.or(under.high_water),
            connections_max: self.connections_max.or(under.connections_max),
            body_bytes_max: self.body_bytes_max.or(under.body_bytes_max),
            header_timeout_ms: self.header_timeout_ms.or(under.header_timeout_ms),
            body_timeout_ms: self.body_timeout_ms.or(under.body_timeout_ms),
            write_timeout_ms: self.write_timeout_ms.or(under.write_timeout_ms),
            drain_timeout_ms: self.drain_timeout_ms.or(under.drain_timeout_ms),
            caller_rate_per_s: self.caller_rate_per_s.or(under.caller_rate_per_s),
            total_rate_per_s: self.total_rate_per_s.or(under.total_rate_per_s),
            refusal_entries_per_minute: self.refusal_entries_per_minute.or(under.refusal_entries_per_minute),
            log_filter: self.log_filter.or(under.log_filter),
        }
    }

    fn fill_in(self, accept_clock: bool, without_log: WithoutLog) -> Result<Config, ConfigError> {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4180)));
        if !listen.ip().is_loopback() {
            return Err(ConfigError::NotLoopback(listen));
        }
        if let Some(origin) = self.origin.as_deref().filter(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(origin.into()));
        }
        // Without any time nothing would ever be answered.
        let timeout = |key, ms: Option<u64>, default_ms| {
            at_least(key, 1, ms.unwrap_or(default_ms)).map(Duration::from_millis)
        };
        let drain_timeout_ms = self.drain_timeout_ms.unwrap_or(DRAIN_TIMEOUT_MS_DEFAULT);
        Ok(Config {
            data_dir: self.data_dir.unwrap_or_else(|| DATA_DIR_DEFAULT.into()),
            without_log,
            listen,
            origin: self.origin,
            log_key: self.log_key,
            high_water: self.high_water,
            accept_clock,
            // Fewer would refuse the largest batch for ever.
            body_bytes_max: at_least(
                "body_bytes_max",
                BODY_BYTES_MAX_LEAST,
                self.body_bytes_max.unwrap_or(BODY_BYTES_MAX_DEFAULT),
            )?,
            body_timeout: timeout("body_timeout_ms", self.body_timeout_ms, BODY_TIMEOUT_MS_DEFAULT)?,
            server: ServerLimits {
                connections_max: connections_max(self.connections_max.unwrap_or(CONNECTIONS_MAX_DEFAULT))?,
                header_timeout: timeout(
                    "header_timeout_ms",
                    self.header_timeout_ms,
                    HEADER_TIMEOUT_MS_DEFAULT,
                )?,
                write_timeout: timeout("write_timeout_ms", self.write_timeout_ms, WRITE_TIMEOUT_MS_DEFAULT)?,
                drain_timeout: Duration::from_millis(drain_timeout_ms),
            },
            live: LiveSettings {
                rates: Rates {
                    caller_per_s: self.caller_rate_per_s.and_then(NonZeroU32::new),
                    total_per_s: self.total_rate_per_s.and_then(NonZeroU32::new),
                },
                refusal_entries_per_minute: self.refusal_entries_per_minute.unwrap_or(0),
                ..LiveSettings::default()
            },
            log_filter: self.log_filter.unwrap_or_else(|| LOG_FILTER_DEFAULT.into()),
        })
    }
}

fn read(file: &Path) -> Result<Settings, ConfigError> {
    let text = fs::read_to_string(file).map_err(|error| ConfigError::Read { file: file.into(), error })?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse { file: file.into(), error })
}

fn connections_max(set: usize) -> Result<usize, ConfigError> {
    let key = "connections_max";
    match at_least(key, 1, set)? {
        got @ ..=CONNECTIONS_MAX_MOST => Ok(got),
        got => Err(ConfigError::TooLarge { key, most: CONNECTIONS_MAX_MOST, got }),
    }
}

fn at_least<N: Copy + PartialOrd + TryInto<u64>>(
    key: &'static str,
    least: N,
    got: N,
) -> Result<N, ConfigError> {
    let told = |number: N| number.try_into().unwrap_or(u64::MAX);
    if got < least { Err(ConfigError::TooSmall { key, least: told(least), got: told(got) }) } else { Ok(got) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(arguments: &[&str]) -> Result<Config, ConfigError> {
        CommandLine::read([&["provlogd"], arguments].concat()).unwrap().resolve()
    }

    #[test]
    fn the_help_tells_the_defaults() {
        let config = resolve(&[]).unwrap();
        let help = CommandLine::command().render_long_help().to_string();
        let defaults = [
            config.data_dir.display().to_string(),
            config.listen.to_string(),
            config.server.connections_max.to_string(),
            config.body_bytes_max.to_string(),
            config.server.header_timeout.as_millis().to_string(),
            config.body_timeout.as_millis().to_string(),
            config.server.write_timeout.as_millis().to_string(),
            config.server.drain_timeout.as_millis().to_string(),
            config.log_filter,
        ];
        for default in defaults {
            assert!(help.contains(&format!("[default: {default}")), "{default}\n{help}");
        }
        assert_eq!(config.listen.to_string(), LISTEN_DEFAULT);
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("provlogd.toml");
        fs::write(&file, "listen = \"[::1]:0\"\ndata_dir = \"/srv/log\"\nheader_timeout_ms = 5\n").unwrap();
        let config =
            resolve(&["--config", file.to_str().unwrap(), "--data-dir", "/srv/other", "--accept-clock"])
                .unwrap();
        assert_eq!(config.data_dir, Path::new("/srv/other"));
        assert_eq!(config.listen.to_string(), "[::1]:0");
        assert_eq!(config.server.header_timeout, Duration::from_millis(5));
        assert_eq!(config.body_timeout, Duration::from_millis(BODY_TIMEOUT_MS_DEFAULT));
        assert!(config.accept_clock);
    }

    #[test]
    fn a_log_is_made_by_a_start_only_where_the_folder_was_named_by_hand_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let (named, other) =
            (write("named", "data_dir = \"/srv/log\"\n"), write("other", "log_filter = \"warn\"\n"));
        let must = write("must", "must_exist = true\n");
        let makes = |arguments: &[&str]| resolve(arguments).unwrap().without_log == WithoutLog::Make;
        for arguments in [
            &[][..],
            &["--data-dir", "a"],
            &["--data-dir", "a", "--config", &named],
            &["--config", &other],
            &["--config", &must, "--must-exist=false"],
            &["init", "--data-dir", "a"],
        ] {
            assert!(makes(arguments), "{arguments:?}");
        }
        for arguments in [
            &["--config", &named][..],
            &["--config", &must],
            &["--must-exist"],
            &["--data-dir", "a", "--must-exist"],
            &["--data-dir", "a", "--config", &must],
        ] {
            assert!(!makes(arguments), "{arguments:?}");
        }
    }

    #[test]
    fn every_setting_of_the_file_is_a_flag() {
        let command = CommandLine::command();
        for argument in command.get_arguments().filter(|argument| argument.get_env().is_some()) {
            let flag = argument.get_long().unwrap();
            let key = flag.replace('-', "_");
            let variable = argument.get_env().unwrap().to_str().unwrap();
            let expected = format!("PROVLOGD_{}", key.to_uppercase());
            assert!(variable == expected || (flag, variable) == ("log-filter", "PROVLOGD_LOG"), "{variable}");
            if key != "config" {
                let unknown = toml::from_str::<Settings>(&format!("{key} = {{}}")).unwrap_err().to_string();
                assert!(!unknown.contains("unknown field"), "{key}: {unknown}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("provlogd.toml");
        fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
        let file = file.to_str().unwrap();
        let cases: [(&[&str], &str); 12] = [
            (&["--config", file], "unknown field `lisen`"),
            (&["--config", "no-such-file.toml"], "no-such-file.toml"),
            (&["--listen", "0.0.0.0:4180"], "no TLS yet"),
            (&["--listen", "192.0.2.1:4180"], "expected a loopback address"),
            (&["--origin", "two words"], "got \"two words\""),
            (&["--body-bytes-max", "1024"], "expected at least 50331648, got 1024"),
            (&["--connections-max", "0"], "connections_max: expected at least 1, got 0"),
            (&["--connections-max", "65537"], "connections_max: expected at most 65536, got 65537"),
            (&["--connections-max", "18446744073709551615"], "expected at most 65536"),
            (&["--header-timeout-ms", "0"], "header_timeout_ms: expected at least 1, got 0"),
            (&["--body-timeout-ms", "0"], "body_timeout_ms: expected at least 1, got 0"),
            (&["--write-timeout-ms", "0"], "write_timeout_ms: expected at least 1, got 0"),
        ];
        for (arguments, expected) in cases {
            let error = resolve(arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }
}
