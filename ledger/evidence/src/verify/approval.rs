//! Whether approvals were signed, by whom, and of exactly this.

use super::made::{Made, NOT_DISCLOSED, Shown, VOUCHED, check_member, shown};
use crate::approval::{Claims, check_approval, check_claims};
use crate::believed::Believed;
use crate::roster::Person;
use crate::ssh::{Signed, SshSignature};
use crate::statement::{Action, NAMESPACE, Statement, VERSION};
use crate::time;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::{Check, Status};
use provlog_core::claims::{check_claim, kind_name};
use provlog_core::record::{Record, SectionName};

/// How statements of any version start. What people wrote in words of their own doesn't.
const MARK: &str = "provlog-approval/";

/// Most approvals that a log checks for one entry.
const CHECKS_MAX: usize = 16;

pub(super) fn checks(believed: &Believed, record: &Record, origin: &str) -> Vec<Check> {
    let kind = kind_name(record.entry.kind);
    let mut checks = Vec::new();
    if matches!(kind, Some("approval" | "withdrawal"))
        && let Shown::Value(Value::Map(approval)) = shown(record, SectionName::Submitted, "approval")
        && text(approval, "statement").starts_with(MARK)
    {
        checks.extend(own(believed, record, approval, origin));
    }
    if kind == Some("promotion")
        && let Shown::Value(Value::Array(items)) = shown(record, SectionName::Attested, "approval_checks")
    {
        let listed = Listed { believed, record, items, origin };
        let made = |number| listed.check(number).unwrap_or_else(|made| made);
        checks.extend((0..items.len()).map(|number| made(number).named(format!("approval:{number}"))));
    }
    checks
}

/// The approval of an entry that is one, or withdraws one.
fn own(believed: &Believed, record: &Record, approval: &Map, origin: &str) -> [Check; 2] {
    let version = text(approval, "statement").split('\n').next().unwrap_or_default();
    let signed = match version {
        VERSION => signed(record, approval, origin),
        _ => Err(Made::skipped(format_args!("{version:?} is not known to this version"))),
    };
    let by = match &signed {
        Ok((_, signed)) => of_person(believed, record, approval, signed).unwrap_or_else(|made| made),
        Err(made) => Made { status: made.status, remark: "approval-form doesn't hold".into() },
    };
    let form = signed.map_or_else(
        |made| made,
        |(_, signed)| Made::passed(format_args!("signed by {}", signed.key().fingerprint())),
    );
    [form.named("approval-form"), by.named("approval-signed")]
}

/// The statement and its signature, where both are of these claims, this log and this time.
fn signed(record: &Record, approval: &Map, origin: &str) -> Result<(Statement, Signed), Made> {
    let claims = claims(record)?;
    if let Some(misfit) = check_claim("approval", &Value::Map(approval.clone())) {
        return Err(Made::failed(misfit));
    }
    let text = |name: &str| text(approval, name);
    let statement = Statement::parse(text("statement").as_bytes()).map_err(Made::failed)?;
    let said = statement.fields();
    if said.log != origin {
        return Err(Made::failed(format_args!(
            "the statement is for the log {}, this is {origin}",
            said.log
        )));
    }
    if (said.action == Action::Withdraw) != is_withdrawal(record) {
        return Err(Made::failed(format_args!("a statement to {} is none here", said.action.name())));
    }
    check_claims(&statement, &claims).map_err(Made::failed)?;
    check_approval(&statement, approval).map_err(Made::failed)?;
    let time_ms = record.entry.time_ms.get();
    if !statement.window().contains(time_ms) {
        let expired = time::to_text(said.expires_s);
        return Err(Made::failed(format_args!(
            "it expired at {expired}, and the entry's time is {time_ms} ms"
        )));
    }
    let signature = SshSignature::parse(text("signature").as_bytes()).map_err(Made::failed)?;
    let signed = signature.verify(NAMESPACE, statement.to_text().as_bytes()).map_err(Made::failed)?;
    let key = signed.key().to_string();
    match approval.get("key").and_then(Value::as_text) {
        Some(other) if other != key => Err(Made::failed("approval.key isn't the key that signed")),
        _ => Ok((statement, signed)),
    }
}

fn is_withdrawal(record: &Record) -> bool {
    kind_name(record.entry.kind) == Some("withdrawal")
}

/// The claims of this record that a statement is about. One that is hidden comes before anything else.
fn claims(record: &Record) -> Result<Claims<'_>, Made> {
    let submitted = |name| match shown(record, SectionName::Submitted, name) {
        Shown::Value(value) => Ok(Some(value)),
        Shown::Nothing => Ok(None),
        Shown::Hidden => Err(Made::skipped(format_args!("{NOT_DISCLOSED}: {name}"))),
    };
    let subject = if is_withdrawal(record) { "withdraws" } else { "subject" };
    let reason = if is_withdrawal(record) { submitted("withdrawal_reason")? } else { None };
    let (about, environment) = (submitted(subject)?, submitted("environment")?);
    let (policy, intent) = (submitted("policy")?, submitted("intent")?);
    let needed = |name: &str, value: Option<_>| {
        value.ok_or_else(|| Made::failed(format_args!("there is no claim {name}")))
    };
    Ok(Claims {
        subject: needed(subject, about)?,
        environment: needed("environment", environment)?,
        policy: needed("policy", policy)?,
        reason,
        intent,
    })
}

/// Whether the key is one of a person of the reader's roster, whose alias the approver is.
fn of_person(believed: &Believed, record: &Record, approval: &Map, signed: &Signed) -> Result<Made, Made> {
    let roster = believed.roster().ok_or_else(|| Made::skipped("not given: a roster"))?;
    let signer = roster.signer(signed, &[record.entry.time_ms.get()]).map_err(Made::failed)?;
    let (approver, id) = (approver(approval), signer.person.id());
    if roster.person(approver) != Some(signer.person) {
        return Err(Made::failed(format_args!("approver is {approver:?}, and {id} signed")));
    }
    Ok(Made::passed(format_args!("signed by {id}")))
}

fn approver(approval: &Map) -> &str {
    let id = approval.get("approver").and_then(Value::as_map).and_then(|who| who.get("id"));
    id.and_then(Value::as_text).unwrap_or_default()
}

/// What the log attests that it checked of a promotion's approvals.
struct Listed<'a> {
    believed: &'a Believed,
    record: &'a Record,
    items: &'a [Value],
    origin: &'a str,
}

impl Listed<'_> {
    fn check(&self, number: usize) -> Result<Made, Made> {
        let approvals = match shown(self.record, SectionName::Submitted, "approvals") {
            Shown::Value(approvals) => approvals.as_array(),
            Shown::Hidden => return Err(Made::skipped(format_args!("{NOT_DISCLOSED}: approvals"))),
            Shown::Nothing => None,
        };
        if let Err(Made { status: Status::Skip, remark }) = claims(self.record) {
            return Err(Made::skipped(remark));
        }
        self.check_form()?;
        let item = self.items.get(number).and_then(Value::as_map).ok_or_else(|| Made::failed("no map"))?;
        let place = at(item).and_then(|at| usize::try_from(at).ok());
        let approval = place.and_then(|at| approvals?.get(at));
        if approval.is_some_and(is_reference) {
            return Err(Made::skipped(format_args!(
                "{VOUCHED}: the approval is an entry of its own, and isn't here"
            )));
        }
        if self.believed.roster().is_none() {
            return Err(Made::skipped(format_args!("{VOUCHED}: not given: a roster")));
        }
        item.get("roster").map_or(Ok(()), check_member)?;
        let approval =
            approval.and_then(Value::as_map).ok_or_else(|| Made::failed("there is no such approval"))?;
        let (statement, signed) = signed(self.record, approval, self.origin)?;
        if item.get("statement").and_then(Value::as_bytes) != Some(&statement.sha256()[..]) {
            return Err(Made::failed("the log checked another statement"));
        }
        let fingerprint = signed.key().fingerprint();
        if text(item, "fingerprint") != fingerprint {
            return Err(Made::failed(format_args!("the log checked another key than {fingerprint}")));
        }
        check_flags(item, &signed)?;
        let made = of_person(self.believed, self.record, approval, &signed)?;
        self.check_one_name(item, &fingerprint)?;
        Ok(made)
    }

    fn check_form(&self) -> Result<(), Made> {
        if let Some(misfit) = check_claim("approval_checks", &Value::Array(self.items.to_vec())) {
            return Err(Made::failed(misfit));
        }
        let places: Vec<Option<u64>> = self.items.iter().map(|item| at(item.as_map()?)).collect();
        if self.items.len() > CHECKS_MAX || !places.is_sorted_by(|one, next| one < next) {
            return Err(Made::failed(format_args!(
                "expected at most {CHECKS_MAX} items, their \"at\" ascending"
            )));
        }
        Ok(())
    }

    /// Whether nobody of the reader's roster is counted under two of the log's names.
    fn check_one_name(&self, item: &Map, fingerprint: &str) -> Result<(), Made> {
        let Some(roster) = self.believed.roster() else { return Ok(()) };
        let person = roster.person_of_key(fingerprint);
        let others = self.items.iter().filter_map(Value::as_map);
        let mut others = others.filter(|other| roster.person_of_key(text(other, "fingerprint")) == person);
        if others.any(|other| text(other, "signer") != text(item, "signer")) {
            let id = person.map_or("somebody", Person::id);
            return Err(Made::failed(format_args!("{id} is counted under two names")));
        }
        Ok(())
    }
}

/// Whether it names an entry that is the approval.
fn is_reference(value: &Value) -> bool {
    let Some(map) = value.as_map() else { return false };
    let leaf_hash = map.get("leaf_hash").and_then(Value::as_bytes);
    map.get("index").and_then(Value::as_uint).is_some() && leaf_hash.is_some_and(|bytes| bytes.len() == 32)
}

fn at(item: &Map) -> Option<u64> {
    item.get("at")?.as_uint()
}

fn text<'a>(map: &'a Map, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_text).unwrap_or_default()
}

/// Of a key on a device alone, and what it said.
fn check_flags(item: &Map, signed: &Signed) -> Result<(), Made> {
    let on_device = signed.key().key_type().is_on_device();
    for (name, is) in [("presence", signed.presence()), ("verification", signed.verification())] {
        let expected = on_device.then_some(Value::Bool(is));
        if item.get(name) != expected.as_ref() {
            return Err(Made::failed(format_args!("{name} isn't what the signature says")));
        }
    }
    Ok(())
}
