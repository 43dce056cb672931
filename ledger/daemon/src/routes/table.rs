//! The one table of what is served: who may ask, method, path, handler (SPEC.md section 10).

use crate::access::role::{Access, listed};
use crate::http::codes::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN};
use crate::http::problem::Problem;
use crate::routes::app::App;
use crate::routes::door::{Entered, behind_door, beside_door};
use crate::routes::{append, batch, entries, operation, records, tree};
use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::fmt::Write;
use std::sync::Arc;

struct Row {
    method: Method,
    path: &'static str,
    /// What it asks of its caller; none where it asks for no caller at all.
    access: Option<Access>,
    handler: MethodRouter<Arc<App>>,
}

/// `GET` answers `HEAD` too.
fn rows() -> [Row; 14] {
    use Access::{Append, Read};
    [
        guarded(Append, Method::POST, "/v1/entries", append::append),
        guarded(Append, Method::POST, "/v1/entries/batch", batch::append),
        guarded(Read, Method::GET, "/v1/entries/{index}", entries::entry),
        guarded(Read, Method::GET, "/v1/entries/{index}/receipt", entries::receipt),
        open(Method::GET, "/v1/entries/{index}/proof", entries::inclusion),
        guarded(Read, Method::GET, "/v1/records", records::records),
        open(Method::GET, "/v1/consistency", tree::consistency),
        open(Method::GET, "/v1/log", operation::about),
        open(Method::GET, "/v1/schema/{kind}", operation::kind_schema),
        open(Method::GET, "/checkpoint", tree::checkpoint),
        open(Method::GET, "/tile/{*path}", tree::tile),
        uncounted(Method::GET, "/healthz", operation::healthz),
        uncounted(Method::GET, "/readyz", operation::readyz),
        guarded(Read, Method::GET, "/metrics", operation::metrics),
    ]
}

/// A route for callers alone. There is no row without a word on who may ask.
fn guarded<T: 'static>(
    access: Access,
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Entered>,
) -> Row {
    let handler = behind_door(access, filter(&method), path, handler);
    Row { method, path, access: Some(access), handler }
}

/// A route for everybody.
fn open<T: 'static>(method: Method, path: &'static str, handler: impl Handler<T, Arc<App>>) -> Row {
    let handler = beside_door(filter(&method), handler);
    Row { method, path, access: None, handler }
}

/// A route for everybody, however often: whoever watches over the daemon must not take it for dead while it has much to do.
fn uncounted<T: 'static>(method: Method, path: &'static str, handler: impl Handler<T, Arc<App>>) -> Row {
    let handler = on(filter(&method), handler);
    Row { method, path, access: None, handler }
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

/// Answers the rows of the table, and refuses everything else.
pub(crate) fn router(app: Arc<App>) -> Router {
    rows()
        .into_iter()
        .fold(Router::new(), |router, row| router.route(row.path, row.handler))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(&ROUTE_UNKNOWN, format!("nothing is served at {}", uri.path()))
}

/// The router adds the methods that are allowed, as `Allow`.
async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(&METHOD_NOT_ALLOWED, format!("{} does not take {method}; see Allow", uri.path()))
}

#[cfg(test)]
mod tests;
