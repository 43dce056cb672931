//! Making a log.
//!
//! A file `creating` is there first and goes last, and nothing is signed in between: so a creation that was interrupted
//! can be done again, and a folder without `log.toml` that isn't such a one is never written to. Else a wiped folder
//! whose key was kept would become another log under the same name and key.

use crate::clock::ClockError;
use crate::codec::encode::encode;
use crate::dedup::Secret;
use crate::durable::{
    Access, Disk, DiskError, create_file, make_folder, parent, read_file, remove_file, replace_file,
};
use crate::edge::Edge;
use crate::identity::{GENESIS, LogIdentity, genesis_sections, trust_text};
use crate::lock::{LOCK_NAME, LockError};
use crate::log_id::LogId;
use crate::options::Options;
use crate::store::high_water::HighWater;
use crate::store::{Storage, StoreError};
use crate::submission::Submission;
use crate::terms::Terms;
use provlog_core::checkpoint::is_origin;
use provlog_core::encoded::{SealError, Sealed};
use provlog_core::entry::TimeMs;
use provlog_core::limits::ORIGIN_BYTES_MAX;
use provlog_core::note::{KeyError, LogSigner, VerifierKey};
use std::path::PathBuf;
use std::sync::Arc;

/// Longest `creating` file: two paths, an id and a key.
const CREATING_BYTES_MAX: usize = 64 * 1024;

/// Longest file that an interrupted creation is compared with before it is removed: a high-water file's two slots.
const LEFT_BYTES_MAX: usize = 8192;

/// Why no log was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one.
    #[error("{} holds a log already", dir.display())]
    Exists {
        /// The data folder.
        dir: PathBuf,
    },
    /// Something is where the log's files would go.
    #[error("{} is there, but {} holds no log: a new log is made only where there is nothing, so that an old key never signs a second history. Name another folder, or put the missing files back", found.display(), dir.display())]
    NotEmpty {
        /// The data folder.
        dir: PathBuf,
        /// What is in the way.
        found: PathBuf,
    },
    /// An interrupted creation used other paths.
    #[error("{} tells of a creation that was interrupted, with other places for the high-water file and the key than now. Start again with the same ones: {recorded}", file.display())]
    OtherPlaces {
        /// The `creating` file.
        file: PathBuf,
        /// The places that it names.
        recorded: String,
    },
    /// Not a log's name.
    #[error("origin {0:?}: expected 1 to {ORIGIN_BYTES_MAX} of A-Z a-z 0-9 . _ ~ : / -")]
    Origin(String),
    /// The wall clock can't be right.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Another process works on the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The journal couldn't be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// The key couldn't be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The genesis record isn't what was hashed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The genesis entry couldn't be made.
    #[error("the genesis record is over a limit: shorten the origin")]
    Genesis,
}

/// Makes a log named `origin`. The folder exists, and is locked.
pub(crate) fn create(
    disk: &dyn Disk,
    options: &Options,
    origin: &str,
    storage: &dyn Storage,
) -> Result<(), CreateError> {
    if !is_origin(origin) {
        return Err(CreateError::Origin(origin.into()));
    }
    prepare(disk, options)?;
    // Whoever made the folder may not have synced its name, and everything acknowledged later hangs on it.
    disk.sync_dir(parent(&options.data_dir))?;
    let wall_ms = options.clock.wall_ms();
    let time = u64::try_from(wall_ms).ok().and_then(TimeMs::new).ok_or(ClockError::Range { wall_ms })?;
    let (log, secret) = (LogId(random()?), Secret::new(random()?));
    let signer = LogSigner::from_seed(origin, &random()?)?;
    let creating = Creating { places: places_text(options), log, key: signer.verifier().clone() };
    create_file(disk, &options.creating_path(), Access::CreatePrivate, creating.to_text().as_bytes())?;
    let key_file = options.log_key_path();
    if options.log_key.is_none() {
        make_folder(disk, parent(&key_file))?;
    }
    create_file(
        disk,
        &key_file,
        Access::CreatePrivate,
        format!("{}\n", signer.to_secret_string()).as_bytes(),
    )?;
    create_file(disk, &options.secret_path(), Access::CreatePrivate, secret.bytes())?;
    create_file(disk, &options.trust_path(), Access::Create, trust_text(signer.verifier()).as_bytes())?;

    let salts = [random()?, random()?];
    let [submitted, attested] =
        genesis_sections(origin, log, signer.verifier(), salts).ok_or(CreateError::Genesis)?;
    let sealed = Arc::new(Sealed::new(GENESIS, &submitted, &attested)?);
    let genesis = Submission { sealed, terms: Terms::default() };
    let entry = genesis.sealed.entry(time);
    let before = Edge::empty();
    let after = Edge { frontier: before.extend([entry].into_iter()).after().clone(), last_time: time }.head();
    let frame = encode(&before.head(), &[entry], &[&genesis], &after);
    storage.create(log, &frame, &after)?;

    let identity = LogIdentity::new(origin, log, &secret, time.get());
    replace_file(disk, &options.settings_path(), Access::CreatePrivate, identity.to_text().as_bytes())?;
    Ok(remove_file(disk, &options.creating_path())?)
}

/// Clears what an interrupted creation left, or refuses.
fn prepare(disk: &dyn Disk, options: &Options) -> Result<(), CreateError> {
    let dir = &options.data_dir;
    if disk.exists(&options.settings_path())? {
        return Err(CreateError::Exists { dir: dir.clone() });
    }
    let creating = options.creating_path();
    if disk.exists(&creating)? {
        let recorded = String::from_utf8_lossy(&read_file(disk, &creating, CREATING_BYTES_MAX)?).into_owned();
        // Nothing else is made before this file is whole and synced: cut off, it means that there is nothing to clear.
        match Creating::parse(&recorded) {
            Some(made) if made.places == places_text(options) => clear(disk, options, &made)?,
            Some(made) => return Err(CreateError::OtherPlaces { file: creating, recorded: made.places }),
            None => {}
        }
        remove_file(disk, &creating)?;
    }
    let in_way = disk.list(dir)?.into_iter().find(|name| name != LOCK_NAME).map(|name| dir.join(name));
    let found = match in_way {
        Some(found) => Some(found),
        None => first_there(disk, [options.high_water_path(), options.log_key_path()])?,
    };
    found.map_or(Ok(()), |found| Err(CreateError::NotEmpty { dir: dir.clone(), found }))
}

fn first_there<const N: usize>(disk: &dyn Disk, paths: [PathBuf; N]) -> Result<Option<PathBuf>, DiskError> {
    for path in paths {
        if disk.exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Removes what the interrupted [`create`] made, `creating` aside. Key and high-water file may lie outside of the folder,
/// where others' may have come to lie since: they are removed only when they are this creation's own.
fn clear(disk: &dyn Disk, options: &Options, made: &Creating) -> Result<(), CreateError> {
    for (path, is_own) in [
        (options.log_key_path(), &(|bytes: &[u8]| made.is_own_key(bytes)) as &dyn Fn(&[u8]) -> bool),
        (options.high_water_path(), &|bytes: &[u8]| HighWater::is_of(bytes, made.log)),
    ] {
        if disk.exists(&path)? && !is_own(&read_file(disk, &path, LEFT_BYTES_MAX)?) {
            return Err(CreateError::NotEmpty { dir: options.data_dir.clone(), found: path });
        }
    }
    let identity = options.settings_path();
    let mut files =
        vec![options.log_key_path(), options.secret_path(), options.trust_path(), options.high_water_path()];
    files.push(identity.with_extension("toml.new"));
    let journal = options.journal_path();
    if disk.exists(&journal)? {
        files.extend(disk.list(&journal)?.into_iter().map(|name| journal.join(name)));
    }
    for file in files {
        if disk.exists(&file)? {
            remove_file(disk, &file)?;
        }
    }
    for folder in [journal, options.keys_path()] {
        if disk.exists(&folder)? {
            disk.remove_dir(&folder)?;
        }
    }
    Ok(disk.sync_dir(&options.data_dir)?)
}

/// What the `creating` file tells: what is being made, and where it lies that may be outside of the folder.
struct Creating {
    places: String,
    log: LogId,
    key: VerifierKey,
}

impl Creating {
    /// With an end mark, so that a text that was cut off is known as such.
    fn to_text(&self) -> String {
        format!("{}\nlog {}\nvkey {}\n.\n", self.places, self.log.to_hex(), self.key)
    }

    fn parse(text: &str) -> Option<Self> {
        let (rest, key) = text.strip_suffix("\n.\n")?.split_once("\nvkey ")?;
        let (places, log) = rest.split_once("\nlog ")?;
        let log = LogId(provlog_core::hex::decode_array(log)?);
        Some(Self { places: places.into(), log, key: VerifierKey::parse(key).ok()? })
    }

    /// Whether a key file is the one that this creation made, or what a power cut left of it: its start, or zeros.
    fn is_own_key(&self, bytes: &[u8]) -> bool {
        let start = LogSigner::secret_prefix(&self.key);
        let found = &bytes[..bytes.len().min(start.len())];
        start.as_bytes().starts_with(found) || found.iter().all(|byte| *byte == 0)
    }
}

/// Absolute, since the next start may be from another folder; quoted, so that two paths are never one text.
fn places_text(options: &Options) -> String {
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    format!(
        "high-water {:?}\nkey {:?}",
        absolute(options.high_water_path()),
        absolute(options.log_key_path())
    )
}

fn random<const N: usize>() -> Result<[u8; N], CreateError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(CreateError::Random)?;
    Ok(bytes)
}
