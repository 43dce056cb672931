//! Where the log is and which trust file to believe: flags and variables, then `.provlog/` in the repository, then at home.
//!
//! A `.provlog` folder holds `config.toml` (keys `url` and `trust`; others are refused), `trust`, the trust file, and
//! `receipts`. The repository's is the nearest from here up to the folder with `.git`; outside of a repository only
//! this folder is looked at.

use crate::local::files::{self, ReadError};
use clap::Args;
use provlog_core::limits::TRUST_BYTES_MAX;
use provlog_core::trust::{Trust, TrustError};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of settings, in a repository or at home.
pub(crate) const FOLDER: &str = ".provlog";

/// Where receipts are kept when no output is named.
pub(crate) const RECEIPTS: &str = ".provlog/receipts";

/// Where `trust fetch` writes when no output is named, and where a trust file is looked for last.
pub(crate) const TRUST: &str = ".provlog/trust";

/// Where a log is when nothing says otherwise: the daemon's own default.
pub(crate) const URL: &str = "http://127.0.0.1:4180";

const CONFIG: &str = "config.toml";

/// Largest configuration file, in bytes: two lines and a great many comments.
const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// How people get a trust file; said wherever one is missing.
const HOW_TO_TRUST: &str = "get the log key's fingerprint from whoever operates the log (the daemon prints it at its first start; never \
     take it from the log's own answers), then run `provlog trust fetch --url URL --fingerprint FINGERPRINT`; \
     or pass the trust file that the daemon wrote beside its data, with --trust FILE";

/// Which log to believe.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust file with the log's key [default: the configuration's, or .provlog/trust]
    #[arg(long, env = "PROVLOG_TRUST", hide_env_values = true, value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl TrustArgs {
    /// The trust file, without which nothing can be believed.
    pub(crate) fn open(&self) -> Result<TrustFile, SettingsError> {
        self.find(&Settings::load()?)?.ok_or(SettingsError::NoTrust)
    }

    /// The trust file: a flag or variable, a configuration file, or `.provlog/trust`. `None` when there is none.
    pub(crate) fn find(&self, settings: &Settings) -> Result<Option<TrustFile>, SettingsError> {
        let Some(path) = self.trust.as_deref().or(settings.trust.as_deref()) else { return Ok(None) };
        let bytes = files::read(path, TRUST_BYTES_MAX).map_err(SettingsError::TrustRead)?;
        match Trust::parse(&bytes) {
            Ok(trust) => Ok(Some(TrustFile {
                path: path.into(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
                trust,
            })),
            Err(source) => Err(SettingsError::Trust { path: path.into(), source }),
        }
    }
}

/// What flags and variables leave open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settings {
    url: Option<String>,
    trust: Option<PathBuf>,
}

/// A trust file that was read, and where it was.
#[derive(Debug)]
pub(crate) struct TrustFile {
    /// Its path, as it is shown.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) trust: Trust,
}

/// A configuration or trust file that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the folder that this was started in: {0}")]
    Here(io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{}: {problem}", path.display())]
    Form { path: PathBuf, problem: String },
    #[error(
        "no trust file: looked for --trust, PROVLOG_TRUST, `trust` in the configuration and .provlog/trust; {HOW_TO_TRUST}"
    )]
    NoTrust,
    #[error(transparent)]
    TrustRead(ReadError),
    #[error("{}: {source}", path.display())]
    Trust { path: PathBuf, source: TrustError },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    url: Option<String>,
    trust: Option<PathBuf>,
}

impl Settings {
    /// Those of the folder that the program was started in.
    pub(crate) fn load() -> Result<Self, SettingsError> {
        let here = std::env::current_dir().map_err(SettingsError::Here)?;
        Self::of_folders(&folders(&here, std::env::home_dir().as_deref()))
    }

    /// The log's address: a flag or variable, a configuration file, the trust file's own word, the default.
    pub(crate) fn url<'a>(&'a self, given: Option<&'a str>, trust: Option<&'a Trust>) -> &'a str {
        given.or(self.url.as_deref()).or_else(|| trust.and_then(Trust::url)).unwrap_or(URL)
    }

    fn of_folders(folders: &[PathBuf]) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for folder in folders {
            let config = folder.join(CONFIG);
            if config.is_file() {
                let file = read_config(&config)?;
                settings.url = settings.url.or(file.url);
                // A relative path is meant from where it is written down, whatever folder the program runs in.
                settings.trust = settings.trust.or(file.trust.map(|trust| folder.join(trust)));
            }
            let trust = folder.join("trust");
            if settings.trust.is_none() && trust.is_file() {
                settings.trust = Some(trust);
            }
        }
        Ok(settings)
    }
}

fn read_config(path: &Path) -> Result<ConfigFile, SettingsError> {
    let bytes = files::read(path, CONFIG_BYTES_MAX)?;
    toml::from_slice(&bytes)
        .map_err(|error| SettingsError::Form { path: path.into(), problem: error.to_string() })
}

/// The `.provlog` folders that count from `here`, the nearest first.
fn folders(here: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let depth = here.ancestors().position(|folder| folder.join(".git").exists()).unwrap_or(0);
    let near = here.ancestors().take(depth + 1).map(|folder| folder.join(FOLDER));
    let mut folders: Vec<PathBuf> = near.collect();
    folders.extend(home.map(|home| home.join(FOLDER)).filter(|folder| !folders.contains(folder)));
    folders.retain(|folder| folder.is_dir());
    folders
}

#[cfg(test)]
impl TrustFile {
    /// A trust file that lies nowhere.
    pub(crate) fn of(text: String) -> Self {
        Self { path: "trust".into(), trust: Trust::parse(text.as_bytes()).unwrap(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(contents: &[(&str, &str)]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for (path, text) in contents {
                fs::create_dir_all(tree.at(path).parent().unwrap()).unwrap();
                fs::write(tree.at(path), text).unwrap();
            }
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn settings(&self, here: &str) -> Result<Settings, SettingsError> {
            Settings::of_folders(&folders(&self.at(here), Some(&self.at("home"))))
        }
    }

    #[test]
    fn the_nearest_wins_key_by_key_and_flags_win_over_all() {
        let tree = Tree::new(&[
            ("home/.provlog/config.toml", "url = \"http://home\"\ntrust = \"own\""),
            ("repo/.git/HEAD", ""),
            ("repo/.provlog/config.toml", "url = \"http://repository\""),
            ("repo/deep/er/file", ""),
        ]);
        let settings = tree.settings("repo/deep/er").unwrap();
        assert_eq!(settings.url(None, None), "http://repository");
        assert_eq!(settings.trust, Some(tree.at("home/.provlog/own")));
        assert_eq!(settings.url(Some("http://flag"), None), "http://flag");
    }

    #[test]
    fn what_lies_outside_of_the_repository_does_not_count() {
        let tree = Tree::new(&[
            (".provlog/trust", ""),
            ("repo/.git/HEAD", ""),
            ("repo/inner/file", ""),
            ("plain/inner/file", ""),
            ("plain/.provlog/trust", ""),
        ]);
        assert_eq!(tree.settings("repo/inner").unwrap(), Settings::default());
        assert_eq!(tree.settings("plain/inner").unwrap(), Settings::default());
        assert_eq!(tree.settings("plain").unwrap().trust, Some(tree.at("plain/.provlog/trust")));
    }

    #[test]
    fn a_trust_file_in_the_repository_comes_before_one_named_at_home() {
        let tree = Tree::new(&[
            ("home/.provlog/config.toml", "trust = \"own\""),
            ("repo/.git/HEAD", ""),
            ("repo/.provlog/trust", ""),
        ]);
        assert_eq!(tree.settings("repo").unwrap().trust, Some(tree.at("repo/.provlog/trust")));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        let tree = Tree::new(&[("home/.provlog/config.toml", "ulr = \"http://home\"")]);
        let error = tree.settings("").unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains("unknown field `ulr`"), "{error}");
    }

    #[test]
    fn without_a_word_the_trust_file_and_then_the_default_say_where_the_log_is() {
        let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let trust = Trust::parse(format!("log {key} http://trust\nquorum none\n").as_bytes()).unwrap();
        assert_eq!(Settings::default().url(None, Some(&trust)), "http://trust");
        assert_eq!(Settings::default().url(None, None), URL);
    }
}
