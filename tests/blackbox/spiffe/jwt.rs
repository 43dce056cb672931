//! JWT-SVIDs as bearer tokens, each with one thing wrong.

use super::made::{ID, MIDDLE, OTHER_ROOT, ROOT, TOKENS, bundle, jwt_svid, own_bundle, signs};
use super::site::table;
use crate::oidc::site::{Site, code};
use crate::oidc::token::{AUDIENCE, Draft, ORIGIN, now_s};
use crate::tls::site::put;
use crate::vectors::keys::{ED25519, P384};

/// A name, how the token is made of a good one, and the status and code that it is answered with; no code where it is taken.
type Row = (&'static str, fn(Draft) -> Draft, u16, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("a good one", |svid| svid, 201, ""),
    ("without iss", |svid| svid.without("iss"), 201, ""),
    ("of an issuer that is somebody else", |svid| svid.claim("iss", "https://token.actions.githubusercontent.com"), 201, ""),
    ("of another key", |svid| svid.by("p384", &P384), 201, ""),
    ("typ JOSE", |svid| svid.head("typ", "JOSE"), 201, ""),
    ("without typ", |svid| svid.without("typ"), 201, ""),
    ("two audiences", |svid| svid.claim("aud", vec![AUDIENCE, "https://elsewhere.example"]), 201, ""),
    ("a domain that isn't configured", |svid| svid.claim("sub", "spiffe://third.example/ci/7"), 401, "token.issuer"),
    ("another domain's workload by our key", |svid| svid.claim("sub", "spiffe://other.example/ci/7"), 401, "token.key"),
    ("our workload by another domain's key", |svid| svid.by("other", &OTHER_ROOT), 401, "token.key"),
    ("our workload by another domain's key of our name", |svid| svid.by("p384", &OTHER_ROOT).head("alg", "ES384").with(&OTHER_ROOT, provlog_evidence::signature::Scheme::Es256), 401, "token.signature"),
    ("a kid that nobody has", |svid| svid.head("kid", "new"), 401, "token.key"),
    ("without kid", |svid| svid.without("kid"), 401, "token.malformed"),
    ("a CA's key", |svid| svid.by("root", &ROOT), 401, "token.key"),
    ("a key of nobody's", |svid| svid.by("rsa", &MIDDLE), 401, "token.algorithm"),
    ("EdDSA", |svid| svid.by("ed", &ED25519), 401, "token.algorithm"),
    ("alg none", |svid| svid.head("alg", "none"), 401, "token.algorithm"),
    ("PS256", |svid| svid.head("alg", "PS256"), 401, "token.algorithm"),
    ("HS256", |svid| svid.head("alg", "HS256"), 401, "token.algorithm"),
    ("another alg than the key's", |svid| svid.head("alg", "ES256"), 401, "token.algorithm"),
    ("another audience", |svid| svid.claim("aud", "https://elsewhere.example"), 401, "token.audience"),
    ("no audience", |svid| svid.without("aud"), 401, "token.malformed"),
    ("bound to a submission, of one without salts", |svid| svid.claim("aud", format!("{ORIGIN}:{}", "d1".repeat(32))), 400, "evidence.salts"),
    ("bound, and ours", |svid| svid.claim("aud", vec![AUDIENCE.to_owned(), format!("{ORIGIN}:{}", "d1".repeat(32))]), 401, "token.audience"),
    ("it ended", |svid| svid.claim("iat", now_s() - 900).claim("exp", now_s() - 300), 401, "token.time"),
    ("it doesn't hold yet", |svid| svid.claim("iat", now_s() + 300), 401, "token.time"),
    ("without exp", |svid| svid.without("exp"), 401, "token.malformed"),
    ("of another type", |svid| svid.head("typ", "wit+jwt"), 401, "token.malformed"),
    ("with a key of its own", |svid| svid.head("jku", "https://a.example/k"), 401, "token.malformed"),
    ("the domain itself", |svid| svid.claim("sub", "spiffe://example.org"), 401, "token.malformed"),
    ("a slash at the end", |svid| svid.claim("sub", "spiffe://example.org/ci/7/"), 401, "token.malformed"),
    ("two slashes", |svid| svid.claim("sub", "spiffe://example.org//ci/7"), 401, "token.malformed"),
    ("the folder above", |svid| svid.claim("sub", "spiffe://example.org/ci/../auditor"), 401, "token.malformed"),
    ("here", |svid| svid.claim("sub", "spiffe://example.org/ci/./7"), 401, "token.malformed"),
    ("an escape", |svid| svid.claim("sub", "spiffe://example.org/%63i/7"), 401, "token.malformed"),
    ("a query", |svid| svid.claim("sub", "spiffe://example.org/ci/7?a=b"), 401, "token.malformed"),
    ("a large scheme", |svid| svid.claim("sub", "Spiffe://example.org/ci/7"), 401, "token.malformed"),
    ("a space before it", |svid| svid.claim("sub", " spiffe://example.org/ci/7"), 401, "token.malformed"),
    ("a large domain", |svid| svid.claim("sub", "spiffe://EXAMPLE.org/ci/7"), 401, "token.malformed"),
    ("a port", |svid| svid.claim("sub", "spiffe://example.org:443/ci/7"), 401, "token.malformed"),
    ("no SPIFFE ID", |svid| svid.claim("sub", "ci/7"), 401, "token.issuer"),
    ("who meets no rule", |svid| svid.claim("sub", "spiffe://example.org/cix"), 403, "token.rule"),
    ("who may only read", |svid| svid.claim("sub", "spiffe://example.org/auditor"), 403, "role.denied"),
];

/// A log with two trust domains, each with a bundle in a file.
fn two_domains() -> Site {
    Site::with(|folder| {
        put(&folder.join("bundle.json"), &own_bundle());
        put(&folder.join("other.json"), &bundle(&[signs("other", &OTHER_ROOT)]));
        table("example.org", &folder.join("bundle.json"))
            + &table("other.example", &folder.join("other.json"))
    })
}

#[test]
fn a_jwt_svid_is_a_bearer_token_and_whatever_isnt_one_is_nobody_s() {
    let site = two_domains();
    let (mut problems, mut tokens) = (Vec::new(), Vec::new());
    for (name, make, status, expected) in ROWS {
        let (token, before) = (make(jwt_svid(ID)).sign(), site.size());
        let answer = site.append(name, &token);
        if answer.status != *status || (*status != 201 && code(&answer) != *expected) {
            let text = answer.text();
            problems.push(format!("{name}: expected {status} {expected}, got {} {text}", answer.status));
        }
        if site.size() - before != u64::from(*status == 201) {
            problems.push(format!("{name}: {} entries", site.size() - before));
        }
        tokens.push(token);
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), ROWS.len(), problems.join("\n"));
    site.says_nothing_of(&tokens);
    let theirs = jwt_svid("spiffe://other.example/ci/7").by("other", &OTHER_ROOT);
    site.append("theirs", &theirs.sign()).expect(201);
}

#[test]
fn without_an_audience_no_jwt_svid_lets_anybody_in() {
    let site = Site::with(|folder| {
        put(&folder.join("bundle.json"), &own_bundle());
        let table = table("example.org", &folder.join("bundle.json"));
        table.replace(&format!("audience = \"{AUDIENCE}\"\n"), "")
    });
    let refused = site.append("a", &jwt_svid(ID).sign()).expect(401);
    assert_eq!(code(&refused), "token.audience");
    assert!(refused.text().contains("the operator set none for spiffe://example.org"), "{}", refused.text());
}

#[test]
fn an_entry_says_which_workload_sent_it() {
    let site = two_domains();
    let index = site.append("a", &jwt_svid(ID).sign()).expect(201).json()["index"].as_u64().unwrap();
    let auditor = jwt_svid("spiffe://example.org/auditor").by("rsa", TOKENS).sign();
    let entry = site.get(&format!("/v1/entries/{index}"), &auditor).expect(200).json();
    let workload = &entry["attested"]["workload"];
    for (name, value) in [
        ("method", "jwt-svid"),
        ("id", ID),
        ("issuer", "spiffe://example.org"),
        ("audience", AUDIENCE),
        ("binding", "bearer"),
    ] {
        assert_eq!(workload[name], value, "{workload}");
    }
    assert!(workload["token_digest"].is_object() && workload.get("claims").is_none(), "{workload}");
}
