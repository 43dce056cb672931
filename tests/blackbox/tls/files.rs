//! Files that a start doesn't take: each is named, with what was expected, what was got, and what to type.

use super::site::{Authority, arguments, put};
use crate::support::{Daemon, folder, stderr};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

/// Usage or configuration.
const USAGE: i32 = 2;

fn command(folder: &Path) -> Command {
    let tls = arguments(folder);
    Daemon::command(&folder.join("data"), &tls.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_start_names_the_file_that_is_wrong_and_makes_no_log() {
    let (folder, authority) = (folder(), Authority::new("CA of a test"));
    let path = |name: &str| folder.path().join(name);
    let good = authority.server(&["localhost"]);
    let other = authority.server(&["localhost"]);
    let ended = authority.sign(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth, |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    });
    let encrypted = good.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cut = &good.certificate[..100];
    let many = [good.key.as_str(), &other.key].concat();
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let cases = [
        ("", &*good.key, "server.pem: expected certificates in PEM (BEGIN CERTIFICATE), got none"),
        (
            cut,
            &good.key,
            "server.pem: expected certificates in PEM (BEGIN CERTIFICATE), got text that is not PEM, or is cut off",
        ),
        (&good.key, &good.key, "server.pem: expected certificates in PEM"),
        (broken, &good.key, "server.pem: expected the server's certificate first"),
        (
            &ended.certificate,
            &ended.key,
            "server.pem: expected a certificate that holds, got one that ended at 2020-02-01T00:00:00.000Z",
        ),
        (
            &good.certificate,
            "",
            "server.key: expected one private key in PEM (BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY), got none",
        ),
        (&good.certificate, &good.certificate, "server.key: expected one private key in PEM"),
        (&good.certificate, &encrypted, "got one under a passphrase"),
        (&good.certificate, &many, "RSA PRIVATE KEY), got several"),
        (&good.certificate, &other.key, "server.key: expected the private key of the first certificate in"),
    ];
    for (certificate, key, expected) in cases {
        put(&path("server.pem"), certificate);
        put(&path("server.key"), key);
        let refused = command(folder.path()).output().unwrap();
        let told = stderr(&refused);
        assert_eq!(refused.status.code(), Some(USAGE), "{expected}: {told}");
        let checked = command(folder.path()).args(["config", "check"]).output().unwrap();
        assert_eq!(checked.status.code(), Some(USAGE), "{expected}");
        assert!(stderr(&checked).contains(expected), "{}", stderr(&checked));
        assert!(told.contains(expected), "expected {expected:?} in: {told}");
        assert!(!told.contains(&good.key[40..80]), "nothing of a key: {told}");
        assert!(!path("data").exists(), "{expected}");
    }

    put(&path("server.pem"), &good.certificate);
    put(&path("server.key"), &good.key);
    let refusal = || {
        let refused = command(folder.path()).output().unwrap();
        assert_eq!(refused.status.code(), Some(USAGE));
        stderr(&refused)
    };
    let mode = |mode| fs::set_permissions(path("server.key"), fs::Permissions::from_mode(mode)).unwrap();
    for bad in [0o644, 0o640, 0o602] {
        mode(bad);
        let told = refusal();
        let expected = format!("are {bad:o}; expected none for others than its owner");
        assert!(told.contains(&expected) && told.contains("chmod 600 "), "{told}");
    }
    // systemd has its own ways of keeping others from what it hands over.
    let mut guarded = command(folder.path());
    guarded.env("CREDENTIALS_DIRECTORY", folder.path());
    assert_eq!(Daemon::spawn(guarded).terminate(), Some(0));
    let mut elsewhere = command(folder.path());
    elsewhere.env("CREDENTIALS_DIRECTORY", path("data"));
    assert_eq!(elsewhere.output().unwrap().status.code(), Some(USAGE));
    mode(0o600);
    if fs::metadata(path("server.key")).is_ok_and(|key| std::os::unix::fs::MetadataExt::uid(&key) == 0) {
        chown(path("server.key"), Some(12_345), None).unwrap();
        assert!(refusal().contains("it belongs to user 12345"), "{}", refusal());
        chown(path("server.key"), Some(0), None).unwrap();
    }
    // The CAs of clients are public, and not everybody's to replace.
    let clients = path("clients.pem");
    put(&clients, &authority.pem);
    let demanding = || {
        let mut command = command(folder.path());
        command.arg("--tls-client-ca").arg(&clients);
        command
    };
    let refused_clients = || {
        let refused = demanding().output().unwrap();
        assert_eq!(refused.status.code(), Some(USAGE));
        stderr(&refused)
    };
    for bad in [0o664, 0o646, 0o620] {
        fs::set_permissions(&clients, fs::Permissions::from_mode(bad)).unwrap();
        let told = refused_clients();
        let expected = format!("clients.pem: its permissions are {bad:o}; expected none to write for others");
        assert!(told.contains(&expected) && told.contains("chmod go-w "), "{told}");
    }
    let mut guarded = demanding();
    guarded.env("CREDENTIALS_DIRECTORY", folder.path());
    assert_eq!(Daemon::spawn(guarded).terminate(), Some(0));
    fs::set_permissions(&clients, fs::Permissions::from_mode(0o644)).unwrap();
    if fs::metadata(&clients).is_ok_and(|file| std::os::unix::fs::MetadataExt::uid(&file) == 0) {
        chown(&clients, Some(12_345), None).unwrap();
        let told = refused_clients();
        assert!(told.contains("clients.pem: it belongs to user 12345"), "{told}");
        chown(&clients, Some(0), None).unwrap();
    }
    assert_eq!(Daemon::spawn(demanding()).terminate(), Some(0));
    fs::remove_file(path("server.pem")).unwrap();
    assert!(refusal().contains("cannot read") && refusal().contains("server.pem"));
    fs::create_dir(path("server.pem")).unwrap();
    assert!(refusal().contains("server.pem: expected a regular file"));
}

#[test]
fn a_certificate_that_does_not_hold_yet_is_served_with_a_warning() {
    let (folder, authority) = (folder(), Authority::new("CA of a test"));
    let early = authority.sign(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth, |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    put(&folder.path().join("server.pem"), &early.certificate);
    put(&folder.path().join("server.key"), &early.key);
    let mut command = command(folder.path());
    let log = folder.path().join("log");
    command.stderr(fs::File::create(&log).unwrap());
    assert_eq!(Daemon::spawn(command).terminate(), Some(0));
    let told = fs::read_to_string(log).unwrap();
    assert!(told.contains("does not hold yet") && told.contains("2090-01-01T00:00:00.000Z"), "{told}");
}
