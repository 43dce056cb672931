//! `ssh-keygen` and this crate, side by side: what one signs the other verifies, and a roster means the same to both, but for
//! what this crate refuses on purpose. Without the program the tests say that they were skipped; where `CI` is `true` they
//! may not be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use provlog_evidence::roster::Roster;
use provlog_evidence::ssh::{Signed, SshKey, SshSignature};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const NAMESPACE: &str = "approval@provlog";
const MESSAGE: &str = "provlog-approval/v1\naction: promote\n";

/// A folder of its own, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("provlog-ssh-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// None, having said so, where the program is missing.
fn folder() -> Option<Folder> {
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "ssh-keygen must be there where CI=true");
        eprintln!("SKIPPED: ssh-keygen is not installed");
        return None;
    }
    Some(Folder::new())
}

fn run(arguments: &[&str], stdin: Option<&Path>) -> Output {
    let stdin = stdin.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
    Command::new("ssh-keygen").args(arguments).stdin(stdin).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a key, and signs the message with it; what is signed lies in `message`, the signature in `message.sig`.
fn signed(folder: &Folder, key_type: &[&str], options: &[&str]) -> Vec<u8> {
    let (key, message) = (folder.file("key"), folder.file("message"));
    if !key.exists() {
        let made =
            run(&[&["-q", "-N", "", "-C", "a comment", "-f", text(&key), "-t"], key_type].concat(), None);
        assert!(made.status.success(), "{made:?}");
    }
    fs::write(&message, MESSAGE).unwrap();
    let _ = fs::remove_file(folder.file("message.sig"));
    let sign = [&["-Y", "sign", "-n", NAMESPACE, "-f", text(&key)], options, &[text(&message)]].concat();
    let made = run(&sign, None);
    assert!(made.status.success(), "{made:?}");
    fs::read(folder.file("message.sig")).unwrap()
}

fn public_key(folder: &Folder) -> SshKey {
    let public = fs::read_to_string(folder.file("key.pub")).unwrap();
    let mut fields = public.split(' ');
    SshKey::parse(fields.next().unwrap(), fields.next().unwrap()).unwrap()
}

/// Whether `ssh-keygen` finds the signature to be by this principal.
fn theirs(folder: &Folder, roster: &str, principal: &str, namespace: &str, time: &str) -> bool {
    let path = folder.file("allowed_signers");
    fs::write(&path, roster).unwrap();
    let (time, signature) = (format!("-Overify-time={time}"), folder.file("message.sig"));
    let verify =
        ["-Y", "verify", "-f", text(&path), "-I", principal, "-n", namespace, "-s", text(&signature), &time];
    run(&verify, Some(&folder.file("message"))).status.success()
}

fn ours(
    roster: &str,
    signature: &[u8],
    principal: &str,
    namespace: &str,
    time_s: u64,
) -> Result<bool, String> {
    let roster = Roster::parse(roster.as_bytes()).map_err(|error| error.to_string())?;
    let signature = SshSignature::parse(signature).unwrap();
    let signed: Option<Signed> = signature.verify(namespace, MESSAGE.as_bytes()).ok();
    let signer = signed.as_ref().and_then(|signed| roster.signer(signed, &[time_s * 1_000]).ok());
    Ok(signer.is_some_and(|signer| roster.person(principal) == Some(signer.person)))
}

#[test]
fn what_ssh_keygen_signs_verifies_with_every_type_of_key() {
    let Some(_) = folder() else { return };
    for key_type in [&["ed25519"][..], &["ecdsa", "-b", "256"], &["rsa", "-b", "3072"]] {
        let folder = folder().unwrap();
        for hash in ["sha512", "sha256"] {
            let hash = format!("-Ohashalg={hash}");
            let armor = signed(&folder, key_type, &[&hash]);
            let signature = SshSignature::parse(&armor).unwrap();
            let verified = signature.verify(NAMESPACE, MESSAGE.as_bytes()).unwrap();
            assert_eq!(verified.key(), &public_key(&folder));
            assert!(!verified.presence() && !verified.verification());
            assert!(signature.verify(NAMESPACE, b"provlog-approval/v1\naction: override\n").is_err());
            assert!(signature.verify("file", MESSAGE.as_bytes()).is_err());
        }
        let listed = run(&["-l", "-f", text(&folder.file("key.pub"))], None);
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains(&format!(" {} ", public_key(&folder).fingerprint())), "{listed}");
    }
}

#[test]
fn keys_that_are_too_small_are_refused() {
    for key_type in [&["rsa", "-b", "2048"][..], &["ecdsa", "-b", "384"]] {
        let Some(folder) = folder() else { return };
        let refused = SshSignature::parse(&signed(&folder, key_type, &[])).unwrap_err().to_string();
        assert!(refused.contains("got 2048") || refused.contains("got \"ecdsa-sha2-nistp384\""), "{refused}");
    }
}

#[test]
fn no_changed_byte_of_a_signature_verifies() {
    let Some(folder) = folder() else { return };
    let armor = signed(&folder, &["rsa", "-b", "3072"], &[]);
    for at in 0..armor.len() {
        let mut changed = armor.clone();
        changed[at] ^= 1;
        let verified = SshSignature::parse(&changed).and_then(|it| it.verify(NAMESPACE, MESSAGE.as_bytes()));
        assert!(verified.is_err(), "byte {at}");
    }
}

#[test]
fn a_roster_means_the_same_to_ssh_keygen() {
    let Some(folder) = folder() else { return };
    let armor = signed(&folder, &["ed25519"], &[]);
    let (key, other) = (
        public_key(&folder).to_string(),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE",
    );
    // 2026-01-01T12:00:00Z is what is asked about.
    let rosters = [
        format!("alice {key}"),
        format!("alice@example.com,alice,github:12 {key}"),
        format!("bob {key}"),
        format!("Alice {key}"),
        format!("alice {other}"),
        format!("alice {key} a comment # and more"),
        format!("\t alice\t \t{key}"),
        format!("# alice {key}"),
        format!("#alice {key}"),
        format!("\n\n# a comment\nbob {other}\nalice {key}\n"),
        format!("alice {other}\nalice {key}"),
        format!("a#b,alice {key}"),
        format!("al/ice,ALICE,alice {key}"),
        format!("alice namespaces=\"{NAMESPACE}\" {key}"),
        format!("alice namespaces=\"git,{NAMESPACE}\" {key}"),
        format!("alice namespaces=\"git\" {key}"),
        format!("alice namespaces=\"approval\" {key}"),
        format!("alice namespaces=\"approval@provlog.example\" {key}"),
        format!("alice namespaces=\"APPROVAL@PROVLOG\" {key}"),
        format!("alice valid-after=\"20260101Z\" {key}"),
        format!("alice valid-after=\"202601011200Z\" {key}"),
        format!("alice valid-after=\"20260101120000Z\" {key}"),
        format!("alice valid-after=\"20260101120001Z\" {key}"),
        format!("alice valid-before=\"20260101120000Z\" {key}"),
        format!("alice valid-before=\"20260101115959Z\" {key}"),
        format!(
            "alice valid-before=\"20260102Z\",namespaces=\"{NAMESPACE}\",valid-after=\"20260101Z\" {key}"
        ),
        format!("alice valid-before=\"20251231Z\",namespaces=\"{NAMESPACE}\" {key}"),
        format!("alice cert-authority {key}"),
        format!("alice no-touch-required {key}"),
        format!("alice valid-after=\"2026\" {key}"),
        format!("alice valid-after=\"20261301Z\" {key}"),
        format!("alice valid-after=\"19700101Z\" {key}"),
        format!("alice valid-after=20260101Z {key}"),
        format!("alice valid-after=\"20260101Z\",valid-after=\"20250101Z\" {key}"),
        format!("alice valid-after=\"20260101Z\",valid-before=\"20250101Z\" {key}"),
        format!("alice valid-after=\"20260101Z\",valid-before=\"20260101Z\" {key}"),
        format!("alice namespaces=\"{NAMESPACE}\",namespaces=\"{NAMESPACE}\" {key}"),
        format!("alice namespaces=\"{NAMESPACE}\", {key}"),
        format!("alice namespaces=\"{NAMESPACE} {key}"),
        format!("alice namespaces={NAMESPACE} {key}"),
        format!("alice namespaces=\"{NAMESPACE}\\\" {key}"),
        format!("alice namespaces=\"\" {key}"),
        format!("alice ssh-rsa {}", &key[12..]),
        format!("alice {}", &key[12..]),
        format!("alice {}", &key[..60]),
        "alice".into(),
        String::new(),
    ];
    let mut accepted = 0;
    for roster in &rosters {
        for (namespace, principal) in [(NAMESPACE, "alice"), (NAMESPACE, "alic"), ("file", "alice")] {
            let theirs = theirs(&folder, roster, principal, namespace, "20260101120000Z");
            let ours = ours(roster, &armor, principal, namespace, 1_767_268_800);
            assert_eq!(ours.clone().unwrap_or(false), theirs, "{principal}, {namespace}, {roster}: {ours:?}");
            accepted += u32::from(theirs);
        }
    }
    assert!(accepted >= 15, "{accepted}: the table has lines that hold");
}

/// What `ssh-keygen` takes and a roster of ours may not have, each for a reason.
#[test]
fn a_roster_is_stricter_where_it_says_so() {
    let Some(folder) = folder() else { return };
    let armor = signed(&folder, &["ed25519"], &[]);
    let key = public_key(&folder).to_string();
    let rosters = [
        // Lines that are for whoever fits.
        (format!("ali* {key}"), "principals"),
        (format!("alic?,!bob {key}"), "principals"),
        (format!("alice namespaces=\"approval@*\" {key}"), "namespaces"),
        (format!("alice namespaces=\"!git,{NAMESPACE}\" {key}"), "namespaces"),
        // Second spellings of the same.
        (format!("\"alice\" {key}"), "principals"),
        (format!("alice,alice {key}"), "twice"),
        (format!("alice,,bob {key}"), "principals"),
        (format!("alice namespaces=\"{NAMESPACE},{NAMESPACE}\" {key}"), "twice"),
        (format!("alice NAMESPACES=\"{NAMESPACE}\" {key}"), "options"),
        (format!("alice namespaces=\"{NAMESPACE},a b\" {key}"), "namespaces"),
        (format!("alice,al\\ice {key}"), "principals"),
        (format!("alice namespaces=\"{NAMESPACE},a:b\" {key}"), "namespaces"),
        (
            format!(
                "alice,bob {key}\nBob ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE"
            ),
            "in whatever case",
        ),
        (format!("alice {key}\r"), "control characters"),
        (format!("alice {key}\r\n"), "CRLF"),
        // Times that depend on where they are read.
        (format!("alice valid-after=\"20250101\" {key}"), "valid-after"),
        // One person too many.
        (format!("alice {key}\nbob {key}"), "no other line has"),
        (format!("alice {key}\nalice namespaces=\"git\" {key}"), "no other line has"),
        // Lines that `ssh-keygen` passes over as long as another holds.
        (format!("bob no-such-option {key}\nalice {key}"), "options"),
    ];
    for (roster, expected) in rosters {
        assert!(theirs(&folder, &roster, "alice", NAMESPACE, "20260101120000Z"), "{roster}");
        let refused = ours(&roster, &armor, "alice", NAMESPACE, 1_767_268_800).unwrap_err();
        assert!(refused.contains(expected), "{roster}: {refused}");
    }
}
