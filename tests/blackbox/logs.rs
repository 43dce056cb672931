//! What is logged of requests: their ids in each answer, and nothing that a client sent.

use crate::support::{Daemon, Response, exchange, exchange_half_closed, folder, promotion, until_says};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// What a client sends, and nobody should find in a line, in a metric, or in an error that isn't its own answer.
const CANARIES: [&str; 6] = [
    "canary-token-5c1f",
    "canary-claim-77aa",
    "canary-host-1b2e",
    "canary-agent-90fd",
    "canary-query-42c3",
    "e4a7c0ffee11ca9a41e4a7c0ffee11ca9a41e4a7c0ffee11ca9a41e4a7c0ffee",
];

/// What a refusal's own line says.
const REFUSED: &str = "a request was refused";

/// Requests of every sort, taken and refused, each with canaries in it.
fn visit(daemon: &Daemon) -> Vec<Response> {
    let [token, claim, host, agent, query, digest] = CANARIES;
    let bearer = format!("Bearer {token}");
    let json = [("Content-Type", "application/json"), ("User-Agent", agent), ("X-Request-Id", agent)];
    let mut body = promotion(claim);
    body["claims"]["subject"][0]["digest"]["sha256"] = digest.into();
    body["claims"]["x-note"] = claim.into();
    body["idempotency_key"] = claim.into();
    let taken = body.to_string();
    body["claims"]["other"] = claim.into();
    let refused = body.to_string();
    let authorized = [json[0], json[1], json[2], ("Authorization", &bearer)];
    vec![
        daemon.request("POST", "/v1/entries", &authorized, taken.as_bytes()).expect(201),
        daemon.request("POST", "/v1/entries", &json, refused.as_bytes()).expect(400),
        daemon.request("POST", "/v1/entries/batch", &json, format!("[{refused}]").as_bytes()).expect(400),
        daemon.get(&format!("/v1/{query}")).expect(404),
        daemon.get(&format!("/v1/records?subject={query}")).expect(400),
        daemon.get("/v1/records").expect(200),
        daemon.get("/checkpoint").expect(200),
        daemon.request("BREW", "/v1/log", &authorized, b"").expect(405),
        exchange(
            &daemon.address,
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .unwrap()
        .expect(421),
    ]
}

fn assert_silent(text: &str, what: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {what}: {text}");
    }
}

fn id(answer: &Response) -> String {
    let id = answer.header("x-request-id").expect("every answer has one");
    assert!(id.len() == 16 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
    id.into()
}

/// A run at the level trace in this format: its lines, and the ids of its answers.
fn run(format: &str, folder: &Path) -> (String, Vec<String>) {
    let log = folder.join(format);
    let settings = ["--log-filter", "trace", "--log-format", format, "--header-timeout-ms", "300"];
    let daemon = Daemon::start_logging(&folder.join(format!("{format}-data")), &settings, &log);
    let answers = visit(&daemon);
    let ids: Vec<String> = answers.iter().map(id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no two are the same: {ids:?}");
    let late = exchange(&daemon.address, b"GET /checkpoint HTTP/1.1\r\nHo").unwrap().expect(408);
    id(&late);
    let unread = exchange_half_closed(&daemon.address, format!("{}\r\n\r\n", CANARIES[3]).as_bytes());
    assert!(unread.starts_with(b"HTTP/1.1 400 "), "hyper's own");
    assert_silent(daemon.get("/metrics").expect(200).text(), "metrics");
    until_says(&log, ids.last().unwrap());
    assert_eq!(daemon.terminate(), Some(0));
    let text = fs::read_to_string(&log).unwrap();
    assert_silent(&text, "the lines");
    (text, ids)
}

#[test]
fn lines_have_the_request_s_id_and_nothing_of_the_client_s() {
    let folder = folder();
    let (text, ids) = run("text", folder.path());
    for id in &ids {
        // Beside it a refusal has a line of its own, which is logged whether or not all requests are.
        let of_it = text.lines().filter(|line| line.contains(id.as_str()) && !line.contains(REFUSED));
        let of_it: Vec<&str> = of_it.collect();
        let [line] = of_it[..] else { panic!("{id}: {of_it:?}") };
        assert!(
            line.contains(" DEBUG ") && line.contains(r#"caller="#) && line.contains("micros="),
            "{line}"
        );
    }
    assert!(text.lines().any(|line| line.contains(r#"path="/v1/entries""#) && line.contains("status=201")));

    let (text, ids) = run("json", folder.path());
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
        assert!(
            ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&line["level"].as_str().unwrap()),
            "{line}"
        );
        assert!(!line["target"].as_str().unwrap().is_empty() && line["message"].is_string(), "{line}");
    }
    let is_of = |line: &Value, id: &str| line["request"] == id && line["message"] != REFUSED;
    let of = |id: &String| lines.iter().find(|line| is_of(line, id)).expect("a line of it");
    let fields = |place: usize| of(&ids[place])["fields"].clone();
    assert_eq!((&fields(0)["path"], &fields(0)["status"]), (&"/v1/entries".into(), &201.into()));
    assert_eq!((&fields(0)["caller"], &fields(0)["method"]), (&"anonymous".into(), &"POST".into()));
    assert_eq!((&fields(3)["path"], &fields(3)["code"]), (&"none".into(), &"route.unknown".into()));
    assert_eq!((&fields(7)["method"], &fields(7)["path"]), (&"another".into(), &"/v1/log".into()));
}

/// What a daemon says of itself without being asked costs no line a request that is answered as was asked.
#[test]
fn nothing_is_logged_of_requests_but_refusals_unless_asked() {
    let folder = folder();
    let log = folder.path().join("log");
    let daemon = Daemon::start_logging(&folder.path().join("data"), &["--log-format", "json"], &log);
    visit(&daemon);
    assert_eq!(daemon.terminate(), Some(0));
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("stopping"), "{text}");
    for line in text.lines().filter(|line| line.contains("\"request\"")) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["message"], REFUSED, "{line}");
    }
}

/// A line that is logged on another thread, or once the answer has begun, has the request's id too.
#[test]
fn what_breaks_an_answer_off_is_logged_with_its_request() {
    let folder = folder();
    let data = folder.path().join("data");
    let daemon = Daemon::start(&data);
    daemon.post("/v1/entries", promotion("needle").to_string().as_bytes()).expect(201);
    assert_eq!(daemon.terminate(), Some(0));
    let log = folder.path().join("log");
    let daemon = Daemon::start_logging(&data, &["--log-format", "json"], &log);
    daemon.until_ready();
    let segment = fs::read_dir(data.join("journal")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(6).position(|window| window == b"needle").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut client = TcpStream::connect(&daemon.address).unwrap();
    client.write_all(b"GET /v1/records HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let reset = client.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "nobody takes it for whole");
    until_says(&log, "was broken off");
    let text = fs::read_to_string(&log).unwrap();
    let request = |part: &str| {
        let line: Value =
            serde_json::from_str(text.lines().find(|line| line.contains(part)).expect(part)).unwrap();
        line["request"].as_str().expect(part).to_owned()
    };
    assert_eq!(
        request("does not verify"),
        request("was broken off"),
        "a thread that reads, and who sends: {text}"
    );
}
