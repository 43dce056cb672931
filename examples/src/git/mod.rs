//! A repository's history, as the `git` program tells it.
//!
//! Two streams run side by side in the same order: `git log` for what a commit says, `git diff-tree` for what it changes.
//! Names and messages that aren't UTF-8 are shown with replacement characters; digests are over exact bytes. Nothing here
//! writes to the repository, follows its replacement objects, fetches from a remote, or runs its external diff programs.

mod patches;
mod run;

use crate::identity::Identity;
use patches::Patches;
use run::{Stream, command, output};
use std::path::{Path, PathBuf};

pub use patches::PATCH_OPTIONS;
pub use run::GitError;

/// Longest field of a commit that is read, in bytes: a megabyte of trailers is no history but an attack.
const FIELD_BYTES_MAX: usize = 1024 * 1024;

/// Commit, tree, author's name and address, committer's name and address, committer's time in seconds, trailers as lines.
/// None of them can hold a zero byte, so each ends with one, whatever else it holds.
const FORMAT: &str =
    "--format=tformat:%H%x00%T%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%(trailers:only=true,unfold=true)";

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
}

/// Which part of a history.
#[derive(Clone, Debug)]
pub struct Range {
    /// What the walk starts from, by its name: a branch, or `HEAD` where none is checked out.
    pub branch: String,
    /// The commit that this was when the range was made; the walk ends with it.
    pub tip: String,
    /// At most so many commits, the newest ones.
    pub limit: Option<u64>,
}

/// One commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its object id: 40 or 64 lowercase hex digits.
    pub id: String,
    /// Its tree's object id.
    pub tree: String,
    /// Who wrote it.
    pub author: Identity,
    /// Who put it into the history.
    pub committer: Identity,
    /// The committer's time, in milliseconds since the Unix epoch. `None` where git can't read it, or it is before 1970.
    pub committed_at_ms: Option<u64>,
    /// The trailers of its message, in order, by git's own rules.
    pub trailers: Vec<Trailer>,
    /// SHA-256 over the bytes of its patch against the first parent, made with [`PATCH_OPTIONS`]; of no bytes where the
    /// commit changes nothing.
    pub patch_sha256: [u8; 32],
}

/// A trailer of a commit message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trailer {
    /// Before the colon.
    pub key: String,
    /// After it, unfolded.
    pub value: String,
}

impl Trailer {
    /// Whether it has this key, in whatever case.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

impl Repository {
    /// The repository at, or above, `path`. Nothing is looked at yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The history of `branch`, or of what is checked out.
    ///
    /// # Errors
    /// No git, no repository, no such branch, no commit yet.
    pub fn range(&self, branch: Option<&str>, limit: Option<u64>) -> Result<Range, GitError> {
        let branch = match branch {
            Some(branch) => branch.into(),
            // It fails where no branch is checked out.
            None => {
                self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]).unwrap_or_else(|_| "HEAD".into())
            }
        };
        let revision = format!("{branch}^{{commit}}");
        let tip = self.line(&["rev-parse", "--verify", "--end-of-options", &revision])?;
        Ok(Range { branch, tip, limit })
    }

    /// Whether older commits are missing, so that the oldest one here seems to add everything.
    ///
    /// # Errors
    /// No git, no repository.
    pub fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.line(&["rev-parse", "--is-shallow-repository"])? == "true")
    }

    /// How many commits a range has.
    ///
    /// # Errors
    /// As git has them.
    pub fn count(&self, range: &Range) -> Result<u64, GitError> {
        let mut arguments = vec!["rev-list".into(), "--count".into()];
        arguments.extend(walk(range));
        let count = self.line(&arguments)?;
        count.parse().map_err(|_| GitError::Form { what: "rev-list", expected: "a number", got: count })
    }

    /// The commits of a range, parents before children.
    ///
    /// # Errors
    /// When git can't be started; later ones come out of the iterator.
    pub fn commits(&self, range: &Range) -> Result<Commits, GitError> {
        let mut log = command(&self.path);
        log.args(["log", "-z", "--no-color", "--no-show-signature", "--no-notes", FORMAT]).args(walk(range));
        Ok(Commits {
            log: Stream::start("log", log)?,
            patches: Patches::of(&self.path, walk(range))?,
            ended: false,
        })
    }

    /// The object ids of a range, in the order of [`Repository::commits`].
    ///
    /// # Errors
    /// When git can't be started; later ones come out of the iterator.
    pub fn ids(&self, range: &Range) -> Result<Ids, GitError> {
        let mut list = command(&self.path);
        list.arg("rev-list").args(walk(range));
        Ok(Ids(Stream::start("rev-list", list)?))
    }

    fn line<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<String, GitError> {
        let mut git = command(&self.path);
        git.args(arguments);
        output(git)
    }
}

/// Revision arguments that make every walk of a range give the same commits in the same order.
fn walk(range: &Range) -> Vec<String> {
    let mut arguments = vec!["--topo-order".into(), "--reverse".into()];
    arguments.extend(range.limit.map(|limit| format!("--max-count={limit}")));
    arguments.extend([range.tip.clone(), "--".into()]);
    arguments
}

/// See [`Repository::commits`]. Holds one commit at a time; ends after the first error.
#[derive(Debug)]
pub struct Commits {
    log: Stream,
    patches: Patches,
    ended: bool,
}

impl Iterator for Commits {
    type Item = Result<Commit, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let commit = self.read().transpose();
        self.ended = !matches!(commit, Some(Ok(_)));
        commit
    }
}

impl Commits {
    fn read(&mut self) -> Result<Option<Commit>, GitError> {
        let Some(id) = self.log.until(0, FIELD_BYTES_MAX)? else {
            self.log.finish()?;
            self.patches.finish()?;
            return Ok(None);
        };
        let (patch_of, patch_sha256) = self.patches.next_digest()?;
        if patch_of != id {
            return Err(GitError::Form {
                what: "diff-tree",
                expected: "the patch of the commit that git log gave",
                got: patch_of,
            });
        }
        let tree = self.field()?;
        let author = Identity { name: self.field()?, email: self.field()? };
        let committer = Identity { name: self.field()?, email: self.field()? };
        let committed_at_ms = self.field()?.parse().ok().and_then(|seconds: u64| seconds.checked_mul(1000));
        let trailers = self.field()?.lines().filter_map(trailer).collect();
        Ok(Some(Commit { id, tree, author, committer, committed_at_ms, trailers, patch_sha256 }))
    }

    fn field(&mut self) -> Result<String, GitError> {
        let expected = "all fields of a commit";
        let ended = || GitError::Form { what: "log", expected, got: "the end of its output".into() };
        self.log.until(0, FIELD_BYTES_MAX)?.ok_or_else(ended)
    }
}

fn trailer(line: &str) -> Option<Trailer> {
    let (key, value) = line.split_once(':')?;
    Some(Trailer { key: key.trim().into(), value: value.trim().into() })
}

/// See [`Repository::ids`].
#[derive(Debug)]
pub struct Ids(Stream);

impl Iterator for Ids {
    type Item = Result<String, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.until(b'\n', FIELD_BYTES_MAX) {
            Ok(None) => self.0.finish().err().map(Err),
            line => line.transpose(),
        }
    }
}
