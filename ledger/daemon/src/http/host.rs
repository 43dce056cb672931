//! Which `Host` a request may name.
//!
//! A web page can make a browser resolve the page's own name to 127.0.0.1, and so reach a daemon on this machine as "the same
//! origin" (DNS rebinding). The browser still sends that name as `Host`: so where only this machine reaches the daemon, nothing is
//! let in but `localhost`, IP literals, which no name server answers for, and the names that the operator gave it. Where others
//! reach it, those names are all that is let in too, if there are some. This module decides nothing about who the client is.

use crate::http::codes::{HOST_DENIED, HOST_MISSING};
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri, Version};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What every daemon may be called.
const LOCALHOST: &str = "localhost";

/// Names that requests may give the daemon, beside `localhost` and IP literals, in lower case; none where the operator named none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hosts(pub(crate) Vec<String>);

/// What a `Host` or an authority names, its port left aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HostName<'a> {
    Ip,
    Name(&'a str),
}

/// Lets a request in whose host is one of the daemon's, as far as that can be known where it arrived. Over TLS it must also be the
/// name that the client asked for when it connected, unless it is an IP literal, for which nobody can ask (RFC 6066, section 3):
/// the certificate was chosen by that one.
///
/// # Errors
/// 400 without a host or with several, 421 for any other host. HTTP/1.0, which no browser speaks, needs none.
pub(crate) fn check(
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
    hosts: &Hosts,
    remote: &Remote,
) -> Result<(), Problem> {
    // A request line with an authority overrides the header (RFC 9112, section 3.2.2); both have to be right.
    if let Some(authority) = uri.authority() {
        admit(authority.as_str(), hosts, remote)?;
    }
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next()) {
        (Some(host), None) => admit(host.to_str().unwrap_or_default(), hosts, remote),
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

fn admit(host: &str, hosts: &Hosts, remote: &Remote) -> Result<(), Problem> {
    let Some(named) = HostName::parse(host) else { return Err(denied("a host name or an IP address", host)) };
    let HostName::Name(name) = named else { return Ok(()) };
    let asked = remote.server_name.as_deref().map(|asked| asked.strip_suffix('.').unwrap_or(asked));
    if let Some(asked) = asked.filter(|asked| !name.eq_ignore_ascii_case(asked)) {
        return Err(denied(&format!("{asked}, which the TLS handshake asked for"), host));
    }
    if name.eq_ignore_ascii_case(LOCALHOST) || hosts.0.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    match hosts.0.as_slice() {
        [] if remote.local => Err(denied("localhost or an IP address", host)),
        [] => Ok(()),
        // Not which: whoever asks under a wrong name needn't learn the right ones.
        _ => Err(denied(
            "localhost, an IP address, or a name that the log's operator set as one of hosts",
            host,
        )),
    }
}

fn denied(expected: &str, host: &str) -> Problem {
    Problem::new(&HOST_DENIED, format!("expected {expected} as the host of the request, got {host:?}"))
        .expected(expected, host)
}

impl<'a> HostName<'a> {
    /// Reads `uri-host [":" port]` (RFC 9110, section 7.2). A name has letters, digits, and `-`, `.` and `_`: no certificate is for
    /// any other. One dot at its end says that it is absolute, and is no part of it (RFC 6066, section 3).
    fn parse(host: &'a str) -> Option<Self> {
        if let Some(rest) = host.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let port = if port.is_empty() { Some("") } else { port.strip_prefix(':') };
            return (address.parse::<Ipv6Addr>().is_ok() && port.is_some_and(is_port)).then_some(Self::Ip);
        }
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        if !is_port(port) {
            return None;
        }
        if name.parse::<Ipv4Addr>().is_ok() {
            return Some(Self::Ip);
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        (letters && !name.is_empty() && !name.ends_with('.')).then_some(Self::Name(name))
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn remote(local: bool, server_name: Option<&str>) -> Remote {
        Remote { local, server_name: server_name.map(Into::into), ..Remote::default() }
    }

    #[test]
    fn hosts() {
        for host in ["127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:4180", "192.0.2.7", "127.0.0.1:"] {
            assert_eq!(HostName::parse(host), Some(HostName::Ip), "{host}");
        }
        for (host, name) in [
            ("localhost", "localhost"),
            ("LOCALHOST:4180", "LOCALHOST"),
            ("example.com", "example.com"),
            ("127.0.0.1.example.com:1", "127.0.0.1.example.com"),
            ("127.1", "127.1"),
            ("localhost.", "localhost"),
            ("example.com.:443", "example.com"),
            ("127.0.0.1.", "127.0.0.1"),
        ] {
            assert_eq!(HostName::parse(host), Some(HostName::Name(name)), "{host}");
        }
        for host in [
            "",
            ":80",
            ".",
            "localhost..",
            "[::1",
            "[::1]x",
            "[::1]80",
            "::1",
            "localhost:80x",
            "user@localhost",
            "[example.com]",
            "two words",
            "a/b",
            "%6c",
        ] {
            assert_eq!(HostName::parse(host), None, "{host}");
        }
    }

    /// Host, what the operator named, whether only this machine reaches the listener, what TLS asked for, and whether it is let in.
    type Case<'a> = (&'a str, &'a [&'a str], bool, Option<&'a str>, bool);

    #[test]
    fn who_is_let_in_under_which_name() {
        let cases: [Case<'_>; 25] = [
            ("localhost:80", &[], true, None, true),
            ("127.0.0.1", &[], true, None, true),
            ("evil.example", &[], true, None, false),
            ("127.1", &[], true, None, false),
            ("localhost.", &[], true, None, true),
            ("evil.example.", &[], true, None, false),
            ("127.0.0.1.", &[], true, None, false),
            ("log.example.:443", &["log.example"], false, Some("log.example"), true),
            ("log.example", &["log.example"], false, Some("log.example."), true),
            ("other.example.", &["log.example"], false, None, false),
            ("log.example", &["log.example"], true, None, true),
            ("LOG.example:443", &["log.example"], true, None, true),
            ("evil.example", &["log.example"], true, None, false),
            ("any.example", &[], false, None, true),
            ("two words", &[], false, None, false),
            ("any.example", &["log.example"], false, None, false),
            ("localhost", &["log.example"], false, None, true),
            ("192.0.2.7", &["log.example"], false, None, true),
            ("log.example", &[], false, Some("log.example"), true),
            ("Log.Example:443", &[], false, Some("log.example"), true),
            ("other.example", &[], false, Some("log.example"), false),
            ("localhost", &[], true, Some("log.example"), false),
            ("localhost", &[], true, Some("localhost"), true),
            ("192.0.2.7", &[], false, Some("log.example"), true),
            ("log.example", &["log.example"], true, Some("other.example"), false),
        ];
        for (host, hosts, local, server_name, let_in) in cases {
            let hosts = Hosts(hosts.iter().map(|&host| host.into()).collect());
            let got = admit(host, &hosts, &remote(local, server_name));
            assert_eq!(got.is_ok(), let_in, "{host} {hosts:?} {local} {server_name:?}");
            if let Err(problem) = got {
                assert_eq!(problem.code(), &HOST_DENIED);
                assert!(
                    !problem.detail().contains("log.example")
                        || server_name.is_some()
                        || host == "log.example"
                );
            }
        }
    }

    #[test]
    fn one_host_is_demanded_from_http_1_1_on() {
        let check = |version, uri: &'static str, headers: &HeaderMap| {
            check(version, &Uri::from_static(uri), headers, &Hosts::default(), &remote(true, None))
        };
        let uri = "/checkpoint";
        let mut headers = HeaderMap::new();
        assert_eq!(check(Version::HTTP_11, uri, &headers).unwrap_err().code(), &HOST_MISSING);
        assert!(check(Version::HTTP_10, uri, &headers).is_ok());
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert!(check(Version::HTTP_11, uri, &headers).is_ok());
        let absolute = "http://example.com/checkpoint";
        assert_eq!(check(Version::HTTP_11, absolute, &headers).unwrap_err().code(), &HOST_DENIED);
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert_eq!(check(Version::HTTP_11, uri, &headers).unwrap_err().code(), &HOST_MISSING);
    }
}
