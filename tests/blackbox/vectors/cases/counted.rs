//! Signed approvals that a promotion counts (`approval_checks`, `SPEC.md` sections 12.7 and 13.2), each with one defect.

use super::approvals::{ALICE, BOB, EXPIRES_MS, NAMESPACE, approval_of, claims, roster, section, statement};
use super::parts::{Members, bytes, member, reference};
use super::ssh::{self, Signer};
use super::{Case, map, text};
use crate::vectors::forge::{Forge, RawRecord, RawSection, TIME_MS};
use crate::vectors::reader::Reader;
use provlog_core::Hash;
use provlog_core::cbor::Value;

/// A promotion in parts.
pub struct Promotion {
    pub claims: Members,
    pub approvals: Vec<Members>,
    pub checks: Vec<Members>,
    pub time_ms: u64,
    pub hidden: Option<&'static str>,
    roster: Option<String>,
}

impl Promotion {
    /// Approved by these signers, under the names of their persons.
    pub fn approved(by: &[(&str, &str, Signer)]) -> Self {
        let mut promotion = Self {
            claims: claims(),
            approvals: Vec::new(),
            checks: Vec::new(),
            time_ms: TIME_MS,
            hidden: None,
            roster: Some(roster()),
        };
        for (approver, id, signer) in by {
            promotion.approve(&statement(), approver, id, signer);
        }
        promotion
    }

    fn approve(&mut self, statement: &str, approver: &str, id: &str, signer: &Signer) {
        let mut approval = approval_of(approver);
        approval.set("statement", text(statement));
        approval.set("signature", text(&ssh::armor(&signer.sign(NAMESPACE, statement), 70)));
        let at = i64::try_from(self.approvals.len()).unwrap();
        self.approvals.push(approval);
        let mut check = Members::of(&[
            ("at", Value::Integer(at)),
            ("statement", bytes(&Hash::plain(statement.as_bytes()).0)),
            ("signer", text(id)),
            ("fingerprint", text(&signer.fingerprint())),
            ("roster", member().value()),
        ]);
        if signer.application.is_some() {
            check.set("presence", Value::Bool(signer.flags & 1 != 0));
            check.set("verification", Value::Bool(signer.flags & 4 != 0));
        }
        self.checks.push(check);
    }

    fn again(&mut self, statement: &str) {
        (self.approvals, self.checks) = (Vec::new(), Vec::new());
        self.approve(statement, ALICE, "alice", &alice());
    }

    fn case(self, name: &'static str, ends: &[&'static str]) -> Case {
        let reader = Reader { roster: self.roster.clone(), ..Reader::default() };
        let names = ["approval:0", "approval:1", "approval:2"];
        let checks: Vec<_> = names.into_iter().zip(ends.iter().copied()).collect();
        Case::evidence(name, &self.forge(), reader, &checks)
    }

    pub fn forge(mut self) -> Forge {
        let values = |of: &[Members]| Value::Array(of.iter().map(Members::value).collect());
        self.claims.set("approvals", values(&self.approvals));
        let mut submitted = section(&self.claims);
        if let Some(hidden) = self.hidden {
            let claim = submitted.claim(hidden);
            *claim = claim.hidden();
        }
        let attested = RawSection::default().with("approval_checks", &values(&self.checks));
        RawRecord { kind: 4, submitted, attested }.forge_at(self.time_ms)
    }
}

pub fn alice() -> Signer {
    Signer::new("alice")
}

pub fn device() -> Signer {
    Signer::on_device("alice's device")
}

/// Approved by one person.
fn one(name: &'static str, ends: &'static str, change: impl FnOnce(&mut Promotion)) -> Case {
    let mut promotion = Promotion::approved(&[(ALICE, "alice", alice())]);
    change(&mut promotion);
    promotion.case(name, &[ends])
}

/// Approved by two persons.
fn two(name: &'static str, ends: [&'static str; 2], change: impl FnOnce(&mut Promotion)) -> Case {
    let mut promotion = Promotion::approved(&[(ALICE, "alice", alice()), (BOB, "bob", Signer::new("bob"))]);
    change(&mut promotion);
    promotion.case(name, &ends)
}

/// Approved on a device.
fn on_device(name: &'static str, ends: &'static str, change: impl FnOnce(&mut Promotion)) -> Case {
    let mut promotion = Promotion::approved(&[(ALICE, "alice", device())]);
    change(&mut promotion);
    promotion.case(name, &[ends])
}

pub fn counted() -> Vec<Case> {
    let mut cases = persons();
    cases.extend(items());
    cases
}

fn persons() -> Vec<Case> {
    let by_two_keys = |name, second, ends: [&'static str; 2]| {
        Promotion::approved(&[(ALICE, "alice", alice()), (ALICE, second, device())]).case(name, &ends)
    };
    vec![
        one("counted-good", "pass", |_| {}),
        two("counted-good-two", ["pass", "pass"], |_| {}),
        on_device("counted-good-device", "pass", |_| {}),
        by_two_keys("counted-one-person-two-keys", "alice", ["pass", "pass"]),
        by_two_keys("counted-one-person-two-signers", "dave", ["fail", "fail"]),
        two("counted-two-signers-by-reference", ["fail", "skip"], |promotion| {
            promotion.approvals[1] = reference(3);
            promotion.checks[1].set("fingerprint", text(&device().fingerprint()));
        }),
        two("counted-two-of-three", ["pass"; 2], |promotion| {
            let key = Signer::new("nobody");
            promotion.approve(&statement(), "nobody", "nobody", &key);
            // Signed by nobody whom the reader knows, and not counted.
            promotion.checks.pop();
        }),
        one("counted-no-roster", "skip", |promotion| promotion.roster = None),
        one("counted-no-roster-and-expired", "skip", |promotion| {
            promotion.roster = None;
            promotion.time_ms = EXPIRES_MS + 1;
        }),
        one("counted-key-not-in-roster", "fail", |promotion| {
            promotion.roster = Some(format!("bob,{BOB} {}\n", Signer::new("bob").line()));
        }),
        one("counted-approver-another-person", "fail", |promotion| {
            promotion.approvals[0].set("approver", map(&[("id", text(BOB))]));
        }),
        one("counted-signer-of-other-name", "pass", |promotion| {
            // What the log's roster calls the person is the log's word.
            promotion.checks[0].set("signer", text("alice-2"));
        }),
        one("counted-approvals-hidden", "skip", |promotion| promotion.hidden = Some("approvals")),
        one("counted-subject-hidden", "skip", |promotion| promotion.hidden = Some("subject")),
        two("counted-subject-hidden-and-twice", ["skip", "skip"], |promotion| {
            promotion.hidden = Some("subject");
            promotion.checks[1] = promotion.checks[0].clone();
        }),
        one("counted-index-alone", "fail", |promotion| {
            // No reference (section 4.3), and no approval that fits its type.
            promotion.approvals[0].set("index", Value::Integer(3));
        }),
        one("counted-reference", "skip", |promotion| promotion.approvals[0] = reference(3)),
        one("counted-reference-and-other-fingerprint", "skip", |promotion| {
            promotion.approvals[0] = reference(3);
            promotion.checks[0].set("fingerprint", text("SHA256:x"));
        }),
    ]
}

fn items() -> Vec<Case> {
    let claim =
        |name, claim: &str, value: Value| one(name, "fail", |promotion| promotion.claims.set(claim, value));
    let again = |name, ends, from: &str, to: &str| {
        one(name, ends, |promotion| promotion.again(&statement().replacen(from, to, 1)))
    };
    let set =
        |name, member, value: Value| one(name, "fail", |promotion| promotion.checks[0].set(member, value));
    vec![
        two("counted-not-ascending", ["fail", "fail"], |promotion| promotion.checks.swap(0, 1)),
        two("counted-twice", ["fail", "fail"], |promotion| promotion.checks[1] = promotion.checks[0].clone()),
        set("counted-not-there", "at", Value::Integer(1)),
        set("counted-other-statement", "statement", bytes(&[1; 32])),
        set("counted-other-fingerprint", "fingerprint", text(&Signer::new("bob").fingerprint())),
        set("counted-presence-of-plain-key", "presence", Value::Bool(true)),
        on_device("counted-device-without-presence", "fail", |promotion| {
            promotion.checks[0].remove("presence");
        }),
        on_device("counted-device-verification", "fail", |promotion| {
            promotion.checks[0].set("verification", Value::Bool(true));
        }),
        two("counted-misfit", ["fail", "fail"], |promotion| promotion.checks[1].remove("signer")),
        set("counted-member-behind-set", "roster", {
            let mut member = member();
            member.set("set", reference(1).value());
            member.value()
        }),
        one("counted-override", "pass", |promotion| {
            let with_reason = statement().replacen("policy: ", "reason: the build is on fire\npolicy: ", 1);
            promotion.again(&with_reason.replacen("action: promote", "action: override", 1));
        }),
        again("counted-version-2", "fail", "approval/v1", "approval/v2"),
        again("counted-withdraws", "fail", "promote\n", "withdraw\n"),
        again("counted-other-log", "fail", "example.com/vectors", "example.com/other"),
        again("counted-two-spaces", "fail", "requester: carol", "requester:  carol"),
        claim("counted-environment", "environment", text("staging")),
        claim("counted-no-intent", "intent", map(&[("absent", text("withheld"))])),
        one("counted-last-ms", "pass", |promotion| promotion.time_ms = EXPIRES_MS),
        one("counted-expired", "fail", |promotion| promotion.time_ms = EXPIRES_MS + 1),
        one("counted-asserted", "fail", |promotion| {
            promotion.approvals[0].remove("statement");
            promotion.approvals[0].remove("signature");
        }),
        one("counted-signature-of-another", "fail", |promotion| {
            let armor = ssh::armor(&alice().sign(NAMESPACE, "another text"), 70);
            promotion.approvals[0].set("signature", text(&armor));
        }),
    ]
}
