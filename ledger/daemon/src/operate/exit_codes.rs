//! The exit codes.

/// What `--help` says about exit codes and signals.
pub(crate) const HELP: &str = "Exit codes: 0 stopped by SIGTERM or SIGINT, 1 internal, 2 usage or configuration, \
10 address taken or not this machine's, 11 folder not usable, or writable by others, 12 another process has the log, 13 the log refuses to open, \
14 a write failed, or a file of the log was moved, and the daemon stopped\n\nSIGHUP reads the settings anew: what a running daemon can take of them holds from then on, and where anything is wrong nothing changes; `provlogd config default` says which it takes. SIGUSR1 and SIGUSR2 are logged and change nothing.";

pub(crate) const INTERNAL: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const ADDRESS: u8 = 10;
pub(crate) const FOLDER: u8 = 11;
pub(crate) const LOCKED: u8 = 12;
pub(crate) const REFUSES: u8 = 13;
pub(crate) const FAILED: u8 = 14;
