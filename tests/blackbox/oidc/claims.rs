//! Tokens that are well signed, and say what a log doesn't take: of somebody else, for somebody else, at another time.

use super::cases::{Case, hold};
use super::issuer::{Issuer, jwks};
use super::site::{RULES, Site, code, table};
use super::token::{AUDIENCE, Draft, ORIGIN, now_s, published};
use crate::vectors::keys::RSA;
use serde_json::json;
use std::fs;

const MALFORMED: &str = "token.malformed";
const ISSUER: &str = "token.issuer";
const AUD: &str = "token.audience";
const TIME: &str = "token.time";

fn times(draft: Draft, iat: i64, exp: i64) -> Draft {
    let at = |seconds: i64| now_s().checked_add_signed(seconds).unwrap();
    draft.claim("iat", at(iat)).claim("exp", at(exp))
}

fn issued_as(draft: Draft, change: fn(&str) -> String) -> String {
    let (_, issuer) = draft.payload.0.iter().find(|(name, _)| name == "iss").unwrap();
    let issuer: String = serde_json::from_str(issuer).unwrap();
    draft.claim("iss", change(&issuer)).sign()
}

#[rustfmt::skip]
const ISSUERS: &[Case] = &[
    ("another issuer", |draft| draft.claim("iss", "https://issuer.example.com").sign(), 401, ISSUER),
    ("a slash behind it", |draft| issued_as(draft, |url| format!("{url}/")), 401, ISSUER),
    ("a path behind it", |draft| issued_as(draft, |url| format!("{url}/realm")), 401, ISSUER),
    ("in upper case", |draft| issued_as(draft, |url| url.replace("https", "HTTPS")), 401, ISSUER),
    ("by http", |draft| issued_as(draft, |url| url.replace("https", "http")), 401, ISSUER),
    ("without a scheme", |draft| issued_as(draft, |url| url.replace("https://", "")), 401, ISSUER),
    ("a query behind it", |draft| issued_as(draft, |url| format!("{url}?a")), 401, ISSUER),
    ("a user in front", |draft| issued_as(draft, |url| url.replace("https://", "https://a@")), 401, ISSUER),
    ("a fragment", |draft| issued_as(draft, |url| format!("{url}#a")), 401, MALFORMED),
    ("white space behind it", |draft| issued_as(draft, |url| format!("{url} ")), 401, MALFORMED),
    ("a line's end behind it", |draft| issued_as(draft, |url| format!("{url}\n")), 401, MALFORMED),
    ("letters of another script", |draft| issued_as(draft, |url| url.replace("ht", "hт")), 401, MALFORMED),
    ("escaped", |draft| issued_as_text(draft), 201, ""),
    ("iss missing", |draft| draft.without("iss").sign(), 401, MALFORMED),
    ("iss empty", |draft| draft.claim("iss", "").sign(), 401, MALFORMED),
    ("iss a list", |draft| draft.claim("iss", json!(["a"])).sign(), 401, MALFORMED),
    ("a SPIFFE ID", |draft| draft.by("rsa", &RSA).claim("sub", "spiffe://example.org/ci").sign(), 401, ISSUER),
    ("a SPIFFE ID in other case", |draft| draft.by("rsa", &RSA).claim("sub", " SPIFFE://example.org/ci").sign(), 401, MALFORMED),
];

/// The same text, every letter of which is escaped.
fn issued_as_text(draft: Draft) -> String {
    let (_, issuer) = draft.payload.0.iter().find(|(name, _)| name == "iss").unwrap();
    let issuer: String = serde_json::from_str(issuer).unwrap();
    let escaped: String = issuer.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    draft.raw("iss", &format!("\"{escaped}\"")).sign()
}

#[rustfmt::skip]
const AUDIENCES: &[Case] = &[
    ("in a list", |draft| draft.claim("aud", json!([AUDIENCE])).sign(), 201, ""),
    ("among others", |draft| draft.claim("aud", json!(["sts.example.com", AUDIENCE])).sign(), 201, ""),
    ("another one", |draft| draft.claim("aud", "https://other.example.com").sign(), 401, AUD),
    ("a slash behind it", |draft| draft.claim("aud", format!("{AUDIENCE}/")).sign(), 401, AUD),
    ("a part of it", |draft| draft.claim("aud", &AUDIENCE[..AUDIENCE.len() - 1]).sign(), 401, AUD),
    ("in upper case", |draft| draft.claim("aud", AUDIENCE.to_uppercase()).sign(), 401, AUD),
    ("both in one text", |draft| draft.claim("aud", format!("{AUDIENCE} {AUDIENCE}")).sign(), 401, AUD),
    ("empty", |draft| draft.claim("aud", "").sign(), 401, AUD),
    ("an empty list", |draft| draft.claim("aud", json!([])).sign(), 401, AUD),
    ("missing", |draft| draft.without("aud").sign(), 401, MALFORMED),
    ("a number", |draft| draft.claim("aud", 1).sign(), 401, AUD),
    ("a list with a number", |draft| draft.claim("aud", json!([AUDIENCE, 1])).sign(), 401, AUD),
    ("an object", |draft| draft.claim("aud", json!({"aud": AUDIENCE})).sign(), 401, AUD),
    ("the origin", |draft| draft.claim("aud", ORIGIN).sign(), 401, AUD),
    ("the origin beside it", |draft| draft.claim("aud", json!([AUDIENCE, ORIGIN])).sign(), 401, AUD),
    ("bound to a submission, of one without salts", |draft| draft.claim("aud", format!("{ORIGIN}:{}", "d1".repeat(32))).sign(), 400, "evidence.salts"),
    ("bound, beside it", |draft| draft.claim("aud", json!([AUDIENCE, format!("{ORIGIN}:{}", "d1".repeat(32))])).sign(), 401, AUD),
];

#[rustfmt::skip]
const TIMES: &[Case] = &[
    ("expired within the skew", |draft| times(draft, -600, -20).sign(), 201, ""),
    ("expired before the skew", |draft| times(draft, -600, -61).sign(), 401, TIME),
    ("expired a year ago", |draft| times(draft, -31_540_000, -31_536_000).sign(), 401, TIME),
    ("issued within the skew to come", |draft| times(draft, 30, 600).sign(), 201, ""),
    ("issued in an hour", |draft| times(draft, 3_600, 7_200).sign(), 401, TIME),
    ("nbf past", |draft| draft.claim("nbf", now_s() - 900).sign(), 201, ""),
    ("nbf within the skew", |draft| draft.claim("nbf", now_s() + 30).sign(), 201, ""),
    ("nbf later", |draft| draft.claim("nbf", now_s() + 300).sign(), 401, TIME),
    ("nbf after exp", |draft| draft.claim("nbf", now_s() + 3_600).sign(), 401, MALFORMED),
    ("exp missing", |draft| draft.without("exp").sign(), 401, MALFORMED),
    ("iat missing", |draft| draft.without("iat").sign(), 401, MALFORMED),
    ("iat after exp", |draft| times(draft, 30, -30).sign(), 401, MALFORMED),
    ("iat is exp", |draft| times(draft, 30, 30).sign(), 401, MALFORMED),
    ("exp with a fraction", |draft| draft.raw("exp", "1795816800.5").sign(), 401, MALFORMED),
    ("exp with an exponent", |draft| draft.raw("exp", "9e9").sign(), 401, MALFORMED),
    ("iat with a fraction of nothing", |draft| draft.raw("iat", "1795816800.0").sign(), 401, MALFORMED),
    ("exp as text", |draft| draft.claim("exp", "9795816800").sign(), 401, MALFORMED),
    ("exp null", |draft| draft.raw("exp", "null").sign(), 401, MALFORMED),
    ("exp true", |draft| draft.claim("exp", true).sign(), 401, MALFORMED),
    ("exp beyond 2^53-1 ms", |draft| draft.claim("exp", 9_007_199_254_741_u64).sign(), 401, MALFORMED),
    ("exp beyond it by the skew", |draft| draft.claim("exp", 9_007_199_254_740_u64).sign(), 401, MALFORMED),
    ("exp beyond 64 bits", |draft| draft.raw("exp", "99999999999999999999999999").sign(), 401, MALFORMED),
    ("exp in ms", |draft| draft.claim("exp", (now_s() + 60) * 1000).sign(), 201, ""),
    ("iat in ms", |draft| draft.claim("iat", now_s() * 1000).sign(), 401, MALFORMED),
    ("iat negative", |draft| draft.claim("iat", -1).sign(), 401, MALFORMED),
    ("iat 0", |draft| draft.claim("iat", 0).sign(), 401, MALFORMED),
    ("nbf as text", |draft| draft.claim("nbf", "now").sign(), 401, MALFORMED),
];

#[rustfmt::skip]
const SUBJECTS: &[Case] = &[
    ("missing", |draft| draft.without("sub").sign(), 401, MALFORMED),
    ("empty", |draft| draft.claim("sub", "").sign(), 401, MALFORMED),
    ("a number", |draft| draft.claim("sub", 7).sign(), 401, MALFORMED),
    ("with a line's end", |draft| draft.claim("sub", "a\nb").sign(), 401, MALFORMED),
    ("with NUL", |draft| draft.claim("sub", "auditor\0").sign(), 401, MALFORMED),
    ("with a control character of Latin-1", |draft| draft.claim("sub", "a\u{85}b").sign(), 401, MALFORMED),
    ("in another script", |draft| draft.claim("sub", "Ünïcode/作業").sign(), 201, ""),
    ("claims that an entry has no room for", |draft| draft.claim("job_workflow_ref", "r".repeat(2_400)).sign(), 403, "token.workload"),
    ("many long claims", |draft| {
        let names = ["actor", "base_ref", "head_ref", "workflow_ref", "sha", "repository_owner", "user_login"];
        names.into_iter().fold(draft, |draft, name| draft.claim(name, "v".repeat(400))).sign()
    }, 403, "token.workload"),
    ("long claims that no entry has", |draft| draft.claim("email", "e".repeat(2_400)).sign(), 201, ""),
    ("an object in the place of a claim", |draft| draft.claim("actor", json!({"a": 1})).sign(), 201, ""),
];

#[test]
fn a_token_is_of_an_issuer_that_is_configured_byte_for_byte() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, ISSUERS);
    hold(&site, &issuer.url, SUBJECTS);
}

#[test]
fn a_token_is_for_this_log_and_for_now() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, AUDIENCES);
    hold(&site, &issuer.url, TIMES);
}

/// Each issuer's audience is its own, and so is where its keys are.
#[test]
fn keys_are_where_the_settings_say() {
    let issuers = [Issuer::new(&published()), Issuer::new(&published()), Issuer::new(&published())];
    let site = Site::with(|folder| {
        let mut tables = String::new();
        for (issuer, name) in issuers.iter().zip(["a.pem", "b.pem", "c.pem"]) {
            fs::write(folder.join(name), &issuer.ca).unwrap();
            tables += &match name {
                "a.pem" => table(issuer, &folder.join(name)),
                "b.pem" => {
                    let source = format!("jwks_url = \"{}/keys\"\n", issuer.url);
                    table(issuer, &folder.join(name)) + &source
                }
                _ => {
                    let file = folder.join("jwks.json");
                    fs::write(&file, jwks(&published())).unwrap();
                    format!(
                        "[[issuer]]\nurl = \"{}\"\naudience = \"second\"\njwks_file = \"{}\"\n",
                        issuer.url,
                        file.display()
                    )
                }
            };
            tables += RULES;
        }
        tables
    });
    site.until_known(&issuers.each_ref());
    for (number, issuer) in issuers.iter().enumerate() {
        let draft = Draft::of(&issuer.url);
        let (first, second) = (draft.sign(), draft.claim("aud", "second").sign());
        let (good, bad) = if number == 2 { (second, first) } else { (first, second) };
        site.append("a", &good).expect(201);
        assert_eq!(code(&site.append("b", &bad).expect(401)), AUD);
    }
    let asked = issuers.each_ref().map(|issuer| issuer.asked());
    assert_eq!(asked[0], [super::issuer::DISCOVERY, super::issuer::KEYS]);
    assert_eq!(asked[1], [super::issuer::KEYS], "no discovery");
    assert_eq!(asked[2], [""; 0], "a file is all that is read");
}
