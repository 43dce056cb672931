use super::evaluate::{ControlResult, Evaluator, INDICES_MAX, Status};
use super::load::{Crosswalk, CrosswalkError};
use super::query::Truth;
use super::*;
use crate::examples::{example, gate, gated, map, record_of};
use crate::show::exit::Exit;
use provlog_core::json::Json;
use provlog_core::record::{Section, SectionName};
use provlog_core::{Kind, Record};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The name of the log that the records are in.
pub(super) const ORIGIN: &str = "example.com/log";

const EXAMPLES: [&str; 6] = ["generation", "scan", "approval", "promotion", "policy", "event"];

/// The example of this kind, after an edit of its claims.
pub(super) fn edited(kind: &str, edit: impl FnOnce(&mut Value)) -> Record {
    let mut submission: Value = serde_json::from_str(&example(kind).to_string()).unwrap();
    edit(&mut submission["claims"]);
    record_of(&Json::parse(submission.to_string().as_bytes()).unwrap())
}

fn examples() -> Vec<Record> {
    EXAMPLES.iter().map(|kind| edited(kind, |_| ())).collect()
}

/// A log that has all the evidence: the examples with what they leave out, and a promotion that was refused.
fn complete() -> Vec<Record> {
    let mut records = examples();
    records[0] = edited("generation", |claims| claims["model"]["version"] = json!("2026-08-01"));
    records[2] = edited("approval", |claims| claims["intent"]["requester"] = json!({ "id": "bob" }));
    records.push(edited("promotion", |claims| {
        claims["decision"] = json!({ "outcome": "deny", "reasons": ["r"] })
    }));
    records
}

/// The same entries without a single claim.
fn stripped() -> Vec<Record> {
    let strip = |mut record: Record| {
        (record.submitted, record.attested) = (Section::default(), Section::default());
        record
    };
    complete().into_iter().map(strip).collect()
}

fn evaluate<'a>(crosswalk: &'a Crosswalk, records: &[Record]) -> Vec<ControlResult<'a>> {
    let mut evaluator = Evaluator::new(crosswalk, ORIGIN);
    for (index, record) in (1..).zip(records) {
        evaluator.add(index, record);
    }
    evaluator.finish().controls
}

/// A file with one framework of one control, which is looked up by one query.
pub(crate) fn one_query(query: &str) -> String {
    format!(
        "{HEAD}[[control]]\nid = \"O.1\"\ntitle = \"t\"\nevidence = [\"own\"]\nsupports = \"Supports a test.\"\n\
         [[evidence]]\nid = \"own\"\nlooks_for = \"l\"\n[evidence.query]\n{query}\n"
    )
}

const HEAD: &str = "format = 1\n[framework]\nid = \"own\"\nname = \"Own\"\nedition = \"1\"\nsource = \"s\"\nurl = \"https://example.com\"\nmapping = \"2026-11-24\"\n";

pub(super) fn with_own(text: &str) -> Result<Crosswalk, CrosswalkError> {
    Crosswalk::with_files(&[("own.toml".into(), text.into())])
}

/// Status of a query over records, and the numbers of entries that fit, don't, and can't be told.
fn asked(query: &str, records: &[Record]) -> (Status, [u64; 3]) {
    let crosswalk = with_own(&one_query(query)).unwrap();
    let results = evaluate(&crosswalk, records);
    let tallies = &results.last().unwrap().findings[0].tallies;
    let counts = [&tallies.met, &tallies.unmet, &tallies.undisclosed].map(|tally| tally.count);
    (results.last().unwrap().status, counts)
}

#[test]
fn every_framework_that_is_promised_is_there_with_its_edition() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let editions: Vec<(&str, &str)> = crosswalk
        .frameworks()
        .iter()
        .map(|framework| (framework.id.as_str(), framework.edition.as_str()))
        .collect();
    let expected = [
        ("nist-csf", "2.0"),
        ("nist-ai-rmf", "1.0"),
        ("nist-ssdf", "1.1"),
        ("owasp-agentic", "2026"),
        ("owasp-aisvs", "1.0"),
        ("csa-maestro", "v1"),
        ("eu-ai-act", "Regulation (EU) 2024/1689 as published on 12 July 2024"),
        ("iso-42001", "2023"),
        ("soc2", "2017, points of focus revised 2022"),
        ("slsa", "v1.2"),
        ("guidance", "reviewed on 30 May 2026"),
    ];
    assert_eq!(editions, expected);
    for framework in crosswalk.frameworks() {
        assert!(framework.url.starts_with("https://") && !framework.source.is_empty(), "{}", framework.id);
    }
    let used: BTreeSet<usize> =
        crosswalk.controls().iter().flat_map(|control| control.evidence.clone()).collect();
    assert!(used.into_iter().eq(0..crosswalk.evidence().len()), "every query is looked up by a control");
}

#[test]
fn rows_say_what_they_are_no_evidence_of() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let of = |framework: &str| {
        let place = crosswalk.frameworks().iter().position(|one| one.id == framework).unwrap();
        let rows = crosswalk.controls().iter().filter(move |control| control.framework == place);
        (&crosswalk.frameworks()[place], rows.collect::<Vec<_>>())
    };
    let (act, articles) = of("eu-ai-act");
    assert!(act.note.as_deref().unwrap().starts_with("Coding assistants are not high-risk as such."));
    for article in articles {
        assert!(article.supports.contains("where the system in question is high-risk"), "{}", article.id);
    }
    let (_, labels) = of("guidance");
    assert_eq!(
        (labels[0].id.as_str(), labels[0].official.join(" ")),
        ("A02", "owasp-agentic:ASI02 owasp-agentic:ASI03".into())
    );
    assert_eq!((labels[1].id.as_str(), labels[1].official.len()), ("MA-03", 3));
}

#[test]
fn a_log_that_has_the_evidence_is_found_to_have_all_of_it() {
    let crosswalk = Crosswalk::builtin().unwrap();
    for result in evaluate(&crosswalk, &complete()) {
        for finding in &result.findings {
            assert_eq!(finding.status, Status::Present, "{}: {:?}", finding.evidence.id, finding.tallies);
            assert!(finding.tallies.met.count > 0);
        }
        assert_eq!(result.status, Status::Present, "{} {}", result.framework.id, result.control.id);
    }
}

#[test]
fn a_log_that_has_none_of_it_is_found_to_have_none() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let mut genesis = stripped().remove(0);
    genesis.entry.kind = Kind::new(0).unwrap();
    for result in evaluate(&crosswalk, &[genesis]) {
        assert_eq!(result.status, Status::None, "{} {}", result.framework.id, result.control.id);
    }
    for result in evaluate(&crosswalk, &stripped()) {
        for finding in result.findings.iter().filter(|finding| finding.evidence.id != "entries") {
            assert_eq!(
                (finding.status, finding.tallies.met.count),
                (Status::None, 0),
                "{}",
                finding.evidence.id
            );
        }
    }
}

#[test]
fn each_claim_that_a_query_asks_for_is_needed() {
    let crosswalk = Crosswalk::builtin().unwrap();
    for evidence in crosswalk.evidence().iter().filter(|evidence| evidence.id != "entries") {
        let fits = |record: &Record| evidence.query.test(record) == Some(Truth::Met);
        let record = complete().into_iter().find(|record| fits(record)).unwrap();
        let mut needed = 0;
        for section in SectionName::ALL {
            for (name, _) in record.section(section).iter() {
                let others = record.section(section).iter().filter(|(other, _)| *other != name);
                let others = others.map(|(other, claim)| (other.to_string(), claim.clone())).collect();
                let mut less = record.clone();
                *less.section_mut(section) = Section::from_claims(others).unwrap();
                needed += usize::from(!fits(&less));
            }
        }
        assert!(needed > 0, "{}: fits without any one claim", evidence.id);
    }
}

#[test]
fn a_hidden_claim_is_never_evidence_and_never_a_lack_of_it() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let mut undisclosed = 0;
    for record in complete().into_iter().chain(stripped()).chain(examples()) {
        for section in SectionName::ALL {
            let names: Vec<String> = record.section(section).iter().map(|(name, _)| name.into()).collect();
            for name in names {
                let mut hidden = record.clone();
                hidden.section_mut(section).hide(&name);
                for evidence in crosswalk.evidence() {
                    let (before, after) = (evidence.query.test(&record), evidence.query.test(&hidden));
                    undisclosed += usize::from(after == Some(Truth::Undisclosed));
                    assert!(
                        after == before || after == Some(Truth::Undisclosed),
                        "{} without {name}",
                        evidence.id
                    );
                }
            }
        }
    }
    assert!(undisclosed > 0);
}

#[test]
fn what_is_stated_as_absent_shows_as_missing() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let results = evaluate(&crosswalk, &examples());
    let result = |id: &str| results.iter().find(|result| result.control.id == id).unwrap();
    // The example names no version of its model, and an approval without a requester.
    let fields = &result("AC.10.1").findings[0];
    assert_eq!((fields.status, fields.tallies.unmet.indices.as_slice()), (Status::None, [1].as_slice()));
    assert_eq!(result("AC.4.1").status, Status::Partial);
    assert_eq!(result("AC.7.3").findings[0].tallies.met.indices, [4]);
}

#[test]
fn every_and_where_decide_which_entries_count() {
    let promotion = |outcome: &str, approvals: Value| {
        edited("promotion", |claims| {
            claims["decision"]["outcome"] = json!(outcome);
            claims["approvals"] = approvals;
        })
    };
    let given = json!([{ "approver": { "id": "dave" }, "method": "m" }]);
    let records = [
        promotion("allow", given.clone()),
        promotion("allow", json!([])),
        promotion("allow", json!({ "absent": "not_recorded" })),
        promotion("deny", json!([])),
    ];
    let every = "kind = [\"promotion\"]\nevery = true\nhas = [\"submitted.approvals\"]";
    let allowed = "\nwhere = [{ path = \"submitted.decision.outcome\", equals = \"allow\" }]";
    assert_eq!(asked(every, &records), (Status::Partial, [1, 3, 0]));
    assert_eq!(asked(&format!("{every}{allowed}"), &records), (Status::Partial, [1, 2, 0]));
    assert_eq!(asked(&format!("{every}{allowed}"), &records[..1]), (Status::Present, [1, 0, 0]));
    assert_eq!(asked(&format!("{every}{allowed}"), &records[3..]), (Status::None, [0, 0, 0]));
    let any = every.replace("every = true\n", "");
    assert_eq!(asked(&any, &records), (Status::Present, [1, 3, 0]));
    let mut hidden = records[0].clone();
    hidden.submitted.hide("decision");
    assert_eq!(
        asked(&format!("{every}{allowed}"), &[records[0].clone(), hidden]),
        (Status::Partial, [1, 0, 1])
    );
}

#[test]
fn a_gate_of_the_log_answers_what_is_asked_of_a_decision() {
    let submitted = |outcome: &str| map(&[("outcome", outcome.into())]);
    let is = |outcome: &str| {
        format!(
            "kind = [\"promotion\"]\nvalue = [{{ path = \"submitted.decision.outcome\", equals = {outcome:?} }}]"
        )
    };
    let reasons = "kind = [\"promotion\"]\nhas = [\"submitted.decision.reasons\"]";

    let denied = gated(Some(submitted("allow")), Some(gate("deny")));
    let mut denied_alone = gated(Some(submitted("allow")), Some(gate("deny")));
    denied_alone.submitted.hide("decision");
    for record in [denied, denied_alone, gated(None, Some(gate("deny")))] {
        let records = [record];
        assert_eq!(asked(&is("deny"), &records).1, [1, 0, 0]);
        assert_eq!(asked(&is("allow"), &records).1, [0, 1, 0], "a submitted one beside it is none");
        assert_eq!(asked(reasons, &records).1, [1, 0, 0], "by the gate's own reasons");
    }

    let mut hidden = gated(Some(submitted("allow")), Some(gate("allow")));
    hidden.attested.hide("gate");
    for record in [hidden, gated(Some(submitted("allow")), Some(gate("observed")))] {
        let records = [record];
        assert_eq!(asked(&is("allow"), &records).1, [0, 0, 1], "nobody here says what the gate decided");
        assert_eq!(asked(&is("deny"), &records).1, [0, 0, 1]);
    }

    assert_eq!(asked(&is("allow"), &[gated(Some(submitted("allow")), None)]).1, [1, 0, 0]);
    assert_eq!(asked(&is("allow"), &[gated(None, None)]).1, [0, 1, 0]);
}

#[test]
fn a_list_on_the_way_stands_for_each_of_its_items() {
    let two = edited("generation", |claims| {
        claims["model"] = json!([
            { "provider": "p", "name": "a", "version": "1" },
            { "provider": "p", "name": "b", "version": { "absent": "not_recorded" } },
        ]);
    });
    let records = [two];
    let has = |path: &str| asked(&format!("kind = [\"generation\"]\nhas = [{path:?}]"), &records).0;
    assert_eq!(has("submitted.model.name"), Status::Present);
    assert_eq!(has("submitted.model.version"), Status::None);
    let is = |path: &str, test: &str| {
        asked(&format!("kind = [\"generation\"]\nvalue = [{{ path = {path:?}, {test} }}]"), &records).0
    };
    assert_eq!(is("submitted.model.name", "one_of = [\"a\", \"b\"]"), Status::Present);
    assert_eq!(is("submitted.model.name", "equals = \"a\""), Status::None);
    assert_eq!(is("submitted.run.attempt", "equals = 1"), Status::Present);
    let commit = "equals = \"4015b57a143aec5156fd1444a017a32137a3fd0f\"";
    assert_eq!(is("submitted.subject.digest.gitCommit", commit), Status::None, "the second subject has none");
    assert_eq!(is("submitted.intent.scope.paths", "equals = \"src/checkout/\""), Status::Present);
    assert_eq!(is("attested.workload.method", "one_of = [\"oidc\"]"), Status::Present);
}

#[test]
fn values_differ_only_where_both_are_there() {
    let requested = |requester: Value| edited("approval", |claims| claims["intent"]["requester"] = requester);
    let query = "kind = [\"approval\"]\ndiffer = [{ path = \"submitted.approval.approver.id\", from = \"submitted.intent.requester.id\" }]";
    assert_eq!(asked(query, &[requested(json!({ "id": "bob" }))]).0, Status::Present);
    assert_eq!(asked(query, &[requested(json!({ "id": "carol" }))]).0, Status::None);
    assert_eq!(asked(query, &[edited("approval", |_| ())]), (Status::None, [0, 1, 0]));
}

#[test]
fn indices_are_counted_on_and_named_up_to_a_limit() {
    let crosswalk = Crosswalk::builtin().unwrap();
    let record = edited("event", |_| ());
    let many = u64::try_from(INDICES_MAX).unwrap() + 5;
    let mut evaluator = Evaluator::new(&crosswalk, ORIGIN);
    (0..many).for_each(|index| evaluator.add(index, &record));
    let results = evaluator.finish().controls;
    let entries = &results.iter().find(|result| result.control.id == "PR.PS-04").unwrap().findings[0];
    assert_eq!((entries.status.as_str(), entries.tallies.met.count), ("present", many));
    assert!(entries.tallies.met.indices.iter().copied().eq(0..many - 5));
}

#[test]
fn problems_name_file_row_and_field() {
    let good = one_query("kind = [\"scan\"]");
    with_own(&good).unwrap();
    let query = |text: &str| one_query(text);
    let cases = [
        (good.replace("format = 1", "format = 2"), "own.toml: format: expected 1, got 2"),
        (good.replace("title = \"t\"", "titel = \"t\""), "unknown field `titel`"),
        (good.replace("edition = \"1\"\n", ""), "missing field `edition`"),
        (
            good.replace("edition = \"1\"", "edition = \"\""),
            "own.toml: framework \"own\": edition: expected 1 to 2000",
        ),
        (
            good.replace("id = \"own\"\nname", "id = \"nist-csf\"\nname"),
            "framework \"nist-csf\": id: there is another",
        ),
        (
            good.replace("title = \"t\"", "title = \" \""),
            "own.toml: control \"O.1\": title: expected 1 to 2000",
        ),
        (
            good.replace("Supports a test.", "Shows a test."),
            "control \"O.1\": supports: expected a sentence that starts",
        ),
        (
            good.replace("Supports a test.", "Supports compliance."),
            "control \"O.1\": supports: records support",
        ),
        (good.replace("[\"own\"]", "[\"none\"]"), "control \"O.1\": evidence: there is no evidence \"none\""),
        (good.replace("[\"own\"]", "[]"), "control \"O.1\": evidence: expected 1 to 8 ids, got 0"),
        (
            good.replace("[\"own\"]", "[\"own\", \"own\"]"),
            "control \"O.1\": evidence: \"own\" is there twice",
        ),
        (
            good.replace("[\"own\"]", "[\"own\"]\nofficial = [\"soc2:CC9\"]"),
            "control \"O.1\": official: expected",
        ),
        (
            good.replace("id = \"own\"\nlooks", "id = \"scan\"\nlooks"),
            "evidence \"scan\": id: there is another",
        ),
        (
            good.replace("id = \"own\"\nlooks", "id = \"Own\"\nlooks"),
            "evidence \"Own\": id: expected 1 to 64 of a-z",
        ),
        (good.replace(HEAD, "format = 1\n"), "own.toml: framework: expected one"),
        (query("kind = [\"scan\"]\nhass = []"), "unknown field `hass`"),
        (query("kind = []"), "own.toml: evidence \"own\": query.kind: expected at least one"),
        (query("kind = [\"deploy\"]"), "query.kind: \"deploy\" is no kind of entry"),
        (
            query("kind = [\"scan\"]\nhas = [\"scan.tool\"]"),
            "query.has: \"scan.tool\": expected submitted.<claim>",
        ),
        (
            query("kind = [\"scan\"]\nhas = [\"submitted.scann\"]"),
            "query.has: \"submitted.scann\": there is no claim",
        ),
        (query("kind = [\"scan\"]\nhas = [\"submitted.model\"]"), "an entry of kind scan has no claim model"),
        (query("kind = [\"scan\"]\nhas = [\"submitted.scan.tol\"]"), "has no member \"tol\""),
        (query("kind = [\"scan\"]\nhas = [\"submitted.scan.\"]"), "expected submitted.<claim>"),
        (
            query("kind = [\"scan\"]\nvalue = [{ path = \"submitted.scan.verdict\", equals = \"passed\" }]"),
            "query.value: submitted.scan.verdict: expected pass or fail or error, got \"passed\"",
        ),
        (
            query("kind = [\"scan\"]\nvalue = [{ path = \"submitted.scan.tool\", equals = \"x\" }]"),
            "expected a map with name",
        ),
        (
            query("kind = [\"scan\"]\nvalue = [{ path = \"submitted.scan.verdict\" }]"),
            "expected either equals, or one_of",
        ),
        (
            query("kind = [\"scan\"]\nvalue = [{ path = \"submitted.scan.verdict\", equals = 1.5 }]"),
            "expected a string, an integer",
        ),
        (
            query(
                "kind = [\"scan\"]\ndiffer = [{ path = \"submitted.scan\", from = \"submitted.scan.verdict\" }]",
            ),
            "query.differ: submitted.scan: expected a path to a single value",
        ),
    ];
    for (text, expected) in cases {
        let error = with_own(&text).expect_err(&text).to_string();
        assert!(error.contains(expected), "{expected}\n{error}");
        assert!(error.starts_with("own.toml: ") || expected.contains("framework \"nist-csf\""), "{error}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = one_query("kind = [\"deploy\"]\nhas = [\"submitted.modell\"]").replace("\"t\"", "\"\"");
    let error = with_own(&text).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 3, "{error}");
    assert!(
        !error.contains("there is no evidence"),
        "a query that is refused is still there to refer to: {error}"
    );
}

#[test]
fn good_files_are_taken_and_others_refused_as_malformed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("own.toml");
    let check = |text: &str| {
        std::fs::write(&path, text).unwrap();
        load(std::slice::from_ref(&path))
    };
    // The user's own control, looked up by the built-in evidence.
    let own = one_query("kind = [\"scan\"]").replace("[\"own\"]", "[\"own\", \"scan\"]");
    assert!(check(&own).is_ok());
    let failure = check(&own.replace("\"scan\"]\nsupports", "\"skan\"]\nsupports")).unwrap_err();
    assert_eq!(Exit::of_failure(&failure), Exit::Malformed);
    assert!(
        failure.to_string().contains("own.toml: control \"O.1\": evidence: there is no evidence \"skan\""),
        "{failure}"
    );
    let failure = load(&[home.path().join("none.toml")]).unwrap_err();
    assert_eq!(Exit::of_failure(&failure), Exit::NotFound);
}
