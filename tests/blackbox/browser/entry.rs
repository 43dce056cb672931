//! A page of the package of an entry, and pages that say otherwise than it is what is named and what is left out.

use super::driver::Browser;
use super::evidence::Evidence;
use super::forged::with_json;
use super::report::Report;
use crate::support::{folder, promotion, repository};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A log with two approvals, a promotion that refers to both, and one more promotion.
fn evidence(root: &Path) -> Evidence {
    let approval = fs::read(repository().join("docs/examples/approval.json")).unwrap();
    let approval: Value = serde_json::from_slice(&approval).unwrap();
    let evidence = Evidence::new(root, &[approval.clone(), approval]);
    let to = |index: u64| json!({"index": index, "leaf_hash": evidence.leaf_hash(index)});
    let mut referring = promotion("=a");
    referring["claims"]["approvals"] = json!([to(1), to(2)]);
    evidence.with_unchecked(&referring).with_unchecked(&promotion("=b"))
}

/// What a page's statement says of a package of this entry.
fn of_entry(good: &str, entry: u64, left_out: &Value) -> String {
    with_json(good, "statement", |json| {
        json["filters"] = json!({"entry": entry});
        json["range"] = Value::Null;
        json["left_out"] = left_out.clone();
    })
}

#[test]
fn what_an_entry_names_is_here_or_said_to_be_left_out() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = evidence(root.path());
    let export = |name, arguments: &[&str]| fs::read_to_string(evidence.export_as(name, arguments)).unwrap();
    let whole = export("whole", &["--start", "1", "--end", "4"]);
    let part = export("part", &["--start", "2", "--end", "4"]);
    let hidden = export("hidden", &["--start", "3", "--end", "4", "--hide", "submitted.approvals"]);
    let own = export("own", &["--start", "3", "--end", "4", "--hide", "submitted.x-change-window"]);
    let changed = root.path().join("changed.html");
    let open = |html: &str| {
        fs::write(&changed, html).unwrap();
        let report = Report::open(&browser, &changed);
        report.check_with(&evidence.vkey);
        report
    };
    let text = |selector: &str| {
        let text =
            browser.script("return document.querySelector(arguments[0]).innerText", &[selector.into()]);
        text.as_str().unwrap().to_string()
    };
    let left_out = |entries: &[u64]| json!({"count": entries.len(), "entries": entries});
    let not_known = "Claims are hidden that could name more entries";

    for (what, html, said, left, unknown) in [
        ("all is here", &whole, left_out(&[]), None, false),
        ("one is left out", &part, left_out(&[1]), Some("1 entry that is named here is left out: 1"), false),
        ("both are left out", &own, left_out(&[1, 2]), Some("are left out: 1, 2"), false),
        ("a hidden claim names nothing", &hidden, left_out(&[]), None, true),
    ] {
        let report = open(&of_entry(html, 3, &said));
        assert_eq!((report.verdict(), report.failed()), ("verified".into(), vec![]), "{what}");
        let checks = report.checks();
        let checks = checks.as_array().unwrap();
        for check in ["filters", "summary"] {
            assert!(checks.contains(&json!({"name": check, "status": "pass"})), "{what}: {checks:?}");
        }
        assert!(checks.contains(&json!({"name": "completeness", "status": "skip"})), "{what}: {checks:?}");
        let (verdict, about) = (text("#verdict"), text("#about"));
        assert_eq!(verdict.contains("Not all that the entry leads to is here"), left.is_some(), "{verdict}");
        if let Some(left) = left {
            assert!(verdict.contains(left) && about.contains(left), "{what}: {verdict}\n{about}");
        }
        assert_eq!(verdict.contains(not_known), unknown, "{what}: {verdict}");
        assert!(about.contains("entry 3, with what it names"), "{what}: {about}");
        report.picture(&format!("entry {what}"), "#genuine");
        report.expect_quiet();
    }
}

/// No page says of an entry's package what its records don't.
#[test]
fn a_page_that_says_otherwise_what_is_left_out_is_refused() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = evidence(root.path());
    let export = |name, arguments: &[&str]| fs::read_to_string(evidence.export_as(name, arguments)).unwrap();
    let part = export("part", &["--start", "2", "--end", "4"]);
    let more = export("more", &["--start", "0", "--end", "4"]);
    let behind = export("behind", &["--start", "1"]);
    let changed = root.path().join("changed.html");
    let judged = |html: &str| {
        fs::write(&changed, html).unwrap();
        let report = Report::open(&browser, &changed);
        (report.verdict(), report.failed())
    };
    let left_out = |count: u64, entries: &[u64]| json!({"count": count, "entries": entries});
    for (what, html, entry, said) in [
        ("nothing is left out", &part, 3, left_out(0, &[])),
        ("another is left out", &part, 3, left_out(1, &[0])),
        ("more are left out", &part, 3, left_out(2, &[0, 1])),
        ("of the entry before", &part, 2, left_out(1, &[1])),
        ("one that none names", &more, 3, left_out(0, &[])),
        ("one behind the entry", &behind, 3, left_out(0, &[])),
        ("named by none behind it", &behind, 4, left_out(0, &[])),
    ] {
        let got = judged(&of_entry(html, entry, &said));
        assert_eq!(got, ("not proven".into(), vec!["filters".into()]), "{what}");
    }
    for (what, said) in [
        ("null", Value::Null),
        ("fewer entries than counted", left_out(1, &[])),
        ("more entries than counted", left_out(0, &[1])),
        ("descending", left_out(2, &[2, 1])),
        ("twice", left_out(2, &[1, 1])),
        ("more than there can be", left_out(65_537, &(0..1000).collect::<Vec<_>>())),
        ("one more member", json!({"count": 0, "entries": [], "more": 0})),
    ] {
        assert_eq!(judged(&of_entry(&part, 3, &said)).0, "malformed", "{what}");
    }
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("a range", |json| json["range"] = json!({"start": 2, "end": 4})),
        ("a filter beside it", |json| json["filters"]["kind"] = "promotion".into()),
        ("an unknown filter beside it", |json| json["filters"]["team"] = "a".into()),
        ("no filter", |json| json["filters"] = json!({})),
        ("the first version", |json| json["format"] = "provlog-export/v1".into()),
    ];
    let good = of_entry(&part, 3, &left_out(1, &[1]));
    assert_eq!(judged(&good), ("unconfirmed".into(), vec![]));
    for (what, change) in changes {
        assert_eq!(judged(&with_json(&good, "statement", change)).0, "malformed", "{what}");
    }
}

/// A filter that a later version may know is named, compared with nothing, and refuses nothing.
#[test]
fn a_filter_that_this_page_does_not_know_is_named_and_not_compared() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = evidence(root.path());
    let good = fs::read_to_string(evidence.export(&["--kind", "promotion"])).unwrap();
    let changed = root.path().join("changed.html");
    let judged = |filters: Value| {
        let html = with_json(&good, "statement", |json| json["filters"] = filters.clone());
        fs::write(&changed, html).unwrap();
        Report::open(&browser, &changed)
    };
    let report = judged(json!({"kind": "promotion", "team": {"name": ["a"]}}));
    assert_eq!((report.verdict(), report.failed()), ("unconfirmed".into(), vec![]));
    let filters = json!({"name": "filters", "status": "skip"});
    assert!(report.checks().as_array().unwrap().contains(&filters), "{}", report.checks());
    let about = browser.script("return document.getElementById('about').innerText", &[]);
    assert!(
        about.as_str().unwrap().contains("what this page doesn’t know and didn’t compare, called team"),
        "{about}"
    );
    report.expect_quiet();

    let report = judged(json!({"kind": "scan", "team": "a"}));
    assert_eq!((report.verdict(), report.failed()), ("not proven".into(), vec!["filters".into()]));
    for name in ["Team", "", "1st", "a-b", &"a".repeat(65)] {
        assert_eq!(judged(json!({name: "a"})).verdict(), "malformed", "{name:?}");
    }
    assert_eq!(judged(json!({"team": null})).verdict(), "malformed");
}
