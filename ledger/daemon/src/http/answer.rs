//! Answers: JSON, how long they may be kept, and why one that had begun was broken off.

use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::http::request_id::{self, within};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use futures_util::stream::try_unfold;
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

/// A body that is made while it is sent, for the request that is answered now.
pub(crate) fn in_pieces<T, F>(answer: T, next: impl Fn(T) -> F + Send + 'static) -> Body
where
    T: Send + 'static,
    F: Future<Output = Result<Option<(Bytes, T)>, BrokenOff>> + Send + 'static,
{
    let request = request_id::current();
    Body::from_stream(try_unfold(answer, move |answer| within(request, next(answer))))
}

/// An answer under an entity tag, which `make` makes unless the client says that it has it (RFC 9110, sections 8.8.3 and
/// 13.1.2): then it is 304, and nothing is read.
///
/// # Errors
/// Those of `make`.
pub(crate) async fn tagged<F: Future<Output = Result<Response<Body>, Problem>>>(
    headers: &HeaderMap,
    tag: &str,
    cache: &'static str,
    make: impl FnOnce() -> F,
) -> Result<Response<Body>, Problem> {
    let etag = HeaderValue::try_from(format!("\"{tag}\""));
    let etag = etag.map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
    let mut response = if has(headers, etag.as_bytes()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        response
    } else {
        make().await?
    };
    response.headers_mut().insert(ETAG, etag);
    Ok(response)
}

/// Whether `If-None-Match` names this entity tag, weakly or not, or any.
fn has(headers: &HeaderMap, etag: &[u8]) -> bool {
    let tags =
        headers.get_all(IF_NONE_MATCH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut tags = tags.map(<[u8]>::trim_ascii);
    tags.any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_client_has_is_not_made_again() {
        let cases = [
            (None, StatusCode::OK),
            (Some("\"tag\""), StatusCode::NOT_MODIFIED),
            (Some("W/\"tag\""), StatusCode::NOT_MODIFIED),
            (Some("\"other\" , W/\"tag\""), StatusCode::NOT_MODIFIED),
            (Some("*"), StatusCode::NOT_MODIFIED),
            (Some("\"other\""), StatusCode::OK),
            (Some("tag"), StatusCode::OK),
            (Some(""), StatusCode::OK),
        ];
        for (given, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.extend(given.map(|given| (IF_NONE_MATCH, HeaderValue::from_static(given))));
            let made =
                tagged(&headers, "tag", "no-cache", async || Ok(answer("body", "text/plain", "no-cache")));
            let response = made.await.unwrap();
            assert_eq!(response.status(), expected, "{given:?}");
            assert_eq!(
                (&response.headers()[ETAG], &response.headers()[CACHE_CONTROL]),
                (&HeaderValue::from_static("\"tag\""), &HeaderValue::from_static("no-cache"))
            );
        }
    }
}
