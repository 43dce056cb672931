//! Request lines and headers: line ends, folds, bytes that don't belong, sizes, versions, methods, hosts and credentials.

use super::Then::{Answered, Closed};
use super::{Row, get, row, with};

const BAD: &[(u16, &str)] = &[(400, "")];
const FINE: &[(u16, &str)] = &[(200, "")];
const DENIED: &[(u16, &str)] = &[(421, "host.denied")];

fn line(line: &str) -> String {
    format!("{line}\r\nHost: localhost\r\n\r\n")
}

fn host(host: &str) -> String {
    format!("GET /v1/log HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

pub(super) fn rows() -> Vec<Row> {
    let headers = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let mut rows = vec![
        row("a folded header", with("X-Folded: a\r\n b"), BAD, Closed),
        row("a folded host", "GET /v1/log HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", BAD, Closed),
        row("a bare CR in a value", with("X-A: b\rX-C: d"), BAD, Closed),
        row("a bare CR at a line's end", "GET /v1/log HTTP/1.1\rHost: localhost\r\n\r\n", BAD, Closed),
        // RFC 9112, section 2.2 lets a reader take it for a line's end.
        row("bare LFs", "GET /v1/log HTTP/1.1\nHost: localhost\n\n", FINE, Answered),
        row("a NUL in a value", with("X-A: b\0c"), BAD, Closed),
        row("a NUL in a name", with("X\0A: b"), BAD, Closed),
        row("a control character in a value", with("X-A: b\x01c"), BAD, Closed),
        row("a space before the colon", with("X-A : b"), BAD, Closed),
        row("a space in a name", with("X A: b"), BAD, Closed),
        row("a line without a colon", with("X-A"), BAD, Closed),
        row("a header without a name", with(": b"), BAD, Closed),
        row(
            "a space before the first header",
            "GET /v1/log HTTP/1.1\r\n Host: localhost\r\n\r\n",
            BAD,
            Closed,
        ),
        row(
            "Latin-1 in a value",
            [&b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\nX-A: \xe9\r\n\r\n"[..]].concat(),
            FINE,
            Answered,
        ),
        row(
            "Latin-1 in a host",
            [&b"GET /v1/log HTTP/1.1\r\nHost: \xe9\r\n\r\n"[..]].concat(),
            DENIED,
            Answered,
        ),
        row("a huge header", with(&format!("X-A: {}", "a".repeat(20_000))), &[(431, "")], Closed),
        row(
            "a huge head",
            with(&format!("{}X-Z: 1", "X-Header: 0123456789\r\n".repeat(1_000))),
            &[(431, "")],
            Closed,
        ),
        row("a hundred headers", with(headers(98).trim_end()), FINE, Answered),
        row("too many headers", with(headers(101).trim_end()), &[(431, "")], Closed),
        row("a huge target", get(&format!("/{}", "a".repeat(70_000))), &[(431, "")], Closed),
        row("an empty line before", format!("\r\n{}", get("/v1/log")), FINE, Answered),
        row("no target", "GET HTTP/1.1\r\nHost: localhost\r\n\r\n", BAD, Closed),
        row("two spaces before the target", line("GET  /v1/log HTTP/1.1"), BAD, Closed),
        row("a tab before the target", line("GET\t/v1/log HTTP/1.1"), BAD, Closed),
        row("a space in the target", line("GET /v1/ log HTTP/1.1"), BAD, Closed),
        row("HTTP/0.9", "GET /v1/log\r\n", BAD, Closed),
        row("HTTP/1.0", "GET /v1/log HTTP/1.0\r\n\r\n", FINE, Closed),
        row(
            "HTTP/1.0 that is kept",
            "GET /v1/log HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            FINE,
            Answered,
        ),
        row(
            "HTTP/1.0 in chunks",
            "POST /v1/entries HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            BAD,
            Closed,
        ),
        row("HTTP/1.2", line("GET /v1/log HTTP/1.2"), BAD, Closed),
        row("HTTP/2 by its preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], Closed),
        row(
            "HTTP/2 by an upgrade",
            with(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
            ),
            FINE,
            Answered,
        ),
        row(
            "a WebSocket",
            with(
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            ),
            FINE,
            Answered,
        ),
        row("the beginning of TLS", b"\x16\x03\x01\x02\x00\x01".as_slice(), BAD, Closed),
        row("a method in lower case", line("get /v1/log HTTP/1.1"), &[(405, "method.not-allowed")], Answered),
        row("an unknown method", line("BREW /v1/log HTTP/1.1"), &[(405, "method.not-allowed")], Answered),
        row("TRACE", line("TRACE /v1/log HTTP/1.1"), &[(405, "method.not-allowed")], Answered),
        row(
            "CONNECT to an authority",
            "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
            &[(404, "route.unknown")],
            Answered,
        ),
        row(
            "CONNECT to another host",
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            DENIED,
            Answered,
        ),
        row("a method with a colon", line("GE:T /v1/log HTTP/1.1"), BAD, Closed),
        row("a huge method", line(&format!("{} /v1/log HTTP/1.1", "M".repeat(20_000))), &[(431, "")], Closed),
        row("HEAD", line("HEAD /v1/log HTTP/1.1"), FINE, Answered),
        row("another method in a header", with("X-HTTP-Method-Override: DELETE"), FINE, Answered),
        row("no host", "GET /v1/log HTTP/1.1\r\n\r\n", &[(400, "host.missing")], Answered),
        row(
            "two hosts",
            "GET /v1/log HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            &[(400, "host.missing")],
            Answered,
        ),
        row(
            "another host in the target",
            "GET http://evil.example/v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n",
            DENIED,
            Answered,
        ),
        row(
            "another host beside the target's",
            "GET http://localhost/v1/log HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            DENIED,
            Answered,
        ),
        row(
            "the target in absolute form",
            "GET http://localhost/v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n",
            FINE,
            Answered,
        ),
        row(
            "a host in a forwarding proxy's header",
            with("X-Forwarded-Host: evil.example\r\nX-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1"),
            FINE,
            Answered,
        ),
    ];
    let hosts = [
        ("an empty host", "", DENIED),
        ("a host with a user", "user@localhost", DENIED),
        ("a host with a path", "localhost/x", DENIED),
        ("a host with a comma", "localhost,evil.example", DENIED),
        ("a host with a space", "localhost evil.example", DENIED),
        ("an absolute host, which ends in a dot", "localhost.", FINE),
        ("a host that ends in two dots", "localhost..", DENIED),
        ("another host that ends in a dot", "evil.example.", DENIED),
        ("a host whose port is a word", "localhost:http", DENIED),
        ("a percent-encoded host", "%6cocalhost", DENIED),
        ("an IPv6 host", "[::1]:80", FINE),
        ("an IPv6 host that is cut off", "[::1", DENIED),
        ("an address in one number", "2130706433", DENIED),
    ];
    rows.extend(hosts.map(|(name, value, answers)| row(name, host(value), answers, Answered)));
    let credentials = [
        ("no token", "Authorization: "),
        ("a token that nobody asks for", "Authorization: Bearer plt_unknown"),
        ("other credentials", "Authorization: Basic dXNlcjpwYXNzd29yZA=="),
        ("credentials twice", "Authorization: Bearer a\r\nAuthorization: Bearer b"),
    ];
    // Where no tokens were made, nobody looks at one.
    rows.extend(credentials.map(|(name, lines)| row(name, with(lines), FINE, Answered)));
    rows
}
