//! Bytes that are no receipt: CBOR outside of the profile, records, notes and text of the wrong form.

use super::super::forge::{RawClaim, RawSection, signature_line};
use super::{Case, changed, edited, nested, promotion, promotion_with, retext, text, with_value};
use provlog_core::Hash;
use provlog_core::cbor::Value;

pub fn malformed_cbor() -> Vec<Case> {
    let long_head = [0x18, 0x17];
    let cases: [(&'static str, &[u8]); 15] = [
        ("cbor-tag", &[0xc1, 0x01]),
        ("cbor-float", &[0xf9, 0x3c, 0x00]),
        ("cbor-undefined", &[0xf7]),
        ("cbor-simple", &[0xe0]),
        ("cbor-integer-range", &[0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0]),
        ("cbor-negative-range", &[0x3b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("cbor-indefinite", &[0x9f, 0x01, 0xff]),
        ("cbor-indefinite-text", &[0x7f, 0x61, 0x61, 0xff]),
        ("cbor-long-head", &long_head),
        ("cbor-long-length", &[0x78, 0x01, 0x61]),
        ("cbor-reserved-head", &[0x1c]),
        ("cbor-key-order", &[0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x01]),
        ("cbor-key-twice", &[0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x01]),
        ("cbor-key-integer", &[0xa1, 0x01, 0x01]),
        ("cbor-not-utf-8", &[0x62, 0xc3, 0x28]),
    ];
    let mut all: Vec<Case> =
        cases.iter().map(|(name, value)| Case::malformed(name, with_value(value))).collect();
    all.push(Case::malformed("depth-9", with_value(&nested(9))));
    all
}

pub fn malformed_record() -> Vec<Case> {
    let entry = promotion().entry();
    let with_entry = |entry: &[u8]| changed(|forge| forge.record = promotion().to_bytes(entry));
    let mut version_0 = entry;
    version_0[1] = 0;
    let mut kind_24 = entry;
    kind_24[2] = 24;
    let mut early = entry;
    early[4..12].copy_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    let claims = |change: fn(RawSection) -> RawSection| {
        promotion_with(|record| record.submitted = change(std::mem::take(&mut record.submitted))).receipt()
    };
    let many = |count: usize| {
        let named = |section: RawSection, n| section.with(&format!("x-{n:02}"), &Value::Null);
        promotion_with(|record| record.submitted = (0..count).fold(RawSection::default(), named)).receipt()
    };
    let big = |sizes: &[usize]| {
        let named = |section: RawSection, (n, size): (usize, &usize)| {
            section.with(&format!("x-{n}"), &text(&"a".repeat(*size)))
        };
        promotion_with(|record| {
            record.submitted = sizes.iter().enumerate().fold(RawSection::default(), named)
        })
        .receipt()
    };
    vec![
        Case::malformed("record-trailing-bytes", changed(|forge| forge.record.push(0xf6))),
        Case::malformed("record-truncated", changed(|forge| _ = forge.record.pop())),
        Case::malformed("record-empty", changed(|forge| forge.record.clear())),
        Case::malformed(
            "record-two-items",
            changed(|forge| {
                let attested = promotion().attested.to_bytes().len();
                forge.record.truncate(forge.record.len() - attested);
                forge.record[0] = 0x82;
            }),
        ),
        Case::malformed(
            "record-sections-of-integers",
            changed(|forge| {
                forge.record = [&[0x83, 0x58, 80][..], &entry, &[0, 0]].concat();
            }),
        ),
        Case::malformed("entry-79-bytes", with_entry(&entry[..79])),
        Case::malformed("entry-81-bytes", with_entry(&[&entry[..], &[0]].concat())),
        Case::malformed("entry-version-0", with_entry(&version_0)),
        Case::malformed("entry-kind-24", with_entry(&kind_24)),
        Case::malformed("entry-time-below-2-32", with_entry(&early)),
        Case::malformed("claim-name", claims(|section| section.with("Model", &Value::Null))),
        Case::malformed("claim-name-empty", claims(|section| section.with("", &Value::Null))),
        Case::malformed("claim-name-65", claims(|section| section.with(&"a".repeat(65), &Value::Null))),
        Case::malformed(
            "claim-order",
            claims(|mut section| {
                section.0.swap(0, 1);
                section
            }),
        ),
        Case::malformed("claim-twice", claims(|section| section.with("model", &Value::Null))),
        Case::malformed(
            "claim-salt-15",
            claims(|mut section| {
                *section.claim("model") = RawClaim::of_bytes(&[1; 15], &[0x01]);
                section
            }),
        ),
        Case::malformed(
            "claim-three-items",
            claims(|mut section| {
                let claim = section.claim("model");
                claim.encoded[0] = 0x83;
                claim.encoded.push(0xf6);
                claim.hash = Hash::claim(&claim.encoded);
                section
            }),
        ),
        Case::malformed(
            "claim-hash-31",
            claims(|mut section| {
                let claim = section.claim("model");
                claim.encoded = [&[0x58, 31][..], &claim.hash.0[..31]].concat();
                section
            }),
        ),
        Case::new("claims-64", many(64), 0, &[]),
        Case::malformed("claims-65", many(65)),
        // A claim of 16,384 bytes: array head 1, salt 17, text head 3, text 16,363.
        Case::new("claim-16384", big(&[16_363]), 0, &[]),
        Case::malformed("claim-16385", big(&[16_364])),
        Case::new("record-of-48000", exactly(48_000), 0, &[]),
        Case::malformed("record-of-48001", exactly(48_001)),
        Case::malformed("record-over-48000", big(&[16_000, 16_000, 16_000])),
    ]
}

/// A record that counts exactly so many bytes, with short claims in it that count for more than they are long.
fn exactly(counted: usize) -> Vec<u8> {
    let short_claims = 10;
    let record_of = |filling: usize| {
        let mut record = promotion();
        record.submitted = (0..short_claims)
            .map(|n| (format!("x-{n}"), Value::Null))
            .chain(
                (0..4)
                    .map(|n| (format!("x-big{n}"), text(&"a".repeat(if n == 0 { filling } else { 12_000 })))),
            )
            .fold(RawSection::default(), |section, (name, value)| section.with(&name, &value));
        record
    };
    let count = |filling| {
        let record = record_of(filling);
        let claims = record.submitted.0.iter().chain(&record.attested.0);
        let short: usize = claims.map(|(_, claim)| 34usize.saturating_sub(claim.encoded.len())).sum();
        record.to_bytes(&[0; 80]).len() + short
    };
    let filling = 10_000 + counted - count(10_000);
    record_of(filling).forge().receipt()
}

pub fn malformed_text() -> Vec<Case> {
    let index_line = "\nindex 5\n";
    let first_hash = promotion().forge().proof[0].to_base64();
    let many = |count: usize| changed(|forge| forge.proof = vec![forge.proof[0]; count]);
    let signatures = |count: usize| {
        changed(|forge| {
            forge.signatures.extend((1..count).map(|_| signature_line("example.org/other", &[7; 68])))
        })
    };
    let mut not_utf8 = promotion().forge().receipt();
    not_utf8.push(0xff);
    let good = promotion().forge().receipt();
    vec![
        Case::malformed("receipt-empty", Vec::new()),
        Case::malformed("receipt-header", edited("tlog-proof@v1", "tlog-proof@v2")),
        Case::malformed("receipt-no-extra", edited("extra ", "other ")),
        Case::malformed("receipt-extra-twice", edited("\nindex", "\nextra AA==\nindex")),
        Case::malformed("receipt-extra-spare-bits", changed_base64(&with_value(&[0x41, 0x00]))),
        Case::malformed("receipt-index-leading-zero", edited(index_line, "\nindex 05\n")),
        Case::malformed("receipt-index-signed", edited(index_line, "\nindex +5\n")),
        Case::malformed("receipt-index-too-large", edited(index_line, "\nindex 9007199254740992\n")),
        Case::malformed("receipt-index-missing", edited(index_line, "\n")),
        Case::malformed("receipt-hash-unpadded", edited(&first_hash, first_hash.trim_end_matches('='))),
        Case::malformed("receipt-hash-space", edited(&first_hash, &format!("{first_hash} "))),
        Case::malformed("receipt-hashes-64", many(64)),
        Case::malformed("receipt-crlf", edited(index_line, "\nindex 5\r\n")),
        Case::malformed("receipt-not-utf-8", not_utf8),
        Case::malformed("receipt-trailing-line", [&good[..], b"more\n"].concat()),
        Case::malformed("checkpoint-no-final-newline", good[..good.len() - 1].to_vec()),
        Case::malformed("checkpoint-extension", retext(|text| format!("{text}extension\n"))),
        Case::malformed("checkpoint-size-leading-zero", retext(|text| text.replace("\n11\n", "\n011\n"))),
        Case::malformed(
            "checkpoint-size-too-large",
            retext(|text| text.replace("\n11\n", "\n9007199254740992\n")),
        ),
        Case::malformed("checkpoint-root-unpadded", retext(|text| text.replace("=\n", "\n"))),
        Case::malformed("checkpoint-origin-space", retext(|text| text.replace("vectors", "vec tors"))),
        Case::malformed("checkpoint-control-character", retext(|text| text.replace("vectors", "vec\ttors"))),
        Case::malformed("checkpoint-unsigned", changed(|forge| forge.signatures.clear())),
        Case::malformed(
            "signature-line-malformed",
            changed(|forge| forge.signatures.push("\u{2014} other AAAA\n".into())),
        ),
        Case::malformed("signature-line-hyphen", edited("\u{2014}", "-")),
        Case::new("signatures-32", signatures(32), 0, &[]),
        Case::malformed("signatures-33", signatures(33)),
    ]
}

/// The receipt with a bit set that base64 doesn't use.
fn changed_base64(receipt: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(receipt).unwrap();
    let extra = text.lines().nth(1).unwrap();
    assert!(extra.ends_with('='), "the record's length must leave unused bits");
    let unpadded = extra.trim_end_matches('=');
    let (rest, last) = unpadded.split_at(unpadded.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = alphabet.find(last).unwrap();
    let spare = &alphabet[value + 1..value + 2];
    text.replacen(extra, &format!("{rest}{spare}{}", "=".repeat(extra.len() - unpadded.len())), 1)
        .into_bytes()
}
