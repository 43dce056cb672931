//! What people give that is almost right, and what they are told: which file, which line, and what to do.

use crate::support::{Daemon, folder, program, promotion, provlog, signal, stderr, stdout};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const COMMIT: &str = "gitCommit:0123456789abcdef0123456789abcdef01234567";

struct Log {
    root: TempDir,
    daemon: Daemon,
}

impl Log {
    /// With the trust file `trust` and the receipt `r.tlog-proof`, whose subject is the SHA-256 of `app`.
    fn new() -> Self {
        let root = folder();
        let data = root.path().join("data");
        let daemon = Daemon::start(&data);
        let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
        let answer = daemon.request("POST", "/v1/entries", &headers, promotion("app").to_string().as_bytes());
        fs::write(root.path().join("r.tlog-proof"), answer.expect(201).body).unwrap();
        fs::copy(daemon.trust(&data), root.path().join("trust")).unwrap();
        Self { root, daemon }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        provlog(self.root.path(), arguments)
    }

    fn expect(&self, arguments: &[&str], code: i32, said: &str) -> String {
        let output = self.run(arguments);
        let all = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        assert!(all.contains(said), "{arguments:?}: expected {said:?} in {all}");
        all
    }

    fn append(&self, more: &[&str]) -> Output {
        let log = ["append", "--trust", "trust", "--url", &self.daemon.url];
        self.run(&[&log[..], more].concat())
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root.path().join(name), bytes).unwrap();
    }

    fn exists(&self, path: &str) -> bool {
        self.root.path().join(path).exists()
    }
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn crlf(text: &[u8]) -> Vec<u8> {
    std::str::from_utf8(text).unwrap().replace('\n', "\r\n").into_bytes()
}

fn bom(text: &[u8]) -> Vec<u8> {
    [b"\xef\xbb\xbf", text].concat()
}

/// A way of writing a text anew, and what is said of it.
type Rewritten = (fn(&[u8]) -> Vec<u8>, &'static str);

const REWRITTEN: [Rewritten; 3] = [(crlf, "CRLF"), (bom, "byte order mark"), (utf16, "UTF-16")];

#[test]
fn texts_that_an_editor_wrote_anew_are_called_what_they_are() {
    let log = Log::new();
    let [receipt, trust] =
        ["r.tlog-proof", "trust"].map(|name| fs::read(log.root.path().join(name)).unwrap());
    for (rewrite, what) in REWRITTEN {
        log.write("other.tlog-proof", &rewrite(&receipt));
        for verb in ["verify", "inspect"] {
            let trust = if verb == "verify" { &["--trust", "trust"][..] } else { &[] };
            let said = log.expect(&[&[verb, "other.tlog-proof"], trust].concat(), 8, what);
            assert!(said.contains("line 1") && said.contains("other.tlog-proof"), "{said}");
        }
        log.write("other-trust", &rewrite(&trust));
        let said = log.expect(&["verify", "r.tlog-proof", "--trust", "other-trust"], 5, what);
        assert!(said.contains("line 1") && said.contains("other-trust"), "{said}");
    }
    for (rewrite, what) in &REWRITTEN[1..] {
        log.write("request.json", &rewrite(promotion("b").to_string().as_bytes()));
        let output = log.append(&["--json", "request.json"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(8), "{said}");
        assert!(said.contains(what) && said.contains("request.json"), "{said}");
        log.write("claim.json", &rewrite(b"[\"read\"]"));
        let output = log.append(&[
            "--kind",
            "event",
            "--type",
            "t",
            "--subject",
            COMMIT,
            "--permissions",
            "@claim.json",
        ]);
        let said = stderr(&output);
        assert!(said.contains(what) && said.contains("claim.json"), "{said}");
    }
}

#[test]
fn an_output_s_folders_are_made_and_a_slash_means_a_folder() {
    let log = Log::new();
    let event = ["--kind", "event", "--type", "t", "--subject", COMMIT];
    let output = log.append(&[&event[..], &["-o", "newdir/"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let path = stdout(&output);
    assert!(path.starts_with("newdir/") && path.trim().ends_with(".tlog-proof"), "{path}");
    assert!(log.root.path().join("newdir").is_dir());
    let export =
        |to| log.run(&["export", "--start", "0", "-o", to, "--trust", "trust", "--url", &log.daemon.url]);
    for to in ["new/er/q.zip", "other/package"] {
        let output = export(to);
        assert_eq!(output.status.code(), Some(0), "{to}: {}", stderr(&output));
        assert!(log.exists(to));
    }
    log.expect(
        &["redact", "r.tlog-proof", "--hide", "submitted.subject", "-o", "some/"],
        2,
        "got a folder's",
    );
    assert!(!log.exists("some"));
}

#[test]
fn a_package_and_a_receipt_come_through_standard_input() {
    let log = Log::new();
    let output =
        log.run(&["export", "--start", "0", "-o", "q.zip", "--trust", "trust", "--url", &log.daemon.url]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for (file, more, code, said) in [
        ("q.zip", None, 0, "verdict: verified: all entries from 0 to 1"),
        ("r.tlog-proof", None, 0, "verdict: verified: promotion"),
        ("q.zip", Some("--expect=submitted.environment=e"), 2, "a package has many entries"),
        ("trust", None, 8, "verdict: malformed"),
    ] {
        let mut child = Command::new(program("provlog"))
            .args(["verify", "-", "--trust", "trust"])
            .args(more)
            .current_dir(log.root.path())
            .env("HOME", log.root.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&fs::read(log.root.path().join(file)).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        let all = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{file}: {all}");
        assert!(all.contains(said), "{file}: expected {said:?} in {all}");
    }
}

#[test]
fn algorithms_that_are_not_known_are_all_named_with_what_they_are_here() {
    let log = Log::new();
    let sha1 = "7546ca866c269b36678dc2aebc402a4ef8a57f48";
    let sha256 = "b356568133eeb694cedff59eed2bccf1e43e80e3fe779d5715b419ca233cc068";
    for (digest, said) in [
        (format!(r#"{{"sha1":"{sha1}"}}"#), vec!["gitCommit", "sha1"]),
        (format!(r#"{{"sha256":"{sha256}","md5":"00","crc":"00"}}"#), vec!["md5", "crc", "beside sha256"]),
    ] {
        let subject = format!(r#"{{"digest":{digest}}}"#);
        let output = log.append(&["--kind", "event", "--type", "t", "--subject", &subject]);
        assert_eq!(output.status.code(), Some(8), "{}", stderr(&output));
        for part in said {
            assert!(stderr(&output).contains(part), "expected {part:?} in {}", stderr(&output));
        }
    }
}

#[test]
fn variables_that_are_empty_count_as_not_set() {
    let log = Log::new();
    let home = log.root.path();
    fs::create_dir(home.join(".provlog")).unwrap();
    fs::copy(home.join("trust"), home.join(".provlog/trust")).unwrap();
    fs::write(home.join(".provlog/config.toml"), format!("url = \"{}\"", log.daemon.url)).unwrap();
    let empty = ["PROVLOG_URL", "PROVLOG_TRUST", "PROVLOG_FINGERPRINT"].map(|name| (name, ""));
    for arguments in [&["verify", "r.tlog-proof"][..], &["get", "1"], &["trust", "fetch"]] {
        let output = Command::new(program("provlog"))
            .args(arguments)
            .current_dir(home)
            .env("HOME", home)
            .envs(empty)
            .output()
            .unwrap();
        let (code, said) = if arguments[0] == "trust" { (2, "--fingerprint is missing") } else { (0, "") };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    daemon_with_empty_variables(&home.join("another"));
}

fn daemon_with_empty_variables(data: &Path) {
    let names = ["CONFIG", "ORIGIN", "LOG_KEY", "HIGH_WATER", "CONNECTIONS_MAX", "BODY_BYTES_MAX", "LOG"];
    let timeouts = ["HEADER", "BODY", "WRITE", "DRAIN"].map(|name| format!("PROVLOGD_{name}_TIMEOUT_MS"));
    let names = names.map(|name| format!("PROVLOGD_{name}"));
    let mut child = Daemon::command(data, &[])
        .envs(names.iter().chain(&timeouts).map(|name| (name, "")))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let listens = lines.any(|line| line.unwrap().contains("listening on "));
    if listens {
        signal("-TERM", child.id());
    }
    let output = child.wait_with_output().unwrap();
    assert!(listens, "{}", stderr(&output));
}

#[test]
fn a_check_that_passes_says_which_file_matched() {
    let log = Log::new();
    log.write("app", b"app");
    let said =
        log.expect(&["verify", "r.tlog-proof", "--trust", "trust", "--artifact", "app"], 0, "verified");
    let line = said.lines().find(|line| line.contains("subject: ")).unwrap();
    assert!(line.ends_with(" matches app"), "{line}");
    log.write("other", b"other");
    let said =
        log.expect(&["verify", "r.tlog-proof", "--trust", "trust", "--artifact", "other"], 3, "subject");
    assert!(!said.contains("matches other"), "{said}");
}
