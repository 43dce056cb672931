//! Packages of real logs, exported by the real program, for a browser to open.

use crate::support::{Daemon, promotion, provlog, stderr};
use provlog_core::cbor;
use provlog_core::encoded::Sealed;
use provlog_core::record::{Claim, Section};
use provlog_core::submission::Submission;
use provlog_engine::{Log, Options, Terms};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

/// A log with entries in it.
pub struct Evidence {
    root: PathBuf,
    daemon: Daemon,
    /// The log's trust file, and its key.
    pub trust: String,
    pub vkey: String,
    /// The key of a log of another name.
    pub vkey_of_another: String,
}

/// Entries in a batch.
const BATCH: usize = 500;

impl Evidence {
    /// A log of so many promotions after its first entry.
    pub fn of_promotions(root: &Path, count: usize) -> Self {
        Self::new(
            root,
            &(1..=count).map(|number| promotion(&format!("=artifact {number}"))).collect::<Vec<_>>(),
        )
    }

    /// A log whose records want to be more than text.
    pub fn of_hostile(root: &Path) -> Self {
        Self::new(root, &hostile())
    }

    /// A log with these entries after its first one.
    pub fn new(root: &Path, submissions: &[Value]) -> Self {
        fs::create_dir_all(root).unwrap();
        let daemon = Daemon::start(&root.join("data"));
        fs::write(root.join("previous"), daemon.get("/checkpoint").expect(200).body).unwrap();
        add(&daemon, submissions);
        let trust = fs::read_to_string(daemon.trust(&root.join("data"))).unwrap();
        fs::write(root.join("trust"), &trust).unwrap();
        let vkey = daemon.get("/v1/log").expect(200).json()["key"].as_str().unwrap().to_string();
        let another = crate::vectors::forge::log_signer(crate::vectors::forge::ORIGIN);
        Self { root: root.into(), daemon, trust, vkey, vkey_of_another: another.verifier().to_string() }
    }

    /// One more entry, appended by a log that looks up no references.
    pub fn with_unchecked(self, submission: &Value) -> Self {
        self.with_attested(submission, &[])
    }

    /// One more entry, appended by a log that looks up no references and attests whatever this is.
    pub fn with_attested(self, submission: &Value, attested: &[(&str, cbor::Value)]) -> Self {
        let Self { root, daemon, trust, vkey, vkey_of_another } = self;
        assert_eq!(daemon.terminate(), Some(0));
        let log = Log::open(&Options::new(root.join("data"))).unwrap();
        let submission = Submission::parse(submission.to_string().as_bytes()).unwrap();
        let kind = submission.kind().kind;
        let mut salts = (1..).map(|salt| [salt; 16]);
        let submitted = submission.with_salts(|| salts.next().unwrap()).unwrap().seal().unwrap();
        let attested = attested
            .iter()
            .zip(101..)
            .map(|((name, value), salt)| (name.to_string(), Claim::disclosed([salt; 16], value.clone())));
        let attested = Section::from_claims(attested.collect()).unwrap();
        let sealed = Arc::new(Sealed::new(kind, &submitted, &attested).unwrap());
        let (sender, answer) = mpsc::channel();
        log.append(provlog_engine::Submission { sealed, terms: Terms::default() }, move |appended, _| {
            drop(sender.send(appended))
        });
        answer.recv().unwrap().unwrap();
        log.shutdown();
        drop(log);
        let daemon = Daemon::start(&root.join("data"));
        Self { root, daemon, trust, vkey, vkey_of_another }
    }

    /// An entry's leaf hash, in hex.
    pub fn leaf_hash(&self, index: u64) -> String {
        let entry = self.daemon.get(&format!("/v1/entries/{index}")).expect(200).json();
        entry["leaf_hash"].as_str().unwrap().into()
    }

    /// Exports a package and gives its page.
    pub fn export(&self, arguments: &[&str]) -> PathBuf {
        self.export_as("package", arguments)
    }

    /// Exports a package into a folder of this name and gives its page.
    pub fn export_as(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let always = ["export", "--url", &self.daemon.url, "--trust", "trust", "-o", name];
        let output = provlog(&self.root, &[&always, arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        self.root.join(name).join("report.html")
    }
}

fn add(daemon: &Daemon, submissions: &[Value]) {
    for batch in submissions.chunks(BATCH) {
        let lines: Vec<String> = batch.iter().map(Value::to_string).collect();
        let headers = [("Content-Type", "application/x-ndjson")];
        let body = lines.join("\n");
        daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
    }
    daemon.until_ready();
}

/// What a page must show to the letter.
pub const SHOWN_AS_THEY_ARE: [&str; 6] = [
    "<script>canary = 1</script>",
    "</script><script>canary = 2</script>",
    "<img src=x onerror=\"canary = 3\">",
    "javascript:canary = 4",
    "{{data}}{{script}}${canary = 5}",
    "&lt;b onclick=&quot;canary = 6&quot;&gt;",
];

/// Submissions with these texts, and some that can't be shown as they are, in every place that takes a text.
fn hostile() -> Vec<Value> {
    let unseen = [
        "a\u{2028}b\u{2029}c",
        "\u{202e}gnp.exe\u{202c} \u{2066}isolated\u{2069}",
        "zero\u{200b}width \u{feff}",
        "-->]]>'\"`\\",
        "<!--<script>",
    ];
    let texts = SHOWN_AS_THEY_ARE.into_iter().chain(unseen).map(String::from);
    let long = "<script>canary = 7</script>".repeat(600);
    texts.chain([long]).map(|text| submission(&text)).collect()
}

fn submission(text: &str) -> Value {
    let mut submission = promotion(text);
    let claims = &mut submission["claims"];
    let short: String = text.chars().take(200).collect();
    claims["model"] = json!({"provider": short, "name": short, "version": short});
    claims["environment"] = short.as_str().into();
    claims["policy"]["name"] = short.as_str().into();
    claims["policy"]["version"] = short.as_str().into();
    claims["agent"] = json!({"name": short, "version": short});
    claims["decision"]["reasons"] = json!([short]);
    claims["approvals"] =
        json!([{"approver": {"id": short, "name": short, "kind": "human"}, "method": short}]);
    claims["correlation"] = json!({short.as_str(): short});
    claims["x-text"] = text.chars().take(16_000).collect::<String>().into();
    claims["x-nested"] = json!({short.as_str(): [{"__proto__": short}, short]});
    submission
}
