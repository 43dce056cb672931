//! What the topics share: the programs, a daemon that stops with its test, and an HTTP client that sends exactly the
//! bytes it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Longest that a test waits for an answer, before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// Whether golden files are to be written anew.
pub fn blessing() -> bool {
    std::env::var("PROVLOG_BLESS").as_deref() == Ok("1")
}

/// One of the two programs, beside this test's own folder. `cargo test --workspace` builds both.
pub fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: run cargo test --workspace, or cargo build first",
        path.display()
    );
    path
}

/// A daemon on a port of its own. It is killed when it goes out of scope.
pub struct Daemon {
    child: Child,
    pub url: String,
    pub address: String,
    /// What it printed before it was ready.
    pub greeting: String,
}

impl Daemon {
    /// Starts on `data_dir` and waits until it says where it listens.
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[])
    }

    pub fn start_with(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Self::command(data_dir, arguments);
        command.stderr(Stdio::null());
        Self::spawn(command)
    }

    /// As [`Daemon::start_with`], with what it logs in a file.
    pub fn start_logging(data_dir: &Path, arguments: &[&str], log: &Path) -> Self {
        let mut command = Self::command(data_dir, arguments);
        command.stderr(fs::File::create(log).unwrap());
        Self::spawn(command)
    }

    /// Runs a command that starts a daemon, and waits until it says where it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        let url = loop {
            let start = greeting.len();
            let read = output.read_line(&mut greeting).unwrap();
            assert!(read > 0, "the daemon ended before it listened: {greeting}\n{:?}", child.wait());
            if let Some((_, url)) = greeting[start..].split_once("listening on ") {
                break url.trim().to_string();
            }
        };
        // What is printed later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let address = url.trim_start_matches("http://").trim_start_matches("https://").to_string();
        Self { child, url, address, greeting }
    }

    /// Waits until appends and reads are all served: derived files are opened in the background.
    pub fn until_ready(&self) {
        let start = std::time::Instant::now();
        loop {
            let answer = self.get("/readyz");
            if answer.status == 200 && answer.json().get("degraded").is_none() {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "not ready: {}", answer.text());
            std::thread::yield_now();
        }
    }

    /// The command that [`Daemon::start`] runs: for starts that are to be refused.
    pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("provlogd"));
        command.arg("--data-dir").arg(data_dir).args(["--listen", "127.0.0.1:0"]).args(arguments);
        command
    }

    /// SIGTERM, and the exit code after the drain.
    pub fn terminate(mut self) -> Option<i32> {
        signal("-TERM", self.child.id());
        self.child.wait().unwrap().code()
    }

    /// The exit code, once it has stopped by itself.
    pub fn until_stopped(mut self) -> Option<i32> {
        let start = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Response {
        self.request("POST", path, &[("Content-Type", "application/json")], body)
    }

    /// One request on a connection of its own.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.try_request(method, path, headers, body).unwrap()
    }

    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        exchange(&self.address, &bytes)
    }

    /// A trust file for this log, written into `folder`.
    pub fn trust(&self, data_dir: &Path) -> PathBuf {
        data_dir.join("trust.tlog-policy")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `bytes` and reads the answer until the other side closes.
pub fn exchange(address: &str, bytes: &[u8]) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Response::parse(&answer).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

/// As [`exchange`], but the sending side is closed after the bytes.
pub fn exchange_half_closed(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one whole answer.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string())).collect();
        let mut response = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = dechunk(&response.body)?;
        }
        Some(response)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Demands a status, and shows the body where it is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(end + 2..end + 2 + length)?);
        bytes = bytes.get(end + 4 + length..)?;
    }
}

/// Waits until a file says `part`.
pub fn until_says(file: &Path, part: &str) {
    let start = std::time::Instant::now();
    loop {
        let text = fs::read_to_string(file).unwrap();
        if text.contains(part) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "expected {part:?} in: {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal, by the name that `kill` knows it under.
pub fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Runs `provlog` in `folder`, without settings from the environment.
pub fn provlog(folder: &Path, arguments: &[&str]) -> Output {
    alone(Command::new(program("provlog")), folder, arguments).output().unwrap()
}

/// As [`provlog`], to be run: it is ended, with exit code 124, where it waits for what never comes.
pub fn timed(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE.as_secs().to_string()).arg(program("provlog"));
    alone(command, folder, arguments)
}

/// A command in `folder`, without settings from the environment.
pub fn alone(mut command: Command, folder: &Path, arguments: &[&str]) -> Command {
    command.args(arguments).current_dir(folder).env("HOME", folder);
    for name in [
        "PROVLOG_URL",
        "PROVLOG_TRUST",
        "PROVLOG_FINGERPRINT",
        "PROVLOG_TOKEN",
        "PROVLOG_CA",
        "PROVLOG_CLIENT_CERT",
        "PROVLOG_CLIENT_KEY",
        "PROVLOG_IDENTITY",
        "PROVLOG_SVID",
        "PROVLOG_SVID_KEY",
    ] {
        command.env_remove(name);
    }
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A valid submission whose subject is the SHA-256 of `subject`.
pub fn promotion(subject: &str) -> serde_json::Value {
    let example = fs::read(repository().join("docs/examples/promotion.json")).unwrap();
    let mut submission: serde_json::Value = serde_json::from_slice(&example).unwrap();
    let digest = provlog_core::Hash::plain(subject.as_bytes()).to_hex();
    submission["claims"]["subject"] = serde_json::json!([{"name": subject, "digest": {"sha256": digest}}]);
    submission
}

/// Whether a program that a test needs beside ours is here. `.ci/run` installs them all, and where `CI` is `true` a machine
/// without it fails; elsewhere the test says that it was skipped.
pub fn have(program: &str, arguments: &[&str], what: &str) -> bool {
    let output = Command::new(program).args(arguments).output();
    let there = output.is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} must be there where CI=true");
        eprintln!("SKIPPED: {what} is not installed");
    }
    there
}
