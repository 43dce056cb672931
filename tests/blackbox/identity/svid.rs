//! `provlog append --identity x509-svid`, with the files that a workload of SPIFFE has.

use crate::spiffe::made::{ID, WORKLOAD, chain, jwt_svid, leaf};
use crate::spiffe::site::Site;
use crate::support::{alone, program, promotion, provlog, stderr, stdout};
use crate::tls::site::put;
use crate::vectors::keys::Key;
use base64ct::{Base64, Encoding};
use std::fs;
use std::process::{Command, Output};

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn run(site: &Site, token: Option<String>) -> Output {
    let trust = site.path("data/trust.tlog-policy");
    let append = ["append", "--json", "entry.json", "--url", &site.daemon.url, "--ca", "ca.pem", "--trust"];
    let identity = ["--identity", "x509-svid", "--svid", "svid.pem", "--svid-key", "svid.key"];
    let arguments = [&append[..], &[trust.to_str().unwrap()], &identity].concat();
    let mut command = alone(Command::new(program("provlog")), site.folder.path(), &arguments);
    command.envs(token.map(|token| ("PROVLOG_TOKEN", token))).output().unwrap()
}

#[test]
fn its_certificate_authorises_and_its_key_binds() {
    let site = Site::new();
    let Key::P256(pkcs8) = &**WORKLOAD else { panic!("a workload's key here is of P-256") };
    let certificates: String = chain(&leaf()).iter().map(|der| pem("CERTIFICATE", der)).collect();
    put(&site.path("svid.pem"), &certificates);
    put(&site.path("svid.key"), &pem("PRIVATE KEY", pkcs8));
    put(&site.path("ca.pem"), &site.authority.pem);
    fs::write(site.path("entry.json"), promotion("a").to_string()).unwrap();
    let trust = site.path("data/trust.tlog-policy");
    for token in [None, Some(jwt_svid(ID).sign())] {
        let appended = run(&site, token);
        assert!(appended.status.success(), "{}{}", stdout(&appended), stderr(&appended));
        let receipt = stdout(&appended);
        let verify = ["verify", receipt.trim(), "--trust", trust.to_str().unwrap(), "--require-bound"];
        let bundle = ["--bundle", "example.org=bundle.json"];
        let verified = provlog(site.folder.path(), &[&verify[..], &bundle].concat());
        let text = stdout(&verified) + &stderr(&verified);
        assert!(verified.status.success() && text.contains(ID), "{text}");
        assert_eq!(
            provlog(site.folder.path(), &verify).status.code(),
            Some(3),
            "without the bundle nobody vouches"
        );
    }

    // A token decides who is let in, and the certificate isn't shown: it would not help.
    let before = site.size();
    let refused = run(&site, Some("plt_0123abcd_x".into()));
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    let mut shared = Command::new("chmod");
    assert!(shared.arg("644").arg(site.path("svid.key")).status().unwrap().success());
    let refused = run(&site, None);
    assert!(
        refused.status.code() == Some(2) && stderr(&refused).contains("chmod 600"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(site.size(), before);
}
