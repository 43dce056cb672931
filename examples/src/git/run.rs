//! Running the `git` program, and reading what it prints.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// What git could not do, or said that nobody expected.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git, or it can't be run.
    #[error("git: {0}; this program needs git 2.31 or later on the path")]
    Start(io::Error),
    /// It was started, but its output can't be read.
    #[error("git {what}: {error}")]
    Read {
        /// The subcommand.
        what: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// It said no.
    #[error("git {what} failed ({status}){said}")]
    Failed {
        /// The subcommand.
        what: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed, after a colon; empty where that went to the terminal already.
        said: String,
    },
    /// It printed something else than it should.
    #[error("git {what}: expected {expected}, got {got:?}")]
    Form {
        /// The subcommand.
        what: &'static str,
        /// What had to come.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// It printed more in one field than is read.
    #[error("git {what}: a field of a commit is over {limit} bytes")]
    TooLong {
        /// The subcommand.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// `git` in a repository, deaf to what the user's settings could change in its output.
pub(super) fn command(repository: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository).args(["--no-pager", "--literal-pathspecs"]);
    for setting in [
        "core.quotePath=true",
        "diff.suppressBlankEmpty=false",
        "i18n.logOutputEncoding=UTF-8",
        "log.showSignature=false",
        "trailer.separators=:",
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
    ] {
        git.args(["-c", setting]);
    }
    // Whose repository may be read is for the user and the system to say; nothing else of their settings counts.
    for folder in safe_directories() {
        git.arg("-c").arg(format!("safe.directory={folder}"));
    }
    // Set by git itself for its hooks, and stronger than -C.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_DIFF_OPTS"] {
        git.env_remove(name);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    git.env_remove("GIT_CONFIG_PARAMETERS").env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG");
    quiet(&mut git);
    git
}

/// What is stored, and not what replacements and grafts show in its place; no network, and nothing written.
fn quiet(git: &mut Command) {
    git.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "/dev/null");
    git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none").env("GIT_OPTIONAL_LOCKS", "0");
    git.env("LC_ALL", "C").stdin(Stdio::null());
}

/// `safe.directory` as it is set outside of repositories, in order. None where git can't be run, which is said later.
fn safe_directories() -> Vec<String> {
    let mut git = Command::new("git");
    quiet(&mut git);
    let asked = git.args(["config", "-z", "--show-scope", "--get-all", "safe.directory"]).output();
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

/// The one line that a command prints.
pub(super) fn output(mut git: Command) -> Result<String, GitError> {
    let output = git.output().map_err(GitError::Start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().into());
    }
    let words: Vec<_> = git.get_args().map(OsStr::to_string_lossy).collect();
    // The subcommand and its arguments stand after the last setting.
    let start = words.iter().rposition(|word| word == "-c").map_or(0, |position| position + 2);
    let what = words.get(start..).unwrap_or_default().join(" ");
    let said = format!(": {}", String::from_utf8_lossy(&output.stderr).trim());
    Err(GitError::Failed { what, status: output.status, said })
}

/// A running command's output. It is stopped when this goes out of scope. Its complaints go to our own stderr.
#[derive(Debug)]
pub(super) struct Stream {
    what: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Stream {
    pub(super) fn start(what: &'static str, mut git: Command) -> Result<Self, GitError> {
        let mut child = git.stdout(Stdio::piped()).spawn().map_err(GitError::Start)?;
        let Some(output) = child.stdout.take() else {
            return Err(GitError::Start(io::Error::other("its output was not connected")));
        };
        Ok(Self { what, child, output: BufReader::with_capacity(64 * 1024, output) })
    }

    /// A command's output as another one's input, and the command.
    pub(super) fn pipe(mut git: Command) -> Result<(Child, Stdio), GitError> {
        let mut child = git.stdout(Stdio::piped()).spawn().map_err(GitError::Start)?;
        let output = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        Ok((child, output))
    }

    /// Text up to `end`, which is left out; bytes that aren't UTF-8 replaced. `None` at the end of the output.
    pub(super) fn until(&mut self, end: u8, limit: usize) -> Result<Option<String>, GitError> {
        let mut bytes = Vec::new();
        self.piece(end, limit, &mut bytes)?;
        match bytes.pop() {
            None => Ok(None),
            Some(last) if last == end => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Some(_) if bytes.len() + 1 == limit => Err(GitError::TooLong { what: self.what, limit }),
            Some(_) => {
                let got = String::from_utf8_lossy(&bytes).chars().take(80).collect();
                Err(GitError::Form { what: self.what, expected: "a whole field", got })
            }
        }
    }

    /// Bytes up to and with `end`, at most `limit`, in place of what `bytes` held. Nothing at the end of the output.
    pub(super) fn piece(&mut self, end: u8, limit: usize, bytes: &mut Vec<u8>) -> Result<(), GitError> {
        bytes.clear();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = self.output.by_ref().take(limit).read_until(end, bytes);
        read.map(drop).map_err(|error| GitError::Read { what: self.what, error })
    }

    /// Waits for a command whose output was read to its end.
    pub(super) fn finish(&mut self) -> Result<(), GitError> {
        wait(self.what, &mut self.child)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Waits for the end of a command, and demands that it be a success.
pub(super) fn wait(what: &'static str, child: &mut Child) -> Result<(), GitError> {
    let status = child.wait().map_err(|error| GitError::Read { what, error })?;
    if status.success() {
        return Ok(());
    }
    Err(GitError::Failed { what: what.into(), status, said: String::new() })
}

/// Ends a command that may still run. Neither step can fail in a way that matters: it has ended, or it ends now.
pub(super) fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
