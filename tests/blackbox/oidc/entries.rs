//! Entries of workloads with tokens: what is attested of them, whose a retry is, and that no token is kept anywhere.

use super::site::{Site, auditor};
use super::token::{AUDIENCE, Draft, ORIGIN, REPOSITORY_ID, SUB, is_told, now_s};
use crate::support::{Response, promotion, provlog, stderr, stdout};
use crate::vectors::keys::{ED25519, P384, RSA};
use provlog_core::Hash;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// What the log attests of whoever submitted this entry.
fn workload(site: &Site, index: &Value, reader: &str) -> Value {
    site.get(&format!("/v1/entries/{index}"), reader).expect(200).json()["attested"]["workload"].clone()
}

#[test]
fn an_entry_says_who_the_issuer_says_submitted_it() {
    let (site, issuer) = Site::with_issuer();
    let reader = auditor(&issuer);
    let draft = Draft::of(&issuer.url)
        .claim("ref_protected", true)
        .claim("run_id", 9_007_199_254_740_991_u64)
        .claim("sha", json!({"not": "text"}))
        .claim("email", "somebody@example.com")
        .claim("kubernetes.io", json!({"namespace": "ci", "pod": {"name": "p", "uid": 1}}));
    let token = draft.by("ed", &ED25519).sign();
    let before_ms = now_s() * 1000;
    let index = site.append("a", &token).expect(201).json()["index"].clone();
    let mut said = workload(&site, &index, &reader);
    let verified_at_ms = said["verified_at_ms"].as_u64().unwrap();
    assert!((before_ms..=(now_s() + 1) * 1000).contains(&verified_at_ms), "{said}");
    said.as_object_mut().unwrap().remove("verified_at_ms");
    let expected = json!({
        "method": "oidc",
        "id": SUB,
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "binding": "bearer",
        "token_digest": {"sha256": Hash::plain(token.as_bytes()).to_hex()},
        "claims": {
            "repository": "example/app",
            "repository_id": REPOSITORY_ID,
            "repository_owner_id": "77",
            "ref": "refs/heads/main",
            "event_name": "push",
            "run_attempt": "2",
            "run_id": "9007199254740991",
            "ref_protected": "true",
            "kubernetes.io/namespace": "ci",
            "kubernetes.io/pod/name": "p",
            "kubernetes.io/pod/uid": "1",
        },
    });
    assert_eq!(said, expected);

    // What a submitter says of itself is its own word, beside the log's; evidence it has none.
    let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
    let asserting = |claim: &str| {
        let mut own = promotion("b");
        own["claims"][claim] = json!({"method": "oidc", "id": "somebody else"});
        site.daemon.request("POST", "/v1/entries", &headers, own.to_string().as_bytes())
    };
    let index = asserting("workload").expect(201).json()["index"].clone();
    let entry = site.get(&format!("/v1/entries/{index}"), &reader).expect(200).json();
    assert_eq!(entry["submitted"]["workload"]["id"], json!("somebody else"));
    assert_eq!(entry["attested"]["workload"]["id"], json!(SUB));
    assert_eq!(entry["attested"]["workload"]["token_digest"], expected["token_digest"]);
    asserting("workload_evidence").expect(400);

    // Each line of a batch is the caller's.
    let lines = format!("{}\n{}\n", promotion("c"), promotion("d"));
    let ndjson = [("Authorization", headers[0].1), ("Content-Type", "application/x-ndjson")];
    let batch = site.daemon.request("POST", "/v1/entries/batch", &ndjson, lines.as_bytes()).expect(200);
    for line in batch.text().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(workload(&site, &line["index"], &reader)["token_digest"], expected["token_digest"]);
    }
}

/// A pipeline that is run again has another token, and is the same workload.
#[test]
fn a_retry_is_the_workload_s_own_whatever_token_it_has() {
    let (site, issuer) = Site::with_issuer();
    let token = |sub: &str, ref_: &str| Draft::of(&issuer.url).claim("sub", sub).claim("ref", ref_).sign();
    let submission = |subject: &str| {
        let mut submission = promotion(subject);
        let names: Vec<String> = submission["claims"].as_object().unwrap().keys().cloned().collect();
        let salt = |name: &String| Hash::plain(name.as_bytes()).to_hex()[..32].to_owned();
        submission["salts"] = names.iter().map(|name| (name.clone(), json!(salt(name)))).collect();
        submission.to_string().into_bytes()
    };
    let post = |site: &Site, token: &str, key: Option<&str>, body: &[u8]| -> Response {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", &*bearer), ("Content-Type", "application/json")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        site.daemon.request("POST", "/v1/entries", &headers, body)
    };
    let (keyed, salted) = (promotion("a").to_string().into_bytes(), submission("b"));
    let (one, again) = (token(SUB, "refs/heads/main"), token(SUB, "refs/tags/v1"));
    let other = token("repo:example/other:ref:refs/heads/main", "refs/heads/main");
    assert_ne!(one, again);
    let first = post(&site, &one, Some("job"), &keyed).expect(201).json();
    let second = post(&site, &one, None, &salted).expect(201).json();
    let others = [post(&site, &other, Some("job"), &keyed), post(&site, &other, None, &salted)];
    for (answer, first) in others.into_iter().zip([&first, &second]) {
        assert_ne!(answer.expect(201).json()["index"], first["index"], "another workload's is another entry");
    }
    let size = site.size();
    let site = site.restarted();
    site.until_known(&[&issuer]);
    for token in [&one, &again] {
        assert_eq!(post(&site, token, Some("job"), &keyed).expect(200).json()["index"], first["index"]);
        assert_eq!(post(&site, token, None, &salted).expect(200).json()["index"], second["index"]);
    }
    // The entry goes by the token that made it, and stays as it is.
    let digest = |token: &str| json!({"sha256": Hash::plain(token.as_bytes()).to_hex()});
    let said = workload(&site, &first["index"], &auditor(&issuer));
    assert_eq!((&said["token_digest"], &said["claims"]["ref"]), (&digest(&one), &json!("refs/heads/main")));
    assert_eq!(site.size(), size);
    let conflict = post(&site, &again, Some("job"), promotion("z").to_string().as_bytes()).expect(409);
    assert!(!is_told(&again, conflict.text()), "{}", conflict.text());
}

/// From a job's token to what an auditor holds in hand, by the programs alone.
#[test]
fn an_entry_is_appended_verified_audited_and_exported() {
    let (site, issuer) = Site::with_issuer();
    let token = Draft::of(&issuer.url).by("rsa", &RSA).sign();
    let reader = auditor(&issuer);
    let root = site.folder.path();
    let trust = site.path("data/trust.tlog-policy");
    let trust = trust.to_str().unwrap();
    fs::write(site.path("entry.json"), promotion("by the program").to_string()).unwrap();
    let append = ["append", "--json", "entry.json", "--output", "r.tlog-proof"];
    let appended = site.provlog(&token, &append);
    assert!(appended.status.success(), "{}", stderr(&appended));
    let verified = provlog(root, &["verify", "r.tlog-proof", "--trust", trust]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    let text = stdout(&verified);
    assert!(text.contains("verified") && text.contains(&issuer.url) && text.contains(SUB), "{text}");

    for verb in [
        &["get", "1", "--receipt", "again.tlog-proof"][..],
        &["audit", "mirror"],
        &["export", "-o", "package"],
        &["export", "-o", "package.zip"],
    ] {
        let done = site.provlog(&reader, verb);
        assert!(done.status.success(), "{verb:?}: {}", stderr(&done));
    }
    for package in ["package", "package.zip"] {
        let verified = provlog(root, &["verify", package, "--trust", trust]);
        assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
    }
    let read = fs::read_to_string(site.path("package/records.jsonl")).unwrap();
    let digest = Hash::plain(token.as_bytes()).to_hex();
    assert!(read.lines().any(|line| line.contains(&digest) && line.contains(&issuer.url)), "{read}");

    // What a program makes of each refusal: denied is for good, an issuer that is down is tried again and then kept.
    for (draft, code) in [
        (Draft::of(&issuer.url).claim("repository_id", "9"), 4),
        (Draft::of(&issuer.url).claim("aud", "another"), 4),
        (Draft::of("https://nobody.example.com"), 4),
        (Draft::of(&issuer.url).head("kid", "nobody"), 4),
    ] {
        let token = draft.sign();
        let output = site.provlog(&token, &["append", "--json", "entry.json", "--output", "no/r.tlog-proof"]);
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!is_told(&token, &said), "{said}");
    }
    assert_eq!(site.size(), 2);
}

/// What tokens are made of, looked for in all that was written and said.
#[test]
fn a_token_is_nowhere_but_where_it_was_sent() {
    let (site, issuer) = Site::with_issuer();
    let reader = auditor(&issuer);
    let draft = || Draft::of(&issuer.url).claim("other", "canary-in-a-claim-that-no-entry-has");
    let good = draft().sign();
    let tokens = [
        good.clone(),
        draft().by("rsa", &RSA).sign(),
        draft().by("p384", &P384).claim("repository_id", "9").sign(),
        draft().head("kid", "nobody").sign(),
        draft().claim("aud", "another").sign(),
        draft().claim("exp", now_s() - 600).claim("iat", now_s() - 900).sign(),
        draft().head("crit", json!(["a"])).sign(),
        format!("{}AAAA", draft().sign()),
    ];
    let mut said = String::new();
    for token in &tokens {
        let bearer = format!("Bearer {token}");
        for answer in [
            site.append("a", token),
            site.append_with("b", &[("Authorization", &bearer), ("Authorization", &bearer)]),
            site.get("/v1/nothing", token),
            site.get("/metrics", token),
            site.get("/v1/records", token),
        ] {
            said += answer.text();
        }
    }
    said += site.get("/metrics", &reader).expect(200).text();
    said += site.get("/v1/records", &reader).expect(200).text();
    let origin = site.daemon.get("/v1/log").expect(200).json()["origin"].clone();
    assert_eq!(origin, json!(ORIGIN));
    fs::write(site.path("entry.json"), promotion("b").to_string()).unwrap();
    for token in &tokens {
        let output = site.provlog(token, &["append", "--json", "entry.json"]);
        said = said + &stdout(&output) + &stderr(&output);
    }
    let Site { folder, daemon } = site;
    assert_eq!(daemon.terminate(), Some(0));
    assert!(said.contains(&Hash::plain(good.as_bytes()).to_hex()), "what is kept is a digest");
    for token in tokens.iter().chain([&reader]) {
        assert!(!is_told(token, &said), "{said}");
        for part in token.split('.').skip(1) {
            // Of a payload the end is this token's own; a signature is all its own.
            let secret = &part[part.len() - 24..];
            let found =
                Command::new("grep").args(["-razF", "--", secret]).arg(folder.path()).output().unwrap();
            assert_eq!(found.status.code(), Some(1), "{}{}", stdout(&found), stderr(&found));
        }
    }
    let search = |text: &str| Command::new("grep").args(["-razF", text]).arg(folder.path()).output().unwrap();
    assert_eq!(search("canary-in-a-claim-that-no-entry-has").status.code(), Some(1));
    assert!(search(SUB).status.success(), "the search finds what is there");
}
