//! Other people's programs, in Go: the log read by them, and a log written by them audited. `tests/interop/go` is built
//! of tessera and of Go's `sumdb` packages; its modules come over the network the first time.

use crate::support::{Daemon, folder, have, promotion, provlog, repository, stderr, stdout};
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::note::{LogSigner, Note};
use provlog_core::tree::{Frontier, Resource, Tile};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Entries of the log that faults are planted in: 273 full bundles and one of 112, so three levels of tiles.
const SIZE: u64 = 70_000;

/// Entries of it when it is audited for the first time.
const FIRST: u64 = 1_000;

/// The Go program, built once; `None`, and said so, where there is no Go. Where `CI` is `true` that fails.
fn interop() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if !have("go", &["version"], "go") {
            return None;
        }
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-go");
        let source = repository().join("tests/interop/go");
        let build = ["build", "-buildvcs=false", "-o"];
        let output = Command::new("go").args(build).arg(&to).arg(".").current_dir(source).output().unwrap();
        assert!(output.status.success(), "go build of tests/interop/go: {}", stderr(&output));
        Some(to)
    });
    built.as_deref()
}

/// Runs the Go program, which must succeed; gives what it printed.
fn succeed(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// A log that tessera writes, and its key.
struct Written {
    program: &'static Path,
    root: TempDir,
    signer: LogSigner,
}

impl Written {
    fn new(program: &'static Path) -> Self {
        let root = folder();
        let key = root.path().join("key");
        let vkey = succeed(program, &["keygen", "example.com/tessera", key.to_str().unwrap()]);
        let signer = LogSigner::parse(fs::read_to_string(key).unwrap().trim()).unwrap();
        assert_eq!(signer.verifier().to_string(), vkey.trim(), "Go and we read one key in its file");
        fs::write(root.path().join("trust"), format!("log {}quorum none\n", vkey)).unwrap();
        Self { program, root, signer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Lets tessera append to the log `name` until it has `size` entries; `more` may change one.
    fn append(&self, name: &str, size: u64, more: &[&str]) {
        let (log, key, size) = (self.path(name), self.path("key"), size.to_string());
        let arguments = [log.to_str().unwrap(), key.to_str().unwrap(), &size];
        succeed(self.program, &[&["write"], more, &arguments].concat());
    }

    /// Audits the log `name` into a mirror.
    fn audit(&self, name: &str, mirror: &str, more: &[&str]) -> (Option<i32>, Value) {
        let arguments = ["audit", "--json", "--trust", "trust", "--directory", name, mirror];
        let output = provlog(self.root.path(), &[&arguments, more].concat());
        let answer = serde_json::from_slice(&output.stdout);
        (output.status.code(), answer.unwrap_or_else(|_| json!({"stderr": stderr(&output)})))
    }

    /// The faults that an audit into a new mirror finds, which must be all there are.
    fn faults(&self, name: &str) -> Vec<Value> {
        self.faults_with(name, 3)
    }

    fn faults_with(&self, name: &str, exit: i32) -> Vec<Value> {
        let mirror = format!("{name}-mirror");
        let (code, answer) = self.audit(name, &mirror, &[]);
        assert_eq!((code, &answer["faults_unlisted"]), (Some(exit), &json!(0)), "{name}: {answer}");
        // Of 17 MB, which the disk need not see.
        fs::remove_dir_all(self.path(&mirror)).unwrap();
        answer["faults"].as_array().unwrap().clone()
    }

    /// A copy of the log, to plant faults in by [`replace`]: the files are links to the original's.
    fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (self.path("log"), self.path(name));
        link_folder(&from.join("tile"), &to.join("tile"));
        fs::hard_link(from.join("checkpoint"), to.join("checkpoint")).unwrap();
        to
    }
}

fn link_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            link_folder(&item.path(), &to.join(item.file_name()));
        } else {
            fs::hard_link(item.path(), to.join(item.file_name())).unwrap();
        }
    }
}

/// Puts another file in a file's place, which may be a link.
fn replace(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The entries of bundles, each of any length.
fn split(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

fn join(entries: &[Vec<u8>]) -> Vec<u8> {
    let framed = |entry: &Vec<u8>| [&u16::try_from(entry.len()).unwrap().to_be_bytes(), &entry[..]].concat();
    entries.iter().flat_map(framed).collect()
}

/// The tile of a level, in a log of `SIZE` entries, that has hash `index`.
fn tile(level: u8, index: u64) -> String {
    Resource::Hashes(Tile::holding(level, index, SIZE).unwrap()).to_string()
}

fn bundle(index: u64) -> String {
    Resource::Entries(Tile::holding(0, index, SIZE).unwrap()).to_string()
}

/// Changes the entries of one bundle, or of all.
fn edit_entries(log: &Path, bundles: &[u64], change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let path = |index: &u64| log.join(bundle(index * 256));
    let mut entries = bundles.iter().flat_map(|index| split(&fs::read(path(index)).unwrap())).collect();
    change(&mut entries);
    let mut rest = entries.as_slice();
    for index in bundles {
        let (there, behind) = rest.split_at(rest.len().min(256));
        replace(&path(index), |bytes| *bytes = join(there));
        rest = behind;
    }
    assert!(rest.is_empty(), "the entries fit in these bundles");
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

/// Demands that there is one fault, of this code, and that what it says starts with these words.
fn one<'a>(faults: &'a [Value], code: &str, starts: &str) -> &'a Value {
    assert_eq!(faults.len(), 1, "{faults:?}");
    let said = faults[0]["detail"].as_str().unwrap();
    assert!(faults[0]["code"] == code && said.starts_with(starts), "expected {code}, {starts}: {faults:?}");
    &faults[0]
}

#[test]
fn a_log_that_tessera_wrote_is_audited_and_its_faults_are_named() {
    let Some(program) = interop() else { return };
    let log = Written::new(program);
    log.append("log", FIRST, &[]);
    let (code, answer) = log.audit("log", "mirror", &[]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(FIRST)), "{answer}");
    let first = fs::read(log.path("log/checkpoint")).unwrap();
    log.append("log", SIZE, &[]);
    let (code, answer) = log.audit("log", "mirror", &["--since"]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(SIZE - FIRST)), "{answer}");
    assert_eq!((&answer["previous"]["size"], &answer["extends_previous"]), (&json!(FIRST), &json!(true)));
    let (code, answer) = log.audit("log", "mirror", &["--full"]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(SIZE)), "{answer}");

    faults_of_entries(&log);
    faults_of_tiles(&log);
    another_root(&log);
    partial_tiles(&log, &first);
}

fn faults_of_entries(log: &Written) {
    let copy = log.copy("changed");
    edit_entries(&copy, &[12_345 / 256], |entries| entries[12_345 % 256][7] ^= 1);
    one(&log.faults("changed"), "entry-changed", "entry 12345: changed");

    let copy = log.copy("longer");
    edit_entries(&copy, &[273], |entries| entries.last_mut().unwrap().push(0));
    one(&log.faults("longer"), "entry-changed", "entry 69999: changed");

    let copy = log.copy("dropped");
    edit_entries(&copy, &[12_345 / 256], |entries| drop(entries.remove(12_345 % 256)));
    one(&log.faults("dropped"), "entry-dropped", "entry 12345: dropped: in its place and up to 12543 stand");

    let copy = log.copy("swapped");
    edit_entries(&copy, &[1, 60_000 / 256], |entries| entries.swap(300 - 256, 256 + 60_000 % 256));
    one(&log.faults("swapped"), "entries-swapped", "entries 300 and 60000: swapped");

    // As a log does that closes the gap: every bundle behind it is another one.
    let all: Vec<u64> = (0..=273).collect();
    let copy = log.copy("closed-up");
    edit_entries(&copy, &all, |entries| drop(entries.remove(12_345)));
    one(
        &log.faults("closed-up"),
        "entry-dropped",
        "entry 12345: dropped: in its place and up to 69999 stand",
    );

    let copy = log.copy("inserted");
    edit_entries(&copy, &all, |entries| {
        entries.insert(12_345, b"nobody's".to_vec());
        entries.pop();
    });
    one(
        &log.faults("inserted"),
        "entry-inserted",
        "entry 12345: another entry was inserted here: up to 69999",
    );
}

fn faults_of_tiles(log: &Written) {
    // Which hash of which level, and the first entry below it.
    for (level, nth, first) in [(0, 12_345, 12_345), (1, 200, 51_200), (1, 256 + 16, 69_632), (2, 0, 0)] {
        let (name, path) = (format!("tile-{level}-{nth}"), tile(level, nth));
        let copy = log.copy(&name);
        replace(&copy.join(&path), |hashes| hashes[at(nth) % 256 * 32 + 31] ^= 1);
        let faults = log.faults(&name);
        let fault = one(&faults, "tile", &format!("{path}: hash {}, ", nth % 256));
        assert_eq!((&fault["nth"], &fault["index"]), (&json!(nth % 256), &json!(first)));
    }

    // An entry and its leaf hash, changed together: only the tile above tells.
    let copy = log.copy("both");
    let other = b"rewritten".to_vec();
    let leaf = Hash::leaf(&other);
    edit_entries(&copy, &[12_345 / 256], |entries| entries[12_345 % 256] = other);
    replace(&copy.join(tile(0, 12_345)), |hashes| {
        hashes[12_345 % 256 * 32..][..32].copy_from_slice(&leaf.0);
    });
    one(&log.faults("both"), "subtree", "tile/0/048: rewritten, with all below it");
}

fn another_root(log: &Written) {
    let copy = log.copy("root");
    let mut other = Frontier::new();
    (0..SIZE).for_each(|n| other.push(Hash::leaf(&n.to_be_bytes())));
    let origin = log.signer.verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size: SIZE, root: other.root() }.sign(&log.signer);
    replace(&copy.join("checkpoint"), |note| *note = checkpoint.into_bytes());
    let faults = log.faults("root");
    let fault = one(&faults, "root", "checkpoint of 70000 entries: signed over root ");
    assert_eq!(fault["expected"], other.root().to_hex());
}

/// Tessera leaves a partial tile for every size that a batch ended at, and removes it some time after it has filled up.
fn partial_tiles(log: &Written, first: &[u8]) {
    let copy = log.copy("collected");
    replace(&copy.join("checkpoint"), |note| *note = first.to_vec());
    for level in ["entries", "0", "1"] {
        for item in fs::read_dir(copy.join("tile").join(level)).unwrap() {
            let path = item.unwrap().path();
            if path.extension().is_some() && path.with_extension("").exists() {
                fs::remove_dir_all(path).unwrap();
            }
        }
    }
    let (code, answer) = log.audit("collected", "collected-mirror", &[]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(FIRST)), "{answer}");

    // Where none has filled up yet, nothing stands in.
    let copy = log.copy("missing");
    let paths = [tile(0, SIZE - 1), bundle(SIZE - 1), tile(1, 272)];
    paths.iter().for_each(|path| fs::remove_file(copy.join(path)).unwrap());
    let faults = log.faults_with("missing", 6);
    let named: Vec<(&str, &str)> = faults
        .iter()
        .map(|fault| (fault["code"].as_str().unwrap(), fault["path"].as_str().unwrap()))
        .collect();
    assert_eq!(named, paths.each_ref().map(|path| ("missing", path.as_str())), "{faults:?}");
}

#[test]
fn a_fork_that_tessera_signed_is_proven() {
    let Some(program) = interop() else { return };
    let log = Written::new(program);
    log.append("log", FIRST, &[]);
    assert_eq!(log.audit("log", "mirror", &[]).0, Some(0));
    // What a log comes to that lost its last entry and got others.
    log.append("fork", 2_000, &["-change", "999"]);
    let (code, answer) = log.audit("fork", "mirror", &[]);
    assert_eq!(code, Some(3), "{answer}");
    let fault =
        one(answer["faults"].as_array().unwrap(), "fork", "fork: the log signed 1000 entries with root ");
    assert_eq!(fault["size"], 2_000);
    let kept = answer["evidence"].as_array().unwrap().iter().map(|path| {
        let note = fs::read(log.path(path.as_str().unwrap())).unwrap();
        Note::parse(&note).unwrap().text
    });
    assert_eq!(kept.collect::<BTreeSet<_>>().len(), 2, "both checkpoints are kept");
    log.append("log", 2_000, &[]);
    assert_eq!(log.audit("log", "mirror", &[]).0, Some(0), "the mirror goes on with the log that it knows");
}

fn append(daemon: &Daemon, from: usize, to: usize) {
    let lines: Vec<String> = (from..to).map(|n| promotion(&format!("artifact {n}")).to_string()).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    let body = lines.join("\n");
    daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
}

#[test]
fn go_reads_and_verifies_our_log() {
    let Some(program) = interop() else { return };
    let root = folder();
    let data = root.path().join("data");
    let daemon = Daemon::start(&data);
    // Three signed trees: one that is smaller than a tile, one that isn't, and the one that is read.
    let older = [(0, 200), (200, 600)].map(|(from, to)| {
        append(&daemon, from, to);
        let file = root.path().join(format!("checkpoint-{to}"));
        fs::write(&file, daemon.get("/checkpoint").expect(200).body).unwrap();
        file.to_str().unwrap().to_string()
    });
    append(&daemon, 600, 4_600);
    let vkey = daemon.get("/v1/log").expect(200).json()["key"].as_str().unwrap().to_string();
    let said = succeed(program, &["read", &daemon.url, &vkey, &older[0], &older[1]]);
    for line in [
        "4601 entries\n",
        "entries: 4601 in 18 bundles have the tree's hashes\n",
        "extends: the checkpoint of 201 entries\n",
        "extends: the checkpoint of 601 entries\n",
        "fsck: every tile is what the entries make\n",
    ] {
        assert!(said.contains(line), "expected {line}: {said}");
    }

    // A mirror that `audit` makes is read as a folder; here, with faults.
    let trust = daemon.trust(&data);
    let output =
        provlog(root.path(), &["audit", "mirror", "--url", &daemon.url, "--trust", trust.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mirror = root.path().join("mirror");
    let mirror_name = mirror.to_str().unwrap();
    succeed(program, &["read", mirror_name, &vkey]);
    let refused = |arguments: &[&str], expected: &str| {
        let output = Command::new(program).args(["read", mirror_name]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert!(stderr(&output).contains(expected), "expected {expected}: {}", stderr(&output));
    };
    for (file, byte, expected) in [
        ("tile/entries/003", 82 * 5 + 40, "entry 773: the tree has leaf "),
        ("tile/entries/017.p/249", 2, "entry 4352: the tree has leaf "),
        ("tile/0/003", 0, "leaves of bundle 3: "),
        ("tile/1/000.p/17", 0, "leaves of bundle 0: "),
        ("checkpoint", 30, "checkpoint: invalid signature"),
    ] {
        let file = mirror.join(file);
        let flip = || replace(&file, |bytes| bytes[byte] ^= 1);
        flip();
        refused(&[&vkey], expected);
        flip();
    }
    let other = LogSigner::from_seed(vkey.split('+').next().unwrap(), &[7; 32]).unwrap();
    refused(&[&other.verifier().to_string()], "checkpoint: note has no verifiable signatures");
    // Another history, signed by the log's own key.
    let signer = fs::read_to_string(data.join("keys/log.key")).unwrap();
    let signer = LogSigner::parse(signer.trim()).unwrap();
    let (origin, root) = (signer.verifier().name().to_owned(), Hash::leaf(b"another"));
    fs::write(&older[0], Checkpoint { origin, size: 201, root }.sign(&signer)).unwrap();
    refused(&[&vkey, &older[0]], "consistency with 201: ");
}
