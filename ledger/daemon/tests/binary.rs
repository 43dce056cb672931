//! The real program, once from its first start to its end. Everything else that it must do is tested in `tests/`.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The daemon, killed should a test end early.
struct Daemon {
    child: Child,
    address: String,
    /// What it printed before it listened.
    told: String,
}

impl Daemon {
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_provlogd"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            match line.strip_prefix("listening on http://") {
                Some(address) => break address.to_owned(),
                None => told += &line,
            }
        };
        Self { child, address, told }
    }

    /// Status line, headers and body of the answer.
    fn ask(&self, head: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{head}\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Asks it to stop; its exit code.
    fn stop(mut self) -> Option<i32> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn from_a_first_start_to_a_receipt_that_verifies_without_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let daemon = Daemon::start(&data_dir);
    let entry = include_str!("../src/operate/first_entry.json");
    let head = "POST /v1/entries HTTP/1.1\r\nContent-Type: application/json\r\nAccept: text/plain";
    let (answer, receipt) = daemon.ask(head, entry);
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}\n{receipt}");
    assert!(answer.contains("\r\nlocation: /v1/entries/1"), "entry 0 is the genesis\n{answer}");
    let (answer, later) = daemon.ask("GET /v1/entries/1/receipt HTTP/1.1", "");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(daemon.told.contains("permanent") && daemon.told.contains("back this up"), "{}", daemon.told);
    assert_eq!(daemon.stop(), Some(0));

    let trust = Trust::parse(&std::fs::read(data_dir.join("trust.tlog-policy")).unwrap()).unwrap();
    for receipt in [receipt, later] {
        let verdict = Verifier::new(&trust).receipt(receipt.as_bytes(), &[]).unwrap();
        assert_eq!(verdict.report().index, 1);
    }

    let daemon = Daemon::start(&data_dir);
    assert!(
        daemon.told.contains(": 2 entries, key fingerprint "),
        "a later start says which log it is: {}",
        daemon.told
    );
    assert_eq!(daemon.stop(), Some(0));
}
