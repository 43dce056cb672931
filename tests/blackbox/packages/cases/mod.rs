//! Every package: its name, what is wrong in it, and which checks have to refuse it.

mod archives;
mod entries;
mod evidence;
mod files;
mod good;
mod malformed;
pub mod members;
mod proof;
mod records;
mod untrusted;
mod versions;

use super::forge::Files;
use crate::vectors::forge::{ORIGIN, log_signer};
use crate::vectors::reader::Reader;

/// One vector.
pub struct Case {
    pub name: String,
    pub contents: Contents,
    pub trust: Vec<u8>,
    /// The checks that fail, in order.
    pub refused: Vec<String>,
    /// What the reader believes about evidence.
    pub reader: Reader,
    /// The last checks and how they end, where entries have evidence.
    pub last: Vec<(&'static str, &'static str)>,
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
        let (contents, reader) = (Contents::Folder(files), Reader::default());
        Self { name: name.into(), contents, trust: trust(), refused, reader, last: Vec::new() }
    }

    /// A package whose checks of evidence end like this.
    fn evidence(name: &str, files: Files, reader: Reader, checks: &[(&'static str, &'static str)]) -> Self {
        let failed: Vec<&str> =
            checks.iter().filter(|(_, status)| *status == "fail").map(|(name, _)| *name).collect();
        Self { reader, last: checks.to_vec(), ..Self::new(format!("evidence-{name}"), files, &failed) }
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
    cases.extend(evidence::cases());
    cases.extend(members::cases());
    cases
}
