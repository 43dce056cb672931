//! Every vector: its name, what is wrong in it, and what a verifier has to say.

use super::forge::{
    Forge, ORIGIN, RawClaim, RawRecord, RawSection, Witness, edges, log_signer, salt, signature_line,
};
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::expectation::Expectation;
use serde_json::{Value as Json, json};

/// One vector.
pub struct Case {
    pub name: &'static str,
    pub receipt: Vec<u8>,
    pub trust: Vec<u8>,
    pub expectations: Vec<Json>,
    pub exit: i32,
    /// Checks that fail or are not disclosed, in order.
    pub refused: Vec<&'static str>,
}

impl Case {
    fn new(name: &'static str, receipt: Vec<u8>, exit: i32, refused: &[&'static str]) -> Self {
        Self { name, receipt, trust: trust(), expectations: Vec::new(), exit, refused: refused.to_vec() }
    }

    fn good(name: &'static str, forge: &Forge) -> Self {
        Self::new(name, forge.receipt(), 0, &[])
    }

    fn malformed(name: &'static str, receipt: Vec<u8>) -> Self {
        Self::new(name, receipt, 8, &["format"])
    }

    fn trusting(mut self, trust: String) -> Self {
        self.trust = trust.into_bytes();
        self
    }

    fn expecting(mut self, expectations: &[Json]) -> Self {
        self.expectations = expectations.to_vec();
        self
    }

    pub fn parsed_expectations(&self) -> Vec<Expectation> {
        self.expectations.iter().map(parse_expectation).collect()
    }
}

fn parse_expectation(json: &Json) -> Expectation {
    if let Some(text) = json.as_str() {
        return text.parse().unwrap();
    }
    let digest = |json: &Json| {
        let mut map = Map::new();
        for (algorithm, hex) in json.as_object().unwrap() {
            let bytes = provlog_core::hex::decode(hex.as_str().unwrap()).unwrap();
            map.insert(algorithm.as_str(), Value::Bytes(bytes)).unwrap();
        }
        map
    };
    match (json.get("subject"), json.get("prompt")) {
        (Some(subject), None) => Expectation::Subject(digest(subject)),
        (None, Some(prompt)) => Expectation::Prompt(digest(prompt)),
        _ => panic!("expected subject or prompt: {json}"),
    }
}

fn trust() -> Vec<u8> {
    format!("log {}\nquorum none\n", log_signer(ORIGIN).verifier()).into_bytes()
}

fn text(text: &str) -> Value {
    text.into()
}

fn map(entries: &[(&str, Value)]) -> Value {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(*key, value.clone()).unwrap();
    }
    Value::Map(map)
}

fn sha256(of: &str) -> Value {
    map(&[("sha256", Value::Bytes(Hash::plain(of.as_bytes()).0.to_vec()))])
}

/// The record that most vectors are about: a promotion that links all five facts.
fn promotion() -> RawRecord {
    let approver = map(&[("id", text("alice@example.com")), ("kind", text("human"))]);
    let approval = map(&[("approver", approver), ("method", text("review"))]);
    let submitted = RawSection::default()
        .with(
            "subject",
            &Value::Array(vec![map(&[("name", text("app.tar")), ("digest", sha256("app.tar"))])]),
        )
        .with(
            "model",
            &map(&[("provider", text("example")), ("name", text("m-1")), ("version", text("2026-01-01"))]),
        )
        .with("prompt_hash", &sha256("write a parser"))
        .with("approvals", &Value::Array(vec![approval]))
        .with(
            "policy",
            &map(&[("name", text("release")), ("version", text("7")), ("digest", sha256("policy"))]),
        )
        .with("environment", &text("production"))
        .with("decision", &map(&[("outcome", text("allow"))]));
    let attested = RawSection::default().with("workload", &map(&[("method", text("none"))]));
    RawRecord { kind: 4, submitted, attested }
}

/// The promotion after a change, under an entry that commits to what came out.
fn promotion_with(change: impl FnOnce(&mut RawRecord)) -> Forge {
    let mut record = promotion();
    change(&mut record);
    record.forge()
}

/// The promotion's own entry and proof, but a record changed after the entry was made.
fn changed_after(change: impl FnOnce(&mut RawRecord)) -> Vec<u8> {
    let original = promotion();
    let mut forge = original.forge();
    let mut record = original.clone();
    change(&mut record);
    forge.record = record.to_bytes(&original.entry());
    forge.receipt()
}

fn changed(change: impl FnOnce(&mut Forge)) -> Vec<u8> {
    let mut forge = promotion().forge();
    change(&mut forge);
    forge.receipt()
}

/// The receipt after a change to its text, which must change something.
fn edited(from: &str, to: &str) -> Vec<u8> {
    let receipt = String::from_utf8(promotion().forge().receipt()).unwrap();
    let edited = receipt.replacen(from, to, 1);
    assert_ne!(receipt, edited, "{from:?} is not in the receipt");
    edited.into_bytes()
}

fn retext(change: impl Fn(&str) -> String) -> Vec<u8> {
    changed(|forge| {
        forge.text = change(&forge.text);
        forge.sign();
    })
}

/// A promotion with one claim more, whose value is these bytes.
fn with_value(value: &[u8]) -> Vec<u8> {
    promotion_with(|record| {
        record.submitted = std::mem::take(&mut record.submitted).with_bytes("x-value", value)
    })
    .receipt()
}

fn nested(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x81; depth - 1];
    bytes.push(0x80);
    bytes
}

pub fn all() -> Vec<Case> {
    let mut cases = good();
    cases.extend(malformed_cbor());
    cases.extend(malformed_record());
    cases.extend(malformed_text());
    cases.extend(untrusted());
    cases.extend(signature_edges());
    cases.extend(not_proven());
    cases.extend(expectations());
    cases
}

fn good() -> Vec<Case> {
    let forge = promotion().forge();
    let entry = promotion().entry();
    let record = promotion().to_bytes(&entry);
    let elsewhere = |index, size| Forge::new(Hash::leaf(&entry), record.clone(), index, size);
    let mut unknown_signature = forge.clone();
    unknown_signature.signatures.insert(0, signature_line("example.org/other", &[7; 68]));
    let mut signed_twice = forge.clone();
    signed_twice.signatures.push(forge.signatures[0].clone());
    let all_hidden = promotion_redacted(
        &["subject", "model", "prompt_hash", "approvals", "policy", "environment", "decision"],
        true,
    );
    let misfit = promotion_with(|record| {
        *record.submitted.claim("model") = RawClaim::of_bytes(&salt("model"), &[0x01]);
    });
    vec![
        Case::good("good", &forge),
        Case::good("good-redacted", &promotion_redacted(&["model", "prompt_hash", "approvals"], false)),
        Case::good("good-all-hidden", &all_hidden),
        Case::good("good-size-2", &elsewhere(1, 2)),
        Case::good("good-last-leaf", &elsewhere(300, 301)),
        Case::good("good-first-leaf", &elsewhere(0, 1000)),
        Case::good(
            "good-empty-sections",
            &RawRecord { kind: 22, submitted: RawSection::default(), attested: RawSection::default() }
                .forge(),
        ),
        Case::good("unknown-signature", &unknown_signature),
        Case::good("log-signature-twice", &signed_twice),
        Case::good("unknown-kind", &promotion_with(|record| record.kind = 23)),
        Case::good("claim-misfit", &misfit),
        Case::good(
            "claim-name-unknown",
            &promotion_with(|record| {
                record.submitted = std::mem::take(&mut record.submitted).with("mood", &text("fine"));
            }),
        ),
        Case::new("depth-8", with_value(&nested(8)), 0, &[]),
        Case::new(
            "integer-extremes",
            with_value(&[
                0x82, 0x1b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3b, 0, 0x1f, 0xff, 0xff, 0xff,
                0xff, 0xff, 0xfe,
            ]),
            0,
            &[],
        ),
        Case::good("quorum-reached", &cosigned(&[0, 2])).trusting(trust_of_three("2")),
        Case::good("quorum-nested-groups", &cosigned(&[0, 1])).trusting(trust_nested()),
        Case::good("cosignature-twice", &cosigned(&[0, 0])).trusting(trust_of_three("any")),
    ]
}

fn promotion_redacted(hidden: &[&str], workload: bool) -> Forge {
    let original = promotion();
    let mut record = original.clone();
    for name in hidden {
        let claim = record.submitted.claim(name);
        *claim = claim.hidden();
    }
    if workload {
        let claim = record.attested.claim("workload");
        *claim = claim.hidden();
    }
    let mut forge = original.forge();
    forge.record = record.to_bytes(&original.entry());
    forge
}

fn malformed_cbor() -> Vec<Case> {
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

fn malformed_record() -> Vec<Case> {
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

fn malformed_text() -> Vec<Case> {
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

const WITNESSES: [&str; 3] = ["witness.example/a", "witness.example/b", "witness.example/c"];

fn cosigned(by: &[usize]) -> Forge {
    let mut forge = promotion().forge();
    for (time_s, witness) in (1_767_225_601..).zip(by) {
        let line = Witness::new(WITNESSES[*witness]).cosign(time_s, &forge.text);
        forge.signatures.push(line);
    }
    forge
}

fn witness_lines() -> String {
    let lines = WITNESSES.iter().zip(["a", "b", "c"]);
    lines.map(|(name, short)| format!("witness {short} {}\n", Witness::new(name).key)).collect()
}

fn trust_of_three(threshold: &str) -> String {
    let log = log_signer(ORIGIN);
    format!(
        "# three witnesses\nlog {}\n{}group all-three {threshold} a b c\nquorum all-three\n",
        log.verifier(),
        witness_lines()
    )
}

fn trust_nested() -> String {
    let log = log_signer(ORIGIN);
    let groups = "group pair all a b\ngroup either any pair c\n";
    format!("log\t{} https://log.example\n{}{groups}quorum either\n", log.verifier(), witness_lines())
}

fn untrusted() -> Vec<Case> {
    let other_origin = |text: &str| text.replace(ORIGIN, "example.com/another");
    let another = changed(|forge| {
        forge.text = other_origin(&forge.text);
        let note = log_signer("example.com/another").sign(&forge.text);
        forge.signatures = vec![note[forge.text.len() + 1..].into()];
    });
    let mut bad_line = promotion().forge();
    let good_line = bad_line.signatures[0].clone();
    bad_line.text = bad_line.text.replace("\n11\n", "\n12\n");
    bad_line.sign();
    let wrong_line = bad_line.signatures[0].clone();
    let with_lines = |lines: &[&String]| {
        changed(|forge| forge.signatures = lines.iter().map(|line| line.to_string()).collect())
    };
    let unknown = signature_line("example.org/other", &[7; 68]);
    let mut cosigned_other = cosigned(&[]);
    cosigned_other.signatures.push(Witness::new(WITNESSES[0]).cosign(1, &bad_line.text));
    let mut late = cosigned(&[]);
    late.signatures.push(Witness::new(WITNESSES[0]).cosign(1 << 63, &late.text));
    let mut one_bad = cosigned(&[0, 2]);
    one_bad.signatures.push(Witness::new(WITNESSES[0]).cosign(1, &bad_line.text));
    let other_key = provlog_core::note::LogSigner::from_seed(ORIGIN, &[9; 32]).unwrap();
    let three = || trust_of_three("2");
    vec![
        Case::new("other-origin", another, 5, &["origin", "log-signature"]),
        Case::new("origin-of-another-log-signed-by-this-key", retext(other_origin), 5, &["origin"]),
        Case::new("log-signature-missing", with_lines(&[&unknown]), 5, &["log-signature"]),
        Case::new("log-signature-invalid", with_lines(&[&wrong_line]), 5, &["log-signature"]),
        Case::new(
            "log-signature-twice-one-bad",
            with_lines(&[&good_line, &wrong_line]),
            5,
            &["log-signature"],
        ),
        Case::new("log-key-of-the-same-name", promotion().forge().receipt(), 5, &["log-signature"])
            .trusting(format!("log {}\nquorum none\n", other_key.verifier())),
        Case::new("cosignature-invalid", cosigned_other.receipt(), 5, &["cosignatures"])
            .trusting(trust_of_three("any").replace("quorum all-three", "quorum none")),
        Case::new("cosignature-twice-one-bad", one_bad.receipt(), 5, &["cosignatures", "quorum"])
            .trusting(three()),
        Case::new("cosignature-time-over-2-63", late.receipt(), 5, &["cosignatures", "quorum"])
            .trusting(three()),
        Case::new("quorum-missing", promotion().forge().receipt(), 5, &["quorum"]).trusting(three()),
        Case::new("quorum-group-short", cosigned(&[1]).receipt(), 5, &["quorum"]).trusting(three()),
        Case::new("quorum-one-key-twice", cosigned(&[1, 1]).receipt(), 5, &["quorum"]).trusting(three()),
        Case::new("quorum-nested-short", cosigned(&[0]).receipt(), 5, &["quorum"]).trusting(trust_nested()),
        Case::new(
            "untrusted-and-not-proven",
            changed(|forge| {
                forge.text = other_origin(&forge.text);
                forge.sign();
                forge.index = "6".into();
            }),
            5,
            &["origin", "root"],
        ),
        Case::malformed(
            "malformed-and-untrusted",
            changed(|forge| {
                forge.signatures = vec![unknown.clone()];
                forge.record.push(0);
            }),
        ),
    ]
}

/// Where Ed25519 implementations differ: only what the rule of SPEC.md section 5 accepts is accepted.
fn signature_edges() -> Vec<Case> {
    let signed = |name, (key, line): (provlog_core::note::VerifierKey, String), refused: &[&'static str]| {
        let receipt = changed(|forge| forge.signatures = vec![line.clone()]);
        let exit = if refused.is_empty() { 0 } else { 5 };
        Case::new(name, receipt, exit, refused).trusting(format!("log {key}\nquorum none\n"))
    };
    let text = promotion().forge().text;
    vec![
        signed("signature-s-plus-l", edges::s_plus_l(&text), &["log-signature"]),
        signed("signature-r-identity", edges::r_identity(&text), &["log-signature"]),
        signed("signature-needs-cofactor", edges::mixed_order(&text, false), &["log-signature"]),
        signed("signature-by-mixed-order-key", edges::mixed_order(&text, true), &[]),
    ]
}

fn not_proven() -> Vec<Case> {
    let proof = |change: fn(&mut Vec<Hash>)| changed(|forge| change(&mut forge.proof));
    let digest = &["submitted-digest"][..];
    let version = |version: u8, entry: &[u8]| {
        let mut bytes = entry.to_vec();
        bytes[1] = version;
        let mut forge = Forge::new(Hash::leaf(&bytes), Vec::new(), 5, 11);
        forge.record = promotion().to_bytes(&bytes);
        forge
    };
    let entry = promotion().entry();
    let mut short_entry = version(2, &entry);
    let leaf = [0x85, 0x17, 0xf6];
    short_entry = Forge {
        record: [&[0x83, 0x43][..], &leaf, &[0x01, 0xf5]].concat(),
        ..Forge::new(Hash::leaf(&leaf), short_entry.record, 5, 11)
    };
    let mut kind = entry;
    kind[2] = 1;
    let rekinded = Forge::new(Hash::leaf(&kind), promotion().to_bytes(&kind), 5, 11);
    let mut time = entry;
    time[11] ^= 1;
    let mut swapped = promotion();
    std::mem::swap(&mut swapped.submitted, &mut swapped.attested);
    vec![
        Case::new("wrong-index", edited("\nindex 5\n", "\nindex 4\n"), 3, &["root"]),
        Case::new("index-beyond-size", edited("\nindex 5\n", "\nindex 11\n"), 3, &["index"]),
        Case::new("size-0", retext(|text| text.replace("\n11\n", "\n0\n")), 3, &["index"]),
        Case::new("wrong-size", retext(|text| text.replace("\n11\n", "\n20\n")), 3, &["proof-length"]),
        Case::new(
            "other-root",
            retext(|text| text.replacen(text.lines().nth(2).unwrap(), &Hash::leaf(b"x").to_base64(), 1)),
            3,
            &["root"],
        ),
        Case::new("proof-short", proof(|proof| _ = proof.pop()), 3, &["proof-length"]),
        Case::new("proof-long", proof(|proof| proof.push(Hash([0; 32]))), 3, &["proof-length"]),
        Case::new("proof-empty", proof(Vec::clear), 3, &["proof-length"]),
        Case::new(
            "proof-hashes-63",
            changed(|forge| forge.proof = vec![forge.proof[0]; 63]),
            3,
            &["proof-length"],
        ),
        Case::new("proof-hash-changed", proof(|proof| proof[1].0[7] ^= 1), 3, &["root"]),
        Case::new("proof-hashes-swapped", proof(|proof| proof.swap(0, 1)), 3, &["root"]),
        Case::new(
            "entry-time-changed",
            changed(|forge| forge.record = promotion().to_bytes(&time)),
            3,
            &["root"],
        ),
        Case::new(
            "submitted-value-changed",
            changed_after(|record| {
                *record.submitted.claim("environment") =
                    RawClaim::of_bytes(&salt("environment"), &text("staging").to_bytes());
            }),
            3,
            digest,
        ),
        Case::new(
            "attested-value-changed",
            changed_after(|record| {
                let forged = map(&[("method", text("oidc"))]).to_bytes();
                *record.attested.claim("workload") = RawClaim::of_bytes(&salt("workload"), &forged);
            }),
            3,
            &["attested-digest"],
        ),
        Case::new(
            "salt-changed",
            changed_after(|record| {
                *record.submitted.claim("environment") =
                    RawClaim::of_bytes(&salt("another"), &text("production").to_bytes());
            }),
            3,
            digest,
        ),
        Case::new(
            "claim-renamed",
            changed_after(|record| {
                record.submitted.0.iter_mut().for_each(|(name, _)| {
                    if name == "model" {
                        *name = "agent".into();
                    }
                })
            }),
            3,
            digest,
        ),
        Case::new(
            "claim-removed",
            changed_after(|record| record.submitted.0.retain(|(name, _)| name != "approvals")),
            3,
            digest,
        ),
        Case::new(
            "claim-added",
            changed_after(|record| {
                record.submitted = std::mem::take(&mut record.submitted).with("x-more", &Value::Null);
            }),
            3,
            digest,
        ),
        Case::new(
            "claim-moved-to-attested",
            changed_after(|record| {
                let position = record.submitted.0.iter().position(|(name, _)| name == "model").unwrap();
                let claim = record.submitted.0.remove(position);
                record.attested.0.insert(0, claim);
            }),
            3,
            &["submitted-digest", "attested-digest"],
        ),
        Case::new(
            "hidden-other-hash",
            changed_after(|record| {
                let claim = record.submitted.claim("model");
                *claim = RawClaim { encoded: Vec::new(), hash: Hash([7; 32]) }.hidden();
            }),
            3,
            digest,
        ),
        Case::new(
            "sections-swapped",
            {
                let mut forge = promotion().forge();
                forge.record = swapped.to_bytes(&entry);
                forge.receipt()
            },
            3,
            &["submitted-digest", "attested-digest"],
        ),
        Case::new("kind-changed", rekinded.receipt(), 3, &["submitted-digest", "attested-digest"]),
        Case::new("unknown-version", version(2, &entry).receipt(), 3, &["entry-version"]),
        Case::new("unknown-version-23-short", short_entry.receipt(), 3, &["entry-version"]),
        Case::new(
            "unknown-version-not-included",
            {
                let mut forge = version(2, &entry);
                forge.index = "6".into();
                forge.receipt()
            },
            3,
            &["entry-version", "root"],
        ),
    ]
}

fn expectations() -> Vec<Case> {
    let receipt = promotion().forge().receipt();
    let hex = |of: &str| Hash::plain(of.as_bytes()).to_hex();
    let redacted = promotion_redacted(&["model", "subject"], false).receipt();
    let misfit = promotion_with(|record| {
        *record.submitted.claim("model") = RawClaim::of_bytes(&salt("model"), &text("m-1").to_bytes());
    });
    let (subject, prompt) = (
        json!({"subject": {"sha256": hex("app.tar")}}),
        json!({"prompt": {"sha256": hex("write a parser")}}),
    );
    vec![
        Case::new("expect-met", receipt.clone(), 0, &[]).expecting(&[
            subject.clone(),
            prompt.clone(),
            json!("submitted.model.name=m-1"),
            json!("submitted.subject.0.name=app.tar"),
            json!(format!("submitted.policy.digest.sha256={}", hex("policy"))),
            json!("attested.workload.method=none"),
        ]),
        Case::new("expect-subject-other", receipt.clone(), 3, &["subject"])
            .expecting(&[json!({"subject": {"sha256": hex("other.tar")}})]),
        Case::new("expect-subject-no-shared-algorithm", receipt.clone(), 3, &["subject"])
            .expecting(&[json!({"subject": {"sha3_256": hex("app.tar")}})]),
        Case::new("expect-prompt-other", receipt.clone(), 3, &["prompt"])
            .expecting(&[json!({"prompt": {"sha256": hex("write a lexer")}})]),
        Case::new("expect-value-other", receipt.clone(), 3, &["expect:submitted.model.name"])
            .expecting(&[json!("submitted.model.name=m-2")]),
        Case::new("expect-claim-missing", receipt.clone(), 3, &["expect:submitted.exception.reason"])
            .expecting(&[json!("submitted.exception.reason=none")]),
        Case::new("expect-path-missing", receipt.clone(), 3, &["expect:submitted.model.size"])
            .expecting(&[json!("submitted.model.size=1")]),
        Case::new("expect-not-a-scalar", receipt.clone(), 3, &["expect:submitted.model"])
            .expecting(&[json!("submitted.model=m-1")]),
        Case::new("expect-index-leading-zero", receipt, 3, &["expect:submitted.subject.00.name"])
            .expecting(&[json!("submitted.subject.00.name=app.tar")]),
        Case::new("expect-hidden", redacted, 3, &["subject", "expect:submitted.model.name"])
            .expecting(&[subject, json!("submitted.model.name=m-1")]),
        Case::new("expect-misfit", misfit.receipt(), 3, &["expect:submitted.model"])
            .expecting(&[json!("submitted.model=m-1")]),
        Case::new(
            "expect-unknown-version",
            {
                let mut entry = promotion().entry();
                entry[1] = 9;
                Forge::new(Hash::leaf(&entry), promotion().to_bytes(&entry), 5, 11).receipt()
            },
            3,
            &["entry-version", "prompt"],
        )
        .expecting(&[prompt]),
    ]
}
