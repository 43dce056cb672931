//! Trust domains in the file of settings, as `config check` tells of them.

use super::made::{bundle, own_bundle, own_root, signs, vouches};
use super::site::table;
use crate::support::{folder, program, stderr, stdout};
use crate::tls::site::{Authority, put};
use crate::vectors::keys::P256;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What `config check` says of a file, and how it ends.
fn check(root: &Path, text: &str) -> (Option<i32>, String) {
    let file = root.join("f.toml");
    fs::write(&file, format!("origin = \"example.com/log\"\n{text}")).unwrap();
    let output = Command::new(program("provlogd"))
        .args(["config", "check", "--config", file.to_str().unwrap(), "--data-dir"])
        .arg(root.join("data"))
        .output()
        .unwrap();
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[test]
fn a_trust_domain_is_told_with_what_can_be_used_of_its_bundle() {
    let folder = folder();
    let file = folder.path().join("bundle.json");
    let text = table("example.org", &file);
    let told = |expected: &str| {
        let (code, told) = check(folder.path(), &text);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains(expected), "expected {expected}: {told}");
        told
    };
    put(&file, &own_bundle());
    let said = told(
        "domain     spiffe://example.org for https://log.example.com, 2 rules, 2 usable keys and 1 CAs in ",
    );
    assert!(
        !said.contains("warning") && said.contains("by 2 rules whoever has an SVID of 1 trust domain"),
        "{said}"
    );
    put(&file, &bundle(&[vouches(&own_root())]));
    told("0 usable keys and 1 CAs in ");
    let private = bundle(&[signs("k", &P256).replacen('{', r#"{"d":"AAAA","#, 1)]);
    put(&file, &private);
    told("warning    spiffe://example.org: JWKS: key 0: d: expected a public key");
    fs::remove_file(&file).unwrap();
    told("until that is right its workloads are answered 503 issuer.keys");
}

#[test]
fn a_listener_that_asks_for_svids_is_told_and_warned_of_where_nobody_is_let_in_by_them() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let identity = Authority::new("CA of the log").server(&["localhost"]);
    put(&path("server.pem"), &identity.certificate);
    put(&path("server.key"), &identity.key);
    put(&path("bundle.json"), &own_bundle());
    let own = format!(
        "listen = \"127.0.0.1:1\"\ntls_certificate = {:?}\ntls_key = {:?}\ntls_client_svids = true\n",
        path("server.pem"),
        path("server.key")
    );
    let (code, told) = check(folder.path(), &own);
    assert!(code == Some(0) && told.contains("TLS that asks for X.509-SVIDs, for localhost"), "{told}");
    assert!(told.contains("warning    tls_client_svids is set, and there is no [[trust_domain]]"), "{told}");
    let (code, told) = check(folder.path(), &(own + &table("example.org", &path("bundle.json"))));
    assert!(code == Some(0) && !told.contains("warning"), "{told}");
}

#[test]
fn svids_are_asked_for_over_tls_alone_and_not_beside_a_client_ca() {
    let folder = folder();
    let tls = "tls_certificate = \"c\"\ntls_key = \"k\"\n";
    for (text, said) in [
        (
            "listen = \"127.0.0.1:1\"\ntls_client_svids = true\n".to_owned(),
            "f.toml:3:20: tls_client_svids: expected tls_certificate beside it",
        ),
        (
            format!("{tls}tls_client_ca = \"a\"\ntls_client_svids = true\n"),
            "f.toml:5:20: tls_client_svids: expected no tls_client_ca beside it",
        ),
        ("listen = \"unix:/s\"\ntls_client_svids = true\n".into(), "expected no TLS on a Unix socket"),
    ] {
        let (code, told) = check(folder.path(), &text);
        assert!(code == Some(2) && told.contains(said), "{said}: {code:?} {told}");
    }
}
