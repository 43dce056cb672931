//! Every package: its name, what is wrong in it, and which checks have to refuse it.

mod archives;
mod entries;
mod files;
mod good;
mod malformed;
mod proof;
mod records;
mod untrusted;
mod versions;

use super::forge::Files;
use crate::vectors::forge::{ORIGIN, log_signer};

/// One vector.
pub struct Case {
    pub name: String,
    pub contents: Contents,
    pub trust: Vec<u8>,
    /// The checks that fail, in order.
    pub refused: Vec<String>,
}

/// What a package comes in.
pub enum Contents {
    /// `package/`
    Folder(Files),
    /// `package.zip`
    Archive(Vec<u8>),
}

/// Checks of class 5 (SPEC.md section 11.7).
const UNTRUSTED: [&str; 5] = ["origin", "log-signature", "cosignatures", "quorum", "previous-checkpoint"];

impl Case {
    fn new(name: impl Into<String>, files: Files, refused: &[&str]) -> Self {
        let refused = refused.iter().map(ToString::to_string).collect();
        Self { name: name.into(), contents: Contents::Folder(files), trust: trust(), refused }
    }

    fn good(name: impl Into<String>, files: Files) -> Self {
        Self::new(name, files, &[])
    }

    fn malformed(name: impl Into<String>, files: Files) -> Self {
        Self::new(name, files, &["format"])
    }

    fn archive(name: &str, archive: Vec<u8>, refused: &[&str]) -> Self {
        Self { contents: Contents::Archive(archive), ..Self::new(name, Files::new(), refused) }
    }

    fn trusting(mut self, trust: String) -> Self {
        self.trust = trust.into_bytes();
        self
    }

    /// The verdict and exit code that its refused checks demand.
    pub fn verdict(&self) -> (&'static str, i32) {
        if self.refused.iter().any(|name| name == "format") {
            ("malformed", 8)
        } else if self.refused.iter().any(|name| UNTRUSTED.contains(&name.as_str())) {
            ("untrusted", 5)
        } else if self.refused.is_empty() {
            ("verified", 0)
        } else {
            ("not proven", 3)
        }
    }
}

fn trust() -> Vec<u8> {
    format!("log {}\nquorum none\n", log_signer(ORIGIN).verifier()).into_bytes()
}

pub fn all() -> Vec<Case> {
    let mut cases = good::cases();
    cases.extend(malformed::cases());
    cases.extend(files::cases());
    cases.extend(records::cases());
    cases.extend(proof::cases());
    cases.extend(untrusted::cases());
    cases.extend(archives::cases());
    cases.extend(versions::cases());
    cases.extend(entries::cases());
    cases
}
