//! What the operator may set of what connections are held to.

use std::time::Duration;

/// What connections are held to.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections open at once.
    pub connections_max: usize,
    /// How long a request's head may take, and a connection be idle.
    pub header_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// TLS handshakes under way at once: one more ends the oldest.
    pub handshakes_max: usize,
    /// How long an answer may wait for the client in all, beside a second for every 64 KiB that it takes.
    pub write_timeout: Duration,
    /// How long requests may go on once the daemon goes down.
    pub drain_timeout: Duration,
}
