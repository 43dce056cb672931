//! What `verify` says as Markdown, for the page on which a CI system shows what came of a job.
//!
//! It is made of what `--json` prints, and tells of each check, and of each claim by its name alone: whoever may see a job's page may be
//! fewer, or more, than those who may read the entry. What strangers wrote is text there, whatever it is made of.

use crate::show::printable::{printable, told_spaces};
use provlog_core::json::Json;
use std::fmt::Write as _;

/// Longest text in a cell, in characters; `--json` shows all of it.
const TEXT_CHARS_MAX: usize = 400;

/// Signs of ASCII that stand for themselves wherever in a line they are: none begins or ends anything in Markdown or HTML.
const PLAIN: &[char] = &['-', ',', '/', '(', ')'];

/// Checks whose `got` is every digest that a claim has.
const DIGESTS: [&str; 2] = ["subject", "prompt"];

/// The lists of a document, and what is in each.
const LISTS: [&str; 3] = ["receipts", "packages", "mirrors"];

/// A table for each receipt, package and mirror of a document that `verify --json` prints, and what is said of all of them.
pub(crate) fn tables(document: &Json) -> String {
    let mut page = String::new();
    for item in LISTS.into_iter().flat_map(|list| array(document, list)) {
        table(&mut page, item);
    }
    let forks = document.get("trees").map(|trees| array(trees, "forks")).unwrap_or_default();
    for fork in forks {
        let sources: Vec<String> = array(fork, "sources").iter().filter_map(Json::as_str).map(code).collect();
        paragraph(&mut page, &format!("✗ **fork**: {} are of two histories", sources.join(" and ")));
    }
    let trust = |name| document.get("trust").and_then(|trust| trust.get(name)).and_then(Json::as_str);
    if let (Some(origin), Some(fingerprint)) = (trust("origin"), trust("fingerprint")) {
        let believed = format!("The key that was believed: {}, of {}", code(fingerprint), code(origin));
        paragraph(&mut page, &believed);
    }
    page
}

fn table(page: &mut String, item: &Json) {
    let text = |name| string(item, name);
    let exit = item.get("exit").and_then(Json::as_uint);
    let mark = if exit == Some(0) { "✓" } else { "✗" };
    let of = of(item).map(|of| format!(": {of}")).unwrap_or_default();
    paragraph(page, &format!("### {mark} {}{of}", text("verdict")));
    paragraph(page, &code(text("source")));
    for why in [text("error")].into_iter().chain(array(item, "unmet").iter().filter_map(Json::as_str)) {
        if !why.is_empty() {
            paragraph(page, &format!("✗ {}", code(why)));
        }
    }
    page.push_str("| | check | |\n| --- | --- | --- |\n");
    for check in array(item, "checks") {
        let (status, name) = (string(check, "status"), string(check, "name"));
        line(page, &format!("| {} {status} | {} | {} |", marked(status), code(name), code(&details(check))));
    }
    page.push('\n');
    for (standing, names) in standings(item) {
        line(page, &format!("- {standing}: {}", names.join(", ")));
    }
    page.push('\n');
}

/// Which entry it is.
fn of(item: &Json) -> Option<String> {
    let entry = item.get("entry")?;
    let number = entry.get("kind").and_then(Json::as_uint).map(|number| format!("kind {number}"));
    let kind = entry.get("kind_name").and_then(Json::as_str).map(Into::into).or(number)?;
    let index = item.get("index").and_then(Json::as_uint)?;
    let origin = item.get("checkpoint").map(|checkpoint| string(checkpoint, "origin"))?;
    Some(format!("{kind}, entry {index} of {}", code(origin)))
}

/// What a check found, and what it should have found where that is something else.
fn details(check: &Json) -> String {
    let of = |name| check.get(name).and_then(Json::as_str);
    let found = match (of("expected"), of("got")) {
        (Some(expected), Some(got))
            if string(check, "status") == "pass" && DIGESTS.contains(&string(check, "name")) =>
        {
            agreeing(expected, got)
        }
        (Some(expected), Some(got)) if string(check, "status") != "pass" => {
            format!("expected {expected}, got {got}")
        }
        (_, got) => got.unwrap_or_default().into(),
    };
    let parts = [found.as_str(), of("remark").unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Of the digests that were found those that were expected: an entry has more, which nobody compared.
fn agreeing(expected: &str, got: &str) -> String {
    let expected: Vec<&str> = expected.split(", ").collect();
    let found = got.split("; ").flat_map(|digests| digests.split(", "));
    found.filter(|digest| expected.contains(digest)).collect::<Vec<_>>().join(", ")
}

/// The claims by what is known of them, in the words that the verdict has for it.
fn standings(item: &Json) -> Vec<(String, Vec<String>)> {
    let mut standings: Vec<(String, Vec<String>)> = Vec::new();
    for claim in array(item, "claims") {
        let name = code(&format!("{}.{}", string(claim, "section"), string(claim, "name")));
        let compared: Vec<&str> = array(claim, "compared_paths").iter().filter_map(Json::as_str).collect();
        let (standing, names) = if compared.is_empty() {
            (string(claim, "standing").to_owned(), vec![name])
        } else {
            ("compared above".to_owned(), compared.into_iter().map(code).collect())
        };
        match standings.iter_mut().find(|(other, _)| *other == standing) {
            Some((_, known)) => known.extend(names),
            None => standings.push((standing, names)),
        }
    }
    standings
}

fn marked(status: &str) -> &'static str {
    match status {
        "pass" => "✓",
        "warn" => "!",
        "skip" => "-",
        _ => "✗",
    }
}

/// Text that is nothing but text: what isn't seen is told, and a sign that could mean something is written by its number, which
/// Markdown shows as the sign and takes for nothing else.
fn code(text: &str) -> String {
    let shown = printable(&told_spaces(text));
    let mut safe = String::from("<code>");
    for character in shown.chars().take(TEXT_CHARS_MAX) {
        if character.is_ascii_punctuation() && !PLAIN.contains(&character) {
            // Invariant: writing to a string cannot fail.
            let _ = write!(safe, "&#{};", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    let cut = if shown.chars().nth(TEXT_CHARS_MAX).is_some() { "..." } else { "" };
    if safe.len() == "<code>".len() { String::new() } else { format!("{safe}{cut}</code>") }
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

fn paragraph(page: &mut String, text: &str) {
    line(page, text);
    page.push('\n');
}

fn string<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn array<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    match json.get(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables_of(json: &serde_json::Value) -> String {
        tables(&Json::parse(json.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn checks_are_rows_and_claims_are_told_by_name() {
        let page = tables_of(&serde_json::json!({
            "schema_version": 1, "exit": 3,
            "trust": {"path": "trust", "origin": "example.com/log", "fingerprint": "ab".repeat(32)},
            "receipts": [{
                "source": "a.tlog-proof", "verdict": "not proven", "exit": 3,
                "checks": [
                    {"name": "index", "status": "pass", "got": "5"},
                    {"name": "subject", "status": "skip", "remark": "not compared"},
                    {"name": "root", "status": "fail", "expected": "01", "got": "02", "remark": "of 7"},
                    {"name": "gate", "status": "not disclosed"},
                    {"name": "quorum", "status": "warn"},
                ],
                "unmet": ["no subject was compared"],
                "checkpoint": {"origin": "example.com/log", "size": 7, "root": "00"},
                "index": 5, "leaf_hash": "00",
                "entry": {"kind": 4, "kind_name": "promotion", "time_ms": 1},
                "claims": [
                    {"section": "submitted", "name": "model", "standing": "asserted by submitter, not checked", "compared_paths": [], "value": "the-model"},
                    {"section": "submitted", "name": "subject", "standing": "asserted by submitter, not checked", "compared_paths": ["submitted.subject.0.digest.sha256"], "value": []},
                    {"section": "submitted", "name": "x-a", "standing": "asserted by submitter, not checked", "compared_paths": [], "value": 1},
                    {"section": "attested", "name": "workload_evidence", "standing": "not disclosed", "compared_paths": [], "hash": "00"},
                ],
            }],
            "mirrors": [{"source": "m", "verdict": "malformed", "exit": 8, "error": "no note", "checks": [{"name": "format", "status": "fail"}]}],
            "trees": {"sizes": 2, "consistency": "fork", "forks": [{"size": 7, "sources": ["a", "b"]}]},
        }));
        for line in [
            "### ✗ not proven: promotion, entry 5 of <code>example&#46;com/log</code>",
            "<code>a&#46;tlog-proof</code>",
            "✗ <code>no subject was compared</code>",
            "| ✓ pass | <code>index</code> | <code>5</code> |",
            "| - skip | <code>subject</code> | <code>not compared</code> |",
            "| ✗ fail | <code>root</code> | <code>expected 01, got 02&#59; of 7</code> |",
            "| ✗ not disclosed | <code>gate</code> |  |",
            "| ! warn | <code>quorum</code> |  |",
            "- asserted by submitter, not checked: <code>submitted&#46;model</code>, <code>submitted&#46;x-a</code>",
            "- compared above: <code>submitted&#46;subject&#46;0&#46;digest&#46;sha256</code>",
            "- not disclosed: <code>attested&#46;workload&#95;evidence</code>",
            "### ✗ malformed",
            "✗ <code>no note</code>",
            "✗ **fork**: <code>a</code> and <code>b</code> are of two histories",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line:?} in {page}");
        }
        assert!(!page.contains("the-model"), "{page}");
    }

    /// However it is written, it is one cell, and no sign of it is left that Markdown or HTML reads.
    #[test]
    fn strangers_text_is_text() {
        let signs: String = (0..0x80_u8).map(char::from).collect();
        let hostile = [
            signs.as_str(),
            "a | b\n| ✓ pass | root | as expected |",
            "`code` ```\n<script>alert(1)</script> <!-- <img src=https://example.com/a.png>",
            "[click](https://example.com) ![](https://example.com/a.png) www.example.com @alice #1",
            "&lt;b&gt; &#60; $x$ :x: ~~no~~ **yes** _a_ \\| \u{2028}\u{202e}\r\n# head",
            "</code>",
        ];
        for text in hostile {
            let page = tables_of(&serde_json::json!({
                "receipts": [{"source": text, "verdict": "verified", "exit": 0,
                    "checks": [{"name": text, "status": "pass", "got": text}],
                    "claims": [{"section": "submitted", "name": text, "standing": "not disclosed"}]}],
            }));
            assert_eq!(page.lines().filter(|line| line.starts_with('|')).count(), 3, "{page}");
            assert_eq!(page.matches('|').count(), 4 + 4 + 4, "{page}");
            assert_eq!(page.matches('<').count(), 2 * page.matches("<code>").count(), "{page}");
            let of_text: String =
                page.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap()).collect();
            let without_numbers =
                of_text.split("&#").enumerate().map(|(at, part)| match part.split_once(';') {
                    Some((number, rest)) if at > 0 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                        rest
                    }
                    _ if at == 0 => part,
                    _ => panic!("{part:?} in {page}"),
                });
            let left: String = without_numbers.collect();
            let means =
                |sign: char| sign.is_control() || (sign.is_ascii_punctuation() && !PLAIN.contains(&sign));
            assert!(!left.contains(means), "{left:?} in {page}");
            assert_eq!(page.lines().count(), 10, "{page}");
        }
    }

    #[test]
    fn of_digests_those_that_agree_are_shown_and_all_where_none_does() {
        let shown = |status: &str, expected: &str, got: &str| {
            let check =
                serde_json::json!({"name": "subject", "status": status, "expected": expected, "got": got});
            details(&Json::parse(check.to_string().as_bytes()).unwrap())
        };
        let got = "sha256:aa, sha1:cc; gitCommit:bb";
        assert_eq!(shown("pass", "sha256:aa, sha512:dd", got), "sha256:aa");
        assert_eq!(shown("pass", "gitCommit:bb", got), "gitCommit:bb");
        assert_eq!(shown("fail", "sha256:ee", got), format!("expected sha256:ee, got {got}"));
    }

    #[test]
    fn long_text_is_cut() {
        let cell = code(&"a|".repeat(TEXT_CHARS_MAX));
        assert!(cell.ends_with("a&#124;...</code>"), "{cell}");
        assert_eq!(code(""), "");
    }
}
