//! What a report shows of what the log attests: its gate's decisions, never mistaken for a submitter's, and signatures that a
//! page doesn't check.

use super::driver::Browser;
use super::evidence::Evidence;
use super::report::Report;
use crate::packages::forge::{list, map, sha256};
use crate::support::{folder, promotion, repository};
use provlog_core::cbor;
use serde_json::{Value, json};
use std::fs;

/// What a log attests of a gate that had this outcome.
pub fn gate(outcome: &str) -> cbor::Value {
    let policy = map(&[("index", cbor::Value::Integer(0)), ("leaf_hash", cbor::Value::Bytes(vec![1; 32]))]);
    map(&[
        ("outcome", outcome.into()),
        ("policy", policy),
        ("as_of", cbor::Value::Integer(1)),
        ("at_ms", cbor::Value::Integer(1_790_000_000_000)),
        ("engine", "cedar/1".into()),
        ("determining", list(&[])),
        ("reasons", list(&["approval.missing".into()])),
    ])
}

/// Who decided is shown at each promotion and counted apart: a gate's decision as the log's word, a submitted one as its
/// submitter's, and none where the gate says nothing, whatever was submitted beside it.
#[test]
fn a_gate_decides_and_what_was_submitted_beside_it_does_not() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let mut refused = promotion("=refused");
    refused["claims"]["decision"]["outcome"] = "deny".into();
    let evidence = Evidence::new(root.path(), &[promotion("=submitted")])
        .with_attested(&promotion("=denied"), &[("gate", gate("deny"))])
        .with_attested(&promotion("=misfit"), &[("gate", gate("observed"))])
        .with_attested(&refused, &[("gate", gate("allow"))]);
    let by_submitter = ["allowed", "the submitter says so, and the log didn’t check it", "1"];
    let by_gate = "the log’s own gate decided so: attested by the log";
    let unknown = |count| ["not disclosed in this package", "nobody here", count];
    for (name, arguments, headlines, decisions) in [
        (
            "gates",
            &[][..],
            [
                "allowed, says the submitter",
                "refused by the log’s gate",
                "decision not disclosed",
                "allowed by the log’s gate",
            ],
            json!([["allowed", by_gate, "1"], ["refused", by_gate, "1"], unknown("1"), by_submitter]),
        ),
        (
            "gates-hidden",
            &["--hide", "attested.gate"],
            [
                "allowed, says the submitter",
                "decision not disclosed",
                "decision not disclosed",
                "decision not disclosed",
            ],
            json!([unknown("3"), by_submitter]),
        ),
    ] {
        let report = Report::open(&browser, &evidence.export_as(name, arguments));
        report.check_with(&evidence.vkey);
        assert_eq!((report.verdict(), report.failed()), ("verified".into(), vec![]), "{name}");
        for (index, headline) in (1..).zip(headlines) {
            let shown = text(&browser, &format!(".record[data-index=\"{index}\"] .headline"));
            assert_eq!(shown, format!("{headline} · production"), "{name}: entry {index}");
        }
        let rows = "const table = Array.from(document.querySelectorAll('#plain table'))\
                        .find(table => table.caption.textContent === 'Decisions about promotions');\
                    return Array.from(table.tBodies[0].rows, row => Array.from(row.cells, cell => cell.textContent))";
        assert_eq!(browser.script(rows, &[]), decisions, "{name}");
        let attested = text(&browser, ".record[data-index=\"2\"] > .facts");
        assert_eq!(attested.contains(by_gate), name == "gates", "{attested}");
        assert!(!attested.contains("scan passed"), "a reason of what was submitted beside it: {attested}");
        let submitted = text(&browser, ".record[data-index=\"1\"] > .facts");
        assert!(
            submitted.contains("scan passed") && !submitted.contains("attested by the log"),
            "{submitted}"
        );
        let coloured =
            "return Array.from(document.querySelectorAll('.outcome-word'), word => word.dataset.status)";
        let expected =
            if name == "gates" { json!(["", "deny", "", "allow"]) } else { json!(["", "", "", ""]) };
        assert_eq!(browser.script(coloured, &[]), expected, "the colour of an outcome is the log's word");
        report.picture(name, "#records");
        report.expect_quiet();
    }
}

/// Whose signatures weren't checked stands in the verdict, and with what they are; nothing of it where there are none.
#[test]
fn a_page_says_beside_its_verdict_which_signatures_it_does_not_check() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let plain = Evidence::of_promotions(&root.path().join("plain"), 2);
    assert!(!Report::open(&browser, &plain.export(&[])).names_signatures());

    let example = fs::read(repository().join("docs/examples/approval.json")).unwrap();
    let mut approval: Value = serde_json::from_slice(&example).unwrap();
    let evidence = Evidence::new(&root.path().join("approvals"), &[approval.clone()]);
    assert!(!Report::open(&browser, &evidence.export(&[])).names_signatures(), "nothing in it is signed");

    approval["claims"]["approval"]["statement"] = "provlog-approval/v9\nof a later version".into();
    let evidence = evidence.with_unchecked(&approval);
    let checks = list(&[map(&[("signer", "carol".into())])]);
    let token = map(&[("format", "oidc".into()), ("digest", sha256("token"))]);
    expect_unchecked(
        &browser,
        &evidence,
        "approvals",
        &[],
        ["people who approve (1 entry)", "provlog verify PACKAGE --roster FILE."],
    );
    let evidence = evidence
        .with_attested(&promotion("=a"), &[("approval_checks", checks), ("workload_evidence", token)]);
    let both = "signatures by a workload (1 entry) and by people who approve (2 entries)";
    let keys = "provlog verify PACKAGE --issuer-keys ISSUER=FILE --bundle DOMAIN=FILE --roster FILE.";
    expect_unchecked(&browser, &evidence, "both", &[], [both, keys]);
    let hidden = ["--hide", "attested.approval_checks", "--hide", "attested.workload_evidence"];
    expect_unchecked(&browser, &evidence, "hidden", &hidden, [both, keys]);
}

fn expect_unchecked(
    browser: &Browser,
    evidence: &Evidence,
    name: &str,
    arguments: &[&str],
    words: [&str; 2],
) {
    let report = Report::open(browser, &evidence.export_as(name, arguments));
    report.check_with(&evidence.vkey);
    assert_eq!(report.verdict(), "verified", "{name}: {}", report.checks());
    let verdict = text(browser, "#verdict");
    for words in words {
        assert!(report.names_signatures() && verdict.contains(words), "{name}: {verdict}");
    }
    report.picture(&format!("unchecked-{name}"), "#genuine");
    report.expect_quiet();
}

fn text(browser: &Browser, selector: &str) -> String {
    let text = browser.script("return document.querySelector(arguments[0]).textContent", &[selector.into()]);
    text.as_str().unwrap().into()
}
