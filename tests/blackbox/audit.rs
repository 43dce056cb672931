//! `provlog audit`: mirrors and recomputes a log, goes on where it ended, and names every fault that is planted in a copy.

use crate::support::{Daemon, folder, promotion, provlog, repository, stderr, stdout};
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::note::{LogSigner, Note};
use provlog_core::tree::Frontier;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// Bytes of an entry in a bundle of ours, with its length.
const ENTRY: usize = 82;

fn append(daemon: &Daemon, count: usize) {
    let lines: Vec<String> = (0..count).map(|n| promotion(&format!("artifact {n}")).to_string()).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    daemon
        .request("POST", "/v1/entries/batch?receipts=false", &headers, lines.join("\n").as_bytes())
        .expect(200);
    daemon.until_ready();
}

/// Runs `provlog audit` with a trust file and `--json`; gives the exit code and the answer.
pub fn audit(root: &Path, trust: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let trust = trust.to_str().unwrap();
    let output = provlog(root, &[&["audit", "--json", "--trust", trust], arguments].concat());
    let answer = serde_json::from_slice(&output.stdout);
    let answer: Value = answer.unwrap_or_else(|_| json!({"stderr": stderr(&output)}));
    if answer.get("schema_version").is_some() {
        valid(&answer);
    }
    (output.status.code(), answer)
}

fn valid(answer: &Value) {
    let schema = fs::read(repository().join("docs/schema/audit.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let problems: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(answer)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}: {answer}");
}

/// A log of 701 entries that lies in a folder in the layout of tlog-tiles, with its records, and the key to sign others.
pub struct Copied {
    pub root: TempDir,
    signer: LogSigner,
    daemon: Daemon,
}

impl Copied {
    pub fn new() -> Self {
        let root = folder();
        let data = root.path().join("data");
        let daemon = Daemon::start(&data);
        append(&daemon, 700);
        fs::copy(daemon.trust(&data), root.path().join("trust")).unwrap();
        let secret = fs::read_to_string(data.join("keys/log.key")).unwrap();
        let (code, answer) =
            audit(root.path(), &root.path().join("trust"), &["original", "--url", &daemon.url]);
        assert_eq!((code, &answer["faults"]), (Some(0), &json!([])), "{answer}");
        fs::create_dir_all(root.path().join("original/v1")).unwrap();
        let copied = Self { root, signer: LogSigner::parse(secret.trim()).unwrap(), daemon };
        fs::write(copied.root.path().join("original/v1/records"), copied.records("/v1/records")).unwrap();
        copied
    }

    fn records(&self, path: &str) -> Vec<u8> {
        self.daemon.request("GET", path, &[("Accept", "application/cbor-seq")], b"").expect(200).body
    }

    /// A copy of the copy, to plant faults in.
    pub fn copy(&self, name: &str) -> PathBuf {
        let to = self.root.path().join(name);
        copy_folder(&self.root.path().join("original"), &to);
        fs::remove_file(to.join("audit.json")).unwrap();
        to
    }

    /// Audits a folder into a mirror.
    fn audit(&self, from: &Path, mirror: &str, more: &[&str]) -> (Option<i32>, Value) {
        let arguments = [&[mirror, "--directory", from.to_str().unwrap()], more].concat();
        audit(self.root.path(), &self.root.path().join("trust"), &arguments)
    }

    /// The faults that an audit finds into a mirror of its own, which must be all there are.
    fn faults(&self, from: &Path) -> Vec<Value> {
        self.faults_with(from, "faulty", 3)
    }

    /// What isn't there, which accuses nobody.
    fn incomplete(&self, from: &Path) -> Vec<Value> {
        self.faults_with(from, "incomplete", 6)
    }

    fn faults_with(&self, from: &Path, verdict: &str, exit: i32) -> Vec<Value> {
        let mirror = format!("{}-mirror", from.file_name().unwrap().to_str().unwrap());
        let (code, answer) = self.audit(from, &mirror, &[]);
        assert_eq!((code, &answer["verdict"]), (Some(exit), &json!(verdict)), "{answer}");
        answer["faults"].as_array().unwrap().clone()
    }

    pub fn sign(&self, tree: &Frontier) -> String {
        let origin = self.signer.verifier().name().to_owned();
        Checkpoint { origin, size: tree.size(), root: tree.root() }.sign(&self.signer)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &to.join(item.file_name()));
        } else {
            fs::copy(item.path(), to.join(item.file_name())).unwrap();
        }
    }
}

/// Changes a file's bytes.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn one(faults: &[Value]) -> &Value {
    assert_eq!(faults.len(), 1, "{faults:?}");
    &faults[0]
}

/// Writes a log of these entries, of any length, as tiles and bundles.
pub fn write_tiles(folder: &Path, entries: &[Vec<u8>], checkpoint: &str) {
    let width = |there: usize| if there == 256 { String::new() } else { format!(".p/{there}") };
    let put = |path: String, bytes: &[u8]| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for (n, bundle) in entries.chunks(256).enumerate() {
        let framed = bundle
            .iter()
            .flat_map(|entry| [&u16::try_from(entry.len()).unwrap().to_be_bytes()[..], entry].concat());
        put(format!("tile/entries/{n:03}{}", width(bundle.len())), &framed.collect::<Vec<_>>());
    }
    let mut row: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
    for level in 0.. {
        for (n, tile) in row.chunks(256).enumerate() {
            put(
                format!("tile/{level}/{n:03}{}", width(tile.len())),
                &tile.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(),
            );
        }
        let (full, _) = row.as_chunks::<256>();
        row = full.iter().map(|leaves| tree_of(leaves).root()).collect();
        if row.is_empty() {
            break;
        }
    }
    put("checkpoint".into(), checkpoint.as_bytes());
}

pub fn tree_of(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree
}

#[test]
fn an_audit_passes_is_resumed_and_says_so_on_one_line() {
    let root = folder();
    let data = root.path().join("data");
    let daemon = Daemon::start(&data);
    append(&daemon, 500);
    let trust = daemon.trust(&data);
    let run = |more: &[&str]| audit(root.path(), &trust, &[&["mirror", "--url", &daemon.url], more].concat());

    let (code, answer) = run(&["--since"]);
    assert_eq!(code, Some(2), "there is no earlier audit: {answer}");
    let (code, answer) = run(&[]);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!((&answer["verdict"], &answer["previous"]), (&json!("audited"), &Value::Null));
    assert_eq!((&answer["entries_recomputed"], &answer["records_compared"]), (&json!(501), &json!(501)));

    append(&daemon, 200);
    let (code, answer) = run(&["--since"]);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!((&answer["previous"]["size"], &answer["extends_previous"]), (&json!(501), &json!(true)));
    assert_eq!((&answer["entries_recomputed"], &answer["records_compared"]), (&json!(200), &json!(200)));
    let (code, answer) = run(&["--full", "--records"]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(701)), "{answer}");
    assert_eq!(answer["records_compared"], 701);

    let trust = trust.to_str().unwrap();
    let text = |url: &str| provlog(root.path(), &["audit", "mirror", "--url", url, "--trust", trust]);
    let output: Output = text(&daemon.url);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let verdict = stdout(&output).lines().last().unwrap().to_string();
    assert!(
        verdict.starts_with("verdict: audited: ") && verdict.contains("701 entries, 0 of them new"),
        "{verdict}"
    );
    let url = daemon.url.clone();
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(text(&url).status.code(), Some(7), "a log that is off is unreachable");

    // The mirror is itself a log in the same layout; a log of another key is nobody's.
    let (code, answer) = audit(root.path(), Path::new(trust), &["again", "--directory", "mirror"]);
    assert_eq!((code, &answer["records_compared"]), (Some(0), &Value::Null), "{answer}");
    let other = folder();
    let stranger = Daemon::start(other.path());
    let (code, answer) =
        audit(root.path(), &stranger.trust(other.path()), &["third", "--directory", "mirror"]);
    assert_eq!(code, Some(5), "{answer}");
}

#[test]
fn every_planted_fault_is_named() {
    let log = Copied::new();

    let at = log.copy("changed");
    edit(&at.join("tile/entries/001"), |bundle| bundle[44 * ENTRY + 2 + 40] ^= 1);
    let faults = log.faults(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["index"]), (&json!("entry-changed"), &json!(300)));

    let at = log.copy("swapped");
    edit(&at.join("tile/entries/000"), |bundle| {
        let other = bundle[7 * ENTRY..8 * ENTRY].to_vec();
        bundle.copy_within(3 * ENTRY..4 * ENTRY, 7 * ENTRY);
        bundle[3 * ENTRY..4 * ENTRY].copy_from_slice(&other);
    });
    let faults = log.faults(&at);
    assert_eq!(one(&faults)["code"], "entries-swapped");
    assert_eq!((&faults[0]["index"], &faults[0]["other_index"]), (&json!(3), &json!(7)));

    let at = log.copy("dropped");
    edit(&at.join("tile/entries/001"), |bundle| drop(bundle.drain(20 * ENTRY..21 * ENTRY)));
    let faults = log.faults(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["index"]), (&json!("entry-dropped"), &json!(276)));

    let at = log.copy("dropped-last");
    edit(&at.join("tile/entries/002.p/189"), |bundle| bundle.truncate(188 * ENTRY));
    let faults = log.faults(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["index"]), (&json!("entry-dropped"), &json!(700)));

    for (name, tile, nth) in
        [("tile", "tile/0/001", 5), ("edge", "tile/0/002.p/189", 188), ("above", "tile/1/000.p/2", 1)]
    {
        let at = log.copy(name);
        edit(&at.join(tile), |hashes| hashes[nth * 32 + 9] ^= 0x80);
        let faults = log.faults(&at);
        assert_eq!((&one(&faults)["code"], &faults[0]["path"]), (&json!("tile"), &json!(tile)), "{faults:?}");
        assert_eq!(faults[0]["nth"], nth);
    }

    let at = log.copy("missing");
    fs::remove_file(at.join("tile/entries/001")).unwrap();
    let faults = log.incomplete(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["path"]), (&json!("missing"), &json!("tile/entries/001")));

    let at = log.copy("trailing");
    edit(&at.join("tile/entries/001"), |bundle| bundle.push(0));
    assert_eq!(one(&log.faults(&at))["code"], "malformed");

    let at = log.copy("record");
    edit(&at.join("v1/records"), |records| {
        // The last claim of the last record.
        *records.last_mut().unwrap() ^= 1;
    });
    let faults = log.faults(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["index"]), (&json!("record"), &json!(700)));

    let at = log.copy("records-end");
    let head = log.records("/v1/records?limit=600");
    fs::write(at.join("v1/records"), head).unwrap();
    let faults = log.incomplete(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["index"]), (&json!("records-missing"), &json!(600)));
}

#[test]
fn a_checkpoint_over_another_root_is_told_from_faults_of_files() {
    let log = Copied::new();
    let at = log.copy("root");
    let other = tree_of(&(0..701_u32).map(|n| Hash::leaf(&n.to_be_bytes())).collect::<Vec<_>>());
    fs::write(at.join("checkpoint"), log.sign(&other)).unwrap();
    let faults = log.faults(&at);
    assert_eq!((&one(&faults)["code"], &faults[0]["size"]), (&json!("root"), &json!(701)));
    assert_eq!(faults[0]["expected"], other.root().to_hex());
    let evidence = fs::read_dir(log.root.path().join("root-mirror/evidence")).unwrap().count();
    assert_eq!(evidence, 1, "the signed checkpoint is kept");
}

#[test]
fn forks_between_two_audits_are_proven_and_both_checkpoints_kept() {
    let log = Copied::new();
    let entries = |count: u32, mark: u32| -> Vec<Vec<u8>> {
        // Entries of other people's logs: of any length.
        let length = |n: u32| usize::try_from(n * 7 % 400).unwrap();
        (0..count)
            .map(|n| [vec![0x2a; length(n)], n.to_be_bytes().to_vec(), vec![u8::from(n == mark)]].concat())
            .collect()
    };
    let history = |name: &str, count: u32, mark: u32| -> PathBuf {
        let at = log.root.path().join(name);
        let entries = entries(count, mark);
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        write_tiles(&at, &entries, &log.sign(&tree_of(&leaves)));
        at
    };
    let none = u32::MAX;
    let first = history("first", 512, none);
    for (name, count, mark) in [("longer", 900, 100), ("as-long", 512, 100), ("shorter", 300, 100)] {
        let mirror = format!("{name}-audits");
        assert_eq!(log.audit(&first, &mirror, &[]).0, Some(0));
        let fork = history(name, count, mark);
        for _ in 0..2 {
            let (code, answer) = log.audit(&fork, &mirror, &[]);
            assert_eq!(code, Some(3), "{answer}");
            let faults = answer["faults"].as_array().unwrap();
            assert_eq!((&one(faults)["code"], &faults[0]["size"]), (&json!("fork"), &json!(count)), "{name}");
            let mut kept: Vec<String> = answer["evidence"]
                .as_array()
                .unwrap()
                .iter()
                .map(|path| fs::read(log.root.path().join(path.as_str().unwrap())).unwrap())
                .map(|note| Note::parse(&note).unwrap().text)
                .collect();
            kept.dedup();
            assert_eq!(kept.len(), 2, "{kept:?}");
        }
        assert_eq!(log.audit(&first, &mirror, &[]).0, Some(0), "the mirror still holds what was audited");
    }

    let extended = history("extended", 900, none);
    assert_eq!(log.audit(&first, "grown", &[]).0, Some(0));
    let (code, answer) = log.audit(&extended, "grown", &[]);
    assert_eq!(
        (code, &answer["extends_previous"], &answer["entries_recomputed"]),
        (Some(0), &json!(true), &json!(388))
    );
    let (code, answer) = log.audit(&first, "grown", &[]);
    assert_eq!((code, &answer["faults"][0]["code"]), (Some(3), &json!("went-back")), "{answer}");

    // An entry that is rewritten together with every tile is named by what the last audit kept.
    let rewritten = history("rewritten", 900, 77);
    fs::copy(extended.join("checkpoint"), rewritten.join("checkpoint")).unwrap();
    assert_eq!(log.audit(&rewritten, "grown", &[]).0, Some(0), "nothing new, and nothing old is looked at");
    let (code, answer) = log.audit(&rewritten, "grown", &["--full"]);
    let faults = answer["faults"].as_array().unwrap();
    assert_eq!((code, &faults[0]["code"]), (Some(3), &json!("root")), "{answer}");
    assert_eq!(
        (&faults[1]["code"], &faults[1]["index"]),
        (&json!("entry-rewritten"), &json!(77)),
        "{answer}"
    );
}

/// A log that has dropped its partial tiles serves the full ones, and whoever asks for gzip may get it.
#[test]
fn full_tiles_stand_in_for_partial_ones() {
    let log = Copied::new();
    let at = log.copy("grown-past");
    let entries: Vec<Vec<u8>> = (0..1024_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
    fs::remove_dir_all(&at).unwrap();
    write_tiles(&at, &entries, &log.sign(&tree_of(&leaves[..700])));
    // Of level 1 there is no full tile yet that could stand in.
    let above: Vec<u8> = leaves.chunks(256).take(2).flat_map(|tile| tree_of(tile).root().0).collect();
    fs::write(at.join("tile/1/000.p/2"), above).unwrap();
    let (code, answer) = log.audit(&at, "grown-past-mirror", &[]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(700)), "{answer}");
    let mirrored = fs::read(log.root.path().join("grown-past-mirror/tile/0/002.p/188")).unwrap();
    assert_eq!(mirrored.len(), 188 * 32, "no wider than the checkpoint needs");
}

/// Serves a folder over HTTP, gzip-encoded by `gzip`, and says which paths were asked for.
fn serve_gzipped(root: PathBuf) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let path = lines.next().unwrap().split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
            let gzip = lines.take_while(|line| !line.is_empty()).any(|line| {
                line.to_ascii_lowercase().starts_with("accept-encoding:") && line.contains("gzip")
            });
            let file = root.join(&path);
            log.lock().unwrap().push(path);
            let (status, body) = if file.is_file() && gzip {
                let output = std::process::Command::new("gzip").arg("-c").arg(&file).output().unwrap();
                ("200 OK\r\nContent-Encoding: gzip", output.stdout)
            } else {
                ("404 Not Found", Vec::new())
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    (url, asked)
}

#[test]
fn gzip_is_understood_and_nothing_is_asked_for_that_the_checkpoint_does_not_need() {
    let log = Copied::new();
    let at = log.copy("gzipped");
    let (url, asked) = serve_gzipped(at.clone());
    let trust = log.root.path().join("trust");
    let (code, answer) =
        audit(log.root.path(), &trust, &["gzipped-mirror", "--url", &url, "--records=never"]);
    assert_eq!((code, &answer["entries_recomputed"]), (Some(0), &json!(701)), "{answer}");
    let mut asked: Vec<String> = asked.lock().unwrap().drain(..).collect();
    assert_eq!(asked.remove(0), "checkpoint");
    asked.sort();
    let mut needed = vec!["tile/1/000.p/2".to_owned()];
    for resource in ["000", "001", "002.p/189"] {
        needed.extend([format!("tile/0/{resource}"), format!("tile/entries/{resource}")]);
    }
    needed.sort();
    assert_eq!(asked, needed);

    // A checkpoint that nobody signed: nothing else is asked for.
    edit(&at.join("checkpoint"), |note| note[20] ^= 1);
    let (url, asked) = serve_gzipped(at);
    let (code, answer) = audit(log.root.path(), &trust, &["refused-mirror", "--url", &url]);
    assert!(matches!(code, Some(5 | 8)), "{answer}");
    assert_eq!(*asked.lock().unwrap(), ["checkpoint"]);
}
