//! What references are evidence of: only what they lead to among the entries that were given.

use crate::support::{Daemon, folder, promotion, provlog, repository, stderr, stdout};
use crate::vectors::forge::{Forge, ORIGIN, TIME_MS, log_signer};
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::record::{Record, Section, SectionName};
use provlog_core::submission::Submission;
use provlog_core::trust::Trust;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn approval(subject: &str) -> Value {
    let example = fs::read(repository().join("docs/examples/approval.json")).unwrap();
    let mut submission: Value = serde_json::from_slice(&example).unwrap();
    submission["claims"]["subject"] = promotion(subject)["claims"]["subject"].clone();
    submission
}

fn approved(subject: &str, approvals: Value) -> Value {
    let mut submission = promotion(subject);
    submission["claims"]["approvals"] = approvals;
    submission
}

fn record(submission: &Value) -> Record {
    let submission = Submission::parse(submission.to_string().as_bytes()).unwrap();
    let kind = submission.kind().kind;
    let mut salts = (1..).map(|salt| [salt; 16]);
    let submitted = submission.with_salts(|| salts.next().unwrap()).unwrap().seal().unwrap();
    let attested = Section::default();
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(TIME_MS).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

fn to(index: u64, record: &Record) -> Value {
    json!({"index": index, "leaf_hash": record.entry.leaf_hash().to_hex()})
}

/// A receipt in a tree of its own, so that no two are compared.
fn receipt(root: &Path, index: u64, record: &Record) -> String {
    let name = format!("{index}.tlog-proof");
    let forge = Forge::new(record.entry.leaf_hash(), record.to_bytes(), index, index + 10);
    fs::write(root.join(&name), forge.receipt()).unwrap();
    name
}

#[test]
fn an_approval_that_is_referred_to_counts_only_where_it_is_given_and_is_of_the_same_subject() {
    let root = folder();
    fs::write(root.path().join("trust"), Trust::text_for(log_signer(ORIGIN).verifier(), None)).unwrap();
    let (one, other) = (record(&approval("a")), record(&approval("b")));
    let scan = record(
        &serde_json::from_slice(&fs::read(repository().join("docs/examples/scan.json")).unwrap()).unwrap(),
    );
    let elsewhere = json!({"index": 1, "leaf_hash": "11".repeat(32), "origin": "example.com/another"});
    let given = [(1, one.clone()), (2, other.clone()), (3, scan.clone())];
    let given = given.map(|(index, record)| receipt(root.path(), index, &record));
    let evidence = |reference: &Value, beside: &[&str]| {
        let promotion = receipt(root.path(), 5, &record(&approved("a", json!([reference]))));
        let arguments = [&["crosswalk", "evidence"], beside, &[&promotion, "--trust", "trust"]].concat();
        let output = provlog(root.path(), &arguments);
        let found = stdout(&output);
        let line = found.lines().find_map(|line| line.trim().strip_prefix("promotion-approved: "));
        (output.status.code(), line.unwrap_or_default().to_string() + &stderr(&output))
    };
    let [first, second, third] = given.each_ref().map(String::as_str);
    for (reference, beside, expected) in [
        (to(1, &one), &[first][..], "present; fit: 1 (entries 5)"),
        (to(1, &one), &[], "none; not resolved: 1 (entries 5)"),
        (to(1, &one), &[second, third], "none; not resolved: 1 (entries 5)"),
        (to(2, &other), &[first, second], "none; don't: 1 (entries 5)"),
        (elsewhere, &[first], "none; not resolved: 1 (entries 5)"),
    ] {
        assert_eq!(evidence(&reference, beside), (Some(0), expected.into()));
    }
    for (reference, beside, fault) in [
        (to(1, &other), first, "approvals of entry 5: entry 1 has another leaf hash"),
        (to(3, &scan), third, "approvals of entry 5: entry 3 is of kind scan"),
        (to(5, &one), first, "approvals of entry 5: entry 5 does not come before it"),
    ] {
        let (exit, said) = evidence(&reference, &[beside]);
        assert!(exit == Some(3) && said.contains(fault), "{exit:?}: {said}");
    }
    // Receipts come in any order.
    let promotion = receipt(root.path(), 5, &record(&approved("a", json!([to(1, &one)]))));
    let output = provlog(root.path(), &["crosswalk", "evidence", &promotion, first, "--trust", "trust"]);
    assert!(
        stdout(&output).contains("promotion-approved: present; fit: 1 (entries 5)"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_page_counts_approvals_by_what_their_references_lead_to() {
    let root = folder();
    let daemon = Daemon::start(&root.path().join("data"));
    let append = |submission: &Value| {
        let answer = daemon.post("/v1/entries", submission.to_string().as_bytes()).expect(201).json();
        json!({"index": answer["index"], "leaf_hash": answer["leaf_hash"]})
    };
    let (one, other) = (append(&approval("a")), append(&approval("b")));
    let elsewhere = json!({"index": 1, "leaf_hash": "11".repeat(32), "origin": "example.com/another"});
    let stated = json!({"approver": {"id": "dave"}, "method": "m"});
    for approvals in [
        json!([one]),
        json!([other]),
        json!([elsewhere]),
        json!([other, one]),
        json!([stated, other]),
        json!([]),
        json!({"absent": "not_recorded"}),
    ] {
        append(&approved("a", approvals));
    }
    fs::copy(daemon.trust(&root.path().join("data")), root.path().join("trust")).unwrap();
    for (name, arguments, by_people, unresolved, tallies) in [
        ("all", &[][..], 3, 2, [vec![3, 6, 7], vec![4, 8, 9], vec![5]]),
        ("kind", &["--kind", "promotion"], 1, 4, [vec![7], vec![8, 9], vec![3, 4, 5, 6]]),
        ("hidden", &["--hide", "submitted.approvals"], 0, 0, [vec![], vec![], vec![]]),
    ] {
        let export = ["export", "--url", &daemon.url, "--trust", "trust", "-o", name];
        let output = provlog(root.path(), &[&export, arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        let page = fs::read_to_string(root.path().join(name).join("report.html")).unwrap();
        let (_, page) = page.split_once("id=\"page\">").unwrap();
        let page: Value = serde_json::from_str(page.split_once("</script>").unwrap().0).unwrap();
        let approval = &page["summary"]["approval"];
        assert_eq!(
            (&approval["by_people"], &approval["unresolved"]),
            (&json!(by_people), &json!(unresolved))
        );
        let findings = page["controls"].as_array().unwrap().iter().flat_map(|framework| {
            let controls = framework["controls"].as_array().unwrap().iter();
            controls.flat_map(|control| control["findings"].as_array().unwrap())
        });
        let mut of_approval = findings.filter(|finding| finding["id"] == "promotion-approved");
        let finding = of_approval.next().unwrap();
        let found = ["met", "unmet", "unresolved"].map(|tally| finding[tally]["indices"].clone());
        assert_eq!(found, tallies.map(|indices| json!(indices)), "{name}");
        let verified = provlog(root.path(), &["verify", name, "--trust", "trust"]);
        assert_eq!(verified.status.code(), Some(0), "{name}: {}", stdout(&verified));
        assert!(stdout(&verified).contains("report.html is the page that"), "{name}: {}", stdout(&verified));
        let asked = stdout(&provlog(root.path(), &["crosswalk", "evidence", name, "--trust", "trust"]));
        let unresolved = ["not resolved: 1 (entries 5)", "not resolved: 4 (entries 3, 4, 5, 6)"];
        let expected = unresolved.iter().filter(|text| asked.contains(*text)).count();
        assert_eq!(expected, usize::from(name != "hidden"), "{name}: {asked}");
    }
}
