//! Who a connection's requests are of, while it is open.

use super::made::{
    ID, ROOT, WORKLOAD, bundle, chain, from_now, jwt_svid, leaf, own_bundle, p256, root, signs, under,
    vouches,
};
use super::site::{Site, ask_again, table};
use crate::oidc::site::code;
use crate::support::{Response, alone, program, promotion, stderr, stdout};
use crate::tls::site::{Authority, append, connect, put, read_all, until};
use crate::vectors::keys::{Content, Key};
use base64ct::{Base64, Encoding};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use std::fs;
use std::io::Write;
use std::process::Command;

const AUDITOR: &str = "spiffe://example.org/auditor";

#[test]
fn an_entry_says_who_showed_a_certificate_and_that_it_isnt_bound() {
    let site = Site::new();
    let (svid, auditor) = (under("root", &ROOT, ID), under("root", &ROOT, AUDITOR));
    site.append("a", Some((&svid, WORKLOAD))).unwrap().expect(201);
    let index = site.size() - 1;
    let entry = site.ask(&format!("/v1/entries/{index}"), "", Some((&auditor, WORKLOAD))).expect(200).json();
    let mut workload = entry["attested"]["workload"].clone();
    assert!(workload["verified_at_ms"].take().is_u64(), "{workload}");
    let expected = serde_json::json!({
        "method": "x509-svid", "id": ID, "issuer": "spiffe://example.org", "binding": "bearer", "verified_at_ms": null,
    });
    assert_eq!(workload, expected);
    assert_eq!(site.ask("/v1/log", "", None).expect(200).json()["authentication"], "spiffe");
    // By a JWT-SVID it is the same workload: its key makes the same entry.
    let body = promotion("b").to_string();
    let by = |authorization: &str, shown| {
        let head = format!(
            "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = site.connect(shown).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        Response::parse(&read_all(&mut stream).unwrap()).unwrap()
    };
    by("", Some((&svid, WORKLOAD))).expect(201);
    by(&format!("Authorization: Bearer {}\r\n", jwt_svid(ID).sign()), None).expect(200);
}

#[test]
fn what_a_workload_may_do_is_what_its_rule_says() {
    let site = Site::new();
    let of = |id: &str| under("root", &ROOT, id);
    let refused = site.ask("/v1/records", "", Some((&of(ID), WORKLOAD))).expect(403);
    assert_eq!(code(&refused), "role.denied");
    site.ask("/v1/records", "", Some((&of(AUDITOR), WORKLOAD))).expect(200);
    let refused =
        site.append("a", Some((&of("spiffe://example.org/stranger"), WORKLOAD))).unwrap().expect(403);
    assert_eq!(code(&refused), "token.rule");
    assert!(refused.text().contains("spiffe:spiffe://example.org/stranger"), "{}", refused.text());
    // Who shows nothing is asked for something; what everybody may ask, everybody may.
    assert_eq!(code(&site.append("a", None).unwrap().expect(401)), "caller.missing");
    site.ask("/checkpoint", "", Some((&of("spiffe://third.example/x"), WORKLOAD))).expect(200);
}

#[test]
fn a_header_decides_before_the_certificate_and_what_was_passed_on_is_nobody_s() {
    let site = Site::new();
    let svid = under("root", &ROOT, AUDITOR);
    let made = Command::new(program("provlogd"))
        .args(["token", "create", "--name", "reader", "--role", "audit", "--expires", "never", "--data-dir"])
        .arg(site.path("data"))
        .output()
        .unwrap();
    let token = stdout(&made).split_whitespace().find(|word| word.starts_with("plt_")).unwrap().to_owned();
    let ask = |more: &str| site.ask("/v1/records", more, Some((&svid, WORKLOAD)));
    ask("").expect(200);
    ask(&format!("Authorization: Bearer {token}\r\n")).expect(200);
    let jwt = jwt_svid("spiffe://example.org/ci/7").sign();
    assert_eq!(code(&ask(&format!("Authorization: Bearer {jwt}\r\n")).expect(403)), "role.denied");
    for (more, status, problem) in [
        ("Authorization: Bearer plt_0123abcd_x\r\n", 401, "token.unknown"),
        ("Authorization: Bearer a.b.c\r\n", 401, "token.malformed"),
        ("Authorization: Basic abc\r\n", 400, "authorization.malformed"),
        ("X-Forwarded-For: 192.0.2.1\r\n", 401, "caller.missing"),
        ("Forwarded: for=192.0.2.1\r\n", 401, "caller.missing"),
    ] {
        assert_eq!(code(&ask(more).expect(status)), problem, "{more}");
    }
}

#[test]
fn an_open_connection_goes_by_the_bundle_that_there_is_now() {
    let site = Site::new();
    let svid = under("root", &ROOT, AUDITOR);
    let mut stream = site.connect(Some((&svid, WORKLOAD))).unwrap();
    let mut ask = || {
        let answer = ask_again(&mut stream, "/v1/entries/0");
        (answer.status, if answer.status == 200 { String::new() } else { code(&answer) })
    };
    let (taken, refused) = ((200, String::new()), (401, "caller.certificate".to_owned()));
    assert_eq!((ask(), ask()), (taken.clone(), taken.clone()));
    let new = p256();
    let next = root("next").signed(&new, &new);
    let own = vouches(&super::made::own_root());
    put(&site.path("bundle.json"), &bundle(&[own, vouches(&next)]));
    assert_eq!(ask(), taken, "old and new side by side");
    site.ask("/v1/records", "", Some((&under("next", &new, AUDITOR), WORKLOAD))).expect(200);
    put(&site.path("bundle.json"), &bundle(&[vouches(&next)]));
    assert_eq!((ask(), ask()), (refused.clone(), refused), "though it was known");
    put(&site.path("bundle.json"), &own_bundle());
    assert_eq!(ask(), taken);
    let other = table("other.example", &site.path("bundle.json"));
    site.reload(&other);
    until("the domain is gone", || ask() == (401, "caller.certificate".into()));
    site.reload(&table("example.org", &site.path("bundle.json")));
    until("it is there again", || ask() == taken);
}

#[test]
fn a_certificate_that_ends_ends_what_its_connection_may_do() {
    let site = Site::new();
    let short = Content {
        issuer: "root",
        not_after: from_now(8),
        extensions: super::made::with_id(AUDITOR),
        ..leaf()
    };
    let svid = vec![short.signed(WORKLOAD, &ROOT)];
    let mut stream = site.connect(Some((&svid, WORKLOAD))).unwrap();
    assert_eq!(ask_again(&mut stream, "/v1/entries/0").status, 200);
    until("it ends", || {
        let answer = ask_again(&mut stream, "/v1/entries/0");
        answer.status == 401 && code(&answer) == "caller.certificate"
    });
}

/// A client CA at one listener closes every way in that doesn't ask for its certificates: any other certificate is none of them.
#[test]
fn a_certificate_that_nobody_verified_is_none_of_a_client_ca() {
    let clients = Authority::new("CA of clients");
    let site = Site::with(|folder| {
        put(&folder.join("clients.pem"), &clients.pem);
        let path = |name: &str| folder.join(name);
        format!(
            "[[listener]]\nlisten = \"127.0.0.1:0\"\ntls_certificate = {:?}\ntls_key = {:?}\ntls_client_ca = {:?}\n",
            path("server.pem"),
            path("server.key"),
            path("clients.pem")
        )
    });
    let (svid, by_itself) = (under("root", &ROOT, ID), vec![leaf().signed(WORKLOAD, WORKLOAD)]);
    for shown in [None, Some((&*svid, &**WORKLOAD)), Some((&*by_itself, &**WORKLOAD))] {
        assert_eq!(code(&site.ask("/v1/records", "", shown).expect(401)), "caller.missing");
        assert_eq!(code(&site.append("a", shown).unwrap().expect(401)), "caller.missing");
    }
}

/// What a workload types, with the files and the token that SPIRE's agent gives it.
#[test]
fn the_command_line_appends_with_either_kind() {
    let site = Site::new();
    let Key::P256(pkcs8) = &**WORKLOAD else { panic!("a workload's key here is of P-256") };
    let pem = |label: &str, der: &[u8]| {
        let base64 = Base64::encode_string(der);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let certificates: String = chain(&leaf()).iter().map(|der| pem("CERTIFICATE", der)).collect();
    put(&site.path("svid.0.pem"), &certificates);
    put(&site.path("svid.0.key"), &pem("PRIVATE KEY", pkcs8));
    put(&site.path("ca.pem"), &site.authority.pem);
    fs::write(site.path("app"), "app").unwrap();
    let trust = site.path("data").join("trust.tlog-policy");
    let run = |more: &[&str], token: Option<String>| {
        let event = ["append", "--kind", "event", "--type", "https://example.com/x", "--artifact", "app"];
        let log = ["--url", &site.daemon.url, "--ca", "ca.pem", "--trust", trust.to_str().unwrap()];
        let mut command =
            alone(Command::new(program("provlog")), site.folder.path(), &[&event[..], &log, more].concat());
        command.envs(token.map(|token| ("PROVLOG_TOKEN", token)));
        command.output().unwrap()
    };
    let shown = ["--client-cert", "svid.0.pem", "--client-key", "svid.0.key"];
    let stranger = || jwt_svid("spiffe://third.example/x").sign();
    for (more, token, status, said) in [
        (&shown[..], None, 0, ".provlog/receipts/"),
        (&[], Some(jwt_svid(ID).sign()), 0, ".provlog/receipts/"),
        (&shown, Some(stranger()), 4, "token.issuer"),
        (&[], None, 4, "caller.missing"),
    ] {
        let output = run(more, token);
        let told = format!("{}{}", stdout(&output), stderr(&output));
        assert!(output.status.code() == Some(status) && told.contains(said), "{more:?}: {told}");
    }
    put(&site.path("bundle.json"), &bundle(&[signs("p256", &p256())]));
    let output = run(&shown, None);
    let told = stderr(&output);
    assert!(output.status.code() == Some(4) && told.contains("which trust domains it takes"), "{told}");
}

/// Nobody resumes what another certificate began, in either version.
#[test]
fn each_handshake_is_a_whole_one() {
    let site = Site::new();
    let svid = under("root", &ROOT, ID);
    for version in [&TLS12, &TLS13] {
        let client = site.client(Some((&svid, WORKLOAD)), &[version]);
        for subject in ["a", "b", "c"] {
            let mut stream = connect(&site.daemon.address, "localhost", client.clone()).unwrap();
            stream.write_all(&append(subject)).unwrap();
            let answer = Response::parse(&read_all(&mut stream).unwrap()).unwrap();
            answer.expect(201);
            assert_eq!(stream.conn.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
        }
    }
}

/// What the other domain's operator put there takes the CA from both, until it is taken out: none of them is the other's.
#[test]
fn a_ca_in_two_bundles_vouches_for_neither() {
    let site = Site::with(|folder| {
        put(&folder.join("other.json"), &bundle(&[signs("p256", &p256())]));
        table("example.org", &folder.join("bundle.json"))
            + &table("other.example", &folder.join("other.json"))
    });
    let (svid, theirs) =
        (under("root", &ROOT, AUDITOR), under("root", &ROOT, "spiffe://other.example/auditor"));
    let ask = |svid: &[Vec<u8>]| site.ask("/v1/records", "", Some((svid, WORKLOAD)));
    ask(&svid).expect(200);
    put(&site.path("other.json"), &own_bundle());
    assert_eq!(code(&ask(&theirs).expect(401)), "caller.certificate");
    assert_eq!(code(&ask(&svid).expect(401)), "caller.certificate");
    assert!(site.logged().contains("spiffe://example.org, spiffe://other.example"), "{}", site.logged());
    put(&site.path("other.json"), &bundle(&[signs("p256", &p256())]));
    ask(&theirs).expect(401);
    ask(&svid).expect(200);
}
