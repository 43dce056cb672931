//! Pages of `docs/`, as far as tests hold them to something: sections, tables, blocks of commands.

use crate::support::repository;
use std::fs;

/// A page, or a section of one.
pub struct Page(String);

impl Page {
    /// Reads a page, by its path in the repository.
    pub fn read(path: &str) -> Self {
        Self(fs::read_to_string(repository().join(path)).unwrap())
    }

    /// The section under a heading of the second level.
    pub fn section(&self, heading: &str) -> Self {
        let start = format!("\n## {heading}\n");
        let (_, rest) = self.0.split_once(&start).unwrap_or_else(|| panic!("no section {heading:?}"));
        Self(rest.split("\n## ").next().unwrap().into())
    }

    /// The cells of every table's rows, without their headings.
    pub fn rows(&self) -> impl Iterator<Item = Vec<&str>> {
        let lines: Vec<&str> = self.0.lines().collect();
        let is_rule = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("| ---"));
        let rows: Vec<Vec<&str>> = lines
            .iter()
            .enumerate()
            .filter(|(at, line)| {
                line.starts_with("| ") && !is_rule(Some(line)) && !is_rule(lines.get(at + 1))
            })
            .map(|(_, line)| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        rows.into_iter()
    }

    /// The names of the headings of the third level.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.lines().filter_map(|line| line.strip_prefix("### "))
    }

    /// The blocks of commands.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.0.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap())
    }
}

/// What a cell quotes, if it begins with a quotation.
pub fn quoted(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.split('`').next()
}
