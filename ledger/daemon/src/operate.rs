//! What operators and their machines ask: health, metrics, schemas, and what this log is.

use crate::api::{App, NO_STORE, answer, to_json};
use crate::metrics;
use crate::problem::{
    INTERNAL, KIND_NOT_FOUND, NOT_READY, Problem, ROUTE_UNKNOWN, SHUTTING_DOWN, STORAGE_FATAL,
};
use crate::request::JSON;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use provlog_core::claims::{KINDS, kind_named, schema};
use provlog_core::{hex, limits};
use provlog_engine::Health;
use serde::Serialize;
use std::sync::Arc;

const SCHEMA: &str = "application/schema+json";

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

/// `GET /healthz`: whether the process should go on living.
pub(crate) async fn healthz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    match app.log.health() {
        Health::Fatal { detail } => Err(Problem::new(&STORAGE_FATAL, detail)),
        Health::Ok | Health::Degraded { .. } => {
            Ok(answer(to_json(&Status { status: "alive" })?, JSON, NO_STORE))
        }
    }
}

/// `GET /readyz`: whether it takes appends, and why not.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    if app.is_draining() {
        return Err(Problem::new(&SHUTTING_DOWN, "the daemon was told to stop"));
    }
    match app.log.health() {
        Health::Ok => Ok(answer(to_json(&Status { status: "ready" })?, JSON, NO_STORE)),
        Health::Degraded { detail } => Err(Problem::new(&NOT_READY, detail)),
        Health::Fatal { detail } => Err(Problem::new(&STORAGE_FATAL, detail)),
    }
}

/// `GET /metrics`: what Prometheus scrapes.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let text = app.metrics.text().map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
    Ok(answer(text, metrics::MEDIA_TYPE, NO_STORE))
}

/// `GET /v1/schema/{kind}`: the JSON Schema of a submission of this kind.
pub(crate) async fn kind_schema(path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(name) = path.map_err(|error| Problem::new(&ROUTE_UNKNOWN, error.to_string()))?;
    match kind_named(&name).filter(|kind| kind.accepted) {
        Some(kind) => Ok(answer(schema(kind).to_string(), SCHEMA, NO_STORE)),
        None => {
            let kinds: Vec<&str> = KINDS.iter().filter(|kind| kind.accepted).map(|kind| kind.name).collect();
            let expected = format!("one of {}", kinds.join(", "));
            Err(Problem::new(&KIND_NOT_FOUND, format!("kind: expected {expected}, got {name:?}"))
                .expected(expected, name))
        }
    }
}

#[derive(Serialize)]
struct About<'a> {
    origin: &'a str,
    id: String,
    key: String,
    fingerprint: String,
    size: u64,
    format: u8,
    version: &'static str,
    limits: Limits,
}

#[derive(Serialize)]
struct Limits {
    submission_bytes: usize,
    batch_bytes: usize,
    batch_entries: usize,
    record_bytes: usize,
    claims: usize,
    claim_bytes: usize,
    claim_name_bytes: usize,
    value_depth: usize,
    idempotency_key_bytes: usize,
    occurred_ahead_ms: u64,
}

/// `GET /v1/log`: name, key, size and limits. To believe the key, compare its fingerprint with one from elsewhere.
pub(crate) async fn about(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let log = &app.log;
    let about = About {
        origin: log.origin(),
        id: hex::encode(&log.id()),
        key: log.verifier().to_string(),
        fingerprint: log.verifier().fingerprint(),
        size: log.committed().checkpoint.size,
        format: 1,
        version: env!("CARGO_PKG_VERSION"),
        limits: Limits {
            submission_bytes: limits::SUBMISSION_BYTES_MAX,
            batch_bytes: limits::BATCH_BYTES_MAX,
            batch_entries: limits::BATCH_ENTRIES_MAX,
            record_bytes: limits::RECORD_BYTES_MAX,
            claims: limits::CLAIMS_MAX,
            claim_bytes: limits::CLAIM_BYTES_MAX,
            claim_name_bytes: limits::CLAIM_NAME_BYTES_MAX,
            value_depth: limits::VALUE_DEPTH_MAX,
            idempotency_key_bytes: limits::IDEMPOTENCY_KEY_BYTES_MAX,
            occurred_ahead_ms: limits::OCCURRED_AHEAD_MS_MAX,
        },
    };
    Ok(answer(to_json(&about)?, JSON, NO_STORE))
}
