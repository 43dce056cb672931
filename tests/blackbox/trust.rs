//! Whose word counts: a repository's `.provlog` may come with a pull request, and never counts by itself.

use crate::support::{Daemon, folder, program, promotion, stderr, stdout};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

fn provlog(here: &Path, home: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("provlog"));
    command.args(arguments).current_dir(here).env("HOME", home);
    for name in ["PROVLOG_URL", "PROVLOG_TRUST", "PROVLOG_FINGERPRINT"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).output().unwrap()
}

fn expect(output: &Output, code: i32, said: &str) {
    let all = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(code), "{all}");
    assert!(all.contains(said), "expected {said:?} in {all}");
}

/// A receipt of a log, the log's trust file, and its fingerprint.
fn log(data: &Path) -> (Vec<u8>, String, String) {
    let daemon = Daemon::start(data);
    let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
    let answer = daemon.request("POST", "/v1/entries", &headers, promotion("app").to_string().as_bytes());
    let receipt = answer.expect(201).body;
    let trust = fs::read_to_string(daemon.trust(data)).unwrap();
    let key = trust.lines().find_map(|line| line.strip_prefix("log ")).unwrap().split(' ').next().unwrap();
    let fingerprint = provlog_core::Hash::plain(key.as_bytes()).to_hex();
    (receipt, trust, fingerprint)
}

#[test]
fn a_repository_s_trust_file_counts_only_once_its_fingerprint_is_known_or_given() {
    let root = folder();
    let (repository, home) = (root.path().join("repository"), root.path().join("home"));
    for path in [repository.join(".git"), repository.join(".provlog"), home.join(".provlog")] {
        fs::create_dir_all(path).unwrap();
    }
    let (_, own, _) = log(&root.path().join("own"));
    let (receipt, theirs, fingerprint) = log(&root.path().join("theirs"));
    fs::write(repository.join("r.tlog-proof"), receipt).unwrap();
    fs::write(repository.join(".provlog/trust"), theirs).unwrap();
    let verify = |arguments: &[&str], environment: &[(&str, &str)]| {
        provlog(&repository, &home, &[&["verify", "r.tlog-proof"], arguments].concat(), environment)
    };
    // Nothing else is there to believe: refused, with what to do.
    let refused = verify(&[], &[]);
    expect(&refused, 5, "provlog trust add");
    expect(&refused, 5, "PROVLOG_FINGERPRINT");
    // The user's own decides, and what didn't count is said.
    fs::write(home.join(".provlog/trust"), own).unwrap();
    let other = verify(&[], &[]);
    expect(&other, 5, "verdict: untrusted");
    expect(&other, 5, "did not count");
    fs::remove_file(home.join(".provlog/trust")).unwrap();
    // Given, by flag or variable: the one way without a home.
    expect(&verify(&["--fingerprint", &fingerprint], &[]), 0, "verdict: verified");
    expect(&verify(&[], &[("PROVLOG_FINGERPRINT", &fingerprint)]), 0, "verdict: verified");
    for nowhere in ["", "relative", "/nonexistent"] {
        let environment = [("HOME", nowhere)];
        expect(&verify(&[], &environment), 5, "provlog trust add");
        expect(&verify(&["--fingerprint", &fingerprint], &environment), 0, "verdict: verified");
    }
    expect(&verify(&["--fingerprint", &"0".repeat(64)], &[]), 5, "expected the fingerprint 000");
    expect(&verify(&["--fingerprint", "nonsense"], &[]), 2, "64 lowercase hex digits");
    // Known.
    let added = provlog(&repository, &home, &["trust", "add", &fingerprint], &[]);
    expect(&added, 0, "home/.provlog/fingerprints");
    expect(&verify(&[], &[]), 0, "verdict: verified");
}

/// Where a submission goes, with its salts and all that it says, is not for a pull request to say.
#[test]
fn a_repository_s_url_counts_no_more_than_its_trust_file() {
    let root = folder();
    let home = root.path();
    let data = home.join("data");
    let daemon = Daemon::start(&data);
    fs::create_dir_all(home.join(".provlog")).unwrap();
    fs::copy(daemon.trust(&data), home.join(".provlog/trust")).unwrap();
    fs::write(home.join(".provlog/config.toml"), format!("url = \"{}\"", daemon.url)).unwrap();
    let repository = home.join("repository");
    fs::create_dir_all(repository.join(".git")).unwrap();
    fs::create_dir_all(repository.join(".provlog")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    fs::write(repository.join(".provlog/config.toml"), format!("url = \"http://{elsewhere}\"")).unwrap();
    let arguments = [
        "append",
        "--kind",
        "event",
        "--type",
        "t",
        "--subject",
        "gitCommit:0123456789abcdef0123456789abcdef01234567",
    ];
    let output = provlog(&repository, home, &arguments, &[]);
    expect(&output, 0, "did not count");
    assert!(listener.accept().is_err(), "nothing was sent to where the repository says");
}

/// A fingerprint commits to its key: whoever has it needs no trust file of their own where the key is at hand.
#[test]
fn a_fingerprint_serves_alone_where_the_key_lies_beside_or_in_what_is_verified() {
    let root = folder();
    let here = |name: &str| root.path().join(name);
    let data = here("data");
    let daemon = Daemon::start(&data);
    let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
    let answer = daemon.request("POST", "/v1/entries", &headers, promotion("app").to_string().as_bytes());
    let receipt = answer.expect(201).body;
    let trust = fs::read(daemon.trust(&data)).unwrap();
    let trusted = provlog_core::trust::Trust::parse(&trust).unwrap();
    let fingerprint = trusted.log().fingerprint();
    let home = here("home");
    for folder in ["home", "beside/.provlog/receipts", "policy", "alone"] {
        fs::create_dir_all(here(folder)).unwrap();
    }
    let ask = |arguments: &[&str]| {
        let trust = daemon.trust(&data);
        let log = ["--url", &daemon.url, "--trust", trust.to_str().unwrap()];
        expect(&provlog(root.path(), &home, &[arguments, &log].concat(), &[]), 0, "");
    };
    ask(&["export", "-o", "alone/all"]);
    ask(&["export", "-o", "alone/all.zip"]);
    ask(&["export", "-o", "alone/later", "--start", "1"]);
    ask(&["get", "0", "--receipt", "alone/genesis.tlog-proof"]);
    fs::write(here("alone/receipt.tlog-proof"), &receipt).unwrap();
    fs::write(here("beside/.provlog/receipts/receipt.tlog-proof"), &receipt).unwrap();
    fs::write(here("beside/.provlog/trust"), &trust).unwrap();
    fs::write(here("policy/receipt.tlog-proof"), &receipt).unwrap();
    fs::write(here("policy/trust.tlog-policy"), &trust).unwrap();

    let given = |sources: &[&str], fingerprint: &str| {
        let arguments = [&["verify"], sources, &["--fingerprint", fingerprint]].concat();
        provlog(root.path(), &home, &arguments, &[])
    };
    let with_key = [
        "alone/all",
        "alone/all.zip",
        "alone/genesis.tlog-proof",
        "beside/.provlog/receipts",
        "beside/.provlog/receipts/receipt.tlog-proof",
        "policy/receipt.tlog-proof",
    ];
    for source in with_key {
        expect(&given(&[source], &fingerprint), 0, "verdict: verified");
        // Another's fingerprint is of no key here, and without one nothing is believed.
        expect(&given(&[source], &"0".repeat(64)), 5, "no trust file");
        expect(&provlog(root.path(), &home, &["verify", source], &[]), 5, "no trust file");
        let evidence = ["crosswalk", "evidence", source, "--fingerprint", &fingerprint];
        expect(&provlog(root.path(), &home, &evidence, &[]), 0, "all verified");
    }
    for source in ["alone/later", "alone/receipt.tlog-proof"] {
        expect(&given(&[source], &fingerprint), 5, "the fingerprint alone will do");
    }
    expect(&given(&["alone/receipt.tlog-proof", "alone/all.zip"], &fingerprint), 0, "2 of 2 verified");
    // Another log's own trust file doesn't stand in the way of a fingerprint that was given, and a known one needs no flag.
    let (_, other, _) = log(&here("other"));
    fs::create_dir_all(home.join(".provlog")).unwrap();
    fs::write(home.join(".provlog/trust"), other).unwrap();
    expect(&given(&["alone/all"], &fingerprint), 0, "verdict: verified");
    fs::remove_file(home.join(".provlog/trust")).unwrap();
    fs::write(home.join(".provlog/fingerprints"), format!("{fingerprint}\n")).unwrap();
    expect(&provlog(root.path(), &home, &["verify", "alone/all"], &[]), 0, "verdict: verified");
}

/// A fingerprint says nothing of who is at an address: what is asked before anything is believed takes no token.
#[test]
fn a_trust_file_is_fetched_without_a_token() {
    let root = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    });
    let fetch = ["trust", "fetch", "--url", &url, "--fingerprint", &"0".repeat(64)];
    let fetched = provlog(root.path(), root.path(), &fetch, &[("PROVLOG_TOKEN", "a.b.c")]);
    assert_ne!(fetched.status.code(), Some(0), "{}", stderr(&fetched));
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("get /v1/log ") && !asked.contains("authorization"), "{asked}");
}
