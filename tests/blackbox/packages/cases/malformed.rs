//! Packages whose listing or manifest can't be read.

use super::super::forge::Package;
use super::super::log::log;
use super::Case;
use provlog_core::limits::MANIFEST_BYTES_MAX;
use provlog_core::package::{CONSISTENCY, MANIFEST, PREVIOUS_CHECKPOINT};

/// One entry: what is wrong is in the manifest alone.
fn package() -> Package {
    log().package(&[5])
}

fn manifest() -> String {
    String::from_utf8(package().finish()[MANIFEST].clone()).unwrap()
}

fn under(manifest: &[u8]) -> Case {
    Case::malformed("", package().finish_with(manifest))
}

fn rewording(from: &str, to: &str) -> Case {
    Case::malformed("", package().finish_rewording(from, to))
}

fn named(name: &str, case: Case) -> Case {
    Case { name: format!("manifest-{name}"), ..case }
}

pub fn cases() -> Vec<Case> {
    [json(), members(), statements(), lists_of_files(), listings()].into_iter().flatten().collect()
}

fn json() -> Vec<Case> {
    let text = manifest();
    let too_long = text.clone() + &" ".repeat(MANIFEST_BYTES_MAX + 1 - text.len());
    let count = "\"count\": 1";
    let tool = "provlog test vectors";
    let mut latin_1 = text.clone().into_bytes();
    let place = text.find(tool).unwrap();
    latin_1[place] = 0xe9;
    vec![
        named("empty", under(b"")),
        named("cut", under(&text.as_bytes()[..text.len() - 2])),
        named("trailing", under((text.clone() + "{}").as_bytes())),
        named("not-utf-8", under(&latin_1)),
        named("byte-order-mark", under(("\u{feff}".to_string() + &text).as_bytes())),
        named("of-65537-bytes", under(too_long.as_bytes())),
        named("trailing-comma", rewording("]\n}", "],\n}")),
        named("lone-surrogate", rewording(tool, "\\ud800")),
        named("raw-control-character", rewording(tool, "a\tb")),
        named("float", rewording(count, "\"count\": 1.0")),
        named("exponent", rewording(count, "\"count\": 1e0")),
        named("leading-zero", rewording(count, "\"count\": 01")),
        named("minus-zero", rewording("\"created_ms\": 1767312000000", "\"created_ms\": -0")),
        named(
            "integer-over-2-53",
            rewording("\"created_ms\": 1767312000000", "\"created_ms\": 9007199254740992"),
        ),
        named("member-twice", rewording(count, "\"count\": 1, \"count\": 1")),
        named("member-twice-escaped", rewording(count, "\"count\": 1, \"c\\u006funt\": 1")),
        named("member-twice-inside", rewording("\"size\": 11", "\"size\": 11, \"size\": 11")),
    ]
}

fn members() -> Vec<Case> {
    vec![
        named("array", under(b"[]")),
        named("member-unknown", rewording("\"count\"", "\"more\": null, \"count\"")),
        named("member-proto", rewording("\"count\"", "\"__proto__\": null, \"count\"")),
        named("member-unknown-in-checkpoint", rewording("\"size\": 11", "\"size\": 11, \"time\": 1")),
        named("member-unknown-in-files", rewording("\"name\"", "\"path\": \"\", \"name\"")),
        named("member-unknown-in-filters", rewording("\"filters\": {", "\"filters\": {\"x\": 1")),
        named("member-unknown-in-range", rewording("\"start\"", "\"by\": 1, \"start\"")),
        named("member-missing", rewording("  \"previous\": null,\n", "")),
        named("member-missing-in-range", rewording("\"start\": 5,", "")),
        named("member-missing-in-redaction", rewording("\"claims\": [],", "")),
    ]
}

fn statements() -> Vec<Case> {
    let range = |to| rewording("\"range\": {\n    \"start\": 5,\n    \"end\": 6\n  }", to);
    let redaction =
        |to| rewording("{\n    \"rule\": \"none\",\n    \"claims\": [],\n    \"profile\": null\n  }", to);
    let filters = |to: &str| rewording("\"filters\": {}", to);
    let root = log().checkpoint(11).root.to_hex();
    let subject = |digest: &str| filters(&format!("\"filters\": {{\"subject\": {digest}}}"));
    vec![
        named("format-v3", rewording("provlog-export/v1", "provlog-export/v3")),
        named("origin-space", rewording("example.com/vectors", "example.com/vec tors")),
        named("tool-number", rewording("\"provlog test vectors\"", "1")),
        named("time-negative", rewording("1767312000000", "-1")),
        named("root-uppercase", rewording(&root, &root.to_uppercase())),
        named("root-short", rewording(&root, &root[..62])),
        named("size-text", rewording("\"size\": 11", "\"size\": \"11\"")),
        named("count-0", rewording("\"count\": 1", "\"count\": 0")),
        named("count-10000001", rewording("\"count\": 1", "\"count\": 10000001")),
        named("range-array", range("\"range\": [5, 6]")),
        named("filter-null", filters("\"filters\": null")),
        named("filter-kind-number", filters("\"filters\": {\"kind\": 4}")),
        named("filter-kind-unknown", filters("\"filters\": {\"kind\": \"promotions\"}")),
        named("filter-environment-null", filters("\"filters\": {\"environment\": null}")),
        named("filter-subject-empty", subject("{}")),
        named("filter-subject-unknown-algorithm", subject("{\"md5\": \"00\"}")),
        named("filter-subject-short", subject("{\"sha256\": \"00\"}")),
        named("redaction-rule-unknown", redaction("{\"rule\": \"mask\", \"claims\": [], \"profile\": null}")),
        named("redaction-hide-nothing", redaction("{\"rule\": \"hide\", \"claims\": [], \"profile\": null}")),
        named(
            "redaction-none-with-claims",
            redaction("{\"rule\": \"none\", \"claims\": [\"submitted.model\"], \"profile\": null}"),
        ),
        named(
            "redaction-profile-without-name",
            redaction("{\"rule\": \"profile\", \"claims\": [], \"profile\": null}"),
        ),
        named(
            "redaction-keep-with-profile",
            redaction("{\"rule\": \"keep\", \"claims\": [], \"profile\": \"p\"}"),
        ),
        named(
            "redaction-claim-name",
            redaction("{\"rule\": \"hide\", \"claims\": [\"model\"], \"profile\": null}"),
        ),
    ]
}

fn lists_of_files() -> Vec<Case> {
    let package = package();
    let listing = |change: fn(&mut Vec<provlog_core::package::FileEntry>)| {
        Case::malformed("", package.finish_listing(change))
    };
    let renamed = |name: &str| rewording("\"name\": \"records.csv\"", &format!("\"name\": \"{name}\""));
    vec![
        named("file-twice", listing(|files| files.push(files[0].clone()))),
        named("file-not-listed", listing(|files| drop(files.pop()))),
        named("file-unknown", renamed("records.xml")),
        named("file-itself", renamed("manifest.json")),
        named("file-in-a-folder", renamed("../records.csv")),
        named(
            "previous-without-its-files",
            Case::malformed("", {
                let mut files = package.clone().with_previous(&log(), 6);
                files.files.remove(PREVIOUS_CHECKPOINT);
                files.files.remove(CONSISTENCY);
                files.finish()
            }),
        ),
        named(
            "files-of-previous-without-it",
            Case::malformed("", {
                package.clone().with_previous(&log(), 6).stating(|manifest| manifest.previous = None).finish()
            }),
        ),
    ]
}

fn listings() -> Vec<Case> {
    let mut folder = package().finish();
    folder.insert("more/notes.txt".into(), b"in a folder\n".to_vec());
    let mut many = package().finish();
    // Eight files are there already.
    many.extend((8..33).map(|number| (format!("{number}.txt"), Vec::new())));
    vec![Case::malformed("folder-in-it", folder), Case::malformed("files-33", many)]
}
