//! The two files for readers without CBOR: a line of JSON and a row of CSV for each record (`SPEC.md` sections 11.5 and
//! 11.6). Both are functions of index and record alone, so that a verifier makes them again and compares.

use crate::cbor::{Map, Value};
use crate::claims::{ABSENT_KEY, kind_name, to_json};
use crate::hex;
use crate::json::Json;
use crate::record::{Claim, Record, SectionName};
use crate::time::rfc3339;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// `{index, kind, time_ms, leaf_hash, submitted, attested, hidden}`, as `GET /v1/entries/{index}` answers.
#[must_use]
pub fn record_json(index: u64, record: &Record) -> Json {
    let kind = record.entry.kind;
    let kind = kind_name(kind).map_or(Json::Integer(kind.number().into()), Json::from);
    let mut shown = [Vec::new(), Vec::new()];
    let mut hidden = [Vec::new(), Vec::new()];
    for ((section, shown), hidden) in SectionName::ALL.into_iter().zip(&mut shown).zip(&mut hidden) {
        for (name, claim) in record.section(section).iter() {
            match claim {
                Claim::Disclosed { value, .. } => shown.push((name.into(), to_json(value))),
                Claim::Hidden(hash) => hidden.push((name.into(), Json::String(hash.to_hex()))),
            }
        }
    }
    let sections = |members: [Vec<(String, Json)>; 2]| {
        SectionName::ALL
            .into_iter()
            .zip(members)
            .map(|(name, members)| (name.as_str().to_string(), Json::Object(members)))
    };
    let mut members = Vec::from([
        ("index".into(), uint(index)),
        ("kind".into(), kind),
        ("time_ms".into(), uint(record.entry.time_ms.get())),
        ("leaf_hash".into(), Json::String(record.entry.leaf_hash().to_hex())),
    ]);
    members.extend(sections(shown));
    members.push(("hidden".into(), Json::Object(sections(hidden).collect())));
    Json::Object(members)
}

/// The line of `records.jsonl`, with its newline.
#[must_use]
pub fn json_line(index: u64, record: &Record) -> String {
    let mut line = record_json(index, record).to_string();
    line.push('\n');
    line
}

/// A column of `records.csv` that shows a claim.
struct Column {
    name: &'static str,
    /// The claims that it shows, the first that the record has.
    claims: &'static [(SectionName, &'static str)],
    /// What it shows of each of the claim's maps: those of these members that are there. None: the value as it is.
    members: &'static [&'static [&'static str]],
}

const SUBMITTED: SectionName = SectionName::Submitted;

/// The columns after `index`, `time`, `kind` and `leaf_hash`, and before `hidden`.
const COLUMNS: [Column; 10] = [
    Column {
        name: "subject",
        claims: &[(SUBMITTED, "subject")],
        members: &[&["name"], &["uri"], &["digest"]],
    },
    Column {
        name: "model",
        claims: &[(SUBMITTED, "model")],
        members: &[&["provider"], &["name"], &["version"]],
    },
    Column { name: "prompt_hash", claims: &[(SUBMITTED, "prompt_hash")], members: &[] },
    Column { name: "agent", claims: &[(SUBMITTED, "agent")], members: &[&["name"], &["version"]] },
    Column { name: "human_involvement", claims: &[(SUBMITTED, "human_involvement")], members: &[&["level"]] },
    Column {
        name: "workload",
        claims: &[(SectionName::Attested, "workload")],
        members: &[&["method"], &["id"]],
    },
    Column {
        name: "approvers",
        claims: &[(SUBMITTED, "approvals"), (SUBMITTED, "approval")],
        members: &[&["approver", "id"], &["index"]],
    },
    Column { name: "policy", claims: &[(SUBMITTED, "policy")], members: &[&["name"], &["version"]] },
    Column { name: "environment", claims: &[(SUBMITTED, "environment")], members: &[] },
    Column {
        name: "outcome",
        claims: &[(SUBMITTED, "decision"), (SUBMITTED, "scan")],
        members: &[&["outcome"], &["verdict"]],
    },
];

/// The first row of `records.csv`.
#[must_use]
pub fn csv_header() -> String {
    let mut names = Vec::from(["index", "time", "kind", "leaf_hash"]);
    names.extend(COLUMNS.iter().map(|column| column.name));
    names.push("hidden");
    names.join(",") + "\r\n"
}

/// The row of `records.csv`, with its line end.
#[must_use]
pub fn csv_row(index: u64, record: &Record) -> String {
    let kind = record.entry.kind;
    let mut row = format!(
        "{index},{},{},{}",
        rfc3339(record.entry.time_ms.get()),
        kind_name(kind).map_or_else(|| kind.number().to_string(), Into::into),
        record.entry.leaf_hash()
    );
    for column in &COLUMNS {
        let mut claims = column.claims.iter();
        let claim = claims.find_map(|(section, name)| record.section(*section).get(name));
        let text = match claim {
            None => String::new(),
            Some(Claim::Hidden(_)) => HIDDEN.into(),
            Some(Claim::Disclosed { value, .. }) => summary(value, column.members),
        };
        push_cell(&mut row, &text);
    }
    let hidden = record.claims().filter(|(_, claim)| claim.value().is_none());
    let hidden: Vec<String> = hidden.map(|(name, _)| name.to_string()).collect();
    push_cell(&mut row, &hidden.join(" "));
    row.push_str("\r\n");
    row
}

const HIDDEN: &str = "(hidden)";

/// A claim's value in one cell: of each item the members, with spaces between; items with `; ` between.
fn summary(value: &Value, members: &[&[&str]]) -> String {
    let items = value.as_array().unwrap_or(core::slice::from_ref(value));
    items.iter().map(|item| item_text(item, members)).collect::<Vec<_>>().join("; ")
}

fn item_text(item: &Value, members: &[&[&str]]) -> String {
    let Value::Map(map) = item else { return scalar_text(item) };
    if let Some(absent) = absent_text(map) {
        return absent;
    }
    let found = members.iter().filter_map(|path| {
        let mut names = path.iter();
        let first = map.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_map()?.get(name))
    });
    let found: Vec<String> = found.map(member_text).collect();
    if found.is_empty() { map_text(map) } else { found.join(" ") }
}

fn member_text(value: &Value) -> String {
    match value {
        Value::Map(map) => absent_text(map).unwrap_or_else(|| map_text(map)),
        value => scalar_text(value),
    }
}

fn absent_text(map: &Map) -> Option<String> {
    map.get(ABSENT_KEY).map(|reason| format!("({})", scalar_text(reason)))
}

/// A digest, or any other map of scalars: `name:value` with spaces between.
fn map_text(map: &Map) -> String {
    map.iter().map(|(name, value)| format!("{name}:{}", scalar_text(value))).collect::<Vec<_>>().join(" ")
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => hex::encode(bytes),
        value => to_json(value).to_string(),
    }
}

/// Characters that make a spreadsheet take what follows for a formula, ASCII and full-width, and the sign that says
/// that it is none.
const TRIGGERS: [char; 9] = ['=', '+', '-', '@', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Characters after which some spreadsheet, under some setting, starts a cell.
const BOUNDARIES: [char; 7] = [',', ';', '|', '"', '\t', '\r', '\n'];

/// Adds a cell: an apostrophe before every trigger at the start of the cell, or after a boundary and any spaces, and
/// quotes where RFC 4180 wants them or a boundary is in it.
fn push_cell(row: &mut String, text: &str) {
    row.push(',');
    let quoted = text.contains(BOUNDARIES);
    if quoted {
        row.push('"');
    }
    let mut at_start = true;
    for character in text.chars() {
        if at_start && TRIGGERS.contains(&character) {
            row.push('\'');
        }
        at_start = BOUNDARIES.contains(&character) || at_start && character == ' ';
        if character == '"' {
            row.push('"');
        }
        row.push(character);
    }
    if quoted {
        row.push('"');
    }
}

/// Indices and times are below 2^53.
fn uint(number: u64) -> Json {
    i64::try_from(number).map_or(Json::Null, Json::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(text: &str) -> String {
        let mut row = String::new();
        push_cell(&mut row, text);
        row.remove(0);
        row
    }

    /// What a reader does: RFC 4180, then the rule of `SPEC.md` backwards.
    fn uncell(cell: &str) -> String {
        let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
        let text = inner.map_or_else(|| cell.to_string(), |inner| inner.replace("\"\"", "\""));
        let (mut out, mut at_start) = (String::new(), true);
        for character in text.chars() {
            if at_start && character == '\'' {
                at_start = false;
                continue;
            }
            at_start = BOUNDARIES.contains(&character) || at_start && character == ' ';
            out.push(character);
        }
        out
    }

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("  @x", "  '@x"),
            ("-3", "'-3"),
            ("'a", "''a"),
            ("a=b", "a=b"),
            ("a;=b", "\"a;'=b\""),
            ("a\"b", "\"a\"\"b\""),
            ("\t=x", "\"\t'=x\""),
            ("\u{ff1d}x", "'\u{ff1d}x"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_rule_is_undone(text in "[a=+@' ;,\"\t\r\n|\u{ff1d}-]{0,12}") {
            prop_assert_eq!(uncell(&cell(&text)), text);
        }
    }

    #[test]
    fn summaries_show_what_the_value_says_whatever_its_type() {
        let map = |entries: &[(&str, Value)]| {
            let entries = entries.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            Value::Map(Map::from_entries(entries).unwrap())
        };
        let digest = map(&[("sha256", Value::Bytes(Vec::from([0xab])))]);
        let absent = map(&[("absent", "not_recorded".into())]);
        let model = map(&[("provider", absent.clone()), ("name", "m-1".into())]);
        let members: &[&[&str]] = &[&["provider"], &["name"], &["version"]];
        assert_eq!(summary(&model, members), "(not_recorded) m-1");
        assert_eq!(summary(&Value::Array(Vec::from([model, "x".into()])), members), "(not_recorded) m-1; x");
        assert_eq!(summary(&digest, &[]), "sha256:ab");
        assert_eq!(summary(&absent, members), "(not_recorded)");
        assert_eq!(summary(&Value::Integer(-5), &[]), "-5");
        assert_eq!(summary(&map(&[("x", Value::Null)]), members), "x:null");
    }
}
