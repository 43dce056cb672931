//! What is named on a command line to be verified, and what each of it is taken for.

use super::mirror::JudgedMirror;
use super::package;
use super::receipt::RECEIPT_EXTENSION;
use super::standard::{self, Standard};
use crate::local::files::{self, ReadError};
use crate::show::failure::Failure;
use provlog_core::package::{MANIFEST, MANIFEST_SHA256};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What there is to be verified, by what it was taken for.
pub(crate) enum Verifiable {
    /// A package that came through standard input.
    Archive(File),
    /// What else came through it, or that nothing did.
    Standard(Result<Vec<u8>, ReadError>),
    Package,
    Mirror,
    /// Whatever is nothing else.
    Receipt,
}

impl Verifiable {
    /// What is at `path`, or came through standard input in its place.
    fn at(path: &Path, standard: Option<Result<Standard, ReadError>>) -> Self {
        match standard {
            Some(Ok(Standard::Archive(file))) => Self::Archive(file),
            Some(Ok(Standard::Receipt(bytes))) => Self::Standard(Ok(bytes)),
            Some(Err(error)) => Self::Standard(Err(error)),
            None if package::is_package(path) => Self::Package,
            None if JudgedMirror::is_at(path) => Self::Mirror,
            None => Self::Receipt,
        }
    }
}

/// The receipts and packages that are named, and those in folders that are, as far as packages are folders. A folder
/// without any is an error: nothing was verified.
pub(crate) fn named(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut sources = Vec::new();
    for path in named {
        if !path.is_dir() || package::is_package(path) || JudgedMirror::is_at(path) {
            sources.push(path.clone());
            continue;
        }
        let mut found = files::list(path, RECEIPT_EXTENSION, true)?;
        let manifests = files::list(path, "json", true)?;
        let folders =
            manifests.iter().filter(|path| path.ends_with(MANIFEST)).filter_map(|path| path.parent());
        found.extend(folders.filter(|folder| folder.join(MANIFEST_SHA256).exists()).map(Path::to_path_buf));
        if found.is_empty() {
            return Err(Failure::NotFound(format!(
                "{}: no *.{RECEIPT_EXTENSION} and no package in this folder",
                path.display()
            )));
        }
        sources.extend(found);
    }
    Ok(sources)
}

/// Each with what it is taken for. There is one standard input, whose start says what it is.
pub(crate) fn taken(sources: Vec<PathBuf>) -> Vec<(PathBuf, Verifiable)> {
    let mut standard = sources.iter().any(|source| standard::is_standard(source)).then(standard::read);
    let sources = sources.into_iter().map(|path| {
        let found = Verifiable::at(&path, standard.take_if(|_| standard::is_standard(&path)));
        (path, found)
    });
    sources.collect()
}
