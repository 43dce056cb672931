//! Clients that begin a handshake and don't end it, and clients with TLS that don't read what they asked for.

use super::site::{Site, read_all, until};
use crate::support::{exchange, promotion, until_says};
use std::io::{Read, Write};
use std::net::TcpStream;

/// The beginning of a ClientHello that never goes on.
const STALLED: &[u8] = &[22, 3, 1, 2, 0, 1];

fn stall(site: &Site) -> TcpStream {
    let mut stream = TcpStream::connect(&site.daemon.address).unwrap();
    stream.write_all(STALLED).unwrap();
    stream
}

fn descriptors(site: &Site) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", site.daemon.id())).unwrap().count()
}

/// Appends as many entries as that.
fn batch(site: &Site, count: usize) {
    let lines: String = (0..count).map(|n| promotion(&n.to_string()).to_string() + "\n").collect();
    let head = "POST /v1/entries/batch?receipts=false HTTP/1.1\r\nHost: localhost\r\nConnection: close";
    let length = lines.len();
    let batch =
        format!("{head}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n{lines}");
    assert!(site.exchange(batch.as_bytes()).unwrap().starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_handshake_that_stalls_is_ended() {
    let site = Site::with(&["--handshake-timeout-ms", "300"]);
    let (mut stalled, mut silent) = (stall(&site), TcpStream::connect(&site.daemon.address).unwrap());
    // Closed, or reset for what wasn't read.
    assert_eq!(stalled.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    site.until_failures("timeout", 2);
    drop(TcpStream::connect(&site.daemon.address).unwrap());
    site.until_failures("gone", 1);
    let log = std::fs::read_to_string(site.path("log")).unwrap();
    let at = |level: &str| {
        log.lines()
            .filter(|line| line.contains(level) && line.contains("timeout") && line.contains("handshake"))
            .count()
    };
    assert_eq!((at(" INFO "), at("DEBUG ")), (1, 1), "a reason is told once, and then at debug: {log}");
}

/// As many handshakes stall as there may be, and more: honest ones get in, since the oldest of the others make room.
#[test]
fn many_stalled_handshakes_stop_no_honest_one() {
    let site = Site::with(&["--handshakes-max", "8", "--handshake-timeout-ms", "600000"]);
    let mut stalled: Vec<TcpStream> = (0..40).map(|_| stall(&site)).collect();
    // Until they all have begun: a worker that is late begins many at once, and an honest one on the other would be the oldest.
    let many = u64::try_from(stalled.len() - 8).unwrap();
    until("those that are too many at first are ended", || {
        site.failures_if_let_in("too-many").is_ok_and(|count| count >= many)
    });
    for n in 0..10 {
        site.append(&n.to_string()).expect(201);
        stalled.push(stall(&site));
    }
    until("those that are too many are ended", || site.failures("too-many") >= 42);
    assert_eq!(site.failures("timeout"), 0);
    assert_eq!(stalled[0].read(&mut [0]).unwrap_or(0), 0, "the oldest was the first to go");
}

/// What is let in, and what isn't, is one count for all: those that shake hands are in it.
#[test]
fn a_connection_too_many_is_closed_without_a_handshake() {
    let site = Site::with(&["--connections-max", "2"]);
    let kept = [site.connect("localhost").unwrap(), site.connect("localhost").unwrap()];
    assert!(site.connect("localhost").is_err());
    assert!(exchange(&site.daemon.address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").is_err());
    drop(kept);
    until("places are free again", || site.connect("localhost").is_ok());
    until("the refusals are counted", || {
        site.exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok_and(
            |text| {
                String::from_utf8_lossy(&text).contains("provlog_refusals_total{code=\"busy.connections\"}")
            },
        )
    });
}

#[test]
fn nothing_stays_of_clients_that_are_gone() {
    let site = Site::new();
    batch(&site, 3_000);
    site.get("/v1/records?limit=100000").expect(200);
    let before = descriptors(&site);
    let mut gone: Vec<_> = (0..20).map(|_| site.connect("localhost").unwrap()).collect();
    for stream in &mut gone {
        // It has begun to be answered, and nothing more is read: to close it resets it.
        stream.write_all(b"GET /v1/records?limit=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    site.append("beside them").expect(201);
    drop(gone);
    until("their descriptors are closed", || descriptors(&site) <= before);
}

/// The client is honest but for one thing: it reads nothing of its long answer.
#[test]
fn an_answer_that_nobody_reads_is_given_up() {
    let site = Site::with(&["--write-timeout-ms", "300"]);
    batch(&site, 2_000);
    let mut unread = site.connect("localhost").unwrap();
    unread.write_all(b"GET /v1/records?limit=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // Connections that end well say nothing.
    until_says(&site.path("log"), "connection ended");
    assert!(read_all(&mut unread).is_err(), "the client sees that it was cut off");
}
