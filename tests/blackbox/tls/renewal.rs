//! Certificates that are renewed while the daemon runs, and changes that make nothing that works.

use super::site::{Site, put, until};
use crate::support::until_says;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::io::{Read, Write};

/// The certificate that a handshake shows now.
fn shown(site: &Site) -> Vec<u8> {
    site.connect("localhost").unwrap().conn.peer_certificates().unwrap()[0].to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// How often the log says that something couldn't be read anew.
fn complaints(site: &Site) -> usize {
    fs::read_to_string(site.path("log")).unwrap().matches("could not be read anew").count()
}

#[test]
fn a_renewed_certificate_is_shown_at_once_and_a_bad_one_never() {
    let site = Site::new();
    let (certificate, key) = (site.path("server.pem"), site.path("server.key"));
    let first = shown(&site);
    // Open over all that follows, and used at its end.
    let mut open = site.connect("localhost").unwrap();
    let mut ask = |wanted: &str| {
        open.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        open.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200", "{wanted}");
        // The rest of the answer, which has a known end.
        let mut rest = Vec::new();
        while !rest.ends_with(b"ok\n") && !rest.ends_with(b"ok") && !rest.ends_with(b"}") {
            let mut byte = [0];
            open.read_exact(&mut byte).unwrap();
            rest.extend(byte);
        }
    };
    ask("before");

    // Half of the pair: the old one goes on, and that is said once.
    let second = site.authority.server(&["localhost"]);
    put(&certificate, &second.certificate);
    for _ in 0..3 {
        assert_eq!(shown(&site), first);
    }
    until("the other half is missed", || complaints(&site) == 1);
    let log = fs::read_to_string(site.path("log")).unwrap();
    assert!(log.contains("server.key: expected the private key of the first certificate in"), "{log}");
    put(&key, &second.key);
    assert_eq!(shown(&site), der(&second.certificate));
    until_says(&site.path("log"), "TLS was read anew");
    ask("after a renewal");

    // Half of a file, none, and one that others may read: each is told once, and nothing changes.
    let half = &second.certificate[..second.certificate.len() / 2];
    let bad: [(&str, &dyn Fn()); 4] = [
        ("cut off", &|| put(&certificate, half)),
        ("cannot read", &|| fs::remove_file(&certificate).unwrap()),
        ("expected certificates in PEM (BEGIN CERTIFICATE), got none", &|| put(&certificate, &second.key)),
        ("chmod 600", &|| {
            put(&certificate, &second.certificate);
            fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        }),
    ];
    for (count, (part, change)) in (2..).zip(bad) {
        change();
        for _ in 0..2 {
            assert_eq!(shown(&site), der(&second.certificate), "{part}");
        }
        until_says(&site.path("log"), part);
        assert_eq!(complaints(&site), count, "{part}");
    }
    ask("after bad changes");

    let third = site.authority.server(&["localhost", "third.example"]);
    put(&key, &third.key);
    put(&certificate, &third.certificate);
    assert_eq!(shown(&site), der(&third.certificate));
    until_says(&site.path("log"), "for localhost, third.example until ");
    ask("at the end");
}
