//! What is written, counted and held to a rate of workloads with tokens, and of whoever brings one that isn't taken.

use super::issuer::Issuer;
use super::site::{RULES, Site, auditor, code, table};
use super::token::{Draft, published};
use crate::support::until_says;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// The line of metrics that counts requests of workloads.
const WORKLOADS: &str = "provlog_requests_total{caller=\"workload\"} ";

/// Whoever meets no rule.
const STRANGER: &str = "stranger";

fn site(issuer: &Issuer, settings: &str) -> Site {
    let site = Site::with(|folder| {
        let ca = folder.join("ca.pem");
        fs::write(&ca, &issuer.ca).unwrap();
        format!("{settings}\n{}{RULES}", table(issuer, &ca))
    });
    site.until_known(&[issuer]);
    site
}

/// Of whom the log writes that it was refused, how often, and with which code: where nobody is known the log says so, and whoever meets no
/// rule isn't, whatever name an issuer gave it.
#[test]
fn refusals_are_written_of_whom_a_rule_names() {
    let issuer = Issuer::new(&published());
    let site = site(&issuer, "refusal_entries_per_minute = 1");
    let draft = || Draft::of(&issuer.url);
    let known = [
        (
            "environment.denied",
            draft().claim("sub", "staging").claim("ref", "r").claim("environment", "staging"),
        ),
        ("kind.denied", draft().claim("sub", "scans").without("ref")),
        ("role.denied", draft().claim("sub", "auditor").without("ref")),
    ];
    let unknown = [
        ("token.rule", draft().claim("repository_id", "9").claim("sub", STRANGER)),
        ("token.malformed", draft().head("crit", json!([]))),
        ("token.algorithm", draft().head("alg", "none")),
        ("token.issuer", draft().claim("iss", "https://nobody.example.com")),
        ("token.audience", draft().claim("aud", "nobody")),
        ("token.time", draft().claim("iat", 1_000_000).claim("exp", 2_000_000)),
        ("token.key", draft().head("kid", "nobody")),
        (
            "token.signature",
            draft()
                .head("kid", "p256")
                .claim("sub", "a")
                .by("p256", &super::token::OTHER)
                .head("alg", "ES256"),
        ),
    ];
    let mut expected = BTreeMap::new();
    let mut tokens = Vec::new();
    for (expected_code, draft) in known.iter().chain(&unknown) {
        let token = draft.sign();
        for _ in 0..3 {
            let refused = site.append("a", &token);
            assert_eq!(code(&refused), *expected_code, "{}", refused.text());
        }
        let is_known = known.iter().any(|(code, _)| code == expected_code);
        let sub = draft.payload.0.iter().find(|(name, _)| name == "sub").unwrap().1.clone();
        let whose = if is_known { sub } else { "log".into() };
        expected.insert(((*expected_code).to_owned(), whose), 3);
        tokens.push(token);
    }
    let workloads = |metrics: &str| -> u64 {
        let count = metrics.lines().find_map(|line| line.strip_prefix(WORKLOADS)).unwrap();
        count.parse().unwrap()
    };
    let before = workloads(site.get("/metrics", &auditor(&issuer)).expect(200).text());
    site.append("a", &draft().sign()).expect(201);
    let metrics = site.get("/metrics", &auditor(&issuer)).expect(200);
    for line in [
        "provlog_refusals_total{code=\"token.rule\"} 3",
        "provlog_refusals_total{code=\"token.signature\"} 3",
        "provlog_requests_total{caller=\"unknown\"} 24",
    ] {
        assert!(metrics.text().lines().any(|got| got == line), "{line}\n{}", metrics.text());
    }
    let keys = |name: &str| {
        let line = format!("provlog_{name}{{issuer=\"{}\"", issuer.url);
        metrics.text().lines().find_map(|got| got.strip_prefix(&line)).unwrap_or(name).to_owned()
    };
    assert_eq!(keys("issuer_keys"), "} 4");
    assert!(keys("issuer_keys_fetched_timestamp_seconds").starts_with("} 1"), "{}", metrics.text());
    assert!(keys("issuer_fetches_total").starts_with(",outcome=\"taken\"} "), "{}", metrics.text());
    assert_eq!(
        (before, workloads(metrics.text()) - before),
        (9 + 1, 1 + 1),
        "three times three, and one that was taken; and each who asks for metrics"
    );
    for token in &tokens {
        assert!(!super::token::is_told(token, metrics.text()), "{}", metrics.text());
    }
    site.says_nothing_of(&tokens);

    let site = site.restarted();
    site.until_known(&[&issuer]);
    let records = site.get("/v1/records?kind=refusal", &auditor(&issuer)).expect(200);
    let mut told = BTreeMap::new();
    for line in records.text().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let (refusal, workload) = (&record["submitted"]["refusal"], &record["attested"]["workload"]);
        let whose = match workload["method"].as_str() {
            Some("oidc") => workload["id"].to_string(),
            _ => workload["method"].as_str().unwrap().to_owned(),
        };
        let key = (refusal["code"].as_str().unwrap().to_owned(), whose);
        *told.entry(key).or_insert(0) += refusal["count"].as_u64().unwrap();
    }
    assert_eq!(told, expected);
    assert!(!records.text().contains(STRANGER), "{}", records.text());
}

/// A workload that asks for token after token is one caller.
#[test]
fn a_rate_is_the_workload_s_whatever_token_it_has() {
    let issuer = Issuer::new(&published());
    let site = site(&issuer, "caller_rate_per_s = 1");
    let token = |sub: &str| Draft::of(&issuer.url).claim("sub", sub).sign();
    let lines = format!("{}\n", crate::support::promotion("a")).repeat(1_000);
    let bearer = format!("Bearer {}", token("one"));
    let headers = [("Content-Type", "application/x-ndjson"), ("Authorization", &*bearer)];
    site.daemon.request("POST", "/v1/entries/batch", &headers, lines.as_bytes()).expect(200);
    let refused = site.append("b", &token("one")).expect(429);
    assert_eq!(code(&refused), "rate.caller");
    site.append("c", &token("two")).expect(201);
}

/// What the log's own lines call a workload is who it is for ever, and no claim of its token.
#[test]
fn a_line_has_who_called_and_nothing_else_of_a_token() {
    let (site, issuer) = Site::with_issuer();
    let token = Draft::of(&issuer.url).claim("sub", "job-of-a-line").claim("actor", "canary-actor").sign();
    site.append("a", &token).expect(201);
    until_says(&site.path("log"), &format!("oidc:{}#job-of-a-line", issuer.url));
    assert!(!site.logged().contains("canary-actor"), "{}", site.logged());
    // What moves a cursor, or starts a line of its own, is told so that it doesn't.
    let odd = Draft::of(&issuer.url).claim("sub", "a\u{202e}b\u{2028}c\"d\\e").sign();
    site.append("b", &odd).expect(201);
    until_says(&site.path("log"), r#"#a\u{202e}b\u{2028}c"#);
    let logged = site.logged();
    assert!(!logged.contains('\u{202e}') && !logged.contains('\u{2028}'), "{logged}");
    site.says_nothing_of(&[token, odd]);
}
