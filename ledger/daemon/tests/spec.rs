//! The tables of error codes, of those of which the log writes entries, and of who may ask for what in SPEC.md, and docs/openapi.json,
//! are the daemon's own. `PROVLOG_BLESS=1` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::fs;
use std::path::Path;

/// Holds the table of this name to what the daemon says.
fn assert_current(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md");
    let spec = fs::read_to_string(&path).unwrap();
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = spec.split_once(&start).unwrap();
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    if found != generated {
        assert!(
            std::env::var("PROVLOG_BLESS").as_deref() == Ok("1"),
            "SPEC.md, {name}: expected\n{generated}\ngot\n{found}"
        );
        fs::write(&path, format!("{before}{start}{generated}<!-- end -->{after}")).unwrap();
    }
}

/// One test, since two would write one file.
#[test]
fn the_tables_in_spec_are_current() {
    assert_current("codes", &provlogd::http::codes::codes_markdown());
    assert_current("refusals", &provlogd::written_markdown());
    assert_current("access", &provlogd::access_markdown());
}

#[test]
fn the_openapi_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let (generated, found) = (provlogd::openapi_json().unwrap(), fs::read_to_string(&path).unwrap());
    for code in provlogd::http::codes::CODES {
        assert!(
            generated.contains(&format!("\"{}\"", code.code)),
            "{} is in no group of refusals",
            code.code
        );
    }
    if found != generated {
        assert!(std::env::var("PROVLOG_BLESS").as_deref() == Ok("1"), "docs/openapi.json is another one");
        fs::write(&path, generated).unwrap();
    }
}
