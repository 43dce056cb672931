//! The map in ARCHITECTURE.md, which is the rule of who may use whom: for each crate a block of its rooms, a row each.
//!
//! ````text
//! ```rooms ledger/core
//! hex    | Bytes as hexadecimal digits, and back.           |
//! record | What is sealed: a record, read and written.      | hex
//! ```
//! ````

use super::circles::circles;
use super::edges::Graph;
use std::collections::BTreeSet;

/// A room: a top-level module of a crate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub room: String,
    /// What it is, in one sentence.
    pub sentence: String,
    /// The rooms that it may use.
    pub uses: BTreeSet<String>,
}

/// The rows of a crate, and where they lie in the text.
pub fn rows(text: &str, of_crate: &str) -> (Vec<Row>, std::ops::Range<usize>) {
    let opening = format!("```rooms {of_crate}\n");
    let start = text.find(&opening).unwrap_or_else(|| panic!("the map has no block of {of_crate}"));
    let start = start + opening.len();
    let end = text[start..].find("```").map_or(text.len(), |length| start + length);
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim);
        let mut cell = || cells.next().unwrap_or_default();
        let (room, sentence, uses) = (cell().into(), cell().into(), cell());
        Row { room, sentence, uses: uses.split_whitespace().map(String::from).collect() }
    };
    (text[start..end].lines().map(row).collect(), start..end)
}

/// Everything in which the rows and the code differ. The root of the crate, "" in the graph, is no room: it may use all
/// of them, and none may use it.
pub fn differences(rows: &[Row], found: &Graph<String>) -> Vec<String> {
    let mut differences = Vec::new();
    for room in found.keys().filter(|room| !room.is_empty()) {
        if rows.iter().filter(|row| row.room == *room).count() != 1 {
            differences.push(format!("{room} has no row, or several"));
        }
    }
    for Row { room, sentence, uses } in rows {
        let Some(used) = found.get(room) else {
            differences.push(format!("{room} has a row, and is no room"));
            continue;
        };
        if sentence.is_empty() {
            differences.push(format!("{room} has no sentence"));
        }
        let used: BTreeSet<String> = used.iter().filter(|used| *used != room).cloned().collect();
        for used in used.difference(uses) {
            differences.push(match used.as_str() {
                "" => format!("{room} uses what lies in the root of the crate"),
                used => format!("{room} uses {used}, and may not"),
            });
        }
        differences.extend(uses.difference(&used).map(|used| format!("{room} may use {used}, and does not")));
    }
    differences.extend(circles(found).into_iter().map(|circle| format!("a circle: {circle}")));
    differences
}

/// The block's lines as the code is: the sentences kept, each room behind all that it uses.
pub fn as_found(rows: &[Row], found: &Graph<String>) -> String {
    let mut left: Vec<&String> = found.keys().filter(|room| !room.is_empty()).collect();
    let mut placed: Vec<[String; 3]> = Vec::new();
    while !left.is_empty() {
        let is_ready =
            |room: &&String| found[*room].iter().all(|used| used == *room || !left.contains(&used));
        // In a circle nobody is.
        let room = left.remove(left.iter().position(is_ready).unwrap_or(0));
        let sentence = rows.iter().find(|row| row.room == *room).map(|row| row.sentence.clone());
        let uses: Vec<&str> = found[room].iter().filter(|used| *used != room).map(String::as_str).collect();
        placed.push([room.clone(), sentence.unwrap_or_default(), uses.join(" ")]);
    }
    let width = |cell: usize| placed.iter().map(|cells| cells[cell].chars().count()).max().unwrap_or(0);
    let (rooms, sentences) = (width(0), width(1));
    let line = |[room, sentence, uses]: &[String; 3]| {
        let line = format!("{room:rooms$} | {sentence:sentences$} | {uses}");
        line.trim_end().to_owned() + "\n"
    };
    placed.iter().map(line).collect()
}
