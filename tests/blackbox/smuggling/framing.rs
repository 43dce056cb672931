//! Where a request ends: lengths, encodings and chunks, which two readers must not read in two ways (RFC 9112, section 6).

use super::Then::{Answered, Closed};
use super::{Row, get, post, row, submission};

/// A chunked append of this body.
fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked", body)
}

/// A body as one chunk, its size as it is written.
fn chunk(size: &str, body: &str) -> String {
    chunked(&format!("{size}\r\n{body}\r\n0\r\n\r\n"))
}

fn hex(body: &str) -> String {
    format!("{:x}", body.len())
}

pub(super) fn rows() -> Vec<Row> {
    let body = submission("framed");
    let (length, size) = (body.len(), hex(&body));
    let smuggled = get("/v1/smuggled");
    const BAD: &[(u16, &str)] = &[(400, "")];
    const MADE: &[(u16, &str)] = &[(201, "")];
    const CUT: &[(u16, &str)] = &[(400, "body.incomplete")];
    let length_line = |value: &str| post(&format!("Content-Length: {value}"), &body);
    vec![
        row("a length that is right", length_line(&length.to_string()), MADE, Answered),
        row("a chunk", chunk(&size, &body), MADE, Answered),
        row(
            "two lengths",
            post(&format!("Content-Length: {length}\r\nContent-Length: 0"), &body),
            BAD,
            Closed,
        ),
        row("two lengths in one", length_line(&format!("{length}, 5")), BAD, Closed),
        row("a negative length", length_line("-1"), BAD, Closed),
        row("a signed length", length_line(&format!("+{length}")), BAD, Closed),
        row("a length in hexadecimal", length_line("0x10"), BAD, Closed),
        row("a length of 2^64", length_line("18446744073709551616"), BAD, Closed),
        row("a length of 10^40", length_line(&format!("1{}", "0".repeat(40))), BAD, Closed),
        row("a length with a space in it", length_line("1 0"), BAD, Closed),
        row("an empty length", length_line(""), BAD, Closed),
        row("a length beyond every limit", length_line("17179869184"), &[(413, "body.too-large")], Closed),
        row("a length that is too short", length_line("5"), &[(400, "json.malformed"), (400, "")], Closed),
        row(
            "a length and an encoding",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{smuggled}")),
            &[(400, "json.malformed")],
            Closed,
        ),
        row(
            "an encoding and a length",
            post("Transfer-Encoding: chunked\r\nContent-Length: 5", &format!("0\r\n\r\n{smuggled}")),
            &[(400, "json.malformed")],
            Closed,
        ),
        row("an unknown encoding", post("Transfer-Encoding: fancy", &smuggled), BAD, Closed),
        row("chunked before another", post("Transfer-Encoding: chunked, identity", &smuggled), BAD, Closed),
        row("an encoding with a form feed", post("Transfer-Encoding: \x0cchunked", &smuggled), BAD, Closed),
        row(
            "two encodings",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &smuggled),
            BAD,
            Closed,
        ),
        row(
            "a space before an encoding's colon",
            post("Transfer-Encoding : chunked", &smuggled),
            BAD,
            Closed,
        ),
        row("a chunk extension", chunk(&format!("{size};name=value"), &body), MADE, Answered),
        row("a huge chunk extension", chunk(&format!("{size};{}", "x".repeat(20_000)), &body), CUT, Closed),
        row("a chunk size that is none", chunk("zz", &body), CUT, Closed),
        row("an empty chunk size", chunk("", &body), CUT, Closed),
        row("a negative chunk size", chunk("-1", &body), CUT, Closed),
        row("a chunk size of 2^64", chunk("10000000000000000", &body), CUT, Closed),
        row("a chunk size with 0x", chunk(&format!("0x{size}"), &body), CUT, Closed),
        row("a chunk larger than every limit", chunk("fffffffffffffff", &body), CUT, Closed),
        row("a chunk that is longer than it says", chunk("5", &body), CUT, Closed),
        row("a chunk size with a bare LF", chunked(&format!("{size}\n{body}\r\n0\r\n\r\n")), CUT, Closed),
        row("a trailer", chunked(&format!("{size}\r\n{body}\r\n0\r\nX-Trailer: 1\r\n\r\n")), MADE, Answered),
        row(
            "a huge trailer",
            chunked(&format!("{size}\r\n{body}\r\n0\r\nX-Trailer: {}\r\n\r\n", "x".repeat(20_000))),
            CUT,
            Closed,
        ),
        row(
            "a body on a GET",
            "GET /v1/log HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nGET ",
            &[(200, "")],
            Answered,
        ),
        row(
            "two requests at once",
            [get("/v1/log"), get("/v1/nothing")].concat(),
            &[(200, ""), (404, "route.unknown")],
            Answered,
        ),
        row(
            "a request behind one that is refused before its body",
            format!(
                "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{smuggled}",
                smuggled.len()
            ),
            &[(415, "content-type.unsupported")],
            Closed,
        ),
        row(
            "a request behind one of another host",
            [get("/v1/log").replace("localhost", "evil.example"), smuggled.clone()].concat(),
            &[(421, "host.denied"), (404, "route.unknown")],
            Answered,
        ),
        row("a request behind one that is none", ["NONSENSE\r\n\r\n".into(), smuggled].concat(), BAD, Closed),
        row(
            "an expectation that is met",
            post(&format!("Expect: 100-continue\r\nContent-Length: {length}"), &body),
            &[(100, ""), (201, "")],
            Answered,
        ),
        row(
            "an expectation that nobody knows",
            post(&format!("Expect: 200-ok\r\nContent-Length: {length}"), &body),
            MADE,
            Answered,
        ),
        row(
            "an expectation of a body that isn't wanted, for which what follows is taken",
            "POST /v1/log HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
            &[(405, "method.not-allowed"), (400, "")],
            Closed,
        ),
    ]
}
