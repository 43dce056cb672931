//! Writing a package: whole, under its name, or not at all.
//!
//! Files are written into a hidden folder beside the output, for its owner alone, with their lengths and digests, and
//! synced. That folder is renamed to the package, or packed into a ZIP that is. A program that is killed leaves the hidden
//! folder behind, whose name ends in `.part`.

use crate::local::files::{Draft, Readers, WriteError, cannot_write, folder_of, rename_new, sync_folder};
use crate::proof::package::is_zip;
use crate::show::failure::Failure;
use provlog_core::package::{FILES, FileEntry, MANIFEST, MANIFEST_SHA256, Manifest};
use provlog_core::{Hash, hex};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A package that is being written. Dropped before it is finished, it leaves nothing.
pub(super) struct Output {
    path: PathBuf,
    folder: PathBuf,
    files: Vec<FileEntry>,
}

/// A file of it that is being written.
pub(super) struct Sink {
    name: &'static str,
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    size: u64,
}

impl Output {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(WriteError::Exists { path: path.into() }.into());
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| Failure::Internal(error.to_string()))?;
        let parent = folder_of(path);
        fs::create_dir_all(&parent).map_err(|source| cannot(&parent, source))?;
        let folder = parent.join(format!(".{name}.{}.part", hex::encode(&random)));
        // What is to be hidden in the package isn't anybody's while it is made.
        DirBuilder::new().mode(0o700).create(&folder).map_err(|source| cannot(&folder, source))?;
        Ok(Self { path: path.into(), folder, files: Vec::new() })
    }

    /// A file whose bytes are there.
    pub(super) fn write(&mut self, name: &'static str, bytes: &[u8]) -> Result<(), Failure> {
        let mut sink = self.open(name)?;
        sink.write(bytes)?;
        self.close(sink)
    }

    pub(super) fn open(&self, name: &'static str) -> Result<Sink, Failure> {
        let path = self.folder.join(name);
        let file = File::create_new(&path).map_err(|source| cannot(&path, source))?;
        Ok(Sink { name, path, file: BufWriter::new(file), hasher: Sha256::new(), size: 0 })
    }

    pub(super) fn close(&mut self, sink: Sink) -> Result<(), Failure> {
        let Sink { name, path, file, hasher, size } = sink;
        let synced =
            file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|source| cannot(&path, source))?;
        self.files.push(FileEntry { name: name.into(), size, sha256: Hash(hasher.finalize().into()) });
        Ok(())
    }

    /// A file that was closed.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(|source| cannot(&path, source))
    }

    /// The hashes in a file that was closed.
    pub(super) fn hashes(&self, name: &str) -> Result<impl Iterator<Item = Hash>, Failure> {
        let path = self.folder.join(name);
        let mut file = BufReader::new(File::open(&path).map_err(|source| cannot(&path, source))?);
        Ok(std::iter::from_fn(move || {
            let mut hash = [0; 32];
            file.read_exact(&mut hash).ok().map(|()| Hash(hash))
        }))
    }

    /// What was written so far, in the format's order.
    pub(super) fn files(&self) -> Vec<FileEntry> {
        let of_name = |name| self.files.iter().find(|file| file.name == name).cloned();
        FILES.iter().filter_map(|(name, _)| of_name(*name)).collect()
    }

    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), Failure> {
        let bytes = manifest.to_bytes();
        // What can't be read again isn't written: a list of claims may be too long for a manifest.
        Manifest::parse(&bytes).map_err(|error| Failure::Usage(error.to_string()))?;
        self.write(MANIFEST, &bytes)?;
        self.write(MANIFEST_SHA256, Manifest::digest_line(&bytes).as_bytes())?;
        if is_zip(&self.path) {
            return self.pack();
        }
        sync_folder(&self.folder).map_err(|source| cannot(&self.folder, source))?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o755))
            .map_err(|source| cannot(&self.folder, source))?;
        rename_new(&self.folder, &self.path)?;
        sync_folder(&folder_of(&self.path)).map_err(|source| cannot(&self.path, source))
    }

    fn pack(&self) -> Result<(), Failure> {
        let cannot_pack = |source| cannot(&self.path, source);
        let mut target = Draft::new(&self.path, Readers::Umask)?;
        let mut writer = ZipWriter::new(target.file());
        let names = [MANIFEST, MANIFEST_SHA256].into_iter().chain(FILES.iter().map(|(name, _)| *name));
        for name in names {
            let Some(entry) = self.files.iter().find(|file| file.name == name) else { continue };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .compression_level(Some(DEFLATE_LEVEL))
                .unix_permissions(0o644)
                .large_file(entry.size > LARGE_BYTES);
            writer.start_file(name, options).map_err(|error| cannot_pack(error.into()))?;
            let path = self.folder.join(name);
            let mut file = File::open(&path).map_err(|source| cannot(&path, source))?;
            io::copy(&mut file, &mut writer).map_err(cannot_pack)?;
        }
        writer.finish().map_err(|error| cannot_pack(error.into()))?;
        target.keep()?;
        Ok(())
    }
}

/// From here on a ZIP member has 64-bit lengths: deflating what can't be deflated may add to it, so somewhat below 2^32.
const LARGE_BYTES: u64 = 0xf000_0000;

/// How hard a ZIP is deflated. A million records take 20 s and 675 bytes each; at the usual level 6 they took 74 s and 598.
const DEFLATE_LEVEL: i64 = 1;

impl Drop for Output {
    fn drop(&mut self) {
        // Gone already where it became the package; otherwise there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Sink {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|source| cannot(&self.path, source))?;
        self.hasher.update(bytes);
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn cannot(path: &Path, source: io::Error) -> Failure {
    cannot_write(path, source).into()
}
