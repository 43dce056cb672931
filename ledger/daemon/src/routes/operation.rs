//! What operators and their machines ask: health, metrics, schemas, and what this log is.

use crate::http::answer::{NO_STORE, answer, to_json};
use crate::http::codes::{INTERNAL, KIND_NOT_FOUND, ROUTE_UNKNOWN, SHUTTING_DOWN, STORAGE_FATAL};
use crate::http::problem::Problem;
use crate::http::request::JSON;
use crate::operate::metrics;
use crate::routes::app::App;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use provlog_core::{hex, limits};
use provlog_engine::{AppendError, Health};
use serde::Serialize;
use std::sync::Arc;

pub(super) const SCHEMA: &str = "application/schema+json";

/// The schemas of the kinds that are accepted, as core's tests generate them from the claim table.
pub(super) const SCHEMAS: [(&str, &str); 6] = [
    ("generation", include_str!("../../../../docs/schema/generation.json")),
    ("scan", include_str!("../../../../docs/schema/scan.json")),
    ("approval", include_str!("../../../../docs/schema/approval.json")),
    ("promotion", include_str!("../../../../docs/schema/promotion.json")),
    ("policy", include_str!("../../../../docs/schema/policy.json")),
    ("event", include_str!("../../../../docs/schema/event.json")),
];

#[derive(Serialize, Debug)]
struct Status {
    status: &'static str,
    /// What is being rebuilt or can't be read, or runs out, while everything else is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<String>,
}

/// `GET /healthz`: whether the process should go on living.
pub(crate) async fn healthz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    match app.log.health() {
        Health::Fatal { detail } => Err(Problem::new(&STORAGE_FATAL, detail)),
        Health::Ok | Health::Degraded { .. } | Health::Refusing { .. } => {
            Ok(answer(to_json(&Status { status: "alive", degraded: None })?, JSON, NO_STORE))
        }
    }
}

/// `GET /readyz`: whether it takes appends, and why not.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    if app.is_draining() {
        return Err(Problem::new(&SHUTTING_DOWN, "the daemon was told to stop"));
    }
    app.callers.method(app.live.now().named())?;
    let no_new_keys = app.log.dedup_ready().err();
    Ok(answer(to_json(&readiness(app.log.health(), no_new_keys)?)?, JSON, NO_STORE))
}

/// Whether the log takes appends. One that is rebuilding something stays ready: a balancer that took it out for one old
/// record that can't be read would take everything from its clients.
fn readiness(health: Health, no_new_keys: Option<AppendError>) -> Result<Status, Problem> {
    match (health, no_new_keys) {
        (Health::Fatal { detail }, _) => Err(Problem::new(&STORAGE_FATAL, detail)),
        (Health::Refusing { error }, _) => Err(error.into()),
        // It lasts until someone repairs the journal, and most clients append under a key.
        (_, Some(error @ AppendError::DedupUnavailable { .. })) => Err(error.into()),
        (Health::Degraded { detail }, _) => Ok(Status { status: "ready", degraded: Some(detail) }),
        (Health::Ok, _) => Ok(Status { status: "ready", degraded: None }),
    }
}

/// `GET /metrics`: what Prometheus scrapes.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let is_refusing = matches!(app.log.health(), Health::Refusing { .. } | Health::Fatal { .. });
    app.metrics.set_standing(!is_refusing, app.log.free_bytes(), app.log.committed().time_ms);
    let text = app
        .metrics
        .text(app.bodies.bytes_free())
        .map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
    Ok(answer(text, metrics::MEDIA_TYPE, NO_STORE))
}

/// `GET /v1/schema/{kind}`: the JSON Schema of a submission of this kind.
pub(crate) async fn kind_schema(path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(name) = path.map_err(|error| Problem::new(&ROUTE_UNKNOWN, error.to_string()))?;
    match SCHEMAS.iter().find(|(kind, _)| *kind == name) {
        Some((_, schema)) => Ok(answer(*schema, SCHEMA, NO_STORE)),
        None => {
            let kinds: Vec<&str> = SCHEMAS.iter().map(|(kind, _)| *kind).collect();
            let expected = format!("one of {}", kinds.join(", "));
            Err(Problem::new(&KIND_NOT_FOUND, format!("kind: expected {expected}, got {name:?}"))
                .expected(expected, name))
        }
    }
}

/// `GET /v1/openapi.json`: what is served, as the table of routes has it; a test holds the file to that.
pub(crate) async fn openapi() -> Response {
    answer(include_str!("../../../../docs/openapi.json"), JSON, NO_STORE)
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
    /// How callers are known. None where that can't be told, and nobody is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication: Option<String>,
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
        origin: log.verifier().name(),
        id: hex::encode(&log.id()),
        key: log.verifier().to_string(),
        fingerprint: log.verifier().fingerprint(),
        size: log.committed().checkpoint.size,
        format: 1,
        version: env!("CARGO_PKG_VERSION"),
        authentication: app.callers.method(app.live.now().named()).ok(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::{CLOCK, DEDUP_UNAVAILABLE, NO_SPACE};
    use provlog_engine::ClockError;

    #[test]
    fn only_what_keeps_appends_out_makes_it_unready() {
        let degraded = || Health::Degraded { detail: "tiles are being rebuilt".into() };
        let rebuilding = AppendError::DedupRebuilding { done: 1, total: 2 };
        let unavailable = || AppendError::DedupUnavailable { detail: "segment 0".into() };

        assert_eq!(to_json(&readiness(Health::Ok, None).unwrap()).unwrap(), br#"{"status":"ready"}"#);
        for error in [None, Some(rebuilding)] {
            let status = readiness(degraded(), error).unwrap();
            assert_eq!(
                (status.status, status.degraded.as_deref()),
                ("ready", Some("tiles are being rebuilt"))
            );
        }
        assert_eq!(readiness(degraded(), Some(unavailable())).unwrap_err().code(), &DEDUP_UNAVAILABLE);
        let full = AppendError::NoSpace { detail: "segment 1: no space".into() };
        for (error, code) in [(full, &NO_SPACE), (ClockError::Stepped { by_ms: 70_000 }.into(), &CLOCK)] {
            assert_eq!(readiness(Health::Refusing { error }, None).unwrap_err().code(), code);
        }
        let fatal = Health::Fatal { detail: "a write failed".into() };
        assert_eq!(readiness(fatal, Some(unavailable())).unwrap_err().code(), &STORAGE_FATAL);
    }

    #[test]
    fn there_is_a_schema_for_each_kind_that_is_accepted() {
        let accepted = provlog_core::claims::KINDS.iter().filter(|kind| kind.accepted).map(|kind| kind.name);
        assert!(accepted.eq(SCHEMAS.map(|(kind, _)| kind)));
    }
}
