//! What a report shows beside its verdict, and what its reader said to it: nothing of it claims more than was found.

use super::driver::Browser;
use super::evidence::Evidence;
use super::forged::with_json;
use super::report::Report;
use crate::support::{folder, promotion, repository};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

/// A browser may put into a page what was put into the one before: that the fingerprint was compared isn't true of it.
#[test]
fn a_confirmation_is_of_one_page_and_one_visit() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let [one, other] = ["one", "other"].map(|name| Evidence::of_promotions(&root.path().join(name), 2));
    let place = root.path().join("report.html");
    let put = |evidence: &Evidence, name| fs::copy(evidence.export_as(name, &[]), &place).unwrap();
    put(&one, "first");
    let report = Report::open(&browser, &place);
    report.confirm_fingerprint();
    assert_eq!(report.verdict(), "verified");
    browser.reload();
    expect_unconfirmed(&browser, &report, "loaded again");

    report.confirm_fingerprint();
    put(&other, "second");
    browser.reload();
    expect_unconfirmed(&browser, &report, "another page in its place");

    report.confirm_fingerprint();
    assert_eq!(report.verdict(), "verified");
    Report::open(&browser, &one.export_as("third", &[]));
    browser.back();
    expect_unconfirmed(&browser, &report, "come back to");

    // A key of the reader's own takes the place of what was confirmed, and leaves nothing behind.
    report.confirm_fingerprint();
    report.check_with(&other.vkey);
    assert_eq!(report.verdict(), "verified");
    report.check_with("");
    expect_unconfirmed(&browser, &report, "without the reader's key");
}

fn expect_unconfirmed(browser: &Browser, report: &Report<'_>, what: &str) {
    report.until_done();
    let checked = browser.script("return document.getElementById('fingerprint-confirmed').checked", &[]);
    assert_eq!((report.verdict(), checked), ("unconfirmed".into(), false.into()), "{what}");
}

/// An approval that is only referred to is looked for, and found where its leaf hash is the one that is named.
#[test]
fn a_reference_leads_to_the_entry_that_it_names_and_to_no_other() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let approval = fs::read(repository().join("docs/examples/approval.json")).unwrap();
    let evidence = Evidence::new(root.path(), &[serde_json::from_slice(&approval).unwrap(), promotion("=a")]);
    let (approval, other) = (evidence.leaf_hash(1), evidence.leaf_hash(2));
    let references = json!([
        {"index": 1, "leaf_hash": approval},
        {"index": 1, "leaf_hash": other},
        {"index": 2, "leaf_hash": other},
        {"index": 900, "leaf_hash": other},
        {"index": 1, "leaf_hash": approval, "origin": "example.com/another"},
    ]);
    let mut referring = promotion("=b");
    referring["claims"]["approvals"] = references;
    let evidence = evidence.with_unchecked(&referring);
    let report = Report::open(&browser, &evidence.export(&[]));
    assert_eq!(report.verdict(), "not proven", "{}", report.checks());
    let approvals = "Array.from(document.querySelectorAll('.record[data-index=\"3\"] > .facts > dt'))\
                     .find(dt => dt.textContent === 'Approvals').nextSibling";
    let shown = browser.script(
        &format!("return Array.from({approvals}.querySelectorAll('li'), item => [item.textContent.split('leaf hash ')[0], \
                  item.querySelector('[data-entry]')?.dataset.entry ?? null])"),
        &[],
    );
    let another = "names entry 1 with another leaf hash than this log has there";
    let text = shown[1][0].as_str().unwrap();
    assert!(another.starts_with(text) && !text.is_empty(), "{shown}");
    let whole = browser.script(&format!("return {approvals}.textContent"), &[]);
    assert!(whole.as_str().unwrap().contains(another), "{whole}");
    let apart = |index: u64| {
        format!("names entry {index}, which is not in this package, so it can’t be followed here")
    };
    let expected = [
        (0, json!(["entry 1", "1"])),
        (2, json!(["entry 2, of the kind promotion", "2"])),
        (3, json!([apart(900), null])),
        (4, json!(["names entry 1 of the log example.com/another, which can’t be followed here", null])),
    ];
    for (place, expected) in expected {
        assert_eq!(shown[place], expected, "{shown}");
    }
    assert_eq!(shown[1][1], Value::Null, "a link to an entry that isn't the one that is named");
    report.picture("references", ".record[data-index=\"3\"]");
    // The one promotion states an approval beside a reference; none of the other's leads to one of its subject.
    assert_eq!(approvals_of_promotions(&browser), json!(["1", "1", "0", "0", "0"]));
    report.expect_quiet();
}

/// Numbers of the table that says how promotions were approved.
fn approvals_of_promotions(browser: &Browser) -> Value {
    browser.script(
        "const table = Array.from(document.querySelectorAll('#plain table'))\
             .find(table => table.caption.textContent === 'Approvals of promotions');\
         return Array.from(table.tBodies[0].rows, row => row.cells[1].textContent)",
        &[],
    )
}

/// The page counts again what the exporter counted: promotions by whether their references lead to an approval of the same
/// subject that is here.
#[test]
fn approvals_that_are_referred_to_are_counted_by_what_is_here() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let example = |kind: &str| -> Value {
        let example = fs::read(repository().join(format!("docs/examples/{kind}.json"))).unwrap();
        serde_json::from_slice(&example).unwrap()
    };
    let mut other = example("approval");
    other["claims"]["subject"][0]["digest"]["gitCommit"] = "00".repeat(20).into();
    let mut evidence = Evidence::new(root.path(), &[example("approval"), other, example("promotion")]);
    let to = |index: u64| json!({"index": index, "leaf_hash": evidence.leaf_hash(index)});
    let lists = [
        json!([to(1)]),
        json!([to(2)]),
        json!([to(2), to(1)]),
        json!([{"index": 1, "leaf_hash": evidence.leaf_hash(1), "origin": "example.com/another"}]),
        json!([]),
        json!({"absent": "not_recorded"}),
    ];
    for approvals in lists {
        let mut referring = example("promotion");
        referring["claims"]["approvals"] = approvals;
        evidence = evidence.with_unchecked(&referring);
    }
    for (name, arguments, counted) in [
        ("all", &[][..], json!(["3", "2", "1", "0", "1"])),
        ("promotions", &["--kind", "promotion"], json!(["1", "4", "1", "0", "1"])),
        ("without-subjects", &["--hide", "submitted.subject"], json!(["1", "4", "1", "0", "1"])),
        ("without-approvals", &["--hide", "submitted.approvals"], json!(["0", "0", "0", "7", "0"])),
    ] {
        let page = evidence.export_as(name, arguments);
        let report = Report::open(&browser, &page);
        report.check_with(&evidence.vkey);
        assert_eq!(
            (report.verdict(), approvals_of_promotions(&browser)),
            ("verified".into(), counted),
            "{name}"
        );
        let checks = report.checks();
        let passes = |check: &Value| check["name"] == "summary" && check["status"] == "pass";
        assert!(checks.as_array().unwrap().iter().any(passes), "{name}: {checks}");
        report.picture(&format!("approvals-{name}"), "#plain");
        report.expect_quiet();
    }
}

/// What is said of every entry is said of those that are here; addresses stand there as they are; and of numbers that the
/// page doesn't count again it says so.
#[test]
fn what_is_not_known_of_a_selection_is_said() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 3);
    for (name, arguments, selected) in [
        ("all", &[][..], false),
        ("range", &["--start", "2"], false),
        ("kind", &["--kind", "promotion"], true),
    ] {
        let report = Report::open(&browser, &evidence.export_as(name, arguments));
        let notice = browser.script("return document.getElementById('controls-selected') !== null", &[]);
        assert_eq!(notice, selected, "{name}");
        let links = "Array.from(document.querySelectorAll('a:not([href^=\"#\"])'))";
        let hidden = format!(
            "return {links}.filter(link => link.textContent !== link.href).map(link => link.outerHTML)"
        );
        assert_eq!(browser.script(&hidden, &[]), json!([]), "{name}: an address behind other words");
        assert_ne!(
            browser.script(&format!("return {links}.length"), &[]),
            0,
            "{name}: no addresses to look at"
        );
        let uncounted = "return Array.from(document.querySelectorAll('#plain h3, #controls h2'))\
            .filter(title => !title.parentElement.querySelector('.aside').textContent.includes('not counted again here'))\
            .map(title => title.textContent)";
        let uncounted = browser.script(uncounted, &[]);
        let first = browser.script(
            "return Array.from(document.querySelectorAll('#controls > .aside'), aside => aside.textContent)",
            &[],
        );
        assert_eq!(uncounted, json!([]), "{name}");
        assert_eq!(first, json!(["Counted by the maker’s program, not counted again here."]), "{name}");
        report.picture(&format!("controls-{name}"), "#controls");
        report.expect_quiet();
    }
}

/// Whatever a timeline's length and the form of its dates, its labels stand apart.
#[test]
fn labels_of_a_timeline_stand_apart() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let good = fs::read_to_string(Evidence::of_promotions(root.path(), 1).export(&[])).unwrap();
    let place = root.path().join("changed.html");
    // Bars of a second, an hour, a day, and of the years in which dates are longest.
    let widths_ms = [1000, 3_600_000, 86_400_000, 1000_u64 << 37];
    let mut touching = Vec::new();
    for length in 1..=61 {
        let widths_ms = BTreeSet::from([widths_ms[length % widths_ms.len()], widths_ms[0]]);
        for width_ms in widths_ms {
            let timeline = json!({"start_ms": 1_790_000_000_000_u64, "width_ms": width_ms,
                "rows": [{"value": "promotion", "counts": vec![10_000_000; length]}]});
            let html = with_json(&good, "page", |json| json["summary"]["timeline"] = timeline.clone());
            fs::write(&place, html).unwrap();
            Report::open(&browser, &place);
            let labels = browser.script(
                "return Array.from(document.querySelectorAll('#timeline text'), text => { \
                 const {left, right, top, bottom} = text.getBoundingClientRect(); return [left, right, top, bottom]; })",
                &[],
            );
            let labels: Vec<[f64; 4]> = serde_json::from_value(labels).unwrap();
            assert!(labels.len() >= 4, "{length} bars of {width_ms} ms: {} labels", labels.len());
            let touch = |a: &[f64; 4], b: &[f64; 4]| a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];
            let pairs = labels.iter().enumerate().flat_map(|(n, a)| labels[..n].iter().map(move |b| (a, b)));
            if pairs.into_iter().any(|(a, b)| touch(a, b)) {
                touching.push((length, width_ms));
            }
        }
    }
    assert!(touching.is_empty(), "bars, and ms of each: {touching:?}");
}
