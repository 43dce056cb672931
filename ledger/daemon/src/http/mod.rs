//! HTTP/1.1 within limits: connections, heads, bodies, answers, and problems. It knows nothing of what is served.

pub mod bound;
pub mod codes;
pub mod handler;
pub mod limits;
pub mod listener;
pub mod problem;
pub mod remote;
pub mod server;
pub mod shown_chain;
pub mod tls;

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod forwarded;
pub(crate) mod gzip;
pub(crate) mod host;
pub(crate) mod patience;
pub(crate) mod permits;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod stream;
pub(crate) mod unix;
