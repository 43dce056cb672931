//! Many at once: whatever comes when, no entry is written that wouldn't verify.

use super::submission::Salted;
use crate::oidc::issuer::Issuer;
use crate::oidc::site::{Site, auditor, code};
use crate::oidc::token::{now_s, published};
use crate::support::{provlog, stderr, stdout};
use crate::vectors::keys::{ED25519, Key, P256, P384, RSA};
use std::collections::BTreeMap;
use std::fs;
use std::thread;

/// Exports all of the log, and demands that each entry's evidence verifies under these keys, and that the log's own sets have each key.
fn demand_all_verifies(site: &Site, issuer: &Issuer) {
    let reader = auditor(issuer);
    let _earlier = fs::remove_file(site.path("all.zip"));
    let exported = site.provlog(&reader, &["export", "-o", "all.zip", "--start", "0"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    fs::write(site.path("keys.json"), format!("{{\"keys\":[{}]}}", published().join(","))).unwrap();
    let (trust, given) = (site.path("data/trust.tlog-policy"), format!("{}=keys.json", issuer.url));
    let arguments =
        ["verify", "all.zip", "--json", "--trust", trust.to_str().unwrap(), "--issuer-keys", &given];
    let verified = provlog(site.folder.path(), &arguments);
    let text = stdout(&verified);
    assert!(verified.status.success(), "{text}{}", stderr(&verified));
    assert!(text.contains("workload-form") && text.contains("members"), "{text}");
}

/// Whoever comes first has the digest; all others are told that it is somebody's.
#[test]
fn of_many_workloads_with_one_digest_one_gets_it() {
    let (site, issuer) = Site::with_issuer();
    for round in 0..5 {
        let submission = Salted::new(&format!("round {round}"));
        let tokens: Vec<String> = (0..12)
            .map(|number| submission.draft(&issuer.url).claim("sub", format!("job-{}", number % 4)).sign())
            .collect();
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> =
                tokens.iter().map(|token| scope.spawn(|| site.submit(&submission.json, token))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut counts = BTreeMap::new();
        answers.iter().for_each(|answer| *counts.entry(answer.status).or_insert(0) += 1);
        assert_eq!(counts, BTreeMap::from([(200, 2), (201, 1), (409, 9)]), "one of four, three times each");
        for answer in answers.iter().filter(|answer| answer.status == 409) {
            assert_eq!(code(answer), "submission.bound");
        }
    }
    demand_all_verifies(&site, &issuer);
}

/// Keys come and go while others rely on them: an entry names the set as it was right before it, or isn't written.
#[test]
fn keys_that_rotate_meanwhile_leave_every_entry_true() {
    let keys: [(&str, &'static Key); 4] = [("p256", &P256), ("ed", &ED25519), ("rsa", &RSA), ("p384", &P384)];
    let (site, issuer) = Site::with_issuer();
    thread::scope(|scope| {
        for (name, key) in keys {
            let (site, issuer) = (&site, &issuer);
            scope.spawn(move || {
                for round in 0..25 {
                    let submission = Salted::new(&format!("{name} {round}"));
                    let token = submission.draft(&issuer.url).by(name, key).sign();
                    let answer = site.submit(&submission.json, &token);
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
            });
        }
    });
    demand_all_verifies(&site, &issuer);
    // A key under another name takes its own place.
    issuer.publish(&[&published()[1..], &[P256.jwk_json("next")]].concat());
    let submission = Salted::new("next");
    site.submit(&submission.json, &submission.draft(&issuer.url).by("next", &P256).sign()).expect(201);
    issuer.publish(&published());
    demand_all_verifies(&site, &issuer);
}

/// A token that ends while it is on its way makes an entry within its time, or none.
#[test]
fn a_token_that_ends_meanwhile_makes_no_entry_after_its_end() {
    let (site, issuer) = Site::with_issuer();
    let (mut made, mut refused) = (0, 0);
    for number in 0.. {
        // It has a second or less to hold.
        let submission = Salted::new(&format!("{number}"));
        let exp = now_s() - 60;
        let token = submission.draft(&issuer.url).claim("iat", exp - 300).claim("exp", exp).sign();
        let answer = site.submit(&submission.json, &token);
        match answer.status {
            201 => {
                made += 1;
                let time_ms = answer.json()["time_ms"].as_u64().unwrap();
                assert!(time_ms <= (exp + 60) * 1000, "{}", answer.text());
            }
            401 => {
                refused += 1;
                assert_eq!(code(&answer), "token.time");
            }
            409 => {
                refused += 1;
                assert_eq!(code(&answer), "time.window");
            }
            _ => panic!("{}", answer.text()),
        }
        if number >= 200 && refused > 0 {
            break;
        }
    }
    assert!(refused > 0);
    if made > 0 {
        demand_all_verifies(&site, &issuer);
    }
}
