//! Checkpoints that the trust file does not believe: origins, signatures, quorums.

use super::super::forge::{Forge, ORIGIN, Witness, edges, log_signer, signature_line};
use super::{Case, changed, promotion, retext};

const WITNESSES: [&str; 3] = ["witness.example/a", "witness.example/b", "witness.example/c"];

pub fn cosigned(by: &[usize]) -> Forge {
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

pub fn trust_of_three(threshold: &str) -> String {
    let log = log_signer(ORIGIN);
    format!(
        "# three witnesses\nlog {}\n{}group all-three {threshold} a b c\nquorum all-three\n",
        log.verifier(),
        witness_lines()
    )
}

pub fn trust_nested() -> String {
    let log = log_signer(ORIGIN);
    let groups = "group pair all a b\ngroup either any pair c\n";
    format!("log\t{} https://log.example\n{}{groups}quorum either\n", log.verifier(), witness_lines())
}

pub fn untrusted() -> Vec<Case> {
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
pub fn signature_edges() -> Vec<Case> {
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
