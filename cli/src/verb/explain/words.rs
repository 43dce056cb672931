//! Claims in words: who says a value is told around it, never here.

use crate::show::printable::{mixed_scripts, told_spaces};
use provlog_core::Record;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{referring_claims, to_json};
use provlog_core::facet::Facet;
use provlog_core::json::Json;
use provlog_core::record::{Claim, SectionName};

/// Longest text of a stranger that is repeated in a sentence, in characters.
const QUOTED_CHARACTERS_MAX: usize = 200;

/// Items of a claim that are told one by one.
const ITEMS_MAX: usize = 5;

/// A stranger's text within quotation marks that it can't end.
pub(super) fn quoted(text: &str) -> String {
    shown(&Json::String(text.into()))
}

fn shown(json: &Json) -> String {
    let text = told_spaces(&json.to_string());
    let mixed = mixed_scripts(&text).map_or_else(String::new, |mixed| format!(" [{mixed}]"));
    match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((cut, _)) => format!("{}...\" (cut){mixed}", &text[..cut]),
        None => text + &mixed,
    }
}

/// What the submitted claims say of what an entry is about, a line each.
pub(super) fn details(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, label) in TOLD {
        match record.submitted.get(name) {
            None => {}
            Some(Claim::Hidden(_)) => lines.push(format!("{label}: not disclosed here")),
            Some(claim) => {
                let items = claim.value().map(Value::items).unwrap_or_default();
                let said = items.iter().take(ITEMS_MAX);
                lines.extend(said.map(|item| format!("{label}: {}", item_in_words(name, item))));
                if let Some(more) = items.len().checked_sub(ITEMS_MAX).filter(|more| *more > 0) {
                    lines.push(format!("{label}: and {more} more"));
                }
            }
        }
    }
    let others: Vec<&str> =
        record.submitted.iter().map(|(name, _)| name).filter(|name| !is_told(name)).collect();
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().take(2 * ITEMS_MAX).copied().collect();
        let more = others.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("Also there, and shown by `provlog inspect`: {}{more}", named.join(", ")));
    }
    lines
}

/// Claims that are told, in the order in which they are.
const TOLD: [(&str, &str); 19] = [
    ("type", "Type"),
    ("subject", "Subject"),
    ("model", "Model"),
    ("prompt_hash", "Prompt"),
    ("agent", "Agent"),
    ("human_involvement", "People's part"),
    ("intent", "Intent"),
    ("environment", "Environment"),
    ("policy", "Policy"),
    ("decision", "Decision"),
    ("approvals", "Approval"),
    ("approval", "Approved"),
    ("generations", "Made by"),
    ("scans", "Scan"),
    ("scan", "Scan"),
    ("trust", "Set"),
    ("erases", "Erased"),
    ("withdraws", "Withdrawn"),
    ("log", "Log"),
];

fn is_told(name: &str) -> bool {
    TOLD.iter().any(|(told, _)| *told == name)
}

fn item_in_words(name: &str, item: &Value) -> String {
    let Some(map) = item.as_map() else { return shown(&to_json(item)) };
    if let Some(reason) = map.get("absent") {
        return none_there(reason, map);
    }
    let text = |name: &str| map.get(name).map(value_in_words);
    match (name, reference(map)) {
        (_, Some(entry)) => entry,
        ("prompt_hash", None) => digests(map),
        ("subject", None) => {
            let digests = map.get("digest").and_then(Value::as_map).map(digests);
            let parts = [text("name"), text("uri"), digests];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        ("model" | "agent" | "policy", None) => {
            let of = text("provider").map(|provider| format!("of {provider}"));
            let version = text("version").map(|version| format!("version {version}"));
            let digests = map.get("digest").and_then(Value::as_map).map(digests);
            let parts = [text("name"), of, version, digests];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        ("human_involvement", None) => {
            let by = map.get("by").map(Value::items).unwrap_or_default();
            let by: Vec<String> = by.iter().take(ITEMS_MAX).filter_map(id).collect();
            let by = if by.is_empty() { String::new() } else { format!(", by {}", by.join(", ")) };
            format!("{}{by}", text("level").unwrap_or_default())
        }
        ("intent", None) => {
            let parts = [text("id"), text("purpose").map(|purpose| format!("to {purpose}"))];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        ("decision", None) => {
            let reasons = map.get("reasons").map(Value::items).unwrap_or_default();
            let reasons: Vec<String> = reasons.iter().take(ITEMS_MAX).map(value_in_words).collect();
            let reasons =
                if reasons.is_empty() { String::new() } else { format!(", for {}", reasons.join(", ")) };
            format!("{}{reasons}", text("outcome").unwrap_or_default())
        }
        ("approvals" | "approval", None) => {
            let parts = [
                map.get("approver").and_then(id).map(|id| format!("by {id}")),
                text("method").map(|method| format!("by the method {method}")),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        ("scan" | "scans", None) => {
            let tool = map.get("tool").and_then(Value::as_map).and_then(|tool| tool.get("name"));
            let parts = [
                tool.map(|tool| format!("by {}", value_in_words(tool))),
                text("verdict").map(|verdict| format!("with the verdict {verdict}")),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        ("trust", None) => {
            let parts = [text("what"), text("name").map(|name| format!("of {name}"))];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        ("erases", None) => {
            let target = map.get("target").and_then(Value::as_map).and_then(reference);
            let reason = text("reason").map(|reason| format!("for {reason}"));
            [target, reason].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        _ => shown(&to_json(item)),
    }
}

/// The entry that a map refers to.
fn reference(map: &Map) -> Option<String> {
    let index = map.get("index")?.as_uint()?;
    map.get("leaf_hash")?.as_bytes()?;
    let of =
        map.get("origin").and_then(Value::as_text).map(|origin| format!(" of the log {}", quoted(origin)));
    Some(format!("entry {index}{}", of.unwrap_or_default()))
}

fn none_there(reason: &Value, map: &Map) -> String {
    let reason = match reason.as_text() {
        Some("not_recorded") => "none given, nobody recorded it".into(),
        Some("not_applicable") => "none given, there is none".into(),
        Some("withheld") => "none given, it is withheld".into(),
        _ => format!("none given, for {}", value_in_words(reason)),
    };
    let note = map.get("note").map(|note| format!(" ({})", value_in_words(note)));
    reason + &note.unwrap_or_default()
}

fn id(principal: &Value) -> Option<String> {
    principal.as_map()?.get("id").map(value_in_words)
}

fn value_in_words(value: &Value) -> String {
    match value.as_map().and_then(|map| Some((map.get("absent")?, map))) {
        Some((reason, map)) => none_there(reason, map),
        None => shown(&to_json(value)),
    }
}

fn digests(map: &Map) -> String {
    let digests = map.iter().take(ITEMS_MAX).map(|(algorithm, value)| match value.as_bytes() {
        // Names of algorithms are strangers' text, too.
        Some(bytes) if is_plain(algorithm) => format!("{algorithm} {}", provlog_core::hex::encode(bytes)),
        _ => format!("{} {}", quoted(algorithm), shown(&to_json(value))),
    });
    digests.collect::<Vec<_>>().join(", ")
}

fn is_plain(name: &str) -> bool {
    name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What a record says of other entries, by the claims that may: each named entry of this log, with the claim.
pub(super) fn named_entries(record: &Record) -> Vec<(&'static str, u64)> {
    let of_claim = |(name, kind)| {
        let value = record.submitted.value(name);
        let references = value.map(|value| provlog_core::claims::references(kind, value));
        references.into_iter().flatten().map(move |reference| (name, reference.index))
    };
    referring_claims().flat_map(of_claim).collect()
}

/// The full names of the claims that a record hides.
pub(super) fn hidden(record: &Record) -> Vec<String> {
    let claims = SectionName::ALL
        .into_iter()
        .flat_map(|section| record.section(section).iter().map(move |(name, claim)| (section, name, claim)));
    let hidden = claims.filter(|(_, _, claim)| claim.value().is_none());
    hidden.map(|(section, name, _)| format!("{section}.{name}")).collect()
}

/// Who approved, as an approval says, where it is shown.
pub(super) fn approver(record: &Record) -> Option<String> {
    record.submitted.value("approval")?.as_map()?.get("approver").and_then(id)
}

/// The submitted environment, where it is shown.
pub(super) fn environment(record: &Record) -> Option<String> {
    Facet::Environment.value(record).and_then(Value::as_text).map(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{example, map, record_of};
    use provlog_core::record::Section;

    #[test]
    fn no_text_ends_its_own_quotation() {
        assert_eq!(quoted("a\" by \"b"), r#""a\" by \"b""#);
        assert!(quoted(&"ä".repeat(500)).ends_with("...\" (cut)"));
        assert!(quoted("\u{430}lice").ends_with("[Latin and Cyrillic letters in one word]"));
        assert_eq!(quoted(&format!("a{}b", " ".repeat(90))), "\"a [90 spaces] b\"");
    }

    #[test]
    fn every_example_is_told_without_a_claim_left_out() {
        for kind in ["generation", "scan", "approval", "promotion", "policy", "event"] {
            let record = record_of(&example(kind));
            let lines = details(&record).join("\n");
            for (name, _) in record.submitted.iter() {
                let label = TOLD.iter().find(|(told, _)| *told == name).map_or(name, |(_, label)| label);
                assert!(lines.contains(label), "{kind}: {name} in {lines}");
            }
        }
    }

    #[test]
    fn what_is_hidden_absent_or_elsewhere_says_so() {
        let mut record = record_of(&example("promotion"));
        let entry = map(&[("index", Value::Integer(3)), ("leaf_hash", Value::Bytes(vec![1; 32]))]);
        let absent = map(&[("absent", "withheld".into()), ("note", "it is \u{202e}mine".into())]);
        let claims =
            [("approvals", Value::Array(vec![entry])), ("model", absent), ("environment", "x".into())];
        let claims = claims.map(|(name, value)| (name.into(), Claim::disclosed([1; 16], value)));
        record.submitted = Section::from_claims(claims.into()).unwrap();
        record.submitted.hide("environment");
        let lines = details(&record);
        assert!(lines.contains(&"Approval: entry 3".into()), "{lines:?}");
        assert!(lines.contains(&"Environment: not disclosed here".into()), "{lines:?}");
        assert!(lines[0].starts_with("Model: none given, it is withheld (\"it is "), "{lines:?}");
        assert_eq!(named_entries(&record), [("approvals", 3)]);
        assert_eq!(hidden(&record), ["submitted.environment"]);
    }
}
