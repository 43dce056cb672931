//! Reading what is in the log: records, receipts, proofs, the checkpoint, and tiles (C2SP tlog-tiles).
//!
//! Everything here is answered at one committed size, the newest when the request is taken, or an older one that it names.

use crate::api::{App, NO_STORE, answer, to_json};
use crate::problem::{ENTRY_NOT_FOUND, Problem, ROUTE_UNKNOWN, TILE_NOT_FOUND};
use crate::receipts;
use crate::request::{self, CBOR, JSON, TEXT_UTF8};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::VARY;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use provlog_core::Hash;
use provlog_core::package::push_record_json;
use provlog_core::tree::Resource;
use provlog_engine::Committed;
use serde::Serialize;
use std::sync::Arc;

const OCTETS: &str = "application/octet-stream";

/// What never changes may be kept for ever: a year is the most that caches heed.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

type IndexPath = Result<Path<String>, PathRejection>;

/// `GET /v1/entries/{index}`: the record, as JSON or CBOR.
pub(crate) async fn entry(
    State(app): State<Arc<App>>,
    path: IndexPath,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    request::query(&uri, [])?;
    let index = index(path, &app.log.committed())?;
    let record = app.reader.record(index)?;
    let media_type = request::accepted(&headers, &[JSON, CBOR]);
    let body = if media_type == CBOR {
        Body::from(record.to_bytes())
    } else {
        let mut json = String::new();
        push_record_json(&mut json, index, &record);
        Body::from(json)
    };
    let mut response = answer(body, media_type, NO_STORE);
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `GET /v1/entries/{index}/receipt`: its receipt at the latest checkpoint.
pub(crate) async fn receipt(
    State(app): State<Arc<App>>,
    path: IndexPath,
    uri: Uri,
) -> Result<Response, Problem> {
    request::query(&uri, [])?;
    let committed = app.log.committed();
    let index = index(path, &committed)?;
    let proven = receipts::of_stored(index, &committed, &app.reader, &app.metrics)?;
    Ok(answer(proven.receipt, TEXT_UTF8, NO_STORE))
}

#[derive(Serialize)]
struct Inclusion {
    index: u64,
    size: u64,
    leaf_hash: String,
    proof: Vec<String>,
}

/// `GET /v1/entries/{index}/proof?size=`: its inclusion proof at any size that was committed.
pub(crate) async fn inclusion(
    State(app): State<Arc<App>>,
    path: IndexPath,
    uri: Uri,
) -> Result<Response, Problem> {
    let [size] = request::query(&uri, ["size"])?;
    let committed = app.log.committed();
    let index = index(path, &committed)?;
    let newest = committed.checkpoint.size;
    let size = size.map_or(Ok(newest), |size| request::integer("size", size))?;
    committed_size("size", size, newest)?;
    if size <= index {
        return Err(request::malformed("size", &format!("{} to {newest}", index + 1), &size.to_string()));
    }
    let leaf_hash = app.reader.entry(index)?.leaf_hash().to_hex();
    let proof = base64(&app.reader.inclusion_proof(index, size)?);
    json(&Inclusion { index, size, leaf_hash, proof })
}

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
    let proof = base64(&app.reader.consistency_proof(old, new)?);
    json(&Consistency { old, new, proof })
}

/// `GET /checkpoint`: the newest one.
pub(crate) async fn checkpoint(State(app): State<Arc<App>>) -> Response {
    answer(app.log.committed().signed.clone(), TEXT_UTF8, "no-cache")
}

/// `GET /tile/...`: hashes or entries, in the one spelling that C2SP gives them.
pub(crate) async fn tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let size = app.log.committed().checkpoint.size;
    let not_found = |detail: String| Problem::new(&TILE_NOT_FOUND, detail);
    let resource: Resource = path.parse().map_err(|error| not_found(format!("{error}, got {path:?}")))?;
    let (Resource::Hashes(tile) | Resource::Entries(tile)) = resource;
    if !tile.exists_at(size) {
        return Err(not_found(format!("a log of {size} entries has no {resource}")));
    }
    let bytes = match resource {
        Resource::Hashes(tile) => app.reader.tile(tile)?,
        Resource::Entries(tile) => app.reader.entry_bundle(tile)?,
    };
    Ok(answer(bytes, OCTETS, IMMUTABLE))
}

fn index(path: IndexPath, committed: &Committed) -> Result<u64, Problem> {
    // The router has decoded it; what isn't UTF-8 then is no index either.
    let Path(text) = path.map_err(|error| Problem::new(&ROUTE_UNKNOWN, error.to_string()))?;
    let index = request::integer("index", &text)?;
    let size = committed.checkpoint.size;
    if index >= size {
        let detail = format!("the log holds {size} entries, the last of them {}", size.saturating_sub(1));
        return Err(
            Problem::new(&ENTRY_NOT_FOUND, detail).expected(format!("below {size}"), index.to_string())
        );
    }
    Ok(index)
}

fn committed_size(name: &str, size: u64, newest: u64) -> Result<(), Problem> {
    if size <= newest {
        return Ok(());
    }
    let detail = format!("{name}: the log holds {newest} entries, got {size}");
    Err(Problem::new(&ENTRY_NOT_FOUND, detail).expected(format!("at most {newest}"), size.to_string()))
}

fn base64(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| hash.to_base64()).collect()
}

fn json(value: &impl Serialize) -> Result<Response, Problem> {
    Ok(answer(to_json(value)?, JSON, NO_STORE))
}
