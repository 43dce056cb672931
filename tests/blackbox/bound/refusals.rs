//! Tokens that say that they are bound, and aren't taken: each in the header, and each as evidence beside a caller that is let in.

use super::submission::Salted;
use crate::oidc::cases::{Case, differs};
use crate::oidc::form::{ALGORITHMS, HEADERS, PARTS, SIGNATURES};
use crate::oidc::issuer::Issuer;
use crate::oidc::site::{Site, code};
use crate::oidc::token::{AUDIENCE, Draft, ORIGIN, now_s, published};
use crate::support::{Response, program, promotion, stderr, stdout};
use crate::vectors::keys::RSA;
use serde_json::{Value, json};
use std::process::Command;

const AUD: &str = "token.audience";
const TIME: &str = "token.time";
const MALFORMED: &str = "token.malformed";
const ISSUER: &str = "token.issuer";

/// Ways in which a token comes with its submission.
const WAYS: [&str; 2] = ["in the header", "as evidence"];

fn send(site: &Site, way: &str, submission: &Salted, token: &str, bearer: &str) -> Response {
    match way {
        "in the header" => site.submit(&submission.json, token),
        _ => site.submit(&submission.with_evidence(token), bearer),
    }
}

/// Holds a log to a table, in either way.
fn hold(site: &Site, issuer: &str, cases: &[Case]) {
    let (bearer, mut tokens, mut problems) = (Draft::of(issuer).sign(), Vec::new(), Vec::new());
    for (&(name, make, status, expected), way) in cases.iter().flat_map(|case| WAYS.map(|way| (case, way))) {
        let submission = Salted::new(&format!("{name} {way}"));
        let (token, before) = (make(submission.draft(issuer)), site.size());
        let answer = send(site, way, &submission, &token, &bearer);
        let problem = match differs(&answer, &token, status, expected) {
            // Whoever sent it is answered with it.
            Some(told) if status == 201 && answer.status == 201 && told.contains("part of the token") => None,
            problem => problem,
        };
        problems.extend(problem.map(|problem| format!("{name} {way}: {problem}\n  {}", answer.text())));
        // A key may have come into its set, too.
        let grown = site.size() - before;
        if (status == 201) != (grown > 0) {
            problems.push(format!("{name} {way}: {grown} entries were made"));
        }
        tokens.push(token);
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), 2 * cases.len(), problems.join("\n"));
    site.says_nothing_of(&tokens);
}

fn audience(draft: &Draft) -> String {
    let (_, audience) = draft.payload.0.iter().find(|(name, _)| name == "aud").unwrap();
    serde_json::from_str(audience).unwrap()
}

fn bound_to(draft: Draft, change: fn(String) -> Value) -> String {
    let audience = audience(&draft);
    draft.claim("aud", change(audience)).sign()
}

fn times(draft: Draft, iat: i64, exp: i64) -> String {
    let at = |seconds: i64| now_s().checked_add_signed(seconds).unwrap();
    draft.claim("iat", at(iat)).claim("exp", at(exp)).sign()
}

#[rustfmt::skip]
const AUDIENCES: &[Case] = &[
    ("in a list of one", |draft| bound_to(draft, |audience| json!([audience])), 201, ""),
    ("twice in a list", |draft| bound_to(draft, |audience| json!([audience, audience])), 401, AUD),
    ("beside the log's bearer audience", |draft| bound_to(draft, |audience| json!([audience, AUDIENCE])), 401, AUD),
    ("behind the log's bearer audience", |draft| bound_to(draft, |audience| json!([AUDIENCE, audience])), 401, AUD),
    ("beside another log's", |draft| bound_to(draft, |audience| json!([audience, "example.com/other:00"])), 401, AUD),
    ("to another digest", |draft| bound_to(draft, |_| json!(format!("{ORIGIN}:{}", "d1".repeat(32)))), 401, AUD),
    ("to another origin", |draft| bound_to(draft, |audience| json!(audience.replace(ORIGIN, "example.com/other"))), 401, AUD),
    ("to an origin that starts like it", |draft| bound_to(draft, |audience| json!(audience.replace(ORIGIN, "example.com/logs"))), 401, AUD),
    ("to a part of the origin", |draft| bound_to(draft, |audience| json!(audience.replace(ORIGIN, "example.com"))), 401, AUD),
    ("the digest in upper case", |draft| bound_to(draft, |audience| json!(format!("{ORIGIN}:{}", audience[ORIGIN.len() + 1..].to_uppercase()))), 401, AUD),
    ("the digest cut off", |draft| bound_to(draft, |audience| json!(&audience[..audience.len() - 1])), 401, AUD),
    ("the digest and more", |draft| bound_to(draft, |audience| json!(format!("{audience}0"))), 401, AUD),
    ("the digest with a space behind it", |draft| bound_to(draft, |audience| json!(format!("{audience} "))), 401, AUD),
    ("the digest in base64", |draft| bound_to(draft, |_| json!(format!("{ORIGIN}:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="))), 401, AUD),
    ("the digest alone", |draft| bound_to(draft, |audience| json!(&audience[ORIGIN.len() + 1..])), 401, AUD),
    ("a slash for the colon", |draft| bound_to(draft, |audience| json!(audience.replace(':', "/"))), 401, AUD),
    ("two colons", |draft| bound_to(draft, |audience| json!(audience.replace(':', "::"))), 401, AUD),
    ("percent-encoded", |draft| bound_to(draft, |audience| json!(audience.replace(':', "%3A"))), 401, AUD),
    ("a scheme in front", |draft| bound_to(draft, |audience| json!(format!("https://{audience}"))), 401, AUD),
    ("an empty list", |draft| bound_to(draft, |_| json!([])), 401, AUD),
    ("an object", |draft| bound_to(draft, |audience| json!({"aud": audience})), 401, AUD),
    ("the origin alone", |draft| bound_to(draft, |_| json!(ORIGIN)), 401, AUD),
    ("missing", |draft| draft.without("aud").sign(), 401, MALFORMED),
];

#[rustfmt::skip]
const TIMES: &[Case] = &[
    ("for six hours", |draft| times(draft, -10, 21_590), 201, ""),
    ("for a second more", |draft| times(draft, -10, 21_591), 401, TIME),
    ("for a year", |draft| times(draft, -10, 31_536_000), 401, TIME),
    ("ended within the skew", |draft| times(draft, -600, -20), 201, ""),
    ("ended before the skew", |draft| times(draft, -600, -61), 401, TIME),
    ("begins within the skew", |draft| times(draft, 30, 600), 201, ""),
    ("begins after the skew", |draft| times(draft, 70, 600), 401, TIME),
    ("nbf after the skew", |draft| draft.claim("nbf", now_s() + 70).sign(), 401, TIME),
    ("nbf after exp", |draft| draft.claim("nbf", now_s() + 3_600).sign(), 401, MALFORMED),
    ("exp missing", |draft| draft.without("exp").sign(), 401, MALFORMED),
    ("iat missing", |draft| draft.without("iat").sign(), 401, MALFORMED),
    ("exp with a fraction", |draft| draft.raw("exp", "1795816800.5").sign(), 401, MALFORMED),
    ("exp as text", |draft| draft.claim("exp", "9795816800").sign(), 401, MALFORMED),
];

#[rustfmt::skip]
const WHOSE: &[Case] = &[
    ("another issuer's", |draft| draft.claim("iss", "https://issuer.example.com").sign(), 401, ISSUER),
    ("of a SPIFFE ID without its trust domain", |draft| draft.by("rsa", &RSA).claim("sub", "spiffe://example.org/ci").sign(), 401, ISSUER),
    ("with a newline in sub", |draft| draft.claim("sub", "a\nb").sign(), 401, MALFORMED),
    ("with claims that an entry has no room for", |draft| draft.claim("job_workflow_ref", "r".repeat(2_400)).sign(), 403, "token.workload"),
];

#[test]
fn what_isn_t_bound_to_this_submission_to_this_log_is_refused() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, AUDIENCES);
    hold(&site, &issuer.url, TIMES);
    hold(&site, &issuer.url, WHOSE);
}

#[test]
fn a_bound_token_is_read_and_verified_as_any_other() {
    let (site, issuer) = Site::with_issuer();
    for table in [ALGORITHMS, SIGNATURES, HEADERS, PARTS] {
        hold(&site, &issuer.url, table);
    }
}

/// In the header it has to meet a rule, too.
#[test]
fn in_the_header_the_issuer_s_rules_decide() {
    let (site, issuer) = Site::with_issuer();
    for (name, claim, value, expected) in [
        ("another repository", "repository_id", "9", "token.rule"),
        ("another branch", "ref", "refs/heads/feature", "token.rule"),
        ("a pull request", "event_name", "pull_request", "token.rule"),
        ("only to read", "sub", "auditor", "role.denied"),
    ] {
        let submission = Salted::new(name);
        let draft = submission.draft(&issuer.url).claim(claim, value);
        let draft = if claim == "sub" { draft.claim("ref", "refs/heads/none") } else { draft };
        assert_eq!(code(&site.submit(&submission.json, &draft.sign()).expect(403)), expected, "{name}");
    }
    let mut staging = promotion("staging");
    staging["claims"]["environment"] = json!("staging");
    let submission = Salted::of(staging, "staging");
    let token = submission.draft(&issuer.url).sign();
    assert_eq!(code(&site.submit(&submission.json, &token).expect(403)), "environment.denied");
    assert_eq!(site.size(), 1);
}

/// A token that is good for one submission is good for nothing else.
#[test]
fn a_bound_token_opens_no_other_door() {
    let (site, issuer) = Site::with_issuer();
    let (one, other) = (Salted::new("one"), Salted::new("other"));
    let (token, bearer) = (one.draft(&issuer.url).sign(), Draft::of(&issuer.url).sign());
    let reading = one.draft(&issuer.url).claim("sub", "auditor").without("ref").sign();
    for answer in [
        site.submit_lines(std::slice::from_ref(&one.json), &token),
        site.get("/v1/records", &reading),
        site.get("/v1/entries/0", &reading),
        site.submit(&other.json, &token),
        site.submit(&other.with_evidence(&token), &bearer),
        site.submit(&other.with_evidence(&other.draft(&issuer.url).sign()), &token),
    ] {
        assert_eq!(code(&answer.expect(401)), AUD);
    }
    // A bearer token is no evidence.
    let answer = site.submit(&one.with_evidence(&bearer), &bearer).expect(401);
    assert_eq!(code(&answer), AUD);
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("evidence: "), "{}", answer.text());
    assert_eq!(site.size(), 1);
    // Nobody is let in by evidence alone.
    let headers = [("Content-Type", "application/json")];
    let body = one.with_evidence(&token).to_string();
    let answer = site.daemon.request("POST", "/v1/entries", &headers, body.as_bytes()).expect(401);
    assert_eq!(code(&answer), "caller.missing");
    site.submit(&one.json, &token).expect(201);
}

#[test]
fn evidence_has_its_form() {
    let (site, issuer) = Site::with_issuer();
    let (submission, bearer) = (Salted::new("a"), Draft::of(&issuer.url).sign());
    let token = submission.draft(&issuer.url).sign();
    for (evidence, expected) in [
        (json!(null), "evidence.form"),
        (json!(token), "evidence.form"),
        (json!({"format": "jwt"}), "evidence.form"),
        (json!({"token": token}), "evidence.form"),
        (json!({"format": "saml", "token": token}), "evidence.form"),
        (json!({"format": "jwt", "token": token, "key": "k"}), "evidence.form"),
        (json!({"format": "jwt", "token": ""}), "evidence.form"),
        (json!({"format": "jwt", "token": [token]}), "evidence.form"),
        (json!({"format": "x509-svid", "chain": [], "signature": "00"}), "evidence.form"),
        (json!({"format": "x509-svid", "chain": ["zz"], "signature": "00"}), "evidence.form"),
        (json!({"format": "x509-svid", "chain": ["30"], "signature": ""}), "evidence.form"),
    ] {
        let mut json = submission.json.clone();
        json["evidence"] = evidence.clone();
        assert_eq!(code(&site.submit(&json, &bearer).expect(400)), expected, "{evidence}");
    }
    let mut unsalted = submission.with_evidence(&token);
    unsalted.as_object_mut().unwrap().remove("salts");
    assert_eq!(code(&site.submit(&unsalted, &bearer).expect(400)), "evidence.salts");
    unsalted.as_object_mut().unwrap().remove("evidence");
    assert_eq!(code(&site.submit(&unsalted, &token).expect(400)), "evidence.salts");
    assert_eq!(site.size(), 1);
}

/// An issuer that can't be asked is no reason to refuse for good.
#[test]
fn without_the_issuer_s_keys_nothing_is_said_of_evidence() {
    let mut issuer = Issuer::new(&published());
    issuer.down();
    let site = Site::of(&issuer);
    let token = site.path("data");
    let mut create = Command::new(program("provlogd"));
    create.args(["token", "create", "--name", "ci", "--role", "append", "--expires", "never", "--data-dir"]);
    let made = create.arg(token).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    let own = stdout(&made).trim().to_owned();
    let submission = Salted::new("a");
    let bound = submission.draft(&issuer.url).sign();
    for answer in
        [site.submit(&submission.with_evidence(&bound), &own), site.submit(&submission.json, &bound)]
    {
        assert_eq!(code(&answer), "issuer.keys");
        assert!(answer.expect(503).header("retry-after").is_some());
    }
    assert_eq!(site.size(), 1);
}
