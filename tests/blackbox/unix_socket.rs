//! A Unix socket: its file, and who is at its other end.

use crate::support::{Daemon, Response, folder, have, program, promotion, signal, stderr};
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

/// The address is taken.
const ADDRESS: i32 = 10;

fn command(folder: &Path, data: &str) -> Command {
    let mut command = Command::new(program("provlogd"));
    command.arg("--data-dir").arg(folder.join(data));
    command.args(["--listen", &format!("unix:{}", folder.join("socket").display())]);
    command
}

fn ask(folder: &Path, bytes: &[u8]) -> Response {
    let mut stream = UnixStream::connect(folder.join("socket")).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Response::parse(&answer).unwrap()
}

fn get(folder: &Path, path: &str) -> Response {
    ask(folder, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
}

#[test]
fn its_file_is_there_while_it_is_served_and_for_its_owner_and_group_alone() {
    let folder = folder();
    let socket = folder.path().join("socket");
    let daemon = Daemon::spawn(command(folder.path(), "data"));
    assert_eq!(daemon.url, format!("unix:{}", socket.display()));
    let file = fs::symlink_metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    get(folder.path(), "/v1/log").expect(200);
    let body = promotion("over a socket").to_string();
    let head =
        "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    ask(folder.path(), request.as_bytes()).expect(201);
    assert_eq!(
        ask(folder.path(), b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").status,
        421
    );
    if have("curl", &["--version"], "curl") {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "60", "--unix-socket"]).arg(&socket).arg("http://localhost/v1/log");
        let answer = curl.output().unwrap();
        assert!(answer.status.success(), "{}", stderr(&answer));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&answer.stdout).unwrap()["size"], json!(2));
    }
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn what_was_left_behind_makes_room_and_what_is_alive_or_something_else_does_not() {
    let folder = folder();
    let socket = folder.path().join("socket");
    let daemon = Daemon::spawn(command(folder.path(), "data"));
    let refused = command(folder.path(), "other").output().unwrap();
    assert_eq!(refused.status.code(), Some(ADDRESS), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("stop what listens there"), "{}", stderr(&refused));
    assert!(!folder.path().join("other").exists());
    get(folder.path(), "/v1/log").expect(200);

    signal("-KILL", daemon.id());
    daemon.until_stopped();
    assert!(socket.exists(), "nobody was there to remove it");
    let daemon = Daemon::spawn(command(folder.path(), "data"));
    get(folder.path(), "/v1/log").expect(200);

    // Another's by now: it stays.
    fs::remove_file(&socket).unwrap();
    let _others = UnixListener::bind(&socket).unwrap();
    assert_eq!(daemon.terminate(), Some(0));
    assert!(socket.exists());

    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "a letter").unwrap();
    let refused = command(folder.path(), "data").output().unwrap();
    assert_eq!(refused.status.code(), Some(ADDRESS), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("expected a Unix socket there or nothing"), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(&socket).unwrap(), "a letter");
}
