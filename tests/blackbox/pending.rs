//! Pending files: the only copy of a record until its receipt is here. Who may end one, and who may take one up.

use crate::support::{Daemon, folder, stderr, stdout, timed};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A folder with an artifact, and a log beside it.
struct Place {
    root: TempDir,
    daemon: Daemon,
    trust: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = folder();
        let data = root.path().join("data");
        let daemon = Daemon::start(&data);
        fs::write(root.path().join("artifact"), "artifact").unwrap();
        let trust = daemon.trust(&data);
        Self { root, daemon, trust }
    }

    fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = timed(self.root.path(), arguments);
        command.env("PROVLOG_URL", url).env("PROVLOG_TRUST", &self.trust);
        command
    }

    fn append(&self, url: &str, more: &[&str]) -> Command {
        let append = ["append", "--kind", "event", "--type", "built", "--artifact", "artifact"];
        self.command(url, &[&append, more].concat())
    }

    fn flush(&self, url: &str) -> Output {
        self.command(url, &["flush"]).output().unwrap()
    }

    /// The files among the receipts with this ending.
    fn kept(&self, extension: &str) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.root.path().join(".provlog/receipts"));
        let paths = folder.into_iter().flatten().map(|item| item.unwrap().path());
        let mut kept: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
        kept.sort();
        kept
    }

    /// Waits until there are this many pending files.
    fn until_pending(&self, count: usize) -> Vec<PathBuf> {
        for _ in 0..600 {
            let kept = self.kept("pending");
            if kept.len() == count {
                return kept;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("expected {count} pending files, got {:?}", self.kept("pending"));
    }
}

fn demand(output: &Output, code: i32, said: &str) {
    let all = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(code), "expected {said:?}: {all}");
    assert!(all.contains(said), "expected {said:?} in {all}");
}

/// Something that answers every request with these bytes, and is no log.
fn stranger(head: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
            // A submission ends with the brace that closes it.
            while !request.ends_with(b"}}") {
                let read = stream.read(&mut chunk).unwrap();
                request.extend_from_slice(&chunk[..read]);
                if read == 0 {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

/// Something that takes connections and never answers.
fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

#[test]
fn only_the_log_s_own_word_ends_a_submission() {
    let place = Place::new();
    let problem = |code: &str, status: u16| {
        format!(
            r#"{{"type":"urn:provlog:problem:{code}","title":"t","status":{status},"code":"{code}","detail":"d"}}"#
        )
    };
    let json = "Content-Type: application/problem+json";
    let foreign = [
        ("400 Bad Request\r\nContent-Type: text/html".to_string(), "<html>no</html>".to_string()),
        ("409 Conflict\r\nContent-Type: text/html".into(), String::new()),
        ("413 Too Large\r\nContent-Type: text/html".into(), "<html>413, says an ingress</html>".into()),
        ("415 Unsupported\r\nContent-Type: text/plain".into(), "no".into()),
        ("422 Unprocessable\r\nContent-Type: application/json".into(), problem("claim.type", 422)),
        (format!("400 Bad Request\r\n{json}"), r#"{"type":"about:blank","status":400}"#.into()),
        (
            format!("400 Bad Request\r\n{json}"),
            r#"{"type":"https://example.com/claim.type","code":"claim.type"}"#.into(),
        ),
        (format!("413 Too Large\r\n{json}"), problem("claim.type", 400)),
        (format!("400 Bad Request\r\n{json}"), problem("claim.ahead", 400)),
        (format!("400 Bad Request\r\n{json}"), problem("body.incomplete", 400)),
        (format!("400 Bad Request\r\n{json}"), problem("kind.not-accepted", 400)),
        (format!("404 Not Found\r\n{json}"), problem("route.unknown", 404)),
        (format!("507 No Space\r\n{json}"), problem("no-space", 507)),
    ];
    for (head, body) in &foreign {
        let url = stranger(head, body);
        for output in [place.append(&url, &["--timeout", "1s"]).output().unwrap(), place.flush(&url)] {
            assert!(stderr(&output).contains("the submission is kept in "), "{head}: {}", stderr(&output));
            assert_ne!(output.status.code(), Some(0), "{head}");
        }
        assert_eq!(place.kept("pending").len(), 1, "{head}");
    }
    demand(&place.flush(&place.daemon.url), 0, "-1.tlog-proof");
    assert!(place.kept("pending").is_empty());

    // The log itself: what passes with time is kept, what never will be taken is not.
    let ahead_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + 3_600_000;
    let url = &place.daemon.url;
    let output = place.append(url, &["--occurred-at-ms", &ahead_ms.to_string()]).output().unwrap();
    demand(&output, 8, "claim.ahead");
    assert_eq!(place.kept("pending").len(), 1, "{}", stderr(&output));
    fs::remove_file(&place.kept("pending")[0]).unwrap();
    demand(&place.append(url, &["--idempotency-key", "k"]).output().unwrap(), 0, ".tlog-proof");
    let other = ["--idempotency-key", "k", "--operator", "alice"];
    let output = place.append(url, &other).output().unwrap();
    demand(&output, 8, "idempotency-key.conflict");
    assert!(place.kept("pending").is_empty(), "{}", stderr(&output));
}

#[test]
fn equal_commands_at_once_are_as_many_entries_each_with_its_receipt() {
    let place = Place::new();
    let commands = 8;
    for round in 1..=3 {
        let start = || place.append(&place.daemon.url, &[]).stdout(Stdio::piped()).spawn().unwrap();
        let runs: Vec<Child> = (0..commands).map(|_| start()).collect();
        let mut printed = Vec::new();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            demand(&output, 0, ".tlog-proof");
            printed.push(stdout(&output));
        }
        printed.sort();
        printed.dedup();
        assert_eq!(printed.len(), commands, "round {round}: a receipt of its own for each run");
        assert_eq!(place.kept("tlog-proof").len(), commands * round);
        assert!(place.kept("pending").is_empty());
    }
    // With one key they are one entry.
    let start = || {
        let mut command = place.append(&place.daemon.url, &["--idempotency-key", "k"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<Child> = (0..commands).map(|_| start()).collect();
    runs.into_iter().for_each(|run| demand(&run.wait_with_output().unwrap(), 0, ".tlog-proof"));
    assert_eq!(place.kept("tlog-proof").len(), commands * 3 + 1);
}

#[test]
fn only_an_abandoned_submission_is_taken_up() {
    let place = Place::new();
    let (nowhere, _listener) = silent();
    // `timeout` would be killed in place of what it runs.
    let mut command = Command::new(crate::support::program("provlog"));
    command.args([
        "append",
        "--kind",
        "event",
        "--type",
        "built",
        "--artifact",
        "artifact",
        "--timeout",
        "5m",
    ]);
    command.current_dir(place.root.path()).env("HOME", place.root.path());
    let mut live = command.env("PROVLOG_URL", &nowhere).env("PROVLOG_TRUST", &place.trust).spawn().unwrap();
    let held = place.until_pending(1);

    let url = &place.daemon.url;
    demand(&place.append(url, &[]).output().unwrap(), 0, "-1.tlog-proof");
    assert_eq!(place.kept("pending"), held, "a live run's submission is its own");
    demand(&place.flush(url), 0, "another run is at work on it");
    assert_eq!(place.kept("pending"), held);

    live.kill().unwrap();
    live.wait().unwrap();
    demand(&place.append(url, &[]).output().unwrap(), 0, "-2.tlog-proof");
    assert!(place.kept("pending").is_empty(), "what was abandoned is resumed, and then over");
    assert_eq!(place.kept("tlog-proof").len(), 2);
    let exists = |path: &Path| path.exists();
    assert!(!exists(&held[0]));
}
