//! Listeners that demand a certificate of their clients.

use super::site::{Authority, Identity, Site, connect, put, read_all};
use crate::support::{provlog, stderr, stdout};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

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

/// The command line shows what it was given, and says what a log that asked for another one wants.
#[test]
fn the_command_line_shows_its_certificate() {
    let clients = Authority::new("CA of clients");
    let roots = crate::support::folder();
    put(&roots.path().join("clients.pem"), &clients.pem);
    let site = Site::with(&["--tls-client-ca", roots.path().join("clients.pem").to_str().unwrap()]);
    let (right, another) = (clients.client(), site.authority.client());
    for (name, identity) in [("right", &right), ("another", &another)] {
        put(&site.path(&format!("{name}.crt")), &identity.certificate);
        put(&site.path(&format!("{name}.key")), &identity.key);
    }
    fs::write(site.path("app"), "app").unwrap();
    let trust = site.path("data").join("trust.tlog-policy");
    let run = |more: &[&str], code: i32, said: &str| {
        let event = ["append", "--kind", "event", "--type", "https://example.com/x", "--artifact", "app"];
        let log = ["--ca", "ca.pem", "--timeout", "60m", "--trust", trust.to_str().unwrap()];
        let url = if more.contains(&"--url") { vec![] } else { vec!["--url", site.daemon.url.as_str()] };
        let output = provlog(site.folder.path(), &[&event[..], &log, &url, more].concat());
        let told = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{more:?}: {told}");
        assert!(told.contains(said), "expected {said:?} in: {told}");
        assert!(!told.contains(&right.key[40..80]), "nothing of a key: {told}");
    };
    let shown = |name: &str| {
        ["--client-cert".into(), format!("{name}.crt"), "--client-key".into(), format!("{name}.key")]
    };
    let with = |name: &str, code, said: &str| run(&shown(name).each_ref().map(String::as_str), code, said);
    with("right", 0, ".provlog/receipts/");
    let receipts = provlog(
        site.folder.path(),
        &["verify", ".provlog/receipts", "--trust", trust.to_str().unwrap(), "--artifact", "app"],
    );
    assert_eq!(receipts.status.code(), Some(0), "{}", stderr(&receipts));
    // Neither is asked again for an hour.
    run(&[], 7, "asked for a client's certificate, and was shown none: give one");
    with("another", 7, "refuses the client's certificate in another.crt, by the alert UnknownCA");

    // What is wrong here is said before anybody is asked.
    let mixed = ["--client-cert", "right.crt", "--client-key", "another.key"];
    run(&mixed, 2, "another.key: expected the private key of the first certificate in right.crt");
    run(&["--client-cert", "right.crt"], 2, "--client-key");
    run(&["--client-cert", "right.key", "--client-key", "right.key"], 2, "right.key: expected a client's");
    run(&["--client-cert", "right.crt", "--client-key", "right.crt"], 2, "right.crt: expected a private key");
    let clear = ["--client-cert", "right.crt", "--client-key", "right.key", "--url", "http://127.0.0.1:1"];
    run(&clear, 2, "over https:// alone");
    for mode in [0o640, 0o604] {
        fs::set_permissions(site.path("right.key"), fs::Permissions::from_mode(mode)).unwrap();
        with("right", 2, "chmod 600 right.key");
    }
    fs::set_permissions(site.path("right.key"), fs::Permissions::from_mode(0o600)).unwrap();

    // Beside the url, at home.
    fs::create_dir_all(site.path(".provlog")).unwrap();
    let text = format!(
        "url = \"{}\"\nca = \"../ca.pem\"\nclient_cert = \"../right.crt\"\nclient_key = \"../right.key\"\n",
        site.daemon.url
    );
    fs::write(site.path(".provlog/config.toml"), text).unwrap();
    run(&[], 0, ".provlog/receipts/");
}
