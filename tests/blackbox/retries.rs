//! A retry is always safe: the same entry, never a second one.

use crate::support::{Daemon, Response, folder, promotion, provlog, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::thread;

fn post_with_key(daemon: &Daemon, key: &str, body: &Value) -> Response {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    daemon.request("POST", "/v1/entries", &headers, body.to_string().as_bytes())
}

fn salted(subject: &str) -> Value {
    let mut submission = promotion(subject);
    let names: Vec<String> = submission["claims"].as_object().unwrap().keys().cloned().collect();
    let salt =
        |name: &String| (name.clone(), json!(provlog_core::Hash::plain(name.as_bytes()).to_hex()[..32]));
    submission["salts"] = names.iter().map(salt).collect::<serde_json::Map<_, _>>().into();
    submission
}

#[test]
fn the_same_key_is_the_same_entry_across_restarts_and_lost_caches() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let first = post_with_key(&daemon, "job-1", &promotion("a")).expect(201).json();
    let again = post_with_key(&daemon, "job-1", &promotion("a")).expect(200).json();
    assert_eq!((&again["index"], &again["duplicate"]), (&first["index"], &json!(true)));
    assert_eq!(again["leaf_hash"], first["leaf_hash"]);

    let other = post_with_key(&daemon, "job-1", &promotion("b")).expect(409);
    assert_eq!(other.header("content-type"), Some("application/problem+json"));
    // The same promotion sent anew, without a key or salts, is a new event.
    let anew = daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201).json();
    assert_ne!(anew["index"], first["index"]);
    // Salts of the client's own are a key by themselves.
    let sent = daemon.post("/v1/entries", salted("c").to_string().as_bytes()).expect(201).json();
    let resent = daemon.post("/v1/entries", salted("c").to_string().as_bytes()).expect(200).json();
    assert_eq!(resent["index"], sent["index"]);

    assert_eq!(daemon.terminate(), Some(0));
    for derived in ["dedup", "tiles", "positions"] {
        let path = folder.path().join(derived);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    let daemon = Daemon::start(folder.path());
    let after = post_with_key(&daemon, "job-1", &promotion("a")).expect(200).json();
    assert_eq!(after["index"], first["index"]);
    post_with_key(&daemon, "job-1", &promotion("b")).expect(409);
    let after = daemon.post("/v1/entries", salted("c").to_string().as_bytes()).expect(200).json();
    assert_eq!(after["index"], sent["index"]);
    let size = daemon.get("/v1/log").expect(200).json()["size"].clone();
    assert_eq!(size, json!(4), "genesis, job-1, the event anew, the salted one");
}

#[test]
fn concurrent_retries_are_one_entry() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let answers: Vec<Value> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..32).map(|_| scope.spawn(|| post_with_key(&daemon, "once", &promotion("a")))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .map(|answer| {
                assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
                answer.json()
            })
            .collect()
    });
    let fresh = answers.iter().filter(|answer| answer["duplicate"] == json!(false)).count();
    assert_eq!(fresh, 1, "exactly one of them made the entry");
    assert!(answers.iter().all(|answer| answer["index"] == json!(1)));
}

#[test]
fn a_batch_can_be_sent_again() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    let lines: Vec<String> = (0..5).map(|n| promotion(&n.to_string()).to_string()).collect();
    let headers = [("Content-Type", "application/x-ndjson"), ("Idempotency-Key", "batch-1")];
    let send = |lines: &[String]| {
        let answer =
            daemon.request("POST", "/v1/entries/batch", &headers, lines.join("\n").as_bytes()).expect(200);
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        answer.text().lines().map(parse).collect::<Vec<_>>()
    };
    let first = send(&lines);
    let indices: Vec<u64> = first.iter().map(|line| line["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [1, 2, 3, 4, 5]);
    let again = send(&lines);
    assert!(again.iter().all(|line| line["duplicate"] == json!(true)));
    assert_eq!(again.iter().map(|line| line["index"].as_u64().unwrap()).collect::<Vec<_>>(), indices);
    // A longer batch under the same key adds only what is new.
    let mut longer = lines.clone();
    longer.push(promotion("more").to_string());
    let longer = send(&longer);
    assert_eq!(longer[5]["index"], json!(6));
    assert_eq!(longer[5]["duplicate"], json!(false));
}

/// The client is killed between request and answer: it wrote what it was about to send, and sends the same again.
#[test]
fn an_append_that_got_no_answer_is_resumed() {
    let folder = folder();
    let daemon = Daemon::start(&folder.path().join("data"));
    let trust = daemon.trust(&folder.path().join("data"));
    let entry = folder.path().join("entry.json");
    fs::write(&entry, promotion("a").to_string()).unwrap();
    let append = |url: &str| {
        let arguments = [
            "append",
            "--url",
            url,
            "--json",
            entry.to_str().unwrap(),
            "--trust",
            trust.to_str().unwrap(),
            "--timeout",
            "1s",
        ];
        provlog(folder.path(), &arguments)
    };
    // A listener that takes the request, hands it on to the log, and drops the answer: the append happened, and the
    // client can't know.
    let lossy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let lossy_url = format!("http://{}", lossy.local_addr().unwrap());
    let address = daemon.address.clone();
    thread::spawn(move || {
        for stream in lossy.incoming().flatten() {
            let request = read_request(&stream);
            let _ = crate::support::exchange(&address, &request);
            drop(stream);
        }
    });
    let output = append(&lossy_url);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let pending = fs::read_dir(folder.path().join(".provlog/receipts")).unwrap().count();
    assert_eq!(pending, 1, "the pending file is kept");
    assert_eq!(
        daemon.get("/v1/log").json()["size"],
        json!(2),
        "the entry was appended once, in however many tries"
    );

    let output = append(&daemon.url);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).trim().ends_with("-1.tlog-proof"), "{}", stdout(&output));
    assert_eq!(daemon.get("/v1/log").json()["size"], json!(2), "no second entry");
    let left: Vec<_> = fs::read_dir(folder.path().join(".provlog/receipts"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 1, "the receipt is there and the pending file gone: {left:?}");
}

/// One request, up to its Content-Length, with "Connection: close" so that the log's answer ends.
fn read_request(mut stream: &std::net::TcpStream) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let length = text
            .split_once("content-length: ")
            .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
        let end = text.find("\r\n\r\n").map(|end| end + 4 + length.unwrap_or(0));
        if read == 0 || end.is_some_and(|end| bytes.len() >= end) {
            let text = String::from_utf8_lossy(&bytes).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            return text.into_bytes();
        }
    }
}
