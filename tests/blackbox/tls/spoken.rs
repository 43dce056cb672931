//! What is spoken: versions, protocols, names, and what comes without TLS or to the wrong address. Other people's clients ask.

use super::site::{Site, put, read_all, until};
use crate::support::{Daemon, Response, exchange, folder, have};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

/// `openssl s_client`, without a word to say.
fn s_client(site: &Site, arguments: &[&str]) -> Output {
    let ca = site.path("ca.pem");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &site.daemon.address, "-verify_return_error", "-CAfile"]);
    command.arg(ca).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// All that it said.
fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

fn curl(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["-sS", "--noproxy", "*", "--max-time", "60", "--cacert"]).arg(site.path("ca.pem"));
    command.args(arguments).output().unwrap()
}

#[test]
fn versions_1_2_and_1_3_are_spoken_and_no_others() {
    if !have("openssl", &["version"], "openssl") {
        return;
    }
    let site = Site::new();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = text(&s_client(&site, &[flag, "-servername", "localhost", "-alpn", "http/1.1"]));
        for part in [version, "Verify return code: 0 (ok)", "ALPN protocol: http/1.1"] {
            assert!(said.contains(part), "{flag}: expected {part:?} in: {said}");
        }
    }
    let before = site.failures("protocol");
    for (count, flag) in (1..).zip(["-tls1", "-tls1_1"]) {
        // OpenSSL itself has given these up, unless it is told otherwise.
        let refused = s_client(&site, &[flag, "-cipher", "DEFAULT:@SECLEVEL=0"]);
        assert!(!refused.status.success() && text(&refused).contains("alert "), "{}", text(&refused));
        site.until_failures("protocol", before + count);
    }
    let refused = s_client(&site, &["-alpn", "h2"]);
    assert!(!refused.status.success() && text(&refused).contains("alert"), "{}", text(&refused));
}

#[test]
fn early_data_and_renegotiation_are_refused_and_sessions_are_resumed() {
    if !have("openssl", &["version"], "openssl") {
        return;
    }
    let site = Site::new();
    let (session, request) = (site.path("session"), site.path("request"));
    let session = session.to_str().unwrap();
    std::fs::write(&request, "GET /v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        // TLS 1.3's tickets come behind the handshake: with an answer they are there.
        let mut first = Command::new("openssl");
        first.args(["s_client", "-connect", &site.daemon.address, version, "-ign_eof", "-sess_out", session]);
        let mut first =
            first.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ask = "GET /v1/log HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        first.stdin.take().unwrap().write_all(ask.as_bytes()).unwrap();
        let said = text(&first.wait_with_output().unwrap());
        assert!(said.contains("HTTP/1.1 200"), "{version}: {said}");
        let again = text(&s_client(&site, &[version, "-sess_in", session]));
        assert!(again.contains("Reused, TLSv"), "{version}: {again}");
        if version == "-tls1_3" {
            assert!(said.contains("Max Early Data: 0"), "{said}");
            let early =
                s_client(&site, &[version, "-sess_in", session, "-early_data", request.to_str().unwrap()]);
            assert!(!text(&early).contains("Early data was accepted"), "{}", text(&early));
        }
    }
    // `R` asks for a renegotiation, on a line of its own.
    let mut asking = Command::new("openssl");
    asking.args(["s_client", "-connect", &site.daemon.address, "-tls1_2"]);
    let mut asking =
        asking.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = asking.stdin.take().unwrap();
    stdin.write_all(b"R\n").unwrap();
    let said = text(&asking.wait_with_output().unwrap());
    drop(stdin);
    assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
}

#[test]
fn curl_appends_and_reads() {
    if !have("curl", &["--version"], "curl") {
        return;
    }
    let site = Site::new();
    let entry = site.path("entry.json");
    std::fs::write(&entry, crate::support::promotion("by curl").to_string()).unwrap();
    let url = format!("{}/v1/entries", site.daemon.url);
    let data = format!("@{}", entry.display());
    let appended = curl(&site, &["-H", "Content-Type: application/json", "--data", &data, &url]);
    assert!(appended.status.success(), "{}", text(&appended));
    let answer: serde_json::Value = serde_json::from_slice(&appended.stdout).unwrap();
    assert_eq!(answer["index"], json!(1));
    // By the name that the certificate is for, resolved by hand: the Host and the name in the handshake agree.
    let port = site.daemon.address.rsplit(':').next().unwrap();
    let named = |name: &str| {
        let resolve = format!("{name}:{port}:127.0.0.1");
        curl(&site, &["-w", "%{http_code}", "--resolve", &resolve, &format!("https://{name}:{port}/v1/log")])
    };
    assert!(text(&named("localhost")).ends_with("200"));
    let other = named("other.example");
    assert_eq!(other.status.code(), Some(60), "no certificate is for this name: {}", text(&other));
}

/// A `Host` other than the name that chose the certificate may be another server's, behind one address.
#[test]
fn the_host_is_the_name_of_the_handshake() {
    let site = Site::new();
    let ask = |name: &str, host: &str| {
        let mut stream = site.connect(name).unwrap();
        let head = format!("GET /v1/log HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        Response::parse(&read_all(&mut stream).unwrap()).unwrap()
    };
    for (name, host) in [
        ("localhost", "localhost"),
        ("localhost", "LOCALHOST:443"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "127.0.0.1:1"),
    ] {
        ask(name, host).expect(200);
    }
    for (name, host) in
        [("log.example", "localhost"), ("localhost", "log.example"), ("log.example", "log.example")]
    {
        let refused = ask(name, host).expect(421);
        assert_eq!(refused.json()["code"], json!("host.denied"), "{name} {host}");
    }
    assert!(
        ask("log.example", "localhost").text().contains("log.example, which the TLS handshake asked for")
    );
}

#[test]
fn a_request_without_tls_is_told_so_and_tls_to_a_plain_address_is_no_request() {
    let site = Site::new();
    let request = b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let refused = exchange(&site.daemon.address, request).unwrap().expect(400);
    assert_eq!(
        (&refused.json()["code"], refused.header("connection")),
        (&json!("tls.missing"), Some("close"))
    );
    site.until_failures("clear-text", 1);
    let metrics = site.get("/metrics").expect(200);
    assert!(metrics.text().contains("provlog_refusals_total{code=\"tls.missing\"} 1"), "{}", metrics.text());

    let folder = folder();
    let plain = Daemon::start(folder.path());
    let hello = site.authority.trusting(None);
    let refused = super::site::connect(&plain.address, "localhost", hello).unwrap_err();
    assert!(refused.to_string().contains("corrupt message"), "{refused}");
    plain.get("/v1/log").expect(200);
}

/// A daemon that comes to its end says so to whoever is connected.
#[test]
fn a_drain_ends_connections_with_a_word_and_waits_for_no_handshake() {
    let site = Site::new();
    let mut idle = site.connect("localhost").unwrap();
    idle.write_all(b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let mut silent = TcpStream::connect(&site.daemon.address).unwrap();
    silent.write_all(&[22]).unwrap();
    let address = site.daemon.address.clone();
    assert_eq!(site.daemon.terminate(), Some(0));
    read_all(&mut idle).unwrap();
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
}

/// What is on the way is cut off by nobody unnoticed, and what the daemon logs of it has no key.
#[test]
fn long_answers_are_whole_and_the_log_keeps_secrets() {
    let site = Site::new();
    for n in 0..3 {
        site.append(&format!("artifact {n}")).expect(201);
    }
    let records = site.get("/v1/records").expect(200);
    assert_eq!(records.text().lines().count(), 4);
    let key = std::fs::read_to_string(site.path("server.key")).unwrap();
    put(&site.path("server.pem"), "no certificate");
    site.get("/v1/log").expect(200);
    until("the bad file is told", || {
        std::fs::read_to_string(site.path("log")).unwrap().contains("could not be read anew")
    });
    let log = std::fs::read_to_string(site.path("log")).unwrap();
    assert!(
        key.lines()
            .filter(|line| line.len() > 20)
            .all(|line| line.contains("PRIVATE KEY") || !log.contains(line))
    );
}
