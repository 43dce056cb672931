//! Every vector: its name, what is wrong in it, and what a verifier has to say.

pub mod approvals;
pub mod counted;
mod evidence;
mod malformed;
mod not_proven;
pub mod parts;
pub mod ssh;
mod statements;
pub mod svids;
pub mod tokens;
mod untrusted;
mod workloads;

use super::forge::{Forge, ORIGIN, RawClaim, RawRecord, RawSection, log_signer, salt, signature_line};
use super::reader::Reader;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::expectation::Expectation;
use serde_json::Value as Json;

/// One vector.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub receipt: Vec<u8>,
    pub trust: Vec<u8>,
    pub expectations: Vec<Json>,
    pub exit: i32,
    /// Checks that fail or are not disclosed, in order.
    pub refused: Vec<&'static str>,
    /// What the reader believes about evidence.
    pub reader: Reader,
    /// The last checks and how they end, where more is said of them than whether they fail.
    pub last: Vec<(&'static str, &'static str)>,
}

impl Case {
    fn new(name: &'static str, receipt: Vec<u8>, exit: i32, refused: &[&'static str]) -> Self {
        let (refused, reader) = (refused.to_vec(), Reader::default());
        Self {
            name,
            receipt,
            trust: trust(),
            expectations: Vec::new(),
            exit,
            refused,
            reader,
            last: Vec::new(),
        }
    }

    /// A receipt whose checks of evidence end like this.
    fn evidence(
        name: &'static str,
        forge: &Forge,
        reader: Reader,
        checks: &[(&'static str, &'static str)],
    ) -> Self {
        let failed: Vec<_> =
            checks.iter().filter(|(_, status)| *status == "fail").map(|(name, _)| *name).collect();
        let exit = if failed.is_empty() { 0 } else { 3 };
        Self { reader, last: checks.to_vec(), ..Self::new(name, forge.receipt(), exit, &failed) }
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
    cases.extend(evidence::evidence());
    cases.extend(tokens::tokens());
    cases.extend(workloads::workloads());
    cases.extend(svids::svids());
    cases.extend(approvals::approvals());
    cases.extend(statements::of_statements());
    cases.extend(counted::counted());
    cases.extend(malformed::malformed_cbor());
    cases.extend(malformed::malformed_record());
    cases.extend(malformed::malformed_text());
    cases.extend(untrusted::untrusted());
    cases.extend(untrusted::signature_edges());
    cases.extend(not_proven::not_proven());
    cases.extend(not_proven::expectations());
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
        Case::good("quorum-reached", &untrusted::cosigned(&[0, 2])).trusting(untrusted::trust_of_three("2")),
        Case::good("quorum-nested-groups", &untrusted::cosigned(&[0, 1])).trusting(untrusted::trust_nested()),
        Case::good("cosignature-twice", &untrusted::cosigned(&[0, 0]))
            .trusting(untrusted::trust_of_three("any")),
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
