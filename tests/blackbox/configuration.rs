//! The file of settings: written by the daemon itself, checked without a start, and read anew while it runs.

use crate::support::{
    Daemon, PATIENCE, exchange, folder, program, promotion, signal, stderr, stdout, until_says,
};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

const USAGE: i32 = 2;
const FOLDER: i32 = 11;
const REFUSES: i32 = 13;

fn provlogd(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("provlogd"));
    command.args(arguments).env_remove("CREDENTIALS_DIRECTORY");
    command
}

/// A folder with a file of settings and a data folder beside it.
struct Settings {
    root: TempDir,
}

impl Settings {
    fn new(text: &str) -> Self {
        let settings = Self { root: folder() };
        settings.write(text);
        settings
    }

    fn write(&self, text: &str) {
        fs::write(self.path("f.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn flags(&self) -> [String; 4] {
        let text = |name| self.path(name).to_str().unwrap().to_owned();
        ["--config".into(), text("f.toml"), "--data-dir".into(), text("data")]
    }

    fn run(&self, arguments: &[&str]) -> Output {
        provlogd(arguments).args(self.flags()).output().unwrap()
    }

    /// What `config check` says, where it ends with this code.
    fn check(&self, code: i32) -> String {
        let output = self.run(&["config", "check"]);
        let all = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{all}");
        all.replace(self.root.path().to_str().unwrap(), "ROOT")
    }

    fn expect(&self, text: &str, code: i32, said: &str) {
        self.write(text);
        let all = self.check(code);
        assert!(all.contains(said), "{text}\nexpected {said:?}\nin {all}");
    }

    fn start(&self, log: &Path) -> Daemon {
        let file = self.path("f.toml");
        Daemon::start_logging(&self.data(), &["--config", file.to_str().unwrap()], log)
    }
}

/// The names of all that is in a folder, and how long each is.
fn contents(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        found.push((path.clone(), fs::metadata(&path).unwrap().len()));
        if path.is_dir() {
            found.extend(contents(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn the_default_file_starts_the_daemon_and_a_broken_one_doesn_t_stop_it_from_being_printed() {
    let settings = Settings::new("broken");
    let printed = settings.run(&["config", "default"]);
    assert_eq!(printed.status.code(), Some(0), "{}", stderr(&printed));
    settings.write(&stdout(&printed));
    let daemon = settings.start(&settings.path("log"));
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_check_tells_what_holds_and_changes_nothing() {
    let settings = Settings::new(
        "origin = \"github.com/someone\"\nhosts = [\"log.example.com\"]\n[[peer]]\nuid = 7\nroles = [\"read\"]\n",
    );
    let said = settings.check(0);
    for expected in [
        "none yet in ROOT/data: the first start makes one, named github.com/someone",
        "listener   127.0.0.1:4180, reached by this machine, in clear\n",
        "callers    no tokens; over Unix sockets 1 user who is named, this one, and root\n",
        "peers      users 7\n",
        "2048 connections",
        "warning    the origin holds github.com",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!settings.data().exists());

    let daemon = settings.start(&settings.path("log"));
    daemon.until_ready();
    let before = contents(&settings.data());
    let said = settings.check(0);
    assert!(said.contains("github.com/someone in ROOT/data, key fingerprint "), "{said}");
    assert_eq!(contents(&settings.data()), before);
    assert_eq!(daemon.terminate(), Some(0));
}

/// Line and column are those of an editor.
#[test]
fn a_check_names_the_first_thing_that_is_wrong() {
    let settings = Settings::new("");
    for (text, said) in [
        ("lisen = 1\n", "provlogd: ROOT/f.toml:1:1: lisen: unknown key; expected one of data_dir,"),
        (
            "# a\n\n  hosts = [\"ä\"]\n",
            "provlogd: ROOT/f.toml:3:12: hosts: expected a DNS name such as log.example.com, without a port, got \"ä\"\n",
        ),
        (
            "[[peer]]\nuid = 1\nroles = [\"read\"]\n\n[[peer]]\nuid = 1\nroles = [\"read\"]\n",
            "ROOT/f.toml:6:7: uid: expected one [[peer]] for a user",
        ),
        ("body_timeout_ms = 0", "ROOT/f.toml:1:19: body_timeout_ms: expected at least 1, got 0\n"),
        ("body_timeout_ms = ", "ROOT/f.toml:1:19: expected TOML: "),
        (
            "listen = \"0.0.0.0:1\"",
            "ROOT/f.toml:1:10: listen: other machines reach 0.0.0.0:1, and it is without TLS",
        ),
        (
            "log_key = \"credential:k\"",
            "ROOT/f.toml:1:11: log_key: expected credentials in the folder that $CREDENTIALS_DIRECTORY names",
        ),
        (
            "listen = \"0.0.0.0:1\"\nallow_clear_text = true",
            "other machines reach 0.0.0.0:1, and nothing says who calls",
        ),
        (
            "listen = \"0.0.0.0:1\"\nallow_clear_text = true\nallow_anonymous = true",
            "origin: expected a name for the log",
        ),
        ("tls_certificate = \"no-such-file\"\ntls_key = \"k\"", "no-such-file: "),
    ] {
        settings.expect(text, USAGE, said);
        // A start refuses the same, before it makes anything.
        if !text.starts_with("tls_") {
            let refused = settings.run(&[]);
            assert_eq!(refused.status.code(), Some(USAGE), "{text}");
        }
        assert!(!settings.data().exists(), "{text}");
    }
    settings.expect("listen = \"0.0.0.0:1\"\nallow_clear_text = true\nallow_anonymous = true\norigin = \"log.example.com\"", 0, "named log.example.com\n");
}

#[test]
fn a_check_reads_the_log_s_own_files() {
    let settings = Settings::new("origin = \"log.example.com\"\n");
    assert_eq!(settings.run(&["init"]).status.code(), Some(0));
    settings.expect(
        "origin = \"other.example.com\"",
        USAGE,
        "origin: this log's is log.example.com and is permanent",
    );
    settings.write("");
    let allow = |name: &str, mode| {
        fs::set_permissions(settings.data().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, bad, good, code, said) in [
        (
            "keys/log.key",
            0o644,
            0o600,
            REFUSES,
            "permissions are 644, expected 600: only its owner may read it: chmod 600 ROOT/data/keys/log.key",
        ),
        ("secret", 0o640, 0o600, REFUSES, "chmod 600 ROOT/data/secret"),
        (
            "keys",
            0o770,
            0o700,
            FOLDER,
            "its permissions are 770, so that others than its owner may change the log; expected none to write for group and others: chmod go-w ROOT/data/keys",
        ),
    ] {
        allow(name, bad);
        settings.expect("", code, said);
        assert_eq!(
            settings.run(&["--listen", "127.0.0.1:0"]).status.code(),
            Some(code),
            "a start refuses it too"
        );
        allow(name, good);
    }
    // Whoever isn't root can give nothing away.
    if is_root() {
        for (name, code) in [("keys/log.key", REFUSES), ("secret", REFUSES), ("keys", FOLDER)] {
            let path = settings.data().join(name);
            chown(&path, Some(12_345), None).unwrap();
            settings.expect("", code, &format!("chown 0 ROOT/data/{name}"));
            chown(&path, Some(0), None).unwrap();
        }
    }
    let made = settings.run(&["token", "create", "--name", "ci", "--role", "append", "--expires", "never"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    settings.expect(
        "listen = \"0.0.0.0:1\"\nallow_clear_text = true",
        0,
        "whoever has a token; of 1 token 1 holds",
    );
    allow("tokens", 0o644);
    settings.expect("", FOLDER, "chmod 600 ROOT/data/tokens");
    allow("tokens", 0o600);
    fs::remove_file(settings.data().join("keys/log.key")).unwrap();
    settings.expect("", REFUSES, "ROOT/data/keys/log.key is missing");
}

/// systemd hands root's files over to a service's user, readable as for a group, and by nobody else.
#[test]
fn a_key_is_taken_as_the_service_manager_hands_it_over() {
    if !is_root() {
        return;
    }
    let settings = Settings::new("log_key = \"credential:log.key\"\n");
    let credentials = settings.path("credentials");
    fs::create_dir(&credentials).unwrap();
    // A program and folders that the other user may reach.
    fs::copy(program("provlogd"), settings.path("provlogd")).unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    allow(settings.root.path(), 0o755);
    let service = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "12345", "--regid", "12345", "--clear-groups"]);
        command.arg(settings.path("provlogd")).args(arguments).args(settings.flags());
        let output = command.env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap();
        (output.status.code(), stdout(&output) + &stderr(&output))
    };
    let made = provlogd(&["init"]).args(settings.flags()).env("CREDENTIALS_DIRECTORY", &credentials).output();
    assert_eq!(made.unwrap().status.code(), Some(0));
    let given = Command::new("chown").args(["-R", "12345:12345"]).arg(settings.data()).status();
    assert!(given.unwrap().success());
    let key = credentials.join("log.key");
    chown(&key, Some(0), Some(12_345)).unwrap();
    for (mode, code) in [(0o440, 0), (0o640, 0), (0o660, REFUSES), (0o444, REFUSES)] {
        allow(&key, mode);
        let (got, said) = service(&["config", "check"]);
        assert_eq!(got, Some(code), "{mode:o}: {said}");
    }
    // What is the service's own is nobody else's.
    chown(&key, Some(12_345), None).unwrap();
    allow(&key, 0o440);
    assert_eq!(service(&["config", "check"]).0, Some(REFUSES));
}

fn is_root() -> bool {
    stdout(&Command::new("id").arg("-u").output().unwrap()).trim() == "0"
}

/// How many reloads there were, by what came of them.
fn reloads(daemon: &Daemon, outcome: &str) -> usize {
    let metrics = daemon.get("/metrics").expect(200);
    let name = format!("provlog_reloads_total{{outcome=\"{outcome}\"}} ");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&name).map(str::to_owned));
    line.map_or(0, |number| number.parse().unwrap())
}

fn reload(daemon: &Daemon, outcome: &str) {
    let before = reloads(daemon, outcome);
    signal("-HUP", daemon.id());
    let start = Instant::now();
    while reloads(daemon, outcome) == before {
        assert!(start.elapsed() < PATIENCE, "no reload was {outcome}");
        thread::yield_now();
    }
}

fn status_of_host(daemon: &Daemon, host: &str) -> u16 {
    let request = format!("GET /v1/log HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(&daemon.address, request.as_bytes()).unwrap().status
}

#[test]
fn what_a_running_daemon_takes_holds_from_the_next_request_on() {
    let settings = Settings::new("hosts = [\"one.example\"]\n");
    let log = settings.path("log");
    let daemon = settings.start(&log);
    let hosts = |one, two| {
        assert_eq!(
            (status_of_host(&daemon, "one.example"), status_of_host(&daemon, "two.example")),
            (one, two)
        );
    };
    hosts(200, 421);
    settings.write("hosts = [\"two.example\"]\ncaller_rate_per_s = 1000\nlog_filter = \"provlogd=debug\"\n");
    reload(&daemon, "taken");
    hosts(421, 200);
    for change in [
        "key=\"hosts\" old=\"[\\\"one.example\\\"]\" new=\"[\\\"two.example\\\"]\"",
        "key=\"caller_rate_per_s\" old=\"0\" new=\"1000\"",
        "key=\"log_filter\" old=\"\\\"info\\\"\" new=\"\\\"provlogd=debug\\\"\"",
    ] {
        until_says(&log, change);
    }

    // All of it or nothing: the first line is fine.
    settings.write("hosts = [\"one.example\"]\ncaller_rate_per_s = true\n");
    reload(&daemon, "refused");
    hosts(421, 200);
    until_says(&log, "f.toml:2:21: caller_rate_per_s: expected a whole number, got true");
    fs::remove_file(settings.path("f.toml")).unwrap();
    reload(&daemon, "refused");
    hosts(421, 200);

    // What only a restart takes is told, each time, and the rest is taken.
    settings.write(
        "hosts = [\"one.example\"]\nbody_timeout_ms = 40000\n[[listener]]\nlisten = \"127.0.0.1:0\"\n",
    );
    reload(&daemon, "taken");
    hosts(200, 421);
    until_says(&log, "only a restart takes key=\"body_timeout_ms\" old=\"30000\" new=\"40000\"");
    until_says(&log, "only a restart takes key=\"listener\"");
    reload(&daemon, "taken");
    let told = fs::read_to_string(&log).unwrap().matches("takes key=\"body_timeout_ms\"").count();
    assert_eq!(told, 2);
    assert_eq!(daemon.terminate(), Some(0));
}

/// The file may be empty for a moment, where a tool writes it in two steps.
#[test]
fn an_emptied_file_opens_no_log_that_had_peers() {
    let settings = Settings::new("");
    let log = settings.path("log");
    let daemon = settings.start(&log);
    daemon.get("/v1/records").expect(200);
    settings.write("[[peer]]\nuid = 7\nroles = [\"read\"]\n");
    signal("-HUP", daemon.id());
    until_says(&log, "key=\"peer\" old=\"[]\" new=\"[{ uid = 7, roles = [\\\"read\\\"] }]\"");
    daemon.get("/v1/records").expect(401);
    settings.write("");
    signal("-HUP", daemon.id());
    until_says(
        &log,
        "expected a [[peer]], an [[issuer]] or a [[trust_domain]] still, or tokens, got none of them",
    );
    daemon.get("/v1/records").expect(401);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn reloads_lose_no_request() {
    let settings = Settings::new("");
    let daemon = settings.start(&settings.path("log"));
    let (done, appended) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..3 {
            let (daemon, done, appended) = (&daemon, &done, &appended);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let number = appended.fetch_add(1, Ordering::Relaxed);
                    let entry = promotion(&format!("{client}-{number}")).to_string();
                    daemon.post("/v1/entries", entry.as_bytes()).expect(201);
                }
            });
        }
        for number in 0..20 {
            settings.write(&format!("hosts = [\"n{number}.example\"]\n"));
            reload(&daemon, "taken");
            assert_eq!(status_of_host(&daemon, &format!("n{number}.example")), 200);
        }
        done.store(true, Ordering::Relaxed);
    });
    let size = daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap();
    assert_eq!(size, u64::try_from(appended.into_inner()).unwrap() + 1);
    assert_eq!(daemon.terminate(), Some(0));
}

/// As systemd's Type=notify-reload wants it.
#[test]
fn a_service_manager_is_told() {
    let settings = Settings::new("");
    let manager = UnixDatagram::bind(settings.path("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut buffer = [0; 4096];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut command =
        Daemon::command(&settings.data(), &["--config", settings.path("f.toml").to_str().unwrap()]);
    command.env("NOTIFY_SOCKET", settings.path("notify")).stderr(std::process::Stdio::null());
    let daemon = Daemon::spawn(command);
    assert_eq!(told(), format!("READY=1\nSTATUS=listening on {}\n", daemon.url));
    for (text, status) in [
        ("caller_rate_per_s = 5", "STATUS=settings reloaded: 1 changed, 0 wait for a restart\n"),
        ("caller_rate_per_s = -5", "caller_rate_per_s: expected at least 0, got -5\n"),
    ] {
        settings.write(text);
        signal("-HUP", daemon.id());
        let reloading = told();
        let since =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
        assert!(since.is_some_and(|since| since.parse::<u64>().is_ok_and(|since| since > 0)), "{reloading}");
        let ready = told();
        assert!(ready.starts_with("READY=1\nSTATUS=") && ready.ends_with(status), "{ready}");
    }
    assert_eq!(daemon.terminate(), Some(0));
    assert!(told().starts_with("STOPPING=1\n"));
}
