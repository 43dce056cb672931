//! The systemd unit: as closed as its comment says, and open for whatever the daemon asks the system for.

use crate::support::{Daemon, folder, have, program, promotion, repository, signal, stdout, until_says};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The most exposure, of 10, that any version of systemd may see.
const EXPOSURE_MOST: f64 = 2.0;

fn unit() -> PathBuf {
    repository().join("packaging/provlogd.service")
}

/// The values of a setting, in their order.
fn set(name: &str) -> Vec<String> {
    let unit = fs::read_to_string(unit()).unwrap();
    let lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.map(Into::into).collect()
}

fn have_systemd_analyze() -> bool {
    have("systemd-analyze", &["--version"], "systemd-analyze (Debian: systemd)")
}

fn systemd_analyze(arguments: &[&str]) -> String {
    stdout(&Command::new("systemd-analyze").args(arguments).output().unwrap())
}

#[test]
fn the_unit_is_as_closed_as_its_comment_says() {
    if !have_systemd_analyze() {
        return;
    }
    let path = unit().display().to_string();
    let told = systemd_analyze(&["security", "--no-pager", "--offline=true", &path]);
    let (_, exposure) = told.rsplit_once("provlogd.service: ").unwrap();
    let exposure = exposure.split(' ').next().unwrap();
    assert!(exposure.parse::<f64>().unwrap() <= EXPOSURE_MOST, "{told}");
    let version = systemd_analyze(&["--version"]);
    let comment = fs::read_to_string(unit()).unwrap();
    let (_, comment) = comment.split_once("# systemd ").unwrap();
    let (with, says) = comment.split_once(" gives ").unwrap();
    if version.starts_with(&format!("systemd {with} ")) {
        assert_eq!(says.split(' ').next(), Some(exposure), "the comment is of another unit: {told}");
    }
}

/// The system calls of a set, without those of the sets in it that are listed by name alone.
fn calls_of(set: &str) -> BTreeSet<String> {
    let text = systemd_analyze(&["syscall-filter", "--no-pager", set]);
    let lines = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let of = |line: &str| if line.starts_with('@') { calls_of(line) } else { BTreeSet::from([line.into()]) };
    lines.flat_map(of).collect()
}

/// What the unit lets through, read as systemd reads it: line after line, each adding or taking away.
fn allowed() -> BTreeSet<String> {
    let mut allowed = calls_of("@default");
    for line in set("SystemCallFilter") {
        let (takes_away, names) =
            line.strip_prefix('~').map_or((false, line.as_str()), |names| (true, names));
        for name in names.split(' ') {
            let calls = if name.starts_with('@') { calls_of(name) } else { BTreeSet::from([name.into()]) };
            if takes_away {
                allowed.retain(|call| !calls.contains(call));
            } else {
                allowed.extend(calls);
            }
        }
    }
    allowed
}

/// A daemon under `strace`, from its first start to its end, with an append, long reads, a reload and a refusal.
#[test]
fn the_unit_allows_whatever_the_daemon_asks_the_system_for() {
    if !have_systemd_analyze() || !have("strace", &["-V"], "strace") {
        return;
    }
    let folder = folder();
    let calls = folder.path().join("calls");
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-o"]).arg(&calls).arg(program("provlogd"));
    command.arg("--data-dir").arg(folder.path().join("data")).args(["--listen", "127.0.0.1:0"]);
    let daemon = Daemon::spawn(command);
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
    daemon.until_ready();
    for path in ["/metrics", "/checkpoint", "/v1/records?start=0", "/v1/entries/1/receipt"] {
        daemon.get(path).expect(200);
    }
    signal("-HUP", daemon.id());
    daemon.post("/v1/entries", b"{").expect(400);
    assert_eq!(daemon.terminate(), Some(0));
    // Another thread may be told of before it has ended.
    until_says(&calls, "exit_group(0");

    let calls = fs::read_to_string(&calls).unwrap();
    let lines = calls.lines().map(|line| line.split_once(' ').unwrap().1.trim_start());
    // Calls, and neither signals, ends of threads, nor the second half of a call that another thread interrupted.
    let called: Vec<(&str, &str)> = lines
        .filter(|line| !line.starts_with(['+', '-', '<']))
        .filter_map(|line| line.split_once('('))
        .collect();
    let names: BTreeSet<String> = called.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(names.contains("fdatasync") && names.contains("fallocate"), "{names:?}");
    let allowed = allowed();
    let refused: Vec<&String> = names.difference(&allowed).collect();
    assert!(refused.is_empty(), "SystemCallFilter= refuses {refused:?}");

    let families = set("RestrictAddressFamilies").concat();
    for (_, arguments) in called.iter().filter(|(name, _)| *name == "socket") {
        let family = arguments.split(',').next().unwrap();
        assert!(families.contains(family), "RestrictAddressFamilies= refuses {arguments}");
    }
    // MemoryDenyWriteExecute=: nothing becomes executable that could be written, or was mapped before.
    let executable = called.iter().filter(|(_, arguments)| arguments.contains("PROT_EXEC"));
    for (name, arguments) in executable {
        assert!(*name == "mmap" && !arguments.contains("PROT_WRITE"), "{name}({arguments}");
    }
}
