//! What makes a data folder this log's: `log.toml`, the signing key, the secret, and the genesis entry that names the key.

use crate::codec::frame;
use crate::dedup::Secret;
use crate::durable::{Access, Disk, DiskError, other_owner, read_file, replace_file};
use crate::log_id::LogId;
use crate::options::Options;
use crate::store::{Frames, Next, Place};
use provlog_core::cbor::{Map, Value};
use provlog_core::checkpoint::is_origin;
use provlog_core::entry::Kind;
use provlog_core::hex;
use provlog_core::note::{KeyError, LogSigner, VerifierKey};
use provlog_core::record::{Claim, Salt, Section};
use provlog_core::trust::Trust;
use rustix::fs::Uid;
use std::path::{Path, PathBuf};

/// The data folder's format version.
const FORMAT_VERSION: u32 = 1;

/// Largest of the small files: a key, a trust file or identity are a few hundred bytes.
const SMALL_FILE_BYTES_MAX: usize = 64 * 1024;

/// Kind of the genesis entry.
pub(crate) const GENESIS: Kind = match Kind::new(0) {
    Some(kind) => kind,
    None => unreachable!(),
};

/// What `log.toml` says.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIdentity {
    format: u32,
    pub(crate) origin: String,
    log_id: String,
    secret_id: String,
    created_ms: u64,
}

/// Why a folder is not this log's, or not whole.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// `log.toml` doesn't say what it should.
    #[error("{}: {detail}", file.display())]
    Settings {
        /// The file.
        file: PathBuf,
        /// Expected and got.
        detail: String,
    },
    /// The signing key isn't there.
    #[error("{} is missing: it is the log's signing key, and no other one can go on with this log. Put it back from its backup, or name its place with --log-key. If it is lost for good, nothing is appended to this log any more; what it signed stays proven, and receipts go on verifying without it: keep the folder, and make a new log in another one", file.display())]
    KeyMissing {
        /// Where it is looked for.
        file: PathBuf,
    },
    /// The secret isn't there.
    #[error("{} is missing: with it the log knows a retried request again, and with another one retries would become new entries. Put it back from its backup. If it is lost for good, nothing is appended to this log any more; what it signed stays proven, and receipts go on verifying without it: keep the folder, and make a new log in another one", file.display())]
    SecretMissing {
        /// Where it is looked for.
        file: PathBuf,
    },
    /// The signing key's file isn't a key.
    #[error("{}: {source}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Others may read a secret file.
    #[error("{file}: permissions are {mode:03o}, expected 600: only its owner may read it: chmod 600 {file}", file = file.display())]
    Mode {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A secret file is somebody else's, who can read it and put another in its place.
    #[error("{file}: it belongs to user {got}; expected the data folder's owner, user {expected}, or root: chown {expected} {file}", file = file.display())]
    Owner {
        /// The file.
        file: PathBuf,
        /// Whose folder it is of.
        expected: u32,
        /// Whose it is.
        got: u32,
    },
    /// The signing key is another one than genesis names.
    #[error("{}: this is key {got}, but the log's genesis entry names {expected}: put the log's own key back, or name its place with --log-key", file.display())]
    OtherKey {
        /// The file.
        file: PathBuf,
        /// The key of genesis, as a vkey line.
        expected: String,
        /// The key in the file.
        got: String,
    },
    /// The secret is another one, or none.
    #[error("{}: expected the 32-byte secret with id {expected}, got {got}: put the log's own secret back; with another one, retries would become new entries", file.display())]
    OtherSecret {
        /// The file.
        file: PathBuf,
        /// The id in `log.toml`.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The first entry isn't the genesis entry that it must be.
    #[error(
        "{place}: the first entry must be the genesis entry of log {expected}: {detail}. Put the log's own journal back"
    )]
    Genesis {
        /// Where it is looked for.
        place: Place,
        /// Origin and id from `log.toml`.
        expected: String,
        /// What is there instead.
        detail: String,
    },
}

impl LogIdentity {
    pub(crate) fn new(origin: &str, log: LogId, secret: &Secret, created_ms: u64) -> Self {
        let (log_id, secret_id) = (log.to_hex(), secret.id());
        Self { format: FORMAT_VERSION, origin: origin.into(), log_id, secret_id, created_ms }
    }

    /// The file's text. No value needs escaping: an origin has no quotes and no backslashes.
    pub(crate) fn to_text(&self) -> String {
        let Self { format, origin, log_id, secret_id, created_ms } = self;
        format!(
            "# This log's identity. Do not edit: any change refuses to open.\nformat = {format}\norigin = \"{origin}\"\nlog_id = \"{log_id}\"\nsecret_id = \"{secret_id}\"\ncreated_ms = {created_ms}\n"
        )
    }

    /// Reads the file.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<(Self, LogId), IdentityError> {
        let wrong = |detail: String| IdentityError::Settings { file: path.into(), detail };
        let bytes = read_file(disk, path, SMALL_FILE_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("expected UTF-8".into()))?;
        let identity: Self =
            toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().into()))?;
        if identity.format != FORMAT_VERSION {
            let detail = format!(
                "format: this program knows {FORMAT_VERSION}, got {}: use the version that wrote it, or a later one",
                identity.format
            );
            return Err(wrong(detail));
        }
        if !is_origin(&identity.origin) {
            return Err(wrong(format!("origin: {:?} is none", identity.origin)));
        }
        let log = hex::decode_array(&identity.log_id).map(LogId);
        let log = log.ok_or_else(|| {
            wrong(format!("log_id: expected 32 lowercase hex digits, got {:?}", identity.log_id))
        })?;
        Ok((identity, log))
    }
}

/// The signing key; its file must be readable by its owner alone.
pub(crate) fn read_signer(disk: &dyn Disk, options: &Options) -> Result<LogSigner, IdentityError> {
    let file = options.log_key_path();
    let bytes = read_private(disk, options, &file, |file| IdentityError::KeyMissing { file })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    LogSigner::parse(text.trim_end_matches('\n')).map_err(|source| IdentityError::Key { file, source })
}

/// The secret; its id must be the one in `log.toml`.
pub(crate) fn read_secret(
    disk: &dyn Disk,
    options: &Options,
    identity: &LogIdentity,
) -> Result<Secret, IdentityError> {
    let path = options.secret_path();
    let bytes = read_private(disk, options, &path, |file| IdentityError::SecretMissing { file })?;
    let other = |got: String| IdentityError::OtherSecret {
        file: path.clone(),
        expected: identity.secret_id.clone(),
        got,
    };
    let secret = <[u8; Secret::BYTES]>::try_from(bytes.as_slice()).map(Secret::new);
    let secret = secret.map_err(|_| other(format!("{} bytes", bytes.len())))?;
    if secret.id() == identity.secret_id { Ok(secret) } else { Err(other(secret.id())) }
}

/// The bytes of a file that its owner alone may read.
fn read_private(
    disk: &dyn Disk,
    options: &Options,
    path: &Path,
    missing: impl FnOnce(PathBuf) -> IdentityError,
) -> Result<Vec<u8>, IdentityError> {
    let read =
        check_private(disk, options, path).and_then(|()| Ok(read_file(disk, path, SMALL_FILE_BYTES_MAX)?));
    match read {
        Err(IdentityError::Disk(error)) if error.is_not_found() => Err(missing(path.into())),
        result => result,
    }
}

fn check_private(disk: &dyn Disk, options: &Options, path: &Path) -> Result<(), IdentityError> {
    let mode = disk.mode(path)?;
    // A service manager hands root's files over by a list of access rights, whose mask shows as what the group may do
    // (systemd.exec(5), LoadCredential): without that, a service couldn't read them at all. Anywhere else it is a group.
    let in_credentials = options.credentials.as_deref().is_some_and(|folder| path.parent() == Some(folder));
    let handed_over = in_credentials && disk.owner(path)? == Uid::ROOT.as_raw();
    if mode & if handed_over { 0o037 } else { 0o077 } != 0 {
        return Err(IdentityError::Mode { file: path.into(), mode });
    }
    match other_owner(disk, &options.data_dir, path)? {
        None => Ok(()),
        Some((expected, got)) => Err(IdentityError::Owner { file: path.into(), expected, got }),
    }
}

/// The two sections of a log's genesis entry.
pub(crate) fn genesis_sections(
    origin: &str,
    log: LogId,
    key: &VerifierKey,
    salts: [Salt; 2],
) -> Option<[Section; 2]> {
    let [submitted_salt, attested_salt] = salts;
    let log = map([
        ("origin", origin.into()),
        ("id", Value::Bytes(log.0.into())),
        ("key", Value::Text(key.to_string())),
        ("format", Value::Integer(1)),
    ])?;
    let workload = map([("method", "log".into())])?;
    let section =
        |name: &str, salt, value| Section::from_claims(vec![(name.into(), Claim::disclosed(salt, value))]);
    Some([section("log", submitted_salt, log).ok()?, section("workload", attested_salt, workload).ok()?])
}

/// Checks that the first entry is the genesis entry of this log, and that `signer` is the key it names.
pub(crate) fn check_genesis(
    frames: &dyn Frames,
    identity: &LogIdentity,
    signer: &LogSigner,
    key_file: PathBuf,
) -> Result<(), IdentityError> {
    let place = frames.place(frames.start(0));
    let expected = format!("{} ({})", identity.origin, identity.log_id);
    let wrong =
        |detail: String| IdentityError::Genesis { place: place.clone(), expected: expected.clone(), detail };
    let bytes = match frames.next(frames.start(0)).map_err(|error| wrong(error.to_string()))? {
        Next::Frame(bytes) => bytes,
        Next::End(error) => return Err(wrong(error.to_string())),
    };
    let frame = frame::decode(&bytes).map_err(|error| wrong(error.to_string()))?;
    let record = frame.records().first().filter(|_| frame.header().first_index == 0);
    let record = record
        .filter(|record| record.entry.kind == GENESIS)
        .ok_or_else(|| wrong("it is of another kind".into()))?;
    let (submitted, _) = record.sections(0).map_err(|error| wrong(error.to_string()))?;
    let log =
        submitted.value("log").and_then(Value::as_map).ok_or_else(|| wrong("it has no claim log".into()))?;
    let text = |name| log.get(name).and_then(Value::as_text).unwrap_or_default();
    let id = log.get("id").and_then(Value::as_bytes).map(hex::encode).unwrap_or_default();
    if text("origin") != identity.origin || id != identity.log_id {
        return Err(wrong(format!("it is that of {} ({id})", text("origin"))));
    }
    let (expected, got) = (text("key").to_owned(), signer.verifier().to_string());
    if expected == got { Ok(()) } else { Err(IdentityError::OtherKey { file: key_file, expected, got }) }
}

/// Writes the trust file anew where it is lost: all that it says follows from the key. Without it the log is whole, so
/// nothing is refused when it can't be written.
pub(crate) fn restore_trust_file(disk: &dyn Disk, path: &Path, key: &VerifierKey) {
    let written = match disk.exists(path) {
        Ok(true) => return,
        Ok(false) => replace_file(disk, path, Access::Create, trust_text(key).as_bytes()),
        Err(error) => Err(error),
    };
    match written {
        Ok(()) => tracing::warn!("{} was missing and was written again", path.display()),
        Err(error) => tracing::warn!("the trust file is missing: {error}"),
    }
}

/// The trust file to hand out.
pub(crate) fn trust_text(key: &VerifierKey) -> String {
    Trust::text_for(key, None)
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Option<Value> {
    let mut map = Map::new();
    fields.into_iter().try_for_each(|(name, value)| map.insert(name, value).ok())?;
    Some(Value::Map(map))
}
