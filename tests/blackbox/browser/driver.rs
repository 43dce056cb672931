//! A browser, driven over W3C WebDriver by `chromedriver`: the few commands that the tests of a page need. Both programs end
//! with their test.

use crate::support::have;
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Names of the programs, as Debian has them.
const DRIVER: &str = "chromedriver";
const BROWSER: &str = "chromium";

/// What an element is called in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Longest that a page may take, before a test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The driver takes a free port of IPv6 and ends where IPv4 has the same one in use, as it may beside other tests.
const ATTEMPTS: usize = 10;
const PORT_TAKEN: &str = "IPv4 port not available";

/// One browser at a time: several would only wait for each other.
static ONE: Mutex<()> = Mutex::new(());

/// A browser without a window, with a profile of its own.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one. None where there is no browser; where `CI` is `true` that fails.
    pub fn start() -> Option<Self> {
        if !have(DRIVER, &["--version"], DRIVER) || !have(BROWSER, &["--version"], BROWSER) {
            return None;
        }
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (driver, port) =
            (0..ATTEMPTS).find_map(|_| listening()).expect("a port that is free for IPv6 and IPv4");
        let address = format!("127.0.0.1:{port}");
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, address, session: String::new(), _profile: profile, _alone: alone };
        browser.session = browser.new_session();
        Some(browser)
    }

    fn new_session(&self) -> String {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1600",
            &profile,
        ];
        let patience_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": patience_ms, "pageLoad": patience_ms},
        }}});
        let session = self.request("POST", "/session", &capabilities);
        format!("/session/{}", session["sessionId"].as_str().unwrap())
    }

    /// Opens a file.
    pub fn open(&self, path: &Path) {
        self.command("/url", &json!({"url": format!("file://{}", path.display())}));
    }

    /// Loads the page again, as its reader's button does.
    pub fn reload(&self) {
        self.command("/refresh", &json!({}));
    }

    /// Goes back to the page before.
    pub fn back(&self) {
        self.command("/back", &json!({}));
    }

    /// Runs a function's body in the page, and gives what it returns.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Value {
        self.command("/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// Waits until the expression holds in the page.
    pub fn until(&self, condition: &str) {
        let body = format!(
            "const done = arguments[0]; const look = () => ({condition}) ? done() : setTimeout(look, 5); look();"
        );
        self.command("/execute/async", &json!({"script": body, "args": []}));
    }

    /// Clicks on the element, as somebody would: it must be there to be seen.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into the element; into one for files, their paths.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().unwrap().into()
    }

    /// What the page said in the console since the last time, as `level: message`.
    pub fn console(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({"type": "browser"}));
        let line = |entry: &Value| format!("{}: {}", entry["level"], entry["message"]);
        log.as_array().unwrap().iter().map(line).collect()
    }

    /// The text of a dialogue that the page has opened.
    pub fn dialogue(&self) -> Option<String> {
        let answer = self.try_request("GET", &format!("{}/alert/text", self.session), &Value::Null);
        answer.ok().map(|text| text.to_string())
    }

    /// Runs a script in every page that is opened from now on, before its own.
    pub fn before_every_page(&self, source: &str) {
        let parameters = json!({"source": source});
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// A picture of what the window shows, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let path = format!("{}/screenshot", self.session);
        let picture = self.request("GET", &path, &Value::Null);
        Base64::decode_vec(picture.as_str().unwrap()).unwrap()
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_request(method, path, body).unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    fn try_request(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = exchange(&self.address, method, path, &text);
        let (status, body) = answer.unwrap_or_else(|error| panic!("{method} {path} {text}: {error}"));
        let value = serde_json::from_slice::<Value>(&body).unwrap()["value"].clone();
        if status.contains(" 200 ") { Ok(value) } else { Err(value) }
    }
}

/// A driver and the port at which it listens. None where the port that it took isn't free for IPv4.
fn listening() -> Option<(Child, String)> {
    let mut driver = Command::new(DRIVER)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(driver.stdout.take().unwrap());
    match port(&mut output) {
        Ok(port) => {
            // What is printed later must not fill the pipe.
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
            Some((driver, port))
        }
        Err(said) => {
            let end = driver.wait();
            assert!(said.contains(PORT_TAKEN), "{DRIVER} ended before it listened: {said}\n{end:?}");
            None
        }
    }
}

/// The port at which a driver says that it listens, or all that it said.
fn port(output: &mut impl BufRead) -> Result<String, String> {
    let mut said = String::new();
    loop {
        let start = said.len();
        if output.read_line(&mut said).unwrap() == 0 {
            return Err(said);
        }
        if let Some((_, port)) = said[start..].split_once("started successfully on port ") {
            return Ok(port.trim().trim_end_matches('.').to_string());
        }
    }
}

/// One request, and the answer's status line and body. The driver says how long its answers are, and keeps connections open.
fn exchange(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    // The driver gives up on a page first, and says why.
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut answer = BufReader::new(stream);
    let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
    answer.read_line(&mut status)?;
    while answer.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    Ok((status, body))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session, and what is left of both with their group.
        if !self.session.is_empty() {
            let _ = self.try_request("DELETE", &self.session, &Value::Null);
        }
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}
