//! How the program reaches a log: what of it flags, variables and files say, which only a process of its own shows.

use crate::testing::authority::{Authority, NOW};
use crate::testing::door::Door;
use crate::testing::{OneLog, Reply, Server, serve_at};
use crate::{EVENT, home, provlog, stderr, stdout};
use provlog_core::submission::Submission;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

const TOKEN: &str = "plt_0123abcd_canary";

/// Runs with variables, and demands an exit code and a part of what was said.
fn expect(folder: &Path, variables: &[(&str, &str)], arguments: &[&str], code: i32, said: &str) {
    let output = provlog(folder).envs(variables.iter().copied()).args(arguments).output().unwrap();
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{variables:?} {arguments:?}: {all}");
    assert!(all.contains(said), "{variables:?} {arguments:?}: expected {said:?} in {all}");
    assert!(!all.contains("canary"), "{all}");
}

/// A log that says which key it has, so often.
fn log_at(door: &Door, log: &OneLog, count: usize) -> Server {
    let body = format!(r#"{{"key":"{}"}}"#, log.vkey());
    serve_at(door, count, move |_, _| Reply::new(200, body.clone()))
}

/// Asks for the key, which is written nowhere.
fn fetch<'a>(url: &'a str, fingerprint: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["trust", "fetch", "-o", "-", "--url", url, "--fingerprint", fingerprint], more].concat()
}

#[test]
fn roots_are_the_system_s_or_those_of_one_file() {
    let (log, root, other) = (OneLog::new(), Authority::new("root"), Authority::new("other"));
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    fs::write(folder.join("root.pem"), root.pem()).unwrap();
    fs::write(folder.join("other.pem"), other.pem()).unwrap();
    let server = log_at(&root.intermediate("below").door("127.0.0.1", NOW), &log, 8);
    let (url, key, fingerprint) = (&*server.url, &*log.vkey(), &*log.fingerprint());
    let (known, unknown) = (("SSL_CERT_FILE", "root.pem"), ("SSL_CERT_FILE", "other.pem"));
    let none = ("SSL_CERT_FILE", "missing.pem");
    expect(folder, &[known], &fetch(url, fingerprint, &[]), 0, key);
    expect(folder, &[unknown], &fetch(url, fingerprint, &[]), 7, "--ca FILE");
    expect(folder, &[none], &fetch(url, fingerprint, &[]), 2, "SSL_CERT_FILE");
    expect(folder, &[none], &fetch(url, fingerprint, &["--ca", "root.pem"]), 0, key);
    expect(folder, &[known], &fetch(url, fingerprint, &["--ca", "other.pem"]), 7, "other.pem");
    expect(folder, &[none], &fetch(url, fingerprint, &["--ca", "missing.pem"]), 2, "missing.pem");

    // Home's file says it, the variable wins, and the flag wins over both.
    fs::create_dir_all(folder.join(".provlog")).unwrap();
    fs::write(folder.join(".provlog/config.toml"), format!("url = \"{url}\"\nca = \"../root.pem\"")).unwrap();
    let variable = ("PROVLOG_CA", "other.pem");
    expect(folder, &[none], &fetch(url, fingerprint, &[]), 0, key);
    expect(folder, &[none, variable], &fetch(url, fingerprint, &[]), 7, "other.pem");
    expect(folder, &[none, variable], &fetch(url, fingerprint, &["--ca", "root.pem"]), 0, key);
    expect(folder, &[none, ("PROVLOG_CA", "")], &fetch(url, fingerprint, &[]), 0, key);
    assert_eq!(server.finish().len(), 5);

    // What `openssl req -x509` makes by itself.
    let server = log_at(&root.own_door(), &log, 1);
    let asked = fetch(&server.url, fingerprint, &["--ca", "root.pem"]);
    expect(folder, &[], &asked, 7, "its certificate is a CA's own");
    assert!(server.finish().is_empty(), "nothing is asked of it");
}

fn append_to<'a>(url: &'a str, ca: &'a str) -> Vec<&'a str> {
    [&EVENT[..], &["app", "--timeout", "60m", "-o", "out/app", "--url", url, "--ca", ca]].concat()
}

/// That it isn't believed now, it isn't a second later: the submission is kept, and nobody waits.
#[test]
fn an_append_to_a_log_that_is_not_believed_is_kept_and_not_tried_again() {
    let (log, root, other) = (OneLog::new(), Authority::new("root"), Authority::new("other"));
    let (home, _) = home(&log);
    let folder = home.path();
    fs::write(folder.join("other.pem"), other.pem()).unwrap();
    fs::write(folder.join("root.pem"), root.pem()).unwrap();
    let door = root.door("127.0.0.1", NOW);
    let server = log_at(&door, &log, 1);
    expect(folder, &[("PROVLOG_TOKEN", TOKEN)], &append_to(&server.url, "other.pem"), 7, "is kept in out/");
    assert!(server.finish().is_empty(), "a token was shown to a stranger");
    let answering = log.clone();
    let server = serve_at(&door, 1, move |_, request| {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        Reply::new(201, answering.receipt(submission.kind().kind, submission.seal().unwrap()))
    });
    expect(folder, &[("PROVLOG_TOKEN", TOKEN)], &append_to(&server.url, "root.pem"), 0, "out/app");
    assert_eq!(server.finish()[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
}

#[test]
fn a_socket_is_a_log_of_this_machine() {
    let log = OneLog::new();
    let (home, _) = home(&log);
    let folder = home.path();
    let url = format!("unix:{}", folder.join("socket").display());
    expect(folder, &[], &fetch(&url, &log.fingerprint(), &[]), 7, "no such socket");
    let answering = log.clone();
    let server = serve_at(&Door::Unix(folder.join("socket")), 1, move |_, request| {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        Reply::new(201, answering.receipt(submission.kind().kind, submission.seal().unwrap()))
    });
    let append = [&EVENT[..], &["app", "-o", "out/app"]].concat();
    let variables = [("PROVLOG_URL", &*url), ("PROVLOG_TOKEN", TOKEN), ("ALL_PROXY", "http://127.0.0.1:1")];
    expect(folder, &variables, &append, 0, "out/app");
    let requests = server.finish();
    assert_eq!(requests[0].header("host"), Some("localhost"));
    assert_eq!(requests[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));

    fs::remove_file(folder.join("socket")).unwrap();
    let silent = serve_at(&Door::Unix(folder.join("socket")), 1, |_, _| Reply::Silence);
    let append = [&EVENT[..], &["app", "-o", "out/later", "--timeout", "500ms"]].concat();
    expect(folder, &variables, &append, 7, "timeout");
    assert_eq!(silent.finish().len(), 1);
}

/// Whoever changes a repository must not get at the tokens of those who check it out.
#[test]
fn a_token_goes_to_no_address_that_came_with_a_repository() {
    let log = OneLog::new();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("repository");
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::create_dir(folder.join(".provlog")).unwrap();
    fs::write(folder.join(".provlog/trust"), log.trust_text()).unwrap();
    fs::write(folder.join(".provlog/config.toml"), "url = \"https://elsewhere.example.com\"").unwrap();
    let fingerprint = log.fingerprint();
    let home = home.path().to_str().unwrap();
    let variables = [("HOME", home), ("PROVLOG_TOKEN", TOKEN), ("HTTPS_PROXY", "http://127.0.0.1:1")];
    let get = ["get", "1", "--fingerprint", &fingerprint];
    expect(&folder, &variables, &get, 2, "came with the repository");
    expect(&folder, &variables, &get, 2, "--ca FILE");
    for near in ["http://127.0.0.1:1", "http://localhost:1", "unix:/run/elsewhere.sock"] {
        fs::write(folder.join(".provlog/config.toml"), format!("url = \"{near}\"")).unwrap();
        expect(&folder, &variables, &get, 2, "came with the repository");
    }
    let named = [&get[..], &["--url", "https://elsewhere.example.com"]].concat();
    expect(
        &folder,
        &variables,
        &named,
        7,
        "no answer from https://elsewhere.example.com through the proxy 127.0.0.1:1",
    );
}

/// A proxy that joins one client to whatever it asks for, and keeps what the client sent.
fn proxy_to(target: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let mut seen = String::new();
        while !seen.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut seen).unwrap(), 0);
        }
        let log = TcpStream::connect(target).unwrap();
        (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut from_log, mut to_client) = (log.try_clone().unwrap(), client.try_clone().unwrap());
        let back = thread::spawn(move || {
            let _ = io::copy(&mut from_log, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Write);
        });
        let mut sent = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            sent.extend_from_slice(&buffer[..length]);
            if (&log).write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        back.join().unwrap();
        seen + &String::from_utf8_lossy(&sent)
    });
    (address, thread)
}

#[test]
fn a_proxy_joins_the_two_ends_and_reads_nothing() {
    let (log, root) = (OneLog::new(), Authority::new("root"));
    let (home, _) = home(&log);
    let folder = home.path();
    fs::write(folder.join("root.pem"), root.pem()).unwrap();
    let token = ("PROVLOG_TOKEN", TOKEN);

    // No name server knows the name: the proxy does.
    let answering = log.clone();
    let server = serve_at(&root.door("log.example.com", NOW), 1, move |_, request| {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        Reply::new(201, answering.receipt(submission.kind().kind, submission.seal().unwrap()))
    });
    let (address, proxy) = proxy_to(server.url.strip_prefix("https://").unwrap().into());
    let proxy_url = format!("http://me:secret@{address}");
    let through = ("HTTPS_PROXY", &*proxy_url);
    expect(folder, &[token, through], &append_to("https://log.example.com", "root.pem"), 0, "out/app");
    let seen = proxy.join().unwrap();
    assert!(seen.starts_with("CONNECT log.example.com:443 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("Proxy-Authorization: Basic ") && !seen.contains(TOKEN), "{seen}");
    assert_eq!(server.finish()[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));

    // In clear it would read the token, and never gets it.
    let in_clear = [&EVENT[..], &["app", "-o", "out/clear", "--url", "http://log.example.com"]].concat();
    expect(folder, &[token, ("HTTP_PROXY", &proxy_url)], &in_clear, 2, "in clear");
}

/// A proxy that lets nobody through says so once, and is asked no more for the whole hour; nor is its password told.
#[test]
fn a_proxy_that_refuses_is_told_and_not_asked_again() {
    let log = OneLog::new();
    let (home, _) = home(&log);
    for status in [407, 403] {
        let server = serve_at(&Door::Tcp, 1, move |_, _| Reply::new(status, ""));
        let address = server.url.strip_prefix("http://").unwrap();
        let (proxy, output) = (format!("http://me:canary@{address}"), format!("out/{status}"));
        let more = ["app", "--timeout", "60m", "-o", &output, "--url", "http://log.example.com"];
        let append = [&EVENT[..], &more].concat();
        let told = format!("the proxy {address} answered {status} to CONNECT");
        expect(home.path(), &[("HTTP_PROXY", &proxy)], &append, 7, &told);
        assert_eq!(server.finish()[0].line, "CONNECT log.example.com:80 HTTP/1.1");
    }
}

/// 0.0.0.0 is this machine and not known to be, so that a test has an address that is asked through a proxy.
#[test]
fn no_proxy_is_gone_through_for_this_machine_nor_for_whom_no_proxy_names() {
    let (log, root) = (OneLog::new(), Authority::new("root"));
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    fs::write(folder.join("root.pem"), root.pem()).unwrap();
    let (key, fingerprint) = (&*log.vkey(), &*log.fingerprint());
    let ca = ["--ca", "root.pem"];
    for (host, variable, no_proxy, code) in [
        ("127.0.0.1", "HTTPS_PROXY", "", 0),
        ("127.0.0.1", "all_proxy", "", 0),
        ("0.0.0.0", "HTTPS_PROXY", "", 7),
        ("0.0.0.0", "https_proxy", "10.0.0.0", 7),
        ("0.0.0.0", "ALL_PROXY", "example.com", 7),
        ("0.0.0.0", "HTTPS_PROXY", "example.com,0.0.0.0", 0),
        ("0.0.0.0", "all_proxy", "*", 0),
    ] {
        let server = log_at(&root.door(host, NOW), &log, usize::from(code == 0));
        let url = server.url.replace("127.0.0.1", host);
        let said = if code == 0 { key } else { "through the proxy 127.0.0.1:1: " };
        let variables = [(variable, "http://127.0.0.1:1"), ("NO_PROXY", no_proxy)];
        expect(folder, &variables, &fetch(&url, fingerprint, &ca), code, said);
        assert_eq!(server.finish().len(), usize::from(code == 0));
        let socks = [(variable, "socks5://127.0.0.1:1"), ("NO_PROXY", no_proxy)];
        if code != 0 {
            expect(folder, &socks, &fetch(&url, fingerprint, &ca), 2, "a SOCKS5 proxy");
        }
    }
    // The way to an https:// proxy is in TLS too, whatever the log is asked in.
    let variables = [("HTTP_PROXY", "https://127.0.0.1:1")];
    expect(
        folder,
        &variables,
        &fetch("http://log.example.com", fingerprint, &ca),
        7,
        "through the proxy 127.0.0.1:1: ",
    );
}
