//! The real programs, run as anyone would run them: a daemon of our own, started and stopped, and the command line.
//!
//! Neither is handed anything of the user's settings: an example must not append to somebody's real log.

use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

/// What the daemon prints before its address, on one line.
const READY: &str = "listening on ";

/// Most that the daemon may print before it says where it listens, in bytes.
const GREETING_BYTES_MAX: u64 = 64 * 1024;

/// Why a program couldn't do its part.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It isn't there.
    #[error("{} is missing: build it first, as with `cargo build -p provlogd -p provlog` (add --release if this is a release build)", .0.display())]
    Missing(PathBuf),
    /// It can't be run, or its output not read.
    #[error("{}: {error}", program.display())]
    Io {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The daemon ended before it listened.
    #[error("provlogd did not start ({0}); its reason stands above")]
    NotStarted(ExitStatus),
    /// The daemon ended otherwise than asked to.
    #[error("provlogd was asked to stop and ended with {0}, expected exit code 0")]
    NotStopped(ExitStatus),
}

/// One of the two programs, beside the one that runs.
///
/// # Errors
/// [`ProgramError::Missing`] says where it was looked for.
pub fn program(name: &str) -> Result<PathBuf, ProgramError> {
    let own = env::current_exe().map_err(|error| ProgramError::Io { program: name.into(), error })?;
    let path = own.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(ProgramError::Missing(path)) }
}

/// A program without the user's settings for it.
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    let is_setting = |name: &OsString| name.to_string_lossy().starts_with("PROVLOG");
    for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command
}

/// A running daemon. It is killed when this goes out of scope before [`Daemon::stop`].
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    url: String,
}

impl Daemon {
    /// Starts it on a free loopback port, and waits until it listens. Its warnings go to our own stderr.
    ///
    /// # Errors
    /// [`ProgramError`]
    pub fn start(program: &Path, data_dir: &Path) -> Result<Self, ProgramError> {
        let io = |error| ProgramError::Io { program: program.into(), error };
        let mut child = command(program)
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--listen", "127.0.0.1:0", "--log-filter", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io)?;
        let output = child.stdout.take();
        let mut daemon = Self { child, url: String::new() };
        let mut lines =
            BufReader::new(output.ok_or_else(|| io(io::Error::other("its output was not connected")))?);
        let mut line = String::new();
        let mut greeting = lines.by_ref().take(GREETING_BYTES_MAX);
        while greeting.read_line(&mut line).map_err(io)? > 0 {
            if let Some((_, url)) = line.split_once(READY) {
                daemon.url = url.trim().into();
                // What it prints later must neither fill the pipe nor meet a closed one.
                thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
                return Ok(daemon);
            }
            line.clear();
        }
        // It closed its output or never says where it listens; either way nothing comes of waiting.
        let _ = daemon.child.kill();
        Err(ProgramError::NotStarted(daemon.child.wait().map_err(io)?))
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// [`ProgramError::NotStopped`] when it ends with anything but success.
    pub fn stop(mut self) -> Result<(), ProgramError> {
        let io = |error: io::Error| ProgramError::Io { program: "provlogd".into(), error };
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|error| io(error.into()))?;
        let status = self.child.wait().map_err(io)?;
        if status.success() { Ok(()) } else { Err(ProgramError::NotStopped(status)) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: it has ended, or it ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
