//! The two files for readers without CBOR: a line of JSON and a row of CSV for each record (`SPEC.md` sections 11.4 and
//! 11.5). Both are functions of index and record alone, so that a verifier makes them again and compares.

use crate::cbor::{Map, Value};
use crate::claims::{ABSENT_KEY, kind_name};
use crate::hash::Hash;
use crate::hex;
use crate::record::{Claim, Record, SectionName};
use crate::time::rfc3339;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

/// The texts of records, one after the other: `records.jsonl`, and `records.csv` without its first row. They are made of
/// each record once to write and once to verify it, so they are written straight away, without a tree in between.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Texts {
    /// Lines of JSON.
    pub json: String,
    /// Rows of CSV.
    pub csv: String,
}

impl Texts {
    /// Adds a record's line and row, and gives its leaf hash, which is in both.
    pub fn add(&mut self, index: u64, record: &Record) -> Hash {
        let leaf_hash = record.entry.leaf_hash();
        push_record(&mut self.json, index, record, &leaf_hash);
        self.json.push('\n');
        push_row(&mut self.csv, index, record, &leaf_hash);
        leaf_hash
    }

    /// Forgets all of them, but not the room that they took.
    pub fn clear(&mut self) {
        self.json.clear();
        self.csv.clear();
    }
}

/// Adds `{index, kind, time_ms, leaf_hash, submitted, attested, hidden}`, as `GET /v1/entries/{index}` answers.
pub fn push_record_json(json: &mut String, index: u64, record: &Record) {
    push_record(json, index, record, &record.entry.leaf_hash());
}

fn push_record(json: &mut String, index: u64, record: &Record, leaf_hash: &Hash) {
    let entry = &record.entry;
    // Writing to a string cannot fail.
    let _ = write!(json, "{{\"index\":{index},\"kind\":");
    match kind_name(entry.kind) {
        Some(name) => push_string(json, name),
        None => push_integer(json, i64::from(entry.kind.number())),
    }
    let _ = write!(json, ",\"time_ms\":{},\"leaf_hash\":\"", entry.time_ms.get());
    hex::push(json, &leaf_hash.0);
    json.push('"');
    for name in SectionName::ALL {
        let shown = record.section(name).iter().filter_map(|(name, claim)| Some((name, claim.value()?)));
        json.push(',');
        push_string(json, name.as_str());
        json.push(':');
        push_members(json, shown, push_value);
    }
    json.push_str(",\"hidden\":");
    let sections = SectionName::ALL.into_iter().map(|name| (name.as_str(), record.section(name)));
    push_members(json, sections, |json, section| {
        let hidden = section.iter().filter_map(|(name, claim)| match claim {
            Claim::Disclosed { .. } => None,
            Claim::Hidden(hash) => Some((name, hash)),
        });
        push_members(json, hidden, |json, hash| push_hex(json, &hash.0));
    });
    json.push('}');
}

/// As [`crate::claims::to_json`] and the tree's own text, without the tree.
fn push_value(json: &mut String, value: &Value) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Integer(integer) => push_integer(json, *integer),
        Value::Text(text) => push_string(json, text),
        Value::Bytes(bytes) => push_hex(json, bytes),
        Value::Array(items) => {
            json.push('[');
            push_joined(json, ",", items, push_value);
            json.push(']');
        }
        Value::Map(map) => push_members(json, map.iter(), push_value),
    }
}

fn push_members<'n, V>(
    json: &mut String,
    members: impl Iterator<Item = (&'n str, V)>,
    mut push: impl FnMut(&mut String, V),
) {
    json.push('{');
    push_joined(json, ",", members, |json, (name, value)| {
        push_string(json, name);
        json.push(':');
        push(json, value);
    });
    json.push('}');
}

fn push_integer(json: &mut String, integer: i64) {
    let _ = write!(json, "{integer}");
}

fn push_hex(json: &mut String, bytes: &[u8]) {
    json.push('"');
    hex::push(json, bytes);
    json.push('"');
}

/// A string in the one spelling of `SPEC.md` section 11.4.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    // What is escaped is ASCII, so a text may be cut before and behind it.
    while let Some(place) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (plain, from) = rest.split_at(place);
        json.push_str(plain);
        let mut characters = from.chars();
        match characters.next() {
            Some(escaped @ ('"' | '\\')) => json.extend(['\\', escaped]),
            Some('\u{8}') => json.push_str("\\b"),
            Some('\t') => json.push_str("\\t"),
            Some('\n') => json.push_str("\\n"),
            Some('\u{c}') => json.push_str("\\f"),
            Some('\r') => json.push_str("\\r"),
            Some(control) => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    json.push_str(rest);
    json.push('"');
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
fn push_row(row: &mut String, index: u64, record: &Record, leaf_hash: &Hash) {
    let entry = &record.entry;
    let _ = write!(row, "{index},{},", rfc3339(entry.time_ms.get()));
    match kind_name(entry.kind) {
        Some(name) => row.push_str(name),
        None => row.push_str(&entry.kind.number().to_string()),
    }
    row.push(',');
    hex::push(row, &leaf_hash.0);
    for column in &COLUMNS {
        let mut claims = column.claims.iter();
        let claim = claims.find_map(|(section, name)| record.section(*section).get(name));
        push_cell(row, |cell| match claim {
            None => {}
            Some(Claim::Hidden(_)) => cell.push_str(HIDDEN),
            Some(Claim::Disclosed { value, .. }) => push_summary(cell, value, column.members),
        });
    }
    let hidden = record.claims().filter(|(_, claim)| claim.value().is_none());
    push_cell(row, |cell| push_joined(cell, " ", hidden, |cell, (name, _)| cell.push_str(&name.to_string())));
    row.push_str("\r\n");
}

const HIDDEN: &str = "(hidden)";

/// A claim's value in one cell: of each item the members, with spaces between; items with `; ` between.
fn push_summary(cell: &mut String, value: &Value, members: &[&[&str]]) {
    let items = value.as_array().unwrap_or(core::slice::from_ref(value));
    push_joined(cell, "; ", items, |cell, item| push_item(cell, item, members));
}

fn push_item(cell: &mut String, item: &Value, members: &[&[&str]]) {
    let Value::Map(map) = item else { return push_scalar(cell, item) };
    let find = |path: &&[&str]| {
        let (first, deeper) = path.split_first()?;
        deeper.iter().try_fold(map.get(first)?, |value, name| value.as_map()?.get(name))
    };
    let mut found = members.iter().filter_map(find).peekable();
    if map.get(ABSENT_KEY).is_some() || found.peek().is_none() {
        push_map(cell, map);
    } else {
        push_joined(cell, " ", found, |cell, member| match member {
            Value::Map(map) => push_map(cell, map),
            value => push_scalar(cell, value),
        });
    }
}

/// Why a value is absent; else a digest, or any other map of scalars: `name:value` with spaces between.
fn push_map(cell: &mut String, map: &Map) {
    if let Some(reason) = map.get(ABSENT_KEY) {
        cell.push('(');
        push_scalar(cell, reason);
        cell.push(')');
        return;
    }
    push_joined(cell, " ", map.iter(), |cell, (name, value)| {
        cell.push_str(name);
        cell.push(':');
        push_scalar(cell, value);
    });
}

fn push_scalar(cell: &mut String, value: &Value) {
    match value {
        Value::Text(text) => cell.push_str(text),
        Value::Bytes(bytes) => hex::push(cell, bytes),
        value => push_value(cell, value),
    }
}

fn push_joined<I: IntoIterator>(
    cell: &mut String,
    between: &str,
    items: I,
    mut push: impl FnMut(&mut String, I::Item),
) {
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            cell.push_str(between);
        }
        push(cell, item);
    }
}

/// Characters that make a spreadsheet take what follows for a formula, ASCII and full-width, and the sign that says
/// that it is none.
const TRIGGERS: [char; 9] = ['=', '+', '-', '@', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Characters after which some spreadsheet, under some setting, starts a cell.
const fn is_boundary(character: char) -> bool {
    matches!(character, ',' | ';' | '|' | '"' | '\t' | '\r' | '\n')
}

/// As all of them are ASCII, bytes tell as much as characters, and faster.
fn has_boundary(text: &str) -> bool {
    text.bytes().any(|byte| is_boundary(char::from(byte)))
}

/// Adds a cell as `write` writes it, guarded where it needs that.
fn push_cell(row: &mut String, write: impl FnOnce(&mut String)) {
    row.push(',');
    let start = row.len();
    write(row);
    let text = row.get(start..).unwrap_or_default();
    // Without a boundary, only its start can be taken for a formula.
    if has_boundary(text) || text.trim_start_matches(' ').starts_with(TRIGGERS) {
        let text = row.split_off(start);
        push_guarded(row, &text);
    }
}

/// An apostrophe before every trigger at the start of the cell, or after a boundary and any spaces, and quotes where
/// RFC 4180 wants them or a boundary is in it.
fn push_guarded(row: &mut String, text: &str) {
    let quoted = has_boundary(text);
    if quoted {
        row.push('"');
    }
    let mut at_start = true;
    for character in text.chars() {
        if at_start && TRIGGERS.contains(&character) {
            row.push('\'');
        }
        at_start = is_boundary(character) || at_start && character == ' ';
        if character == '"' {
            row.push('"');
        }
        row.push(character);
    }
    if quoted {
        row.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::to_json;
    use proptest::prelude::*;

    fn cell(text: &str) -> String {
        let mut row = String::new();
        push_cell(&mut row, |cell| cell.push_str(text));
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
            at_start = is_boundary(character) || at_start && character == ' ';
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
    fn json_is_written_as_its_tree_would_be() {
        let inner = [("b", Value::Bytes(Vec::from([0, 0xff]))), ("list", Value::Array(Vec::new()))];
        let inner = inner.map(|(name, value)| (name.to_string(), value));
        let entries = [
            ("a \"quoted\" \u{1}\u{2028}", Value::Text("line\nbreak \u{20ac} \\".into())),
            ("numbers", Value::Array(Vec::from([Value::Integer(-5), Value::Integer((1 << 53) - 1)]))),
            ("others", Value::Array(Vec::from([Value::Null, Value::Bool(true), Value::Bool(false)]))),
            ("map", Value::Map(Map::from_entries(Vec::from(inner)).unwrap())),
            ("empty", Value::Map(Map::new())),
        ];
        let entries = entries.map(|(name, value)| (name.to_string(), value));
        let value = Value::Map(Map::from_entries(Vec::from(entries)).unwrap());
        let mut json = String::new();
        push_value(&mut json, &value);
        assert_eq!(json, to_json(&value).to_string());
    }

    proptest! {
        #[test]
        fn strings_are_spelled_as_serde_json_spells_them(text in "[\u{0}-\u{7f}\u{e9}\u{2028}\u{1f600}]{0,40}") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(json, serde_json::to_string(&text).unwrap());
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
        let summary = |value: &Value, members| {
            let mut cell = String::new();
            push_summary(&mut cell, value, members);
            cell
        };
        assert_eq!(summary(&model, members), "(not_recorded) m-1");
        assert_eq!(summary(&Value::Array(Vec::from([model, "x".into()])), members), "(not_recorded) m-1; x");
        assert_eq!(summary(&digest, &[]), "sha256:ab");
        assert_eq!(summary(&absent, members), "(not_recorded)");
        assert_eq!(summary(&Value::Integer(-5), &[]), "-5");
        assert_eq!(summary(&map(&[("x", Value::Null)]), members), "x:null");
    }
}
