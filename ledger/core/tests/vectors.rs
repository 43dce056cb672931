//! Test vectors written by others, found by the variable `PROVLOG_VECTORS`: RFC 6962 proofs of transparency-dev/merkle
//! and the Ed25519 edge cases of C2SP/CCTV. Without the variable the tests say that they were skipped; where `CI` is
//! `true` they may not be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use provlog_core::Hash;
use provlog_core::note::{SignatureType, VerifierKey};
use provlog_core::{hex, tree};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

fn vectors() -> Option<PathBuf> {
    let found = std::env::var_os("PROVLOG_VECTORS").map(PathBuf::from);
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "PROVLOG_VECTORS must be set where CI=true");
        eprintln!("SKIPPED: PROVLOG_VECTORS is not set");
    }
    found
}

fn json_files(folder: &Path) -> Vec<(String, Json)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            files.push((path.display().to_string(), json));
        }
    }
    files
}

/// A hash of the vector. Some vectors write "don't care" for a root that only has to equal another one: its SHA-256
/// stands for it.
fn hash(vector: &Json, name: &str) -> Option<Hash> {
    let text = vector.get(name).and_then(Json::as_str)?;
    Hash::from_base64(text)
        .or_else(|| Some(Hash::plain(text.as_bytes())).filter(|_| text.starts_with("ZG9uJ3Qg")))
}

fn proof(vector: &Json) -> Option<Vec<Hash>> {
    match vector.get("proof") {
        Some(Json::Array(hashes)) => hashes.iter().map(|hash| Hash::from_base64(hash.as_str()?)).collect(),
        _ => Some(Vec::new()),
    }
}

fn uint(vector: &Json, name: &str) -> Option<u64> {
    vector.get(name).and_then(Json::as_u64)
}

fn wants_error(vector: &Json) -> bool {
    vector.get("wantErr") == Some(&Json::Bool(true))
}

#[test]
fn inclusion_proofs() {
    let Some(vectors) = vectors() else { return };
    let files = json_files(&vectors.join("merkle/inclusion"));
    assert!(files.len() > 50, "expected the whole set, got {} files", files.len());
    for (path, vector) in files {
        // Vectors with hashes of another length or numbers out of range are refused before there is a proof to check.
        let verified = (|| {
            let (index, size) = (uint(&vector, "leafIdx")?, uint(&vector, "treeSize")?);
            let (leaf, root) = (hash(&vector, "leafHash")?, hash(&vector, "root")?);
            tree::verify_inclusion(index, size, &leaf, &proof(&vector)?, &root).ok()
        })();
        assert_eq!(verified.is_none(), wants_error(&vector), "{path}");
    }
}

#[test]
fn consistency_proofs() {
    let Some(vectors) = vectors() else { return };
    let files = json_files(&vectors.join("merkle/consistency"));
    assert!(files.len() > 50, "expected the whole set, got {} files", files.len());
    for (path, vector) in files {
        let verified = (|| {
            let (old, new) = (uint(&vector, "size1")?, uint(&vector, "size2")?);
            let (old_root, new_root) = (hash(&vector, "root1")?, hash(&vector, "root2")?);
            tree::verify_consistency(old, new, &old_root, &new_root, &proof(&vector)?).ok()
        })();
        assert_eq!(verified.is_none(), wants_error(&vector), "{path}");
    }
}

/// The rule of `SPEC.md` section 5, in CCTV's words: whatever has a low-order key or R, a non-canonical encoding of
/// either, or verifies only with the cofactor (a low-order residue), is refused; all else is accepted.
#[test]
fn ed25519_edge_cases() {
    let Some(vectors) = vectors() else { return };
    let cases: Vec<Json> =
        serde_json::from_slice(&fs::read(vectors.join("ed25519/cctv.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 914);
    let refusing = ["low_order_A", "low_order_R", "low_order_residue", "non_canonical_A", "non_canonical_R"];
    let mut accepted = 0;
    for case in &cases {
        let text = |name| case.get(name).and_then(Json::as_str).unwrap();
        let key = hex::decode_array(text("key")).unwrap();
        let signature = hex::decode(text("sig")).unwrap();
        let verifies = VerifierKey::new("cctv", SignatureType::Ed25519, &key)
            .is_ok_and(|key| key.verifies(text("msg").as_bytes(), &signature));
        let flags = match case.get("flags") {
            Some(Json::Array(flags)) => flags.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        let refused = flags.iter().any(|flag| refusing.contains(flag));
        assert_eq!(verifies, !refused, "case {}: {flags:?}", case.get("number").unwrap());
        accepted += usize::from(verifies);
    }
    assert!(accepted > 0, "a rule that refuses everything proves nothing");
}
