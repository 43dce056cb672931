//! `GET /checkpoint`, `/tile/...` (C2SP tlog-tiles) and `/v1/consistency`: the tree, at any size that was committed.

use crate::http::answer::{NO_STORE, answer, tagged, to_json};
use crate::http::codes::{ENTRY_NOT_FOUND, TILE_NOT_FOUND};
use crate::http::problem::Problem;
use crate::http::request::{self, JSON, TEXT_UTF8};
use crate::routes::app::App;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use provlog_core::tree::Resource;
use provlog_core::{Hash, hex};
use provlog_engine::Reader;
use serde::Serialize;
use std::sync::Arc;

pub(super) const OCTETS: &str = "application/octet-stream";

/// What never changes may be kept for ever: a year is the most that caches heed.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

#[derive(Serialize)]
struct Consistency {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

/// `GET /v1/consistency?old=&new=`: the proof that the tree of `new` entries extends that of `old`.
pub(crate) async fn consistency(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let [old, new] = request::query(&uri, ["old", "new"])?;
    let newest = app.log.committed().checkpoint.size;
    let missing = |name| request::malformed(name, "a size", "nothing");
    let old = request::integer("old", old.ok_or_else(|| missing("old"))?)?;
    let new = request::integer("new", new.ok_or_else(|| missing("new"))?)?;
    committed_size("new", new, newest)?;
    if old == 0 || old > new {
        return Err(request::malformed("old", &format!("1 to {new}"), &old.to_string()));
    }
    let proof = app.log.read_one(move |reader| reader.consistency_proof(old, new)).await?;
    json(&Consistency { old, new, proof: base64(&proof) })
}

/// `GET /checkpoint`: the newest one.
pub(crate) async fn checkpoint(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    const CACHE: &str = "no-cache";
    let committed = app.log.committed();
    // A note ends with a signature over all of its text, in base64: no two notes end alike, and nothing is to be hashed.
    let tag = committed.signed.trim_end().rsplit(' ').next().unwrap_or_default();
    tagged(&headers, tag, CACHE, async || Ok(answer(committed.signed.clone(), TEXT_UTF8, CACHE))).await
}

/// `GET /tile/...`: hashes or entries, in the one spelling that C2SP gives them.
pub(crate) async fn tile(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let size = app.log.committed().checkpoint.size;
    let not_found = |detail: String| Problem::new(&TILE_NOT_FOUND, detail);
    let resource: Resource = path.parse().map_err(|error| not_found(format!("{error}, got {path:?}")))?;
    let (Resource::Hashes(tile) | Resource::Entries(tile)) = resource;
    if !tile.exists_at(size) {
        return Err(not_found(format!("a log of {size} entries has no {resource}")));
    }
    let read = move |reader: &Reader| match resource {
        Resource::Hashes(tile) => reader.tile(tile),
        Resource::Entries(tile) => reader.entry_bundle(tile),
    };
    // What is served here never changes, as long as it is the same log.
    let tag = hex::encode(&app.log.id());
    tagged(&headers, &tag, IMMUTABLE, async || Ok(answer(app.log.read_one(read).await?, OCTETS, IMMUTABLE)))
        .await
}

/// Refuses a size that the log has not reached.
///
/// # Errors
/// 404 above `newest`.
pub(crate) fn committed_size(name: &str, size: u64, newest: u64) -> Result<(), Problem> {
    if size <= newest {
        return Ok(());
    }
    let detail = format!("{name}: the log holds {newest} entries, got {size}");
    Err(Problem::new(&ENTRY_NOT_FOUND, detail).expected(format!("at most {newest}"), size.to_string()))
}

pub(crate) fn base64(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| hash.to_base64()).collect()
}

pub(crate) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    Ok(answer(to_json(value)?, JSON, NO_STORE))
}
