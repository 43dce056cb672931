//! Who is at the other end of a connection, as far as the connection itself tells.

use crate::http::shown_chain::ShownChain;
use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a connection. What a request says of itself is not in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remote {
    /// Where it is, over TCP.
    pub address: Option<IpAddr>,
    /// Whose process it is, over a Unix socket: the kernel's word, of the time when it connected.
    pub uid: Option<u32>,
    /// Whether the listener is one that only this machine reaches.
    pub local: bool,
    /// Over TLS, the name that the client asked for (RFC 6066, section 3), where it asked for one.
    pub server_name: Option<Box<str>>,
    /// Whether the client showed a certificate that a client CA of the listener's signed.
    pub certified: bool,
    /// What the client showed to a listener that asks for X.509-SVIDs, where it showed something.
    pub shown: Option<Arc<ShownChain>>,
}
