//! The folder of `provlog audit`: taken only where it is the audit's own, and never the log that is read.

use crate::support::{Daemon, folder, promotion, provlog, stderr, stdout};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// A log that is served, and a copy of it in the folder `log`.
struct Place {
    root: TempDir,
    daemon: Daemon,
    trust: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = folder();
        let data = root.path().join("data");
        let daemon = Daemon::start(&data);
        let lines: Vec<String> = (0..300).map(|n| promotion(&format!("artifact {n}")).to_string()).collect();
        let headers = [("Content-Type", "application/x-ndjson")];
        let body = lines.join("\n");
        daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
        daemon.until_ready();
        let trust = daemon.trust(&data);
        let place = Self { root, daemon, trust };
        place.expect(&["log", "--url", &place.daemon.url], 0, "verdict: audited");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn audit(&self, arguments: &[&str]) -> Output {
        let trust = self.trust.to_str().unwrap();
        provlog(self.root.path(), &[&["audit", "--trust", trust], arguments].concat())
    }

    fn expect(&self, arguments: &[&str], code: i32, said: &str) {
        let output = self.audit(arguments);
        let all = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: expected {said:?}: {all}");
        assert!(all.contains(said), "{arguments:?}: expected {said:?} in {all}");
    }
}

/// Every file below a folder, and what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_folder_that_is_not_the_audit_s_own_is_left_as_it_is() {
    let place = Place::new();
    let url = ["--url", &place.daemon.url];
    let strangers: [&[(&str, &str)]; 5] = [
        &[("lock", "notes"), ("checkpoint", "weights")],
        &[("checkpoint", "weights")],
        &[("lock", "notes")],
        &[("readme", "")],
        &[("audit.json", "{\"name\": \"another program's\"}")],
    ];
    for (n, files) in strangers.iter().enumerate() {
        let name = format!("strangers-{n}");
        fs::create_dir(place.at(&name)).unwrap();
        files.iter().for_each(|(file, text)| fs::write(place.at(&name).join(file), text).unwrap());
        let before = contents(&place.at(&name));
        let said = if files[0].0 == "audit.json" { "audit.json: " } else { "expected an empty folder" };
        let code = if files[0].0 == "audit.json" { 8 } else { 2 };
        place.expect(&[&[name.as_str()][..], &url].concat(), code, said);
        assert_eq!(contents(&place.at(&name)), before, "{name}");
    }
    // A running log's own folder.
    let before = fs::metadata(place.at("data/lock")).unwrap().len();
    place.expect(&[&["data"][..], &url].concat(), 2, "expected an empty folder");
    assert_eq!(fs::metadata(place.at("data/lock")).unwrap().len(), before);
    fs::write(place.at("file"), "text").unwrap();
    place.expect(&[&["file"][..], &url].concat(), 2, "expected a folder");

    // In a folder of its own, a lock that was put there by somebody else.
    fs::write(place.at("victim"), "text").unwrap();
    fs::remove_file(place.at("log/lock")).unwrap();
    symlink("../victim", place.at("log/lock")).unwrap();
    place.expect(&[&["log"][..], &url].concat(), 2, "log/lock: ");
    assert_eq!(fs::read_to_string(place.at("victim")).unwrap(), "text");
    fs::remove_file(place.at("log/lock")).unwrap();
    fs::write(place.at("log/lock"), "text").unwrap();
    place.expect(&[&["log"][..], &url].concat(), 0, "verdict: audited");
    assert_eq!(fs::read_to_string(place.at("log/lock")).unwrap(), "text", "it is locked, not written");
}

#[test]
fn a_log_is_not_mirrored_into_itself() {
    let place = Place::new();
    fs::remove_file(place.at("log/lock")).unwrap();
    symlink("log", place.at("link")).unwrap();
    symlink(".", place.at("here")).unwrap();
    let before = contents(&place.at("log"));
    for (mirror, log) in [
        ("log", "log"),
        ("link", "log"),
        ("log", "link"),
        ("./log/../log/", "log"),
        ("here/log", "log"),
        ("log/mirror", "log"),
        ("link/deep/mirror", "log"),
        ("log", "log/tile"),
        (".", "log"),
    ] {
        place.expect(&[mirror, "--directory", log], 2, "one inside the other");
        assert_eq!(contents(&place.at("log")), before, "{mirror} of {log}");
        assert!(!place.at("log/mirror").exists() && !place.at("log/deep").exists(), "{mirror} of {log}");
    }
    place.expect(&["mirror", "--directory", "log"], 0, "verdict: audited");
    place.expect(&["log-too", "--directory", "log"], 0, "verdict: audited");
}

#[test]
fn a_first_audit_that_came_to_no_end_is_run_again() {
    let place = Place::new();
    let tile = place.at("log/tile/entries/000");
    let bundle = fs::read(&tile).unwrap();
    fs::remove_file(&tile).unwrap();
    place.expect(&["mirror", "--directory", "log"], 6, "tile/entries/000");
    place.expect(&["mirror", "--directory", "log"], 6, "tile/entries/000");
    place.expect(&["mirror", "--since", "--directory", "log"], 2, "there is no earlier audit");
    fs::write(&tile, bundle).unwrap();
    place.expect(&["mirror", "--directory", "log"], 0, "verdict: audited");
    // As it is when a run is killed before it wrote anything but its lock.
    fs::create_dir(place.at("begun")).unwrap();
    fs::write(place.at("begun/lock"), "").unwrap();
    place.expect(&["begun", "--directory", "log"], 0, "verdict: audited");
}
