//! What its operator does to a running daemon, and to the files under it, and what the daemon says of it.

use crate::support::{Daemon, folder, promotion, signal, until_says};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// A write failed, and the daemon stopped.
const FAILED: i32 = 14;

/// The folder can't be used.
const FOLDER: i32 = 11;

fn append(daemon: &Daemon, subject: &str) -> u16 {
    daemon.post("/v1/entries", promotion(subject).to_string().as_bytes()).status
}

#[test]
fn a_signal_that_stops_nothing_is_logged_and_the_daemon_goes_on() {
    let folder = folder();
    let log = folder.path().join("log");
    let daemon = Daemon::start_logging(&folder.path().join("data"), &[], &log);
    let signals = [("-HUP", "the settings were read again"), ("-USR1", "SIGUSR1"), ("-USR2", "SIGUSR2")];
    for (flag, name) in signals {
        signal(flag, daemon.id());
        until_says(&log, name);
        daemon.post("/v1/entries", promotion(name).to_string().as_bytes()).expect(201);
    }
    assert_eq!(daemon.terminate(), Some(0));
}

/// What a restored backup does to a daemon that nobody stopped: the old files stay open under other names, or none.
#[test]
fn files_that_are_replaced_under_a_running_daemon_stop_it_and_lose_nothing() {
    for replaced in ["high-water", "journal/00000000000000000000.seg", "journal", ""] {
        let folder = folder();
        let (data_dir, log) = (folder.path().join("data"), folder.path().join("log"));
        let (path, aside) = (data_dir.join(replaced), folder.path().join("aside"));
        let daemon = Daemon::start_logging(&data_dir, &[], &log);
        assert_eq!(append(&daemon, "a"), 201);
        fs::rename(&path, &aside).unwrap();
        assert!(Command::new("cp").arg("-a").args([&aside, &path]).status().unwrap().success());

        let refused = daemon.post("/v1/entries", promotion("b").to_string().as_bytes());
        assert_eq!(refused.json()["code"], json!("storage.fatal"), "{replaced}: {}", refused.text());
        assert_eq!(daemon.until_stopped(), Some(FAILED));
        until_says(&log, "was moved, replaced or removed while the log was running");

        fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        fs::rename(&aside, &path).unwrap();
        let daemon = Daemon::start(&data_dir);
        daemon.get("/v1/entries/1/receipt").expect(200);
        assert_eq!(append(&daemon, "c"), 201);
    }
}

fn refusal(data_dir: &Path) -> String {
    let output = Daemon::command(data_dir, &[]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(FOLDER), "{text}");
    text
}

#[test]
fn a_folder_that_others_may_write_and_a_lock_that_is_a_link_are_refused() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let allow = |name: &str, mode| {
        fs::set_permissions(data_dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir(&data_dir).unwrap();
    allow("", 0o775);
    assert!(refusal(&data_dir).contains("chmod go-w"), "no log is made there either");
    assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 0);
    allow("", 0o755);
    assert_eq!(Daemon::start(&data_dir).terminate(), Some(0));
    for (name, bad, good) in
        [("", 0o757, 0o750), ("journal", 0o770, 0o700), ("keys", 0o702, 0o700), ("high-water", 0o620, 0o600)]
    {
        allow(name, bad);
        let text = refusal(&data_dir);
        assert!(
            text.contains(&format!("its permissions are {bad:o}")) && text.contains("chmod go-w"),
            "{text}"
        );
        allow(name, good);
    }

    let target = folder.path().join("target");
    fs::write(&target, "keep me").unwrap();
    fs::remove_file(data_dir.join("lock")).unwrap();
    symlink(&target, data_dir.join("lock")).unwrap();
    let text = refusal(&data_dir);
    assert!(text.contains("symbolic link") && text.contains("remove it"), "{text}");
    assert_eq!(fs::read(&target).unwrap(), b"keep me");
    fs::remove_file(data_dir.join("lock")).unwrap();
    assert_eq!(Daemon::start(&data_dir).terminate(), Some(0));
}
