//! The one table of what is served: who may ask, method, path, handler, description (SPEC.md section 10).

use crate::access::role::{Access, listed};
use crate::http::codes::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN};
use crate::http::problem::Problem;
use crate::routes::app::App;
use crate::routes::door::{Door, Entered, admit, behind_door, beside_door};
use crate::routes::openapi::description::Description;
use crate::routes::openapi::document::{Route, document};
use crate::routes::openapi::operations;
use crate::routes::{append, batch, entries, operation, records, tree};
use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

struct Row {
    method: Method,
    path: &'static str,
    /// What it asks of its caller; none where it asks for no caller at all.
    access: Option<Access>,
    /// Whether rates hold for it.
    is_counted: bool,
    handler: MethodRouter<Arc<App>>,
    description: &'static Description,
}

/// `GET` answers `HEAD` too.
fn rows() -> [Row; 15] {
    use Access::{Append, Read};
    [
        submitting(Append, Method::POST, "/v1/entries", append::append, &operations::APPEND),
        guarded(Append, Method::POST, "/v1/entries/batch", batch::append, &operations::BATCH),
        guarded(Read, Method::GET, "/v1/entries/{index}", entries::entry, &operations::ENTRY),
        guarded(Read, Method::GET, "/v1/entries/{index}/receipt", entries::receipt, &operations::RECEIPT),
        open(Method::GET, "/v1/entries/{index}/proof", entries::inclusion, &operations::INCLUSION),
        guarded(Read, Method::GET, "/v1/records", records::records, &operations::RECORDS),
        open(Method::GET, "/v1/consistency", tree::consistency, &operations::CONSISTENCY),
        open(Method::GET, "/v1/log", operation::about, &operations::LOG),
        open(Method::GET, "/v1/schema/{kind}", operation::kind_schema, &operations::KIND),
        open(Method::GET, "/v1/openapi.json", operation::openapi, &operations::DOCUMENT),
        open(Method::GET, "/checkpoint", tree::checkpoint, &operations::CHECKPOINT),
        open(Method::GET, "/tile/{*path}", tree::tile, &operations::TILE),
        uncounted(Method::GET, "/healthz", operation::healthz, &operations::HEALTHZ),
        uncounted(Method::GET, "/readyz", operation::readyz, &operations::READYZ),
        watched(Read, Method::GET, "/metrics", operation::metrics, &operations::METRICS),
    ]
}

/// A route for callers alone. There is no row without a word on who may ask, and none without a description.
fn guarded<T: 'static>(
    access: Access,
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Entered>,
    description: &'static Description,
) -> Row {
    behind(Door { access, path, is_counted: true, submits_one: false }, method, handler, description)
}

/// A route for callers that takes one submission.
fn submitting<T: 'static>(
    access: Access,
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Entered>,
    description: &'static Description,
) -> Row {
    behind(Door { access, path, is_counted: true, submits_one: true }, method, handler, description)
}

/// A route for callers alone, however often: what tells of refusals must not be lost to the rates that refuse.
fn watched<T: 'static>(
    access: Access,
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Entered>,
    description: &'static Description,
) -> Row {
    behind(Door { access, path, is_counted: false, submits_one: false }, method, handler, description)
}

fn behind<T: 'static>(
    door: Door,
    method: Method,
    handler: impl Handler<T, Entered>,
    description: &'static Description,
) -> Row {
    let Door { access, path, is_counted, .. } = door;
    let handler = behind_door(door, filter(&method), handler);
    Row { method, path, access: Some(access), is_counted, handler, description }
}

/// A route for everybody.
fn open<T: 'static>(
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Arc<App>>,
    description: &'static Description,
) -> Row {
    let handler = beside_door(filter(&method), handler);
    Row { method, path, access: None, is_counted: true, handler, description }
}

/// A route for everybody, however often: whoever watches over the daemon must not take it for dead while it has much to do.
fn uncounted<T: 'static>(
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Arc<App>>,
    description: &'static Description,
) -> Row {
    let handler = on(filter(&method), handler);
    Row { method, path, access: None, is_counted: false, handler, description }
}

fn filter(method: &Method) -> MethodFilter {
    if *method == Method::POST { MethodFilter::POST } else { MethodFilter::GET }
}

/// Who may ask for what, as Markdown, as it stands in `SPEC.md`.
#[must_use]
pub fn access_markdown() -> String {
    let mut text = String::from("| request | who may ask |\n| --- | --- |\n");
    for row in rows() {
        let who = row.access.map_or_else(|| "everybody".into(), |access| listed(access.roles()));
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "| `{} {}` | {who} |", row.method, row.path);
    }
    text
}

/// The OpenAPI document of all routes, as it stands in `docs/openapi.json`.
///
/// # Errors
/// None, as long as the schemas that are checked in are JSON.
pub fn openapi_json() -> serde_json::Result<String> {
    let rows = rows();
    document(rows.iter().map(|Row { method, path, access, is_counted, description, .. }| Route {
        method,
        path,
        access: *access,
        is_counted: *is_counted,
        description,
    }))
}

/// The path of the row that a request's path belongs to, as it stands in the table.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    static PATHS: LazyLock<[&str; 15]> = LazyLock::new(|| rows().map(|row| row.path));
    PATHS.iter().copied().find(|row| {
        let (mut row, mut path) = (row.split('/'), path.split('/'));
        loop {
            match (row.next(), path.next()) {
                (None, None) => return true,
                (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
                (Some(part), Some(got)) if part == got || part.starts_with('{') => {}
                _ => return false,
            }
        }
    })
}

/// Answers the rows of the table, and refuses everything else.
pub(crate) fn router(app: Arc<App>) -> Router {
    rows()
        .into_iter()
        .fold(Router::new(), |router, row| router.route(row.path, row.handler))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn unknown_route(State(app): State<Arc<App>>, request: Request) -> Problem {
    let unknown = || Problem::new(&ROUTE_UNKNOWN, format!("nothing is served at {}", request.uri().path()));
    admit(&app, &request).map_or_else(|problem| problem, |()| unknown())
}

/// The router adds the methods that are allowed, as `Allow`.
async fn method_not_allowed(State(app): State<Arc<App>>, request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    let refused = || Problem::new(&METHOD_NOT_ALLOWED, format!("{path} does not take {method}; see Allow"));
    admit(&app, &request).map_or_else(|problem| problem, |()| refused())
}

#[cfg(test)]
mod tests;
