//! Clients that don't end what they began, don't read what they asked for, or are gone: nobody else is kept out, nothing is held
//! for them that needn't be, and nothing of them stays.

use crate::support::{Daemon, folder, promotion, provlog, stderr};
use provlog_core::limits::BATCH_BYTES_MAX;
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::yield_now;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of requests that are held at once, by default.
const BODY_BYTES: u64 = 64 << 20;

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < PATIENCE, "{what} in {PATIENCE:?}");
        yield_now();
    }
}

fn body_bytes_free(daemon: &Daemon) -> u64 {
    let metrics = daemon.get("/metrics").expect(200);
    let free = metrics.text().lines().find_map(|line| line.strip_prefix("provlog_request_body_bytes_free "));
    free.unwrap().parse().unwrap()
}

fn descriptors(daemon: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().count()
}

fn lines(count: usize) -> String {
    (1..=count).map(|n| promotion(&format!("artifact {n}")).to_string() + "\n").collect()
}

/// Sends a request and leaves the rest to whoever gets the connection.
fn send(daemon: &Daemon, head: &str, length: usize, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let head = format!("{head} HTTP/1.1\r\nHost: {}\r\n", daemon.address);
    let head = match length {
        0 => head,
        length => format!("{head}Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n"),
    };
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream
}

#[test]
fn batches_that_never_end_keep_no_single_append_out() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    assert_eq!(body_bytes_free(&daemon), BODY_BYTES);
    let body = vec![b' '; BATCH_BYTES_MAX - 1];
    let stuck: Vec<_> =
        (0..7).map(|_| send(&daemon, "POST /v1/entries/batch", BATCH_BYTES_MAX, &body)).collect();
    until("seven batches are held but for their last bytes", || {
        body_bytes_free(&daemon) == BODY_BYTES - 7 * (BATCH_BYTES_MAX as u64 - 1)
    });
    let headers = [("Content-Type", "application/x-ndjson")];
    let refused = daemon.request("POST", "/v1/entries/batch", &headers, lines(100).as_bytes()).expect(503);
    assert_eq!((&refused.json()["code"], refused.header("retry-after")), (&json!("busy.bodies"), Some("1")));
    for n in 0..10 {
        daemon.post("/v1/entries", promotion(&n.to_string()).to_string().as_bytes()).expect(201);
    }
    drop(stuck);
    until("what was held is given back", || body_bytes_free(&daemon) == BODY_BYTES);
    daemon.request("POST", "/v1/entries/batch", &headers, lines(100).as_bytes()).expect(200);
}

/// What is in the log needn't be in memory until whoever sent it has read that it is.
#[test]
fn a_batch_whose_answer_nobody_reads_holds_next_to_nothing() {
    const COUNT: usize = 2_000;
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let body = lines(COUNT);
    let mut unread = send(&daemon, "POST /v1/entries/batch", body.len(), body.as_bytes());
    until("the batch is in the log", || daemon.get("/v1/log").json()["size"] == json!(COUNT + 1));
    let least = BODY_BYTES - 100 * COUNT as u64;
    until("its bytes are given back", || (least..BODY_BYTES).contains(&body_bytes_free(&daemon)));

    // All of it is still answered, and each receipt holds.
    let trust = Trust::parse(&std::fs::read(daemon.trust(folder.path())).unwrap()).unwrap();
    unread.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(&mut unread);
    let mut indices = Vec::new();
    let mut line = String::new();
    while indices.len() < COUNT {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "after {} lines", indices.len());
        // Heads, and the sizes of chunks, lie between; a line may go on behind one.
        while line.starts_with('{') && !line.ends_with("}\n") {
            line.truncate(line.trim_end().len());
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            reader.read_line(&mut line).unwrap();
        }
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(receipt) = answer["receipt"].as_str() else { continue };
        let verdict = Verifier::new(&trust).receipt(receipt.as_bytes(), &[]).unwrap();
        assert_eq!(json!(verdict.report().index), answer["index"]);
        indices.push(answer["index"].as_u64().unwrap());
    }
    assert!(indices.into_iter().eq(1..=COUNT as u64));
    until("the last is given back", || body_bytes_free(&daemon) == BODY_BYTES);
}

#[test]
fn nothing_stays_of_clients_that_are_gone() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let headers = [("Content-Type", "application/x-ndjson")];
    let batch = "/v1/entries/batch?receipts=false";
    daemon.request("POST", batch, &headers, lines(3_000).as_bytes()).expect(200);
    daemon.get("/v1/records?limit=100000").expect(200);
    let before = descriptors(&daemon);
    let gone: Vec<_> = (0..40).map(|_| send(&daemon, "GET /v1/records?limit=100000", 0, b"")).collect();
    for mut stream in &gone {
        // It has begun to be answered, and nothing more is read: to close it resets it.
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    daemon.post("/v1/entries", promotion("beside them").to_string().as_bytes()).expect(201);
    drop(gone);
    until("their descriptors are closed", || descriptors(&daemon) <= before);
}

/// Stands before a log, and looks through no more than `most` entries an answer.
fn narrow(address: String, most: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .filter(|line| !line.to_ascii_lowercase().starts_with("connection"))
                .collect();
            let query = head[0].split(' ').nth(1).unwrap();
            let start = query.split_once("records?start=").and_then(|(_, rest)| rest.split('&').next());
            let start: Option<u64> = start.map(|start| start.parse().unwrap());
            let request = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
            let answer = crate::support::exchange(&address, request.as_bytes()).unwrap();
            let (mut body, mut range_end) = (answer.body.clone(), String::new());
            if let Some(start) = start {
                let size: u64 = answer.header("provlog-tree-size").unwrap().parse().unwrap();
                assert_eq!(answer.header("provlog-range-end"), Some(size.to_string().as_str()));
                let end = size.min(start + most);
                range_end = format!("Provlog-Range-End: {end}\r\n");
                let kept = crate::records::sequence(&body);
                let kept = kept.into_iter().take_while(|(index, _)| *index < end);
                body = kept
                    .flat_map(|(index, record)| {
                        provlog_core::package::encoded_item(index, &record.to_bytes())
                    })
                    .collect();
            }
            let head = format!(
                "HTTP/1.1 {} s\r\nContent-Type: {}\r\n{range_end}Content-Length: {}\r\nConnection: close\r\n\r\n",
                answer.status,
                answer.header("content-type").unwrap(),
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

#[test]
fn an_export_goes_on_where_the_log_stopped_looking() {
    let folder = folder();
    let data = folder.path().join("data");
    let daemon = Daemon::start(&data);
    let headers = [("Content-Type", "application/x-ndjson")];
    let rare = |n: usize| {
        let mut submission = promotion(&format!("artifact {n}"));
        submission["claims"]["environment"] =
            if n.is_multiple_of(40) { "far away" } else { "production" }.into();
        submission.to_string() + "\n"
    };
    let body: String = (1..=130).map(rare).collect();
    daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
    let trust = daemon.trust(&data).display().to_string();
    let export = |name: &str, url: &str| {
        let arguments =
            ["export", "--url", url, "--trust", &trust, "--environment", "far away", "--output", name];
        let output = provlog(folder.path(), &arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        std::fs::read(folder.path().join(name).join("records.cbor")).unwrap()
    };
    let whole = export("whole", &daemon.url);
    assert_eq!(
        crate::records::sequence(&whole).iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        [40, 80, 120]
    );
    // Most of these answers are empty.
    assert_eq!(export("narrow", &narrow(daemon.address.clone(), 17)), whole);
}
