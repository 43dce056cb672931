//! Packages whose entries have evidence of their own (`SPEC.md` section 12.7), each with one defect.

use super::super::forge::{Files, record};
use super::super::log::event;
use super::super::story::{APPROVERS, Story};
use super::Case;
use super::members::{begun, bound};
use crate::vectors::cases::approvals::{ALICE, Approval, BOB, EXPIRES_MS, roster};
use crate::vectors::cases::counted::{Promotion, alice, device};
use crate::vectors::cases::parts::{Members, bytes};
use crate::vectors::cases::tokens::{Bound, OTHER_KEY, other_signature};
use crate::vectors::forge::{TIME_MS, log_signer};
use crate::vectors::reader::Reader;
use provlog_core::cbor::Value;

type Ends<'a> = &'a [(&'static str, &'static str)];

pub fn cases() -> Vec<Case> {
    let mut cases = workloads();
    cases.extend(required());
    cases.extend(asserted());
    cases.extend(counted());
    cases
}

/// Ends of the three checks that an entry with a token has.
fn token(name: &str, files: Files, reader: Reader, ends: [&'static str; 3]) -> Case {
    let names = ["workload-form", "workload-bound", "members"];
    let checks: Vec<_> = names.into_iter().zip(ends).collect();
    Case::evidence(name, files, reader, &checks)
}

fn given() -> Reader {
    Bound::good().reader
}

fn workloads() -> Vec<Case> {
    let story = |changes: &[fn(&mut Bound)]| {
        let (mut story, member) = begun();
        for change in changes {
            let mut bound = Bound::good();
            bound.evidence.set("key", member.value());
            change(&mut bound);
            story.push_of(&bound.forge());
        }
        story.files()
    };
    let good: fn(&mut Bound) = |_| {};
    let other: fn(&mut Bound) = |bound| {
        bound.key = &OTHER_KEY;
        let member = begun().0.member(super::members::JWKS, 1, "m02");
        bound.evidence.set("key", member.value());
    };
    let forged: fn(&mut Bound) = |bound| bound.respell = other_signature;
    let hidden: fn(&mut Bound) = |bound| bound.hidden = Some("workload_evidence");
    vec![
        token("bound", story(&[good]), given(), ["pass"; 3]),
        token("bound-keys-not-given", story(&[good]), Reader::default(), ["pass", "skip", "pass"]),
        token("bound-one-not-given", story(&[other, good]), given(), ["pass"; 3]),
        token("bound-one-forged", story(&[good, forged, good]), given(), ["pass", "fail", "pass"]),
        token("bound-one-hidden", story(&[hidden, good]), given(), ["pass"; 3]),
        token("bound-hidden", story(&[hidden]), given(), ["skip"; 3]),
        token(
            "bound-of-other-claims",
            story(&[good, |bound| bound.workload.set("id", "x".into())]),
            given(),
            ["fail", "fail", "pass"],
        ),
        Case::evidence(
            "bound-without-evidence",
            story(&[|bound| bound.missing = Some("workload_evidence")]),
            given(),
            &[("workload-form", "fail"), ("workload-bound", "fail")],
        ),
    ]
}

fn required() -> Vec<Case> {
    let require = |reader: Reader| Reader { require_bound: true, ..reader };
    let with = |more: &dyn Fn(&mut Story) -> u64| {
        let (mut story, member) = begun();
        bound(&mut story, &member);
        more(&mut story);
        story
    };
    let good = with(&|_| 0);
    let plain = with(&|story| story.push(event(0, &[])));
    let unknown = with(&|story| story.push(record(20, TIME_MS, &[("x-a", "b".into())], &[])));
    let refused = good.cut();
    let other = log_signer("example.com/other").verifier().to_string();
    let unread = Case::new("evidence-required-of-unread-records", good.files(), &["origin", "log-signature"]);
    let failing = |name: &str, files: Files, refused: &[&str]| {
        let case = Case::new(format!("evidence-{name}"), files, refused);
        Case { reader: require(given()), last: vec![("workload-bound", "fail")], ..case }
    };
    vec![
        token("required", good.files(), require(given()), ["pass"; 3]),
        token("required-keys-not-given", good.files(), require(Reader::default()), ["pass", "fail", "pass"]),
        token("required-of-one-without", plain.files(), require(given()), ["pass", "fail", "pass"]),
        token("required-of-unknown-kind", unknown.files(), require(given()), ["pass", "fail", "pass"]),
        Case::evidence(
            "required-of-none",
            begun().0.files(),
            require(given()),
            &[("workload-bound", "skip")],
        ),
        Case {
            reader: require(given()),
            last: vec![("workload-bound", "fail")],
            refused: ["origin", "log-signature", "workload-bound"].map(String::from).into(),
            ..unread.trusting(format!("log {other}\nquorum none\n"))
        },
        failing("required-of-refused-records", refused, &["file:records.cbor", "records", "workload-bound"]),
    ]
}

/// Approvals and withdrawals that the log says nothing of.
fn asserted() -> Vec<Case> {
    let case = |name: &str, ends: [&'static str; 2], change: fn(&mut Approval)| {
        let (mut story, mut approval) = (Story::new(), Approval::good());
        change(&mut approval);
        let reader = Reader { roster: approval.roster.clone(), ..Reader::default() };
        story.push_of(&approval.forge());
        let checks: Vec<_> = ["approval-form", "approval-signed"].into_iter().zip(ends).collect();
        (story.files(), reader, checks, format!("approval{name}"))
    };
    let made = |(files, reader, checks, name): (Files, Reader, Vec<_>, String)| {
        Case::evidence(&name, files, reader, &checks)
    };
    let attested = |approval: &mut Approval| {
        let promotion = Promotion::approved(&[(ALICE, "alice", alice())]);
        let check = promotion.checks[0].value();
        approval.attested.set("approval_checks", Value::Array(vec![check]));
    };
    let with_members = |mut case: Case, end| {
        case.last.push(("members", end));
        case.refused.extend((end == "fail").then(|| "members".to_owned()));
        case
    };
    vec![
        made(case("", ["pass", "pass"], |_| {})),
        made(case("-no-roster", ["pass", "skip"], |approval| approval.roster = None)),
        made(case("-subject-hidden", ["skip", "skip"], |approval| approval.hidden = Some("subject"))),
        made(case("-expired", ["warn", "warn"], |approval| approval.time_ms = EXPIRES_MS + 1)),
        made(case("-of-another-person", ["pass", "warn"], |approval| {
            let bob = crate::vectors::cases::ssh::Signer::new("bob").line();
            approval.roster = Some(format!("{BOB} {bob}\n"));
        })),
        made(case("-withdrawal", ["pass", "pass"], Approval::withdraw)),
        with_members(
            made({
                let (mut story, mut approval) = (Story::new(), Approval::good());
                attested(&mut approval);
                approval.time_ms = EXPIRES_MS + 1;
                story.push_of(&approval.forge());
                let reader = Reader { roster: Some(roster()), ..Reader::default() };
                let checks = vec![("approval-form", "fail"), ("approval-signed", "fail")];
                (story.without(&[0]), reader, checks, "approval-attested-expired".into())
            }),
            "skip",
        ),
    ]
}

/// A promotion that counts an approval which is an entry of its own, and what is wrong with either.
struct Counted {
    approval: Approval,
    promotion: Promotion,
    /// Changes what the promotion refers to.
    refer: fn(&mut Members),
    roster: Option<String>,
}

impl Counted {
    fn good() -> Self {
        Self {
            approval: Approval::good(),
            promotion: Promotion::approved(&[(ALICE, "alice", alice())]),
            refer: |_| {},
            roster: Some(roster()),
        }
    }

    /// Genesis, the log's roster, the approval, the promotion.
    fn story(mut self) -> (Story, Reader) {
        let mut story = Story::new();
        let line = |names: &str, key: String| format!("{names} {key}");
        let lines = [line("alice", alice().line()), line("alice", device().line())];
        story.change(APPROVERS, &[&lines[0], &lines[1]], &[]);
        let approval = story.push_of(&self.approval.forge());
        for (check, claim) in self.promotion.checks.iter_mut().zip(["m01", "m02"]) {
            check.set("roster", story.member(APPROVERS, 1, claim).value());
        }
        let mut reference = story.reference(approval);
        (self.refer)(&mut reference);
        self.promotion.approvals[0] = reference;
        story.push_of(&self.promotion.forge());
        (story, Reader { roster: self.roster, ..Reader::default() })
    }
}

fn counted() -> Vec<Case> {
    let case = |name: &str, ends: Ends<'_>, change: &dyn Fn(&mut Counted)| {
        let mut counted = Counted::good();
        change(&mut counted);
        let (story, reader) = counted.story();
        let files = story.files();
        Case::evidence(&format!("counted{name}"), files, reader, ends)
    };
    let all = |form, signed, approval| {
        [("approval-form", form), ("approval-signed", signed), ("approval", approval), ("members", "pass")]
    };
    let referring = |name: &str, refer: fn(&mut Members)| {
        let case = case(name, &all("pass", "pass", "skip"), &|counted| counted.refer = refer);
        Case { refused: vec!["references".into()], ..case }
    };
    let (story, reader) = Counted::good().story();
    let approval_hidden = Case::evidence(
        "counted-approval-hidden",
        story.hiding(2, "approval"),
        reader.clone(),
        &[("approval", "skip"), ("members", "pass")],
    );
    vec![
        case("", &all("pass", "pass", "pass"), &|_| {}),
        case("-no-roster", &all("pass", "skip", "skip"), &|counted| counted.roster = None),
        case("-into-this-log-by-name", &all("pass", "pass", "pass"), &|counted| {
            counted.refer = |reference| reference.set("origin", "example.com/vectors".into());
        }),
        case("-into-another-log", &all("pass", "pass", "skip"), &|counted| {
            counted.refer = |reference| reference.set("origin", "example.com/another".into());
        }),
        referring("-other-leaf-hash", |reference| reference.set("leaf_hash", bytes(&[1; 32]))),
        referring("-later", |reference| reference.set("index", Value::Integer(4))),
        Case::evidence("counted-not-given", story.without(&[2]), reader.clone(), &all("", "", "skip")[2..]),
        approval_hidden,
        Case::evidence(
            "counted-subject-hidden",
            story.hiding(2, "subject"),
            reader.clone(),
            &all("skip", "skip", "skip"),
        ),
        Case::evidence(
            "counted-subject-hidden-in-the-promotion",
            story.hiding(3, "subject"),
            reader,
            &all("pass", "pass", "skip"),
        ),
        case("-form-fails", &all("warn", "warn", "fail"), &|counted| {
            counted.approval.signed = Some("another text".into());
        }),
        case("-form-fails-no-roster", &all("warn", "warn", "skip"), &|counted| {
            counted.approval.signed = Some("another text".into());
            counted.roster = None;
        }),
        case("-version-2", &all("skip", "skip", "skip"), &|counted| {
            counted.approval.edit("approval/v1", "approval/v2");
        }),
        case("-in-words-of-its-own", &all("", "", "fail")[2..], &|counted| {
            counted.approval.statement = "I approve".into();
        }),
        case("-of-another-subject", &all("pass", "pass", "fail"), &|counted| {
            let subject = super::super::forge::map(&[("digest", super::super::forge::sha256("other.tar"))]);
            counted.promotion.claims.set("subject", Value::Array(vec![subject]));
        }),
        case("-for-another-environment", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.claims.set("environment", "staging".into());
        }),
        case("-other-statement", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.checks[0].set("statement", bytes(&[1; 32]));
        }),
        case("-presence-of-plain-key", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.checks[0].set("presence", Value::Bool(true));
        }),
        case(
            "-by-a-device",
            &[
                ("approval-form", "pass"),
                ("approval-signed", "pass"),
                ("approval", "pass"),
                ("members", "fail"),
            ],
            &|counted| {
                // Its line is the second one of the log's roster, and the first is named.
                counted.approval.signer = device();
                let promotion = Promotion::approved(&[(ALICE, "alice", device())]);
                counted.promotion = promotion;
            },
        ),
        case("-one-person-under-two-names", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion = Promotion::approved(&[(ALICE, "alice", alice()), (ALICE, "alice", device())]);
            counted.promotion.checks[0].set("signer", "dave".into());
        })
        .also("members"),
        case("-expired-at-the-promotion", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.time_ms = EXPIRES_MS + 1;
        }),
        case("-line-no-longer-valid", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.time_ms = TIME_MS + 1000;
            counted.roster = Some(format!("{ALICE} valid-before=\"20260101Z\" {}\n", alice().line()));
        }),
        case("-list-misfit", &all("pass", "pass", "fail"), &|counted| {
            counted.promotion.checks[0].remove("signer");
        })
        .also("members"),
    ]
}

impl Case {
    /// The last check fails, too: what is wrong is seen from both sides.
    fn also(mut self, name: &'static str) -> Self {
        *self.last.last_mut().unwrap() = (name, "fail");
        self.refused.push(name.into());
        self
    }
}
