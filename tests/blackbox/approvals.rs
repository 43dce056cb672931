//! Approvals that a person signs with OpenSSH: written by hand, signed by `ssh-keygen`, logged, and verified offline.

use crate::support::{Daemon, Response, folder, have, provlog, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const EXPIRES_MS: u64 = 4_102_444_800_000;

/// A log, and a person with a key.
struct Place {
    root: tempfile::TempDir,
    daemon: Daemon,
    trust: String,
    origin: String,
}

impl Place {
    /// None where there is no `ssh-keygen`.
    fn new() -> Option<Self> {
        // `ssh-keygen` has no argument with which it does nothing well; it comes with this one.
        if !have("ssh", &["-V"], "openssh-client") {
            return None;
        }
        let root = folder();
        let data_dir = root.path().join("data");
        let daemon = Daemon::start(&data_dir);
        let trust = daemon.trust(&data_dir).display().to_string();
        let origin = daemon.get("/v1/log").json()["origin"].as_str().unwrap().to_owned();
        keygen(root.path(), "-q -t ed25519 -N  -C alice -f alice");
        let public = fs::read_to_string(root.path().join("alice.pub")).unwrap();
        fs::write(root.path().join("roster"), format!("# who approves\nalice@example.com,github:1 {public}"))
            .unwrap();
        Some(Self { root, daemon, trust, origin })
    }

    fn statement(&self) -> String {
        format!(
            "provlog-approval/v1\naction: promote\nlog: {}\nenvironment: production\n\
             subject: sha256:{} - app.tar\nintent: T-1 reject expired vouchers\nscope: paths=src/\n\
             policy: release@7 sha256:{}\nrequester: bob\nnonce: {}\nexpires: 2100-01-01T00:00:00Z\n",
            self.origin,
            "5a".repeat(32),
            "6b".repeat(32),
            "01".repeat(16)
        )
    }

    /// The approval entry of a statement that alice signed.
    fn signed(&self, statement: &str) -> Value {
        let file = self.root.path().join("statement");
        fs::write(&file, statement).unwrap();
        let _ = fs::remove_file(self.root.path().join("statement.sig"));
        keygen(self.root.path(), "-q -Y sign -f alice -n approval@provlog statement");
        let signature = fs::read_to_string(self.root.path().join("statement.sig")).unwrap();
        json!({"kind": "approval", "claims": {
            "subject": [{"name": "app.tar", "digest": {"sha256": "5a".repeat(32)}}],
            "environment": "production",
            "intent": {"id": "T-1", "purpose": "reject expired vouchers", "scope": {"paths": ["src/"]}, "requester": {"id": "bob"}},
            "policy": {"name": "release", "version": "7", "digest": {"sha256": "6b".repeat(32)}},
            "approval": {"approver": {"id": "github:1"}, "method": "ssh", "statement": statement, "signature": signature,
                "nonce": "01".repeat(16), "expires_at_ms": EXPIRES_MS},
        }})
    }

    /// Logs an entry, verifies its receipt with these further arguments, and gives exit code and text.
    fn verified(&self, entry: &Value, arguments: &[&str]) -> (Option<i32>, String) {
        let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
        let answer: Response =
            self.daemon.request("POST", "/v1/entries", &headers, entry.to_string().as_bytes()).expect(201);
        fs::write(self.root.path().join("a.tlog-proof"), &answer.body).unwrap();
        let fixed = ["verify", "a.tlog-proof", "--trust", &self.trust];
        let output = provlog(self.root.path(), &[&fixed[..], arguments].concat());
        (output.status.code(), format!("{}{}", stdout(&output), stderr(&output)))
    }
}

fn keygen(folder: &Path, arguments: &str) {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = Command::new("ssh-keygen").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_signed_approval_is_told_from_one_that_is_asserted() {
    let Some(place) = Place::new() else { return };
    let entry = place.signed(&place.statement());
    let (exit, text) = place.verified(&entry, &["--roster", "roster"]);
    assert_eq!(exit, Some(0), "{text}");
    for line in
        ["\u{2713} approval-form: signed by SHA256:", "\u{2713} approval-signed: signed by alice@example.com"]
    {
        assert!(text.contains(line), "expected {line:?} in {text}");
    }

    let (exit, text) = place.verified(&entry, &[]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("- approval-signed: not given: a roster"), "{text}");

    // Words of one's own are the submitter's, as they always were.
    let mut asserted = entry.clone();
    asserted["claims"]["approval"]["statement"] = json!("I read it, and approve.");
    let (exit, text) = place.verified(&asserted, &["--roster", "roster"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(!text.contains("approval-form") && text.contains("asserted by submitter, not checked"), "{text}");
}

#[test]
fn a_signed_approval_of_something_else_is_refused() {
    let Some(place) = Place::new() else { return };
    let statement = place.statement();
    let good = place.signed(&statement);
    let changed = |pointer: &str, value: Value| {
        let mut entry = good.clone();
        *entry.pointer_mut(pointer).unwrap() = value;
        entry
    };
    let cases = [
        (changed("/claims/environment", json!("staging")), "environment: the statement says production"),
        (changed("/claims/intent/purpose", json!("something else")), "intent: the statement says T-1"),
        (changed("/claims/subject/0/name", json!("other.tar")), "subject: the statement says sha256:5a"),
        (changed("/claims/policy/version", json!("8")), "policy: the statement says release@7"),
        (changed("/claims/approval/expires_at_ms", json!(EXPIRES_MS + 1)), "approval.expires_at_ms"),
        (
            changed("/claims/approval/approver/id", json!("mallory")),
            "approver is \"mallory\", and alice@example.com signed",
        ),
        (
            place.signed(&statement.replace(&place.origin, "example.com/other")),
            "the statement is for the log example.com/other",
        ),
        (place.signed(&statement.replace("2100", "2020")), "approval.expires_at_ms"),
        (place.signed(&statement.replace("T-1 reject", "T-1  reject")), "text of 1 to 200 bytes"),
        (
            changed("/claims/approval/statement", json!(statement.replace("bob", "eve"))),
            "intent.requester: the statement says eve",
        ),
    ];
    for (entry, expected) in cases {
        let (exit, text) = place.verified(&entry, &["--roster", "roster"]);
        assert_eq!(exit, Some(3), "{expected}: {text}");
        let text = text.replace("\n      | ", "");
        assert!(text.contains(expected), "expected {expected:?} in {text}");
    }

    // The same claims, and a signature of another text.
    let mut forged = good.clone();
    let other = place.signed(&statement.replace(&"01".repeat(16), &"02".repeat(16)));
    forged["claims"]["approval"]["signature"] = other["claims"]["approval"]["signature"].clone();
    let (exit, text) = place.verified(&forged, &["--roster", "roster"]);
    assert_eq!(exit, Some(3), "{text}");
    assert!(text.contains("it isn't one of this message"), "{text}");
}

#[test]
fn what_a_reader_believes_is_read_or_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let entry = place.signed(&place.statement());
    fs::write(place.root.path().join("keys"), "{\"keys\":[]}").unwrap();
    fs::write(place.root.path().join("bad"), "* ssh-ed25519 AAAA\n").unwrap();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--roster", "bad"], 5, "bad: "),
        (&["--roster", "missing"], 6, "missing"),
        (
            &["--issuer-keys", "https://issuer.example=keys"],
            5,
            "expected a key that can be used, got none of 0",
        ),
        (&["--issuer-keys", "keys"], 2, "expected whose keys it has"),
        (&["--bundle", "Example.org=keys"], 5, "Example.org"),
        (&["--require-bound"], 3, "workload-bound: there is no evidence"),
    ];
    for (arguments, expected, part) in cases {
        let (exit, text) = place.verified(&entry, arguments);
        assert_eq!(exit, Some(expected), "{arguments:?}: {text}");
        assert!(text.contains(part), "expected {part:?} in {text}");
    }
    let exported = provlog(
        place.root.path(),
        &["export", "-o", "package", "--url", &place.daemon.url, "--trust", &place.trust],
    );
    assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
    let verify = |arguments: &[&str]| {
        provlog(place.root.path(), &[&["verify", "package", "--trust", &place.trust], arguments].concat())
    };
    assert_eq!(verify(&[]).status.code(), Some(0));
    // The daemon's own entries need no workload; those of the cases have none.
    let count = cases.len();
    let required = verify(&["--require-bound"]);
    assert_eq!(required.status.code(), Some(3));
    let text = String::from_utf8(required.stdout).unwrap();
    let expected = format!("workload-bound: {count} fail, first entry 1: there is no evidence");
    assert!(text.contains(&expected), "{text}");
    let refused = verify(&["--roster", "bad"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    let signed = verify(&["--roster", "roster"]);
    assert_eq!(signed.status.code(), Some(0), "{}", stderr(&signed));
    let text = String::from_utf8(signed.stdout).unwrap();
    assert!(text.contains(&format!("approval-signed: {count} signed by a person of the roster")), "{text}");
}
