//! What `provlog` reads and writes where the user says: nothing that could keep it waiting for ever, and nothing over what is
//! not its own.

use crate::support::{Daemon, folder, stderr, stdout, timed};
use provlog_core::trust::Trust;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What nobody but its owner may write over.
const NOTES: &str = "my own notes\n";

/// A folder with an artifact, and a log beside it.
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
        fs::write(root.path().join("artifact"), "artifact").unwrap();
        fs::write(root.path().join("notes"), NOTES).unwrap();
        let trust = daemon.trust(&data);
        Self { root, daemon, trust }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = timed(self.root.path(), arguments);
        command.env("PROVLOG_URL", &self.daemon.url).env("PROVLOG_TRUST", &self.trust);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn append(&self, more: &[&str]) -> Output {
        self.run(
            &[&["append", "--kind", "event", "--type", "built", "--artifact", "artifact"], more].concat(),
        )
    }

    /// Runs, and demands an exit code and a part of what was said.
    fn expect(&self, arguments: &[&str], code: i32, said: &str) {
        demand(&self.run(arguments), code, said);
    }

    fn fingerprint(&self) -> String {
        Trust::parse(&fs::read(&self.trust).unwrap()).unwrap().log().fingerprint()
    }

    /// How many entries the log has.
    fn size(&self) -> u64 {
        let checkpoint = self.daemon.get("/checkpoint").expect(200);
        checkpoint.text().lines().nth(1).unwrap().parse().unwrap()
    }

    /// What lies beside the artifact and the log.
    fn names(&self) -> Vec<String> {
        let items = fs::read_dir(self.root.path()).unwrap();
        let mut names: Vec<String> =
            items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !["artifact", "data"].contains(&name.as_str()));
        names.sort();
        names
    }

    /// The pending files that are left.
    fn pending(&self) -> Vec<PathBuf> {
        let folders = [self.root.path().to_path_buf(), self.at(".provlog/receipts")];
        let items = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let paths = items.map(|item| item.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "pending")).collect()
    }
}

fn demand(output: &Output, code: i32, said: &str) {
    let all = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(code), "expected {said:?}: {all}");
    assert!(all.contains(said), "expected {said:?} in {all}");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn is_receipt(path: &Path) -> bool {
    fs::read(path).unwrap().starts_with(b"c2sp.org/tlog-proof@v1\n")
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn an_output_over_a_link_is_its_target_with_the_target_s_mode() {
    let place = Place::new();
    demand(&place.append(&["--idempotency-key", "k", "-o", "real"]), 0, "real");
    let append = ["append", "--kind", "event", "--type", "built", "--artifact", "artifact"];
    let writers = [
        [&append[..], &["--idempotency-key", "k", "-o"]].concat(),
        vec!["get", "1", "--receipt"],
        vec!["redact", "real", "--hide", "submitted.type", "-o"],
    ];
    for (n, writer) in writers.iter().enumerate() {
        let (real, link) = (format!("{n}.real"), format!("{n}.link"));
        place.expect(&[writer, &[real.as_str()][..]].concat(), 0, &real);
        fs::set_permissions(place.at(&real), fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&real, place.at(&link)).unwrap();
        // With another entry in the log the receipt of this one has other bytes.
        demand(&place.append(&[]), 0, ".provlog/receipts");
        place.expect(&[writer, &[link.as_str()][..]].concat(), 0, &link);
        assert_eq!(fs::read_link(place.at(&link)).unwrap(), Path::new(&real), "{writer:?}");
        assert_eq!((mode(&place.at(&real)), is_receipt(&place.at(&real))), (0o600, true), "{writer:?}");
    }

    // A link to nothing says nothing about what may be made.
    symlink("nowhere", place.at("dangling")).unwrap();
    place.expect(&["get", "1", "--receipt", "dangling"], 2, "dangling: ");
    let fingerprint = place.fingerprint();
    place.expect(&["trust", "fetch", "--fingerprint", &fingerprint, "-o", "dangling"], 2, "dangling: ");
    assert_eq!(fs::read_link(place.at("dangling")).unwrap(), Path::new("nowhere"));
    assert!(!place.at("nowhere").exists());
}

#[test]
fn what_is_no_file_is_written_through() {
    let place = Place::new();
    demand(&place.append(&["-o", "receipt"]), 0, "receipt");
    let pipe = place.at("pipe");
    mkfifo(&pipe);
    let pipe_name = pipe.to_str().unwrap();
    let fingerprint = place.fingerprint();
    let append = ["append", "--kind", "event", "--type", "built", "--artifact", "artifact"];
    let writers: [(Vec<&str>, &str); 4] = [
        ([&append[..], &["-o", pipe_name]].concat(), "c2sp.org/tlog-proof@v1\n"),
        (vec!["get", "1", "--receipt", pipe_name], "c2sp.org/tlog-proof@v1\n"),
        (vec!["redact", "receipt", "--hide", "submitted.type", "-o", pipe_name], "c2sp.org/tlog-proof@v1\n"),
        (vec!["trust", "fetch", "--fingerprint", &fingerprint, "-o", pipe_name], "log localhost"),
    ];
    for (arguments, start) in &writers {
        // Somebody who has it open to read: what is written waits in it.
        let held = File::options().read(true).write(true).open(&pipe).unwrap();
        place.expect(arguments, 0, "pipe");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{arguments:?}");
        let read = Command::new("timeout").args(["20", "head", "-n", "1"]).arg(&pipe).output().unwrap();
        assert!(stdout(&read).starts_with(start), "{arguments:?}: {}", stdout(&read));
        drop(held);
    }
    for (arguments, _) in &writers {
        place.expect(arguments, 2, "pipe: ");
    }
    assert!(place.pending().is_empty(), "{:?}", place.pending());

    // Under every name of standard output the bytes alone are printed.
    for name in ["-", "/dev/fd/1", "/proc/self/fd/1"] {
        let output = place.run(&["get", "1", "--receipt", name]);
        demand(&output, 0, "");
        assert!(stdout(&output).starts_with("c2sp.org/tlog-proof@v1\n"), "{name}");
        assert!(!stdout(&output).contains(name) || name == "-", "{name}: {}", stdout(&output));
    }

    // Only root can make a device.
    let null = place.at("null");
    if Command::new("mknod").arg(&null).args(["c", "1", "3"]).status().is_ok_and(|status| status.success()) {
        demand(&place.append(&["-o", "null"]), 0, "null");
        assert_eq!(fs::symlink_metadata(&null).unwrap().rdev(), fs::metadata("/dev/null").unwrap().rdev());
    }
}

#[test]
fn an_input_is_a_file_or_a_stream_that_was_handed_over() {
    let place = Place::new();
    demand(&place.append(&["-o", "receipt"]), 0, "receipt");
    fs::create_dir(place.at("inbox")).unwrap();
    for name in ["inbox/a.tlog-proof", "inbox/fifo", "b.zip", "inbox/manifest.json"] {
        mkfifo(&place.at(name));
    }
    fs::copy(place.at("receipt"), place.at("inbox/good.tlog-proof")).unwrap();
    let fifo = "expected a regular file, got a FIFO";
    place.expect(&["verify", "inbox/a.tlog-proof"], 2, fifo);
    place.expect(&["verify", "b.zip"], 2, fifo);
    fs::remove_file(place.at("inbox/manifest.json")).unwrap();
    place.expect(&["verify", "inbox"], 2, "1 of 2 verified");
    place.expect(&["verify", "receipt", "--artifact", "inbox/fifo"], 2, fifo);
    place.expect(&["verify", "receipt", "--trust", "inbox/fifo"], 2, fifo);
    place.expect(&["verify", "receipt", "--artifact", "inbox"], 2, "expected a regular file, got a folder");
    place.expect(&["inspect", "/dev/zero"], 2, "expected a regular file, got a device");
    place.expect(&["append", "--json", "inbox/fifo"], 2, fifo);
    demand(&place.append(&["--prompt-file", "inbox/fifo"]), 2, fifo);
    place.expect(&["export", "-o", "all", "--crosswalk", "inbox/fifo"], 2, fifo);

    for name in ["-", "/dev/stdin", "/dev/fd/0"] {
        let mut command = place.command(&["verify", name]);
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&fs::read(place.at("receipt")).unwrap()).unwrap();
        drop(writer);
        demand(&command.stdin(reader).output().unwrap(), 0, "verdict: verified");
        let mut command = place.command(&["verify", name]);
        demand(&command.stdin(File::open(place.at("receipt")).unwrap()).output().unwrap(), 0, "verified");
    }
    // A shell hands `<(...)` over as a descriptor of its own.
    let program = crate::support::program("provlog");
    let script = format!("'{}' verify <(cat receipt)", program.display());
    let mut shell = Command::new("timeout");
    shell
        .args(["20", "bash", "-c", &script])
        .current_dir(place.root.path())
        .env("PROVLOG_TRUST", &place.trust);
    demand(&shell.output().unwrap(), 0, "verdict: verified");
}

#[test]
fn two_logs_in_one_folder_keep_both_receipts() {
    let (place, other) = (Place::new(), Place::new());
    demand(&place.append(&[]), 0, "-1.tlog-proof");
    let append = ["append", "--kind", "event", "--type", "built", "--artifact", "artifact"];
    let mut command = timed(place.root.path(), &append);
    command.env("PROVLOG_URL", &other.daemon.url).env("PROVLOG_TRUST", &other.trust);
    demand(&command.output().unwrap(), 0, "-1.tlog-proof");
    let receipts = fs::read_dir(place.at(".provlog/receipts")).unwrap();
    let receipts: Vec<PathBuf> = receipts.map(|item| item.unwrap().path()).collect();
    assert_eq!(receipts.len(), 2, "{receipts:?}");
    for trust in [&place.trust, &other.trust] {
        let verify = |receipt: &PathBuf| {
            let mut command = timed(place.root.path(), &["verify", receipt.to_str().unwrap()]);
            command.env("PROVLOG_TRUST", trust).output().unwrap().status.code()
        };
        let mut codes: Vec<Option<i32>> = receipts.iter().map(verify).collect();
        codes.sort();
        assert_eq!(codes, [Some(0), Some(5)], "one of each log");
    }
}

#[test]
fn no_verb_writes_over_a_file_that_is_not_its_own() {
    let place = Place::new();
    demand(&place.append(&["-o", "receipt"]), 0, "receipt");
    demand(&place.append(&["-o", "other"]), 0, "other");
    let receipt = fs::read(place.at("receipt")).unwrap();
    let fingerprint = place.fingerprint();
    let before = (place.size(), place.names());
    let append = ["append", "--kind", "event", "--type", "built", "--artifact", "artifact", "-o"];
    let writers = [
        append.to_vec(),
        vec!["get", "1", "--receipt"],
        vec!["redact", "receipt", "--hide", "submitted.type", "-o"],
        vec!["trust", "fetch", "--fingerprint", &fingerprint, "-o"],
        vec!["export", "-o"],
    ];
    for writer in &writers {
        place.expect(&[writer, &["notes"][..]].concat(), 2, "notes: ");
        assert_eq!(fs::read_to_string(place.at("notes")).unwrap(), NOTES, "{writer:?}");
    }
    // A receipt of another entry, or of this one with other claims to be seen, isn't the same either.
    for writer in &writers[..3] {
        place.expect(&[writer, &["other"][..]].concat(), 2, "--force");
    }
    place.expect(&["redact", "receipt", "--hide", "submitted.type", "-o", "receipt"], 2, "receipt: ");
    assert_eq!(fs::read(place.at("receipt")).unwrap(), receipt);
    // Nothing was sent in vain, and nothing is left behind.
    assert_eq!((place.size(), place.names()), before);

    // What is the same may be written again, by a retry as by whoever asks again.
    place.expect(&["get", "1", "--receipt", "receipt"], 0, "receipt");
    let key = ["--idempotency-key", "k"];
    for _ in 0..2 {
        place.expect(&[&append[..], &["keyed"], &key].concat(), 0, "keyed");
        demand(&place.append(&[]), 0, ".provlog/receipts");
        place.expect(&["redact", "receipt", "--hide", "submitted.type", "-o", "less"], 0, "less");
        place.expect(&["get", "1", "--receipt", "receipt"], 0, "receipt");
    }
    for writer in &writers[..3] {
        fs::write(place.at("notes"), NOTES).unwrap();
        place.expect(&[writer, &["notes", "--force"][..]].concat(), 0, "notes");
        assert!(is_receipt(&place.at("notes")), "{writer:?}");
    }
}
