//! What is in an entry that a workload bound itself to, who sees it when, and whose a retry is.

use super::submission::Salted;
use crate::oidc::issuer::Issuer;
use crate::oidc::site::{RULES, Site, auditor, code, table};
use crate::oidc::token::{Draft, ORIGIN, SUB, is_told, now_s, published};
use crate::support::{Response, promotion, provlog, stderr, stdout};
use crate::tls::site::until;
use crate::vectors::keys::{ED25519, P384, RSA};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::fs;

/// Verifies a receipt offline, with the issuer's keys in a file, or without. What a verdict says, and the exit code.
fn verify(site: &Site, receipt: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let trust = site.path("data/trust.tlog-policy");
    let own = ["verify", receipt, "--trust", trust.to_str().unwrap()];
    let output = provlog(site.folder.path(), &[&own[..], arguments].concat());
    (stdout(&output) + &stderr(&output), output.status.code())
}

fn keys_file(site: &Site) {
    fs::write(site.path("keys.json"), format!("{{\"keys\":[{}]}}", published().join(","))).unwrap();
}

#[test]
fn one_token_and_no_other_secret_makes_an_entry_that_anybody_can_check() {
    let (site, issuer) = Site::with_issuer();
    let reader = auditor(&issuer);
    keys_file(&site);
    let given = format!("{}=keys.json", issuer.url);
    for (name, sign) in [
        ("es256", (|draft| draft) as fn(Draft) -> Draft),
        ("rs256", |draft| draft.by("rsa", &RSA)),
        ("es384", |draft| draft.by("p384", &P384)),
        ("eddsa", |draft| draft.by("ed", &ED25519)),
    ] {
        let submission = Salted::new(name);
        let token = sign(submission.draft(&issuer.url)).sign();
        let before = site.size();
        let answer = site.submit(&submission.json, &token).expect(201).json();
        assert_eq!(answer["index"], json!(before + 1), "the key came into its set first");
        assert_eq!(answer["submitted_digest"], json!(submission.digest));
        let trust = site.entry(&json!(before), &reader);
        assert_eq!(trust["kind"], "trust");
        assert_eq!(trust["attested"]["workload"], json!({"method": "log"}));
        assert_eq!(trust["submitted"]["trust"]["name"], json!(issuer.url));

        let receipt = format!("{name}.tlog-proof");
        fs::write(site.path(&receipt), answer["receipt"].as_str().unwrap()).unwrap();
        let (text, exit) = verify(&site, &receipt, &["--issuer-keys", &given, "--require-bound"]);
        assert_eq!(exit, Some(0), "{text}");
        let (text, exit) = verify(&site, &receipt, &[]);
        assert!(exit == Some(0) && text.contains("vouched for by the log"), "{text}");
        let (text, exit) = verify(&site, &receipt, &["--require-bound"]);
        assert_eq!(exit, Some(3), "{text}");
    }
    // A key that is in its set already comes into it no more.
    let (submission, before) = (Salted::new("again"), site.size());
    let token = submission.draft(&issuer.url).sign();
    let answer = site.submit(&submission.json, &token).expect(201).json();
    assert_eq!(answer["index"], json!(before));
    let mut said = site.entry(&answer["index"], &reader)["attested"]["workload"].clone();
    said.as_object_mut().unwrap().remove("verified_at_ms").unwrap();
    assert_eq!(said["binding"], "statement");
    assert_eq!((&said["audience"], &said["id"]), (&json!(submission.audience()), &json!(SUB)));
    assert_eq!(said.get("token_digest"), None);

    // What the log's own sets say of these keys holds, too.
    let export = ["export", "-o", "all.zip", "--start", "0"];
    let exported = site.provlog(&reader, &export);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let (text, exit) = verify(&site, "all.zip", &[]);
    assert_eq!(exit, Some(0), "{text}");
    let audited = site.provlog(&reader, &["audit", "mirror"]);
    assert!(audited.status.success(), "{}{}", stdout(&audited), stderr(&audited));
}

/// Whoever brings a token for somebody else only passes it on: what is attested is the token's.
#[test]
fn evidence_comes_with_whatever_its_caller_is_known_by() {
    let (site, issuer) = Site::with_issuer();
    let reader = auditor(&issuer);
    let bearer = Draft::of(&issuer.url).sign();
    let job = "repo:example/other:ref:refs/heads/main";
    let stranger = |submission: &Salted| {
        // It meets no rule, and needs none.
        submission.draft(&issuer.url).claim("sub", job).claim("repository_id", "9").sign()
    };
    let one = Salted::new("one");
    let token = stranger(&one);
    let answer = site.submit(&one.with_evidence(&token), &bearer).expect(201).json();
    let said = site.entry(&answer["index"], &reader)["attested"]["workload"].clone();
    assert_eq!((&said["id"], &said["binding"]), (&json!(job), &json!("statement")));

    let lines = [Salted::new("two"), Salted::new("three"), Salted::new("four")];
    let mut batch: Vec<Value> = lines.iter().map(|line| line.with_evidence(&stranger(line))).collect();
    batch[1] = lines[1].json.clone();
    let answer = site.submit_lines(&batch, &bearer).expect(200);
    let answers: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: usize| site.entry(&answers[line]["index"], &reader)["attested"]["workload"].clone();
    assert_eq!((&of(0)["id"], &of(2)["id"]), (&json!(job), &json!(job)));
    assert_eq!((&of(1)["id"], &of(1)["binding"]), (&json!(SUB), &json!("bearer")));
    assert!(answers.iter().all(|line| line["receipt"].is_string()));

    // Keys of one issuer that are all new to its set come in one batch.
    let lines = [Salted::new("five"), Salted::new("six"), Salted::new("seven")];
    let [five, six, seven] = lines.each_ref().map(|line| line.draft(&issuer.url));
    let signed = [five.by("rsa", &RSA).sign(), six.by("ed", &ED25519).sign(), seven.by("p384", &P384).sign()];
    let batch: Vec<Value> =
        lines.iter().zip(&signed).map(|(line, token)| line.with_evidence(token)).collect();
    let before = site.size();
    site.submit_lines(&batch, &bearer).expect(200);
    assert_eq!(site.size(), before + 6);
}

/// While a token could still be sent to a log, nobody but who sent it is shown it.
#[test]
fn a_token_is_shown_to_nobody_before_it_has_ended() {
    let (site, issuer) = Site::with_issuer();
    let reader = auditor(&issuer);
    let (long, short) = (Salted::new("long"), Salted::new("short"));
    let kept = long.draft(&issuer.url).sign();
    // It holds for a minute after its end, and so for two seconds more.
    let (iat, exp) = (now_s() - 300, now_s() - 57);
    let ending = short.draft(&issuer.url).claim("iat", iat).claim("exp", exp).sign();
    let answers = [(&long, &kept), (&short, &ending)]
        .map(|(submission, token)| site.submit(&submission.json, token).expect(201).json());
    let receipt_has = |receipt: &str, token: &str| {
        let extra = receipt.lines().find_map(|line| line.strip_prefix("extra ")).unwrap();
        let record = Base64::decode_vec(extra).unwrap();
        record.windows(token.len()).any(|bytes| bytes == token.as_bytes())
    };
    for (answer, token) in answers.iter().zip([&kept, &ending]) {
        assert!(receipt_has(answer["receipt"].as_str().unwrap(), token), "who sent it has it");
    }
    let is_shown = |index: &Value, token: &str| {
        let path = format!("/v1/entries/{index}");
        let cbor = [("Authorization", &*format!("Bearer {reader}")), ("Accept", "application/cbor")];
        let sequence = [cbor[0], ("Accept", "application/cbor-seq")];
        let records = format!("/v1/records?start={index}&limit=1");
        let get =
            |path: &str, headers: &[(&str, &str)]| site.daemon.request("GET", path, headers, b"").expect(200);
        let has = |body: &[u8]| body.windows(token.len()).any(|bytes| bytes == token.as_bytes());
        let shown = [
            has(&get(&path, &cbor[..1]).body),
            has(&get(&path, &cbor).body),
            has(&get(&records, &cbor[..1]).body),
            has(&get(&records, &sequence).body),
            receipt_has(get(&format!("{path}/receipt"), &cbor[..1]).text(), token),
        ];
        let is_hidden = site.entry(index, &reader)["hidden"]["attested"]["workload_evidence"].is_string();
        [&shown[..], &[!is_hidden]].concat()
    };
    let (first, second) = (&answers[0]["index"], &answers[1]["index"]);
    assert_eq!(is_shown(first, &kept), [false; 6]);
    until("a token has ended, and is shown", || is_shown(second, &ending) == [true; 6]);
    assert_eq!(is_shown(first, &kept), [false; 6]);
    let exported = site.provlog(&reader, &["export", "-o", "p"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let lines = fs::read_to_string(site.path("p/records.jsonl")).unwrap();
    assert!(lines.contains(&ending) && !lines.contains(&kept), "as it is shown, so it is exported");

    // Whoever sent it is answered the same again.
    let again = site.submit(&long.json, &kept).expect(200).json();
    assert!(receipt_has(again["receipt"].as_str().unwrap(), &kept));
    let fetched =
        site.provlog(&reader, &["get", &answers[0]["index"].to_string(), "--receipt", "r.tlog-proof"]);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    let (text, exit) = verify(&site, "r.tlog-proof", &[]);
    assert!(exit == Some(0) && text.contains("not disclosed"), "{text}");
    site.says_nothing_of(&[kept, ending]);
}

#[test]
fn a_digest_is_bound_once_and_to_one_workload() {
    let (site, issuer) = Site::with_issuer();
    let bearer = Draft::of(&issuer.url).sign();
    let (one, other) = (Salted::new("one"), Salted::new("other"));
    let of = |submission: &Salted, sub: &str| submission.draft(&issuer.url).claim("sub", sub).sign();
    let (first, second) = (of(&one, "job"), of(&one, "job"));
    let stranger = of(&one, "stranger");
    let index = site.submit(&one.json, &first).expect(201).json()["index"].clone();
    let retried = |answer: Response| assert_eq!(answer.expect(200).json()["index"], index);
    retried(site.submit(&one.json, &first));
    retried(site.submit(&one.json, &second));
    retried(site.submit(&one.with_evidence(&second), &bearer));
    for refused in [site.submit(&one.json, &stranger), site.submit(&one.with_evidence(&stranger), &bearer)] {
        assert_eq!(code(&refused), "submission.bound");
        let text = refused.expect(409);
        assert!(!is_told(&first, text.text()) && !text.text().contains("job"), "{}", text.text());
        assert!(!text.text().contains(&format!("entry {index}")), "{}", text.text());
    }
    let line = site.submit_lines(&[other.json.clone(), one.with_evidence(&stranger)], &bearer);
    assert_eq!((code(&line), line.json()["line"].clone()), ("submission.bound".into(), json!(2)));
    let size = site.size();

    // Without evidence it is an entry of its own, and the other way round.
    let unbound = site.submit(&one.json, &bearer).expect(201).json();
    assert_ne!(unbound["index"], index);
    let plain = site.submit(&other.json, &bearer).expect(201).json();
    let bound = site.submit(&other.json, &of(&other, "job")).expect(201).json();
    assert_ne!(plain["index"], bound["index"]);
    assert_eq!(site.size(), size + 3);

    let site = site.restarted();
    site.until_known(&[&issuer]);
    assert_eq!(site.submit(&one.json, &of(&one, "job")).expect(200).json()["index"], index);
    assert_eq!(code(&site.submit(&one.json, &stranger).expect(409)), "submission.bound");
    // The set is read from the log again, and has the key.
    site.submit(&Salted::new("later").json, &of(&Salted::new("later"), "job")).expect(201);
    assert_eq!(site.size(), size + 4);
}

/// A job that starts on a new machine has other salts, so that its token is another one's.
#[test]
fn under_a_key_of_its_own_a_workload_finds_its_entry_whatever_the_salts_are() {
    let (site, issuer) = Site::with_issuer();
    let (first, again) = (Salted::of(promotion("a"), "1"), Salted::of(promotion("a"), "2"));
    assert_ne!(first.digest, again.digest);
    let of = |submission: &Salted, sub: &str| submission.draft(&issuer.url).claim("sub", sub).sign();
    let key = [("Idempotency-Key", "run-7")];
    let index = site.submit_under(&first.json, &of(&first, "job"), &key).expect(201).json()["index"].clone();
    let answer = site.submit_under(&again.json, &of(&again, "job"), &key).expect(200).json();
    assert_eq!((&answer["index"], &answer["submitted_digest"]), (&index, &json!(first.digest)));
    let other = Salted::new("b");
    let conflict = site.submit_under(&other.json, &of(&other, "job"), &key).expect(409);
    assert_eq!(code(&conflict), "idempotency-key.conflict");
    let stranger = site.submit_under(&again.json, &of(&again, "stranger"), &key).expect(201).json();
    assert_ne!(stranger["index"], index);
    // The same key of the same workload without evidence is another one.
    let bearer = Draft::of(&issuer.url).claim("sub", "job").sign();
    let unbound = site.submit_under(&again.json, &bearer, &key).expect(201).json();
    assert_ne!(unbound["index"], index);
}

/// What is refused of a workload that is only known by a token for something else tells of nobody.
#[test]
fn refusals_of_bound_callers_are_of_nobody() {
    let issuer = Issuer::new(&published());
    let site = Site::with(|folder| {
        let ca = folder.join("ca.pem");
        fs::write(&ca, &issuer.ca).unwrap();
        format!("refusal_entries_per_minute = 60\n{}{}", table(&issuer, &ca), RULES)
    });
    site.until_known(&[&issuer]);
    let (one, other) = (Salted::new("one"), Salted::new("other"));
    let refused = site.submit(&other.json, &one.draft(&issuer.url).sign()).expect(401);
    assert_eq!(code(&refused), "token.audience");
    let expected = format!("{ORIGIN}:{}", other.digest);
    assert_eq!(refused.json()["expected"], json!(expected));
    let reader = auditor(&issuer);
    let site = site.restarted();
    site.until_known(&[&issuer]);
    let records = site.get("/v1/records?kind=refusal", &reader).expect(200);
    let entries: Vec<Value> =
        records.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_audience = entries.iter().find(|entry| entry["submitted"]["refusal"]["code"] == "token.audience");
    assert_eq!(of_audience.unwrap()["attested"], json!({"workload": {"method": "log"}}));
}
