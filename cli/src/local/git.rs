//! What a git revision is called in full: the one place that runs the `git` program.
//!
//! Git is asked what is stored, not what somebody would rather see: no replacements or grafts, no settings of the user or
//! the system but `safe.directory`, no hooks, monitors or pagers, and never the network, not even for a partial clone.

use provlog_core::hex;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A revision that isn't resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("git, to resolve {revision}: {source}; install git, or give the commit's full hash")]
    Start { revision: String, source: io::Error },
    #[error("git does not know {revision}: {said}{}", shallow_hint(*.shallow))]
    Unknown { revision: String, said: String, shallow: bool },
    #[error("{revision} is no commit: expected a commit, or a tag of one, got {got}; name the commit itself")]
    NoCommit { revision: String, got: String },
    #[error("git, asked for {what}: expected {expected}, got {got:?}")]
    Form { what: String, expected: &'static str, got: String },
}

/// A commit, as far as git can tell.
#[derive(Debug)]
pub(crate) struct Commit {
    /// Its object id.
    pub(crate) id: String,
    /// Its own tree; `None` where git can't tell it.
    pub(crate) tree: Option<String>,
    /// Why git didn't look at whether the id is a commit's.
    pub(crate) unchecked: Option<String>,
    /// What people see otherwise than it is stored, or not at all, in the history that this commit is in.
    pub(crate) remarks: Vec<String>,
}

/// The commit that a revision names; tags are followed to it. A full hash that git can't look up counts as it is.
pub(crate) fn commit(revision: &str) -> Result<Commit, GitError> {
    let asked = Git::new(revision);
    match asked.commit() {
        Err(GitError::Start { source, .. }) if is_object_id(revision) => {
            Ok(unchecked(revision, format!("git can't be run ({source})")))
        }
        Err(GitError::Unknown { said, .. }) if is_object_id(revision) => {
            let said = said.trim_start_matches("fatal: ");
            Ok(unchecked(revision, format!("git can't look it up here ({said})")))
        }
        found => found,
    }
}

/// What to say of an id that git didn't look at.
pub(crate) fn not_checked(id: &str, why: &str) -> String {
    format!("{id} was taken as it is, and not checked to be a commit: {why}")
}

fn unchecked(id: &str, why: String) -> Commit {
    Commit { id: id.into(), tree: None, unchecked: Some(why), remarks: Vec::new() }
}

fn is_object_id(text: &str) -> bool {
    hex::decode(text).is_some_and(|bytes| matches!(bytes.len(), 20 | 32))
}

const fn shallow_hint(shallow: bool) -> &'static str {
    if shallow {
        "; this clone is shallow, so older commits are missing: git fetch --unshallow gets them"
    } else {
        ""
    }
}

/// Questions about one revision.
struct Git<'a> {
    revision: &'a str,
    /// `safe.directory` as the user and the system set it: whose repositories may be read is theirs to say.
    safe: Vec<String>,
}

impl<'a> Git<'a> {
    fn new(revision: &'a str) -> Self {
        Self { revision, safe: safe_directories() }
    }

    fn commit(&self) -> Result<Commit, GitError> {
        let object = self.line(&["rev-parse", "--verify", "--end-of-options", self.revision])?;
        let id = match self.line(&["cat-file", "-t", &object])?.as_str() {
            "commit" => object,
            "tag" => self.tagged(&object)?,
            other => return Err(self.no_commit(format!("a {other}"))),
        };
        let id = self.object_id(id)?;
        Ok(Commit { tree: Some(self.tree(&id)?), unchecked: None, remarks: self.remarks(&id), id })
    }

    /// The commit behind an annotated tag, or tags of tags.
    fn tagged(&self, tag: &str) -> Result<String, GitError> {
        let target = self.line(&["rev-parse", "--verify", "--end-of-options", &format!("{tag}^{{}}")])?;
        match self.line(&["cat-file", "-t", &target])?.as_str() {
            "commit" => Ok(target),
            other => Err(self.no_commit(format!("a tag of a {other}"))),
        }
    }

    /// The tree out of the commit's own bytes: a partial clone may have the commit and not the tree.
    fn tree(&self, id: &str) -> Result<String, GitError> {
        let commit = self.line(&["cat-file", "commit", id])?;
        let first = commit.lines().next().unwrap_or_default();
        self.object_id(first.strip_prefix("tree ").unwrap_or(first).into())
    }

    fn remarks(&self, id: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        let replacement = format!("refs/replace/{id}");
        if self.line(&["rev-parse", "--verify", "--quiet", &replacement]).is_ok() {
            remarks.push(format!(
                "git replace shows another object in place of commit {id}; what counts here is {id} itself, with its own tree"
            ));
        }
        let folder = self.line(&["rev-parse", "--git-common-dir"]).map(PathBuf::from);
        if folder.is_ok_and(|git| git.join("info/grafts").metadata().is_ok_and(|file| file.len() > 0)) {
            remarks.push(
                "this repository has grafts (info/grafts), which show commits with other parents than they have; they \
                 were not followed"
                    .into(),
            );
        }
        if self.is_shallow() {
            remarks.push(format!(
                "this clone is shallow: commits before some point are missing, and nothing here shows what {id} was built on"
            ));
        }
        remarks
    }

    fn is_shallow(&self) -> bool {
        self.line(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|line| line == "true")
    }

    /// What git prints on success, without the last line's end.
    fn line(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.run(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().into());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_string();
        // Asking that question must not ask itself.
        let shallow = self.run(&["rev-parse", "--is-shallow-repository"])?.stdout.starts_with(b"true");
        Err(GitError::Unknown { revision: self.revision.into(), said, shallow })
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, GitError> {
        let mut git = hardened();
        for folder in &self.safe {
            git.arg("-c").arg(format!("safe.directory={folder}"));
        }
        let output = git.args(arguments).output();
        output.map_err(|source| GitError::Start { revision: self.revision.into(), source })
    }

    fn object_id(&self, text: String) -> Result<String, GitError> {
        if is_object_id(&text) {
            return Ok(text);
        }
        let what = self.revision.into();
        Err(GitError::Form { what, expected: "an object id of 40 or 64 hex digits", got: text })
    }

    fn no_commit(&self, got: String) -> GitError {
        GitError::NoCommit { revision: self.revision.into(), got }
    }
}

/// `git`, deaf to everything that could make it show something else than what is stored, run other programs, or fetch.
fn hardened() -> Command {
    let mut git = plain();
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    git.env_remove("GIT_CONFIG_PARAMETERS").env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG");
    git.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]);
    git
}

/// `git` with the settings that it finds.
fn plain() -> Command {
    let mut git = Command::new("git");
    git.arg("--no-pager");
    git.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "/dev/null");
    // A git from before it knew of GIT_NO_LAZY_FETCH would still need a protocol to fetch by.
    git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none").env("GIT_TERMINAL_PROMPT", "0");
    git.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").stdin(Stdio::null());
    git
}

/// What `safe.directory` is set to outside of repositories, in order: git itself hears nothing else on this. None where git
/// can't be run, which the question that follows will say.
fn safe_directories() -> Vec<String> {
    let asked = plain().args(["config", "-z", "--show-scope", "--get-all", "safe.directory"]).output();
    let Ok(output) = asked else { return Vec::new() };
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut parts = printed.split('\0');
    let mut folders = Vec::new();
    while let (Some(scope), Some(folder)) = (parts.next(), parts.next()) {
        if matches!(scope, "system" | "global" | "command") {
            folders.push(folder.into());
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_hashes_need_no_git_and_say_that_nobody_looked() {
        for id in ["0123456789abcdef0123456789abcdef01234567".to_string(), "ab".repeat(32)] {
            let commit = commit(&id).unwrap();
            assert_eq!((commit.id, commit.tree), (id, None));
            assert!(commit.unchecked.is_some());
        }
    }

    #[test]
    fn an_option_is_no_revision() {
        assert!(matches!(commit("--all"), Err(GitError::Unknown { .. })));
    }
}
