//! The page: its program and style from `cli/report`, and the data blocks between them.

use super::summary::{Summary, SummaryJson};
use crate::crosswalk::evaluate::{ControlResult, Evaluator, Finding, Tally};
use crate::crosswalk::load::Framework;
use crate::local::time;
use base64ct::{Base64, Encoding as _};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use provlog_core::claims::KINDS;
use provlog_core::package::Manifest;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write as _};

/// The page with holes in it, as `{{name}}`.
const TEMPLATE: &str = include_str!("../../../../report/page.html");

const STYLE: &str = include_str!("../../../../report/style.css");

/// A part of the page's program: its name, and its text.
macro_rules! part {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../../report/js/", $name)))
    };
}

/// The page's program, in the order in which its parts stand: the verifier, which knows no page, and then the page.
const SCRIPTS: [(&str, &str); 33] = [
    part!("01-sha256.js"),
    part!("02-bytes.js"),
    part!("03-json.js"),
    part!("04-cbor.js"),
    part!("05-record.js"),
    part!("06-keys.js"),
    part!("07-note.js"),
    part!("08-trust.js"),
    part!("09-tree.js"),
    part!("10-manifest.js"),
    part!("11-filters.js"),
    part!("11-text.js"),
    part!("12-files.js"),
    part!("13-names.js"),
    part!("13-records.js"),
    part!("13-references.js"),
    part!("13-signatures.js"),
    part!("14-verify.js"),
    part!("15-decision.js"),
    part!("15-recount.js"),
    part!("20-element.js"),
    part!("21-words.js"),
    part!("22-data.js"),
    part!("23-cover.js"),
    part!("24-verdict.js"),
    part!("25-summary.js"),
    part!("26-timeline.js"),
    part!("27-controls.js"),
    part!("28-value.js"),
    part!("29-record.js"),
    part!("30-browse.js"),
    part!("31-choose.js"),
    part!("40-main.js"),
];

/// How a data block ends.
const BLOCK_END: &str = "</script>\n";

/// What a page is made of.
pub(in crate::verb::export) struct ReportPage<'a> {
    /// The manifest, but for the page's own row: a file can't hold its own digest.
    pub(super) statement: &'a Manifest,
    /// The trust file that the maker believes.
    pub(super) trust: &'a str,
    /// Whether the records are in the page.
    pub(super) embedded: bool,
    /// The package's files that are.
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
    pub(super) summary: &'a Summary,
    pub(super) evidence: Evaluator<'a>,
}

/// A page that can't be made: a fault of this program, or of its memory.
#[derive(Debug, thiserror::Error)]
pub(in crate::verb::export) enum ReportError {
    #[error("report.html: {0}")]
    Json(#[from] serde_json::Error),
    #[error("report.html: {0}")]
    Deflate(#[from] io::Error),
    #[error("report.html: the page has a hole that nothing fills: {0}")]
    Hole(String),
}

/// The whole page.
pub(in crate::verb::export) fn render(page: ReportPage<'_>) -> Result<String, ReportError> {
    let script = script();
    let csp = csp(&script);
    let (origin, count) = (&page.statement.origin, page.statement.count);
    let title = format!("Evidence from {origin}: {count} entries");
    let found = page.evidence.finish();
    let summary = page.summary.to_json(found.referred_approvals);
    let sentence = in_words(page.statement, &summary);
    let json = PageJson {
        embedded: page.embedded,
        trust: page.trust,
        kinds: KINDS
            .iter()
            .map(|spec| KindJson { number: spec.kind.number(), name: spec.name, means: spec.meaning })
            .collect(),
        summary,
        controls: frameworks(&found.controls),
    };
    let data = data(page.statement, &json, &page.files)?;
    fill(TEMPLATE, |hole| {
        Some(match hole {
            "csp" => csp.clone(),
            "title" => escaped(&title),
            "style" => STYLE.into(),
            "script" => script.clone(),
            "noscript" => escaped(&sentence),
            "data" => data.clone(),
            _ => return None,
        })
    })
}

/// What a page differs in from the one that was made: the first of its parts that isn't the same. None: in nothing.
pub(super) fn difference(html: &str, made: &str) -> Option<String> {
    if html == made {
        return None;
    }
    let own_words =
        [html, made].map(|page| page.split_once("<script type=\"application/json\"").map(|(words, _)| words));
    let [is, own] = [html, made].map(page_json);
    let (Some(is), Some(own)) = (is, own) else {
        return Some("it is no page of this program: there is no data in it to compare".into());
    };
    let differing = own.iter().find(|(name, value)| is.get(name.as_str()) != Some(value));
    Some(match differing {
        Some((name, _)) if name == "controls" => {
            "its table of controls is not what the built-in crosswalk says of these records".into()
        }
        Some((name, _)) => format!("its \"{name}\" is not what these records make"),
        None if own_words[0] != own_words[1] => {
            "its title, words, style or program are not this version's".into()
        }
        None => "it holds other files, data or text than these records make".into(),
    })
}

/// The trust file in a page.
pub(super) fn trust_in(html: &str) -> Option<String> {
    page_json(html)?.get("trust")?.as_str().map(Into::into)
}

/// What a page's own data block says.
fn page_json(html: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let (_, from) = html.split_once("<script type=\"application/json\" id=\"page\">")?;
    let (json, _) = from.split_once(BLOCK_END)?;
    match serde_json::from_str(json).ok()? {
        serde_json::Value::Object(members) => Some(members),
        _ => None,
    }
}

fn csp(script: &str) -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'",
        digest(script),
        digest(STYLE)
    )
}

/// The page's program: one function, so that nothing of it is in the page's global names.
fn script() -> String {
    format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.map(|(_, text)| text).concat())
}

fn digest(text: &str) -> String {
    Base64::encode_string(&Sha256::digest(text))
}

fn in_words(statement: &Manifest, summary: &SummaryJson) -> String {
    let which = match (&statement.range, statement.filters.entry) {
        (Some(range), _) => format!("all entries from {} to {}", range.start, range.end.saturating_sub(1)),
        (None, Some(entry)) => {
            format!("entry {entry}, and {} of those that it leads to,", summary.count.saturating_sub(1))
        }
        (None, None) => format!("{} selected entries", summary.count),
    };
    format!(
        "This package holds {which} of the log {}, logged from {} to {}. A browser that runs no scripts can't check \
         it. The same records are in records.csv and records.jsonl, and provlog verify checks all of the package.",
        statement.origin,
        time::rfc3339(summary.first_ms),
        time::rfc3339(summary.last_ms)
    )
}

fn data(statement: &Manifest, json: &PageJson<'_>, files: &[(&str, Vec<u8>)]) -> Result<String, ReportError> {
    let statement = String::from_utf8_lossy(&statement.to_bytes()).into_owned();
    let mut blocks = block("statement", &statement) + &block("page", &serde_json::to_string(json)?);
    for (name, bytes) in files {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(bytes)?;
        let text = Base64::encode_string(&deflated.finish()?);
        blocks.push_str(&format!("<script type=\"text/plain\" data-file=\"{name}\">{text}{BLOCK_END}"));
    }
    Ok(blocks)
}

/// JSON in an element that isn't run. Without `<` in it, nothing in it ends the element.
fn block(id: &str, json: &str) -> String {
    let json = json.replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"{id}\">{json}{BLOCK_END}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Fills the holes of a text. What is filled in isn't looked at again.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, ReportError> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        let hole = || ReportError::Hole(behind.chars().take(20).collect());
        let (name, behind) = behind.split_once("}}").ok_or_else(hole)?;
        filled.push_str(before);
        filled.push_str(&value(name).ok_or_else(hole)?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[derive(Serialize)]
struct PageJson<'p> {
    embedded: bool,
    trust: &'p str,
    kinds: Vec<KindJson>,
    summary: SummaryJson,
    controls: Vec<FrameworkJson<'p>>,
}

#[derive(Serialize)]
struct KindJson {
    number: u8,
    name: &'static str,
    means: &'static str,
}

#[derive(Serialize)]
struct FrameworkJson<'p> {
    name: &'p str,
    edition: &'p str,
    source: &'p str,
    url: &'p str,
    note: Option<&'p str>,
    controls: Vec<ControlJson<'p>>,
}

#[derive(Serialize)]
struct ControlJson<'p> {
    id: &'p str,
    title: &'p str,
    official: &'p [String],
    status: &'static str,
    supports: &'p str,
    findings: Vec<FindingJson<'p>>,
}

#[derive(Serialize)]
struct FindingJson<'p> {
    id: &'p str,
    looks_for: &'p str,
    /// Whether every entry that is asked should match, or some entry.
    every: bool,
    status: &'static str,
    met: TallyJson<'p>,
    unmet: TallyJson<'p>,
    undisclosed: TallyJson<'p>,
    unresolved: TallyJson<'p>,
}

#[derive(Serialize)]
struct TallyJson<'p> {
    count: u64,
    indices: &'p [u64],
}

/// The results of each framework's controls, which stand together.
fn frameworks<'p>(results: &'p [ControlResult<'p>]) -> Vec<FrameworkJson<'p>> {
    let of_one = results.chunk_by(|a, b| a.framework.id == b.framework.id);
    of_one
        .filter_map(|results| {
            let Framework { name, edition, source, url, note, .. } = results.first()?.framework;
            let controls = results.iter().map(control).collect();
            Some(FrameworkJson { name, edition, source, url, note: note.as_deref(), controls })
        })
        .collect()
}

fn control<'p>(result: &'p ControlResult<'p>) -> ControlJson<'p> {
    ControlJson {
        id: &result.control.id,
        title: &result.control.title,
        official: &result.control.official,
        status: result.status.as_str(),
        supports: &result.control.supports,
        findings: result.findings.iter().map(finding).collect(),
    }
}

fn finding<'p>(finding: &'p Finding<'p>) -> FindingJson<'p> {
    let tally = |tally: &'p Tally| TallyJson { count: tally.count, indices: &tally.indices };
    FindingJson {
        id: &finding.evidence.id,
        looks_for: &finding.evidence.looks_for,
        every: finding.evidence.query.every(),
        status: finding.status.as_str(),
        met: tally(&finding.tallies.met),
        unmet: tally(&finding.tallies.unmet),
        undisclosed: tally(&finding.tallies.undisclosed),
        unresolved: tally(&finding.tallies.unresolved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_program_is_in_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/report/js");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, SCRIPTS.map(|(name, _)| name));
    }

    /// An element that is run, or a style, ends at the first such text in it.
    #[test]
    fn nothing_in_the_program_ends_it() {
        assert!(!script().to_lowercase().contains("</script") && !script().contains("<!--"));
        assert!(!STYLE.to_lowercase().contains("</style"));
    }

    #[test]
    fn holes_are_filled_once() {
        let value = |hole: &str| (hole == "a").then(|| "{{a}}".into());
        assert_eq!(fill("x {{a}} y", value).unwrap(), "x {{a}} y");
        for template in ["{{b}}", "{{a"] {
            assert!(matches!(fill(template, value), Err(ReportError::Hole(_))), "{template}");
        }
    }

    #[test]
    fn nothing_in_a_block_ends_it() {
        let block = block("page", "{\"a\":\"</script><script>x</script><!--\"}");
        assert_eq!(block.matches('<').count(), 2, "{block}");
        assert!(block.contains("\\u003c/script>\\u003cscript>"), "{block}");
    }
}
