//! Which `Host` a request may name, as long as the daemon listens on loopback only, against DNS rebinding.
//!
//! A web page can make a browser resolve the page's own name to 127.0.0.1 and so reach a daemon on loopback as "the same
//! origin". The browser still sends that name as `Host`: so only `localhost` and IP literals, which no name server
//! answers for, are let in. This module decides nothing about who the client is.

use crate::http::codes::{HOST_DENIED, HOST_MISSING};
use crate::http::problem::Problem;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri, Version};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names that requests may give the daemon, beside `localhost` and IP literals, in lower case; none where the operator named none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hosts(pub(crate) Vec<String>);

impl Hosts {
    /// Whether a host, which may have a port, is one of the names.
    fn has(&self, host: &str) -> bool {
        let (name, port) = host.split_once(':').map_or((host, ""), |(name, port)| (name, port));
        is_port(port) && self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Lets a request in whose host is `localhost`, an IP literal, or one of the names that the operator gave.
///
/// # Errors
/// 400 without a host or with several, 421 for any other host. HTTP/1.0, which no browser speaks, needs none.
pub(crate) fn check(version: Version, uri: &Uri, headers: &HeaderMap, names: &Hosts) -> Result<(), Problem> {
    // A request line with an authority overrides the header (RFC 9112, section 3.2.2); both have to be right.
    if let Some(authority) = uri.authority() {
        admit(authority.as_str(), names)?;
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => admit(host.to_str().unwrap_or_default(), names),
        (None, None) if version < Version::HTTP_11 => Ok(()),
        (None, _) => {
            Err(Problem::new(&HOST_MISSING, "expected one Host header").expected("one Host header", "none"))
        }
        (Some(_), Some(_)) => {
            Err(Problem::new(&HOST_MISSING, "expected one Host header")
                .expected("one Host header", "several"))
        }
    }
}

fn admit(host: &str, names: &Hosts) -> Result<(), Problem> {
    if is_local(host) || names.has(host) {
        return Ok(());
    }
    let expected = "localhost, an IP address, or a name of the setting hosts";
    Err(Problem::new(&HOST_DENIED, format!("expected {expected} as the host of the request, got {host:?}"))
        .expected(expected, host))
}

fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    port.is_none_or(is_port) && (name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn hosts() {
        for host in
            ["localhost", "LOCALHOST:4180", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:4180", "192.0.2.7"]
        {
            assert!(is_local(host), "{host}");
        }
        let others = [
            "",
            ":80",
            "example.com",
            "localhost.example.com",
            "localhost.",
            "127.0.0.1.example.com",
            "127.1",
            "[::1",
            "[::1]x",
            "::1",
            "localhost:80x",
            "user@localhost",
            "[example.com]",
        ];
        for host in others {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn one_host_is_demanded_from_http_1_1_on() {
        let (uri, names) = (Uri::from_static("/checkpoint"), Hosts(vec!["log.example.com".into()]));
        let mut headers = HeaderMap::new();
        assert_eq!(check(Version::HTTP_11, &uri, &headers, &names).unwrap_err().code(), &HOST_MISSING);
        assert!(check(Version::HTTP_10, &uri, &headers, &names).is_ok());
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert!(check(Version::HTTP_11, &uri, &headers, &names).is_ok());
        let absolute = Uri::from_static("http://example.com/checkpoint");
        assert_eq!(check(Version::HTTP_11, &absolute, &headers, &names).unwrap_err().code(), &HOST_DENIED);
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert_eq!(check(Version::HTTP_11, &uri, &headers, &names).unwrap_err().code(), &HOST_MISSING);
        for (host, let_in) in [
            ("LOG.example.com:443", true),
            ("log.example.com", true),
            ("log.example.com:x", false),
            ("log.example.com.", false),
            ("a.log.example.com", false),
        ] {
            headers.insert(HOST, HeaderValue::from_static(host));
            assert_eq!(check(Version::HTTP_11, &uri, &headers, &names).is_ok(), let_in, "{host}");
        }
    }
}
