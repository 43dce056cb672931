//! Signatures made by others: OpenSSH's own test data, found by the variable `PROVLOG_VECTORS`. Without the variable the test
//! says that it was skipped; where `CI` is `true` it may not be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use provlog_evidence::ssh::{SshKey, SshSignature};
use std::fs;
use std::path::PathBuf;

fn vectors() -> Option<PathBuf> {
    let found = std::env::var_os("PROVLOG_VECTORS").map(|folder| PathBuf::from(folder).join("sshsig"));
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "PROVLOG_VECTORS must be set where CI=true");
        eprintln!("SKIPPED: PROVLOG_VECTORS is not set");
    }
    found
}

#[test]
fn the_signatures_of_openssh_s_tests_verify_or_are_refused_by_name() {
    let Some(folder) = vectors() else { return };
    let namespace = fs::read_to_string(folder.join("namespace")).unwrap();
    let message = fs::read(folder.join("signed-data")).unwrap();
    for (name, presence) in
        [("ed25519", false), ("ecdsa", false), ("rsa", false), ("ed25519_sk", true), ("ecdsa_sk", true)]
    {
        let signature = SshSignature::parse(&fs::read(folder.join(format!("{name}.sig"))).unwrap()).unwrap();
        let signed = signature.verify(&namespace, &message).unwrap();
        let public = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
        let mut fields = public.split_whitespace();
        let key = SshKey::parse(fields.next().unwrap(), fields.next().unwrap()).unwrap();
        assert_eq!(signed.key(), &key, "{name}");
        assert_eq!((signed.presence(), signed.verification()), (presence, false), "{name}");
        assert!(signature.verify("another", &message).is_err(), "{name}");
        assert!(signature.verify(&namespace, b"another").is_err(), "{name}");
    }
    for (name, expected) in [
        ("ecdsa_sk_webauthn", "got \"mindrot.org\""),
        ("mldsa44-ed25519", "got \"ssh-mldsa44-ed25519@openssh.com\""),
    ] {
        let refused =
            SshSignature::parse(&fs::read(folder.join(format!("{name}.sig"))).unwrap()).unwrap_err();
        assert!(refused.to_string().contains(expected), "{name}: {refused}");
    }
}
