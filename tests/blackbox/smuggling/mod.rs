//! Raw requests, one row each, and what must come back. Behind each of them, on the same connection, an honest request follows: it is
//! answered where the row was understood as one whole request, and never where somebody else could take the row for another one.
//! The table is asked without TLS and with it.

mod framing;
mod heads;
mod targets;

use crate::support::{Daemon, Response, exchange_half_closed, folder, promotion};
use crate::tls::site::{Site, append, read_all};
use std::collections::BTreeSet;
use std::io::Write;

/// What follows each row.
const HONEST: &[u8] = b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What becomes of the honest request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// It is answered, as a request of its own.
    Answered,
    /// The connection is closed before it.
    Closed,
}

/// A row of the table.
struct Row {
    name: &'static str,
    /// As it goes over the line.
    bytes: Vec<u8>,
    /// The statuses and codes that it is answered with, one for each request that it is taken for. HTTP that can't be parsed is
    /// answered by hyper, without a document; a success has no code either.
    answers: &'static [(u16, &'static str)],
    then: Then,
}

fn row(
    name: &'static str,
    bytes: impl Into<Vec<u8>>,
    answers: &'static [(u16, &'static str)],
    then: Then,
) -> Row {
    Row { name, bytes: bytes.into(), answers, then }
}

/// A GET of this target.
fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A GET with these lines in its head.
fn with(lines: &str) -> String {
    format!("GET /v1/log HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n")
}

/// An append with these lines in its head, and this body.
fn post(lines: &str, body: &str) -> String {
    format!(
        "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}\r\n\r\n{body}"
    )
}

/// A submission that any log takes.
fn submission(subject: &str) -> String {
    promotion(subject).to_string()
}

/// What came back: a status and a code for each answer, the honest request's own last where it was answered; and what is no answer.
fn parse(mut bytes: &[u8], row: &Row) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let is_head = row.bytes.starts_with(b"HEAD ") && answers.is_empty();
        let Some((answer, rest)) = first(bytes, is_head) else {
            answers.push((0, String::from_utf8_lossy(bytes).into_owned()));
            break;
        };
        let body = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
        answers.push((answer.status, body["code"].as_str().unwrap_or_default().to_owned()));
        bytes = rest;
    }
    answers
}

/// The first answer, and what lies behind it.
fn first(bytes: &[u8], is_head: bool) -> Option<(Response, &[u8])> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let value = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name));
    let length = if is_head || head.starts_with("http/1.1 100") {
        0
    } else if let Some(length) = value("content-length: ") {
        length.parse().ok()?
    } else if value("transfer-encoding: chunked").is_some() {
        find(&bytes[end - 2..], b"\r\n0\r\n\r\n")? - 2
    } else {
        return None;
    };
    let (whole, rest) = bytes.split_at_checked(end + length)?;
    // The parser of whole answers takes a head's announcements for what is there.
    let whole = if length == 0 { &bytes[..end] } else { whole };
    Some((Response::parse(whole)?, rest))
}

/// The place behind these bytes.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted).map(|place| place + wanted.len())
}

fn rows() -> Vec<Row> {
    [framing::rows(), heads::rows(), targets::rows(), targets::queries()].into_iter().flatten().collect()
}

/// Asks all rows by `send`, which yields all that comes back until the other side has closed.
fn ask_all(send: impl Fn(&[u8]) -> Vec<u8>) {
    let mut wrong = Vec::new();
    for row in rows() {
        let got = parse(&send(&[&row.bytes, HONEST].concat()), &row);
        let mut expected: Vec<(u16, String)> =
            row.answers.iter().map(|(status, code)| (*status, (*code).to_owned())).collect();
        if row.then == Then::Answered {
            expected.push((200, String::new()));
        }
        if got != expected {
            wrong.push(format!("{}: expected {expected:?}, got {got:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_has_its_name_and_there_are_enough() {
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "a name is there twice");
    assert!(rows.len() >= 60, "{}", rows.len());
}

#[test]
fn without_tls() {
    let folder = folder();
    let daemon = Daemon::start(folder.path());
    ask_all(|bytes| exchange_half_closed(&daemon.address, bytes));
    let answer = exchange_half_closed(&daemon.address, &append("after it all"));
    Response::parse(&answer).unwrap().expect(201);
}

#[test]
fn with_tls() {
    let site = Site::new();
    ask_all(|bytes| {
        let mut stream = site.connect("127.0.0.1").unwrap();
        stream.write_all(bytes).unwrap();
        stream.conn.send_close_notify();
        // The daemon may have closed by now.
        let _ = stream.flush();
        read_all(&mut stream).unwrap()
    });
    site.append("after it all").expect(201);
}
