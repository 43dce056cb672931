//! Tokens, through the real programs: made, used, restricted, revoked while the daemon runs, lost, and never seen anywhere.

use crate::support::{Daemon, Response, alone, folder, have, program, promotion, stderr, stdout, until_says};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use tempfile::TempDir;

/// Denied, as the command line has it.
const DENIED: i32 = 4;

/// A log, what its daemon logs at every level, and a folder to work in.
struct Site {
    folder: TempDir,
    daemon: Daemon,
}

impl Site {
    fn new() -> Self {
        let folder = folder();
        let daemon = Self::start(folder.path());
        Self { folder, daemon }
    }

    fn start(folder: &Path) -> Daemon {
        let arguments = ["--log-filter", "trace", "--origin", "example.com/log"];
        Daemon::start_logging(&folder.join("data"), &arguments, &folder.join("log"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self, arguments: &[&str]) -> Output {
        token(&self.path("data"), arguments).output().unwrap()
    }

    /// Makes a token that doesn't end.
    fn create(&self, name: &str, role: &str, restrictions: &[&str]) -> String {
        let create = ["create", "--name", name, "--role", role, "--expires", "never"];
        let made = self.token(&[&create[..], restrictions].concat());
        assert!(made.status.success(), "{}", stderr(&made));
        let text = stdout(&made);
        let token = text.strip_suffix('\n').unwrap();
        assert!(token.starts_with("plt_") && token.len() == 56, "nothing else on stdout: {text}");
        assert!(!stderr(&made).contains(&token[13..]) && stderr(&made).contains(name), "{}", stderr(&made));
        token.into()
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut all = headers.to_vec();
        all.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
        self.daemon.request(method, path, &all, body)
    }

    fn append(&self, subject: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Response {
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        self.ask("POST", "/v1/entries", token, &headers, promotion(subject).to_string().as_bytes())
    }

    /// Runs `provlog` with this token, through a file that its owner alone may read.
    fn provlog(&self, token: &str, arguments: &[&str]) -> Output {
        let file = self.path("token");
        let _ = fs::remove_file(&file);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).unwrap();
        file.write_all(token.as_bytes()).unwrap();
        let trust = self.path("data/trust.tlog-policy");
        let log = ["--url", &self.daemon.url, "--trust", trust.to_str().unwrap(), "--token-file", "token"];
        alone(Command::new(program("provlog")), self.folder.path(), &[arguments, &log].concat())
            .output()
            .unwrap()
    }

    fn size(&self) -> u64 {
        self.daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap()
    }
}

fn token(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("provlogd"));
    command.arg("token").args(arguments).arg("--data-dir").arg(data_dir);
    command
}

fn code(answer: &Response) -> Value {
    answer.json()["code"].clone()
}

#[test]
fn a_token_is_made_used_and_revoked_while_the_daemon_runs() {
    let site = Site::new();
    assert!(site.daemon.greeting.contains("callers: anybody"), "{}", site.daemon.greeting);
    assert_eq!(site.daemon.get("/v1/log").json()["authentication"], json!("none"));
    let listed = site.token(&["list"]);
    assert!(stderr(&listed).contains("there are no tokens") && listed.stdout.is_empty());
    site.append("before", None, &[]).expect(201);

    let (ci, reader) = (site.create("ci", "append", &[]), site.create("reader", "read,audit", &[]));
    let refused = site.append("nobody", None, &[]).expect(401);
    assert_eq!(code(&refused), json!("caller.missing"));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"provlog\""));
    let index = site.append("somebody", Some(&ci), &[]).expect(201).json()["index"].clone();
    assert_eq!(code(&site.append("reader", Some(&reader), &[]).expect(403)), json!("role.denied"));
    assert_eq!(code(&site.ask("GET", "/v1/records", Some(&ci), &[], b"")), json!("role.denied"));
    let entry = site.ask("GET", &format!("/v1/entries/{index}"), Some(&reader), &[], b"").expect(200).json();
    assert_eq!(entry["attested"]["workload"], json!({"method": "static-token", "id": "ci"}), "{entry}");
    let entry = site.ask("GET", "/v1/entries/1", Some(&reader), &[], b"").expect(200).json();
    assert_eq!(entry["attested"]["workload"], json!({"method": "none"}));
    assert_eq!(site.daemon.get("/v1/log").json()["authentication"], json!("tokens"));

    fs::write(site.path("entry.json"), promotion("by the program").to_string()).unwrap();
    let append = ["append", "--json", "entry.json", "--output", "r.tlog-proof"];
    let appended = site.provlog(&ci, &append);
    assert!(appended.status.success(), "{}", stderr(&appended));
    let trust = site.path("data/trust.tlog-policy");
    let verify = ["verify", "r.tlog-proof", "--trust", trust.to_str().unwrap()];
    let verified = alone(Command::new(program("provlog")), site.folder.path(), &verify).output().unwrap();
    assert!(verified.status.success(), "{}", stderr(&verified));
    assert!(
        stdout(&verified).contains(r#"{"id":"ci","method":"static-token"}"#)
            || stdout(&verified).contains(r#"{"method":"static-token","id":"ci"}"#),
        "{}",
        stdout(&verified)
    );
    for verb in [&["audit", "mirror"][..], &["export", "-o", "all"], &["get", "1"]] {
        let done = site.provlog(&reader, verb);
        assert!(done.status.success(), "{verb:?}: {}", stderr(&done));
    }
    let audited = site.provlog(&ci, &["audit", "other-mirror"]);
    assert_eq!(
        audited.status.code(),
        Some(DENIED),
        "records that are not shown are not: none\n{}",
        stderr(&audited)
    );

    // Revoked: the next request is refused, and what was to be appended is kept for another token.
    assert!(site.token(&["revoke", "ci"]).status.success());
    assert_eq!(code(&site.append("late", Some(&ci), &[]).expect(401)), json!("token.revoked"));
    fs::write(site.path("entry.json"), promotion("kept").to_string()).unwrap();
    let append = ["append", "--json", "entry.json", "--output", "kept/r.tlog-proof"];
    let refused = site.provlog(&ci, &append);
    assert_eq!(refused.status.code(), Some(DENIED));
    assert!(stderr(&refused).contains("ask the log's operator for another one"), "{}", stderr(&refused));
    let size = site.size();
    let next = site.create("ci-2", "append", &[]);
    let resumed = site.provlog(&next, &append);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!((site.size(), fs::read_dir(site.path("kept")).unwrap().count()), (size + 1, 1));

    let again = site.token(&["create", "--name", "ci", "--role", "append", "--expires", "never"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("never given twice") && again.stdout.is_empty(), "{}", stderr(&again));
    assert_eq!(site.token(&["revoke", "nobody"]).status.code(), Some(2));
    let listed: Value = serde_json::from_slice(&site.token(&["list", "--json"]).stdout).unwrap();
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|row| (&row["name"], &row["state"])).collect();
    let expected = [("ci", "revoked"), ("reader", "holds"), ("ci-2", "holds")]
        .map(|(name, state)| (json!(name), json!(state)));
    assert_eq!(states, expected.iter().map(|(name, state)| (name, state)).collect::<Vec<_>>());
}

/// Whose a retry is: the caller's own, whatever key or salts somebody else has.
#[test]
fn what_makes_retries_safe_is_each_caller_s_own() {
    let mut site = Site::new();
    let submission = |subject: &str| {
        let mut submission = promotion(subject);
        let names: Vec<String> = submission["claims"].as_object().unwrap().keys().cloned().collect();
        let salt = |name: &String| provlog_core::Hash::plain(name.as_bytes()).to_hex()[..32].to_owned();
        submission["salts"] = names.iter().map(|name| (name.clone(), json!(salt(name)))).collect();
        submission.to_string().into_bytes()
    };
    let keyed = [("Idempotency-Key", "job-7"), ("Content-Type", "application/json")];
    let salted = [("Content-Type", "application/json")];
    let post = |site: &Site, token: Option<&str>, headers: &[(&str, &str)], body: &[u8]| {
        let answer = site.ask("POST", "/v1/entries", token, headers, body);
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        answer.json()["index"].as_u64().unwrap()
    };
    let (by_key, by_salts) = (promotion("a").to_string().into_bytes(), submission("b"));
    let mut first = vec![(None, post(&site, None, &keyed, &by_key), post(&site, None, &salted, &by_salts))];
    let tokens = ["one", "two"].map(|name| site.create(name, "append", &[]));
    for token in &tokens {
        first.push((
            Some(token),
            post(&site, Some(token), &keyed, &by_key),
            post(&site, Some(token), &salted, &by_salts),
        ));
    }
    let mut indices: Vec<u64> = first.iter().flat_map(|(_, key, salts)| [*key, *salts]).collect();
    indices.sort_unstable();
    assert_eq!(indices, (1..=6).collect::<Vec<_>>(), "each caller has an entry of its own");
    for restarted in [false, true] {
        if restarted {
            assert_eq!(site.daemon.terminate(), Some(0));
            site = Site { daemon: Site::start(site.folder.path()), folder: site.folder };
            assert!(site.daemon.greeting.contains("of 2 tokens 2 hold"), "{}", site.daemon.greeting);
        }
        for (token, key, salts) in
            first.iter().filter_map(|(token, key, salts)| Some(((*token)?, key, salts)))
        {
            assert_eq!(post(&site, Some(token), &keyed, &by_key), *key);
            assert_eq!(post(&site, Some(token), &salted, &by_salts), *salts);
        }
        assert_eq!(site.size(), 7);
    }
}

#[test]
fn what_a_token_is_not_for_is_refused_by_line_and_nothing_of_the_batch_is_appended() {
    let site = Site::new();
    let scans = site.create("scans", "append", &["--kinds", "scan"]);
    let here = promotion("a")["claims"]["environment"].as_str().unwrap().to_owned();
    let staging = site.create("staging", "append", &["--environments", "staging"]);
    let own = site.create("own", "append", &["--kinds", "promotion,event", "--environments", &here]);
    let scan = fs::read(crate::support::repository().join("docs/examples/scan.json")).unwrap();
    let scan = serde_json::from_slice::<Value>(&scan).unwrap().to_string();
    let ndjson = [("Content-Type", "application/x-ndjson")];
    let before = site.size();
    let lines = format!("{scan}\n{}\n{scan}\n", promotion("x"));
    for (token, expected, line) in
        [(&scans, "kind.denied", 2), (&staging, "environment.denied", 2), (&own, "kind.denied", 1)]
    {
        let refused =
            site.ask("POST", "/v1/entries/batch", Some(token), &ndjson, lines.as_bytes()).expect(403);
        assert_eq!(
            (code(&refused), &refused.json()["line"]),
            (json!(expected), &json!(line)),
            "{}",
            refused.text()
        );
    }
    let refused = site.append("x", Some(&staging), &[]).expect(403).json();
    assert_eq!((&refused["expected"], &refused["got"]), (&json!("staging"), &json!(here)));
    assert_eq!(site.size(), before);
    site.append("x", Some(&own), &[]).expect(201);
    site.ask("POST", "/v1/entries/batch", Some(&scans), &ndjson, format!("{scan}\n").as_bytes()).expect(200);
}

/// Whoever isn't let in is told so before having sent a body, and is not asked for one.
#[test]
fn nobody_sends_a_body_for_nothing() {
    let site = Site::new();
    let reader = site.create("reader", "read", &[]);
    for (token, expected) in [("", "401"), (&*format!("Authorization: Bearer {reader}\r\n"), "403")] {
        let mut stream = TcpStream::connect(&site.daemon.address).unwrap();
        let head = format!(
            "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n{token}Content-Length: 30000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
}

#[test]
fn names_are_given_once_however_many_ask_at_one_time() {
    let site = Site::new();
    let data = site.path("data");
    let made = thread::scope(|scope| {
        let runs: Vec<_> = (0..12)
            .map(|number| {
                let (name, data) = (format!("n{}", number % 6), &data);
                scope.spawn(move || {
                    let create = ["create", "--name", &name, "--role", "append", "--expires", "2199-01-01"];
                    token(data, &create).output().unwrap()
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .filter(|made| made.status.success())
            .collect::<Vec<_>>()
    });
    assert_eq!(made.len(), 6, "one of each two");
    for token in made.iter().map(stdout) {
        site.append(&token[4..12], Some(token.trim()), &[]).expect(201);
    }
}

/// A crash in the last moment in which nothing has changed yet.
#[test]
fn a_token_that_was_not_yet_there_when_its_maker_was_killed_never_was() {
    if !have("strace", &["-V"], "strace") {
        return;
    }
    let site = Site::new();
    let old = site.create("old", "append", &[]);
    let before = fs::read(site.path("data/tokens")).unwrap();
    let mut killed = Command::new("strace");
    killed.args([
        "-qq",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "inject=rename,renameat,renameat2:error=EIO:signal=SIGKILL",
    ]);
    killed.arg(program("provlogd")).args([
        "token",
        "create",
        "--name",
        "lost",
        "--role",
        "append",
        "--expires",
        "never",
    ]);
    let killed = killed.arg("--data-dir").arg(site.path("data")).output().unwrap();
    assert!(!killed.status.success() && killed.stdout.is_empty(), "{}", stderr(&killed));
    assert!(site.path("data/tokens.new").exists(), "it came so far");
    assert_eq!(fs::read(site.path("data/tokens")).unwrap(), before);
    site.append("a", Some(&old), &[]).expect(201);
    let made = site.create("lost", "append", &[]);
    site.append("b", Some(&made), &[]).expect(201);
    assert!(!site.path("data/tokens.new").exists());
}

#[test]
fn while_tokens_can_t_be_read_nobody_is_let_in_and_no_start_takes_them_for_none() {
    let site = Site::new();
    let ci = site.create("ci", "append", &[]);
    let path = site.path("data/tokens");
    site.append("a", Some(&ci), &[]).expect(201);
    let text = fs::read(&path).unwrap();
    let allow = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let unknown = || {
        for token in [Some(&*ci), None] {
            let refused = site.append("b", token, &[]).expect(503);
            assert_eq!(code(&refused), json!("callers.unknown"));
            assert!(
                refused.header("retry-after").is_some() && !refused.text().contains("/data/"),
                "{}",
                refused.text()
            );
        }
        assert_eq!(code(&site.daemon.get("/readyz").expect(503)), json!("callers.unknown"));
        site.daemon.get("/healthz").expect(200);
        site.daemon.get("/checkpoint").expect(200);
    };
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    unknown();
    fs::write(&path, &text).unwrap();
    site.append("c", Some(&ci), &[]).expect(201);
    allow(0o640);
    unknown();
    allow(0o600);
    site.append("d", Some(&ci), &[]).expect(201);
    fs::remove_file(&path).unwrap();
    unknown();
    until_says(&site.path("log"), "is gone");
    let log = fs::read_to_string(site.path("log")).unwrap();
    assert_eq!(log.matches("who calls can't be told").count(), 3, "each is told once: {log}");

    let Site { folder, daemon } = site;
    assert_eq!(daemon.terminate(), Some(0));
    let refusal = |expected: i32, part: &str| {
        let output = Daemon::command(&folder.path().join("data"), &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    };
    refusal(13, "to begin anew with no tokens");
    fs::write(&path, &text).unwrap();
    allow(0o644);
    refusal(11, "chmod 600");
    fs::write(&path, [&text[..], b"more = 1\n"].concat()).unwrap();
    allow(0o600);
    refusal(13, "unknown field `more`");
}

/// The secret part of every token, looked for in all that was written and said.
#[test]
fn a_token_is_nowhere_but_where_it_was_printed() {
    let site = Site::new();
    let reader = site.create("reader", "read", &[]);
    let ci = site.create("ci", "append", &["--kinds", "promotion"]);
    let mut said = String::new();
    for answer in [
        site.append("a", Some(&ci), &[]),
        site.append("a", Some(&reader), &[]),
        site.append("a", Some(&format!("{ci}x")), &[]),
        site.append("a", None, &[("Authorization", &format!("Basic {ci}"))]),
        site.append("a", Some(&ci), &[("Authorization", &format!("Bearer {reader}"))]),
        site.ask("GET", &format!("/v1/nothing?token={}", "x"), Some(&ci), &[], b""),
        site.ask("GET", "/metrics", Some(&reader), &[], b""),
        site.ask("GET", "/v1/records", Some(&reader), &[], b""),
    ] {
        said += answer.text();
    }
    fs::write(site.path("entry.json"), promotion("b").to_string()).unwrap();
    let append = ["append", "--json", "entry.json"];
    for token in [&ci, &reader, &format!("{ci}\n{ci}")] {
        let output = site.provlog(token, &append);
        said = said + &stdout(&output) + &stderr(&output);
    }
    for arguments in [&["list"][..], &["list", "--json"], &["revoke", "ci"]] {
        let output = site.token(arguments);
        said = said + &stdout(&output) + &stderr(&output);
    }

    // While a request hangs, the program's arguments are there for everybody to read; what goes to a server that isn't on this
    // machine is nothing at all.
    let trust = site.path("data/trust.tlog-policy");
    let get = |url: &str| {
        let arguments = ["get", "0", "--url", url, "--trust", trust.to_str().unwrap()];
        alone(Command::new(program("provlog")), site.folder.path(), &arguments)
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hanging = get(&format!("http://{}", silent.local_addr().unwrap()));
    let mut hanging = hanging.env("PROVLOG_TOKEN", &ci).stderr(Stdio::null()).spawn().unwrap();
    let (mut asked, mut head) = (silent.accept().unwrap().0, [0; 4096]);
    let bytes = asked.read(&mut head).unwrap();
    assert!(String::from_utf8_lossy(&head[..bytes]).contains(&ci), "it is sent to the log");
    said += &fs::read_to_string(format!("/proc/{}/cmdline", hanging.id())).unwrap();
    let _ = asked.shutdown(Shutdown::Both);
    drop((asked, silent));
    hanging.kill().unwrap();
    hanging.wait().unwrap();
    let refused = get("http://192.0.2.1").env("PROVLOG_TOKEN", &ci).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    said += &stderr(&refused);

    let data = site.path("data");
    assert_eq!(site.daemon.terminate(), Some(0));
    fs::remove_file(site.folder.path().join("token")).unwrap();
    for token in [ci, reader] {
        let secret = &token[13..];
        assert!(!said.contains(secret), "{said}");
        let found =
            Command::new("grep").args(["-razF", "--", secret]).arg(site.folder.path()).output().unwrap();
        assert_eq!(found.status.code(), Some(1), "{}{}", stdout(&found), stderr(&found));
        let id = Command::new("grep").args(["-razF", &token[4..12]]).arg(&data).output().unwrap();
        assert!(id.status.success(), "the search finds what is there");
    }
}
