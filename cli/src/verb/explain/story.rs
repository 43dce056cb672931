//! The story of one entry: what happened, when, which workload, proven how, and what nobody proved.

use super::proven::ProvenEntry;
use super::unproven::unproven;
use super::words::{details, environment, quoted};
use super::workload::{self, how, in_short, who};
use crate::local::time;
use crate::proof::receipt::{kind_text, member, uint_json};
use crate::proof::workload::Shown;
use crate::show::page::{Colour, Page};
use provlog_core::Record;
use provlog_core::cbor::Value;
use provlog_core::check::{Check, Status};
use provlog_core::claims::{KindWriter, PROMOTION, kind_name, kind_spec};
use provlog_core::facet::{Decision, Facet, decision};
use provlog_core::json::Json;
use provlog_core::record::SectionName;

/// Sentences, chapter by chapter.
pub(super) struct Story {
    index: u64,
    kind: String,
    time_ms: u64,
    shown: Shown,
    chapters: [(&'static str, &'static str, Vec<String>); 5],
}

impl Story {
    pub(super) fn of(proven: &ProvenEntry<'_>) -> Self {
        let record = proven.record;
        let shown = Shown::of(record, proven.evidence);
        Self {
            index: proven.index,
            kind: kind_text(record),
            time_ms: record.entry.time_ms.get(),
            shown,
            chapters: [
                ("what", "What happened", what(record)),
                ("when", "When", when(record, shown)),
                ("workload", "Which workload", who(record, shown)),
                ("proof", "Proven how", proof(proven, shown)),
                ("unproven", "What nobody proved", unproven(proven, shown)),
            ],
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        for (_, title, sentences) in &self.chapters {
            page.line(title);
            sentences.iter().for_each(|sentence| page.sentence(&format!("  {sentence}")));
        }
    }

    pub(super) fn to_json(&self) -> Json {
        let mut members = vec![
            member("index", uint_json(self.index)),
            member("kind", self.kind.as_str().into()),
            member("time_ms", uint_json(self.time_ms)),
            member("shown", self.shown.code().into()),
        ];
        members.extend(self.chapters.iter().map(|(name, _, sentences)| {
            let sentences = sentences.iter().map(|sentence| sentence.as_str().into());
            member(name, Json::Array(sentences.collect()))
        }));
        Json::Object(members)
    }
}

/// What a file says that isn't verified. No sentence of it tells anything as true.
pub(super) fn write_unverified(page: &mut Page, says: &[String]) {
    if says.is_empty() {
        return;
    }
    let heading = ": what follows stands in the file, and nothing of it is shown to be true";
    page.coloured(Colour::Yellow, "NOT VERIFIED", heading);
    says.iter().for_each(|line| page.sentence(&format!("  it says: {line}")));
}

/// What it says of an entry.
pub(super) fn unverified(index: u64, record: &Record) -> Vec<String> {
    let time = time::rfc3339(record.entry.time_ms.get());
    let mut lines = vec![format!("entry {index}, {}, of {time}", kind_text(record))];
    lines.push(format!("workload: {}", in_short(record)));
    lines.extend(details(record));
    lines
}

/// An entry in one line, with whose word it is.
pub(super) fn in_line(index: u64, record: &Record, shown: Shown) -> String {
    let (kind, time) = (kind_text(record), time::rfc3339(record.entry.time_ms.get()));
    let outcome = decision(record).map(|decision| match decision {
        Decision::NotDisclosed if is_unreadable(record) => {
            ", what the log's gate decided can't be read".into()
        }
        Decision::NotDisclosed => ", its decision not disclosed".into(),
        Decision::Gate(_) => format!(", by the log's gate {}", outcome(decision)),
        Decision::Submitted(_) => format!(", by its submitter's word {}", outcome(decision)),
    });
    let outcome = outcome.unwrap_or_default();
    format!("entry {index}, {time}: {kind}{outcome}; {}", workload::in_line(record, shown))
}

fn outcome(decision: Decision<'_>) -> String {
    match decision.outcome() {
        Some("allow") => "allowed".into(),
        Some("deny") => "denied".into(),
        Some("observed") => "observed".into(),
        Some(other) => quoted(other),
        None => "decided in a way that can't be read".into(),
    }
}

/// Whether what the log's gate decided is disclosed: where nothing is to be told of it, it can't be read.
fn is_unreadable(record: &Record) -> bool {
    Facet::Gate.value(record).is_some()
}

fn what(record: &Record) -> Vec<String> {
    let writer = kind_spec(record.entry.kind).map(|spec| spec.writer);
    let mut sentences = vec![match writer {
        None => format!(
            "Something of {}, which this version doesn't know: what it means can't be told.",
            kind_text(record)
        ),
        Some(KindWriter::Client) if record.entry.kind == PROMOTION => promotion(record),
        Some(KindWriter::Client) => format!("The submitter says that {}.", event(record)),
        Some(KindWriter::Admin) => format!("An administrator of the log had it say that {}.", event(record)),
        Some(KindWriter::Log) => format!("The log says that {}.", event(record)),
    }];
    let details = details(record);
    if !details.is_empty() {
        sentences.push(match writer {
            Some(KindWriter::Log | KindWriter::Admin) => "It says so, by its word alone:".into(),
            _ => "By the submitter's word alone:".to_string(),
        });
        sentences.extend(details.into_iter().map(|line| format!("- {line}")));
    }
    sentences
}

fn event(record: &Record) -> String {
    let told = match kind_name(record.entry.kind) {
        Some("genesis") => "it began: this is its first entry",
        Some("generation") => "a model produced a change",
        Some("scan") => "a scanner looked at exactly these bytes",
        Some("approval") => "a person approved exactly this",
        Some("policy") => "a policy was published",
        Some("trust") => "it relied on keys or persons, which are in a set of this name",
        Some("erasure") => "claims of an earlier entry were erased",
        Some("withdrawal") => "an approval no longer counts",
        Some("credential") => "a short-lived credential was issued",
        Some("revocation") => "a short-lived credential was revoked",
        Some("refusal") => "it refused something",
        Some("hold") => "entries are under a legal hold",
        Some("release") => "a legal hold was lifted",
        Some("rotation") => "it gets a new key",
        _ => {
            let of = record.submitted.value("type").and_then(Value::as_text).map(quoted);
            let of = of.unwrap_or_else(|| "that is not disclosed or not given".into());
            return format!("something of the type {of} happened");
        }
    };
    told.into()
}

fn promotion(record: &Record) -> String {
    let to = match environment(record) {
        Some(environment) => format!("to {environment}"),
        None => "to an environment that is not disclosed or not given".into(),
    };
    match decision(record) {
        Some(Decision::Gate(gate)) => {
            let overrides = gate.as_map().and_then(|gate| gate.get("override"));
            let by = if overrides == Some(&Value::Bool(true)) { ", by an override" } else { "" };
            let did = match decision(record).and_then(Decision::outcome) {
                Some("allow") => "allowed",
                _ => "denied",
            };
            format!(
                "The submitter says that a change was to go {to}. A gate of the log {did} it{by}: that is the log's word."
            )
        }
        Some(said @ Decision::Submitted(_)) => format!(
            "The submitter says that a change was to go {to}, and that this was {}. No gate of the log is attested.",
            outcome(said)
        ),
        Some(Decision::NotDisclosed) if is_unreadable(record) => format!(
            "The submitter says that a change was to go {to}. What the log's gate decided of it is here, and can't be read."
        ),
        Some(Decision::NotDisclosed) => format!(
            "The submitter says that a change was to go {to}. Whether it was let through is not disclosed here."
        ),
        None => format!("The submitter says that a change was to go {to}, and nothing of a decision."),
    }
}

fn when(record: &Record, shown: Shown) -> Vec<String> {
    let time = time::rfc3339(record.entry.time_ms.get());
    let mut sentences = vec![format!("The log gave it the time {time}, in UTC: that is the log's clock.")];
    if shown == Shown::Bound {
        sentences.push("It lies within the window of the workload's evidence.".into());
    }
    let occurred = record.submitted.value("occurred_at_ms").and_then(Value::as_uint);
    sentences.extend(
        occurred.map(|at_ms| format!("The submitter says that it happened at {}.", time::rfc3339(at_ms))),
    );
    sentences
}

fn proof(proven: &ProvenEntry<'_>, shown: Shown) -> Vec<String> {
    let mut sentences = how(proven.record, shown);
    let ended = |name: &str| proven.evidence.iter().find(|check| check.name == name);
    if let Some(form) = ended("approval-form") {
        let signed = ended("approval-signed").filter(|signed| signed.status != Status::Skip);
        sentences.push(match (form.status, signed) {
            (Status::Pass, Some(signed)) if signed.status == Status::Pass => format!(
                "The approval is a statement of exactly this, {}, a person of the roster that you gave.",
                signed.remark.as_deref().unwrap_or("signed")
            ),
            (Status::Pass, Some(_)) => format!(
                "The approval is a statement of exactly this, {}, but no person of the roster that you gave signed it as its \
                 approver: it is the submitter's word alone. `provlog verify` says why.",
                form.remark.as_deref().unwrap_or("signed")
            ),
            (Status::Pass, None) => format!(
                "The approval is a statement of exactly this, {}: whose key that is was not shown here. `--roster FILE` has it \
                 checked.",
                form.remark.as_deref().unwrap_or("signed")
            ),
            (Status::Skip, _) => "The approval's statement was not checked here: claims that it is about are not disclosed, or \
                                  this version doesn't know its form."
                .into(),
            _ => "The approval's statement doesn't hold: it is the submitter's word alone. `provlog verify` says why.".into(),
        });
    }
    let counted = |check: &&Check| check.name.starts_with("approval:");
    for check in proven.evidence.iter().filter(counted) {
        let number = check.name.trim_start_matches("approval:");
        match check.status {
            Status::Pass => sentences.push(format!(
                "Approval {number} that the log counted is a statement of exactly this promotion, {}, a person of the roster that \
                 you gave.",
                check.remark.as_deref().unwrap_or("signed")
            )),
            // A package has what tells of it below.
            _ if proven.is_in_package => {}
            _ => sentences.push(format!(
                "Approval {number} that the log says it counted was not checked here: it is vouched for by the log alone."
            )),
        }
    }
    sentences.extend(proven.checks.iter().filter(|_| proven.is_in_package).filter_map(of_package));
    sentences
        .push("That the entry is in the log, as it stands here, was verified under the log's key.".into());
    sentences
}

/// What checks of a package say of all its entries.
fn of_package(check: &Check) -> Option<String> {
    let remark = check.remark.as_deref().or(check.got.as_deref()).unwrap_or_default();
    let passed = check.status == Status::Pass;
    match check.name.as_str() {
        "approval" if passed => Some(format!("Of the approvals that the log counted here: {remark}.")),
        "approval" => Some(
            "Of the approvals that the log says it counted, none was checked here: they are vouched for by the log alone.".into(),
        ),
        "references" if passed => Some(format!("What entries here say of each other was compared: {remark}.")),
        "members" if passed => Some(format!("Keys that the log says it checked with: {remark}.")),
        _ => None,
    }
}

/// How many claims of any section are hidden.
pub(super) fn hides(record: &Record) -> bool {
    SectionName::ALL
        .into_iter()
        .any(|section| record.section(section).iter().any(|(_, claim)| claim.value().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{example, gate, gated, record_of};

    fn story(record: &Record, evidence: &[Check]) -> String {
        let proven = ProvenEntry { index: 1, record, evidence, checks: &[], is_in_package: true };
        Story::of(&proven).chapters.into_iter().flat_map(|(_, _, told)| told).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_gate_that_can_t_be_read_isn_t_called_hidden() {
        let mut record = gated(None, Some(gate("observed")));
        for line in [story(&record, &[]), in_line(1, &record, Shown::Unknown)] {
            assert!(line.contains("can't be read") && !line.contains("not disclosed"), "{line}");
        }
        record.attested.hide("gate");
        for line in [story(&record, &[]), in_line(1, &record, Shown::Unknown)] {
            assert!(line.contains("not disclosed") && !line.contains("can't be read"), "{line}");
        }
    }

    /// A package has such approvals and is verified.
    #[test]
    fn an_approval_of_nobody_in_the_roster_is_told_as_checked() {
        let approval = record_of(&example("approval"));
        for status in [Status::Warn, Status::Fail] {
            let evidence = [Check::new("approval-form", Status::Pass), Check::new("approval-signed", status)];
            let told = story(&approval, &evidence);
            assert_eq!(told.matches("no person of the roster that you gave signed it").count(), 2, "{told}");
            assert!(!told.contains("not shown here") && !told.contains("--roster"), "{told}");
        }
    }
}
