//! What `verify` says about one receipt, for people and as JSON (`docs/schema/verdict.json`).

use crate::exit::Exit;
use crate::files::ReadError;
use crate::page::{Colour, Page, value_text};
use crate::receipt::{checkpoint_json, hash_json, kind_text, member, uint_json};
use crate::time;
use provlog_core::claims::{kind_name, to_json};
use provlog_core::expectation::Expectation;
use provlog_core::json::Json;
use provlog_core::record::{Claim, SectionName};
use provlog_core::verify::{Check, Report, Standing, Status, Verdict, VerifyError};

/// A receipt, and what came of verifying it.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    /// Where it was read.
    pub(crate) source: String,
    /// What was expected of it.
    pub(crate) expectations: &'a [Expectation],
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What can come of verifying a file.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing refuses it.
    Verified(Box<Verdict>),
    /// Something does.
    Refused(VerifyError),
    /// It couldn't be read.
    Unreadable(ReadError),
}

impl From<Result<Verdict, VerifyError>> for Outcome {
    fn from(judged: Result<Verdict, VerifyError>) -> Self {
        match judged {
            Ok(verdict) => Self::Verified(Box::new(verdict)),
            Err(refused) => Self::Refused(refused),
        }
    }
}

impl Judged<'_> {
    /// The exit code, were it the only one.
    pub(crate) fn exit(&self) -> Exit {
        match &self.outcome {
            Outcome::Verified(_) => Exit::Ok,
            Outcome::Refused(refused) => Exit::of_receipt(refused),
            Outcome::Unreadable(error) => Exit::of_read(error),
        }
    }

    /// The verdict in the words of `SPEC.md` section 8.
    pub(crate) const fn verdict(&self) -> &'static str {
        match &self.outcome {
            Outcome::Verified(_) => "verified",
            Outcome::Refused(VerifyError::Untrusted(_)) => "untrusted",
            Outcome::Refused(VerifyError::Failed(_)) => "not proven",
            Outcome::Refused(VerifyError::Malformed(_)) | Outcome::Unreadable(ReadError::TooLarge { .. }) => {
                "malformed"
            }
            Outcome::Unreadable(ReadError::Io { .. }) => "unreadable",
        }
    }

    /// A line for each check, the claims with their standing, and the verdict.
    pub(crate) fn write(&self, page: &mut Page) {
        page.line(&self.source);
        match self.report() {
            Some(report) => {
                for check in &report.checks {
                    page.marked(check.status, &check_text(check));
                }
                self.write_claims(page, report);
            }
            None => page.marked(Status::Fail, &format!("format: {}", self.problem().unwrap_or_default())),
        }
        let colour = if self.exit() == Exit::Ok { Colour::Green } else { Colour::Red };
        page.coloured(colour, &format!("verdict: {}", self.verdict()), &self.summary());
    }

    /// The receipt's item in `receipts`.
    pub(crate) fn to_json(&self) -> Json {
        let mut members = vec![
            member("source", self.source.as_str().into()),
            member("verdict", self.verdict().into()),
            member("exit", Json::Integer(self.exit().code().into())),
        ];
        members.extend(self.problem().map(|problem| member("error", Json::String(problem))));
        let Some(report) = self.report() else {
            let failed = Check::new("format", Status::Fail);
            members.push(member("checks", Json::Array(vec![check_json(&failed)])));
            return Json::Object(members);
        };
        members.push(member("checks", Json::Array(report.checks.iter().map(check_json).collect())));
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
            members.push(member("claims", Json::Array(self.claims_json(report))));
        }
        Json::Object(members)
    }

    fn report(&self) -> Option<&Report> {
        match &self.outcome {
            Outcome::Verified(verdict) => Some(verdict.report()),
            Outcome::Refused(VerifyError::Untrusted(report) | VerifyError::Failed(report)) => Some(report),
            Outcome::Refused(VerifyError::Malformed(_)) | Outcome::Unreadable(_) => None,
        }
    }

    /// Why there is no report.
    fn problem(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Refused(VerifyError::Malformed(malformed)) => Some(malformed.to_string()),
            Outcome::Unreadable(error) => Some(error.to_string()),
            Outcome::Verified(_) | Outcome::Refused(_) => None,
        }
    }

    fn summary(&self) -> String {
        let Some(report) = self.report() else { return String::new() };
        let refused: Vec<&str> = report.refused().collect();
        if !refused.is_empty() {
            return format!(" ({})", refused.join(", "));
        }
        let Some(record) = &report.record else { return String::new() };
        let (kind, origin) = (kind_text(record), &report.checkpoint.origin);
        let time = time::rfc3339(record.entry.time_ms.get());
        format!(": {kind}, entry {} of {origin}, logged {time}", report.index)
    }

    fn write_claims(&self, page: &mut Page, report: &Report) {
        for (section, name, standing, claim) in claims_of(report) {
            let shown = match claim {
                Claim::Disclosed { value, .. } => value_text(&to_json(value)),
                Claim::Hidden(hash) => hash.to_hex(),
            };
            let standing = match self.compares(report, section, name) {
                true if standing == Standing::AssertedBySubmitter => "asserted by submitter, compared above",
                _ => standing.as_str(),
            };
            page.line(&format!("  {section}.{name} = {shown} ({standing})"));
        }
    }

    fn claims_json(&self, report: &Report) -> Vec<Json> {
        let claim_json = |(section, name, standing, claim): (SectionName, &str, Standing, &Claim)| {
            Json::Object(vec![
                member("section", section.as_str().into()),
                member("name", name.into()),
                member("standing", standing.as_str().into()),
                member("compared", Json::Bool(self.compares(report, section, name))),
                match claim {
                    Claim::Disclosed { value, .. } => member("value", to_json(value)),
                    Claim::Hidden(hash) => member("hash", hash_json(hash)),
                },
            ])
        };
        claims_of(report).map(claim_json).collect()
    }

    /// Whether an expectation compared this claim, or a part of it, and found what was expected.
    fn compares(&self, report: &Report, section: SectionName, name: &str) -> bool {
        self.expectations.iter().any(|expectation| {
            let about = match expectation {
                Expectation::Subject(_) => section == SectionName::Submitted && name == "subject",
                Expectation::Prompt(_) => section == SectionName::Submitted && name == "prompt_hash",
                Expectation::Submission(_) => section == SectionName::Submitted,
                Expectation::Claim { claim, .. } => claim.section == section && claim.name == name,
            };
            let check = expectation.check_name();
            about && report.checks.iter().any(|done| done.name == check && done.status == Status::Pass)
        })
    }
}

fn claims_of(report: &Report) -> impl Iterator<Item = (SectionName, &str, Standing, &Claim)> {
    let record = report.record.as_ref();
    report.claims().filter_map(move |(section, name, standing)| {
        Some((section, name, standing, record?.section(section).get(name)?))
    })
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
    let text = format!("{details}{separator}{remark}");
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
    use crate::settings::TrustFile;
    use crate::testing::OneLog;
    use provlog_core::Kind;
    use provlog_core::record::Section;
    use provlog_core::verify::verify;

    const SCHEMA: &str = include_str!("../../docs/schema/verdict.json");

    fn receipt(kind: u8) -> Vec<u8> {
        let claims = [("environment", "staging"), ("x-a", "a\u{1b}b"), ("x-b", "c")];
        let claims = claims.map(|(name, value)| (name.into(), Claim::disclosed([1; 16], value.into())));
        let mut section = Section::from_claims(claims.into()).unwrap();
        section.hide("x-b");
        OneLog::new().receipt(Kind::new(kind).unwrap(), section)
    }

    fn judged<'a>(receipt: &[u8], log: &OneLog, expectations: &'a [Expectation]) -> Judged<'a> {
        let outcome = verify(receipt, &log.trust(), expectations, None).into();
        Judged { source: "a.tlog-proof".into(), expectations, outcome }
    }

    fn text(judged: &Judged<'_>) -> String {
        let mut page = Page::plain();
        judged.write(&mut page);
        page.text().into()
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
            "verdict: verified: promotion, entry 1 of example.com/log, logged 2026-09-21T14:13:20.000Z",
        ];
        for line in lines {
            assert!(text.lines().any(|shown| shown == line), "{line:?} in {text}");
        }
        assert!(text.contains("  submitted.x-b = ") && text.contains(" (not disclosed)\n"), "{text}");
    }

    #[test]
    fn what_does_not_hold_says_what_was_expected_and_got() {
        let expectations = expect(&["submitted.environment=moon", "submitted.x-b=c"]);
        let refused = judged(&receipt(4), &OneLog::new(), &expectations);
        let shown = text(&refused);
        assert_eq!((refused.exit(), refused.verdict()), (Exit::NotProven, "not proven"));
        for line in [
            "\u{2717} expect:submitted.environment: expected moon, got staging",
            "\u{2717} expect:submitted.x-b: expected c, got submitted.x-b is hidden",
            "verdict: not proven (expect:submitted.environment, expect:submitted.x-b)",
        ] {
            assert!(shown.lines().any(|found| found == line), "{line:?} in {shown}");
        }
        let foreign = judged(&receipt(4), &OneLog::with_seed([8; 32]), &[]);
        assert_eq!((foreign.exit(), foreign.verdict()), (Exit::Untrusted, "untrusted"));
        let malformed = judged(b"nonsense", &OneLog::new(), &[]);
        assert_eq!((malformed.exit(), malformed.verdict()), (Exit::Malformed, "malformed"));
        assert!(text(&malformed).contains("\u{2717} format: receipt: expected the first line"));
    }

    #[test]
    fn the_json_is_what_its_schema_says() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let log = OneLog::new();
        let missing = crate::files::read(std::path::Path::new("/nonexistent"), 0).unwrap_err();
        let unreadable =
            Judged { source: "gone".into(), expectations: &[], outcome: Outcome::Unreadable(missing) };
        let trust = TrustFile::of(log.trust_text());
        let expectations = expect(&["submitted.environment=moon", "submitted.x-b=c"]);
        let receipts = [
            judged(&receipt(4), &log, &[]),
            judged(&receipt(21), &log, &expectations),
            judged(&receipt(4), &OneLog::with_seed([8; 32]), &[]),
            judged(b"nonsense", &log, &[]),
            unreadable,
        ];
        for judged in receipts {
            let document = crate::verify::document(vec![judged.to_json()], Vec::new(), judged.exit(), &trust);
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
