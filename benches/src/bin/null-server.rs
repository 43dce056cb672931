//! The limit that HTTP itself sets: the daemon's own server and router, answering a fixed body to the same requests.
//!
//! Reads each request's body whole and answers 201 with `--body-bytes` bytes. Never parses, stores or checks anything.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use clap::Parser;
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use provlogd::http::bound::Bound;
use provlogd::http::codes::Code;
use provlogd::http::handler::Handler;
use provlogd::http::limits::ServerLimits;
use provlogd::http::listener::{Address, Listener};
use provlogd::http::remote::Remote;
use provlogd::http::server::serve;
use provlogd::http::tls::failure::HandshakeFailure;
use provlogd::workers::Workers;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

/// The daemon's defaults: its timers and buffers are part of what a request costs.
const LIMITS: ServerLimits = ServerLimits {
    connections_max: 2048,
    header_timeout: Duration::from_secs(30),
    handshake_timeout: Duration::from_secs(10),
    handshakes_max: 256,
    write_timeout: Duration::from_secs(30),
    drain_timeout: Duration::from_secs(20),
};

/// Answers a fixed body to every request, over the daemon's HTTP stack. Prints its URL once it listens.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Length of every answer's body: what the measured server answers.
    #[arg(long, default_value_t = 3000)]
    body_bytes: usize,
    /// Worker threads, as many as the daemon has.
    #[arg(long, default_value = "2")]
    workers: NonZeroUsize,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let workers = Workers::start(options.workers.get(), pending)?;
    runtime.block_on(async {
        let listener = Bound::new(&Listener { address: Address::Tcp(options.listen), tls: None })?;
        println!("listening on {}", listener.url());
        let router = Router::new()
            .route("/v1/entries", post(answer))
            .route("/v1/entries/batch", post(answer))
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(Bytes::from(vec![b'x'; options.body_bytes]));
        let null = Null(TowerToHyperService::new(router));
        serve(vec![listener], null, &LIMITS, &workers.seats(), pending()).await;
        Ok(())
    })
}

async fn answer(State(body): State<Bytes>, _request: Bytes) -> impl IntoResponse {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body)
}

#[derive(Clone)]
struct Null(TowerToHyperService<Router>);

impl hyper::service::Service<Request<Incoming>> for Null {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.0.call(request))
    }
}

impl Handler for Null {
    fn connected(&self, _: Remote) -> Self {
        self.clone()
    }

    /// Nothing is counted here.
    fn refused(&self, _code: &'static Code) {}

    fn handshake_failed(&self, _failure: HandshakeFailure) {}
}
