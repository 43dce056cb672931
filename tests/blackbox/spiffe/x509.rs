//! X.509-SVIDs over mutual TLS, each with one thing wrong.

use super::made::{
    ID, MIDDLE, OTHER_ROOT, ROOT, WORKLOAD, bundle, chain, from_now, leaf, middle, other_root, own_root,
    p256, root, signs, under, vouches, with_id,
};
use super::site::{Site, table};
use crate::oidc::site::code;
use crate::support::until_says;
use crate::tls::site::put;
use crate::vectors::keys::{Content, P384, extension, is_ca, key_usage, key_usage_bits, purposes, tlv, uris};

/// A name, the chain, and what the problem's text has in it; nothing where the chain is taken.
type Row = (&'static str, Vec<Vec<u8>>, &'static str);

fn with(extensions: &[Vec<u8>]) -> Content {
    Content { extensions: extensions.into(), ..leaf() }
}

/// A certificate that says this of itself, for the workload's ID.
fn saying(usage: &[u8], more: &[Vec<u8>]) -> Vec<Vec<u8>> {
    chain(&with(&[&[usage.to_vec(), uris(&[ID])], more].concat()))
}

fn of_id(id: &str) -> Vec<Vec<u8>> {
    chain(&with(&with_id(id)))
}

fn rows() -> Vec<Row> {
    let usage = key_usage(0x80);
    let root_der = own_root();
    let (good, impostor) = (chain(&leaf()), p256());
    let mut broken = good.clone();
    let last = broken[0].len() - 1;
    broken[0][last] ^= 1;
    let no_ca = Content { extensions: with_id("spiffe://example.org/middle"), ..middle() };
    let short = Content {
        extensions: vec![key_usage(0x04), extension(19, true, &tlv(0x30, &[1, 1, 0xff, 2, 1, 0]))],
        ..middle()
    };
    let below = Content { subject: "below", issuer: "middle", ..middle() };
    let week = Content { not_before: from_now(-60), not_after: from_now(7 * 24 * 3_600), ..leaf() };
    let long = Content { not_after: from_now(7 * 24 * 3_600 + 60), ..week.clone() };
    let at = |not_before, not_after| chain(&Content { not_before, not_after, ..leaf() });
    vec![
        ("a good chain", good.clone(), ""),
        ("directly under the root", under("root", &ROOT, ID), ""),
        ("no extended key usage", saying(&usage, &[]), ""),
        ("key agreement too", saying(&key_usage(0x88), &[]), ""),
        ("a week", chain(&Content { not_after: from_now(7 * 24 * 3_600 - 120), ..week }), ""),
        (
            "a domain that isn't configured",
            under("root", &ROOT, "spiffe://third.example/ci/7"),
            "got one of spiffe://third.example",
        ),
        (
            "our ID under another domain's CA",
            under("other", &OTHER_ROOT, ID),
            "to lead to a CA of spiffe://example.org",
        ),
        (
            "another domain's ID under our CA",
            of_id("spiffe://other.example/ci/7"),
            "to lead to a CA of spiffe://other.example",
        ),
        ("a CA as a workload", saying(&usage, &[is_ca(true)]), "expected none of a CA"),
        ("keyCertSign", saying(&key_usage(0x84), &[]), "without keyCertSign and cRLSign"),
        ("cRLSign", saying(&key_usage(0x82), &[]), "without keyCertSign and cRLSign"),
        ("no digitalSignature", saying(&key_usage(0x20), &[]), "with digitalSignature"),
        (
            "key usage that isn't critical",
            saying(&extension(15, false, &key_usage_bits(0x80)), &[]),
            "expected key usage, critical",
        ),
        ("no key usage", chain(&with(&[uris(&[ID])])), "expected key usage, critical"),
        ("for servers alone", saying(&usage, &[purposes(&[1])]), "expected clientAuth"),
        (
            "two IDs",
            chain(&with(&[usage.clone(), uris(&[ID, "spiffe://example.org/auditor"])])),
            "exactly one URI among its names, got 2",
        ),
        ("one ID twice", chain(&with(&[usage.clone(), uris(&[ID, ID])])), "got 2"),
        ("a DNS name alone", chain(&with(&[usage.clone(), uris(&[])])), "got 0"),
        ("no names", chain(&with(std::slice::from_ref(&usage))), "got 0"),
        ("a web address", of_id("https://example.org/ci/7"), "start with spiffe://"),
        ("a large scheme", of_id("SPIFFE://example.org/ci/7"), "start with spiffe://"),
        ("a large domain", of_id("spiffe://Example.org/ci/7"), "trust domain: expected"),
        ("a port", of_id("spiffe://example.org:443/ci/7"), "trust domain: expected"),
        ("a user", of_id("spiffe://ci@example.org/ci/7"), "trust domain: expected"),
        ("the domain itself", of_id("spiffe://example.org"), "expected a path"),
        ("a slash at the end", of_id("spiffe://example.org/ci/"), "expected segments"),
        ("two slashes", of_id("spiffe://example.org//ci/7"), "expected segments"),
        ("the folder above", of_id("spiffe://example.org/ci/../auditor"), "expected segments"),
        ("an escape", of_id("spiffe://example.org/%63i/7"), "expected segments"),
        ("a query", of_id("spiffe://example.org/ci/7?a=b"), "expected segments"),
        ("it ended", at(from_now(-7_200), from_now(-60)), "expected one that holds"),
        ("it doesn't hold yet", at(from_now(600), from_now(1_200)), "expected one that holds"),
        ("more than a week", chain(&long), "at most 604800 s"),
        (
            "by itself",
            vec![Content { issuer: "leaf", ..leaf() }.signed(WORKLOAD, WORKLOAD)],
            "to lead to a CA",
        ),
        ("by a key that only signs tokens", under("root", &P384, ID), "to lead to a CA"),
        ("by somebody who calls themselves the root", under("root", &impostor, ID), "to lead to a CA"),
        ("another signature", broken, "to lead to a CA"),
        ("without the CA between", good[..1].to_vec(), "to lead to a CA"),
        ("with the root, too", [&good[..], &[root_der]].concat(), "one that is in the chain itself"),
        (
            "with the root, signed anew",
            [&good[..], &[root("root").signed(&ROOT, &ROOT)]].concat(),
            "one that is in the chain itself",
        ),
        (
            "out of order",
            vec![good[0].clone(), own_root(), good[1].clone()],
            "expected its issuer to be the next one's subject",
        ),
        (
            "another's CA between",
            vec![good[0].clone(), other_root()],
            "expected its issuer to be the next one's subject",
        ),
        (
            "no CA between",
            vec![leaf().signed(WORKLOAD, &MIDDLE), no_ca.signed(&MIDDLE, &ROOT)],
            "expected one of a CA",
        ),
        (
            "more CAs than the path length",
            vec![
                Content { issuer: "below", ..leaf() }.signed(WORKLOAD, &OTHER_ROOT),
                below.signed(&OTHER_ROOT, &MIDDLE),
                short.signed(&MIDDLE, &ROOT),
            ],
            "no more CAs below it than its path length",
        ),
    ]
}

#[test]
fn an_x509_svid_is_a_caller_and_whatever_isnt_one_is_nobody() {
    let site = Site::with(|folder| {
        put(&folder.join("other.json"), &bundle(&[vouches(&other_root())]));
        table("example.org", &folder.join("bundle.json"))
            + &table("other.example", &folder.join("other.json"))
    });
    let rows = rows();
    let mut problems = Vec::new();
    for (name, chain, said) in &rows {
        let before = site.size();
        let answer = site.append(name, Some((chain, WORKLOAD))).unwrap();
        let (status, problem) = if said.is_empty() { (201, "") } else { (401, "caller.certificate") };
        let text = answer.text();
        if answer.status != status || (status != 201 && code(&answer) != problem) || !text.contains(said) {
            problems
                .push(format!("{name}: expected {status} {problem} {said}, got {} {text}", answer.status));
        }
        if status == 401 && (answer.header("www-authenticate").is_none() || answer.json()["got"].is_null()) {
            problems.push(format!("{name}: it doesn't say how to come in: {text}"));
        }
        if site.size() - before != u64::from(status == 201) {
            problems.push(format!("{name}: {} entries", site.size() - before));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rows.len(), problems.join("\n"));
    let metrics =
        site.ask("/metrics", "", Some((&under("root", &ROOT, "spiffe://example.org/auditor"), WORKLOAD)));
    let refused = rows.iter().filter(|(_, _, said)| !said.is_empty()).count();
    let line = format!("provlog_refusals_total{{code=\"caller.certificate\"}} {refused}");
    assert!(metrics.expect(200).text().lines().any(|got| got == line), "{line}");
}

/// A root under its new name and its old one, which is one domain's, is no reason to refuse either.
#[test]
fn a_ca_that_was_renewed_under_its_key_is_there_beside_the_old_one() {
    let site = Site::new();
    let renewed = root("renewed").signed(&ROOT, &ROOT);
    put(&site.path("bundle.json"), &bundle(&[vouches(&own_root()), vouches(&renewed)]));
    for issuer in ["root", "renewed"] {
        site.append(issuer, Some((&under(issuer, &ROOT, ID), WORKLOAD))).unwrap().expect(201);
    }
}

#[test]
fn what_a_handshake_keeps_is_bounded_and_its_key_is_the_certificate_s() {
    let site = Site::new();
    let good = chain(&leaf());
    let five = [&good[..], &good[1..], &good[1..], &good[1..]].concat();
    let padding = extension(99, false, &[0; 7_000]);
    let large = chain(&with(&[key_usage(0x80), uris(&[ID]), padding]));
    let unknown = chain(&with(&[key_usage(0x80), uris(&[ID]), extension(36, true, &tlv(0x30, &[]))]));
    for (name, chain, key, said) in [
        ("something critical that nobody knows", &unknown, &**WORKLOAD, "bad-certificate"),
        ("five certificates", &five, &**WORKLOAD, "chain: expected 1 to 4 certificates, got 5"),
        ("many bytes", &large, &**WORKLOAD, "chain: expected at most 7168 bytes in all, got "),
        ("another's key", &good, &*MIDDLE, "bad-certificate"),
    ] {
        assert!(site.append(name, Some((chain, key))).is_err(), "{name}");
        until_says(&site.path("log"), said);
    }
    site.append("good", Some((&good, WORKLOAD))).unwrap().expect(201);
}

/// A key that may sign one kind of SVID is of no use for the other.
#[test]
fn a_ca_signs_no_tokens() {
    let site = Site::new();
    put(&site.path("bundle.json"), &bundle(&[signs("ca", &ROOT), vouches(&own_root())]));
    let svid = under("root", &ROOT, ID);
    let refused = site.append("certificate", Some((&svid, WORKLOAD))).unwrap().expect(401);
    assert_eq!(code(&refused), "caller.certificate");
    let token = super::made::jwt_svid(ID).by("ca", &ROOT).sign();
    let refused = site.ask("/v1/records", &format!("Authorization: Bearer {token}\r\n"), None).expect(401);
    assert_eq!(code(&refused), "token.key");
    assert!(site.logged().contains("it is used for nobody"), "{}", site.logged());
}
