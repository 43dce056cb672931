//! Approvals and withdrawals that persons signed (`SPEC.md` sections 12.6 and 13), each with one defect.

use super::parts::{Members, bytes};
use super::ssh::{self, Signer};
use super::{Case, map, sha256, text};
use crate::vectors::forge::{Forge, RawRecord, RawSection, TIME_MS};
use crate::vectors::reader::Reader;
use provlog_core::Hash;
use provlog_core::cbor::Value;

pub const NAMESPACE: &str = "approval@provlog";
pub(super) const NONCE: &str = "00112233445566778899aabbccddeeff";
/// A minute behind the entry.
pub const EXPIRES_MS: u64 = TIME_MS + 60_000;
const EXPIRES: &str = "2026-01-01T00:01:00Z";
pub const ALICE: &str = "alice@example.com";
pub const BOB: &str = "bob@example.com";

/// The statement that most vectors are about, of the claims of [`claims`].
pub(super) fn statement() -> String {
    let (commit, tree) = ("11".repeat(20), "22".repeat(20));
    let (app, policy) = (Hash::plain(b"app.tar").to_hex(), Hash::plain(b"policy").to_hex());
    format!(
        "provlog-approval/v1\n\
         action: promote\n\
         log: example.com/vectors\n\
         environment: production\n\
         subject: gitCommit:{commit},gitTree:{tree} -\n\
         subject: sha256:{app} pkg:generic/app%401 app.tar\n\
         intent: JIRA-1 ship the parser\n\
         scope: paths=docs,src\n\
         scope: repo=example/app\n\
         policy: release@7 sha256:{policy}\n\
         requester: carol\n\
         nonce: {NONCE}\n\
         expires: {EXPIRES}\n"
    )
}

/// The claims that [`statement`] equals.
pub fn claims() -> Members {
    let commit = map(&[("gitCommit", bytes(&[0x11; 20])), ("gitTree", bytes(&[0x22; 20]))]);
    let app = [("name", text("app.tar")), ("uri", text("pkg:generic/app@1")), ("digest", sha256("app.tar"))];
    let subjects = [map(&[("digest", commit)]), map(&app)];
    Members::of(&[
        ("subject", Value::Array(subjects.into())),
        ("environment", text("production")),
        ("intent", intent().value()),
        ("policy", policy().value()),
    ])
}

pub(super) fn intent() -> Members {
    let scope = map(&[("paths", texts(&["src", "docs"])), ("repo", texts(&["example/app"]))]);
    Members::of(&[
        ("id", text("JIRA-1")),
        ("purpose", text("ship the parser")),
        ("scope", scope),
        ("requester", map(&[("id", text("carol"))])),
    ])
}

fn policy() -> Members {
    Members::of(&[("name", text("release")), ("version", text("7")), ("digest", sha256("policy"))])
}

fn texts(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|one| text(one)).collect())
}

/// The roster of most readers: two persons, one of them with a device.
pub fn roster() -> String {
    let line =
        |names: &str, key: &str| format!("{names} namespaces=\"{NAMESPACE}\" {}\n", Signer::new(key).line());
    let device = format!("alice namespaces=\"{NAMESPACE}\" {}\n", Signer::on_device("alice's device").line());
    [line("alice,alice@example.com", "alice"), device, line("bob,bob@example.com", "bob")].concat()
}

/// An entry of kind `approval` or `withdrawal`, in parts.
pub struct Approval {
    pub kind: u8,
    pub statement: String,
    /// What is signed, where it isn't the statement.
    pub signed: Option<String>,
    pub namespace: &'static str,
    pub signer: Signer,
    /// Changes the armor.
    pub rearmor: fn(String) -> String,
    pub claims: Members,
    pub approval: Members,
    pub time_ms: u64,
    pub hidden: Option<&'static str>,
    pub roster: Option<String>,
    pub attested: Members,
}

/// What an approval says beside statement and signature.
pub(super) fn approval_of(approver: &str) -> Members {
    let approver = map(&[("id", text(approver)), ("kind", text("human"))]);
    Members::of(&[
        ("approver", approver),
        ("method", text("ssh")),
        ("nonce", text(NONCE)),
        ("expires_at_ms", Value::Integer(i64::try_from(EXPIRES_MS).unwrap())),
    ])
}

impl Approval {
    pub fn good() -> Self {
        Self {
            kind: 3,
            statement: statement(),
            signed: None,
            namespace: NAMESPACE,
            signer: Signer::new("alice"),
            rearmor: |armor| armor,
            claims: claims(),
            approval: approval_of(ALICE),
            time_ms: TIME_MS,
            hidden: None,
            roster: Some(roster()),
            attested: Members::of(&[]),
        }
    }

    /// In the statement, which must have it.
    pub fn edit(&mut self, from: &str, to: &str) {
        let edited = self.statement.replacen(from, to, 1);
        assert_ne!(edited, self.statement, "{from}");
        self.statement = edited;
    }

    fn override_with(&mut self, reason: &str) {
        self.edit("action: promote", "action: override");
        self.edit("policy: ", &format!("reason: {reason}\npolicy: "));
    }

    /// Turns the approval into its own withdrawal.
    pub fn withdraw(&mut self) {
        let withdrawn = Hash::plain(self.statement.as_bytes());
        let subjects = self.statement.lines().filter(|line| line.starts_with("subject: "));
        let subjects: String = subjects.flat_map(|line| [line, "\n"]).collect();
        self.edit(&subjects, &format!("subject: sha256:{} -\n", withdrawn.to_hex()));
        self.override_with("the build was replaced");
        self.edit("action: override", "action: withdraw");
        self.kind = 8;
        self.claims.remove("subject");
        self.claims.set("withdraws", map(&[("statement", bytes(&withdrawn.0))]));
        self.claims.set("withdrawal_reason", text("the build was replaced"));
    }

    fn without_intent(&mut self, claim: Option<Value>) {
        self.edit("intent: JIRA-1 ship the parser\nscope: paths=docs,src\nscope: repo=example/app\n", "");
        self.edit("requester: carol", "requester: -");
        self.claims.remove("intent");
        claim.into_iter().for_each(|claim| self.claims.set("intent", claim));
    }

    fn case(self, name: &'static str, form: &'static str, signed: &'static str) -> Case {
        let reader = Reader { roster: self.roster.clone(), ..Reader::default() };
        let checks = [("approval-form", form), ("approval-signed", signed)];
        Case::evidence(name, &self.forge(), reader, &checks)
    }

    pub fn forge(mut self) -> Forge {
        let message = self.signed.as_ref().unwrap_or(&self.statement);
        let armor = ssh::armor(&self.signer.sign(self.namespace, message), 70);
        self.approval.set("statement", text(&self.statement));
        self.approval.set("signature", text(&(self.rearmor)(armor)));
        self.claims.set("approval", self.approval.value());
        let mut submitted = section(&self.claims);
        if let Some(hidden) = self.hidden {
            let claim = submitted.claim(hidden);
            *claim = claim.hidden();
        }
        let attested = section(&self.attested);
        RawRecord { kind: self.kind, submitted, attested }.forge_at(self.time_ms)
    }
}

pub(super) fn section(claims: &Members) -> RawSection {
    claims.0.iter().fold(RawSection::default(), |section, (name, value)| section.with(name, value))
}

pub(super) fn ends(
    name: &'static str,
    form: &'static str,
    signed: &'static str,
    change: impl FnOnce(&mut Approval),
) -> Case {
    let mut approval = Approval::good();
    change(&mut approval);
    approval.case(name, form, signed)
}

pub(super) fn good(name: &'static str, change: impl FnOnce(&mut Approval)) -> Case {
    ends(name, "pass", "pass", change)
}

pub(super) fn bad(name: &'static str, change: impl FnOnce(&mut Approval)) -> Case {
    ends(name, "fail", "fail", change)
}

/// Signed, but by nobody whom the reader believes.
fn unknown(name: &'static str, change: impl FnOnce(&mut Approval)) -> Case {
    ends(name, "pass", "fail", change)
}

pub fn approvals() -> Vec<Case> {
    let mut cases = signers();
    cases.extend(signatures());
    cases.extend(claimed());
    cases
}

fn signers() -> Vec<Case> {
    let options = |name, form, signed, options: &str, time_ms| {
        ends(name, form, signed, |approval| {
            approval.roster = Some(format!("{ALICE} {options}{}\n", Signer::new("alice").line()));
            approval.time_ms = time_ms;
        })
    };
    let line_of = |name, of: Signer| {
        unknown(name, |approval| {
            approval.roster = Some(format!("{ALICE} {}\n", of.line()));
        })
    };
    vec![
        good("approval-good", |_| {}),
        good("approval-good-key", |approval| {
            approval.approval.set("key", text(&approval.signer.line()));
        }),
        good("approval-good-device", |approval| approval.signer = Signer::on_device("alice's device")),
        good("approval-good-override", |approval| approval.override_with("the build is on fire")),
        good("approval-good-intent-absent", |approval| {
            approval.without_intent(Some(map(&[("absent", text("not_applicable"))])));
        }),
        good("approval-good-no-intent", |approval| approval.without_intent(None)),
        good("approval-good-asserted", |approval| {
            let mut intent = intent();
            intent.set("ticket", text("JIRA-1"));
            intent.set("expires_at_ms", Value::Integer(1));
            intent.set("requester", map(&[("id", text("carol")), ("name", text("Carol"))]));
            approval.claims.set("intent", intent.value());
            approval.approval.set("approved_at_ms", Value::Integer(1));
        }),
        ends("approval-no-roster", "pass", "skip", |approval| approval.roster = None),
        ends("approval-subject-hidden", "skip", "skip", |approval| approval.hidden = Some("subject")),
        ends("approval-hidden-and-expired", "skip", "skip", |approval| {
            approval.hidden = Some("policy");
            approval.time_ms = EXPIRES_MS + 1;
        }),
        good("approval-last-ms", |approval| approval.time_ms = EXPIRES_MS),
        bad("approval-expired", |approval| approval.time_ms = EXPIRES_MS + 1),
        line_of("approval-key-not-in-roster", Signer::new("alice's old key")),
        line_of("approval-key-of-another-type", Signer::on_device("alice")),
        unknown("approval-approver-another-person", |approval| {
            approval.approval.set("approver", map(&[("id", text(BOB))]));
        }),
        good("approval-approver-by-another-line", |approval| {
            let lines = [Signer::new("alice").line(), Signer::on_device("alice's device").line()];
            approval.roster = Some(format!("alice {}\nalice,{ALICE} {}\n", lines[0], lines[1]));
        }),
        unknown("approval-approver-nobody", |approval| {
            approval.approval.set("approver", map(&[("id", text("Alice@example.com"))]));
        }),
        options("approval-line-for-all", "pass", "pass", "", TIME_MS),
        options("approval-line-for-another-namespace", "pass", "fail", "namespaces=\"git\" ", TIME_MS),
        options("approval-line-first-ms", "pass", "pass", "valid-after=\"20260101Z\" ", TIME_MS),
        options("approval-line-before-first-ms", "pass", "fail", "valid-after=\"20260101Z\" ", TIME_MS - 1),
        options("approval-line-last-ms", "pass", "pass", "valid-before=\"20260101Z\" ", TIME_MS + 999),
        options(
            "approval-line-behind-last-ms",
            "pass",
            "fail",
            "valid-before=\"20260101Z\" ",
            TIME_MS + 1000,
        ),
    ]
}

fn signatures() -> Vec<Case> {
    let rearmored = |name, rearmor: fn(String) -> String| bad(name, |approval| approval.rearmor = rearmor);
    vec![
        bad("approval-signed-for-git", |approval| approval.namespace = "git"),
        bad("approval-signed-another-message", |approval| {
            approval.signed = Some(approval.statement.replacen("ship", "skip", 1));
        }),
        bad("approval-signed-with-sha1", |approval| approval.signer.hash = "sha1"),
        good("approval-signed-with-sha256", |approval| approval.signer.hash = "sha256"),
        bad("approval-signed-reserved", |approval| approval.signer.reserved = "x"),
        bad("approval-signed-device-flags", |approval| {
            approval.signer = Signer::on_device("alice's device");
            approval.signer.flags = 0x41;
        }),
        bad("approval-signed-device-application", |approval| {
            approval.signer = Signer::on_device("alice's device");
            approval.signer.application = Some("https:");
        }),
        rearmored("approval-armor-76-columns", |armor| ssh::armor(&ssh::blob(&armor), 76)),
        rearmored("approval-armor-no-newline", |armor| armor.trim_end().into()),
        rearmored("approval-armor-crlf", |armor| armor.replace('\n', "\r\n")),
        bad("approval-key-of-another", |approval| {
            approval.approval.set("key", text(&Signer::new("bob").line()));
        }),
        bad("approval-without-signature-nonce", |approval| approval.approval.remove("nonce")),
    ]
}

fn claimed() -> Vec<Case> {
    let claim = |name, claim, value: Value| bad(name, |approval| approval.claims.set(claim, value));
    let of_intent = |name, change: fn(&mut Members)| {
        let mut intent = intent();
        change(&mut intent);
        claim(name, "intent", intent.value())
    };
    let of_policy = |name, member, value: Value| {
        let mut policy = policy();
        policy.set(member, value);
        claim(name, "policy", policy.value())
    };
    let subjects = |change: fn(&mut Vec<Value>)| {
        let claims = claims();
        let mut subjects = claims.0[0].1.items().to_vec();
        change(&mut subjects);
        Value::Array(subjects)
    };
    let named = |name: &str| {
        map(&[("name", text(name)), ("uri", text("pkg:generic/app@1")), ("digest", sha256("app.tar"))])
    };
    let other_name = [subjects(|_| {}).items()[0].clone(), named("other.tar")];
    vec![
        bad("approval-of-another-log", |approval| approval.edit("example.com/vectors", "example.com/other")),
        claim("approval-subject-name", "subject", Value::Array(other_name.into())),
        claim("approval-subject-less", "subject", subjects(|subjects| drop(subjects.pop()))),
        claim("approval-subject-twice", "subject", subjects(|subjects| subjects.push(subjects[0].clone()))),
        claim("approval-environment", "environment", text("staging")),
        bad("approval-no-environment", |approval| approval.claims.remove("environment")),
        of_intent("approval-intent-id", |intent| intent.set("id", text("JIRA-2"))),
        of_intent("approval-intent-purpose", |intent| intent.set("purpose", text("ship the parsers"))),
        of_intent("approval-intent-scope-value", |intent| {
            intent.set("scope", map(&[("paths", texts(&["src", "doc"])), ("repo", texts(&["example/app"]))]));
        }),
        of_intent("approval-intent-scope-duplicate", |intent| {
            let paths = texts(&["src", "docs", "src"]);
            intent.set("scope", map(&[("paths", paths), ("repo", texts(&["example/app"]))]));
        }),
        of_intent("approval-intent-requester", |intent| {
            intent.set("requester", map(&[("id", text("dave"))]))
        }),
        of_intent("approval-intent-no-requester", |intent| intent.remove("requester")),
        claim("approval-intent-absent", "intent", map(&[("absent", text("withheld"))])),
        of_policy("approval-policy-version", "version", text("8")),
        of_policy("approval-policy-sha256", "digest", sha256("another policy")),
        of_policy(
            "approval-policy-digest-more",
            "digest",
            map(&[("sha256", bytes(&Hash::plain(b"policy").0)), ("sha512", bytes(&[1; 64]))]),
        ),
        of_policy("approval-policy-member-more", "zz", text("x")),
        claim("approval-policy-absent", "policy", map(&[("absent", text("withheld"))])),
        of_intent("approval-intent-member-more", |intent| intent.set("zz", text("x"))),
        bad("approval-nonce", |approval| {
            approval.approval.set("nonce", text("ff112233445566778899aabbccddeeff"));
        }),
        bad("approval-expires", |approval| {
            let later = i64::try_from(EXPIRES_MS + 1).unwrap();
            approval.approval.set("expires_at_ms", Value::Integer(later));
        }),
        bad("approval-withdraws", |approval| {
            let mut withdrawal = Approval::good();
            withdrawal.withdraw();
            approval.statement = withdrawal.statement;
        }),
    ]
}
