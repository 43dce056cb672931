//! What happens to every request, whatever its route.

use crate::http::codes::Code;
use crate::http::handler::Handler;
use crate::http::host;
use crate::http::remote::Remote;
use crate::http::tls::failure::HandshakeFailure;
use crate::routes::app::App;
use crate::routes::table::router;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use tower_service::Service;

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

    /// Checks the host, routes, and counts what is refused.
    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let app = Arc::clone(&self.app);
        let mut router = self.router.clone();
        let remote = Arc::clone(&self.remote);
        request.extensions_mut().insert(Arc::clone(&self.remote));
        Box::pin(async move {
            let _in_flight = app.metrics.in_flight();
            let live = app.live.now();
            let client = live.proxies.client(&remote, request.headers());
            let (version, uri, headers) = (request.version(), request.uri(), request.headers());
            let response = match host::check(version, uri, headers, &live.hosts, &remote) {
                Ok(()) => router.call(request).await?,
                Err(problem) => problem.into_response(),
            };
            if let Some(code) = response.extensions().get::<&'static Code>() {
                tracing::debug!(code = code.code, ?client, "a request was refused");
                app.metrics.refused(code);
            }
            Ok(response)
        })
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
