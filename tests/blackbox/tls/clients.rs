//! Listeners that demand a certificate of their clients.

use super::site::{Authority, Identity, Site, connect, put, read_all};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use std::io::{self, Write};

/// A request that takes a caller, by a client that shows this certificate, or none.
fn ask(site: &Site, client: Option<&Identity>) -> io::Result<Vec<u8>> {
    let mut stream = connect(&site.daemon.address, "localhost", site.authority.trusting(client))?;
    stream.write_all(b"GET /v1/records HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    read_all(&mut stream)
}

fn failures(site: &Site, client: &Identity, reason: &str) -> u64 {
    let mut stream =
        connect(&site.daemon.address, "localhost", site.authority.trusting(Some(client))).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let text = String::from_utf8(read_all(&mut stream).unwrap()).unwrap();
    let line = format!("provlog_tls_handshake_failures_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn whoever_shows_no_certificate_or_another_ca_s_or_one_that_ended_is_refused() {
    let clients = Authority::new("CA of clients");
    let roots = crate::support::folder();
    let path = roots.path().join("clients.pem");
    put(&path, &clients.pem);
    let site = Site::with(&["--tls-client-ca", path.to_str().unwrap()]);
    let right = clients.client();
    assert!(ask(&site, Some(&right)).unwrap().starts_with(b"HTTP/1.1 200 "));

    let ended = clients.sign(&["client.example"], ExtendedKeyUsagePurpose::ClientAuth, |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let server = clients.sign(&["client.example"], ExtendedKeyUsagePurpose::ServerAuth, |_| {});
    let another = site.authority.client();
    let refused = |client: Option<&Identity>| ask(&site, client).unwrap_err().to_string();
    let told = refused(None);
    assert!(told.contains("CertificateRequired"), "{told}");
    assert_eq!(failures(&site, &right, "no-certificate"), 1);
    for (count, (client, alert)) in
        (1..).zip([(&another, "UnknownCA"), (&ended, "CertificateExpired"), (&server, "")])
    {
        let told = refused(Some(client));
        assert!(told.contains("alert") && told.contains(alert), "expected {alert}: {told}");
        assert_eq!(failures(&site, &right, "bad-certificate"), count);
    }

    // Other roots hold from the next handshake on: nobody resumes what was begun under the old ones.
    let before = site.authority.trusting(Some(&right));
    let again = || {
        connect(&site.daemon.address, "localhost", before.clone()).and_then(|mut stream| {
            stream.write_all(b"GET /v1/log HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            read_all(&mut stream)
        })
    };
    assert!(again().unwrap().starts_with(b"HTTP/1.1 200 "));
    put(&path, &site.authority.pem);
    assert!(again().is_err());
    assert!(ask(&site, Some(&another)).unwrap().starts_with(b"HTTP/1.1 200 "));
}
