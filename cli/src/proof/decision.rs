//! How an entry decides, and by whose word, in a verdict's own words.

use provlog_core::Record;
use provlog_core::facet::{Decision, decision};

/// A decision in which there is no outcome that is text.
const UNREADABLE: &str = "none that can be read";

/// How a record decides, if it does. What a gate decided reads as the log's word, and nothing else does.
pub(super) fn in_words(record: &Record) -> Option<String> {
    let decision = decision(record)?;
    let outcome = decision.outcome().unwrap_or(UNREADABLE);
    Some(match decision {
        Decision::NotDisclosed => "decision: not disclosed".into(),
        Decision::Gate(_) => format!("gate: {outcome}, attested by the log"),
        Decision::Submitted(_) => format!("decision: {outcome}, asserted by submitter"),
    })
}

/// What a record is in place of one that decides as is required; none where it does, by whoever's word.
pub(super) fn unmet(record: Option<&Record>, required: &str) -> Option<String> {
    if record.and_then(decision).and_then(Decision::outcome) == Some(required) {
        return None;
    }
    let got = record.and_then(in_words).unwrap_or_else(|| "none".into());
    Some(format!("required is the decision {required}, got {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{gate, gated, map};
    use provlog_core::cbor::Value;
    use provlog_core::claims::kind_named;

    fn submitted(outcome: &str) -> Value {
        map(&[("outcome", outcome.into())])
    }

    #[test]
    fn a_gate_is_the_log_s_word_and_a_submitted_decision_never_is() {
        let by_submitter = gated(Some(submitted("allow")), None);
        assert_eq!(in_words(&by_submitter).unwrap(), "decision: allow, asserted by submitter");
        assert_eq!(unmet(Some(&by_submitter), "allow"), None);

        let by_gate = gated(Some(submitted("allow")), Some(gate("deny")));
        assert_eq!(in_words(&by_gate).unwrap(), "gate: deny, attested by the log");
        assert_eq!(unmet(Some(&by_gate), "deny"), None);
        let expected = "required is the decision allow, got gate: deny, attested by the log";
        assert_eq!(unmet(Some(&by_gate), "allow").unwrap(), expected);
    }

    #[test]
    fn beside_a_gate_that_says_nothing_a_submitted_decision_is_none() {
        let mut hidden = gated(Some(submitted("allow")), Some(gate("deny")));
        hidden.attested.hide("gate");
        let misfit = gated(Some(submitted("allow")), Some(gate("observed")));
        let mut alone = gated(Some(submitted("allow")), None);
        alone.submitted.hide("decision");
        for record in [hidden, misfit, alone] {
            assert_eq!(in_words(&record).unwrap(), "decision: not disclosed");
            let expected = "required is the decision allow, got decision: not disclosed";
            assert_eq!(unmet(Some(&record), "allow").unwrap(), expected);
        }
    }

    #[test]
    fn a_gate_decides_of_promotions_alone() {
        let scan = |decision: Option<Value>, hides: bool| {
            let mut record = gated(decision, Some(gate("deny")));
            record.entry.kind = kind_named("scan").unwrap().kind;
            if hides {
                record.attested.hide("gate");
            }
            record
        };
        for hides in [false, true] {
            let record = scan(Some(submitted("allow")), hides);
            assert_eq!(in_words(&record).unwrap(), "decision: allow, asserted by submitter");
            assert_eq!(unmet(Some(&record), "allow"), None);
            assert_eq!(in_words(&scan(None, hides)), None);
        }
    }

    #[test]
    fn without_a_decision_there_is_nothing_to_say() {
        let none = gated(None, None);
        assert_eq!(in_words(&none), None);
        for record in [None, Some(&none)] {
            assert_eq!(unmet(record, "deny").unwrap(), "required is the decision deny, got none");
        }
        let other = gated(Some(map(&[])), None);
        assert_eq!(in_words(&other).unwrap(), "decision: none that can be read, asserted by submitter");
    }
}
