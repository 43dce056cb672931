//! What a server serves: it answers requests, and hears what was refused before there was one.

use crate::http::codes::Code;
use crate::http::remote::Remote;
use crate::http::tls::failure::HandshakeFailure;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;

/// What answers requests, one clone a connection.
pub trait Handler:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send + Unpin>
    + Clone
    + Send
    + Unpin
    + 'static
{
    /// The same, for a connection with this other end.
    fn connected(&self, remote: Remote) -> Self;

    /// Told of every request that was refused before it got here.
    fn refused(&self, code: &'static Code);

    /// Told of every connection whose handshake came to nothing.
    fn handshake_failed(&self, failure: HandshakeFailure);
}
