//! Pages whose data somebody changed and whose program they left: refused, or with nothing of what they say beside the
//! verdict on another package.

use super::attested::gate;
use super::driver::Browser;
use super::evidence::Evidence;
use super::files_in;
use super::report::Report;
use crate::packages;
use crate::support::{folder, promotion};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::fs;

/// Whoever changes what the page holds, and leaves its program, gets it refused.
#[test]
fn a_page_whose_data_was_changed_is_refused() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 20);
    let page = evidence.export(&["--start", "2", "--end", "15", "--previous", "previous"]);
    let package = page.parent().unwrap();
    let good = fs::read_to_string(&page).unwrap();
    let verdict_of = |html: &str| {
        let path = root.path().join("changed.html");
        fs::write(&path, html).unwrap();
        let report = Report::open(&browser, &path);
        (report.verdict(), report.failed())
    };
    // The same bytes, packed anew, are as good as before: so what follows fails for what is in them.
    for name in ["checkpoint", "previous-checkpoint", "consistency.bin", "records.cbor", "proof.bin"] {
        let bytes = fs::read(package.join(name)).unwrap();
        assert_eq!(
            verdict_of(&with_block(&good, name, &packed(&bytes))),
            ("unconfirmed".into(), vec![]),
            "{name}"
        );
        for place in [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            expect_refused(
                &verdict_of(&with_block(&good, name, &packed(&changed))),
                &format!("{name} at {place}"),
            );
        }
        for changed in [&bytes[..bytes.len() - 1], &[&bytes[..], b"\n"].concat(), b""] {
            expect_refused(
                &verdict_of(&with_block(&good, name, &packed(changed))),
                &format!("{name} of {}", changed.len()),
            );
        }
        for block in ["", "AAAA", "no base64", &packed(&bytes)[4..]] {
            expect_refused(&verdict_of(&with_block(&good, name, block)), &format!("{name} as {block:.9}"));
        }
    }
    statements(&good, &verdict_of);
}

/// A change to what a block of JSON says.
type Change = fn(&mut Value);

/// What the package and the page say of themselves, changed.
fn statements(good: &str, verdict_of: &dyn Fn(&str) -> (String, Vec<String>)) {
    let changes: [(&str, Change); 8] = [
        ("count", |json| json["count"] = 12.into()),
        ("range", |json| json["range"]["end"] = 16.into()),
        ("root", |json| json["checkpoint"]["root"] = "00".repeat(32).into()),
        ("previous", |json| json["previous"]["size"] = 4.into()),
        ("filters", |json| json["filters"] = json!({"kind": "scan"})),
        ("redaction", |json| json["redaction"] = json!({"rule": "keep", "claims": [], "profile": null})),
        ("digest", |json| json["files"][0]["sha256"] = "00".repeat(32).into()),
        ("unknown member", |json| json["more"] = Value::Null),
    ];
    for (what, change) in changes {
        expect_refused(&verdict_of(&with_json(good, "statement", change)), what);
    }
}

/// Neither is an empty range true of one entry, nor one that ends before it starts.
#[test]
fn a_page_that_claims_an_empty_range_is_refused() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let page = Evidence::of_promotions(root.path(), 2).export(&["--end", "1"]);
    let good = fs::read_to_string(&page).unwrap();
    let changes: [(&str, Change); 2] = [
        ("empty", |json| json["range"] = json!({"start": 0, "end": 0})),
        ("reversed", |json| json["range"] = json!({"start": 1, "end": 0})),
    ];
    for (what, change) in changes {
        let changed = root.path().join("changed.html");
        fs::write(&changed, with_json(&good, "statement", change)).unwrap();
        let report = Report::open(&browser, &changed);
        let got = (report.verdict(), report.failed());
        assert_eq!(got, ("not proven".into(), vec!["completeness".into()]), "{what}");
    }
}

/// What the page counts, changed: every number and every row of what it counts again, and the form of the rest.
#[test]
fn a_page_that_miscounts_is_refused() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let mut refused = promotion("=refused");
    refused["claims"]["decision"] = json!({"outcome": "deny"});
    refused["claims"]["approvals"] = json!({"absent": "not_recorded"});
    let evidence = Evidence::new(root.path(), &[promotion("=a"), refused, promotion("=b")]);
    let evidence = evidence.with_attested(&promotion("=c"), &[("gate", gate("deny"))]);
    let hidden = ["--hide", "submitted.exception", "--hide", "submitted.run"];
    let good = fs::read_to_string(evidence.export(&hidden)).unwrap();
    let changed = root.path().join("changed.html");
    let judged = |html: &str| {
        fs::write(&changed, html).unwrap();
        let report = Report::open(&browser, &changed);
        (report.verdict(), report.failed())
    };
    assert_eq!(judged(&with_json(&good, "page", |_| {})), ("unconfirmed".into(), vec![]));
    for (what, change) in MISCOUNTS {
        let got = judged(&with_json(&good, "page", |json| change(&mut json["summary"])));
        assert_eq!(got, ("not proven".into(), vec!["summary".into()]), "{what}");
    }
}

const MISCOUNTS: [(&str, Change); 32] = [
    ("count", |summary| summary["count"] = 6.into()),
    ("first time", |summary| add(&mut summary["first_ms"], -1)),
    ("last time", |summary| add(&mut summary["last_ms"], 1)),
    ("count of a kind", |summary| add(&mut summary["kinds"][0]["count"], -1)),
    ("a kind twice", |summary| twice(&mut summary["kinds"])),
    ("a kind that isn't there", |summary| more(&mut summary["kinds"], json!({"value": "scan", "count": 0}))),
    ("a kind that is left out", |summary| less(&mut summary["kinds"])),
    ("count of a decision", |summary| add(&mut summary["decisions"][1]["count"], 1)),
    ("a decision twice", |summary| twice(&mut summary["decisions"])),
    ("a decision that is left out", |summary| less(&mut summary["decisions"])),
    ("decisions that push one out", |summary| {
        less(&mut summary["decisions"]);
        pad(&mut summary["decisions"], 100);
    }),
    ("more decisions than there can be", |summary| pad(&mut summary["decisions"], 101)),
    ("count of a gate's decision", |summary| add(&mut summary["gates"][0]["count"], 1)),
    ("a gate's decision that is left out", |summary| less(&mut summary["gates"])),
    ("a submitter's decision as a gate's", |summary| {
        let submitted = summary["decisions"].as_array_mut().unwrap().pop().unwrap();
        more(&mut summary["gates"], submitted);
    }),
    ("approvals by people", |summary| add(&mut summary["approval"]["by_people"], 1)),
    ("approvals that are not resolved", |summary| add(&mut summary["approval"]["unresolved"], 1)),
    ("no approvals", |summary| summary["approval"] = json!({})),
    ("a hidden claim twice", |summary| twice(&mut summary["hidden"])),
    ("a hidden claim that is left out", |summary| less(&mut summary["hidden"])),
    ("another hidden claim", |summary| summary["hidden"][0]["value"] = "submitted.model".into()),
    ("count of an absent claim", |summary| add(&mut summary["absent"][0]["count"], 1)),
    ("the reason of an absent claim", |summary| summary["absent"][0]["reason"] = "withheld".into()),
    ("an absent claim twice", |summary| twice(&mut summary["absent"])),
    ("an absent claim that is left out", |summary| less(&mut summary["absent"])),
    ("a time", |summary| add(&mut summary["timeline"]["start_ms"], -1)),
    ("wider bars", |summary| summary["timeline"]["width_ms"] = 2000.into()),
    ("a bar", |summary| add(&mut summary["timeline"]["rows"][0]["counts"][0], 1)),
    ("more bars", |summary| {
        let rows = summary["timeline"]["rows"].as_array_mut().unwrap();
        rows.iter_mut().for_each(|row| more(&mut row["counts"], 0.into()));
    }),
    ("a kind without bars", |summary| less(&mut summary["timeline"]["rows"])),
    ("a model twice", |summary| twice(&mut summary["models"]["top"])),
    ("more environments than there can be", |summary| pad(&mut summary["environments"]["top"], 13)),
];

fn add(number: &mut Value, more: i64) {
    *number = (number.as_i64().unwrap() + more).into();
}

fn more(rows: &mut Value, row: Value) {
    rows.as_array_mut().unwrap().push(row);
}

fn less(rows: &mut Value) {
    rows.as_array_mut().unwrap().pop().unwrap();
}

fn twice(rows: &mut Value) {
    let first = rows[0].clone();
    rows.as_array_mut().unwrap().insert(0, first);
}

/// Rows of values that nobody recorded, as many times as they were, which is never.
fn pad(rows: &mut Value, length: usize) {
    for number in rows.as_array().unwrap().len()..length {
        more(rows, json!({"value": format!("value {number}"), "count": 0}));
    }
}

/// Who forges what a page says of its package, and has that package's real files chosen there, gets no verdict beside it.
#[test]
fn nothing_that_a_forged_page_says_stands_beside_real_files() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 6);
    let page = evidence.export(&["--kind", "promotion"]);
    let files = files_in(page.parent().unwrap());
    let good = fs::read_to_string(&page).unwrap();
    let judged = |html: &str| {
        let changed = root.path().join("changed.html");
        fs::write(&changed, html).unwrap();
        let report = Report::open(&browser, &changed);
        report.check_with(&evidence.vkey);
        report.choose(&files);
        report
    };
    // The same, written otherwise, is the same.
    let spelled_otherwise = |json: &mut Value| json["files"].as_array_mut().unwrap().reverse();
    let report = judged(&with_json(&good, "statement", spelled_otherwise));
    assert_eq!((report.verdict(), says_its_own(&browser)), ("verified".into(), true));
    assert!(has_passed(&report, "summary"), "{}", report.checks());

    let forgeries: [(&str, Change); 9] = [
        ("filters", |json| json["filters"] = json!({})),
        ("range", |json| json["range"] = json!({"start": 1, "end": 7})),
        ("both", |json| {
            json["filters"] = json!({});
            json["range"] = json!({"start": 0, "end": 6});
        }),
        ("digest of the records", |json| {
            let files = json["files"].as_array_mut().unwrap();
            let records = files.iter_mut().find(|file| file["name"] == "records.cbor").unwrap();
            records["sha256"] = "00".repeat(32).into();
        }),
        ("count", |json| json["count"] = 600.into()),
        ("size of the log", |json| json["checkpoint"]["size"] = 6.into()),
        ("redaction", |json| {
            json["redaction"] = json!({"rule": "profile", "claims": [], "profile": "public"})
        }),
        ("tool", |json| json["tool"] = "audited 1.0".into()),
        ("unreadable", |json| json["more"] = Value::Null),
    ];
    for (what, forge) in forgeries {
        let report = judged(&with_json(&good, "statement", forge));
        // The files are what they are, and are judged as SPEC.md says: without the counts of any page.
        assert_eq!((report.verdict(), report.failed()), ("verified".into(), vec![]), "{what}");
        assert!(!has_passed(&report, "summary"), "{what}: {}", report.checks());
        assert!(!says_its_own(&browser), "{what}: the page goes on saying what it said");
        let about = browser.script("return document.getElementById('about').innerText", &[]);
        assert!(about.as_str().unwrap().contains("kind promotion"), "{what}: {about}");
    }
    report.picture("another", ".cover");
    report.expect_quiet();

    // A page that says the truth of its package and miscounts its records fails by them.
    let miscount = |json: &mut Value| json["summary"]["approval"]["by_people"] = 600.into();
    let report = judged(&with_json(&good, "page", miscount));
    assert_eq!((report.verdict(), report.failed()), ("not proven".into(), vec!["summary".into()]));
}

/// Files of another package, and then those of the page's own.
#[test]
fn a_page_speaks_of_its_own_package_only() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 6);
    let page = evidence.export(&[]);
    let part = evidence.export_as("part", &["--start", "2"]);
    let report = Report::open(&browser, &page);
    report.check_with(&evidence.vkey);
    assert!(says_its_own(&browser));
    for (package, own) in [(&part, false), (&page, true), (&part, false)] {
        report.choose(&files_in(package.parent().unwrap()));
        assert_eq!((report.verdict(), says_its_own(&browser)), ("verified".into(), own));
        assert_eq!(has_passed(&report, "summary"), own);
    }
    report.choose(&[root.path().join("trust")]);
    assert_eq!((report.verdict(), says_its_own(&browser)), ("malformed".into(), false));
    report.expect_quiet();
}

/// Whether the page shows what it says of its own package: all of it, or nothing and a sentence that says why.
fn says_its_own(browser: &Browser) -> bool {
    let seen = |selector: &str| {
        let body = "return document.querySelector(arguments[0]).checkVisibility()";
        browser.script(body, &[selector.into()]).as_bool().unwrap()
    };
    let own = ["#lead", "#plain", "#timeline", "#gaps", "#controls", "nav a[href='#plain']"].map(seen);
    let title = browser.script("return document.title", &[]);
    let is_own = own[0];
    assert_eq!(own[1..], [is_own; 5], "all of it, or nothing");
    assert_eq!(seen("#another"), !is_own);
    assert_eq!(title.as_str().unwrap().starts_with("Evidence from "), is_own, "{title}");
    is_own
}

fn has_passed(report: &Report<'_>, check: &str) -> bool {
    report.checks().as_array().unwrap().contains(&json!({"name": check, "status": "pass"}))
}

/// A page with a block of JSON changed.
pub fn with_json(html: &str, id: &str, change: impl Fn(&mut Value)) -> String {
    let (start, end) = block_of(html, &format!("id=\"{id}\""));
    let mut json: Value = serde_json::from_str(&html[start..end]).unwrap();
    change(&mut json);
    [&html[..start], &json.to_string().replace('<', "\\u003c"), &html[end..]].concat()
}

fn expect_refused((verdict, failed): &(String, Vec<String>), what: &str) {
    assert!(!["verified", "unconfirmed", "working"].contains(&verdict.as_str()), "{what}: {verdict}");
    assert!(!failed.is_empty(), "{what}: {verdict}, and no check says why");
}

/// Where the content of the data block with this attribute starts and ends.
fn block_of(html: &str, attribute: &str) -> (usize, usize) {
    let start = html.find(attribute).unwrap_or_else(|| panic!("no block with {attribute}"));
    let start = start + html[start..].find('>').unwrap() + 1;
    (start, start + html[start..].find("</script>").unwrap())
}

/// A page with other content in the data block of this file.
pub fn with_block(html: &str, name: &str, base64: &str) -> String {
    let (start, end) = block_of(html, &format!("data-file=\"{name}\""));
    [&html[..start], base64, &html[end..]].concat()
}

/// A file's bytes as a page holds them.
pub fn packed(bytes: &[u8]) -> String {
    Base64::encode_string(&packages::zip::deflate_stored(bytes, 1000))
}
