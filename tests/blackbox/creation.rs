//! Where a log is made and where never, what a start says of the log that it found, and what may be lost.

use crate::support::{Daemon, folder, program, promotion, stderr, stdout};
use provlog_core::trust::Trust;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The exit code of a log that refuses to open, and of a start that makes none.
const REFUSED: i32 = 13;

/// The daemon in `folder`, without a word about the data folder.
fn daemon(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("provlogd"));
    command.args(["--listen", "127.0.0.1:0"]).args(arguments).current_dir(folder);
    command
}

/// What it says when it ends by itself, with this exit code.
fn ended(command: &mut Command, code: i32) -> (String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    (stdout(&output), stderr(&output))
}

fn refusal(command: &mut Command) -> String {
    ended(command, REFUSED).1
}

fn init(command: &mut Command) -> String {
    ended(command, 0).0
}

/// An unmounted disk looks like a first start. Where the folder's name comes from a service's settings it is none.
#[test]
fn a_missing_folder_that_settings_name_is_no_first_start() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let named = format!("data_dir = {data_dir:?}\n");
    fs::write(folder.path().join("named.toml"), named).unwrap();
    fs::write(folder.path().join("must.toml"), "must_exist = true\n").unwrap();
    let run = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = daemon(folder.path(), arguments);
        command.envs(variable);
        command
    };
    let by_file: (&[&str], _) = (&["--config", "named.toml"], None);
    let by_variable: (&[&str], _) = (&[], Some(("PROVLOGD_DATA_DIR", data_dir.to_str().unwrap())));
    let by_must: [(&[&str], _); 3] = [
        (&["--data-dir", "data", "--must-exist"], None),
        (&["--data-dir", "data"], Some(("PROVLOGD_MUST_EXIST", "true"))),
        (&["--data-dir", "data", "--config", "must.toml"], None),
    ];
    for (arguments, variable) in [by_file, by_variable].into_iter().chain(by_must) {
        let text = refusal(&mut run(arguments, variable));
        for part in [data_dir.to_str().unwrap(), "holds no log", "isn't mounted", "provlogd init"] {
            assert!(text.contains(part), "{arguments:?}: expected {part:?} in: {text}");
        }
        assert!(!data_dir.exists(), "{arguments:?}: something was made");
    }
    // The folder that a disk is mounted on is there, and empty.
    fs::create_dir(&data_dir).unwrap();
    refusal(&mut run(by_file.0, by_file.1));
    assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 0);

    let told = init(&mut run(&["--config", "named.toml", "init", "--origin", "example.com/made"], None));
    for part in ["A new log was made", "example.com/made", "back this up", "fingerprint"] {
        assert!(told.contains(part), "expected {part:?} in: {told}");
    }
    for (arguments, variable) in [by_file, by_variable].into_iter().chain(by_must) {
        let mut command = run(arguments, variable);
        command.stderr(Stdio::null());
        Daemon::spawn(command).get("/v1/entries/0").expect(200);
    }
    let again = refusal(&mut run(&["--config", "named.toml", "init"], None));
    assert!(again.contains("holds a log already"), "{again}");
}

/// Whoever starts the daemon by hand sees that a new log was made.
#[test]
fn a_folder_named_by_hand_and_the_default_are_made() {
    let folder = folder();
    for (arguments, made) in [(&["--data-dir", "by-hand"][..], "by-hand"), (&[], "provlog-data")] {
        let daemon = Daemon::spawn(daemon(folder.path(), arguments));
        assert!(daemon.greeting.contains("A new log was made"), "{}", daemon.greeting);
        assert!(folder.path().join(made).join("log.toml").exists());
    }
    let told = init(&mut daemon(folder.path(), &["init", "--data-dir", "by-init"]));
    assert!(told.contains("by-init") && folder.path().join("by-init/log.toml").exists(), "{told}");
}

#[test]
fn a_later_start_says_which_log_it_serves() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let daemon = Daemon::start_with(&data_dir, &["--origin", "example.com/named"]);
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
    assert_eq!(daemon.terminate(), Some(0));
    let trust = Trust::parse(&fs::read(data_dir.join("trust.tlog-policy")).unwrap()).unwrap();
    let daemon = Daemon::start(&data_dir);
    let expected = format!(
        "example.com/named: 2 entries, key fingerprint {}\ncallers: anybody who reaches this address; there are no tokens\nlistening on {}\n",
        trust.log().fingerprint(),
        daemon.url
    );
    assert_eq!(daemon.greeting, expected);
}

#[test]
fn a_lost_trust_file_is_written_again() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    assert_eq!(Daemon::start(&data_dir).terminate(), Some(0));
    let path = data_dir.join("trust.tlog-policy");
    let (bytes, permissions) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions());
    fs::remove_file(&path).unwrap();
    assert_eq!(Daemon::start(&data_dir).terminate(), Some(0));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::metadata(&path).unwrap().permissions(), permissions, "it is there to be handed out");
}

#[test]
fn a_lost_key_or_secret_says_what_can_still_be_done() {
    for (lost, what) in [("keys/log.key", "signing key"), ("keys", "signing key"), ("secret", "retr")] {
        let folder = folder();
        let data_dir = folder.path().join("data");
        assert_eq!(Daemon::start(&data_dir).terminate(), Some(0));
        let path = data_dir.join(lost);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
        let text = refusal(&mut daemon(folder.path(), &["--data-dir", "data"]));
        for part in
            [lost, what, "is missing", "from its backup", "receipts go on verifying", "in another one"]
        {
            assert!(text.contains(part), "{lost}: expected {part:?} in: {text}");
        }
    }
}
