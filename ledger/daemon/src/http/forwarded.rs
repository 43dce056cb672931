//! What a proxy in front of the daemon says of its own clients.

use std::net::IpAddr;

/// Addresses of proxies whose word on where a request came from is believed; where there are none, nobody's is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Proxies(pub(crate) Vec<IpAddr>);
