//! The main job: append, get a receipt, verify it with the daemon switched off.

use crate::support::{Daemon, folder, have, promotion, provlog, stderr, stdout};
use serde_json::json;
use std::fs;
use std::process::Command;

fn receipt_and_trust(root: &std::path::Path) -> (String, String) {
    let data_dir = root.join("data");
    let daemon = Daemon::start(&data_dir);
    let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
    let answer = daemon
        .request("POST", "/v1/entries", &headers, promotion("app.tar").to_string().as_bytes())
        .expect(201);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let receipt = root.join("e.tlog-proof");
    fs::write(&receipt, &answer.body).unwrap();
    let trust = root.join("trust");
    fs::copy(daemon.trust(&data_dir), &trust).unwrap();
    assert_eq!(daemon.terminate(), Some(0));
    (receipt.to_str().unwrap().into(), trust.to_str().unwrap().into())
}

#[test]
fn a_receipt_verifies_with_the_daemon_off() {
    let root = folder();
    let (receipt, trust) = receipt_and_trust(root.path());
    let output = provlog(root.path(), &["verify", &receipt, "--trust", &trust]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    for part in ["asserted by submitter, not checked", "subject", "not compared", "root"] {
        assert!(text.contains(part), "expected {part:?} in: {text}");
    }

    // Without a trust file nothing is believed, and nobody is asked.
    let output = provlog(root.path(), &["verify", &receipt]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("provlog trust fetch"), "{}", stderr(&output));

    // One byte changed.
    let mut bytes = fs::read(&receipt).unwrap();
    bytes[100] ^= 1;
    fs::write(&receipt, bytes).unwrap();
    let output = provlog(root.path(), &["verify", &receipt, "--trust", &trust]);
    assert!(matches!(output.status.code(), Some(3 | 8)), "{:?}", output.status);
}

#[test]
fn a_receipt_of_another_artifact_does_not_pass() {
    let root = folder();
    let (receipt, trust) = receipt_and_trust(root.path());
    let artifact = root.path().join("app.tar");
    fs::write(&artifact, "app.tar").unwrap();
    let verify = |arguments: &[&str]| {
        provlog(root.path(), &[&["verify", &receipt, "--trust", &trust], arguments].concat())
    };
    let right = verify(&["--artifact", artifact.to_str().unwrap()]);
    assert_eq!(right.status.code(), Some(0), "{}", stdout(&right));

    fs::write(&artifact, "another").unwrap();
    let (expected, got) =
        (provlog_core::Hash::plain(b"another").to_hex(), provlog_core::Hash::plain(b"app.tar").to_hex());
    let commit = "1".repeat(40);
    let cases: [(&[&str], &str); 3] = [
        (&["--artifact", artifact.to_str().unwrap()], &expected),
        (&["--commit", &commit], &commit),
        (&["--expect", "submitted.environment=moon"], "moon"),
    ];
    for (arguments, expected) in cases {
        let output = verify(arguments);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {text}");
        assert!(text.contains(expected), "expected {expected} in: {text}");
        assert!(arguments[0] == "--expect" || text.contains(&got), "what was got is shown: {text}");
    }
}

#[test]
fn redacted_receipts_verify_and_name_what_is_hidden() {
    let root = folder();
    let (receipt, trust) = receipt_and_trust(root.path());
    let redacted = root.path().join("redacted.tlog-proof");
    let arguments = [
        "redact",
        &receipt,
        "--hide",
        "submitted.model",
        "--hide",
        "attested.workload",
        "-o",
        redacted.to_str().unwrap(),
    ];
    let output = provlog(root.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = provlog(root.path(), &["verify", redacted.to_str().unwrap(), "--trust", &trust, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("not disclosed"), "{}", stdout(&output));
    let output = provlog(
        root.path(),
        &["verify", redacted.to_str().unwrap(), "--trust", &trust, "--expect", "submitted.model.name=m"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
}

/// `verify` and `explain` open no socket: strace sees no network call at all.
#[test]
fn verifying_opens_no_socket() {
    if !have("strace", &["-V"], "strace") {
        return;
    }
    let root = folder();
    let (receipt, trust) = receipt_and_trust(root.path());
    let trace = root.path().join("trace");
    for verb in ["verify", "explain"] {
        let output = Command::new("strace")
            .args(["-f", "-e", "trace=%network", "-o", trace.to_str().unwrap()])
            .arg(crate::support::program("provlog"))
            .args([verb, &receipt, "--trust", &trust])
            .env("PROVLOG_URL", "http://127.0.0.1:1")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let calls = fs::read_to_string(&trace).unwrap();
        let calls: Vec<&str> =
            calls.lines().filter(|line| !line.contains("+++") && !line.contains("---")).collect();
        assert!(calls.is_empty(), "{verb} must not touch the network: {calls:?}");
    }
}

/// The lines that the first start prints run as they were pasted.
#[test]
fn the_lines_of_the_first_start_run_as_pasted() {
    let root = folder();
    let daemon = Daemon::start(&root.path().join("data"));
    let greeting = &daemon.greeting;
    for part in ["origin", "permanent", "back this up", "fingerprint", "trust"] {
        assert!(greeting.contains(part), "expected {part:?} in: {greeting}");
    }
    let is_command = |line: &&str| {
        ["export ", "echo ", "curl "].iter().any(|start| line.starts_with(start))
            || line.contains("provlog verify ")
    };
    let commands: Vec<&str> = greeting.lines().map(str::trim).filter(is_command).collect();
    assert!(commands.len() == 5, "append, verify and curl lines: {greeting}");
    let script = format!("set -eu\n{}\n", commands.join("\n"));
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(root.path())
        .env("HOME", root.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}\n{}{}", stdout(&output), stderr(&output));
    let size = daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap();
    assert!(size >= 2, "something was appended");
    assert!(daemon.get("/v1/entries/1").expect(200).json()["submitted"].is_object());
}

#[test]
fn trust_is_fetched_only_with_the_right_fingerprint() {
    let root = folder();
    let daemon = Daemon::start(&root.path().join("data"));
    let fingerprint = daemon.get("/v1/log").expect(200).json()["fingerprint"].as_str().unwrap().to_string();
    let file = root.path().join("fetched");
    let fetch = |fingerprint: &[&str]| {
        let arguments = ["trust", "fetch", "--url", &daemon.url, "-o", file.to_str().unwrap()];
        provlog(root.path(), &[&arguments, fingerprint].concat())
    };
    assert_ne!(fetch(&[]).status.code(), Some(0));
    assert_eq!(fetch(&["--fingerprint", &"0".repeat(64)]).status.code(), Some(5));
    assert!(!file.exists());
    let output = fetch(&["--fingerprint", &fingerprint]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    provlog_core::trust::Trust::parse(&fs::read(file).unwrap()).unwrap();
}

#[test]
fn consistency_between_two_checkpoints_is_proven() {
    let root = folder();
    let data_dir = root.path().join("data");
    let daemon = Daemon::start(&data_dir);
    let save = |name: &str| {
        let path = root.path().join(name);
        fs::write(&path, daemon.get("/checkpoint").expect(200).body).unwrap();
        path.to_str().unwrap().to_string()
    };
    let old = save("old");
    for n in 0..5 {
        daemon.post("/v1/entries", promotion(&n.to_string()).to_string().as_bytes()).expect(201);
    }
    let new = save("new");
    let trust = daemon.trust(&data_dir);
    let arguments = ["consistency", &old, &new, "--url", &daemon.url, "--trust", trust.to_str().unwrap()];
    let output = provlog(root.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let swapped = ["consistency", &new, &old, "--url", &daemon.url, "--trust", trust.to_str().unwrap()];
    assert_ne!(provlog(root.path(), &swapped).status.code(), Some(0));
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(6));
}

/// Receipts that verify are asked what they are evidence for; one that doesn't is no evidence of anything.
#[test]
fn the_crosswalk_reads_verified_receipts_only() {
    let root = folder();
    let (receipt, trust) = receipt_and_trust(root.path());
    let evidence = || provlog(root.path(), &["crosswalk", "evidence", &receipt, "--trust", &trust]);
    let output = evidence();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(
        text.contains("1 entries of") && text.contains(": present") && text.contains("Supports "),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("complies"), "{text}");
    let text = fs::read_to_string(&receipt).unwrap();
    fs::write(&receipt, text.replace("\nindex 1\n", "\nindex 0\n")).unwrap();
    assert_eq!(evidence().status.code(), Some(3));
}
