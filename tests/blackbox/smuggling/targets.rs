//! Targets: what a path's parameters take, and what a query does.

use super::Then::{Answered, Closed};
use super::{Row, get, row};

const UNKNOWN: &[(u16, &str)] = &[(404, "route.unknown")];
const MALFORMED: &[(u16, &str)] = &[(400, "parameter.malformed")];
const NO_KIND: &[(u16, &str)] = &[(404, "kind.not-found")];
const NO_TILE: &[(u16, &str)] = &[(404, "tile.not-found")];
const BAD: &[(u16, &str)] = &[(400, "")];
const FINE: &[(u16, &str)] = &[(200, "")];

pub(super) fn rows() -> Vec<Row> {
    let long = "9".repeat(5_000);
    let at = |name, target: &str, answers| row(name, get(target), answers, Answered);
    vec![
        at("dots instead of an index", "/v1/entries/..", MALFORMED),
        at("encoded dots instead of an index", "/v1/entries/%2e%2e", MALFORMED),
        at("dots behind an index", "/v1/entries/0/../../log", UNKNOWN),
        at("an encoded NUL behind an index", "/v1/entries/0%00", MALFORMED),
        at("an encoded slash behind an index", "/v1/entries/0%2freceipt", MALFORMED),
        at("two slashes before an index", "/v1/entries//0", UNKNOWN),
        at("a slash behind an index", "/v1/entries/0/", UNKNOWN),
        at("no index", "/v1/entries/", UNKNOWN),
        at("a long index", &format!("/v1/entries/{long}"), MALFORMED),
        at("an index in other digits", "/v1/entries/%D9%A1", MALFORMED),
        at("an index that isn't UTF-8", "/v1/entries/%ff", UNKNOWN),
        at("a negative index", "/v1/entries/-1", MALFORMED),
        at("an index with a zero before it", "/v1/entries/00", MALFORMED),
        at("an index with a sign", "/v1/entries/+0", MALFORMED),
        at("an encoded index", "/v1/entries/%30", FINE),
        at("half an encoding", "/v1/entries/%3", MALFORMED),
        at("dots instead of a receipt's index", "/v1/entries/%2e%2e/receipt", MALFORMED),
        at("a receipt with a slash behind it", "/v1/entries/0/receipt/", UNKNOWN),
        at("a receipt with an encoded letter", "/v1/entries/0/%72eceipt", UNKNOWN),
        at("a NUL in a proof's index", "/v1/entries/%00/proof", MALFORMED),
        at("an empty proof's index", "/v1/entries//proof", MALFORMED),
        at("dots behind a proof", "/v1/entries/0/proof/..", UNKNOWN),
        at("dots instead of a kind", "/v1/schema/..", NO_KIND),
        at("encoded dots instead of a kind", "/v1/schema/%2e%2e%2fpromotion", NO_KIND),
        at("a NUL behind a kind", "/v1/schema/promotion%00", NO_KIND),
        at("a kind in capitals", "/v1/schema/PROMOTION", NO_KIND),
        at("a slash behind a kind", "/v1/schema/promotion/", UNKNOWN),
        at("a kind with its file's ending", "/v1/schema/promotion.json", NO_KIND),
        at("a kind in other letters", "/v1/schema/%D1%80romotion", NO_KIND),
        at("a long kind", &format!("/v1/schema/{long}"), NO_KIND),
        at("dots instead of a tile", "/tile/..", NO_TILE),
        at("dots within a tile", "/tile/0/../../../etc/passwd", NO_TILE),
        at("encoded dots within a tile", "/tile/%2e%2e/%2e%2e/etc/passwd", NO_TILE),
        at("encoded slashes within a tile", "/tile/..%2f..%2fetc%2fpasswd", NO_TILE),
        at("two slashes within a tile", "/tile/0//000", NO_TILE),
        at("a NUL within a tile", "/tile/0/000%00", NO_TILE),
        at("a tile with a slash behind it", "/tile/0/000.p/1/", NO_TILE),
        at("a tile of a level that no tree has", "/tile/64/000", NO_TILE),
        at("a long tile", &format!("/tile/0/{}", "x001/".repeat(1_000)), NO_TILE),
        at("no tile", "/tile/", UNKNOWN),
        at("backslashes", "/v1/..\\..\\etc", UNKNOWN),
        at("a path in capitals", "/V1/log", UNKNOWN),
        at("a parameter in the path", "/v1/log;x=1", UNKNOWN),
        at("two slashes before all", "//v1/log", UNKNOWN),
        row("UTF-8 in a target", get("/v1/entries/\u{661}"), MALFORMED, Answered),
        row("a NUL in a target", get("/v1/log\0"), BAD, Closed),
        row("a fragment in a target", get("/v1/log#x"), FINE, Answered),
        row("an asterisk", get("*"), UNKNOWN, Answered),
        row("a target without a slash", get("v1/log"), BAD, Closed),
        row("a target of another scheme", get("file:///etc/passwd"), BAD, Closed),
    ]
}

pub(super) fn queries() -> Vec<Row> {
    let bomb = |parameter: &str, count: usize| format!("/v1/records?{}", vec![parameter; count].join("&"));
    let at = |name, target: &str, answers| row(name, get(target), answers, Answered);
    vec![
        at("as many parameters as a head holds", &bomb("a=1", 3_900), MALFORMED),
        at("ten thousand empty parameters", &bomb("", 10_000), FINE),
        at("a parameter twice", "/v1/records?start=0&start=1", MALFORMED),
        at("a parameter twice, once encoded", "/v1/records?start=0&%73tart=1", MALFORMED),
        at("an unknown parameter", "/v1/records?admin=true", MALFORMED),
        at("a huge value", &format!("/v1/records?start={}", "9".repeat(14_000)), MALFORMED),
        row("ten thousand parameters", get(&bomb("a=1", 10_000)), &[(431, "")], Closed),
        at("a negative limit", "/v1/records?limit=-1", MALFORMED),
        at("a NUL in a value of the query", "/v1/records?kind=%00", MALFORMED),
        at("brackets in a query", "/v1/consistency?old[]=1&new[]=1", MALFORMED),
        at("a proof of a size that isn't there", "/v1/entries/0/proof?size=99999999999999999999", MALFORMED),
        at("a query where there is none", "/checkpoint?x=1", FINE),
    ]
}
