//! What nobody proved of an entry: every claim that somebody only made, and whatever was not here or not compared.

use super::proven::ProvenEntry;
use super::words::{approver, hidden, named_entries};
use crate::proof::workload::Shown;
use provlog_core::Record;
use provlog_core::check::{Check, Status};
use provlog_core::claims::{KindWriter, kind_name, kind_spec};
use provlog_core::facet::Facet;

/// Items of a list within a sentence.
const LISTED_MAX: usize = 12;

pub(super) fn unproven(proven: &ProvenEntry<'_>, shown: Shown) -> Vec<String> {
    let record = proven.record;
    let mut sentences = Vec::from_iter(asserted(record));
    sentences.extend(own_approval(proven));
    sentences.extend(approvals(proven));
    if record.submitted.get("workload").is_some() {
        sentences.push("The submitted workload: it is asserted, and is not the one above.".into());
    }
    if matches!(shown, Shown::Bound) {
        sentences.push("That only the workload itself could have had that token or key.".into());
    } else if !matches!(shown, Shown::Log | Shown::Nobody | Shown::Unattested) {
        sentences.push("Which workload it was, but by the log's word.".into());
    }
    if Facet::Gate.claim(record).is_some() {
        sentences.push("What the log's gate decided, and by which policy, but by the log's word.".into());
    }
    let hidden = hidden(record);
    if !hidden.is_empty() {
        sentences.push(format!("What is hidden here: {}.", listed(&hidden)));
    }
    let named: Vec<String> =
        named_entries(record).into_iter().map(|(claim, index)| format!("entry {index} ({claim})")).collect();
    if !named.is_empty() && !proven.is_in_package {
        let named = listed(&named);
        sentences.push(format!("What other entries say that it names, which are not here: {named}."));
    } else if !named.is_empty() {
        sentences.push("What those entries say that it names and that are not in this package.".into());
    }
    if unsaid(proven, "quorum") && unsaid(proven, "cosignatures") {
        sentences.push("That others see the same tree: no witness has cosigned it.".into());
    }
    sentences.push(
        "That this is about an artifact, commit or prompt of yours: none was compared. `provlog verify --artifact FILE` does.".into(),
    );
    sentences.push(
        "What entries that are not here say of this one: a withdrawal, an erasure, another decision.".into(),
    );
    sentences
}

/// Every submitted claim, but those that have a sentence of their own.
fn asserted(record: &Record) -> Option<String> {
    let has_own = |name: &str| match name {
        "workload" => true,
        "approval" => approves(record),
        "approvals" => names_approvals(record),
        _ => false,
    };
    let names = record.submitted.iter().filter(|(name, _)| !has_own(name));
    let names: Vec<String> = names.map(|(name, _)| name.replace('_', " ")).collect();
    let word = match kind_spec(record.entry.kind).map(|spec| spec.writer) {
        Some(KindWriter::Log | KindWriter::Admin) => "They are the log's word alone.",
        _ => "They are the submitter's word, and the log recorded what it was told.",
    };
    (!names.is_empty()).then(|| format!("That these are true: {}. {word}", names.join(", ")))
}

/// Whether an entry is an approval, or takes one back.
fn approves(record: &Record) -> bool {
    matches!(kind_name(record.entry.kind), Some("approval" | "withdrawal"))
        && record.submitted.get("approval").is_some()
}

/// That somebody approved, unless a person of the reader's roster signed it.
fn own_approval(proven: &ProvenEntry<'_>) -> Option<String> {
    let record = proven.record;
    if !approves(record) || ended(proven, "approval-signed") == Some(Status::Pass) {
        return None;
    }
    let who = approver(record).unwrap_or_else(|| "anybody".into());
    let did = match kind_name(record.entry.kind) {
        Some("withdrawal") => "took an approval back",
        _ => "approved this",
    };
    let why = match (ended(proven, "approval-form"), ended(proven, "approval-signed")) {
        (None, _) if record.submitted.value("approval").is_none() => "the approval is not disclosed here",
        (None, _) => "it has no signature that could be checked",
        (Some(Status::Pass), None | Some(Status::Skip)) => "whose key it was made with was not shown here",
        (Some(Status::Pass), Some(_)) => "no person of the roster that you gave signed it as its approver",
        (Some(_), _) => "its statement was not checked, or doesn't hold",
    };
    Some(format!("That {who} {did}: {why}, and it is the submitter's word alone."))
}

/// Whether a promotion may name approvals: what is hidden may.
fn names_approvals(record: &Record) -> bool {
    let Some(claim) = record.submitted.get("approvals") else { return false };
    claim.value().is_none_or(|value| value.as_array().is_some_and(|items| !items.is_empty()))
}

/// That people approved, beside those whose signatures were checked.
fn approvals(proven: &ProvenEntry<'_>) -> Option<String> {
    if !names_approvals(proven.record) {
        return None;
    }
    let passed = |check: &Check| check.status == Status::Pass;
    let is_counted = |check: &Check| check.name.starts_with("approval:");
    let was_checked = proven.evidence.iter().any(|check| is_counted(check) && passed(check))
        || (proven.is_in_package && !unsaid(proven, "approval"));
    Some(if was_checked {
        "That anybody approved but those of whom it was checked above: what else it names is the submitter's word, or the log's."
            .into()
    } else if proven.record.submitted.value("approvals").is_none() {
        "That anybody approved: which approvals it names is not disclosed here.".into()
    } else {
        "That anybody approved: the approvals that it names are the submitter's word, or the log's, and none was checked here."
            .into()
    })
}

/// How a check of the entry's evidence ended.
fn ended(proven: &ProvenEntry<'_>, name: &str) -> Option<Status> {
    proven.evidence.iter().find(|check| check.name == name).map(|check| check.status)
}

/// Whether nothing came of a check.
fn unsaid(proven: &ProvenEntry<'_>, name: &str) -> bool {
    !proven.checks.iter().any(|check| check.name == name && check.status == Status::Pass)
}

fn listed(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(LISTED_MAX).map(String::as_str).collect();
    match items.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", shown.join(", ")),
        None => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{example, map, record_of};
    use provlog_core::Kind;
    use provlog_core::cbor::Value;
    use provlog_core::record::{Claim, Section};

    fn told(record: &Record, evidence: &[Check]) -> String {
        let proven = ProvenEntry { index: 1, record, evidence, checks: &[], is_in_package: false };
        unproven(&proven, Shown::Unknown).join("\n")
    }

    fn with(kind: u8, claims: &[(&str, Value)]) -> Record {
        let mut record = record_of(&example("promotion"));
        let claim =
            |(name, value): &(&str, Value)| ((*name).into(), Claim::disclosed([1; 16], value.clone()));
        record.submitted = Section::from_claims(claims.iter().map(claim).collect()).unwrap();
        record.entry.kind = Kind::new(kind).unwrap();
        record
    }

    #[test]
    fn no_claim_that_somebody_only_made_is_left_out() {
        let unknown = with(20, &[("x-model_of", "a".into()), ("subject", "b".into())]);
        let records = ["generation", "scan", "approval", "promotion", "policy", "event"]
            .map(|kind| record_of(&example(kind)));
        for record in records.iter().chain([&unknown]) {
            let told = told(record, &[]);
            for (name, _) in record.submitted.iter() {
                let said = match name {
                    "approval" => "approved this: it has no signature".into(),
                    "approvals" => "the approvals that it names are".into(),
                    _ => name.replace('_', " "),
                };
                assert!(told.contains(&said), "{name} in {told}");
            }
        }
        assert!(
            told(&with(6, &[("trust", "x".into())]), &[]).contains("trust. They are the log's word alone.")
        );
    }

    #[test]
    fn an_approval_is_unproven_unless_its_signer_was_checked() {
        let approver = map(&[("id", "alice".into())]);
        let review = map(&[("approver", approver), ("method", "review".into())]);
        let check = |name: &str, status| Check::new(name, status);
        let mut approval = with(3, &[("approval", review.clone())]);
        assert!(told(&approval, &[]).contains("That \"alice\" approved this: it has no signature"));
        let form = check("approval-form", Status::Pass);
        let signed = [form.clone(), check("approval-signed", Status::Pass)];
        assert!(!told(&approval, &signed).contains("approv"));
        let unknown = [form, check("approval-signed", Status::Skip)];
        assert!(told(&approval, &unknown).contains("approved this: whose key"));
        assert!(
            told(&with(8, &[("approval", review.clone())]), &[]).contains("\"alice\" took an approval back")
        );
        approval.submitted.hide("approval");
        assert!(told(&approval, &[]).contains("That anybody approved this: the approval is not disclosed"));

        let mut promotion = with(4, &[("approvals", Value::Array(vec![review]))]);
        assert!(told(&promotion, &[]).contains("none was checked here"));
        let skipped = check("approval:0", Status::Skip);
        assert!(told(&promotion, &[skipped]).contains("none was checked here"));
        let passed = check("approval:0", Status::Pass);
        assert!(told(&promotion, &[passed]).contains("but those of whom it was checked above"));
        promotion.submitted.hide("approvals");
        assert!(told(&promotion, &[]).contains("which approvals it names is not disclosed"));
    }
}
