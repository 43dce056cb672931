//! The two files for readers without CBOR: a line of JSON and a row of CSV for each record (`SPEC.md` sections 11.4 and
//! 11.5). Both are functions of index, record and the format's version alone, so that a verifier makes them again and compares.

use super::version::Version;
use crate::cbor::{Map, Value};
use crate::claims::{ABSENT_KEY, kind_name};
use crate::facet::Facet;
use crate::hash::Hash;
use crate::hex;
use crate::record::{Claim, Record};
use crate::record_json::RecordJson;
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
    pub fn add(&mut self, version: Version, index: u64, record: &Record) -> Hash {
        let leaf_hash = record.entry.leaf_hash();
        self.json.push_str(&RecordJson { index, record, leaf_hash }.to_text());
        self.json.push('\n');
        push_row(&mut self.csv, version, index, record, &leaf_hash);
        leaf_hash
    }

    /// Forgets all of them, but not the room that they took.
    pub fn clear(&mut self) {
        self.json.clear();
        self.csv.clear();
    }
}

/// A column after `index`, `time`, `kind` and `leaf_hash`, and before `hidden`.
struct Column {
    name: &'static str,
    /// It shows the first of these that the record has.
    facets: &'static [Facet],
    /// The version of the format in which it came.
    since: Version,
}

const fn column(name: &'static str, facets: &'static [Facet], since: Version) -> Column {
    Column { name, facets, since }
}

const COLUMNS: [Column; 13] = [
    column("subject", &[Facet::Subject], Version::V1),
    column("model", &[Facet::Model], Version::V1),
    column("prompt_hash", &[Facet::PromptHash], Version::V1),
    column("agent", &[Facet::Agent], Version::V1),
    column("human_involvement", &[Facet::HumanInvolvement], Version::V1),
    column("workload", &[Facet::Workload], Version::V1),
    column("approvers", &[Facet::Approvals, Facet::Approval], Version::V1),
    column("policy", &[Facet::Policy], Version::V1),
    column("environment", &[Facet::Environment], Version::V1),
    column("outcome", &[Facet::Decision, Facet::Scan], Version::V1),
    column("evidence", &[Facet::Evidence], Version::V2),
    column("signers", &[Facet::Signers], Version::V2),
    column("gate", &[Facet::Gate], Version::V2),
];

fn columns(version: Version) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |column| column.since <= version)
}

impl Column {
    /// What it shows of a record. Where a gate of the log's decided, what was submitted decides nothing (`SPEC.md` section 14):
    /// from the second version on it isn't shown as what did.
    fn claim<'r>(&self, version: Version, record: &'r Record) -> Option<(Facet, &'r Claim)> {
        let is_gated = version >= Version::V2 && Facet::Gate.claim(record).is_some();
        if is_gated && self.facets.contains(&Facet::Decision) {
            return None;
        }
        self.facets.iter().find_map(|facet| Some((*facet, facet.claim(record)?)))
    }
}

/// The first row of `records.csv`.
#[must_use]
pub fn csv_header(version: Version) -> String {
    let mut names = Vec::from(["index", "time", "kind", "leaf_hash"]);
    names.extend(columns(version).map(|column| column.name));
    names.push("hidden");
    names.join(",") + "\r\n"
}

/// The row of `records.csv`, with its line end.
fn push_row(row: &mut String, version: Version, index: u64, record: &Record, leaf_hash: &Hash) {
    let entry = &record.entry;
    let _ = write!(row, "{index},{},", rfc3339(entry.time_ms.get()));
    match kind_name(entry.kind) {
        Some(name) => row.push_str(name),
        None => row.push_str(&entry.kind.number().to_string()),
    }
    row.push(',');
    hex::push(row, &leaf_hash.0);
    for column in columns(version) {
        push_cell(row, |cell| match column.claim(version, record) {
            None => {}
            Some((_, Claim::Hidden(_))) => cell.push_str(HIDDEN),
            Some((facet, Claim::Disclosed { value, .. })) => push_summary(cell, facet, value),
        });
    }
    let hidden = record.claims().filter(|(.., claim)| claim.value().is_none());
    push_cell(row, |cell| {
        push_joined(cell, " ", hidden, |cell, (section, name, _)| {
            cell.push_str(section.as_str());
            cell.push('.');
            cell.push_str(name);
        });
    });
    row.push_str("\r\n");
}

const HIDDEN: &str = "(hidden)";

/// A claim's value in one cell: of each item what tells it from others, with spaces between; items with `; ` between.
fn push_summary(cell: &mut String, facet: Facet, value: &Value) {
    push_joined(cell, "; ", value.items(), |cell, item| push_item(cell, facet, item));
}

fn push_item(cell: &mut String, facet: Facet, item: &Value) {
    let Value::Map(map) = item else { return push_scalar(cell, item) };
    let mut parts = facet.parts(item).flatten().peekable();
    if map.get(ABSENT_KEY).is_some() || parts.peek().is_none() {
        push_map(cell, map);
    } else {
        push_joined(cell, " ", parts, |cell, part| match part {
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
        value => cell.push_str(&serde_json::to_string(value).unwrap_or_default()),
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

/// As all of them are ASCII, bytes tell as much as characters, and faster. All are looked at, many at a time: one that is found
/// is no reason to stop.
fn has_boundary(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | is_boundary(char::from(byte)))
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
    fn summaries_show_what_the_value_says_whatever_its_type() {
        let map = |entries: &[(&str, Value)]| {
            let entries = entries.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            Value::Map(Map::from_entries(entries).unwrap())
        };
        let digest = map(&[("sha256", Value::Bytes(Vec::from([0xab])))]);
        let absent = map(&[("absent", "not_recorded".into())]);
        let model = map(&[("provider", absent.clone()), ("name", "m-1".into())]);
        let summary = |value: &Value, facet| {
            let mut cell = String::new();
            push_summary(&mut cell, facet, value);
            cell
        };
        let (models, digests) = (Facet::Model, Facet::PromptHash);
        assert_eq!(summary(&model, models), "(not_recorded) m-1");
        assert_eq!(summary(&Value::Array(Vec::from([model, "x".into()])), models), "(not_recorded) m-1; x");
        assert_eq!(summary(&digest, digests), "sha256:ab");
        assert_eq!(summary(&absent, models), "(not_recorded)");
        assert_eq!(summary(&Value::Integer(-5), digests), "-5");
        assert_eq!(summary(&map(&[("x", Value::Null)]), models), "x:null");
    }
}
