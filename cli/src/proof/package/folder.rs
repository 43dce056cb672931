//! A package as a folder: plain files directly in it, and nothing else.

use super::error::OpenError;
use super::onlooker::Nobody;
use super::threads;
use crate::local::files::{self, cannot_read};
use provlog_core::limits::PACKAGE_FILES_MAX;
use provlog_core::package::{Batch, Checked, Files, Stream, Unreadable};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The folder, and the names of the files in it.
pub(super) struct Folder {
    path: PathBuf,
    names: Vec<String>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let mut names = Vec::new();
        for item in fs::read_dir(path).map_err(|error| cannot_read(path, error))? {
            let item = item.map_err(|error| cannot_read(path, error))?;
            let name = item.file_name().into_string();
            let name = name.map_err(|name| OpenError::Form(format!("{name:?}: its name is not UTF-8")))?;
            if name.contains('\\') {
                return Err(OpenError::Form(format!(
                    "{name:?}: a package has plain files only, no folders and paths"
                )));
            }
            // The type of a link is that of the link.
            let plain = item.file_type().map_err(|error| cannot_read(&item.path(), error))?.is_file();
            if !plain {
                return Err(OpenError::Form(format!(
                    "{name:?}: a package has plain files only, no folders and links"
                )));
            }
            if names.len() == PACKAGE_FILES_MAX {
                return Err(OpenError::Form(format!(
                    "a package has at most {PACKAGE_FILES_MAX} files; {name:?} is one more"
                )));
            }
            names.push(name);
        }
        names.sort();
        Ok(Self { path: path.into(), names })
    }
}

impl Files for Folder {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        if !self.names.iter().any(|found| found == name) {
            return Err(Unreadable("it is missing".into()));
        }
        match files::open_file(&self.path.join(name)) {
            Ok(file) => Ok(Box::new(Reading(file))),
            Err(error) => Err(Unreadable(error.to_string())),
        }
    }

    fn workers(&self) -> usize {
        threads::workers()
    }

    fn check<'m>(&self, batches: Vec<Batch<'m>>, meanwhile: &mut dyn FnMut()) -> Vec<Checked> {
        threads::check_in_parallel(batches, &Nobody, meanwhile)
    }
}

/// Anything that can be read, as core reads it.
pub(super) struct Reading<R>(pub(super) R);

impl<R: Read> Stream for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(|error| Unreadable(error.to_string())),
            }
        }
    }
}
