//! What is generated from this crate: the kinds, the CDDL and the limits in SPEC.md, and the JSON Schemas in docs/schema.
//! `PROVLOG_BLESS=1` writes them anew; otherwise a difference fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod cddl;
mod schema;

use provlog_core::limits;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn check(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md");
    let spec = fs::read_to_string(&path).unwrap();
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = spec.split_once(&start).unwrap_or_else(|| panic!("SPEC.md has no {start}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    if found != generated {
        assert!(
            std::env::var("PROVLOG_BLESS").as_deref() == Ok("1"),
            "SPEC.md, {name}: expected\n{generated}\ngot\n{found}"
        );
        fs::write(&path, format!("{before}{start}{generated}<!-- end -->{after}")).unwrap();
    }
}

#[test]
fn generated_parts_are_current() {
    check("kinds", &format!("{}\n", cddl::kinds_table().trim_end()));
    check("cddl", &format!("```cddl\n{}\n```\n", cddl::cddl().trim_end()));
    check("limits", &limits_table());
}

fn limits_table() -> String {
    let rows: [(&str, u64); 32] = [
        ("integer, index, size, time in ms: at most", limits::INTEGER_MAX),
        ("time in ms: at least", limits::TIME_MS_MIN),
        ("entry, bytes: exactly", bytes(limits::ENTRY_BYTES)),
        ("kind number: at most", limits::KIND_MAX.into()),
        ("claim name, bytes: at most", bytes(limits::CLAIM_NAME_BYTES_MAX)),
        ("claims in a section: at most", bytes(limits::CLAIMS_MAX)),
        ("disclosed claim with salt, bytes: at most", bytes(limits::CLAIM_BYTES_MAX)),
        ("hidden claim, bytes; every claim counts at least this", bytes(limits::CLAIM_HIDDEN_BYTES)),
        ("record, bytes: at most", bytes(limits::RECORD_BYTES_MAX)),
        ("salt, bytes: exactly", bytes(limits::SALT_BYTES)),
        ("nesting of a claim's value: at most", bytes(limits::VALUE_DEPTH_MAX)),
        ("nesting of a record: at most", bytes(limits::RECORD_DEPTH_MAX)),
        ("origin or key name, bytes: at most", bytes(limits::ORIGIN_BYTES_MAX)),
        ("signature lines of a note: at most", bytes(limits::SIGNATURES_MAX)),
        ("signed note, bytes: at most", bytes(limits::NOTE_BYTES_MAX)),
        ("hashes of a proof: at most", bytes(limits::PROOF_HASHES_MAX)),
        ("receipt, bytes: at most", bytes(limits::RECEIPT_BYTES_MAX)),
        ("trust file, bytes: at most", bytes(limits::TRUST_BYTES_MAX)),
        ("witnesses and groups in a trust file, together: at most", bytes(limits::TRUST_MEMBERS_MAX)),
        (
            "records before it in which a package's reference is looked up: at most",
            bytes(limits::REFERRED_BACK_MAX),
        ),
        ("entries in a package: at most", limits::PACKAGE_ENTRIES_MAX),
        ("entries in the package of an entry: at most", limits::ENTRY_PACKAGE_ENTRIES_MAX),
        ("entries that it names and leaves out: at most", bytes(limits::LEFT_OUT_MAX)),
        ("entries that it lists as left out: at most", bytes(limits::LEFT_OUT_LISTED_MAX)),
        ("name of a filter, bytes: at most", bytes(limits::FILTER_NAME_BYTES_MAX)),
        ("files in a package, before it is refused unread: at most", bytes(limits::PACKAGE_FILES_MAX)),
        ("`manifest.json`, bytes: at most", bytes(limits::MANIFEST_BYTES_MAX)),
        ("`manifest.sha256`, bytes: exactly", bytes(limits::MANIFEST_SHA256_BYTES)),
        ("item of `records.cbor`, bytes: at most", bytes(limits::ITEM_BYTES_MAX)),
        ("`consistency.bin`, bytes: at most", bytes(limits::CONSISTENCY_BYTES_MAX)),
        ("`report.html`, bytes: at most", limits::REPORT_BYTES_MAX),
        ("directory of a ZIP, bytes: at most", limits::ZIP_DIRECTORY_BYTES_MAX),
    ];
    let mut table = String::from("| what | limit |\n| --- | --- |\n");
    for (what, limit) in rows {
        writeln!(table, "| {what} | {limit} |").unwrap();
    }
    table
}

fn bytes(limit: usize) -> u64 {
    u64::try_from(limit).unwrap()
}
