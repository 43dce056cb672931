//! The table of error codes in SPEC.md is the daemon's own. `PROVLOG_BLESS=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::fs;
use std::path::Path;

#[test]
fn the_codes_in_spec_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md");
    let spec = fs::read_to_string(&path).unwrap();
    let start = "<!-- generated: codes -->\n";
    let (before, rest) = spec.split_once(start).unwrap();
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    let generated = provlogd::http::problem::codes_markdown();
    if found != generated {
        assert!(
            std::env::var("PROVLOG_BLESS").as_deref() == Ok("1"),
            "SPEC.md, codes: expected\n{generated}\ngot\n{found}"
        );
        fs::write(&path, format!("{before}{start}{generated}<!-- end -->{after}")).unwrap();
    }
}
