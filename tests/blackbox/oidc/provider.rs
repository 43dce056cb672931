//! An issuer of somebody else's making, npm's `oidc-provider`: its discovery document, its keys and what it signs are its own.
//! `npm ci` in `tests/interop/oidc-provider` gets it.

use super::site::{Site, code};
use super::token::AUDIENCE;
use crate::bound::submission::Salted;
use crate::support::{folder, have, repository, stderr, stdout};
use crate::tls::site::{Authority, put, until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// As issuers of these tests have it.
const HOST: &str = "127.0.0.2";

/// Its jobs, each with an algorithm of its own.
const JOBS: [&str; 2] = ["job-rs256", "job-es256"];

/// The issuer. It goes down with its test.
struct Provider {
    folder: TempDir,
    child: Child,
    url: String,
}

impl Provider {
    /// `None`, and said so, where there is none to start. Where `CI` is `true` that fails.
    fn new() -> Option<Self> {
        let source = repository().join("tests/interop/oidc-provider");
        let what = "oidc-provider (npm ci in tests/interop/oidc-provider)";
        if !have("npm", &["ls", "--prefix", source.to_str().unwrap()], what) {
            return None;
        }
        let (folder, authority) = (folder(), Authority::new("CA of somebody else's issuer"));
        let identity = authority.server(&[HOST]);
        put(&folder.path().join("ca.pem"), &authority.pem);
        put(&folder.path().join("certificate.pem"), &identity.certificate);
        put(&folder.path().join("key.pem"), &identity.key);
        let (child, url) = start(&folder, "0");
        Some(Self { folder, child, url })
    }

    /// Starts it again at the same address, with other keys.
    fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (_, port) = self.url.rsplit_once(':').unwrap();
        let (child, url) = start(&self.folder, port);
        self.child = child;
        assert_eq!(url, self.url);
    }

    /// What it signs for a job that asks for this audience.
    fn token(&self, job: &str, audience: &str) -> String {
        let resource = match audience.starts_with("https://") {
            true => audience.to_owned(),
            false => format!("urn:audience:{audience}"),
        };
        let (job, resource) = (format!("{job}:of-a-test"), format!("resource={resource}"));
        let form = ["--data", "grant_type=client_credentials", "--data-urlencode", &resource];
        let answer = self.ask("/token", &[&["--user", &job], &form[..]].concat());
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// What it answers.
    fn ask(&self, path: &str, arguments: &[&str]) -> String {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--cacert"])
            .arg(self.ca())
            .args(arguments)
            .arg(format!("{}{path}", self.url))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A log that takes this issuer's jobs, and has its keys.
    fn site(&self) -> Site {
        let (url, ca) = (&self.url, self.ca());
        let site = Site::with(|_| {
            let jobs = JOBS.map(|job| format!("\"sub={job}\"")).join(", ");
            format!(
                "[[issuer]]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\nca = \"{}\"\n\
                 [[issuer.rule]]\nmatch = [{jobs}]\nroles = [\"append\", \"read\"]\n",
                ca.display()
            )
        });
        until("keys are taken", || site.logged().contains("were taken"));
        site
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it with the files of a folder, and waits until it says where it listens.
fn start(folder: &TempDir, port: &str) -> (Child, String) {
    let mut child = Command::new("node")
        .arg(repository().join("tests/interop/oidc-provider/server.mjs"))
        .args([HOST, port, "certificate.pem", "key.pem"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
    (child, url.unwrap_or_else(|| panic!("it doesn't say where it listens: {line:?}")))
}

#[test]
fn jobs_of_somebody_elses_issuer_append_and_its_new_keys_are_followed() {
    let Some(mut provider) = Provider::new() else { return };
    let site = provider.site();
    let tokens = JOBS.map(|job| provider.token(job, AUDIENCE));
    for (job, token) in JOBS.iter().zip(&tokens) {
        let index = site.append("a", token).expect(201).json()["index"].clone();
        let entry = site.get(&format!("/v1/entries/{index}"), token).expect(200).json();
        let workload = &entry["attested"]["workload"];
        let said = ["method", "id", "issuer", "audience", "binding"].map(|name| workload[name].as_str());
        assert_eq!(said, ["oidc", job, &provider.url, AUDIENCE, "bearer"].map(Some), "{workload}");
        let other = provider.token(job, "https://another.example.com");
        assert_eq!(code(&site.append("b", &other).expect(401)), "token.audience");
    }

    provider.restart();
    let renewed = JOBS.map(|job| provider.token(job, AUDIENCE));
    for token in &renewed {
        // On a machine that is busy with other things the first fetch may fail.
        until("new keys are taken", || site.append("c", token).status == 201);
    }
    for token in &tokens {
        assert_eq!(code(&site.append("d", token).expect(401)), "token.key");
    }
    site.says_nothing_of(&tokens);
    site.says_nothing_of(&renewed);
}

#[test]
fn a_job_of_somebody_elses_issuer_is_proven_by_its_keys() {
    let Some(mut provider) = Provider::new() else { return };
    let site = provider.site();
    fs::write(site.path("keys.json"), provider.ask("/jwks", &[])).unwrap();
    let receipts = JOBS.map(|job| {
        let submission = Salted::new(job);
        let token = provider.token(job, &submission.audience());
        let other = site.submit(&Salted::new("another").json, &token).expect(401);
        assert_eq!(code(&other), "token.audience");
        let answer = site.submit(&submission.json, &token).expect(201).json();
        fs::write(site.path(job), answer["receipt"].as_str().unwrap()).unwrap();
        job
    });
    provider.restart();
    fs::write(site.path("new.json"), provider.ask("/jwks", &[])).unwrap();
    for receipt in receipts {
        for (keys, bound, exit) in [("keys.json", "pass", 0), ("new.json", "fail", 3)] {
            let given = format!("{}={keys}", provider.url);
            let ended = site.is_bound(receipt, &["--issuer-keys", &given]);
            assert_eq!(ended, (bound.into(), Some(exit)), "{receipt} by {keys}");
        }
    }
}
