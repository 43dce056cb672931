//! The routes, what every handler shares, and what happens to every request whatever its route.

use crate::body::Bodies;
use crate::metrics::Metrics;
use crate::problem::{Code, INTERNAL, METHOD_NOT_ALLOWED, Problem, ROUTE_UNKNOWN};
use crate::server::Handler;
use crate::{append, batch, host, operate, read, records};
use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Response, Uri};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use hyper::body::Incoming;
use provlog_engine::{Log, Reader};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tower_service::Service;

/// Of answers that hold what not everybody may read, or that are old at once.
pub(crate) const NO_STORE: &str = "no-store";

/// Bytes of an answer with a receipt of a dozen claims.
const ANSWER_BYTES: usize = 4096;

/// What every handler shares.
pub(crate) struct App {
    pub(crate) log: Log,
    pub(crate) reader: Reader,
    pub(crate) bodies: Bodies,
    pub(crate) metrics: Arc<Metrics>,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(log: Log, bodies: Bodies, metrics: Arc<Metrics>) -> Self {
        Self { reader: log.reader(), log, bodies, metrics, draining: AtomicBool::new(false) }
    }

    /// Says from now on that the daemon takes no more appends.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// The routes, as in SPEC.md 10.
fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/entries", post(append::append))
        .route("/v1/entries/batch", post(batch::append))
        .route("/v1/entries/{index}", get(read::entry))
        .route("/v1/entries/{index}/receipt", get(read::receipt))
        .route("/v1/entries/{index}/proof", get(read::inclusion))
        .route("/v1/records", get(records::records))
        .route("/v1/consistency", get(read::consistency))
        .route("/v1/log", get(operate::about))
        .route("/v1/schema/{kind}", get(operate::kind_schema))
        .route("/checkpoint", get(read::checkpoint))
        .route("/tile/{*path}", get(read::tile))
        .route("/healthz", get(operate::healthz))
        .route("/readyz", get(operate::readyz))
        .route("/metrics", get(operate::metrics))
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

/// Everything that a connection needs to answer its requests.
#[derive(Clone)]
pub(crate) struct Api {
    app: Arc<App>,
    router: Router,
}

impl Api {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { router: router(Arc::clone(&app)), app }
    }
}

impl hyper::service::Service<Request<Incoming>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// Checks the host, routes, and counts what is refused.
    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let app = Arc::clone(&self.app);
        let mut router = self.router.clone();
        Box::pin(async move {
            let _in_flight = app.metrics.in_flight();
            let response = match host::check(request.version(), request.uri(), request.headers()) {
                Ok(()) => router.call(request).await?,
                Err(problem) => problem.into_response(),
            };
            if let Some(code) = response.extensions().get::<&'static Code>() {
                app.metrics.refused(code);
            }
            Ok(response)
        })
    }
}

impl Handler for Api {
    fn refused(&self, code: &'static Code) {
        self.app.metrics.refused(code);
    }
}

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
