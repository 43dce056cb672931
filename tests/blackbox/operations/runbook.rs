//! `docs/runbook.md` has a row for whatever ends the daemon or keeps it from starting. What that is, is read off the sources:
//! every text of `Failure`, and of the errors that it hands on. A row quotes its text, `…` standing for what
//! differs, so that whoever searches the page for a message finds it.

use super::page::{Page, quoted};
use super::texts::{LETTERS_LEAST, Texts, letters};
use crate::support::repository;
use std::collections::BTreeSet;

/// What can end a run of `provlogd`.
const FAILURE: &str = "Failure";

/// Whether somebody who reads `text` finds the row that quotes `quote`. What few letters tell from others is quoted whole.
fn finds(quote: &str, text: &str) -> bool {
    quote == text || letters(quote) >= LETTERS_LEAST && text.contains(quote)
}

#[test]
fn every_failure_and_refusal_to_start_has_its_row() {
    let texts = Texts::read(&["ledger/engine", "ledger/daemon"]);
    let page = Page::read("docs/runbook.md");
    let quotes: Vec<&str> = page.rows().filter_map(|row| quoted(row[0])).collect();
    let told = texts.told_by(FAILURE);
    assert!(told.len() > 40, "the sources were not read as they are written: {told:#?}");
    let missing: Vec<String> = told
        .iter()
        .filter(|told| !quotes.iter().any(|quote| finds(quote, &told.text)))
        .map(|told| format!("{}: | `{}` |", told.variant, told.text))
        .collect();
    assert!(missing.is_empty(), "docs/runbook.md has no row for\n{}", missing.join("\n"));
}

/// A text that was reworded is no longer found by its row.
#[test]
fn every_row_quotes_what_a_program_says() {
    let texts = Texts::read(&["ledger/core", "ledger/engine", "ledger/daemon"]);
    let page = Page::read("docs/runbook.md");
    let stale: Vec<&str> =
        page.rows().filter_map(|row| quoted(row[0])).filter(|quote| !texts.say(quote)).collect();
    assert!(stale.is_empty(), "docs/runbook.md quotes what nothing says: {stale:#?}");
}

#[test]
fn every_exit_code_has_its_row_and_every_row_a_code_that_is_there() {
    let file = repository().join("ledger/daemon/src/operate/exit_codes.rs");
    let file = syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap();
    let codes = file.items.iter().filter_map(|item| match item {
        syn::Item::Const(syn::ItemConst { expr, .. }) => match &**expr {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(code), .. }) => Some(code.to_string()),
            _ => None,
        },
        _ => None,
    });
    let codes: BTreeSet<String> = codes.chain(["0".to_owned()]).collect();
    let page = Page::read("docs/runbook.md");
    let listed: BTreeSet<String> = page.section("Exit codes").rows().map(|row| row[0].to_owned()).collect();
    assert_eq!(listed, codes, "left: docs/runbook.md, right: exit_codes.rs");
    for row in page.rows().filter(|row| quoted(row[0]).is_some()) {
        let known = row[1].split(' ').all(|code| codes.contains(code.trim_end_matches(',')) || code == "or");
        assert!(known && row.len() == 4, "expected quote, exit codes, meaning and what to type: {row:?}");
    }
}
