//! What happens to every request, whatever its route.

use crate::http::codes::Code;
use crate::http::handler::Handler;
use crate::http::host;
use crate::http::remote::Remote;
use crate::http::request_id::{RequestId, within};
use crate::http::tls::failure::HandshakeFailure;
use crate::routes::app::App;
use crate::routes::door::Identity;
use crate::routes::table::{router, template};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tower_service::Service;
use tracing::Level;

/// Everything that a connection needs to answer its requests.
#[derive(Clone)]
pub(crate) struct Api {
    app: Arc<App>,
    router: Router,
    remote: Arc<Remote>,
}

impl Api {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { router: router(Arc::clone(&app)), app, remote: Arc::default() }
    }
}

impl hyper::service::Service<Request<Incoming>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// Checks the host, routes, counts what is refused, and gives the answer the request's id.
    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let app = Arc::clone(&self.app);
        let mut router = self.router.clone();
        let remote = Arc::clone(&self.remote);
        request.extensions_mut().insert(Arc::clone(&self.remote));
        let id = RequestId::draw();
        let logged = tracing::enabled!(Level::DEBUG).then(|| Asked::of(&request));
        Box::pin(within(Some(id), async move {
            let _in_flight = app.metrics.in_flight();
            let live = app.live.now();
            request.extensions_mut().insert(Arc::clone(&live));
            let (version, uri, headers) = (request.version(), request.uri(), request.headers());
            let mut response = match host::check(version, uri, headers, &live.hosts, &remote) {
                Ok(()) => router.call(request).await?,
                Err(problem) => problem.into_response(),
            };
            if let Some(code) = response.extensions().get::<&'static Code>() {
                app.metrics.refused(code);
            }
            if let Some(asked) = logged {
                asked.log(&response);
            }
            id.put(response.headers_mut());
            Ok(response)
        }))
    }
}

/// What is logged of a request, at the level debug alone: nothing in it is of the client's choosing.
struct Asked {
    began: Instant,
    method: &'static str,
    path: &'static str,
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            _ => "another",
        };
        Self { began: Instant::now(), method, path: template(request.uri().path()).unwrap_or("none") }
    }

    /// The time is that until the answer begins.
    fn log(&self, response: &Response<Body>) {
        let caller = response.extensions().get::<Identity>().map_or("nobody", |identity| &identity.0);
        let code = response.extensions().get::<&'static Code>().map_or("none", |code| code.code);
        let Self { method, path, .. } = self;
        let (status, micros) = (response.status().as_u16(), self.began.elapsed().as_micros());
        tracing::debug!(method, path, status, code, caller, micros = %micros, "a request was answered");
    }
}

impl Handler for Api {
    fn connected(&self, remote: Remote) -> Self {
        Self { remote: remote.into(), ..self.clone() }
    }

    fn refused(&self, code: &'static Code) {
        self.app.metrics.refused(code);
    }

    fn handshake_failed(&self, failure: HandshakeFailure) {
        self.app.metrics.handshake_failed(failure);
    }
}
