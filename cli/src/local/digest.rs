//! Digests: of files, computed here and in one pass, and of the text `algorithm:hex`.

use crate::local::files::{self, ReadError};
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{self, DIGEST};
use provlog_core::hex;
use provlog_core::json::Json;
use sha2::{Digest as _, Sha256, Sha384, Sha512, Sha512_256};
use std::io::{self, Read};
use std::path::Path;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Text that is no digest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DigestError {
    #[error(
        "digest {0:?}: expected ALGORITHM:HEX, or several of them with commas, such as sha256:<64 hex digits>"
    )]
    Form(String),
    #[error("digest {0:?}: this algorithm is there twice")]
    Twice(String),
    #[error("digest: {0}")]
    Misfit(#[from] claims::Misfit),
}

/// A file's sha256, as a digest in JSON: what `append` records.
pub(crate) fn sha256_json(path: &Path) -> Result<Json, ReadError> {
    let mut hasher = Sha256::new();
    feed(path, |chunk| hasher.update(chunk))?;
    Ok(Json::Object(vec![("sha256".into(), hex_json(&hasher.finalize()))]))
}

/// A file under every algorithm computed here: what `verify` compares, because a record may have any of them.
pub(crate) fn every_digest(path: &Path) -> Result<Map, ReadError> {
    let (mut sha256, mut sha384, mut sha512, mut sha512_256) =
        (Sha256::new(), Sha384::new(), Sha512::new(), Sha512_256::new());
    feed(path, |chunk| {
        sha256.update(chunk);
        sha384.update(chunk);
        sha512.update(chunk);
        sha512_256.update(chunk);
    })?;
    let mut map = Map::new();
    let digests = [
        ("sha256", sha256.finalize().to_vec()),
        ("sha384", sha384.finalize().to_vec()),
        ("sha512", sha512.finalize().to_vec()),
        ("sha512_256", sha512_256.finalize().to_vec()),
    ];
    for (algorithm, bytes) in digests {
        // The four names differ, so none is ever given back.
        let _ = map.insert(algorithm, Value::Bytes(bytes));
    }
    Ok(map)
}

/// Reads `algorithm:hex[,algorithm:hex]` as a digest in JSON. Names and lengths are the claim table's to check.
pub(crate) fn json_of(text: &str) -> Result<Json, DigestError> {
    let mut members: Vec<(String, Json)> = Vec::new();
    for part in text.split(',') {
        let (algorithm, digits) = part.split_once(':').ok_or_else(|| DigestError::Form(text.into()))?;
        if members.iter().any(|(known, _)| known == algorithm) {
            return Err(DigestError::Twice(algorithm.into()));
        }
        members.push((algorithm.into(), digits.into()));
    }
    Ok(Json::Object(members))
}

/// Reads `algorithm:hex[,algorithm:hex]`, names and lengths included.
pub(crate) fn map_of(text: &str) -> Result<Map, DigestError> {
    match claims::from_json(&DIGEST, json_of(text)?)? {
        Value::Map(map) => Ok(map),
        _ => Err(DigestError::Form(text.into())),
    }
}

fn hex_json(bytes: &[u8]) -> Json {
    Json::String(hex::encode(bytes))
}

fn feed(path: &Path, mut update: impl FnMut(&[u8])) -> Result<(), ReadError> {
    let mut input = files::open(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => update(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(files::cannot_read(path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let all = every_digest(file.path()).unwrap();
        let hex_of = |algorithm| hex::encode(all.get(algorithm).unwrap().as_bytes().unwrap());
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex_of("sha256"), sha256);
        assert!(hex_of("sha384").starts_with("cb00753f45a35e8bb5a03d699ac65007"));
        assert!(hex_of("sha512").starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(hex_of("sha512_256"), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
        assert_eq!(sha256_json(file.path()).unwrap().get("sha256").unwrap().as_str(), Some(sha256));
    }

    #[test]
    fn text_is_read_strictly() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(map_of(&format!("gitCommit:{commit},gitTree:{commit}")).unwrap().len(), 2);
        let cases = [
            (commit.to_string(), "expected ALGORITHM:HEX"),
            (format!("gitCommit:{commit},gitCommit:{commit}"), "twice"),
            (format!("gitCommit:{}", commit.to_uppercase()), "gitCommit"),
            ("sha256:00".into(), "sha256"),
            (format!("sha1:{commit}"), "sha1"),
        ];
        for (text, expected) in cases {
            let error = map_of(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
