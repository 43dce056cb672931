//! The file of tokens: read only where it is its owner's alone, and changed so that whoever reads it finds the old one or the new
//! one, whole.
//!
//! A change, in system calls: `flock(tokens.lock); openat(tokens.new, O_CREAT|O_EXCL, 0600); write; fsync; rename; fsync(folder)`.
//! A crash before the rename leaves the old file, and a `tokens.new` that the next change removes. After the first change the lock
//! file says so: tokens that are gone are then told from tokens that never were.

use crate::access::error::TokensError;
use crate::access::form::{self, FILE_BYTES_MAX};
use crate::access::tokens::Tokens;
use crate::files::FileIdentity;
use rustix::fs::{Mode, OFlags, Uid};
use rustix::process::geteuid;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

/// Bits of a mode that let others than the owner do anything.
const OTHERS: u32 = 0o077;

/// What the lock file says once there are tokens.
const REMINDER: &str = "The file `tokens` beside this one says who may call the log. Where it is gone, this file keeps the log from serving everybody.\n";

/// Where the tokens of a log are.
#[derive(Clone, Debug)]
pub(crate) struct TokensFile {
    folder: PathBuf,
    path: PathBuf,
    draft: PathBuf,
    lock: PathBuf,
}

impl TokensFile {
    /// Those of the log in this folder.
    pub(crate) fn of(data_dir: &Path) -> Self {
        let path = |name| data_dir.join(name);
        Self {
            folder: data_dir.into(),
            path: path("tokens"),
            draft: path("tokens.new"),
            lock: path("tokens.lock"),
        }
    }

    /// Which file there is now, if there is one: one system call.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn identity(&self) -> Result<Option<FileIdentity>, TokensError> {
        match fs::symlink_metadata(&self.path) {
            Ok(file) => Ok(Some(FileIdentity::of(&file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io("look at", &self.path)(source)),
        }
    }

    /// The tokens, and which file they were read from; none where there never were any.
    ///
    /// # Errors
    /// [`TokensError`] says why they aren't known.
    pub(crate) fn read(&self) -> Result<Option<(FileIdentity, Tokens)>, TokensError> {
        let cannot_read = io("read", &self.path);
        // Neither follows a link nor waits for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(&self.path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return if self.were()? { Err(self.gone()) } else { Ok(None) },
            Err(rustix::io::Errno::LOOP) => return Err(TokensError::NoFile { path: self.path.clone() }),
            Err(errno) => return Err(cannot_read(errno.into())),
        };
        let metadata = file.metadata().map_err(&cannot_read)?;
        self.check(&metadata)?;
        let mut text = String::new();
        file.take(bytes_max()).read_to_string(&mut text).map_err(&cannot_read)?;
        let tokens =
            form::parse(&text).map_err(|problem| TokensError::Form { path: self.path.clone(), problem })?;
        Ok(Some((FileIdentity::of(&metadata), tokens)))
    }

    /// Changes the tokens, durably, as long as nobody else does.
    ///
    /// # Errors
    /// Those of `change`; [`TokensError`] says why nothing was changed. After an error of a sync the change may have been made.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Tokens) -> Result<T, TokensError>,
    ) -> Result<T, TokensError> {
        let owner = self.owner()?;
        let mut lock = self.take_lock(&owner)?;
        let mut tokens = self.read()?.map(|(_, tokens)| tokens).unwrap_or_default();
        let changed = change(&mut tokens)?;
        self.write_draft(&owner, &tokens)?;
        self.publish()?;
        self.remember(&mut lock)?;
        Ok(changed)
    }

    /// What it takes to be believed: whoever may write here is any caller.
    fn check(&self, file: &Metadata) -> Result<(), TokensError> {
        let path = || self.path.clone();
        if !file.is_file() {
            return Err(TokensError::NoFile { path: path() });
        }
        let folder = fs::metadata(&self.folder).map_err(io("look at", &self.folder))?;
        // The folder's owner can put any file here, the system's administrator anyhow.
        if file.uid() != folder.uid() && file.uid() != Uid::ROOT.as_raw() {
            return Err(TokensError::Owner { path: path(), expected: folder.uid(), got: file.uid() });
        }
        let mode = file.mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(TokensError::Mode { path: path(), mode });
        }
        if file.size() > bytes_max() {
            return Err(TokensError::TooLarge { path: path(), most: FILE_BYTES_MAX, got: file.size() });
        }
        Ok(())
    }

    /// Whose the folder is. New files are to be its owner's, whom the daemon runs as: a file of root's would lock it out.
    fn owner(&self) -> Result<Owner, TokensError> {
        let folder = fs::metadata(&self.folder).map_err(io("look at", &self.folder))?;
        let (owner, runs_as) = (Owner { user: folder.uid(), group: folder.gid() }, geteuid());
        if runs_as.is_root() || runs_as.as_raw() == owner.user {
            return Ok(owner);
        }
        let path = self.folder.clone();
        Err(TokensError::User { path, expected: owner.user, got: runs_as.as_raw() })
    }

    /// Held until it is dropped. Changes take milliseconds, so that others wait for their turn.
    fn take_lock(&self, owner: &Owner) -> Result<File, TokensError> {
        let cannot = io("lock", &self.lock);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let lock = rustix::fs::open(&self.lock, flags, Mode::RUSR | Mode::WUSR);
        let lock = lock.map(File::from).map_err(|errno| cannot(errno.into()))?;
        owner.take(&lock).map_err(&cannot)?;
        lock.lock().map_err(&cannot)?;
        Ok(lock)
    }

    fn write_draft(&self, owner: &Owner, tokens: &Tokens) -> Result<(), TokensError> {
        let (cannot, text) = (io("write", &self.draft), form::to_text(tokens));
        // What can't be read again must not take the place of what can.
        form::parse(&text).map_err(|problem| TokensError::Form { path: self.draft.clone(), problem })?;
        match fs::remove_file(&self.draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let draft = rustix::fs::open(&self.draft, flags, Mode::RUSR | Mode::WUSR);
        let mut draft = draft.map(File::from).map_err(|errno| cannot(errno.into()))?;
        owner.take(&draft).map_err(&cannot)?;
        draft.write_all(text.as_bytes()).map_err(&cannot)?;
        draft.sync_all().map_err(&cannot)
    }

    /// The one moment in which a change happens.
    fn publish(&self) -> Result<(), TokensError> {
        fs::rename(&self.draft, &self.path).map_err(io("replace", &self.path))?;
        let folder = File::open(&self.folder).map_err(io("open", &self.folder))?;
        folder.sync_all().map_err(io("sync", &self.folder))
    }

    /// Whether there were tokens.
    fn were(&self) -> Result<bool, TokensError> {
        match fs::symlink_metadata(&self.lock) {
            Ok(lock) => Ok(lock.size() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(io("look at", &self.lock)(source)),
        }
    }

    fn remember(&self, lock: &mut File) -> Result<(), TokensError> {
        if self.were()? {
            return Ok(());
        }
        let cannot = io("write", &self.lock);
        lock.write_all(REMINDER.as_bytes()).map_err(&cannot)?;
        lock.sync_all().map_err(&cannot)
    }

    /// The error of tokens that were there.
    pub(crate) fn gone(&self) -> TokensError {
        TokensError::Gone { path: self.path.clone(), lock: self.lock.clone() }
    }
}

/// Who is to own new files.
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    fn take(&self, file: &File) -> io::Result<()> {
        if file.metadata()?.uid() == self.user {
            Ok(())
        } else {
            fchown(file, Some(self.user), Some(self.group))
        }
    }
}

fn bytes_max() -> u64 {
    u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)
}

fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> TokensError {
    move |source| TokensError::Io { action, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::tests::token;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::thread;
    use tempfile::TempDir;

    fn fixture() -> (TempDir, TokensFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = TokensFile::of(folder.path());
        (folder, file)
    }

    fn add(file: &TokensFile, name: &str) -> Result<(), TokensError> {
        file.change(|tokens| tokens.add(token(&Secret::draw().unwrap(), name, &[Role::Read])))
    }

    fn names(file: &TokensFile) -> Vec<String> {
        let (_, tokens) = file.read().unwrap().unwrap();
        tokens.rows().map(|token| token.name.clone()).collect()
    }

    #[test]
    fn each_change_is_another_file_of_its_owner_alone() {
        let (_folder, file) = fixture();
        assert!(file.read().unwrap().is_none() && file.identity().unwrap().is_none());
        let (mut seen, mut bytes) = (Vec::new(), 0);
        for name in ["a", "b", "c"] {
            add(&file, name).unwrap();
            let now_bytes = fs::metadata(&file.path).unwrap().size();
            assert!(now_bytes > bytes, "an inode that is used again has another size");
            bytes = now_bytes;
            let now = file.identity().unwrap().unwrap();
            assert_eq!(file.read().unwrap().unwrap().0, now);
            assert!(!seen.contains(&now));
            seen.push(now);
        }
        assert_eq!(names(&file), ["a", "b", "c"]);
        for path in [&file.path, &file.lock] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
        }
        assert!(!file.draft.exists());
    }

    /// A crash leaves what each step of a change has left behind.
    #[test]
    fn a_change_that_was_cut_off_leaves_the_old_tokens_and_the_next_one_goes_on() {
        let (_folder, file) = fixture();
        add(&file, "old").unwrap();
        let owner = file.owner().unwrap();
        let (identity, mut tokens) = file.read().unwrap().unwrap();
        tokens.add(token(&Secret::draw().unwrap(), "lost", &[Role::Read])).unwrap();
        file.write_draft(&owner, &tokens).unwrap();
        assert_eq!((names(&file), file.identity().unwrap()), (vec!["old".to_owned()], Some(identity)));
        fs::write(&file.draft, "half a f").unwrap();
        assert_eq!(names(&file), ["old"]);
        add(&file, "new").unwrap();
        assert_eq!(names(&file), ["old", "new"]);

        // Before the first file had its name there were none, and none are missing.
        let (_folder, file) = fixture();
        drop(file.take_lock(&owner).unwrap());
        file.write_draft(&owner, &tokens).unwrap();
        assert!(file.read().unwrap().is_none());
        // Renamed, and the lock file says nothing yet.
        file.publish().unwrap();
        assert!(!file.were().unwrap());
        add(&file, "next").unwrap();
        assert!(file.were().unwrap());
        assert_eq!(names(&file), ["old", "lost", "next"]);
    }

    #[test]
    fn changes_at_one_time_are_made_one_after_the_other() {
        let (_folder, file) = fixture();
        let added = thread::scope(|scope| {
            let changes: Vec<_> = (0..16)
                .map(|number| {
                    let file = &file;
                    scope.spawn(move || add(file, &format!("n{}", number / 2)))
                })
                .collect();
            changes.into_iter().map(|change| change.join().unwrap()).filter(Result::is_ok).count()
        });
        assert_eq!(added, 8, "each name was given once");
        let mut names = names(&file);
        names.sort();
        assert_eq!(names, (0..8).map(|number| format!("n{number}")).collect::<Vec<_>>());
    }

    #[test]
    fn tokens_that_are_gone_are_never_no_tokens() {
        let (_folder, file) = fixture();
        add(&file, "a").unwrap();
        fs::remove_file(&file.path).unwrap();
        for error in [file.read().map(drop).unwrap_err(), add(&file, "a").unwrap_err()] {
            assert!(matches!(error, TokensError::Gone { .. }), "{error}");
        }
        fs::remove_file(&file.lock).unwrap();
        assert!(file.read().unwrap().is_none(), "whoever removes both says so");
    }

    #[test]
    fn a_file_that_others_may_have_written_is_refused_and_told_what_to_type() {
        let (folder, file) = fixture();
        let refusal = || file.read().map(drop).unwrap_err().to_string();
        add(&file, "a").unwrap();
        for mode in [0o644, 0o640, 0o602, 0o777] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
            let text = refusal();
            assert!(text.contains(&format!("are {mode:o}")) && text.contains("chmod 600 "), "{text}");
        }
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
        if geteuid().is_root() {
            chown(&file.path, Some(12_345), None).unwrap();
            assert!(refusal().contains("chown 0 "), "{}", refusal());
            chown(folder.path(), Some(12_345), None).unwrap();
            file.read().unwrap();
            add(&file, "by-root").unwrap();
            assert_eq!(fs::metadata(&file.path).unwrap().uid(), 12_345, "the daemon can read it");
        }
        let aside = folder.path().join("aside");
        fs::rename(&file.path, &aside).unwrap();
        symlink(&aside, &file.path).unwrap();
        assert!(refusal().contains("expected a regular file"));
        fs::remove_file(&file.path).unwrap();
        fs::create_dir(&file.path).unwrap();
        assert!(refusal().contains("expected a regular file"));
        fs::remove_dir(&file.path).unwrap();
        for (bytes, expected) in
            [(&b"version = 1\n[[token]]"[..], "line 2"), (b"\xff", "UTF-8"), (b"", "version")]
        {
            fs::write(&file.path, bytes).unwrap();
            fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(refusal().contains(expected), "{}", refusal());
        }
        let large = File::create(&file.path).unwrap();
        large.set_len(bytes_max() + 1).unwrap();
        assert!(refusal().contains("expected at most"), "{}", refusal());
    }
}
