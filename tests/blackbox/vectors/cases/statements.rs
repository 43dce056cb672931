//! Statements that aren't written as they are written (`SPEC.md` section 13.1), and withdrawals.

use super::approvals::{Approval, EXPIRES_MS, NONCE, bad, ends, good, intent, statement};
use super::parts::{bytes, reference};
use super::{Case, map, text};
use provlog_core::cbor::Value;

pub fn of_statements() -> Vec<Case> {
    let mut cases = statements();
    cases.extend(withdrawals());
    cases
}

/// An approval of which nothing is checked.
fn without_checks(name: &'static str, change: impl FnOnce(&mut Approval)) -> Case {
    let case = ends(name, "pass", "pass", change);
    Case { last: vec![("subject", "skip")], ..case }
}

fn statements() -> Vec<Case> {
    // The claim says what the statement does, so that its spelling alone is wrong.
    let purpose = |name, purpose: &str| {
        bad(name, |approval| {
            approval.edit("ship the parser", purpose);
            let mut intent = intent();
            intent.set("purpose", text(purpose));
            approval.claims.set("intent", intent.value());
        })
    };
    let requester = |id: &str| {
        let mut intent = intent();
        intent.set("requester", map(&[("id", text(id))]));
        intent.value()
    };
    let edited = |name, from: &str, to: &str| bad(name, |approval| approval.edit(from, to));
    vec![
        purpose("statement-two-spaces", "ship  the parser"),
        purpose("statement-space-at-end", "ship the parser "),
        purpose("statement-bidi", "ship the \u{202e}parser"),
        purpose("statement-label-in-text", "ship the parser, action: override"),
        purpose("statement-digest-in-text", "ship sha256:00"),
        purpose("statement-three-combining", "ship the parse\u{301}\u{301}\u{301}r"),
        bad("statement-subjects-unsorted", |approval| {
            let lines: Vec<&str> = approval.statement.split_inclusive('\n').collect();
            let (first, second) = (lines[4].to_owned(), lines[5].to_owned());
            approval.edit(&format!("{first}{second}"), &format!("{second}{first}"));
        }),
        edited("statement-scope-unsorted", "docs,src", "src,docs"),
        edited("statement-percent-needless", "example/app", "example%2Fapp"),
        bad("statement-percent-lowercase", |approval| {
            approval.edit("requester: carol", "requester: carol%c3%a9");
            approval.claims.set("intent", requester("carol\u{e9}"));
        }),
        good("statement-percent", |approval| {
            approval.edit("requester: carol", "requester: carol%C3%A9");
            approval.claims.set("intent", requester("carol\u{e9}"));
        }),
        good("statement-dash-token", |approval| {
            approval.edit("requester: carol", "requester: %2D");
            approval.claims.set("intent", requester("-"));
        }),
        bad("statement-dash-within-token", |approval| {
            approval.edit("requester: carol", "requester: carol%2D1");
            approval.claims.set("intent", requester("carol-1"));
        }),
        bad("statement-dash-is-none", |approval| {
            approval.edit("requester: carol", "requester: -");
            approval.claims.set("intent", requester("-"));
        }),
        edited("statement-no-final-newline", "00Z\n", "00Z"),
        edited("statement-line-more", "00Z\n", "00Z\n\n"),
        edited("statement-unknown-line", "nonce: ", "note: x\nnonce: "),
        edited("statement-reason-in-promote", "policy: ", "reason: none\npolicy: "),
        // A later version's is not known to this one, and words of one's own are asserted.
        ends("statement-version-2", "skip", "skip", |approval| approval.edit("approval/v1", "approval/v2")),
        ends("statement-crlf", "skip", "skip", |approval| {
            approval.statement = approval.statement.replace('\n', "\r\n");
        }),
        without_checks("statement-in-words", |approval| approval.statement = "LGTM".into()),
        without_checks("statement-of-another-kind", |approval| {
            approval.edit("provlog-approval/", "approval/")
        }),
        without_checks("statement-in-event", |approval| approval.kind = 22),
        edited("statement-action-reserved", "action: promote", "action: change-roster"),
        edited("statement-expires-no-time", "2026-01-01T00:01:00Z", "2025-12-31T24:01:00Z"),
        bad("statement-nonce-zero", |approval| {
            approval.edit(NONCE, &"0".repeat(32));
            approval.approval.set("nonce", text(&"0".repeat(32)));
        }),
        bad("statement-scope-without-intent", |approval| {
            approval.edit("intent: JIRA-1 ship the parser\n", "");
            approval.edit("requester: carol", "requester: -");
            approval.claims.set("intent", map(&[("absent", text("withheld"))]));
        }),
        bad("statement-commit-without-tree", |approval| {
            approval.edit(&format!(",gitTree:{}", "22".repeat(20)), "");
            let commit = map(&[("digest", map(&[("gitCommit", bytes(&[0x11; 20]))]))]);
            let app = approval.claims.0[0].1.items()[1].clone();
            approval.claims.set("subject", Value::Array(vec![commit, app]));
        }),
    ]
}

fn withdrawals() -> Vec<Case> {
    let bad = |name, change: fn(&mut Approval)| {
        bad(name, |approval| {
            approval.withdraw();
            change(approval);
        })
    };
    vec![
        good("withdrawal-good", Approval::withdraw),
        ends("withdrawal-no-roster", "pass", "skip", |approval| {
            approval.withdraw();
            approval.roster = None;
        }),
        bad("withdrawal-reason", |approval| {
            approval.claims.set("withdrawal_reason", text("the build was broken"));
        }),
        bad("withdrawal-of-another-statement", |approval| {
            approval.claims.set("withdraws", map(&[("statement", bytes(&[1; 32]))]));
        }),
        bad("withdrawal-environment", |approval| approval.claims.set("environment", text("staging"))),
        bad("withdrawal-of-an-entry", |approval| approval.claims.set("withdraws", reference(3).value())),
        bad("withdrawal-without-reason", |approval| approval.claims.remove("withdrawal_reason")),
        bad("withdrawal-expired", |approval| approval.time_ms = EXPIRES_MS + 1),
        ends("withdrawal-reason-hidden", "skip", "skip", |approval| {
            approval.withdraw();
            approval.hidden = Some("withdrawal_reason");
        }),
        bad("withdrawal-promotes", |approval| approval.statement = statement()),
        bad("withdrawal-subject-uri", |approval| approval.edit(" -\n", " pkg:generic/app\n")),
    ]
}
