//! A submission with salts of its own, and tokens that are bound to it.

use crate::oidc::site::Site;
use crate::oidc::token::{Draft, ORIGIN};
use crate::support::{Response, promotion, provlog};
use provlog_core::Hash;
use provlog_core::record::SectionName;
use provlog_core::submission::Submission;
use serde_json::{Value, json};

/// A submission, and what binds a token to it.
#[derive(Clone)]
pub struct Salted {
    pub json: Value,
    pub digest: String,
}

impl Salted {
    /// A promotion of this subject; under the same name it has the same salts.
    pub fn new(subject: &str) -> Self {
        Self::of(promotion(subject), subject)
    }

    /// With salts that are made of this.
    pub fn of(mut json: Value, seed: &str) -> Self {
        let names: Vec<String> = json["claims"].as_object().unwrap().keys().cloned().collect();
        let salt = |name: &String| json!(Hash::plain(format!("{seed}/{name}").as_bytes()).to_hex()[..32]);
        json["salts"] = names.iter().map(|name| (name.clone(), salt(name))).collect();
        let submission = Submission::parse(json.to_string().as_bytes()).unwrap();
        let kind = submission.kind().kind;
        let digest = submission.seal().unwrap().digest(SectionName::Submitted, kind).to_hex();
        Self { json, digest }
    }

    /// The one audience of a token that is bound to it.
    pub fn audience(&self) -> String {
        format!("{ORIGIN}:{}", self.digest)
    }

    /// What this issuer signs for its job.
    pub fn draft(&self, issuer: &str) -> Draft {
        Draft::of(issuer).claim("aud", self.audience())
    }

    /// With this token as its evidence.
    pub fn with_evidence(&self, token: &str) -> Value {
        let mut json = self.json.clone();
        json["evidence"] = json!({"format": "jwt", "token": token});
        json
    }
}

impl Site {
    /// Appends this, with this token in the header.
    pub fn submit(&self, submission: &Value, token: &str) -> Response {
        self.submit_under(submission, token, &[])
    }

    /// As [`Site::submit`], with more headers.
    pub fn submit_under(&self, submission: &Value, token: &str, headers: &[(&str, &str)]) -> Response {
        let bearer = format!("Bearer {token}");
        let own = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        let headers = [&own[..], headers].concat();
        self.daemon.request("POST", "/v1/entries", &headers, submission.to_string().as_bytes())
    }

    /// Appends these lines, with this token in the header.
    pub fn submit_lines(&self, lines: &[Value], token: &str) -> Response {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/x-ndjson")];
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.daemon.request("POST", "/v1/entries/batch", &headers, lines.as_bytes())
    }

    /// The entry at this index, as this reader sees it.
    pub fn entry(&self, index: &Value, reader: &str) -> Value {
        self.get(&format!("/v1/entries/{index}"), reader).expect(200).json()
    }

    /// Verifies a receipt in a file of the folder, which must be bound, with these keys: how the check of that ends, and the exit code.
    pub fn is_bound(&self, receipt: &str, keys: &[&str]) -> (String, Option<i32>) {
        let trust = self.path("data/trust.tlog-policy");
        let own = ["verify", receipt, "--json", "--require-bound", "--trust", trust.to_str().unwrap()];
        let output = provlog(self.folder.path(), &[&own[..], keys].concat());
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut checks = verdict["receipts"][0]["checks"].as_array().unwrap().iter();
        let check = checks.find(|check| check["name"] == "workload-bound").unwrap();
        (check["status"].as_str().unwrap().to_owned(), output.status.code())
    }
}
