//! The program itself, from end to end against a log that is a few lines of test: what only a process shows, such as
//! exit codes, standard streams and files.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[expect(dead_code, reason = "the unit tests have more workloads")]
#[path = "../../src/verb/append/prover/tests/forged.rs"]
mod forged;
mod reach;
#[path = "../../src/testing/mod.rs"]
mod testing;
mod workload;

use provlog_core::Kind;
use provlog_core::record::Section;
use provlog_core::submission::Submission;
use provlog_core::tree::Frontier;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use testing::{OneLog, Reply, serve};

const EVENT: [&str; 6] = ["append", "--kind", "event", "--type", "https://example.com/built", "--artifact"];

fn provlog(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provlog"));
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("PROVLOG_URL")
        .env_remove("PROVLOG_TRUST")
        .env_remove("PROVLOG_FINGERPRINT")
        .env_remove("PROVLOG_TOKEN")
        .env_remove("PROVLOG_CA")
        .env_remove("PROVLOG_CLIENT_CERT")
        .env_remove("PROVLOG_CLIENT_KEY")
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_ascii_lowercase());
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    provlog(folder).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Runs, and demands an exit code and a part of what was said.
fn expect(folder: &Path, arguments: &[&str], code: i32, said: &str) -> Output {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert!(all.contains(said), "{arguments:?}: expected {said:?} in {all}");
    output
}

/// A folder with an artifact, a trust file where it is looked for, and a receipt of an entry about the artifact.
fn home(log: &OneLog) -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".provlog")).unwrap();
    fs::write(home.path().join(".provlog/trust"), log.trust_text()).unwrap();
    fs::write(home.path().join("app"), "app").unwrap();
    let answering = log.clone();
    let server = serve(1, move |_, request| {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        Reply::new(201, answering.receipt(submission.kind().kind, submission.seal().unwrap()))
    });
    let arguments = [&EVENT[..], &["app", "--url", &server.url]].concat();
    let output = expect(home.path(), &arguments, 0, ".provlog/receipts/");
    let requests = server.finish();
    assert_eq!(requests[0].line, "POST /v1/entries HTTP/1.1");
    assert_eq!(requests[0].header("accept"), Some("text/plain"));
    let path = stdout(&output).trim_end().to_string();
    assert!(!path.contains('\n'), "the path alone goes to standard output: {path}");
    (home, path)
}

#[test]
fn an_entry_is_appended_verified_shown_and_redacted() {
    let log = OneLog::new();
    let (home, receipt) = home(&log);
    let folder = home.path();
    assert!(receipt.ends_with("-1.tlog-proof"), "{receipt}");
    expect(folder, &["verify", &receipt, "--artifact", "app"], 0, "verdict: verified");
    expect(
        folder,
        &["verify", ".provlog", "--expect", "submitted.type=x"],
        3,
        "expected x, got https://example.com/built",
    );
    expect(folder, &["inspect", &receipt], 0, "NOT VERIFIED");
    expect(folder, &["redact", &receipt, "--keep", "submitted.subject", "-o", "less"], 0, "less");
    expect(folder, &["verify", "less", "--artifact", "app"], 0, "submitted.type = ");
    expect(folder, &["verify", "less", "--expect", "submitted.type=x"], 3, "submitted.type is hidden");
    expect(folder, &["redact", &receipt, "--hide", "submitted.tpye"], 2, "no claim submitted.tpye");
}

#[test]
fn each_way_to_fail_has_its_exit_code() {
    let log = OneLog::new();
    let (home, receipt) = home(&log);
    let folder = home.path();
    fs::write(folder.join("bad.tlog-proof"), "nonsense").unwrap();
    let foreign = OneLog::with_seed([8; 32]).receipt(Kind::new(22).unwrap(), Section::default());
    fs::write(folder.join("foreign.tlog-proof"), foreign).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    expect(folder, &["nonsense"], 2, "unrecognized subcommand");
    expect(folder, &["verify", &receipt, "--expect", "submitted.type"], 2, "expected <section>.<claim>");
    expect(folder, &["verify", &receipt, "--trust", "none"], 6, "none: No such file");
    expect(folder, &["verify", "missing"], 6, "verdict: unreadable");
    expect(folder, &["verify", "empty"], 6, "no *.tlog-proof");
    expect(folder, &["verify", "bad.tlog-proof"], 8, "verdict: malformed");
    expect(folder, &["verify", "foreign.tlog-proof", "bad.tlog-proof"], 5, "verdict: untrusted");
    expect(folder, &["verify", ".", "--expect", "submitted.type=x"], 3, "0 of 3 verified");
    expect(
        folder,
        &["append", "--kind", "event", "--type", "t", "--artifact", "missing"],
        6,
        "missing: No such file",
    );
    expect(folder, &["append", "--kind", "event", "--type", "t"], 8, "subject");
    expect(folder, &["get", "1", "--url", "ftp://log.example.com"], 2, "expected a URL such as https://");
    let nobody = ["--url", "http://127.0.0.1:1", "--timeout", "0s", "-o", "kept/r"];
    expect(folder, &[&EVENT[..], &["app"], &nobody].concat(), 7, "provlog flush");
    let denied = serve(1, |_, _| Reply::problem(403, "denied"));
    expect(folder, &["flush", "kept", "--url", &denied.url], 4, "no (denied)");
    assert_eq!(fs::read_dir(folder.join("kept")).unwrap().count(), 1, "what was denied is kept");
    fs::remove_file(folder.join(".provlog/trust")).unwrap();
    expect(folder, &["verify", &receipt], 5, "provlog trust fetch");
    expect(folder, &[&EVENT[..], &["app"]].concat(), 5, "provlog trust fetch");
}

/// Good ones that share a checkpoint, and bad ones among them, some of which differ from it in one byte.
#[test]
fn many_receipts_get_the_verdict_the_text_and_the_place_that_each_gets_alone() {
    let (log, home) = (OneLog::new(), tempfile::tempdir().unwrap());
    let folder = home.path();
    fs::write(folder.join("trust"), log.trust_text()).unwrap();
    let good = |kind| log.receipt(Kind::new(kind).unwrap(), Section::default());
    let (one, two) = (good(22), good(21));
    let foreign = OneLog::with_seed([8; 32]).receipt(Kind::new(22).unwrap(), Section::default());
    let note = one.windows(2).position(|bytes| bytes == b"\n\n").unwrap() + 2;
    let mut names = Vec::new();
    for nth in 0..40 {
        let mut receipt = [&one, &one, &one, &two, &foreign, &one, &one][nth % 7].clone();
        match nth % 7 {
            1 | 5 => receipt[note + nth * 5 % (one.len() - note)] ^= 1,
            2 => receipt = String::from_utf8(receipt).unwrap().replace("index 1\n", "index 0\n").into_bytes(),
            6 => receipt.truncate(nth * 10),
            _ => {}
        }
        names.push(format!("{nth:02}.tlog-proof"));
        fs::write(folder.join(&names[nth]), receipt).unwrap();
    }
    names.insert(20, "missing.tlog-proof".into());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let verify =
        |more: &[&str], names: &[&str]| run(folder, &[&["verify", "--trust", "trust"], more, names].concat());
    let json = |names: &[&str]| {
        serde_json::from_slice::<serde_json::Value>(&verify(&["--json"], names).stdout).unwrap()
    };

    let (many, text) = (json(&names), verify(&[], &names));
    let mut rest = stdout(&text);
    let mut verdicts = std::collections::BTreeSet::new();
    for (nth, name) in names.iter().enumerate() {
        let alone = json(&[name]);
        assert_eq!(many["receipts"][nth], alone["receipts"][0], "{name}");
        verdicts.insert(alone["receipts"][0]["verdict"].to_string());
        let said = verify(&[], &[name]);
        let said = stdout(&said).split_once("\n\n").unwrap().1;
        rest = rest.split_once(said).unwrap_or_else(|| panic!("{name}: {said:?} comes next in {rest:?}")).1;
    }
    assert!(rest.contains("of 41 verified, each for itself"), "{rest}");
    let expected = ["malformed", "not proven", "unreadable", "untrusted", "verified"];
    assert!(verdicts.iter().map(|verdict| verdict.trim_matches('"')).eq(expected), "{verdicts:?}");
    assert_eq!(many["exit"], text.status.code().unwrap());
    assert_eq!(
        many["trees"]["forks"].as_array().map(Vec::len),
        Some(6),
        "each of the other tree with the first"
    );
}

#[test]
fn a_submission_that_got_no_answer_is_flushed_under_the_name_it_was_to_have() {
    let log = OneLog::new();
    let (home, _) = home(&log);
    let hanging = serve(1, |_, _| Reply::Cut(Vec::new()));
    let arguments =
        [&EVENT[..], &["app", "--url", &hanging.url, "--timeout", "0s", "-o", "out/app.tlog-proof"]];
    expect(home.path(), &arguments.concat(), 7, "is kept in out/");
    let answering = log.clone();
    let server = serve(1, move |_, request| {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        Reply::new(200, answering.receipt(submission.kind().kind, submission.seal().unwrap()))
    });
    expect(home.path(), &["flush", "out", "--url", &server.url], 0, "out/app.tlog-proof");
    expect(home.path(), &["verify", "out", "--artifact", "app"], 0, "verified");
    assert_eq!(fs::read_dir(home.path().join("out")).unwrap().count(), 1);
    expect(home.path(), &["flush", "out"], 0, "");
}

#[test]
fn trust_is_fetched_by_fingerprint_and_consistency_by_checkpoints() {
    let log = OneLog::new();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    expect(folder, &["trust", "fetch"], 2, "--fingerprint is missing");
    let body = format!(r#"{{"key":"{}"}}"#, log.vkey());
    let server = serve(2, move |_, _| Reply::new(200, body.clone()));
    let fetch = ["trust", "fetch", "--url", &server.url, "--fingerprint"];
    expect(folder, &[&fetch[..], &[&"0".repeat(64)]].concat(), 5, &log.fingerprint());
    expect(folder, &[&fetch[..], &[&log.fingerprint()]].concat(), 0, ".provlog/trust");
    assert_eq!(log.trust().log().fingerprint(), log.fingerprint());

    let mut tree = Frontier::new();
    for name in ["one", "two"] {
        tree.push(provlog_core::Hash::leaf(name.as_bytes()));
        fs::write(folder.join(name), log.checkpoint(&tree)).unwrap();
    }
    let second = provlog_core::Hash::leaf(b"two").to_base64();
    fs::write(folder.join("proof"), format!(r#"{{"proof":["{second}"]}}"#)).unwrap();
    fs::write(folder.join("empty"), r#"{"proof":[]}"#).unwrap();
    expect(folder, &["consistency", "one", "two", "--proof", "proof"], 0, "verdict: consistent");
    expect(folder, &["consistency", "two", "one", "--proof", "proof"], 2, "expected the earlier first");
    expect(folder, &["consistency", "one", "two", "--proof", "empty"], 3, "keep both files");
}

#[test]
fn streams_stand_for_files_and_may_close() {
    let log = OneLog::new();
    let (home, receipt) = home(&log);
    let mut child = provlog(home.path())
        .args(["verify", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(home.path().join(receipt)).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["schema_version"], &json["exit"]), (&1.into(), &0.into()));
    assert_eq!(json["receipts"][0]["verdict"], "verified");

    // The reader is gone before anything is written: that is no failure, and hides none.
    for (arguments, code) in [(["verify", ".provlog"], 0), (["verify", "missing"], 6)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = provlog(home.path()).args(arguments).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}
