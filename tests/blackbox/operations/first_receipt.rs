//! The page's promise: from nothing to TLS, one token, and a remote append with a verified receipt, in six commands.

use super::page::Page;
use crate::support::{folder, have, program, stderr, stdout};
use std::net::TcpListener;
use std::process::Command;

/// The port in the commands. Each run puts a free one in its place, since other tests run beside it.
const PORT: &str = "4180";

/// How many commands there may be.
const COMMANDS_MOST: usize = 6;

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn six_commands_lead_from_nothing_to_a_verified_receipt() {
    if !have("openssl", &["version"], "openssl") {
        return;
    }
    let page = Page::read("docs/operations.md");
    let section = page.section("Six commands");
    let commands: Vec<&str> = section.commands().collect();
    assert!(commands.len() <= COMMANDS_MOST, "{commands:#?}");
    for command in &commands {
        let lines = command.trim_end().lines();
        let ends = lines.filter(|line| !line.ends_with('\\')).count();
        assert_eq!(ends, 1, "one command a block, else they are counted wrong: {command}");
    }
    let script = commands.concat();
    for part in ["openssl", "token create", "--tls-certificate", "https://", "provlog verify"] {
        assert!(script.contains(part), "{part} is missing: {script}");
    }
    assert!(script.contains(PORT), "{script}");
    // Whatever comes of it, the daemon that is started in the background ends with the shell.
    let script = format!(
        "trap 'kill $(jobs -p) 2>&1 || true' EXIT\n{}",
        script.replace(PORT, &free_port().to_string())
    );

    let folder = folder();
    let bin = program("provlogd").parent().unwrap().display().to_string();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()))
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let told = stdout(&output) + &stderr(&output);
    assert!(output.status.success(), "{script}\n{told}");
    let verdict = told.lines().find(|line| line.starts_with("verdict: verified: "));
    assert!(verdict.is_some(), "the last command verifies: {told}");
    assert!(told.contains("static-token"), "the entry tells whose token it was: {told}");
}
