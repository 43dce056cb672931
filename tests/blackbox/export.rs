//! `provlog export` and `provlog verify PACKAGE`: evidence that leaves the house, and every way of spoiling it.

use crate::support::{Daemon, folder, program, promotion, provlog, repository, stderr, stdout};
use provlog_core::Hash;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A log of the genesis and 300 promotions, every tenth of them to another environment.
fn log(root: &Path) -> Daemon {
    let daemon = Daemon::start(&root.join("data"));
    append(&daemon, 1..=300);
    fs::copy(daemon.trust(&root.join("data")), root.join("trust")).unwrap();
    daemon
}

fn append(daemon: &Daemon, numbers: std::ops::RangeInclusive<usize>) {
    let lines = numbers.map(|number| {
        let mut submission = promotion(&format!("=artifact {number}"));
        submission["claims"]["environment"] = if number % 10 == 0 { "far away" } else { "production" }.into();
        submission.to_string()
    });
    let body = lines.collect::<Vec<_>>().join("\n");
    let headers = [("Content-Type", "application/x-ndjson")];
    daemon.request("POST", "/v1/entries/batch?receipts=false", &headers, body.as_bytes()).expect(200);
    daemon.until_ready();
}

fn export(root: &Path, daemon: &Daemon, arguments: &[&str]) -> Output {
    provlog(root, &[&["export", "--url", &daemon.url, "--trust", "trust"], arguments].concat())
}

fn exported(root: &Path, daemon: &Daemon, arguments: &[&str]) {
    let output = export(root, daemon, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
}

/// Verifies; gives the exit code and the package's item of the JSON.
fn verify(root: &Path, package: &str) -> (i32, Value) {
    let output = provlog(root, &["verify", package, "--trust", "trust", "--json"]);
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let schema = fs::read(repository().join("docs/schema/verdict.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {json}");
    (output.status.code().unwrap(), json["packages"][0].clone())
}

fn status(package: &Value, name: &str) -> String {
    let checks = package["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no {name} in {package}"))["status"].as_str().unwrap().into()
}

fn failed(package: &Value) -> Vec<String> {
    let checks = package["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["status"] == "fail");
    failed.map(|check| check["name"].as_str().unwrap().into()).collect()
}

#[test]
fn ranges_and_selections_verify_with_the_daemon_off() {
    let root = folder();
    let daemon = log(root.path());
    exported(root.path(), &daemon, &["-o", "all"]);
    append(&daemon, 301..=310);
    exported(
        root.path(),
        &daemon,
        &["-o", "part.zip", "--start", "100", "--end", "290", "--previous", "all/checkpoint"],
    );
    let subject = format!("sha256:{}", Hash::plain(b"=artifact 7").to_hex());
    exported(root.path(), &daemon, &["-o", "one", "--subject", &subject]);
    let far = ["--environment", "far away", "--kind", "promotion", "--hide", "attested.workload"];
    exported(root.path(), &daemon, &[&["-o", "far.zip"], &far[..]].concat());
    exported(root.path(), &daemon, &["-o", "public", "--from", "2020-01-01", "--profile", "public"]);
    let none = export(root.path(), &daemon, &["-o", "none", "--kind", "scan"]);
    assert_eq!(none.status.code(), Some(6), "{}", stderr(&none));
    let misspelt = export(root.path(), &daemon, &["-o", "none", "--hide", "submitted.promt_hash"]);
    assert_eq!(misspelt.status.code(), Some(2), "{}", stderr(&misspelt));
    let again = export(root.path(), &daemon, &["-o", "all"]);
    assert!(stderr(&again).contains("exists already"), "{}", stderr(&again));
    assert_eq!(daemon.terminate(), Some(0));

    let expected = [
        ("all", 301, "pass", "skip"),
        ("part.zip", 190, "pass", "pass"),
        ("one", 1, "skip", "skip"),
        ("far.zip", 31, "skip", "skip"),
        ("public", 311, "pass", "skip"),
    ];
    for (name, count, complete, consistent) in expected {
        let (exit, package) = verify(root.path(), name);
        assert_eq!((exit, &package["verdict"]), (0, &"verified".into()), "{name}: {package}");
        assert_eq!(package["count"], count, "{name}");
        assert_eq!(status(&package, "completeness"), complete, "{name}");
        assert_eq!(status(&package, "consistency"), consistent, "{name}");
    }
    let text = stdout(&provlog(root.path(), &["verify", "all", "--trust", "trust"]));
    assert!(text.contains("all entries from 0 to 300 are here"), "{text}");
    // What the records of a package are evidence for: they are asked only once it verifies.
    let asked = provlog(root.path(), &["crosswalk", "evidence", "all", "part.zip", "--trust", "trust"]);
    assert!(stdout(&asked).starts_with("301 entries of "), "each entry counts once: {}", stdout(&asked));
    fs::write(root.path().join("all/proof.bin"), [0; 32]).unwrap();
    let asked = provlog(root.path(), &["crosswalk", "evidence", "all", "--trust", "trust"]);
    assert_eq!(asked.status.code(), Some(3), "{}", stderr(&asked));
    assert!(stderr(&asked).contains("file:proof.bin") && asked.stdout.is_empty(), "{}", stderr(&asked));

    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with('.')),
        "nothing is left over: {left:?}"
    );
    texts(root.path());
}

/// The texts say what the records say, no cell is a formula, and standard tools open the ZIP.
fn texts(root: &Path) {
    let lines = fs::read_to_string(root.join("all/records.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 301);
    assert_eq!(lines[7]["submitted"]["environment"], "production");
    let csv = fs::read_to_string(root.join("all/records.csv")).unwrap();
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 302);
    assert!(rows[0].starts_with("index,time,kind,leaf_hash,subject,model,"), "{}", rows[0]);
    assert!(rows[8].contains(",'=artifact 7 sha256:"), "{}", rows[8]);
    let public = fs::read_to_string(root.join("public/records.csv")).unwrap();
    assert!(public.contains("(hidden)"));

    let program = "import sys, zipfile; archive = zipfile.ZipFile(sys.argv[1]); \
        sys.exit(1 if archive.testzip() else 0)";
    match Command::new("python3").args(["-c", program]).arg(root.join("part.zip")).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => println!("the ZIP was not opened by another program: python3: {error}"),
    }
}

#[test]
fn a_changed_byte_of_any_file_is_found_and_the_file_named() {
    let root = folder();
    let daemon = log(root.path());
    fs::write(root.path().join("old"), daemon.get("/checkpoint").body).unwrap();
    append(&daemon, 301..=305);
    exported(root.path(), &daemon, &["-o", "package", "--start", "250", "--previous", "old"]);
    drop(daemon);
    let package = root.path().join("package");
    let mut files = 0;
    for file in fs::read_dir(&package).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let good = fs::read(&path).unwrap();
        for nth in 0..8 {
            let mut bad = good.clone();
            let place = nth * (good.len() - 1) / 7;
            bad[place] ^= 1 << nth;
            fs::write(&path, &bad).unwrap();
            let (exit, found) = verify(root.path(), "package");
            assert!([3, 5, 8].contains(&exit), "{name} at {place}: {found}");
            let named = found.to_string().contains(&name) && (exit == 8 || !failed(&found).is_empty());
            let wrong = failed(&found).iter().any(|check| check.contains(&name))
                || exit == 8
                || name == "manifest.sha256";
            assert!(named && wrong, "{name} at {place}: {found}");
        }
        fs::write(&path, good).unwrap();
        files += 1;
    }
    assert_eq!(files, 10);
    assert_eq!(verify(root.path(), "package").0, 0);

    // A folder in it, a link in it, a file too many, and one too few.
    fs::create_dir(package.join("more")).unwrap();
    assert_eq!(verify(root.path(), "package").0, 8);
    fs::remove_dir(package.join("more")).unwrap();
    fs::write(package.join("more"), "").unwrap();
    assert_eq!(failed(&verify(root.path(), "package").1), ["file:more"]);
    fs::remove_file(package.join("more")).unwrap();
    fs::rename(package.join("records.csv"), root.path().join("records.csv")).unwrap();
    assert_eq!(failed(&verify(root.path(), "package").1), ["file:records.csv", "csv"]);
    std::os::unix::fs::symlink(root.path().join("records.csv"), package.join("records.csv")).unwrap();
    let (exit, linked) = verify(root.path(), "package");
    assert!(exit == 8 && linked["error"].as_str().unwrap().contains("no folders and links"), "{linked}");
}

/// Writes a manifest and its digest anew.
fn restate(package: &Path, manifest: &Value) {
    let bytes = serde_json::to_vec_pretty(manifest).unwrap();
    fs::write(package.join("manifest.json"), &bytes).unwrap();
    let line = format!("{}  manifest.json\n", Hash::plain(&bytes));
    fs::write(package.join("manifest.sha256"), line).unwrap();
}

/// Everything of a package may be right but its page, which is the maker's: then that is said.
#[test]
fn a_page_that_isn_t_ours_is_told_from_one_that_is() {
    let root = folder();
    let daemon = log(root.path());
    exported(root.path(), &daemon, &["-o", "package", "--end", "5"]);
    drop(daemon);
    let package = root.path().join("package");
    let (exit, judged) = verify(root.path(), "package");
    assert_eq!((exit, &judged["own_page"]), (0, &true.into()), "{judged}");
    let text = stdout(&provlog(root.path(), &["verify", "package", "--trust", "trust"]));
    assert!(text.contains("; report.html is the page that provlog"), "{text}");
    let ours = fs::read_to_string(package.join("report.html")).unwrap();
    let others = [
        ours.replace("</body>", "<script>1</script></body>"),
        ours.replace("script-src 'sha256-", "script-src 'unsafe-inline' 'sha256-"),
        ours.replacen("<h2", "<p>All of it was approved.</p><h2", 1),
        ours.replacen("<script type=\"text/plain\"", "<script type=\"text/javascript\"", 1),
        ours.replacen("</title>", "</title><base href=\"https://example.com/\">", 1),
        "<h1>Genuine</h1>".to_string(),
        // Its words and program are ours; what it says of the records is not what they say.
        ours.replacen("<title>Evidence from ", "<title>Approved evidence from ", 1),
        ours.replacen("<noscript>", "<noscript><p>All is well.</p>", 1),
        ours.replacen("\"status\":\"none\"", "\"status\":\"present\"", 1),
        ours.replacen("\"title\":\"", "\"title\":\"Met: ", 1),
        ours.replacen("\"means\":\"", "\"means\":\"surely, ", 1),
        ours.replacen("\"others\":0", "\"others\":7", 1),
    ];
    for html in others {
        assert_ne!(html, ours);
        fs::write(package.join("report.html"), &html).unwrap();
        let mut manifest: Value =
            serde_json::from_slice(&fs::read(package.join("manifest.json")).unwrap()).unwrap();
        let files = manifest["files"].as_array_mut().unwrap();
        let row = files.iter_mut().find(|file| file["name"] == "report.html").unwrap();
        row["size"] = html.len().into();
        row["sha256"] = Hash::plain(html.as_bytes()).to_hex().into();
        restate(&package, &manifest);
        let (exit, judged) = verify(root.path(), "package");
        assert_eq!((exit, &judged["own_page"]), (0, &false.into()), "{judged}");
        let text = stdout(&provlog(root.path(), &["verify", "package", "--trust", "trust"]));
        let verdict = text.lines().find(|line| line.starts_with("verdict: ")).unwrap();
        assert!(verdict.contains("report.html is NOT the page that provlog"), "{text}");
    }
}

/// What a package says of its selection is true, and tells nothing that its records hide.
#[test]
fn selections_that_would_mislead_are_refused() {
    let root = folder();
    let daemon = log(root.path());
    let refused = |arguments: &[&str], expected: &str| {
        let output = export(root.path(), &daemon, &[&["-o", "none"], arguments].concat());
        let text = stderr(&output);
        assert!(output.status.code() == Some(2) && text.contains(expected), "{arguments:?}: {text}");
        assert!(!root.path().join("none").exists());
    };
    for filter in [["--from", "2020-01-01"], ["--kind", "promotion"], ["--environment", "production"]] {
        refused(&[&["--start", "4"], &filter[..]].concat(), "cannot be used with");
        refused(&[&["--end", "4"], &filter[..]].concat(), "cannot be used with");
    }
    let hide = ["--environment", "production", "--hide", "submitted.environment"];
    refused(&hide, "--environment would tell in the manifest what is hidden in the records");
    fs::create_dir(root.path().join("within")).unwrap();
    exported(root.path(), &daemon, &["-o", "within/package", "--end", "5"]);
    drop(daemon);
    let verified = |exit| {
        let output = provlog(root.path(), &["verify", "within", "--trust", "trust"]);
        assert_eq!(output.status.code(), Some(exit), "{}", stdout(&output));
    };
    verified(0);
    fs::write(root.path().join("within/package/records.csv"), "").unwrap();
    verified(3);
}

/// A record that is taken out of everything that can be written anew still has its place in the claimed range.
#[test]
fn a_record_that_is_left_out_of_a_range_is_missed() {
    let root = folder();
    let daemon = log(root.path());
    exported(root.path(), &daemon, &["-o", "package", "--start", "10", "--end", "20"]);
    exported(root.path(), &daemon, &["-o", "other", "--start", "10", "--end", "19"]);
    drop(daemon);
    let read =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(root.path().join(name)).unwrap()).unwrap() };
    let mut manifest = read("other/manifest.json");
    manifest["range"] = read("package/manifest.json")["range"].clone();
    restate(&root.path().join("other"), &manifest);
    let (exit, package) = verify(root.path(), "other");
    assert_eq!((exit, failed(&package)), (3, vec!["completeness".to_string()]), "{package}");
}

#[test]
fn hostile_archives_are_refused_in_little_memory() {
    let root = folder();
    let daemon = log(root.path());
    exported(root.path(), &daemon, &["-o", "good.zip", "--end", "5"]);
    drop(daemon);
    let script = r#"
import sys, zipfile, io, struct
good = zipfile.ZipFile("good.zip"); files = {n: good.read(n) for n in good.namelist()}
def write(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members: z.writestr(name, data, **options)
items = list(files.items())
write("path.zip", items + [("../evil", b"x")])
write("folder.zip", items + [("sub/", b"")])
write("twice.zip", items + [("proof.bin", b"")])
write("many.zip", [("f%d" % n, b"") for n in range(60000)])
link = zipfile.ZipInfo("link"); link.external_attr = 0o120777 << 16
write("link.zip", items + [(link, b"/etc/passwd")])
write("bzip.zip", items, compress_type=zipfile.ZIP_BZIP2)
for name in ("records.cbor", "records.jsonl", "manifest.json", "checkpoint"):
    with zipfile.ZipFile("bomb-" + name + ".zip", "w", zipfile.ZIP_DEFLATED) as z:
        for other, data in items:
            if other != name: z.writestr(other, data)
        with z.open(name, "w") as f:
            for _ in range(1024): f.write(b"\0" * (1 << 20))
data = bytearray(open("good.zip", "rb").read())
open("cut.zip", "wb").write(data[:-1]); open("comment.zip", "wb").write(data + b"x"); open("empty.zip", "wb").write(b"")
struct.pack_into("<HH", data, len(data) - 14, 65535, 65535); open("count.zip", "wb").write(data)
"#;
    let made = Command::new("python3").args(["-c", script]).current_dir(root.path()).output();
    let Ok(made) = made else { return println!("hostile archives were not made: no python3") };
    assert!(made.status.success(), "{}", stderr(&made));
    assert_eq!(verify(root.path(), "good.zip").0, 0);
    let cases = [
        ("path.zip", "no folders and paths"),
        ("folder.zip", "no folders and paths"),
        ("twice.zip", "is there twice"),
        ("many.zip", "at most 32 files"),
        ("link.zip", "no folders and links"),
        ("bzip.zip", "stored or deflated"),
        ("bomb-manifest.json.zip", "at most 65536 bytes"),
        ("bomb-records.cbor.zip", "records.cbor"),
        ("bomb-records.jsonl.zip", "records.jsonl"),
        ("bomb-checkpoint.zip", "checkpoint"),
        ("cut.zip", "not a ZIP of this format"),
        ("comment.zip", "not a ZIP of this format"),
        ("empty.zip", "not a ZIP of this format"),
        ("count.zip", "at most 32 files"),
    ];
    for (name, expected) in cases {
        // 100 MB of address space, within which nothing that inflates to a gigabyte has room.
        let command =
            format!("ulimit -v 102400; exec {} verify {name} --trust trust", program("provlog").display());
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(root.path())
            .env("HOME", root.path())
            .output();
        let output = output.unwrap();
        assert!(
            matches!(output.status.code(), Some(3 | 5 | 8)),
            "{name}: {:?} {}",
            output.status,
            stderr(&output)
        );
        assert!(stdout(&output).contains(expected), "{name}: {}", stdout(&output));
    }
}
