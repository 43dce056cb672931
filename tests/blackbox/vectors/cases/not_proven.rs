//! Believed checkpoints that do not prove what the receipt says, or what was expected of it.

use super::super::forge::{Forge, RawClaim, salt};
use super::{
    Case, changed, changed_after, edited, map, promotion, promotion_redacted, promotion_with, retext, text,
};
use provlog_core::Hash;
use provlog_core::cbor::Value;
use serde_json::json;

pub fn not_proven() -> Vec<Case> {
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

pub fn expectations() -> Vec<Case> {
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
