//! Answers: JSON, how long they may be kept, and why one that had begun was broken off.

use crate::http::problem::{INTERNAL, Problem};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use serde::Serialize;

/// Of answers that hold what not everybody may read, or that are old at once.
pub(crate) const NO_STORE: &str = "no-store";

/// Bytes of an answer with a receipt of a dozen claims.
const ANSWER_BYTES: usize = 4096;

/// An answer of this media type, to be cached like this.
pub(crate) fn answer(body: impl Into<Body>, media_type: &'static str, cache: &'static str) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// JSON of an answer, in the room that most answers with a receipt need.
///
/// # Errors
/// None that strings and integers could cause; told as any other failure rather than assumed away.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let mut json = Vec::with_capacity(ANSWER_BYTES);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => Ok(json),
        Err(error) => Err(Problem::new(&INTERNAL, error.to_string())),
    }
}

/// Why an answer that had begun was broken off.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct BrokenOff {
    pub(crate) detail: String,
}
