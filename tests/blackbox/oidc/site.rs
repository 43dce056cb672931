//! A log with issuers in its settings, and what its daemon logs.

use super::issuer::Issuer;
use super::token::{AUDIENCE, Draft, ORIGIN, is_told, published};
use crate::support::{Daemon, Response, alone, folder, program, promotion, signal};
use crate::tls::site::until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Rules of most issuers here.
pub const RULES: &str = r#"
[[issuer.rule]]
match = ["repository_id=123456", "ref=refs/heads/main", "ref=refs/tags/v*", "event_name=push"]
roles = ["append"]
kinds = ["promotion", "event"]
environments = ["production"]

[[issuer.rule]]
match = ["sub=auditor"]
roles = ["read", "audit"]

[[issuer.rule]]
match = ["sub=scans"]
roles = ["append"]
kinds = ["scan"]

[[issuer.rule]]
match = ["repository_id=123456", "environment=staging"]
roles = ["append"]
environments = ["staging"]
"#;

/// A table of this issuer, whose CA is in a file. Rules follow.
pub fn table(issuer: &Issuer, ca: &Path) -> String {
    format!("[[issuer]]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nca = \"{}\"\n", issuer.url, ca.display())
}

/// A log, its settings, what its daemon logs at every level, and a folder to work in.
pub struct Site {
    pub folder: TempDir,
    pub daemon: Daemon,
}

impl Site {
    /// With one issuer, which publishes keys of every type.
    pub fn with_issuer() -> (Self, Issuer) {
        let issuer = Issuer::new(&published());
        let site = Self::of(&issuer);
        site.until_known(&[&issuer]);
        (site, issuer)
    }

    /// With this issuer, by discovery.
    pub fn of(issuer: &Issuer) -> Self {
        Self::with(|folder| {
            let ca = folder.join("ca.pem");
            fs::write(&ca, &issuer.ca).unwrap();
            table(issuer, &ca) + RULES
        })
    }

    /// With these tables of issuers, which may name files that lie in the folder.
    pub fn with(tables: impl FnOnce(&Path) -> String) -> Self {
        let folder = folder();
        let tables = tables(folder.path());
        settings(folder.path(), &tables);
        let daemon = start(folder.path());
        Self { folder, daemon }
    }

    /// Waits until the daemon has the keys of these: on a machine that is busy with other things the first fetch may fail.
    pub fn until_known(&self, issuers: &[&Issuer]) {
        let is_known = |logged: &str, issuer: &Issuer| {
            let taken = |line: &str| line.contains("were taken") && line.contains(&issuer.url);
            logged.lines().any(taken)
        };
        until("keys are taken", || {
            let logged = self.logged();
            issuers.iter().all(|issuer| is_known(&logged, issuer))
        });
    }

    /// Stops it, and starts it again on the same log and settings, with a new file for what it logs.
    pub fn restarted(self) -> Self {
        let Self { folder, daemon } = self;
        assert_eq!(daemon.terminate(), Some(0));
        fs::rename(folder.path().join("log"), folder.path().join("log.before")).unwrap();
        let daemon = start(folder.path());
        Self { folder, daemon }
    }

    /// Puts other tables in the settings, and has them read.
    pub fn reload(&self, tables: &str) {
        settings(self.folder.path(), tables);
        signal("-HUP", self.daemon.id());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn logged(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    pub fn append(&self, subject: &str, token: &str) -> Response {
        self.append_with(subject, &[("Authorization", &format!("Bearer {token}"))])
    }

    pub fn append_with(&self, subject: &str, headers: &[(&str, &str)]) -> Response {
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        self.daemon.request("POST", "/v1/entries", &headers, promotion(subject).to_string().as_bytes())
    }

    pub fn get(&self, path: &str, token: &str) -> Response {
        self.daemon.request("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    /// Runs `provlog` with this token.
    pub fn provlog(&self, token: &str, arguments: &[&str]) -> Output {
        let trust = self.path("data/trust.tlog-policy");
        let log = ["--url", &self.daemon.url, "--trust", trust.to_str().unwrap()];
        let mut command =
            alone(Command::new(program("provlog")), self.folder.path(), &[arguments, &log].concat());
        command.env("PROVLOG_TOKEN", token).output().unwrap()
    }

    pub fn size(&self) -> u64 {
        self.daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap()
    }

    /// Demands that the daemon's lines have no part of a token in them.
    pub fn says_nothing_of(&self, tokens: &[String]) {
        let logged = self.logged();
        for token in tokens {
            assert!(!is_told(token, &logged), "a part of {token} was logged");
        }
    }
}

/// The code of a refusal.
pub fn code(answer: &Response) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

/// A token that lets its bearer read, of this issuer.
pub fn auditor(issuer: &Issuer) -> String {
    Draft::of(&issuer.url).claim("sub", "auditor").without("ref").sign()
}

fn settings(folder: &Path, tables: &str) {
    let file = folder.join("f.toml");
    fs::write(file, format!("origin = \"{ORIGIN}\"\nlog_filter = \"trace\"\n{tables}")).unwrap();
}

fn start(folder: &Path) -> Daemon {
    let file = folder.join("f.toml");
    let mut command = Daemon::command(&folder.join("data"), &["--config", file.to_str().unwrap()]);
    // Issuers here are asked straight, whatever this machine has between it and others.
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.stderr(fs::File::create(folder.join("log")).unwrap());
    Daemon::spawn(command)
}
