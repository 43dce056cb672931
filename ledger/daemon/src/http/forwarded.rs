//! What a proxy in front of the daemon says of its own clients: the last address of `X-Forwarded-For`, which is the one that the
//! proxy itself saw. All before it is what that client said.
//!
//! What `Forwarded` (RFC 7239) says isn't read: a proxy that writes one of the two passes the other on as its client sent it.

use crate::http::remote::Remote;
use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses of proxies whose word on where a request came from is believed; where there are none, nobody's is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Proxies(pub(crate) Vec<IpAddr>);

impl Proxies {
    /// Where a request came from; nothing over a Unix socket, whose other end has no address. What a believed proxy doesn't say,
    /// or says in another form, leaves the proxy's own.
    pub(crate) fn client(&self, remote: &Remote, headers: &HeaderMap) -> Option<IpAddr> {
        let address = remote.address?;
        if !self.0.contains(&address) {
            return Some(address);
        }
        let last = headers.get_all(X_FORWARDED_FOR).iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        Some(last.and_then(|last| last.trim().parse().ok()).unwrap_or(address))
    }
}

/// Whether somebody says that this request was passed on: whoever connected isn't the one who asks then.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_last_address_of_a_believed_proxy_is_the_client_s() {
        let proxy = "192.0.2.1";
        let proxies = Proxies(vec![proxy.parse().unwrap()]);
        let cases: [(Option<&str>, &[&str], Option<&str>); 11] = [
            (Some(proxy), &["198.51.100.9"], Some("198.51.100.9")),
            (Some(proxy), &["127.0.0.1, 203.0.113.5,\t198.51.100.9 "], Some("198.51.100.9")),
            (Some(proxy), &["203.0.113.5", "2001:db8::7"], Some("2001:db8::7")),
            (Some(proxy), &[], Some(proxy)),
            (Some(proxy), &[""], Some(proxy)),
            (Some(proxy), &["198.51.100.9,"], Some(proxy)),
            (Some(proxy), &["198.51.100.9", "unknown"], Some(proxy)),
            (Some(proxy), &["198.51.100.9:443"], Some(proxy)),
            (Some("192.0.2.2"), &["198.51.100.9"], Some("192.0.2.2")),
            (Some("127.0.0.1"), &["198.51.100.9"], Some("127.0.0.1")),
            (None, &["198.51.100.9"], None),
        ];
        for (address, values, expected) in cases {
            let parse = |text: Option<&str>| text.map(|text| text.parse::<IpAddr>().unwrap());
            let remote = Remote { address: parse(address), ..Remote::default() };
            let headers: HeaderMap =
                values.iter().map(|value| (X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(proxies.client(&remote, &headers), parse(expected), "{address:?} {values:?}");
        }
        let forwarded: HeaderMap =
            [(HeaderName::from_static("forwarded"), HeaderValue::from_static("for=198.51.100.9"))]
                .into_iter()
                .collect();
        let remote = Remote { address: Some(proxy.parse().unwrap()), ..Remote::default() };
        assert_eq!(proxies.client(&remote, &forwarded), remote.address);
    }
}
