//! The trust file that a verb believes which asks no log.

use super::package;
use super::receipt;
use crate::local::files;
use crate::local::known::FOLDER;
use crate::local::settings::{SettingsError, TrustArgs, TrustFile, read_trust};
use crate::show::failure::Failure;
use crate::show::page;
use provlog_core::Record;
use provlog_core::cbor::Value;
use provlog_core::note::VerifierKey;
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, SectionName};
use provlog_core::trust::Trust;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How the daemon's trust file ends.
const EXTENSION: &str = "tlog-policy";

/// A trust file's name in a `.provlog` folder.
const NAME: &str = "trust";

/// The trust file, without which nothing can be believed. Where none counts by itself, a fingerprint that was given or is known
/// picks one of those that lie beside what is to be verified, or its entry 0. Says it where a repository's does not count.
pub(crate) fn open(args: &TrustArgs, sources: &[PathBuf]) -> Result<TrustFile, Failure> {
    let settings = args.settings()?;
    let candidates = || {
        let folders: BTreeSet<PathBuf> = sources.iter().flat_map(|source| folders_near(source)).collect();
        folders
            .into_iter()
            .flat_map(|folder| trust_files(&folder))
            .chain(sources.iter().filter_map(|source| within(source)))
    };
    let trust = args.find_among(&settings, candidates)?.ok_or(SettingsError::NoTrust)?;
    if let Some(unheeded) = args.unheeded(&settings, false) {
        page::say(&unheeded);
    }
    Ok(trust)
}

/// Where a trust file may lie beside a receipt, package or mirror.
fn folders_near(source: &Path) -> impl Iterator<Item = PathBuf> {
    let near = files::folder_of(source);
    // Receipts are kept one folder below the trust file.
    let above = near.parent().filter(|above| above.ends_with(FOLDER)).map(Path::to_path_buf);
    let itself = source.is_dir().then(|| source.to_path_buf());
    [Some(near), above, itself].into_iter().flatten()
}

/// The trust files in a folder. Any may be anybody's.
fn trust_files(folder: &Path) -> Vec<TrustFile> {
    let mut found = vec![folder.join(NAME)];
    found.extend(files::list(folder, EXTENSION, false).unwrap_or_default());
    found.iter().filter(|path| path.is_file()).filter_map(|path| read_trust(path).ok()).collect()
}

/// The trust file that entry 0 makes, which has the log's key, where it is in a receipt or package. Nothing is verified yet.
fn within(source: &Path) -> Option<TrustFile> {
    let record = if package::is_package(source) { package::entry_zero(source)? } else { of_receipt(source)? };
    let log = record.section(SectionName::Submitted).value("log")?.as_map()?;
    let key = VerifierKey::parse(log.get("key").and_then(Value::as_text)?).ok()?;
    let text = Trust::text_for(&key, None);
    Some(TrustFile { path: source.into(), trust: Trust::parse(text.as_bytes()).ok()?, text })
}

fn of_receipt(source: &Path) -> Option<Record> {
    // Standard input can be read once.
    let bytes = source.is_file().then(|| receipt::read(source).ok())??;
    let (receipt, _) = Receipt::parse(&bytes).ok().filter(|(receipt, _)| receipt.index == 0)?;
    match Record::parse(&receipt.record) {
        Ok(AnyRecord::Known(record)) => Some(record),
        _ => None,
    }
}
