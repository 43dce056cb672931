//! Files that aren't what the manifest lists, and texts that aren't what the records make.

use super::super::forge::{Files, Package};
use super::super::log::{SIZE, event, log};
use super::Case;
use super::good::range;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::package::{
    CHECKPOINT, CONSISTENCY, CSV, FileEntry, JSON_LINES, MANIFEST_SHA256, PREVIOUS_CHECKPOINT, PROOF,
    RECORDS, REPORT,
};

pub fn cases() -> Vec<Case> {
    [digests(), lengths(), listings(), digest_files(), json_lines(), csv()].into_iter().flatten().collect()
}

/// With an earlier checkpoint, so that every file is there.
fn package() -> Package {
    range().with_previous(&log(), 6)
}

fn listing(name: &str, change: impl Fn(&mut FileEntry)) -> Files {
    package().finish_listing(|files| change(files.iter_mut().find(|file| file.name == name).unwrap()))
}

/// A file that isn't as it is listed refuses itself; the proof's, the proof too.
fn unlike(prefix: &str, name: &str, files: Files) -> Case {
    let refused = format!("file:{name}");
    let refused = if name == PROOF { vec![&refused[..], "proof"] } else { vec![&refused[..]] };
    Case::new(format!("{prefix}-{}", name.replace('.', "-")), files, &refused)
}

/// The content is right, the digest isn't its.
fn digests() -> Vec<Case> {
    let names = [CHECKPOINT, RECORDS, JSON_LINES, CSV, PROOF, PREVIOUS_CHECKPOINT, CONSISTENCY, REPORT];
    let case = |name: &str| {
        let files = listing(name, |file| file.sha256 = Hash::plain(b"another file"));
        unlike("digest-of", name, files)
    };
    names.map(case).into()
}

fn lengths() -> Vec<Case> {
    let names = [CHECKPOINT, RECORDS, JSON_LINES, CSV, PROOF, CONSISTENCY, REPORT];
    let shorter = |name: &str| unlike("shorter-than-listed", name, listing(name, |file| file.size += 1));
    let longer = |name: &str, more: &[u8], refused: &[&str]| {
        let mut files = package().finish();
        files.get_mut(name).unwrap().extend(more);
        Case::new(format!("longer-than-listed-{}", name.replace('.', "-")), files, refused)
    };
    let mut cases: Vec<Case> = names.map(shorter).into();
    cases.push(longer(CHECKPOINT, b"\n", &["file:checkpoint", "checkpoint"]));
    cases.push(longer(PREVIOUS_CHECKPOINT, b"\n", &["file:previous-checkpoint", "previous-checkpoint"]));
    cases.push(longer(CONSISTENCY, &[0; 32], &["file:consistency.bin", "consistency"]));
    cases.push(longer(RECORDS, &[0xf6], &["file:records.cbor", "records"]));
    cases.push(longer(JSON_LINES, b"{}\n", &["file:records.jsonl", "jsonl"]));
    cases.push(longer(PROOF, &[0; 32], &["file:proof.bin", "proof"]));
    cases.push(longer(REPORT, b" ", &["file:report.html"]));
    cases
}

fn listings() -> Vec<Case> {
    let without = |name: &str, refused: &[&str]| {
        let mut files = package().finish();
        files.remove(name);
        Case::new(format!("missing-{}", name.replace('.', "-")), files, refused)
    };
    let with = |name: &str, bytes: &[u8]| {
        let mut files = range().finish();
        files.insert(name.into(), bytes.to_vec());
        files
    };
    let mut several = with(CONSISTENCY, b"");
    several.extend(["a.txt", "Z.txt"].map(|name| (name.into(), Vec::new())));
    let mut unread = range().with_previous(&log(), SIZE).finish();
    unread.remove(CONSISTENCY);
    vec![
        Case::new(
            "missing-consistency-bin-of-the-same-size",
            unread,
            &["file:consistency.bin", "consistency"],
        ),
        without(MANIFEST_SHA256, &["file:manifest.json"]),
        without(CHECKPOINT, &["file:checkpoint", "checkpoint"]),
        without(RECORDS, &["file:records.cbor", "records"]),
        without(JSON_LINES, &["file:records.jsonl", "jsonl"]),
        without(CSV, &["file:records.csv", "csv"]),
        without(PROOF, &["file:proof.bin", "proof"]),
        without(PREVIOUS_CHECKPOINT, &["file:previous-checkpoint", "previous-checkpoint"]),
        without(CONSISTENCY, &["file:consistency.bin", "consistency"]),
        without(REPORT, &["file:report.html"]),
        Case::new("file-not-listed", with("notes.txt", b"more\n"), &["file:notes.txt"]),
        Case::new("file-not-listed-of-previous", with(CONSISTENCY, b""), &["file:consistency.bin"]),
        Case::new(
            "files-not-listed-in-byte-order",
            several,
            &["file:Z.txt", "file:a.txt", "file:consistency.bin"],
        ),
    ]
}

fn digest_files() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut with_line = |name: &str, change: &dyn Fn(&str) -> String| {
        let mut files = range().finish();
        let line = String::from_utf8(files[MANIFEST_SHA256].clone()).unwrap();
        files.insert(MANIFEST_SHA256.into(), change(&line).into_bytes());
        cases.push(Case::new(format!("manifest-sha256-{name}"), files, &["file:manifest.json"]));
    };
    with_line("of-another-file", &|_| format!("{}  manifest.json\n", Hash::plain(b"another file")));
    with_line("without-newline", &|line| line.trim_end().into());
    with_line("crlf", &|line| line.replace('\n', "\r\n"));
    with_line("uppercase", &|line| line.to_uppercase().replace("MANIFEST.JSON", "manifest.json"));
    with_line("binary-mode", &|line| line.replace("  ", " *"));
    with_line("one-space", &|line| line.replace("  ", " "));
    with_line("byte-order-mark", &|line| format!("\u{feff}{line}"));
    with_line("two-lines", &|line| line.repeat(2));
    cases
}

/// One event with characters that JSON may spell in several ways.
fn escaped() -> Package {
    log()
        .with(
            8,
            event(
                8,
                &[
                    ("x-text", "a/\u{e9}\u{8}\n\u{1}".into()),
                    ("x-list", super::super::forge::list(&[Value::Null])),
                ],
            ),
        )
        .package(&[8])
}

fn json_lines() -> Vec<Case> {
    let refused = ["file:records.jsonl", "jsonl"];
    let respelt = |name: &str, from: &str, to: &str| {
        Case::new(format!("jsonl-{name}"), escaped().rewording(JSON_LINES, from, to).finish(), &refused)
    };
    let changed = |name: &str, change: fn(&mut Vec<u8>)| {
        Case::new(format!("jsonl-{name}"), range().changing(JSON_LINES, change).finish(), &refused)
    };
    vec![
        respelt("value-changed", "a/", "b/"),
        respelt("slash-escaped", "a/", "a\\/"),
        respelt("letter-escaped", "\u{e9}", "\\u00e9"),
        respelt("backspace-as-number", "\\b", "\\u0008"),
        respelt("escape-uppercase", "\\u0001", "\\U0001"),
        respelt("space", "\"index\":8", "\"index\": 8"),
        respelt("member-order", "\"index\":8,\"kind\":\"event\"", "\"kind\":\"event\",\"index\":8"),
        respelt("kind-number", "\"kind\":\"event\"", "\"kind\":22"),
        respelt("hidden-missing", ",\"hidden\":{\"submitted\":{},\"attested\":{}}", ""),
        changed("no-final-newline", |bytes| _ = bytes.pop()),
        changed("crlf", |bytes| bytes.insert(bytes.len() - 1, b'\r')),
        changed("line-missing", |bytes| {
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            bytes.drain(..=end);
        }),
        changed("line-more", |bytes| bytes.extend(b"{}\n")),
        changed("empty-line-more", |bytes| bytes.push(b'\n')),
        changed("empty", Vec::clear),
    ]
}

/// An event that a spreadsheet would compute with.
fn formula() -> Package {
    let mut claims = vec![("environment", "=1+1".into())];
    claims.push(("human_involvement", super::super::forge::map(&[("level", "a,b".into())])));
    log().with(8, event(8, &claims)).package(&[8])
}

fn csv() -> Vec<Case> {
    let refused = ["file:records.csv", "csv"];
    let reworded = |name: &str, from: &str, to: &str| {
        Case::new(format!("csv-{name}"), formula().rewording(CSV, from, to).finish(), &refused)
    };
    let changed = |name: &str, change: fn(&mut Vec<u8>)| {
        Case::new(format!("csv-{name}"), range().changing(CSV, change).finish(), &refused)
    };
    vec![
        reworded("apostrophe-missing", "'=1+1", "=1+1"),
        reworded("quotes-missing", "\"a,b\"", "a,b"),
        reworded("quotes-more", "'=1+1", "\"'=1+1\""),
        reworded("column-renamed", "environment", "Environment"),
        reworded("time-without-ms", ".000Z", "Z"),
        reworded("byte-order-mark", "index", "\u{feff}index"),
        changed("line-feeds", |bytes| bytes.retain(|byte| *byte != b'\r')),
        changed("no-final-line-end", |bytes| bytes.truncate(bytes.len() - 2)),
        changed("names-missing", |bytes| {
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            bytes.drain(..=end);
        }),
        changed("row-more", |bytes| bytes.extend(b"8,,,,,,,,,,,,,,\r\n")),
        changed("empty", Vec::clear),
    ]
}
