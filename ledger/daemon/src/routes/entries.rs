//! `GET /v1/entries/{index}` and what is below it: a record, its receipt, its inclusion proof.
//!
//! Everything here is answered at one committed size, the newest when the request is taken, or an older one that it names.

use crate::http::answer::{NO_STORE, answer};
use crate::http::codes::{ENTRY_NOT_FOUND, ROUTE_UNKNOWN};
use crate::http::problem::Problem;
use crate::http::request::{self, CBOR, JSON, TEXT_UTF8};
use crate::log::receipts::Stored;
use crate::log::withheld::withhold;
use crate::routes::app::App;
use crate::routes::tree::{base64, committed_size, json};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::VARY;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use provlog_core::record_json::RecordJson;
use provlog_engine::Committed;
use serde::Serialize;
use std::sync::Arc;

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
    let mut record = app.log.read_one(move |reader| reader.record(index)).await?;
    withhold(&mut record, app.token_ms());
    let media_type = request::accepted(&headers, &[JSON, CBOR]);
    let body = if media_type == CBOR {
        Body::from(record.to_bytes())
    } else {
        Body::from(RecordJson::new(index, &record).to_text())
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
    let newest = Arc::clone(&committed);
    let stored = app.log.read_one(move |reader| Stored::read(index, &newest, reader)).await?;
    let stored = stored.shown(app.token_ms());
    let proven = stored.prove(&committed, &app.metrics)?;
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
    let (leaf_hash, proof) = app.log.read_one(move |reader| reader.inclusion(index, size)).await?;
    json(&Inclusion { index, size, leaf_hash: leaf_hash.to_hex(), proof: base64(&proof) })
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
