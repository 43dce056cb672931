//! Bad input, one row each: a clear answer, never a panic, and nothing lost or appended.

use crate::support::{Daemon, exchange, exchange_half_closed, folder, promotion};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A body, and what it is answered with: status, code, and a part of the text.
struct Row {
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    text: &'static str,
}

fn row(name: &'static str, body: impl Into<Vec<u8>>, code: &'static str, text: &'static str) -> Row {
    Row { name, body: body.into(), status: 400, code, text }
}

/// A valid submission after a change to its claims.
fn claims(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Vec<u8> {
    let mut submission = promotion("a");
    change(submission["claims"].as_object_mut().unwrap());
    submission.to_string().into_bytes()
}

fn with(name: &str, value: Value) -> Vec<u8> {
    claims(|claims| _ = claims.insert(name.into(), value))
}

fn edited(from: &str, to: &str) -> Vec<u8> {
    let text = promotion("a").to_string();
    let edited = text.replacen(from, to, 1);
    assert_ne!(text, edited, "{from}");
    edited.into_bytes()
}

/// Salts for every claim, after a change.
fn salts(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Vec<u8> {
    let mut submission = promotion("a");
    let names = submission["claims"].as_object().unwrap().keys().cloned();
    let mut salts: serde_json::Map<String, Value> = names
        .map(|name| {
            let salt = provlog_core::Hash::plain(name.as_bytes()).to_hex()[..32].to_string();
            (name, salt.into())
        })
        .collect();
    change(&mut salts);
    submission["salts"] = salts.into();
    submission.to_string().into_bytes()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn rows() -> Vec<Row> {
    let ahead_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let ahead_ms = u64::try_from(ahead_ms).unwrap() + 6 * 60 * 1000;
    let kind = |kind: &str| edited("\"promotion\"", &format!("{kind:?}"));
    let subject = |digest: Value| with("subject", json!([{"digest": digest}]));
    vec![
        row("empty body", "", "json.malformed", "EOF"),
        row("half an object", "{\"kind\":", "json.malformed", "EOF"),
        row("two values", "{}{}", "json.malformed", "trailing"),
        row(
            "not UTF-8",
            [b"{\"kind\":\"".as_slice(), &[0xff, 0xfe], b"\"}"].concat(),
            "json.malformed",
            "unicode",
        ),
        row("an array", "[]", "submission.form", "an array"),
        row("no kind", "{\"claims\":{}}", "submission.form", "kind"),
        row("no claims", "{\"kind\":\"promotion\"}", "submission.form", "claims"),
        row(
            "unknown member",
            edited("{\"claims\"", "{\"mood\":1,\"claims\""),
            "submission.unknown-member",
            "mood",
        ),
        row("float", with("x-n", json!(1.5)), "json.malformed", "1.5"),
        row("exponent", edited("\"kind\"", "\"x\":1e3,\"kind\""), "json.malformed", "exponent"),
        row("minus zero", edited("\"kind\"", "\"x\":-0,\"kind\""), "json.malformed", "minus zero"),
        row(
            "duplicate key",
            edited("\"kind\"", "\"kind\":\"promotion\",\"kind\""),
            "json.malformed",
            "twice",
        ),
        row(
            "duplicate claim",
            edited("\"environment\"", "\"environment\":\"x\",\"environment\""),
            "json.malformed",
            "twice",
        ),
        row("integer over 2^53-1", with("x-n", json!(9_007_199_254_740_992_u64)), "json.malformed", "2^53-1"),
        row(
            "integer over 2^64",
            edited("\"kind\"", "\"x\":123456789012345678901,\"kind\""),
            "json.malformed",
            "2^53-1",
        ),
        row("unknown kind", kind("deployment"), "kind.unknown", "promotion"),
        row("kind of another case", kind("Promotion"), "kind.unknown", "Promotion"),
        row("log-only kind", kind("genesis"), "kind.log-only", "genesis"),
        row("kind not accepted yet", kind("withdrawal"), "kind.not-accepted", "withdrawal"),
        row("unknown claim", with("mood", json!("fine")), "claim.unknown", "mood"),
        row("claim of another kind", with("scan", json!({})), "claim.unknown", "scan"),
        row("claim name in capitals", with("X-note", json!(1)), "claim.name", "X-note"),
        row("claim name too long", with(&format!("x-{}", "a".repeat(63)), json!(1)), "claim.name", "64"),
        row("claim name with a space", with("x-a b", json!(1)), "claim.name", "x-a b"),
        row(
            "unknown field",
            with("decision", json!({"outcome": "allow", "mood": 1})),
            "claim.unknown-field",
            "decision.mood",
        ),
        row("missing field", with("decision", json!({})), "claim.missing-field", "outcome"),
        row("missing claim", claims(|claims| _ = claims.remove("model")), "claim.missing", "model"),
        row("null is not missing", with("model", Value::Null), "claim.type", "model"),
        row("wrong type", with("environment", json!(1)), "claim.type", "a string that is not empty"),
        row("empty string", with("environment", json!("")), "claim.type", "environment"),
        row("another word", with("decision", json!({"outcome": "maybe"})), "claim.type", "allow"),
        row("unknown absence", with("model", json!({"absent": "lost"})), "claim.type", "not_recorded"),
        row(
            "a list of one",
            with("prompt_hash", json!([{"sha256": "0".repeat(64)}])),
            "claim.type",
            "prompt_hash",
        ),
        row("empty subject", with("subject", json!([])), "claim.type", "subject"),
        row("digest of 31 bytes", subject(json!({"sha256": "0".repeat(62)})), "claim.type", "sha256"),
        row("digest in capitals", subject(json!({"sha256": "A".repeat(64)})), "claim.type", "sha256"),
        row("unknown algorithm", subject(json!({"md5": "0".repeat(32)})), "claim.unknown-field", "md5"),
        row("no digest", subject(json!({})), "claim.type", "digest"),
        row(
            "salt too short",
            salts(|salts| _ = salts.insert("model".into(), json!("00"))),
            "salt.form",
            "32",
        ),
        row(
            "salt in capitals",
            salts(|salts| _ = salts.insert("model".into(), json!("A".repeat(32)))),
            "salt.form",
            "32",
        ),
        row(
            "zero salt",
            salts(|salts| _ = salts.insert("model".into(), json!("0".repeat(32)))),
            "salt.zero",
            "model",
        ),
        row(
            "repeated salt",
            salts(|salts| {
                let other = salts["environment"].clone();
                salts.insert("model".into(), other);
            }),
            "salt.repeated",
            "model",
        ),
        row("some salts", salts(|salts| _ = salts.remove("model")), "salt.missing", "model"),
        row(
            "salt of no claim",
            salts(|salts| _ = salts.insert("mood".into(), json!("1".repeat(32)))),
            "salt.unknown",
            "mood",
        ),
        row("oversize claim", with("x-big", json!("a".repeat(17_000))), "claim.too-large", "16384"),
        row(
            "oversize record",
            claims(|claims| {
                for n in 0..4 {
                    claims.insert(format!("x-{n}"), json!("a".repeat(13_000)));
                }
            }),
            "record.too-large",
            "48000",
        ),
        row(
            "too many claims",
            claims(|claims| {
                for n in 0..64 {
                    claims.insert(format!("x-{n}"), json!(1));
                }
            }),
            "claims.too-many",
            "64",
        ),
        row("nine levels deep", with("x-deep", nested(9)), "claim.too-deep", "8"),
        row("a hundred levels deep", with("x-deep", nested(100)), "json.malformed", "deeper"),
        row("ahead of the clock", with("occurred_at_ms", json!(ahead_ms)), "claim.ahead", "occurred_at_ms"),
        Row { status: 413, ..row("oversize body", vec![b' '; 200 * 1024], "body.too-large", "163840") },
    ]
}

fn check(answer: &crate::support::Response, row: &Row) {
    let name = row.name;
    assert_eq!(answer.status, row.status, "{name}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
    let problem = answer.json();
    assert_eq!(problem["code"], row.code, "{name}: {problem}");
    assert_eq!(problem["status"], row.status, "{name}");
    assert!(problem.to_string().contains(row.text), "{name}: expected {:?} in {problem}", row.text);
}

#[test]
fn every_row_is_answered_clearly_and_appends_nothing() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    for row in rows() {
        check(&daemon.post("/v1/entries", &row.body), &row);
        // As one line of a batch it fails all of it, and the line is named.
        if row.status == 400 && !row.body.is_empty() {
            let lines = [promotion("fine").to_string().into_bytes(), row.body.clone()].join(&b'\n');
            let headers = [("Content-Type", "application/x-ndjson")];
            let answer = daemon.request("POST", "/v1/entries/batch", &headers, &lines);
            check(&answer, &row);
            assert_eq!(answer.json()["line"], 2, "{}: {}", row.name, answer.text());
        }
    }
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(1), "nothing but genesis");
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
    // A claim at its limit, and a time within five minutes, are taken.
    daemon.post("/v1/entries", &with("x-deep", nested(8))).expect(201);
}

/// Method, path, headers and body; status and code.
type Exchange<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

#[test]
fn requests_that_are_none_are_answered_clearly() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let good = promotion("a").to_string();
    let json_type = [("Content-Type", "application/json")];
    let cases: [Exchange<'_>; 16] = [
        ("POST", "/v1/entries", &[("Content-Type", "text/plain")], &good, 415, "content-type.unsupported"),
        ("POST", "/v1/entries", &[], &good, 415, "content-type.unsupported"),
        (
            "POST",
            "/v1/entries",
            &[("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
            &good,
            415,
            "content-encoding.unsupported",
        ),
        (
            "POST",
            "/v1/entries",
            &[("Content-Type", "application/json"), ("Idempotency-Key", "a b")],
            &good,
            400,
            "idempotency-key.form",
        ),
        ("PUT", "/v1/entries", &json_type, "", 405, "method.not-allowed"),
        ("DELETE", "/v1/entries/0", &[], "", 405, "method.not-allowed"),
        ("GET", "/v1/nothing", &[], "", 404, "route.unknown"),
        ("GET", "/v1/entries/1", &[], "", 404, "entry.not-found"),
        ("GET", "/v1/entries/9007199254740991", &[], "", 404, "entry.not-found"),
        ("GET", "/v1/entries/0/proof?size=2", &[], "", 404, "entry.not-found"),
        ("GET", "/v1/consistency?old=2&new=1", &[], "", 400, "parameter.malformed"),
        ("GET", "/v1/consistency?old=1", &[], "", 400, "parameter.malformed"),
        ("GET", "/tile/0/000", &[], "", 404, "tile.not-found"),
        ("GET", "/tile/0/000.p/2", &[], "", 404, "tile.not-found"),
        ("GET", "/v1/schema/mood", &[], "", 404, "kind.not-found"),
        ("POST", "/v1/entries/batch", &json_type, "[]", 400, "batch.empty"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = daemon.request(method, path, headers, body.as_bytes());
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{method} {path}: {}",
            answer.text()
        );
    }
    for path in [
        "/v1/entries/-1",
        "/v1/entries/01",
        "/v1/entries/9007199254740992",
        "/v1/entries/..%2f..%2fkeys%2flog.key",
        "/v1/entries/../../keys/log.key",
        "/v1/entries/%00",
        "/v1/entries/%ff",
        "/tile/../keys/log.key",
        "/tile/0/..%2f..%2fsecret",
        "/tile/entries/%2e%2e/%2e%2e/log.toml",
        "/tile/0/000.p/../../../secret",
        "/v1/schema/..%2f..%2fCargo.toml",
        "/v1/schema/../../../etc/passwd",
        "//etc/passwd",
    ] {
        let answer = daemon.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
        assert!(answer.json()["code"].is_string(), "{path}: {}", answer.text());
    }
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(1));
}

/// Too much at once: the limit is named, and nothing of it is appended.
#[test]
fn oversize_batches_and_heads_are_refused() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let headers = [("Content-Type", "application/x-ndjson")];
    let line = promotion("a").to_string();

    let too_many = vec!["{}"; 10_001].join("\n");
    let answer = daemon.request("POST", "/v1/entries/batch", &headers, too_many.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("batch.too-many")), "{}", answer.text());
    assert!(answer.text().contains("10000"), "{}", answer.text());

    let too_large = format!("{line}\n").repeat(9 * 1024 * 1024 / line.len());
    let answer = daemon.request("POST", "/v1/entries/batch", &headers, too_large.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("body.too-large")), "{}", answer.text());
    assert!(answer.text().contains("8388608"), "{}", answer.text());

    let head =
        format!("GET /v1/log HTTP/1.1\r\nHost: localhost\r\nX-Big: {}\r\n\r\n", "a".repeat(1024 * 1024));
    let answer = exchange_half_closed(&daemon.address, head.as_bytes());
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(1));
}

/// Two lines of one key and other values: a conflict fails the whole batch and names the line.
#[test]
fn a_conflict_fails_the_whole_batch() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let send = |lines: &[Value]| {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let headers = [("Content-Type", "application/x-ndjson"), ("Idempotency-Key", "job")];
        daemon.request("POST", "/v1/entries/batch", &headers, lines.join("\n").as_bytes())
    };
    let keyed = |subject: &str| {
        let mut submission = promotion(subject);
        submission["idempotency_key"] = json!("one");
        submission
    };
    let conflict = |answer: crate::support::Response| {
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (409, &json!("idempotency-key.conflict")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.json()["line"], 2, "{}", answer.text());
        assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(1), "nothing was appended");
    };
    conflict(send(&[keyed("a"), keyed("b")]));
    send(&[promotion("a"), promotion("b")]).expect(200);
    let changed = send(&[promotion("a"), promotion("c"), promotion("d")]);
    assert_eq!((changed.status, &changed.json()["line"]), (409, &json!(2)), "{}", changed.text());
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(3), "the new tail was not appended");
}

#[test]
fn other_hosts_names_are_refused() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let ask = |host: &str| {
        let request = format!("GET /v1/log HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        exchange(&daemon.address, request.as_bytes()).unwrap()
    };
    for host in ["localhost", "localhost:4180", "127.0.0.1", "[::1]:4180"] {
        ask(&format!("Host: {host}\r\n")).expect(200);
    }
    for host in ["evil.example", "localhost.evil.example:4180", "127.0.0.1.evil.example"] {
        assert_eq!(ask(&format!("Host: {host}\r\n")).expect(421).json()["code"], "host.denied");
    }
    assert_eq!(ask("").status, 400);
}

/// Slow senders are cut off, and those that stop half-way lose nothing for others.
#[test]
fn slow_and_broken_connections_end() {
    let folder = folder();
    let limits = ["--header-timeout-ms", "300", "--body-timeout-ms", "300"];
    let daemon = Daemon::start_with(folder.path(), &limits);
    let host = &daemon.address;

    // Headers that never end are answered, and the connection is closed.
    let mut slow = TcpStream::connect(host).unwrap();
    slow.write_all(b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.starts_with("HTTP/1.1 408") && rest.contains("request.timeout"), "{rest}");

    // A body that never ends.
    let head = "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    let answer = exchange(host, head.as_bytes()).unwrap();
    assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("request.timeout")));

    // The sending side is closed in the middle of a body.
    let answer = exchange_half_closed(host, head.as_bytes());
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");

    // A whole request, and then only the sending side is closed: it is answered.
    let whole = format!("GET /v1/log HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = exchange_half_closed(host, whole.as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));

    for junk in [&b"\x16\x03\x01\x02\x00"[..], b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let answer = exchange_half_closed(host, junk);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 505"),
            "{junk:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(daemon.get("/v1/log").expect(200).json()["size"], json!(1));
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
}

/// Other machines aren't let in by accident.
#[test]
fn other_addresses_are_refused_without_tls() {
    let folder = folder();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4180"] {
        let output = std::process::Command::new(crate::support::program("provlogd"))
            .args(["--listen", address, "--data-dir"])
            .arg(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains("without TLS: whoever is on the way"),
            "{address}: {text}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}
