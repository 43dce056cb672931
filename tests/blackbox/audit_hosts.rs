//! Faultless logs on hosts that answer as hosts do: what isn't served is not held against the log, and what was served once
//! and isn't any more is not passed over.

use crate::audit::{Copied, audit, tree_of, write_tiles};
use provlog_core::Hash;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

/// What a host answers where there is no file.
type Otherwise = (u16, &'static [u8]);

const FORBIDDEN: Otherwise = (403, b"<Error><Code>AccessDenied</Code></Error>");
const MISSING: Otherwise = (404, b"no");
const PAGE: Otherwise = (200, b"\n<!DOCTYPE html><html>not here</html>");

/// Serves a folder, and `otherwise` in place of what isn't in it.
fn serve(root: PathBuf, otherwise: Otherwise) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let Some(line) = lines.next() else { continue };
            let path = line.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
            let path = path.split('?').next().unwrap();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (status, body) = match std::fs::read(root.join(path)) {
                Ok(bytes) => (200, bytes),
                Err(_) => (otherwise.0, otherwise.1.to_vec()),
            };
            let head =
                format!("HTTP/1.1 {status} s\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

struct Host {
    log: Copied,
    at: PathBuf,
}

impl Host {
    /// A log of 600 entries, of which the checkpoint has 300.
    fn new() -> Self {
        let log = Copied::new();
        let at = log.copy("host");
        std::fs::remove_dir_all(&at).unwrap();
        let entries: Vec<Vec<u8>> = (0..600_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        write_tiles(&at, &entries[..300], &log.sign(&tree_of(&leaves[..300])));
        Self { log, at }
    }

    fn audit(&self, mirror: &str, otherwise: Otherwise, more: &[&str]) -> (Option<i32>, Value) {
        let url = serve(self.at.clone(), otherwise);
        let trust = self.log.root.path().join("trust");
        audit(self.log.root.path(), &trust, &[&[mirror, "--url", &url], more].concat())
    }
}

#[test]
fn a_host_without_records_is_no_fault_of_the_log() {
    let host = Host::new();
    for (otherwise, name) in
        [(MISSING, "missing"), (FORBIDDEN, "forbidden"), (PAGE, "page"), ((200, b""), "empty")]
    {
        let (code, answer) = host.audit(name, otherwise, &[]);
        assert_eq!((code, &answer["verdict"]), (Some(0), &json!("audited")), "{name}: {answer}");
        assert_eq!(answer["records_compared"], json!(null), "{name}");
        let (code, answer) = host.audit(&format!("{name}-demanded"), otherwise, &["--records=always"]);
        assert_eq!((code, &answer["verdict"]), (Some(6), &json!("incomplete")), "{name}: {answer}");
    }
}

#[test]
fn a_partial_tile_that_is_forbidden_or_a_page_is_looked_for_in_the_full_one() {
    let host = Host::new();
    let entries: Vec<Vec<u8>> = (0..600_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let checkpoint = std::fs::read_to_string(host.at.join("checkpoint")).unwrap();
    let above = std::fs::read(host.at.join("tile/1/000.p/1")).unwrap();
    std::fs::remove_dir_all(&host.at).unwrap();
    write_tiles(&host.at, &entries, &checkpoint);
    std::fs::create_dir_all(host.at.join("tile/1/000.p")).unwrap();
    std::fs::write(host.at.join("tile/1/000.p/1"), above).unwrap();
    for (otherwise, name) in [(MISSING, "missing"), (FORBIDDEN, "forbidden"), (PAGE, "page")] {
        let (code, answer) = host.audit(name, otherwise, &[]);
        assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(300)), "{name}: {answer}");
    }
}

/// A tile that is nowhere leaves the audit incomplete: a host can lose files, or hold them back, without the log having
/// done anything.
#[test]
fn what_is_not_served_is_named_and_accuses_nobody() {
    let host = Host::new();
    for gone in ["tile/entries/000", "tile/0/000", "tile/0/001.p/44"] {
        let path = host.at.join(gone);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for (otherwise, name) in [(MISSING, "missing"), (FORBIDDEN, "forbidden"), (PAGE, "page")] {
            let mirror = format!("{name}-{}", gone.replace('/', "-"));
            let (code, answer) = host.audit(&mirror, otherwise, &[]);
            assert_eq!((code, &answer["verdict"]), (Some(6), &json!("incomplete")), "{mirror}: {answer}");
            assert_eq!(answer["faults"][0]["code"], json!("missing"), "{answer}");
            assert_eq!(answer["faults"][0]["path"], json!(gone), "{answer}");
        }
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn records_that_were_served_and_are_no_more_leave_the_audit_incomplete() {
    let log = Copied::new();
    let at = log.copy("host");
    let records = at.join("v1/records");
    let host = Host { log, at };
    let (code, answer) = host.audit("mirror", MISSING, &[]);
    assert_eq!((code, &answer["records_compared"]), (Some(0), &json!(701)), "{answer}");
    let (code, answer) = host.audit("mirror", MISSING, &[]);
    assert_eq!((code, &answer["records_compared"]), (Some(0), &json!(0)), "nothing new: {answer}");
    // Cut off, as a connection may be: nothing shows what the rest would have been.
    let all = std::fs::read(&records).unwrap();
    std::fs::write(&records, &all[..all.len() - 3]).unwrap();
    let (code, answer) = host.audit("mirror", MISSING, &["--full"]);
    assert_eq!((code, &answer["verdict"]), (Some(6), &json!("incomplete")), "{answer}");
    std::fs::remove_file(records).unwrap();
    for (otherwise, more) in [(MISSING, None), (FORBIDDEN, None), (PAGE, None), (MISSING, Some("--full"))] {
        let (code, answer) = host.audit("mirror", otherwise, more.as_slice());
        assert_eq!((code, &answer["verdict"]), (Some(6), &json!("incomplete")), "{answer}");
        let (code, _) = host.audit("mirror", otherwise, &["--records=never"]);
        assert_eq!(code, Some(0));
    }
}
