//! What `verify` says about one receipt, for people and as JSON (`docs/schema/verdict.json`).

use crate::local::files::ReadError;
use crate::local::time;
use crate::proof::decision;
use crate::proof::heads::Heads;
use crate::proof::receipt::{checkpoint_json, hash_json, kind_text, member, uint_json};
use crate::show::exit::Exit;
use crate::show::page::{Colour, Page, value_text};
use crate::show::printable::told_spaces;
use provlog_core::check::{Check, Refused, Report, Status, Verdict, add};
use provlog_core::claims::{kind_name, to_json};
use provlog_core::expectation::Expectation;
use provlog_core::facet::Facet;
use provlog_core::json::Json;
use provlog_core::path::ClaimPath;
use provlog_core::record::{Claim, SectionName};
use provlog_core::verify::{ReceiptReport, ReceiptVerifier, Standing};
use provlog_evidence::verify::EvidenceVerifier;

/// A receipt, and what came of verifying it.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Where it was read.
    pub(crate) source: String,
    /// What came of it.
    pub(crate) outcome: Outcome<ReceiptReport>,
    /// What the caller requires beside, and this receipt, though verified, isn't.
    pub(crate) unmet: Vec<String>,
    /// What the caller named for a check, such as `--artifact app.tar` for `subject`.
    pub(crate) named: Vec<Named>,
}

/// What a check compared the record with, as the caller named it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// The check's name.
    pub(crate) check: &'static str,
    pub(crate) what: String,
}

/// What a receipt must be beside verified, whatever else was expected of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, clap::Args)]
pub(crate) struct Requirements {
    /// Refuse what is not about a subject that was given: exit 4
    #[arg(long = "require-subject")]
    pub(crate) subject: bool,
    /// Refuse an entry whose decision has another outcome, or none: exit 4
    #[arg(long = "require-outcome", value_name = "OUTCOME", value_parser = ["allow", "deny", "observed"])]
    pub(crate) outcome: Option<String>,
}

impl Requirements {
    /// Those that a receipt doesn't meet.
    fn unmet(&self, report: &ReceiptReport) -> Vec<String> {
        let subject = (self.subject && !about_subject(report)).then(|| "no subject was compared".to_string());
        let outcome = self.outcome.as_ref();
        let outcome = outcome.and_then(|required| decision::unmet(report.record.as_ref(), required));
        subject.into_iter().chain(outcome).collect()
    }
}

/// What can come of verifying a receipt or a package.
#[derive(Debug)]
pub(crate) enum Outcome<R: Report> {
    /// Nothing refuses it.
    Verified(Box<Verdict<R>>),
    /// Something does.
    Refused(Refused<R>),
    Unreadable(ReadError),
}

impl<R: Report> From<provlog_core::check::Judged<R>> for Outcome<R> {
    fn from(judged: provlog_core::check::Judged<R>) -> Self {
        match judged {
            Ok(verdict) => Self::Verified(Box::new(verdict)),
            Err(refused) => Self::Refused(refused),
        }
    }
}

impl Outcome<ReceiptReport> {
    /// Verifies a receipt, with what its entry has of evidence.
    pub(crate) fn of_receipt(
        bytes: Result<Vec<u8>, ReadError>,
        expectations: &[Expectation],
        evidence: EvidenceVerifier<'_>,
        verifier: &mut ReceiptVerifier<'_>,
    ) -> Self {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Self::Unreadable(error),
        };
        let judged = verifier.verify(&bytes, expectations, time::now_ms());
        add(judged, |report| evidence.checks(report.record.as_ref(), &report.checkpoint.origin)).into()
    }
}

impl<R: Report> Outcome<R> {
    /// The exit code, were it the only one.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Verified(_) => Exit::Ok,
            Self::Refused(refused) => Exit::of_refused(refused),
            Self::Unreadable(error) => Exit::of_read(error),
        }
    }

    /// The verdict in the words of `SPEC.md` section 8.
    pub(crate) const fn verdict(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Refused(refused) => refused.as_str(),
            Self::Unreadable(ReadError::TooLarge { .. }) => "malformed",
            Self::Unreadable(ReadError::Io { .. } | ReadError::NoFile { .. }) => "unreadable",
        }
    }

    /// What was checked, or why nothing could be.
    pub(crate) fn report(&self) -> Result<&R, String> {
        match self {
            Self::Verified(verdict) => Ok(verdict.report()),
            Self::Refused(refused) => refused.report().ok_or_else(|| refused.to_string()),
            Self::Unreadable(error) => Err(error.to_string()),
        }
    }
}

impl Judged {
    pub(crate) fn new(source: String, outcome: Outcome<ReceiptReport>, requirements: &Requirements) -> Self {
        let unmet = match &outcome {
            Outcome::Verified(verdict) => requirements.unmet(verdict.report()),
            Outcome::Refused(_) | Outcome::Unreadable(_) => Vec::new(),
        };
        Self { source, outcome, unmet, named: Vec::new() }
    }

    /// The exit code, were it the only one.
    pub(crate) fn exit(&self) -> Exit {
        if self.unmet.is_empty() { self.outcome.exit() } else { Exit::Denied }
    }

    /// Adds the tree that it is in.
    pub(crate) fn add_to(&self, heads: &mut Heads) {
        if let Ok(report) = self.outcome.report() {
            heads.add_signed(&self.source, report, &report.checkpoint);
        }
    }

    /// A line for each check, the claims with their standing, and the verdict.
    pub(crate) fn write(&self, page: &mut Page) {
        page.line(&self.source);
        let report = self.outcome.report();
        match report {
            Ok(report) => {
                report.checks().iter().for_each(|check| page.marked(check.status, &self.check_text(check)));
                write_claims(page, report);
            }
            Err(_) => write_checks(page, &report),
        }
        write_verdict(page, &self.outcome, &report.map(summary).unwrap_or_default(), "");
        if !self.unmet.is_empty() {
            page.marked(Status::Fail, &format!("not what was required: {}", self.unmet.join("; ")));
        }
    }

    /// A check's line; of one that passes, with what it was that matched.
    fn check_text(&self, check: &Check) -> String {
        let named = self.named.iter().find(|named| named.check == check.name && check.status == Status::Pass);
        let what = named.map(|named| format!(" matches {}", named.what)).unwrap_or_default();
        format!("{}{what}", check_text(check))
    }

    /// The receipt's item in `receipts`.
    pub(crate) fn to_json(&self) -> Json {
        let mut members = outcome_json(&self.source, self.exit(), &self.outcome);
        if !self.unmet.is_empty() {
            let unmet = self.unmet.iter().map(|text| text.as_str().into());
            members.push(member("unmet", Json::Array(unmet.collect())));
        }
        let Ok(report) = self.outcome.report() else { return Json::Object(members) };
        members.push(member("checkpoint", checkpoint_json(&report.checkpoint)));
        members.push(member("index", uint_json(report.index)));
        members.push(member("leaf_hash", hash_json(&report.leaf_hash)));
        if let Some(record) = &report.record {
            let entry = &record.entry;
            let mut members_of_entry = vec![
                member("kind", Json::Integer(entry.kind.number().into())),
                member("time_ms", uint_json(entry.time_ms.get())),
                member("submitted_digest", hash_json(&entry.submitted_digest)),
                member("attested_digest", hash_json(&entry.attested_digest)),
            ];
            members_of_entry.extend(kind_name(entry.kind).map(|name| member("kind_name", name.into())));
            members.push(member("entry", Json::Object(members_of_entry)));
            members.push(member("claims", Json::Array(claims_json(report))));
        }
        Json::Object(members)
    }
}

/// What receipts and packages have alike in JSON: source, verdict, exit, and the checks.
pub(crate) fn outcome_json<R: Report>(source: &str, exit: Exit, outcome: &Outcome<R>) -> Vec<(String, Json)> {
    let mut members = vec![
        member("source", source.into()),
        member("verdict", outcome.verdict().into()),
        member("exit", Json::Integer(exit.code().into())),
    ];
    let failed = [Check::new("format", Status::Fail)];
    let checks = match outcome.report() {
        Ok(report) => report.checks(),
        Err(problem) => {
            members.push(member("error", Json::String(problem)));
            &failed
        }
    };
    members.push(member("checks", Json::Array(checks.iter().map(check_json).collect())));
    members
}

/// A line for each check.
pub(crate) fn write_checks<R: Report>(page: &mut Page, report: &Result<&R, String>) {
    match report {
        Ok(report) => report.checks().iter().for_each(|check| page.marked(check.status, &check_text(check))),
        Err(problem) => page.marked(Status::Fail, &format!("format: {problem}")),
    }
}

/// The line with the verdict: what refuses, or `summary` where nothing does, and what else is to be said.
pub(crate) fn write_verdict<R: Report>(page: &mut Page, outcome: &Outcome<R>, summary: &str, more: &str) {
    let colour = if outcome.exit() == Exit::Ok { Colour::Green } else { Colour::Red };
    let refused: Vec<&str> = outcome.report().into_iter().flat_map(Report::refused).collect();
    let refused = (!refused.is_empty()).then(|| format!(" ({})", refused.join(", ")));
    let text = format!("{}{more}", refused.as_deref().unwrap_or(summary));
    page.coloured(colour, &format!("verdict: {}", outcome.verdict()), &text);
}

fn summary(report: &ReceiptReport) -> String {
    let Some(record) = &report.record else { return String::new() };
    let (kind, origin) = (kind_text(record), &report.checkpoint.origin);
    let time = time::rfc3339(record.entry.time_ms.get());
    let decision = decision::in_words(record).map_or_else(String::new, |decision| format!(", {decision}"));
    let about =
        if about_subject(report) { "" } else { ", about nothing in particular: no subject was compared" };
    format!(": {kind}, entry {} of {origin}, logged {time}{decision}{about}", report.index)
}

/// Whether a subject that the caller gave is one of the record's.
fn about_subject(report: &ReceiptReport) -> bool {
    let subject = Facet::Subject.name();
    report.compared(subject.section, &subject.name).next().is_some()
}

fn write_claims(page: &mut Page, report: &ReceiptReport) {
    for (section, name, claim, standing) in report.claims() {
        let shown = match claim {
            Claim::Disclosed { value, .. } => value_text(&to_json(value)),
            Claim::Hidden(hash) => hash.to_hex(),
        };
        let compared: Vec<&ClaimPath> = report.compared(section, name).collect();
        let standing = if standing != Standing::AssertedBySubmitter || compared.is_empty() {
            standing.as_str().into()
        } else if compared.iter().any(|path| path.members.is_empty()) {
            "asserted by submitter, compared above".to_string()
        } else {
            let paths: Vec<String> = compared.iter().map(|path| path.members.join(".")).collect();
            format!("asserted by submitter; compared above: only {}", paths.join(", "))
        };
        page.strangers_line(&format!("  {section}.{name} = {shown} ({standing})"));
    }
}

fn claims_json(report: &ReceiptReport) -> Vec<Json> {
    let claim_json = |(section, name, claim, standing): (SectionName, &str, &Claim, Standing)| {
        Json::Object(vec![
            member("section", section.as_str().into()),
            member("name", name.into()),
            member("standing", standing.as_str().into()),
            member("compared", Json::Bool(report.compared(section, name).next().is_some())),
            member("compared_paths", Json::Array(paths(report, section, name))),
            match claim {
                Claim::Disclosed { value, .. } => member("value", to_json(value)),
                Claim::Hidden(hash) => member("hash", hash_json(hash)),
            },
        ])
    };
    report.claims().map(claim_json).collect()
}

/// What exactly was compared of a claim.
fn paths(report: &ReceiptReport, section: SectionName, name: &str) -> Vec<Json> {
    report.compared(section, name).map(|path| Json::String(path.to_string())).collect()
}

/// `name: got`, with what was expected where that wasn't found.
pub(crate) fn check_text(check: &Check) -> String {
    let details = match (&check.expected, &check.got) {
        (Some(expected), Some(got)) if check.status != Status::Pass => {
            format!("expected {expected}, got {got}")
        }
        (_, got) => got.clone().unwrap_or_default(),
    };
    let remark = check.remark.clone().unwrap_or_default();
    let separator = if details.is_empty() || remark.is_empty() { "" } else { "; " };
    let text = told_spaces(&format!("{details}{separator}{remark}"));
    if text.is_empty() { check.name.clone() } else { format!("{}: {text}", check.name) }
}

/// A check, as `--json` prints it.
pub(crate) fn check_json(check: &Check) -> Json {
    let mut members =
        vec![member("name", check.name.as_str().into()), member("status", check.status.as_str().into())];
    let details = [("expected", &check.expected), ("got", &check.got), ("remark", &check.remark)];
    let details = details.into_iter().filter_map(|(name, text)| Some(member(name, text.as_deref()?.into())));
    members.extend(details);
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::settings::TrustFile;
    use crate::proof::mirror::JudgedMirror;
    use crate::testing::OneLog;
    use provlog_core::Kind;
    use provlog_core::cbor::{Map, Value};
    use provlog_core::record::Section;
    use provlog_core::verify::Verifier;

    const SCHEMA: &str = include_str!("../../../docs/schema/verdict.json");

    fn receipt(kind: u8) -> Vec<u8> {
        let claims = [("environment", "staging"), ("x-a", "a\u{1b}b"), ("x-b", "c")];
        let claims = claims.map(|(name, value)| (name.into(), Claim::disclosed([1; 16], value.into())));
        let mut section = Section::from_claims(claims.into()).unwrap();
        section.hide("x-b");
        OneLog::new().receipt(Kind::new(kind).unwrap(), section)
    }

    fn judged(receipt: &[u8], log: &OneLog, expectations: &[Expectation]) -> Judged {
        let outcome = Verifier::new(&log.trust()).receipt(receipt, expectations).into();
        Judged::new("a.tlog-proof".into(), outcome, &Requirements::default())
    }

    fn text(judged: &Judged) -> String {
        let mut page = Page::plain();
        judged.write(&mut page);
        page.text().replace("\n      | ", "")
    }

    fn expect(texts: &[&str]) -> Vec<Expectation> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_holds_is_shown_with_what_was_not_compared() {
        let expectations = expect(&["submitted.environment=staging"]);
        let text = text(&judged(&receipt(4), &OneLog::new(), &expectations));
        let lines = [
            "\u{2713} origin: example.com/log",
            "\u{2713} index: 1",
            "- subject: not compared",
            "\u{2713} expect:submitted.environment: staging",
            "  submitted.environment = \"staging\" (asserted by submitter, compared above)",
            "  submitted.x-a = \"a\\u001bb\" (asserted by submitter, not checked)",
            "verdict: verified: promotion, entry 1 of example.com/log, logged 2026-09-21T14:13:20.000Z, about nothing in particular: no subject was compared",
        ];
        for line in lines {
            assert!(text.lines().any(|shown| shown == line), "{line:?} in {text}");
        }
        assert!(text.contains("  submitted.x-b = ") && text.contains(" (not disclosed)\n"), "{text}");
    }

    #[test]
    fn only_what_was_compared_is_said_to_be_and_an_entry_about_nothing_says_so() {
        let digest = |byte| {
            Value::Map(Map::from_entries(vec![("sha256".into(), Value::Bytes(vec![byte; 32]))]).unwrap())
        };
        let subject = |byte| Value::Map(Map::from_entries(vec![("digest".into(), digest(byte))]).unwrap());
        let outcome = Map::from_entries(vec![("outcome".into(), "deny".into())]).unwrap();
        let claims =
            [("subject", Value::Array(vec![subject(1), subject(2)])), ("decision", Value::Map(outcome))];
        let claims = claims.map(|(name, value)| (name.into(), Claim::disclosed([1; 16], value)));
        let log = OneLog::new();
        let receipt = log.receipt(Kind::new(4).unwrap(), Section::from_claims(claims.into()).unwrap());
        let requirements = Requirements { subject: true, outcome: Some("allow".into()) };
        let Value::Map(wanted) = digest(2) else { unreachable!() };
        let judge = |expectations: &[Expectation]| {
            let outcome = Verifier::new(&log.trust()).receipt(&receipt, expectations).into();
            Judged::new("a".into(), outcome, &requirements)
        };
        let about = judge(&[Expectation::Subject(wanted)]);
        assert!(text(&about).contains("(asserted by submitter; compared above: only 1.digest.sha256)"));
        assert!(text(&about).contains("\nverdict: verified: promotion, entry 1 of example.com/log, logged 2026-09-21T14:13:20.000Z, decision: deny, asserted by submitter\n"), "{}", text(&about));
        assert_eq!((about.unmet.len(), about.exit()), (1, Exit::Denied));
        let about_nothing = judge(&[]);
        assert!(text(&about_nothing).contains("about nothing in particular"));
        assert_eq!((about_nothing.unmet.len(), about_nothing.exit()), (2, Exit::Denied));
        assert_eq!(judged(&receipt, &log, &[]).exit(), Exit::Ok);
    }

    #[test]
    fn what_does_not_hold_says_what_was_expected_and_got() {
        let expectations = expect(&["submitted.environment=moon", "submitted.x-b=c"]);
        let refused = judged(&receipt(4), &OneLog::new(), &expectations);
        let shown = text(&refused);
        assert_eq!((refused.outcome.exit(), refused.outcome.verdict()), (Exit::NotProven, "not proven"));
        for line in [
            "\u{2717} expect:submitted.environment: expected moon, got staging",
            "\u{2717} expect:submitted.x-b: expected c, got submitted.x-b is hidden",
            "verdict: not proven (expect:submitted.environment, expect:submitted.x-b)",
        ] {
            assert!(shown.lines().any(|found| found == line), "{line:?} in {shown}");
        }
        let foreign = judged(&receipt(4), &OneLog::with_seed([8; 32]), &[]);
        assert_eq!((foreign.outcome.exit(), foreign.outcome.verdict()), (Exit::Untrusted, "untrusted"));
        let malformed = judged(b"nonsense", &OneLog::new(), &[]);
        assert_eq!((malformed.outcome.exit(), malformed.outcome.verdict()), (Exit::Malformed, "malformed"));
        assert!(text(&malformed).contains("\u{2717} format: receipt: expected the first line"));
    }

    #[test]
    fn the_json_is_what_its_schema_says() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let log = OneLog::new();
        let missing = crate::local::files::read(std::path::Path::new("/nonexistent"), 0).unwrap_err();
        let unreadable = Judged::new("gone".into(), Outcome::Unreadable(missing), &Requirements::default());
        let trust = TrustFile::of(log.trust_text());
        let expectations = expect(&["submitted.environment=moon", "submitted.x-b=c"]);
        let receipts = [
            judged(&receipt(4), &log, &[]),
            judged(&receipt(21), &log, &expectations),
            judged(&receipt(4), &OneLog::with_seed([8; 32]), &[]),
            judged(b"nonsense", &log, &[]),
            unreadable,
        ];
        let mirror = tempfile::tempdir().unwrap();
        let notes = [log.checkpoint(&Default::default()), "nonsense".into(), String::new(), log.trust_text()];
        for (judged, note) in receipts.into_iter().zip(notes.iter().cycle()) {
            std::fs::write(mirror.path().join("checkpoint"), note).unwrap();
            let mirror = JudgedMirror::judge(mirror.path(), &trust.trust).to_json();
            let document = crate::verb::verify::document(
                crate::verb::verify::Items {
                    receipts: vec![judged.to_json()],
                    mirrors: vec![mirror],
                    ..Default::default()
                },
                &crate::proof::heads::Heads::default(),
                judged.exit(),
                &trust,
            );
            let instance = serde_json::from_str(&document.to_string()).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&instance)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:?} in {document}");
        }
        assert!(
            !validator.is_valid(&serde_json::json!({"schema_version": 1})),
            "the schema refuses something"
        );
    }
}
