//! Where the log is and which trust file to believe: flags and variables, then `.provlog/` in the repository, then at home.
//!
//! A `.provlog` folder holds `config.toml` (keys `url`, `ca`, `client_cert`, `client_key` and `trust`; others are refused), `trust`,
//! the trust file, and `receipts`. The repository's is the nearest from here up to the folder with `.git`; outside of a repository only
//! this folder is looked at.
//!
//! Whoever sends a pull request writes the repository's: it counts only where the fingerprint of its trust file's key is
//! given, or known to the home. Home's own counts by itself, as long as nobody else can write it.
//!
//! A fingerprint proves which log signs, and nothing of where it is: so a token goes to no address that came with a repository, and no
//! client's certificate does. A `ca` counts for the `url` in the same file alone: it is one log's, and whoever has its key could pass for
//! any other.

pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod workload;

#[cfg(test)]
mod tests;

use crate::local::files::{self, ReadError};
use crate::local::known::{self, FOLDER};
use clap::Args;
use provlog_core::Hash;
use provlog_core::limits::TRUST_BYTES_MAX;
use provlog_core::trust::{Trust, TrustError};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use tls::{IdentityFiles, TlsFiles};

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

/// How a trust file that came with a repository comes to count.
const HOW_TO_KNOW: &str = "ask whoever operates the log for its key's fingerprint, and if it is this one, run `provlog trust add \
     FINGERPRINT` once, or give --fingerprint FINGERPRINT or PROVLOG_FINGERPRINT (in CI, say); or name a trust file of your \
     own with --trust FILE or PROVLOG_TRUST";

/// Which log to believe.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust file with the log's key [default: the configuration's, or .provlog/trust]
    #[arg(long, env = "PROVLOG_TRUST", hide_env_values = true, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The log key's fingerprint, which the trust file's key must have; with it, or once `provlog trust add` knows it, a trust
    /// file that came with a repository counts, or lies beside what is verified, or entry 0 in it
    #[arg(long, env = "PROVLOG_FINGERPRINT", hide_env_values = true, value_name = "HEX", value_parser = fingerprint)]
    fingerprint: Option<String>,
}

impl TrustArgs {
    /// What flags and variables leave open.
    pub(crate) fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::load(self.fingerprint.as_deref())
    }

    /// The trust file: a flag or variable, a configuration file, or `.provlog/trust`. `None` when there is none.
    pub(crate) fn find(&self, settings: &Settings) -> Result<Option<TrustFile>, SettingsError> {
        let Some(file) = self.chosen(settings)? else { return Ok(None) };
        let got = file.trust.log().fingerprint();
        match &self.fingerprint {
            Some(expected) if *expected != got => {
                Err(SettingsError::Fingerprint { path: file.path, expected: expected.clone(), got })
            }
            _ => Ok(Some(file)),
        }
    }

    /// As [`Self::find`]; where nothing that counts is there, the first of `others` whose key has the fingerprint that was given, or
    /// one that the home knows. A fingerprint commits to its key, so that it doesn't matter who kept the others.
    pub(crate) fn find_among<I: Iterator<Item = TrustFile>>(
        &self,
        settings: &Settings,
        others: impl FnOnce() -> I,
    ) -> Result<Option<TrustFile>, SettingsError> {
        let found = self.find(settings);
        let open =
            matches!(found, Ok(None) | Err(SettingsError::NotKnown(_) | SettingsError::Fingerprint { .. }));
        if !open || self.trust.is_some() || settings.known.is_empty() {
            return found;
        }
        match others().find(|other| settings.known.contains(&other.trust.log().fingerprint())) {
            Some(other) => Ok(Some(other)),
            None => found,
        }
    }

    fn chosen(&self, settings: &Settings) -> Result<Option<TrustFile>, SettingsError> {
        if let Some(path) = &self.trust {
            return read_trust(path).map(Some);
        }
        let own = settings.own.trust.as_deref();
        match (&settings.near, own) {
            (Near::Believed { file, .. }, Some(own)) => {
                // Of one log, the user's own file: it may demand more witnesses than one that anybody could change.
                let own = read_trust(own).ok().filter(|own| own.trust.log() == file.trust.log());
                Ok(Some(own.unwrap_or_else(|| TrustFile::clone(file))))
            }
            (Near::Believed { file, .. }, None) => Ok(Some(TrustFile::clone(file))),
            (_, Some(own)) => read_trust(own).map(Some),
            (Near::Refused { why: Some(why), .. }, None) => Err(SettingsError::NotKnown(why.clone())),
            (Near::Refused { why: None, .. } | Near::Silent, None) => Ok(None),
        }
    }

    /// As [`Settings::unheeded`], where the trust file is needed too.
    pub(crate) fn unheeded(&self, settings: &Settings, url_open: bool) -> Option<String> {
        settings.unheeded(self.trust.is_none(), url_open)
    }
}

/// Reads a fingerprint, as flags and variables give it.
pub(crate) fn fingerprint(text: &str) -> Result<String, String> {
    match Hash::from_hex(text) {
        Some(_) => Ok(text.into()),
        None => Err("expected 64 lowercase hex digits, the SHA-256 of the log's verifier key line".into()),
    }
}

/// Where a log is, and whose word that is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LogPlace<'a> {
    pub(crate) url: &'a str,
    pub(crate) tls: TlsFiles,
    /// Whether the address is the user's own word, and not of a file that came with a repository.
    pub(crate) is_own: bool,
}

/// What one or several `.provlog` folders say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Words {
    url: Option<String>,
    /// What stands beside the address.
    tls: TlsFiles,
    trust: Option<PathBuf>,
}

/// What the folders here say that anybody may have written, and whether it counts.
#[derive(Debug, Default)]
enum Near {
    /// They say nothing.
    #[default]
    Silent,
    /// The key of their trust file is given, or known.
    Believed { url: Option<String>, tls: TlsFiles, file: Box<TrustFile> },
    /// It isn't: why the trust file doesn't count, where there is one.
    Refused { folder: PathBuf, said: Words, why: Option<String> },
}

/// What flags and variables leave open.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    own: Words,
    near: Near,
    /// The fingerprint that was given; where none was, those that the home knows.
    known: Vec<String>,
}

/// A trust file that was read, and where it was.
#[derive(Clone, Debug)]
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
        "no trust file: looked for --trust, PROVLOG_TRUST, `trust` in the configuration and .provlog/trust; {HOW_TO_TRUST}. To verify, \
         the fingerprint alone will do, with --fingerprint FINGERPRINT, where a trust file lies beside the receipt or package, \
         or entry 0, which has the key, is in it"
    )]
    NoTrust,
    #[error("{0}")]
    NotKnown(String),
    #[error(
        "{}: the log's key is not the one that --fingerprint or PROVLOG_FINGERPRINT names: expected {expected}, got {got}; \
         take the trust file of that log, or ask its operator for the fingerprint",
        path.display()
    )]
    Fingerprint { path: PathBuf, expected: String, got: String },
    #[error(transparent)]
    TrustRead(ReadError),
    #[error("{}: {source}", path.display())]
    Trust { path: PathBuf, source: TrustError },
    #[error(transparent)]
    TokenRead(ReadError),
    #[error(
        "{path}: its permissions are {mode:03o}, so that others may read or write the token in it; expected 640 or less: chmod g-wx,o-rwx {path}",
        path = path.display()
    )]
    TokenShared { path: PathBuf, mode: u32 },
    #[error("{place}: expected a token, one line of letters, digits and - . _ ~ + / =, and nothing else")]
    NoToken { place: String },
    #[error(
        "--identity github: expected the variable {name}, which GitHub sets in a job that has `permissions: id-token: write`, got none"
    )]
    NoJob { name: &'static str },
    #[error("--identity {method}: expected {wants}, got none")]
    NoSvid { method: &'static str, wants: &'static str },
    #[error("--identity {method}: expected no --svid and no PROVLOG_SVID, which are for x509-svid, got one")]
    SvidUnused { method: &'static str },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    url: Option<String>,
    ca: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    trust: Option<PathBuf>,
}

impl Settings {
    /// Those of the folder that the program was started in, where this fingerprint was given.
    pub(crate) fn load(given: Option<&str>) -> Result<Self, SettingsError> {
        let here = std::env::current_dir().map_err(SettingsError::Here)?;
        Self::of_folders(&Folders::around(&here, known::home().as_deref()), given)
    }

    /// Where the log is: by a flag or variable, a configuration file, the trust file's own word, the default. Files that were given
    /// come before those that stand beside the address.
    pub(crate) fn place<'a>(
        &'a self,
        given: Option<&'a str>,
        given_tls: TlsFiles,
        trust: Option<&'a TrustFile>,
    ) -> LogPlace<'a> {
        let (near, near_tls, near_trust) = match &self.near {
            Near::Believed { url, tls, file } => (url.as_deref(), Some(tls), Some(&file.path)),
            Near::Refused { .. } | Near::Silent => (None, None, None),
        };
        let own = self.own.url.as_deref();
        let own_tls = |url| own.is_some_and(|own| is_same(own, url)).then_some(&self.own.tls);
        let (url, beside, is_own) = match given.or(near).or(own) {
            Some(url) if given.is_some() || own_tls(url).is_some() => (url, own_tls(url), true),
            Some(url) => (url, near_tls, false),
            None => match trust.and_then(|file| Some((file.trust.url()?, Some(&file.path) != near_trust))) {
                Some((url, is_own)) => (url, None, is_own),
                None => (URL, None, true),
            },
        };
        LogPlace { url, tls: given_tls.or(beside), is_own }
    }

    /// What was said in the repository and doesn't count, though flags and variables leave it open: the trust file, or the
    /// log's address.
    pub(crate) fn unheeded(&self, trust_open: bool, url_open: bool) -> Option<String> {
        let Near::Refused { folder, said, why } = &self.near else { return None };
        let what = match (trust_open && said.trust.is_some(), url_open && said.url.is_some()) {
            (true, true) => "trust file and url",
            (true, false) => "trust file",
            (false, true) => "url",
            (false, false) => return None,
        };
        let why = why.clone().unwrap_or_else(|| {
            "anybody who changes the repository may have written it, and no trust file beside it has a key that is known; \
             give --url or PROVLOG_URL, or write it into config.toml in the home directory's .provlog"
                .into()
        });
        Some(format!("the {what} in {} did not count: {why}", folder.display()))
    }

    fn of_folders(folders: &Folders, given: Option<&str>) -> Result<Self, SettingsError> {
        let own = Words::of(folders.own.as_slice(), true)?;
        let mut known = match &folders.own {
            Some(own) => known::list(own)?,
            None => Vec::new(),
        };
        known.extend(given.map(String::from));
        let said = Words::of(&folders.near, false)?;
        let folder = folders.near.first().cloned().unwrap_or_default();
        let near = match said.trust.as_deref() {
            None if said.url.is_none() => Near::Silent,
            None => Near::Refused { folder, said, why: None },
            Some(path) => match read_trust(path) {
                Ok(file) if known.contains(&file.trust.log().fingerprint()) => {
                    Near::Believed { url: said.url, tls: said.tls, file: Box::new(file) }
                }
                Ok(file) => Near::Refused { folder, why: Some(not_known(&file, given)), said },
                Err(error) => Near::Refused { folder, said, why: Some(error.to_string()) },
            },
        };
        let known = given.map_or(known, |given| vec![given.into()]);
        Ok(Self { own, near, known })
    }
}

fn not_known(file: &TrustFile, given: Option<&str>) -> String {
    let key = file.trust.log();
    let expected = match given {
        Some(given) => format!("the fingerprint {given}"),
        None => "a fingerprint that you have said you believe".into(),
    };
    format!(
        "{}: this trust file is not yours alone (it came with a repository, or others may write it): expected {expected}, \
         got {} of the log {}; {HOW_TO_KNOW}",
        file.path.display(),
        key.fingerprint(),
        key.name()
    )
}

/// Reads a trust file.
pub(crate) fn read_trust(path: &Path) -> Result<TrustFile, SettingsError> {
    let bytes = files::read(path, TRUST_BYTES_MAX).map_err(SettingsError::TrustRead)?;
    match Trust::parse(&bytes) {
        Ok(trust) => {
            Ok(TrustFile { path: path.into(), text: String::from_utf8_lossy(&bytes).into_owned(), trust })
        }
        Err(source) => Err(SettingsError::Trust { path: path.into(), source }),
    }
}

impl Words {
    /// By several folders, the nearest first, which are the user's own or not.
    fn of(folders: &[PathBuf], are_own: bool) -> Result<Self, SettingsError> {
        let mut all = Self::default();
        for folder in folders {
            let config = folder.join(CONFIG);
            if config.is_file() {
                let file = read_config(&config)?;
                if let Some(problem) = file.problem(are_own) {
                    return Err(SettingsError::Form { path: config, problem: problem.into() });
                }
                // Relative paths are meant from where they are written down, whatever folder the program runs in.
                let at = |path: Option<PathBuf>| path.map(|path| folder.join(path));
                if all.url.is_none() {
                    let identity = IdentityFiles::of(at(file.client_cert), at(file.client_key));
                    (all.url, all.tls) = (file.url, TlsFiles { ca: at(file.ca), identity });
                }
                all.trust = all.trust.or(at(file.trust));
            }
            let trust = folder.join("trust");
            if all.trust.is_none() && trust.is_file() {
                all.trust = Some(trust);
            }
        }
        Ok(all)
    }
}

impl ConfigFile {
    /// What of it can't count.
    fn problem(&self, is_own: bool) -> Option<&'static str> {
        let has_identity = self.client_cert.is_some() || self.client_key.is_some();
        if self.client_cert.is_some() != self.client_key.is_some() {
            Some("expected client_cert and client_key together, got one of them")
        } else if has_identity && !is_own {
            Some(
                "client_cert and client_key count in config.toml of the home directory's .provlog alone, which nobody else may write",
            )
        } else if self.url.is_none() && (self.ca.is_some() || has_identity) {
            Some(
                "expected `url` beside ca, client_cert or client_key, which count for the url in the same file alone; for whatever \
                 url there are --ca, --client-cert and --client-key",
            )
        } else {
            None
        }
    }
}

/// Whether two addresses are one, but for a slash at their end.
fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn read_config(path: &Path) -> Result<ConfigFile, SettingsError> {
    let bytes = files::read(path, CONFIG_BYTES_MAX)?;
    toml::from_slice(&bytes)
        .map_err(|error| SettingsError::Form { path: path.into(), problem: error.to_string() })
}

/// The `.provlog` folders that count.
struct Folders {
    /// From here up to the repository's root, the nearest first: anybody may have written them.
    near: Vec<PathBuf>,
    /// Home's, where nobody else can write it.
    own: Option<PathBuf>,
}

impl Folders {
    fn around(here: &Path, home: Option<&Path>) -> Self {
        let depth = here.ancestors().position(|folder| folder.join(".git").exists()).unwrap_or(0);
        let near = here.ancestors().take(depth + 1).map(|folder| folder.join(FOLDER));
        let mut near: Vec<PathBuf> = near.filter(|folder| folder.is_dir()).collect();
        let home = home.map(|home| home.join(FOLDER)).filter(|folder| folder.is_dir());
        // They may be written differently, with a link in between.
        let same = |one: &Path, other: &Path| one.canonicalize().ok() == other.canonicalize().ok();
        near.retain(|folder| !home.as_ref().is_some_and(|home| same(home, folder)));
        match home {
            Some(home) if !known::is_own(&home) => {
                near.push(home);
                Self { near, own: None }
            }
            own => Self { near, own },
        }
    }
}

#[cfg(test)]
impl TrustFile {
    /// A trust file that lies nowhere.
    pub(crate) fn of(text: String) -> Self {
        Self { path: "trust".into(), trust: Trust::parse(text.as_bytes()).unwrap(), text }
    }
}
