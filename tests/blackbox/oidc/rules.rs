//! What a workload that is known may do: the first rule decides that it meets, and nothing is let in by none.

use super::cases::{Case, hold, promotion_for};
use super::issuer::jwks;
use super::site::{Site, auditor, code};
use super::token::{AUDIENCE, Draft, published};
use crate::support::{Response, repository};
use serde_json::json;
use std::fs;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const MALFORMED: &str = "token.malformed";
const RULE: &str = "token.rule";

#[rustfmt::skip]
const RULES: &[Case] = &[
    ("the main branch", |draft| draft.sign(), 201, ""),
    ("a tag", |draft| draft.claim("ref", "refs/tags/v1.2.3").sign(), 201, ""),
    ("the start of a tag alone", |draft| draft.claim("ref", "refs/tags/v").sign(), 201, ""),
    ("an id as a number, which is attested as text", |draft| draft.claim("repository_id", 123_456).sign(), 201, ""),
    ("another repository", |draft| draft.claim("repository_id", "654321").sign(), 403, RULE),
    ("an id that the rule's is the start of", |draft| draft.claim("repository_id", "1234567").sign(), 403, RULE),
    ("an id that is the start of the rule's", |draft| draft.claim("repository_id", "12345").sign(), 403, RULE),
    ("an id with zeros in front", |draft| draft.claim("repository_id", "0123456").sign(), 403, RULE),
    ("an id in a list", |draft| draft.claim("repository_id", json!(["123456"])).sign(), 403, RULE),
    ("no repository", |draft| draft.without("repository_id").sign(), 403, RULE),
    ("a branch whose name starts as main's", |draft| draft.claim("ref", "refs/heads/main-of-mine").sign(), 403, RULE),
    ("main below another folder", |draft| draft.claim("ref", "refs/pull/1/refs/heads/main").sign(), 403, RULE),
    ("a tag that doesn't start like this", |draft| draft.claim("ref", "refs/tags/nightly").sign(), 403, RULE),
    ("a branch named as a tag", |draft| draft.claim("ref", "refs/heads/refs/tags/v1").sign(), 403, RULE),
    ("in other case", |draft| draft.claim("ref", "refs/heads/MAIN").sign(), 403, RULE),
    ("with white space", |draft| draft.claim("ref", "refs/heads/main ").sign(), 403, RULE),
    ("a pull request", |draft| draft.claim("event_name", "pull_request").sign(), 403, RULE),
    ("no event", |draft| draft.without("event_name").sign(), 403, RULE),
    ("the environment of another rule", |draft| draft.claim("ref", "refs/heads/x").claim("environment", "staging").sign(), 403, "environment.denied"),
    ("an environment of no rule", |draft| draft.claim("ref", "refs/heads/x").claim("environment", "production").sign(), 403, RULE),
    ("a kind of another rule", |draft| draft.claim("sub", "scans").claim("ref", "refs/heads/x").sign(), 403, "kind.denied"),
    ("a role of another rule", |draft| draft.claim("sub", "auditor").claim("ref", "refs/heads/x").sign(), 403, "role.denied"),
    ("a name of a rule's that isn't a claim", |draft| draft.claim("ref", "refs/heads/x").claim("claims", json!({"ref": "refs/heads/main"})).sign(), 403, RULE),
    ("sub in other case", |draft| draft.claim("sub", "Auditor").claim("ref", "refs/heads/x").sign(), 403, RULE),
];

#[rustfmt::skip]
const GITHUB_TOKENS: &[Case] = &[
    ("a push", |draft| draft.sign(), 201, ""),
    ("a merge queue", |draft| draft.claim("event_name", "merge_group").sign(), 201, ""),
    ("a pull request", |draft| draft.claim("event_name", "pull_request").sign(), 403, RULE),
    ("a pull request with the target's rights", |draft| draft.claim("event_name", "pull_request_target").sign(), 403, RULE),
    ("no event", |draft| draft.without("event_name").sign(), 403, RULE),
    ("a repository of the owner", |draft| draft.claim("repository_id", "9").sign(), 403, RULE),
    ("a pull request where a rule asks for it", |draft| draft.claim("repository_id", "200").claim("event_name", "pull_request").sign(), 201, ""),
    ("another event there", |draft| draft.claim("repository_id", "200").sign(), 403, RULE),
    ("another owner of the repository's name", |draft| draft.claim("repository_owner_id", "78").claim("repository_id", "300").sign(), 403, RULE),
    ("no repository_id", |draft| draft.without("repository_id").sign(), 401, MALFORMED),
    ("no repository_owner_id", |draft| draft.without("repository_owner_id").sign(), 401, MALFORMED),
    ("repository_id a number", |draft| draft.claim("repository_id", 123_456).sign(), 401, MALFORMED),
    ("repository_id a name", |draft| draft.claim("repository_id", "example/app").sign(), 401, MALFORMED),
    ("repository_id empty", |draft| draft.claim("repository_id", "").sign(), 401, MALFORMED),
    ("repository_id of 21 digits", |draft| draft.claim("repository_id", "1".repeat(21)).sign(), 401, MALFORMED),
    ("repository_id with a sign", |draft| draft.claim("repository_id", "+123456").sign(), 401, MALFORMED),
    ("repository_id in digits of another script", |draft| draft.claim("repository_id", "१२३४५६").sign(), 401, MALFORMED),
];

#[test]
fn the_first_rule_that_is_met_decides() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, RULES);

    // The refusal says which issuer's rules they are, and none of them.
    let token = Draft::of(&issuer.url).claim("repository_id", "654321").sign();
    let refused = site.append("a", &token).expect(403);
    assert!(refused.text().contains(&issuer.url), "{}", refused.text());
    for rule in ["123456", "refs/tags/v", "auditor", "staging"] {
        assert!(!refused.text().contains(rule), "{rule} is nobody's business: {}", refused.text());
    }

    let draft = || Draft::of(&issuer.url).claim("ref", "refs/heads/x");
    let post = |token: &str, path: &str, content_type: &str, body: &str| -> Response {
        let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", content_type)];
        site.daemon.request("POST", path, &headers, body.as_bytes())
    };
    let staging = draft().claim("environment", "staging").sign();
    let body = promotion_for("b", "staging");
    post(&staging, "/v1/entries", "application/json", &body).expect(201);
    let scan = fs::read_to_string(repository().join("docs/examples/scan.json")).unwrap();
    let scans = draft().claim("sub", "scans").sign();
    post(&scans, "/v1/entries", "application/json", &scan).expect(201);

    let before = site.size();
    let lines = format!("{body}\n{}\n", promotion_for("c", "production"));
    let refused = post(&staging, "/v1/entries/batch", "application/x-ndjson", &lines).expect(403);
    assert_eq!((code(&refused), &refused.json()["line"]), ("environment.denied".into(), &json!(2)));
    assert_eq!(site.size(), before, "nothing of the batch");

    let reader = auditor(&issuer);
    site.get("/v1/records", &reader).expect(200);
    assert_eq!(code(&site.get("/v1/records", &staging).expect(403)), "role.denied");
    site.get("/metrics", &reader).expect(200);
    assert_eq!(code(&site.daemon.get("/v1/records").expect(401)), "caller.missing");
    assert_eq!(site.daemon.get("/v1/log").expect(200).json()["authentication"], json!("oidc"));
}

/// Of GitHub's tokens nothing is fetched where the keys are in a file.
#[test]
fn github_s_numbers_say_whose_a_token_is_and_pull_requests_are_nobody_s() {
    let site = Site::with(|folder| {
        let file = folder.join("jwks.json");
        fs::write(&file, jwks(&published())).unwrap();
        format!(
            r#"
            [[issuer]]
            url = "{GITHUB}"
            preset = "github"
            audience = "{AUDIENCE}"
            jwks_file = "{}"
            [[issuer.rule]]
            match = ["repository_id=123456"]
            roles = ["append"]
            [[issuer.rule]]
            match = ["repository_id=200", "event_name=pull_request"]
            roles = ["append"]
            [[issuer.rule]]
            match = ["repository_owner_id=77", "repository_id=300"]
            roles = ["append"]
            "#,
            file.display()
        )
    });
    hold(&site, GITHUB, GITHUB_TOKENS);
    assert!(site.daemon.greeting.contains("callers: "), "{}", site.daemon.greeting);
}

#[test]
fn a_header_has_one_token() {
    let (site, issuer) = Site::with_issuer();
    let (token, other) = (Draft::of(&issuer.url).sign(), Draft::of(&issuer.url).sign());
    let with = |values: &[String]| {
        let headers: Vec<(&str, &str)> =
            values.iter().map(|value| ("Authorization", value.as_str())).collect();
        site.append_with("a", &headers)
    };
    for (good, subject) in [("bearer", "a"), ("BEARER", "b"), ("Bearer", "c")] {
        site.append_with(subject, &[("authorization", &format!("{good} {token}"))]).expect(201);
    }
    for values in [
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
        vec![format!("Bearer {token}"), format!("Bearer {other}")],
        vec![format!("Bearer {token}"), "Basic YTpi".into()],
        vec![format!("Bearer {token}, Bearer {other}")],
        vec![format!("Bearer {token} {other}")],
        vec![format!("Bearer  {token}")],
        vec![format!("Bearer\t{token}")],
        vec![format!("Bearer \"{token}\"")],
        vec![format!("Basic {token}")],
        vec![format!("DPoP {token}")],
        vec![token.clone()],
        vec!["Bearer".into()],
    ] {
        let refused = with(&values).expect(400);
        assert_eq!(code(&refused), "authorization.malformed", "{values:?}");
        assert!(!super::token::is_told(&token, refused.text()), "{}", refused.text());
    }
    // In a body, a query or a cookie it is nobody's.
    let elsewhere = site.append_with("a", &[("Cookie", &format!("token={token}"))]).expect(401);
    assert_eq!(code(&elsewhere), "caller.missing");
    assert_eq!(
        code(&site.daemon.get(&format!("/v1/records?access_token={token}")).expect(401)),
        "caller.missing"
    );
    // A log's own token is one of its own, also where there are none yet.
    let own = format!("plt_0123abcd_{}", "A".repeat(43));
    assert_eq!(code(&site.append("a", &own).expect(401)), "token.unknown");
    let oversized = site.append("a", &"a".repeat(20_000));
    assert_eq!(oversized.status, 431, "{}", oversized.text());
    site.says_nothing_of(&[token, other]);
}

/// Without issuers a token of one is as any other one that the log doesn't know.
#[test]
fn without_issuers_a_token_is_unknown() {
    let (site, issuer) = Site::with_issuer();
    let token = Draft::of(&issuer.url).sign();
    site.append("a", &token).expect(201);
    let created = std::process::Command::new(crate::support::program("provlogd"))
        .args(["token", "create", "--name", "ci", "--role", "append", "--expires", "never", "--data-dir"])
        .arg(site.path("data"))
        .output()
        .unwrap();
    assert!(created.status.success());
    let own = crate::support::stdout(&created).trim().to_owned();
    site.append("b", &own).expect(201);
    site.append("c", &token).expect(201);
    assert_eq!(site.daemon.get("/v1/log").expect(200).json()["authentication"], json!("tokens, oidc"));
    site.reload("");
    crate::tls::site::until("the issuer is gone", || {
        let answer = site.append("d", &token);
        answer.status == 401 && code(&answer) == "token.unknown"
    });
    site.append("e", &own).expect(201);
}
