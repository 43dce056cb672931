//! A job that runs a recipe, and what came of it: what it said, what its page shows, and what left the machine.

use super::recipe::{Action, Named, inputs_of_example, script_of_gitlab, variables_of_example};
use crate::identity::endpoint::{Jobs, PATH, REQUEST_TOKEN};
use crate::oidc::token::{Draft, is_told};
use crate::support::{folder, program, provlog, repository, stderr, stdout};
use base64ct::{Base64, Encoding};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub const SHA: &str = "1111111111111111111111111111111111111111";

/// A job on a machine of its own.
pub struct Job<'a> {
    jobs: &'a Jobs,
    folder: TempDir,
    shell: Vec<String>,
    variables: Named,
    /// What it was given that nobody else may see.
    secrets: Vec<String>,
}

impl<'a> Job<'a> {
    /// A job of GitHub that runs the ten lines of the example, with these inputs beside those.
    pub fn github(jobs: &'a Jobs, with: &[(&str, &str)]) -> Self {
        let mut inputs = inputs_of_example();
        inputs.insert("url".into(), jobs.site.daemon.url.clone());
        inputs.insert("fingerprint".into(), fingerprint(jobs));
        inputs.extend(with.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let action = Action::read();
        let mut job = Self::new(jobs, &["sh", "-e", "-c", &action.run], action.variables(&inputs, SHA));
        let (page, outputs) = (job.path("page.md"), job.path("outputs"));
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTION_PATH", repository().join("examples/ci").to_str().unwrap()),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REPOSITORY_ID", "123456"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_STEP_SUMMARY", page.to_str().unwrap()),
            ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
            ("RUNNER_TEMP", job.path("temp").to_str().unwrap()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}{PATH}", jobs.issuer.url)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN),
            // As the roots of this job's system.
            ("SSL_CERT_FILE", jobs.site.path("ca.pem").to_str().unwrap()),
        ] {
            job = job.set(name, value);
        }
        fs::create_dir(job.path("temp")).unwrap();
        job
    }

    /// A job of GitLab that runs the ten lines of the example, with these variables beside those.
    pub fn gitlab(jobs: &'a Jobs, variables: &[(&str, &str)]) -> Self {
        let token = Draft::of(&jobs.issuer.url).sign();
        // As its runner does: a shell that ends at what fails, and nothing to read.
        let script = format!(": | eval '{}'", script_of_gitlab().replace('\'', r"'\''"));
        let mut job = Self::new(jobs, &["bash", "-eo", "pipefail", "-c", &script], variables_of_example());
        let project = job.path("");
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_ID", "42"),
            ("CI_PIPELINE_ID", "5"),
            ("CI_JOB_ID", "8"),
            ("CI_COMMIT_SHA", SHA),
            ("CI_PROJECT_DIR", project.to_str().unwrap()),
            ("PROVLOG_URL", &jobs.site.daemon.url),
            ("PROVLOG_FINGERPRINT", &fingerprint(jobs)),
            ("PROVLOG_TOKEN", &token),
        ] {
            job = job.set(name, value);
        }
        for (name, value) in variables {
            job = job.set(name, value);
        }
        job.secrets.push(token);
        job
    }

    fn new(jobs: &'a Jobs, shell: &[&str], variables: Named) -> Self {
        let folder = folder();
        fs::create_dir(folder.path().join("dist")).unwrap();
        fs::write(folder.path().join("dist/app.tar.gz"), "app").unwrap();
        let shell = shell.iter().map(|&argument| argument.into()).collect();
        Self { jobs, folder, shell, variables, secrets: vec![REQUEST_TOKEN.into()] }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it, and demands that nothing secret was said, shown or kept for others.
    pub fn run(&self) -> Ran {
        let bin = program("provlog").parent().unwrap().display().to_string();
        let mut command = Command::new(&self.shell[0]);
        command
            .args(&self.shell[1..])
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()));
        for (name, value) in &self.variables {
            // A variable's value may name others.
            let value = ["CI_PROJECT_DIR", "CI_COMMIT_SHA"].iter().fold(value.clone(), |value, other| {
                let of = self.variables.get(*other).map(String::as_str).unwrap_or_default();
                value.replace(&format!("${other}"), of)
            });
            command.env(name, value);
        }
        let ran = Ran::read(self, &command.output().unwrap());
        let given = self.jobs.given();
        for secret in self.secrets.iter().chain(&given) {
            let shown = [&ran.said, &ran.page];
            let told =
                |text: &String| text.contains(secret) || (secret.contains('.') && is_told(secret, text));
            assert!(!shown.into_iter().any(told), "{secret} is told: {}\n{}", ran.said, ran.page);
        }
        ran
    }

    /// Verifies what left the machine, on another one, by the fingerprint and these arguments.
    pub fn verify(&self, ran: &Ran, arguments: &[&str]) -> Output {
        let place = folder();
        for (name, bytes) in &ran.left {
            fs::write(place.path().join(name), bytes).unwrap();
        }
        let receipt =
            ran.left.keys().find(|name| name.ends_with(".tlog-proof")).expect("a receipt left the machine");
        let fingerprint = fingerprint(self.jobs);
        let own = ["verify", receipt, "--fingerprint", &fingerprint];
        provlog(place.path(), &[&own[..], arguments].concat())
    }
}

/// What came of a job.
pub struct Ran {
    pub code: Option<i32>,
    /// Its log.
    pub said: String,
    /// What its page shows.
    pub page: String,
    pub outputs: Named,
    /// The files that are its artifact.
    pub left: BTreeMap<String, Vec<u8>>,
}

impl Ran {
    fn read(job: &Job<'_>, output: &Output) -> Self {
        let outputs = fs::read_to_string(job.path("outputs")).unwrap_or_default();
        let outputs: Named = outputs
            .lines()
            .map(|line| line.split_once('=').unwrap())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let upload = outputs.get("upload").map_or_else(|| job.path("provlog-job/upload"), PathBuf::from);
        let mut left = files(&upload);
        let page = fs::read_to_string(job.path("page.md")).ok();
        let page = page.or_else(|| left.remove("provlog.md").map(|bytes| String::from_utf8(bytes).unwrap()));
        let said = stdout(output) + &stderr(output);
        Self { code: output.status.code(), said, page: page.unwrap_or_default(), outputs, left }
    }

    /// Demands an exit code, and a line of its page.
    pub fn expect(self, code: i32, line: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.said, self.page);
        assert!(
            self.page.lines().any(|shown| shown.contains(line)),
            "expected {line:?}: {}\n{}",
            self.page,
            self.said
        );
        self
    }

    /// Whether a receipt, or what is pending, has this token in it.
    pub fn has(&self, token: &str) -> bool {
        self.left.values().any(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let record = text.lines().find_map(|line| line.strip_prefix("extra "));
            let record = record.map(|extra| Base64::decode_vec(extra).unwrap()).unwrap_or_default();
            [bytes, &record]
                .into_iter()
                .any(|bytes| bytes.windows(token.len()).any(|part| part == token.as_bytes()))
        })
    }

    /// The names of the files that left the machine.
    pub fn names(&self) -> Vec<&str> {
        self.left.keys().map(String::as_str).collect()
    }
}

/// The fingerprint of the log's key, as its operator knows it.
pub fn fingerprint(jobs: &Jobs) -> String {
    let log = jobs.site.daemon.get("/v1/log").expect(200).json();
    log["fingerprint"].as_str().unwrap().into()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let found = fs::read_dir(folder).into_iter().flatten().map(|item| item.unwrap().path());
    found.map(|path| (path.file_name().unwrap().to_str().unwrap().into(), fs::read(&path).unwrap())).collect()
}
