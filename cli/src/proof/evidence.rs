//! Whom a reader believes of an entry's evidence, as the command line names them.

use crate::local::files;
use crate::show::failure::Failure;
use clap::Args;
use provlog_evidence::believed::{Believed, BelievedError};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Bytes of a file of keys or persons that are read: more than any is taken with, which then says what its limit is.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Keys that come from elsewhere than the log. Each file serves the issuer or domain that it is named for, and nothing else.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Keys of an issuer of tokens, by its iss: a JWKS. A workload that its token binds to an entry is then checked against
    /// the issuer's own signature
    #[arg(long, value_name = "ISSUER=FILE")]
    issuer_keys: Vec<Given>,
    /// Keys and CAs of a SPIFFE trust domain: its bundle, as JSON
    #[arg(long, value_name = "DOMAIN=FILE")]
    bundle: Vec<Given>,
}

/// Keys and persons that come from elsewhere than the log.
#[derive(Debug, Args)]
pub(crate) struct BelievedArgs {
    #[command(flatten)]
    keys: KeyArgs,
    /// Persons and their SSH keys: an OpenSSH allowed_signers file. Signed approvals are then checked against it
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Refuse an entry whose workload is not bound by a signature under one of these keys; of a package's, those that the log
    /// or an administrator writes need none
    #[arg(long)]
    pub(crate) require_bound: bool,
}

/// A file, and whose keys it has.
#[derive(Clone, Debug)]
struct Given {
    name: String,
    path: PathBuf,
}

impl FromStr for Given {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.into(), path: path.into() })
            }
            _ => Err("expected whose keys it has, = and a file"),
        }
    }
}

impl KeyArgs {
    /// Whether any were.
    pub(crate) const fn are_given(&self) -> bool {
        !self.issuer_keys.is_empty() || !self.bundle.is_empty()
    }

    /// Reads every file that is named.
    pub(crate) fn believed(&self) -> Result<Believed, Failure> {
        let mut believed = Believed::default();
        for Given { name, path } in &self.issuer_keys {
            add(path, |bytes| believed.add_issuer(name, bytes))?;
        }
        for Given { name, path } in &self.bundle {
            add(path, |bytes| believed.add_bundle(name, bytes))?;
        }
        Ok(believed)
    }
}

impl BelievedArgs {
    /// Reads every file that is named.
    pub(crate) fn believed(&self) -> Result<Believed, Failure> {
        let mut believed = self.keys.believed()?;
        if let Some(path) = &self.roster {
            add(path, |bytes| believed.set_roster(bytes))?;
        }
        Ok(believed)
    }
}

fn add(path: &Path, take: impl FnOnce(&[u8]) -> Result<(), BelievedError>) -> Result<(), Failure> {
    let bytes = files::read(path, FILE_BYTES_MAX)?;
    take(&bytes).map_err(|problem| Failure::Believed { path: path.into(), problem })
}
