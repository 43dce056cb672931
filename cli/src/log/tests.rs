//! How a log is reached: certificates, sockets, answers that are cut off, and what is said of each.

use super::client::Client;
use super::posted::{BoundBy, Posted};
use super::unanswered::Asked;
use super::url::LogUrl;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::testing::authority::{Authority, NOW};
use crate::testing::door::Door;
use crate::testing::{Reply, serve_at};
use flate2::Compression;
use flate2::write::GzEncoder;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// A folder for sockets and certificates.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Each way to a log, and the file of roots for it.
    fn doors(&self) -> [(Door, Option<PathBuf>); 3] {
        let authority = Authority::new("doors");
        let ca = self.write("ca.pem", &authority.pem());
        [
            (Door::Tcp, None),
            (authority.door("127.0.0.1", NOW), Some(ca)),
            (Door::Unix(self.0.path().join("socket")), None),
        ]
    }
}

/// What is said when there is no answer, and whether it is waited for.
fn said(failure: Failure) -> (String, bool) {
    assert_eq!(Exit::of_failure(&failure), Exit::Unreachable, "{failure}");
    match failure {
        Failure::Unreachable { why, lasts } => (why, lasts),
        other => panic!("{other}"),
    }
}

fn append(client: &Client, timeout: Duration) -> Result<Vec<u8>, Failure> {
    client.append(
        &Posted { body: "{}", idempotency_key: "k", bound_by: BoundBy::Nothing, token: None },
        100,
        timeout,
    )
}

#[test]
fn a_certificate_has_to_lead_to_a_root_and_hold_for_the_name_now() {
    let place = Place::new();
    let (root, other, twin) = (Authority::new("root"), Authority::new("other"), Authority::new("root"));
    let below = root.intermediate("below");
    let both = place.write("both.pem", &format!("{}{}", other.pem(), root.pem()));
    let of_root = place.write("root.pem", &root.pem());
    let of_other = place.write("other.pem", &other.pem());
    type Case<'a> = (&'a Authority, &'a str, Range<i32>, &'a Path, &'a str, Option<&'a str>);
    let cases: [Case<'_>; 10] = [
        (&root, "127.0.0.1", NOW, &of_root, "127.0.0.1", None),
        (&root, "localhost", NOW, &of_root, "localhost", None),
        (&below, "127.0.0.1", NOW, &of_root, "127.0.0.1", None),
        (&root, "127.0.0.1", NOW, &both, "127.0.0.1", None),
        (&root, "127.0.0.1", NOW, &of_other, "127.0.0.1", Some("other.pem, the file that --ca")),
        (
            &twin,
            "127.0.0.1",
            NOW,
            &of_root,
            "127.0.0.1",
            Some("isn't signed by the key of the issuer that it names"),
        ),
        (
            &root,
            "log.example.com",
            NOW,
            &of_root,
            "127.0.0.1",
            Some("expected 127.0.0.1, got log.example.com;"),
        ),
        (&root, "192.0.2.1", NOW, &of_root, "localhost", Some("expected localhost, got 192.0.2.1;")),
        (&root, "127.0.0.1", 2020..2021, &of_root, "127.0.0.1", Some("got one that ended at 2021-01-01T")),
        (&root, "127.0.0.1", 3999..4000, &of_root, "127.0.0.1", Some("got one that begins at 3999-01-01T")),
    ];
    for (authority, name, years, ca, host, expected) in cases {
        let server = serve_at(&authority.door(name, years), 1, |_, _| Reply::new(200, "yes"));
        let url = server.url.replace("127.0.0.1", host);
        let answer = Client::new(&url, Some(ca), None).unwrap().get("/checkpoint", 100);
        match expected {
            None => assert_eq!(answer.unwrap(), b"yes"),
            Some(expected) => {
                let (text, lasts) = said(answer.unwrap_err());
                assert!(text.contains(expected) && text.contains(&url) && lasts, "{text}");
            }
        }
        assert_eq!(
            server.finish().len(),
            usize::from(expected.is_none()),
            "{name}: nothing is asked of a stranger"
        );
    }
}

#[test]
fn a_server_that_shows_a_ca_s_certificate_is_told_apart() {
    let (place, root) = (Place::new(), Authority::new("root"));
    let ca = place.write("root.pem", &root.pem());
    let server = serve_at(&root.own_door(), 1, |_, _| Reply::new(200, "yes"));
    let (text, lasts) =
        said(Client::new(&server.url, Some(&ca), None).unwrap().get("/checkpoint", 100).unwrap_err());
    assert!(text.contains("its certificate is a CA's own") && text.contains("CA:FALSE") && lasts, "{text}");
    assert!(server.finish().is_empty(), "nothing is asked of it");
}

#[test]
fn a_file_of_roots_is_read_whole_or_refused_by_name() {
    let place = Place::new();
    let pem = Authority::new("root").pem();
    let cases = [
        (place.write("empty", ""), "got none"),
        (place.write("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "got none"),
        (place.write("half", &pem[..pem.len() / 2]), "expected PEM certificates"),
        (
            place.write(
                "bad",
                &format!("{pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            ),
            "in certificate 2",
        ),
        (place.0.path().join("missing"), "No such file"),
    ];
    for (path, expected) in cases {
        let failure = Failure::from(Client::new("https://log.example.com", Some(&path), None).unwrap_err());
        assert_eq!(Exit::of_failure(&failure), Exit::Usage);
        let text = failure.to_string();
        assert!(text.contains(expected) && text.contains(path.to_str().unwrap()), "{text}");
        // Nobody else reads it.
        Client::new("http://log.example.com", Some(&path), None).unwrap();
        Client::new("unix:/socket", Some(&path), None).unwrap();
    }
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is_are_told() {
    let place = Place::new();
    let authority = Authority::new("root");
    let ca = place.write("ca.pem", &authority.pem());
    let door = authority.door("127.0.0.1", NOW);

    // What a server of HTTP says to a ClientHello, and what one that says nothing does.
    for (answer, waited_for) in [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], false), (b"", true)] {
        let listener = Door::Tcp.open();
        let url = listener.url().replace("http:", "https:");
        let server = thread::spawn(move || {
            let mut stream = listener.accept();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(answer).unwrap();
        });
        let (text, lasts) =
            said(Client::new(&url, Some(&ca), None).unwrap().get("/checkpoint", 1).unwrap_err());
        assert!(text.contains("its URL begins with http://") && lasts != waited_for, "{text}");
        server.join().unwrap();
    }

    let server = serve_at(&door, 1, |_, _| Reply::new(200, ""));
    let url = server.url.replace("https:", "http:");
    let (text, lasts) = said(Client::new(&url, None, None).unwrap().get("/checkpoint", 1).unwrap_err());
    assert!(text.contains("its URL begins with https://") && lasts, "{text}");
    assert!(server.finish().is_empty());
}

/// Whoever speaks no HTTP won't a second later.
#[test]
fn what_is_no_http_is_told_and_not_waited_for() {
    let place = Place::new();
    for (door, ca) in place.doors() {
        let server = serve_at(&door, 1, |_, _| Reply::Cut(b"220 mail.example.com ESMTP\r\n\r\n".to_vec()));
        let client = Client::new(&server.url, ca.as_deref(), None).unwrap();
        let (text, lasts) = said(client.get("/checkpoint", 1).unwrap_err());
        assert!(text.contains("doesn't answer in HTTP") && lasts, "{text}");
        server.finish();
    }
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// An answer that is cut off is never a shorter answer, whether or not it says how long it is, and whatever it is read by.
#[test]
fn an_answer_ends_where_it_says_and_nowhere_else() {
    const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";
    // Without this word the client would ask again over a connection that the server is about to close.
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{rest}").into_bytes();
    let packed = gzipped(b"12345");
    let packed_head = format!("content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let packed_half = &packed[..packed.len() - 9];
    let place = Place::new();
    let cases = [
        (head("content-length: 5\r\n\r\n12345"), true),
        (head(&format!("{CHUNKED}5\r\n12345\r\n0\r\n\r\n")), true),
        ([head(&packed_head), packed.clone()].concat(), true),
        (Vec::new(), false),
        (head("content-length: 5"), false),
        (head("content-length: 6\r\n\r\n12345"), false),
        (head("content-length: 6\r\n\r\n"), false),
        (head(&format!("{CHUNKED}5\r\n12345\r\n")), false),
        (head(&format!("{CHUNKED}6\r\n12345")), false),
        (head("\r\n12345"), false),
        (head("\r\n"), false),
        ([head(&packed_head), packed_half.to_vec()].concat(), false),
        ([head("content-encoding: gzip\r\n\r\n"), packed_half.to_vec()].concat(), false),
    ];
    for (door, ca) in place.doors() {
        for (bytes, is_whole) in &cases {
            let _ = fs::remove_file(place.0.path().join("socket"));
            let sent = bytes.clone();
            let server = serve_at(&door, 3, move |_, _| Reply::Cut(sent.clone()));
            let client = Client::new(&server.url, ca.as_deref(), None).unwrap();
            let streamed = client.records("/v1/records").and_then(|records| {
                let mut text = Vec::new();
                let mut body = records.body;
                body.read_to_end(&mut text).map_err(|error| client.no_answer(error))?;
                Ok(text)
            });
            let answers =
                [client.get("/checkpoint", 100), append(&client, Duration::from_secs(30)), streamed];
            for answer in answers {
                let shown = format!("{}: {:?}", server.url, String::from_utf8_lossy(bytes));
                match answer {
                    Ok(answer) => assert!(*is_whole && answer == b"12345", "{shown}: {answer:?}"),
                    Err(failure) => {
                        let (text, lasts) = said(failure);
                        assert!(!is_whole && !lasts, "{shown}: {text}");
                        assert!(text.contains("ended before the answer did"), "{shown}: {text}");
                    }
                }
            }
            assert_eq!(server.finish().len(), 3);
        }
    }
}

#[test]
fn whatever_it_is_over_an_answer_is_waited_for_no_longer_than_was_said_and_no_redirect_is_followed() {
    let place = Place::new();
    for (door, ca) in place.doors() {
        let server = serve_at(&door, 2, |number, request| match number {
            0 => {
                assert!(
                    request
                        .header("host")
                        .is_some_and(|host| host.starts_with("127.") || host == "localhost")
                );
                Reply::Cut(
                    b"HTTP/1.1 307 s\r\nconnection: close\r\nlocation: /v1/log\r\ncontent-length: 0\r\n\r\n"
                        .to_vec(),
                )
            }
            _ => Reply::Silence,
        });
        let client = Client::new(&server.url, ca.as_deref(), None).unwrap();
        let redirected = append(&client, Duration::from_secs(30)).unwrap_err();
        assert!(matches!(redirected, Failure::Answer { status: 307, .. }), "{redirected}");
        let (text, lasts) = said(append(&client, Duration::from_millis(200)).unwrap_err());
        assert!(text.contains("timeout") && !lasts, "{text}");
        assert_eq!(server.finish().len(), 2);
    }

    // Nor is a handshake.
    let listener = Door::Tcp.open();
    let url = listener.url().replace("http:", "https:");
    let silent = thread::spawn(move || listener.accept().read_to_end(&mut Vec::new()).unwrap());
    let client = Client::new(&url, Some(&place.0.path().join("ca.pem")), None).unwrap();
    let (text, lasts) = said(append(&client, Duration::from_millis(200)).unwrap_err());
    assert!(text.contains("timeout") && !lasts, "{text}");
    assert_ne!(silent.join().unwrap(), 0, "it said hello");
}

#[test]
fn each_way_to_miss_a_socket_is_told() {
    let place = Place::new();
    let socket = place.0.path().join("socket");
    let client = Client::new(&format!("unix:{}", socket.display()), None, None).unwrap();
    let get = || said(client.get("/checkpoint", 1).unwrap_err());
    let (text, lasts) = get();
    assert!(text.contains("no such socket") && !lasts, "{text}");
    drop(UnixListener::bind(&socket).unwrap());
    let (text, lasts) = get();
    assert!(text.contains("nobody listens") && !lasts, "{text}");
    let url = LogUrl::parse("unix:/socket").unwrap();
    // Root may connect to any.
    let denied = io::Error::from(io::ErrorKind::PermissionDenied).into();
    let (text, lasts) = said(Asked { url, ca: None, identity: None, proxy: None }.unanswered(&denied));
    assert!(text.contains("this user may not connect") && lasts, "{text}");

    // Its queue is full, and nobody accepts.
    fs::remove_file(&socket).unwrap();
    let address = SockAddr::unix(&socket).unwrap();
    let stream = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let listener = stream();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        waiting.push(stream());
        waiting.last().unwrap().set_nonblocking(true).unwrap();
        if waiting.last().unwrap().connect(&address).is_err() {
            break;
        }
    }
    let (text, lasts) = said(append(&client, Duration::from_millis(100)).unwrap_err());
    assert!(text.contains("timeout") && !lasts, "{text}");
}
