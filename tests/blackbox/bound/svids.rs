//! Submissions that a workload of SPIFFE bound itself to: by a JWT-SVID for this submission alone, or by a signature of its X.509-SVID's
//! key. Each way in which one isn't that.

use super::submission::Salted;
use crate::oidc::issuer::Issuer;
use crate::oidc::site::{Site, auditor, code, table as issuer_table};
use crate::oidc::token::{Draft, ORIGIN, published};
use crate::spiffe::made::{
    ID, MIDDLE, OTHER_ROOT, ROOT, TOKENS, WORKLOAD, bundle, chain, from_now, jwt_svid, leaf, own_bundle,
    own_root, p256, root, signs, under, vouches, with_id,
};
use crate::spiffe::site::table;
use crate::support::{provlog, stderr, stdout};
use crate::tls::site::put;
use crate::vectors::keys::{Content, Key, P384, is_ca, key_usage, uris};
use provlog_core::hex;
use provlog_evidence::signature::Scheme;
use provlog_evidence::submission::submission_message;
use serde_json::{Value, json};
use std::fs;

/// A log with an issuer of tokens and two trust domains.
fn log() -> (Site, Issuer) {
    let issuer = Issuer::new(&published());
    let site = Site::with(|folder| {
        fs::write(folder.join("ca.pem"), &issuer.ca).unwrap();
        put(&folder.join("bundle.json"), &own_bundle());
        put(&folder.join("other.json"), &bundle(&[signs("other", &OTHER_ROOT)]));
        issuer_table(&issuer, &folder.join("ca.pem"))
            + crate::oidc::site::RULES
            + &table("example.org", &folder.join("bundle.json"))
            + &table("other.example", &folder.join("other.json"))
    });
    site.until_known(&[&issuer]);
    (site, issuer)
}

/// What a workload with this chain signs of a submission.
fn signed(submission: &Salted, chain: &[Vec<u8>], key: &Key) -> Vec<u8> {
    signed_for(ORIGIN, &submission.digest, &chain[0], key)
}

fn signed_for(origin: &str, digest: &str, leaf: &[u8], key: &Key) -> Vec<u8> {
    let message = submission_message(origin, &hex::decode_array(digest).unwrap(), leaf);
    let scheme = match key {
        Key::P256(_) => Scheme::Es256Der,
        Key::P384(_) => Scheme::Es384Der,
        Key::Ed25519(_) => Scheme::Ed25519,
        _ => Scheme::Ps256,
    };
    key.sign(scheme, &message)
}

fn with_svid(submission: &Salted, chain: &[Vec<u8>], signature: &[u8]) -> Value {
    let mut json = submission.json.clone();
    let chain: Vec<String> = chain.iter().map(|der| hex::encode(der)).collect();
    json["evidence"] = json!({"format": "x509-svid", "chain": chain, "signature": hex::encode(signature)});
    json
}

fn verify(site: &Site, file: &str, more: &[&str]) -> (String, Option<i32>) {
    let trust = site.path("data/trust.tlog-policy");
    let own = ["verify", file, "--trust", trust.to_str().unwrap()];
    let output = provlog(site.folder.path(), &[&own[..], more].concat());
    (stdout(&output) + &stderr(&output), output.status.code())
}

#[test]
fn both_kinds_of_svid_bind_a_submission_and_anybody_proves_it_with_the_bundle() {
    let (site, issuer) = log();
    let (reader, bearer) = (auditor(&issuer), Draft::of(&issuer.url).sign());
    let chain = chain(&leaf());
    let token = |submission: &Salted| jwt_svid(ID).claim("aud", submission.audience());
    let (one, two, three) = (Salted::new("one"), Salted::new("two"), Salted::new("three"));
    let answers = [
        site.submit(&one.json, &token(&one).sign()),
        site.submit(&two.with_evidence(&token(&two).by("p384", &P384).sign()), &bearer),
        site.submit(&with_svid(&three, &chain, &signed(&three, &chain, WORKLOAD)), &bearer),
    ];
    let given = ["--bundle", "example.org=bundle.json"];
    for (number, answer) in answers.into_iter().enumerate() {
        let answer = answer.expect(201).json();
        let said = site.entry(&answer["index"], &reader)["attested"]["workload"].clone();
        let method = if number == 2 { "x509-svid" } else { "jwt-svid" };
        assert_eq!((&said["method"], &said["binding"]), (&json!(method), &json!("statement")));
        assert_eq!((&said["id"], &said["issuer"]), (&json!(ID), &json!("spiffe://example.org")));
        let receipt = format!("{number}.tlog-proof");
        fs::write(site.path(&receipt), answer["receipt"].as_str().unwrap()).unwrap();
        let (text, exit) = verify(&site, &receipt, &[&given[..], &["--require-bound"]].concat());
        assert_eq!(exit, Some(0), "{text}");
        let (text, exit) = verify(&site, &receipt, &["--require-bound"]);
        assert_eq!(exit, Some(3), "{text}");
    }
    // Whoever has the log's own sets finds the keys and the CA in them.
    let exported = site.provlog(&reader, &["export", "-o", "all.zip", "--start", "0"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let (text, exit) = verify(&site, "all.zip", &given);
    assert_eq!(exit, Some(0), "{text}");

    // A signature is no secret: it is shown at once.
    let index = json!(site.size() - 1);
    let shown = site.entry(&index, &reader)["attested"]["workload_evidence"]["signature"].clone();
    assert!(shown.is_string());
    // The same workload by the other kind is the same workload: a retry.
    let again = site.submit(&three.with_evidence(&token(&three).sign()), &bearer).expect(200).json();
    assert_eq!(again["index"], index);
    let other = jwt_svid("spiffe://example.org/ci/8").claim("aud", three.audience()).sign();
    assert_eq!(code(&site.submit(&three.with_evidence(&other), &bearer).expect(409)), "submission.bound");
}

/// A name, the chain, the signature of the submission, and what the problem's text has in it.
type Row = (&'static str, Vec<Vec<u8>>, fn(&Salted, &[Vec<u8>]) -> Vec<u8>, &'static str);

fn own(submission: &Salted, chain: &[Vec<u8>]) -> Vec<u8> {
    signed(submission, chain, WORKLOAD)
}

fn rows() -> Vec<Row> {
    let good = chain(&leaf());
    let with = |extensions: Vec<Vec<u8>>| chain(&Content { extensions, ..leaf() });
    let at = |not_before, not_after| chain(&Content { not_before, not_after, ..leaf() });
    vec![
        (
            "another submission's signature",
            good.clone(),
            |_, chain| own(&Salted::new("another"), chain),
            "signature",
        ),
        (
            "another log's",
            good.clone(),
            |one, chain| signed_for("example.com/other", &one.digest, &chain[0], WORKLOAD),
            "signature",
        ),
        ("another key's", good.clone(), |one, chain| signed(one, chain, &MIDDLE), "signature"),
        (
            "over another certificate of the key",
            good.clone(),
            |one, chain| signed_for(ORIGIN, &one.digest, &chain[1], WORKLOAD),
            "signature",
        ),
        (
            "of fixed length",
            good.clone(),
            |one, chain| {
                let message = submission_message(ORIGIN, &hex::decode_array(&one.digest).unwrap(), &chain[0]);
                WORKLOAD.sign(Scheme::Es256, &message)
            },
            "signature",
        ),
        (
            "with a byte behind it",
            good.clone(),
            |one, chain| [own(one, chain), vec![0]].concat(),
            "signature",
        ),
        ("of zeros", good.clone(), |_, _| vec![0; 70], "signature"),
        (
            "over the token's audience",
            good.clone(),
            |one, _| WORKLOAD.sign(Scheme::Es256Der, one.audience().as_bytes()),
            "signature",
        ),
        (
            "a domain that isn't configured",
            under("root", &ROOT, "spiffe://third.example/ci/7"),
            own,
            "third.example",
        ),
        (
            "another domain's ID under our CA",
            chain(&Content { extensions: with_id("spiffe://other.example/ci/7"), ..leaf() }),
            own,
            "other.example",
        ),
        (
            "our ID under another domain's CA",
            under("other", &OTHER_ROOT, ID),
            own,
            "to lead to a CA of spiffe://example.org",
        ),
        ("by somebody who calls themselves the root", under("root", &p256(), ID), own, "to lead to a CA"),
        (
            "two URIs",
            with(vec![key_usage(0x80), uris(&[ID, "spiffe://example.org/auditor"])]),
            own,
            "exactly one URI",
        ),
        ("a CA as a workload", with(vec![key_usage(0x80), is_ca(true), uris(&[ID])]), own, "none of a CA"),
        ("keyCertSign", with(vec![key_usage(0x84), uris(&[ID])]), own, "keyCertSign"),
        ("it ended", at(from_now(-7_200), from_now(-60)), own, "expected one that holds"),
        ("it doesn't hold yet", at(from_now(600), from_now(1_200)), own, "expected one that holds"),
        (
            "more than a week",
            chain(&Content { not_after: from_now(8 * 24 * 3_600), ..leaf() }),
            own,
            "at most 604800 s",
        ),
        ("without the CA between", good[..1].to_vec(), own, "to lead to a CA"),
        ("with the root, too", [&good[..], &[own_root()]].concat(), own, "in the chain itself"),
        ("five certificates", vec![good[0].clone(); 5], own, "1 to 4 certificates"),
        ("no certificate", vec![vec![0x30, 0]], |_, _| vec![1], "certificate 0 of the chain"),
    ]
}

#[test]
fn what_isn_t_signed_by_a_workload_of_the_domain_is_refused() {
    let (site, issuer) = log();
    let (bearer, mut problems) = (Draft::of(&issuer.url).sign(), Vec::new());
    for (name, chain, sign, expected) in rows() {
        let submission = Salted::new(name);
        let evidence = with_svid(&submission, &chain, &sign(&submission, &chain));
        let answer = site.submit(&evidence, &bearer);
        let text = answer.text().to_owned();
        if answer.status != 401 || code(&answer) != "evidence.certificate" || !text.contains(expected) {
            problems.push(format!("{name}: expected {expected:?}, got {} {text}", answer.status));
        }
        if !text.contains("evidence: ") {
            problems.push(format!("{name}: it doesn't say that it is the evidence: {text}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(site.size(), 1);
}

#[test]
fn a_jwt_svid_for_something_else_binds_nothing() {
    let (site, issuer) = log();
    let bearer = Draft::of(&issuer.url).sign();
    let submission = Salted::new("one");
    let bound = || jwt_svid(ID).claim("aud", submission.audience());
    for (name, draft, expected) in [
        ("the bearer audience", jwt_svid(ID), "token.audience"),
        (
            "two audiences",
            jwt_svid(ID).claim("aud", vec![submission.audience(), "b".into()]),
            "token.audience",
        ),
        ("a domain that isn't configured", bound().claim("sub", "spiffe://third.example/ci"), "token.issuer"),
        ("another domain's key", bound().by("other", &OTHER_ROOT), "token.key"),
        ("another domain's workload", bound().claim("sub", "spiffe://other.example/ci"), "token.key"),
        ("a CA's key", bound().by("root", &ROOT), "token.key"),
        ("the folder above", bound().claim("sub", "spiffe://example.org/ci/../x"), "token.malformed"),
        ("EdDSA", bound().by("ed", &crate::vectors::keys::ED25519), "token.algorithm"),
    ] {
        let token = draft.sign();
        let answer = site.submit(&submission.with_evidence(&token), &bearer).expect(401);
        assert_eq!(code(&answer), expected, "{name}");
    }
    for (name, id, expected) in [
        ("no rule", "spiffe://example.org/cix", "token.rule"),
        ("only to read", "spiffe://example.org/auditor", "role.denied"),
    ] {
        let token = bound().claim("sub", id).sign();
        assert_eq!(code(&site.submit(&submission.json, &token).expect(403)), expected, "{name}");
    }
    assert_eq!(site.size(), 1);
}

/// Old and new CAs are both in the bundle for a while: both bind, and afterwards only the new one.
#[test]
fn bundles_rotate_and_what_was_bound_stays_proven() {
    let (site, issuer) = log();
    let bearer = Draft::of(&issuer.url).sign();
    let next = p256();
    let next_root = root("next").signed(&next, &next);
    let (old, new) = (chain(&leaf()), under("next", &next, ID));
    let submit = |subject: &str, chain: &[Vec<u8>]| {
        let submission = Salted::new(subject);
        site.submit(&with_svid(&submission, chain, &own(&submission, chain)), &bearer)
    };
    let first = submit("old", &old).expect(201).json();
    assert_eq!(code(&submit("too early", &new).expect(401)), "evidence.certificate");
    fs::copy(site.path("bundle.json"), site.path("before.json")).unwrap();
    let keys = [signs("rsa", TOKENS), vouches(&own_root()), vouches(&next_root)];
    put(&site.path("bundle.json"), &bundle(&keys));
    let both = [submit("still old", &old).expect(201).json(), submit("new", &new).expect(201).json()];
    put(&site.path("bundle.json"), &bundle(&[signs("rsa", TOKENS), vouches(&next_root)]));
    assert_eq!(code(&submit("too late", &old).expect(401)), "evidence.certificate");
    let last = submit("new alone", &new).expect(201).json();
    let receipts = [("first", &first), ("both", &both[0]), ("new", &both[1]), ("last", &last)];
    for (name, answer) in receipts {
        fs::write(site.path(name), answer["receipt"].as_str().unwrap()).unwrap();
    }
    for (bundle, proven) in
        [("before.json", [true, true, false, false]), ("bundle.json", [false, false, true, true])]
    {
        let given = format!("example.org={bundle}");
        for ((name, _), proven) in receipts.into_iter().zip(proven) {
            let (text, exit) = verify(&site, name, &["--bundle", &given, "--require-bound"]);
            assert_eq!(exit, Some(if proven { 0 } else { 3 }), "{name} with {bundle}: {text}");
        }
    }
    let reader = auditor(&issuer);
    let exported = site.provlog(&reader, &["export", "-o", "all.zip", "--start", "0"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let (text, exit) = verify(&site, "all.zip", &[]);
    assert_eq!(exit, Some(0), "{text}");
}
