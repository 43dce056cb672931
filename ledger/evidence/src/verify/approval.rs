//! Whether approvals were signed, by whom, and of exactly this.

use super::{Made, Shown, VOUCHED, shown};
use crate::approval::{Claims, check_approval, check_claims};
use crate::believed::Believed;
use crate::ssh::{Signed, SshSignature};
use crate::statement::{Action, NAMESPACE, Statement};
use provlog_core::cbor::{Map, Value};
use provlog_core::check::Check;
use provlog_core::claims::{check_claim, kind_name};
use provlog_core::record::{Record, SectionName};
use std::collections::BTreeMap;

const NOT_DISCLOSED: &str = "not disclosed";

/// Most approvals that a log checks for one entry.
const CHECKS_MAX: usize = 16;

pub(super) fn checks(believed: &Believed, record: &Record, origin: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Shown::Value(Value::Map(approval)) = shown(record, SectionName::Submitted, "approval")
        && approval.get("statement").is_some()
    {
        checks.extend(own(believed, record, approval, origin));
    }
    if kind_name(record.entry.kind) == Some("promotion")
        && let Shown::Value(listed) = shown(record, SectionName::Attested, "approval_checks")
    {
        let mut signers = BTreeMap::new();
        let items = listed.items().iter().enumerate();
        checks.extend(items.map(|(number, item)| {
            let made = listed_check(believed, record, listed, number, item, &mut signers, origin);
            made.unwrap_or_else(|made| made).named(format!("approval:{number}"))
        }));
    }
    checks
}

/// The approval of an entry that is one, or withdraws one.
fn own(believed: &Believed, record: &Record, approval: &Map, origin: &str) -> [Check; 2] {
    let actions: &[Action] = match kind_name(record.entry.kind) {
        Some("withdrawal") => &[Action::Withdraw],
        _ => &[Action::Promote, Action::Override],
    };
    let form = signed(record, approval, origin, actions);
    let by = match &form {
        Ok((_, signed)) => of_person(believed, record, approval, signed).unwrap_or_else(|made| made),
        Err(made) => Made { status: made.status, remark: "approval-form doesn't hold".into() },
    };
    let form = form.map_or_else(
        |made| made,
        |(_, signed)| Made::passed(format_args!("signed by {}", signed.key().fingerprint())),
    );
    [form.named("approval-form"), by.named("approval-signed")]
}

/// The statement and its signature, where both are of these claims, this log and this time.
fn signed(
    record: &Record,
    approval: &Map,
    origin: &str,
    actions: &[Action],
) -> Result<(Statement, Signed), Made> {
    if let Some(misfit) = check_claim("approval", &Value::Map(approval.clone())) {
        return Err(Made::failed(misfit));
    }
    let text = |name: &str| approval.get(name).and_then(Value::as_text).unwrap_or_default();
    let statement = Statement::parse(text("statement").as_bytes()).map_err(Made::failed)?;
    let said = statement.fields();
    if said.log != origin {
        return Err(Made::failed(format_args!(
            "the statement is for the log {}, this is {origin}",
            said.log
        )));
    }
    if !actions.contains(&said.action) {
        return Err(Made::failed(format_args!("a statement to {} is none here", said.action.name())));
    }
    check_claims(&statement, &claims(record, said.action)?).map_err(Made::failed)?;
    check_approval(&statement, approval).map_err(Made::failed)?;
    let time_ms = record.entry.time_ms.get();
    if !statement.window().contains(time_ms) {
        let expires_s = said.expires_s;
        return Err(Made::failed(format_args!(
            "it expired at {expires_s} s, and the entry's time is {time_ms} ms"
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

/// The claims of this record that a statement for this action is about.
fn claims(record: &Record, action: Action) -> Result<Claims<'_>, Made> {
    let submitted = |name| match shown(record, SectionName::Submitted, name) {
        Shown::Value(value) => Ok(Some(value)),
        Shown::Nothing => Ok(None),
        Shown::Hidden => Err(Made::skipped(format_args!("{NOT_DISCLOSED}: {name}"))),
    };
    let needed =
        |name| submitted(name)?.ok_or_else(|| Made::failed(format_args!("there is no claim {name}")));
    let subject = match action {
        Action::Withdraw => needed("withdraws")?,
        Action::Promote | Action::Override => needed("subject")?,
    };
    Ok(Claims {
        subject,
        environment: needed("environment")?,
        intent: submitted("intent")?,
        policy: needed("policy")?,
    })
}

/// Whether the key is one of a person of the reader's roster, whose alias the approver is.
fn of_person(believed: &Believed, record: &Record, approval: &Map, signed: &Signed) -> Result<Made, Made> {
    let roster = believed.roster().ok_or_else(|| Made::skipped("not given: a roster"))?;
    let signer = roster.signer(signed, &[record.entry.time_ms.get()]).map_err(Made::failed)?;
    let approver = approver(approval);
    if roster.person(approver) != Some(signer.person) {
        let id = signer.person.id();
        return Err(Made::failed(format_args!("approver is {approver:?}, and {id} signed")));
    }
    Ok(Made::passed(format_args!("signed by {}", signer.person.id())))
}

fn approver(approval: &Map) -> &str {
    let id = approval.get("approver").and_then(Value::as_map).and_then(|who| who.get("id"));
    id.and_then(Value::as_text).unwrap_or_default()
}

/// One item of what the log attests that it checked. `signers` are the persons of the reader's roster so far, by the name that
/// the log has for them.
fn listed_check(
    believed: &Believed,
    record: &Record,
    listed: &Value,
    number: usize,
    item: &Value,
    signers: &mut BTreeMap<String, String>,
    origin: &str,
) -> Result<Made, Made> {
    if let Some(misfit) = check_claim("approval_checks", listed) {
        return Err(Made::failed(misfit));
    }
    let at = |item: &Value| item.as_map()?.get("at")?.as_uint();
    let ascends = number == 0 || at(&listed.items()[number - 1]) < at(item);
    if !ascends || listed.items().len() > CHECKS_MAX {
        return Err(Made::failed(format_args!(
            "expected at most {CHECKS_MAX} items, their \"at\" ascending"
        )));
    }
    let item = item.as_map().ok_or_else(|| Made::failed("no map"))?;
    let approvals = match shown(record, SectionName::Submitted, "approvals") {
        Shown::Value(approvals) => approvals,
        Shown::Hidden => return Err(Made::skipped(format_args!("{NOT_DISCLOSED}: approvals"))),
        Shown::Nothing => return Err(Made::failed("there is no claim approvals")),
    };
    let place = item.get("at").and_then(Value::as_uint).and_then(|at| usize::try_from(at).ok());
    let approval = place.and_then(|at| approvals.as_array()?.get(at)).and_then(Value::as_map);
    let approval = approval.ok_or_else(|| Made::failed("there is no such approval"))?;
    if approval.get("leaf_hash").is_some() || approval.get("index").is_some() {
        return Err(Made::skipped(format_args!(
            "{VOUCHED}: the approval is an entry of its own, and isn't here"
        )));
    }
    let (statement, signed) = signed(record, approval, origin, &[Action::Promote, Action::Override])?;
    let sha256 = item.get("statement").and_then(Value::as_bytes);
    if sha256 != Some(&statement.sha256()[..]) {
        return Err(Made::failed("the log checked another statement"));
    }
    let fingerprint = signed.key().fingerprint();
    if item.get("fingerprint").and_then(Value::as_text) != Some(&fingerprint) {
        return Err(Made::failed(format_args!("the log checked another key than {fingerprint}")));
    }
    check_flags(item, &signed)?;
    let roster =
        believed.roster().ok_or_else(|| Made::skipped(format_args!("{VOUCHED}: not given: a roster")))?;
    let signer = roster.signer(&signed, &[record.entry.time_ms.get()]).map_err(Made::failed)?;
    let (id, by_log) = (signer.person.id(), item.get("signer").and_then(Value::as_text).unwrap_or_default());
    if signers.entry(id.into()).or_insert_with(|| by_log.into()) != by_log {
        return Err(Made::failed(format_args!("{id} is counted under two names")));
    }
    Ok(Made::passed(format_args!("signed by {id}")))
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
