//! Whether approvals were signed, by whom, and of exactly this.

use super::made::{Made, NOT_DISCLOSED, Shown, VOUCHED, check_member, shown};
use crate::approval::{Claims, check_approval, check_claims, claims_digest};
use crate::believed::Believed;
use crate::roster::{Person, Roster, Signer};
use crate::ssh::{Signed, SshSignature};
use crate::statement::{Action, NAMESPACE, Statement, VERSION};
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::{Check, Status};
use provlog_core::claims::{check_claim, kind_name};
use provlog_core::record::{Record, SectionName};
use provlog_core::time::rfc3339_s;

/// How statements of any version start. What people wrote in words of their own doesn't.
const MARK: &str = "provlog-approval/";

/// Most approvals that a log checks for one entry.
const CHECKS_MAX: usize = 16;

/// Characters of an approver's id that a remark repeats: what a submitter writes there has no bound of its own.
const QUOTED_CHARACTERS_MAX: usize = 64;

pub(super) fn checks(believed: &Believed, record: &Record, origin: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(Own { form, by, .. }) = own(believed, record, origin) {
        checks.extend([form.named("approval-form"), by.named("approval-signed")]);
    }
    let items = counted(believed, record, &Counting::of(record), origin);
    let receipt = |item: Item| match item {
        Item::Made(made) => made,
        Item::Elsewhere(awaited) => awaited.not_given(),
    };
    checks.extend((0..).zip(items).map(|(number, item)| receipt(item).named(format!("approval:{number}"))));
    checks
}

/// The approval of an entry that is one, or withdraws one.
pub(super) struct Own {
    pub(super) form: Made,
    pub(super) by: Made,
    /// Where `form` passes.
    pub(super) signed: Option<(Statement, Signed)>,
    /// Whether a claim that is read for `form` is hidden.
    pub(super) is_hidden: bool,
}

/// None: it is of another kind, or its approval is in words of its own, or hidden.
pub(super) fn own(believed: &Believed, record: &Record, origin: &str) -> Option<Own> {
    if !matches!(kind_name(record.entry.kind), Some("approval" | "withdrawal")) {
        return None;
    }
    let Shown::Value(Value::Map(approval)) = shown(record, SectionName::Submitted, "approval") else {
        return None;
    };
    if !text(approval, "statement").starts_with(MARK) {
        return None;
    }
    let version = text(approval, "statement").split('\n').next().unwrap_or_default();
    let signed = match version {
        VERSION => signed(record, approval, origin),
        _ => Err(Made::skipped(format_args!("{version:?} is not known to this version"))),
    };
    Some(match signed {
        Ok((statement, signed)) => Own {
            form: Made::passed(format_args!("signed by {}", signed.key().fingerprint())),
            by: of_person(believed, record, approval, &signed).unwrap_or_else(|made| made),
            signed: Some((statement, signed)),
            is_hidden: false,
        },
        Err(form) => {
            let by = Made { status: form.status, remark: "approval-form doesn't hold".into() };
            // Of a statement of this version, nothing else is skipped.
            let is_hidden = version == VERSION && form.status == Status::Skip;
            Own { form, by, signed: None, is_hidden }
        }
    })
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
        let expired = rfc3339_s(said.expires_s);
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
    let signer = signer(roster, approval, signed, record.entry.time_ms.get()).map_err(Made::failed)?;
    Ok(signed_by(signer.person))
}

pub(super) fn signed_by(person: &Person) -> Made {
    Made::passed(format_args!("signed by {}", person.id()))
}

/// The person of the roster whose key it is at this time, whose alias the approver is.
pub(super) fn signer<'r>(
    roster: &'r Roster,
    approval: &Map,
    signed: &Signed,
    time_ms: u64,
) -> Result<Signer<'r>, String> {
    let signer = roster.signer(signed, &[time_ms]).map_err(|error| error.to_string())?;
    let (approver, id) = (approver(approval), signer.person.id());
    if roster.person(approver) != Some(signer.person) {
        let approver: String = approver.chars().take(QUOTED_CHARACTERS_MAX).collect();
        return Err(format!("approver is {approver:?}, and {id} signed"));
    }
    Ok(signer)
}

fn approver(approval: &Map) -> &str {
    let id = approval.get("approver").and_then(Value::as_map).and_then(|who| who.get("id"));
    id.and_then(Value::as_text).unwrap_or_default()
}

/// What is made of one of the approvals that a promotion counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Made(Made),
    /// It is an entry of its own, which a package may have.
    Elsewhere(Box<Awaited>),
}

/// What a promotion counts an entry's approval for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Awaited {
    /// The entry's index and leaf hash.
    pub(super) entry: (u64, Hash),
    /// Whether the list has its form.
    pub(super) form: Result<(), Made>,
    /// What the promotion's claims amount to, or why no statement can equal them.
    pub(super) claims: Result<[u8; 32], String>,
    /// The statement that the log says it checked.
    pub(super) statement: Option<[u8; 32]>,
    pub(super) fingerprint: String,
    pub(super) flags: Flags,
    /// Whether what names a member of the roster has its form.
    pub(super) member: Result<(), Made>,
    /// Whether the signer is one that no other item gives another name.
    pub(super) one_name: Result<(), Made>,
    pub(super) time_ms: u64,
}

/// What a key on a device says of its holder: whether somebody touched it, and whether it knew who did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Flags {
    presence: Option<bool>,
    verification: Option<bool>,
}

impl Flags {
    /// What a signature says; nothing under a key that is on no device.
    pub(super) fn of(signed: &Signed) -> Self {
        let said = |flag| signed.key().key_type().is_on_device().then_some(flag);
        Self { presence: said(signed.presence()), verification: said(signed.verification()) }
    }

    fn of_item(item: &Map) -> Self {
        let said = |name| match item.get(name) {
            Some(Value::Bool(flag)) => Some(*flag),
            _ => None,
        };
        Self { presence: said("presence"), verification: said("verification") }
    }

    pub(super) fn check(self, signed: Self) -> Result<(), Made> {
        if self == signed {
            return Ok(());
        }
        Err(Made::failed("presence and verification aren't what the signature says"))
    }
}

impl Awaited {
    /// Where the entry isn't here.
    pub(super) fn not_given(self) -> Made {
        self.form.err().unwrap_or_else(not_here)
    }
}

fn not_here() -> Made {
    Made::skipped(format_args!("{VOUCHED}: the approval is an entry of its own, and isn't here"))
}

/// The `approval_checks` that the log attests, looked into once.
pub(super) enum Counting<'r> {
    Nothing,
    Hidden,
    NoList,
    List {
        items: &'r [Value],
        /// Whether the list has its form.
        form: Result<(), Made>,
    },
}

impl<'r> Counting<'r> {
    pub(super) fn of(record: &'r Record) -> Self {
        match shown(record, SectionName::Attested, "approval_checks") {
            Shown::Nothing => Self::Nothing,
            Shown::Hidden => Self::Hidden,
            Shown::Value(list @ Value::Array(items)) => Self::List { items, form: check_form(list) },
            Shown::Value(_) => Self::NoList,
        }
    }
}

/// What is made of each approval that a promotion counts.
pub(super) fn counted(
    believed: &Believed,
    record: &Record,
    counting: &Counting<'_>,
    origin: &str,
) -> Vec<Item> {
    let Counting::List { items, form } = counting else { return Vec::new() };
    if kind_name(record.entry.kind) != Some("promotion") {
        return Vec::new();
    }
    let listed = Listed { believed, record, items, form, origin };
    (0..items.len()).map(|number| listed.item(number).unwrap_or_else(Item::Made)).collect()
}

/// What the log attests that it checked of a promotion's approvals.
struct Listed<'a> {
    believed: &'a Believed,
    record: &'a Record,
    items: &'a [Value],
    form: &'a Result<(), Made>,
    origin: &'a str,
}

impl Listed<'_> {
    fn item(&self, number: usize) -> Result<Item, Made> {
        let approvals = match shown(self.record, SectionName::Submitted, "approvals") {
            Shown::Value(approvals) => approvals.as_array(),
            Shown::Hidden => return Err(Made::skipped(format_args!("{NOT_DISCLOSED}: approvals"))),
            Shown::Nothing => None,
        };
        let claims = claims(self.record);
        if let Err(hidden @ Made { status: Status::Skip, .. }) = &claims {
            return Err(hidden.clone());
        }
        let item = self.items.get(number).and_then(Value::as_map).ok_or_else(|| Made::failed("no map"))?;
        let place = at(item).and_then(|at| usize::try_from(at).ok());
        let approval = place.and_then(|at| approvals?.get(at));
        match approval.and_then(|approval| Referred::by(approval, self.origin)) {
            Some(Referred::Here(entry)) => {
                return Ok(Item::Elsewhere(Box::new(self.awaited(item, entry, claims))));
            }
            Some(Referred::Elsewhere) => return Err(self.form.clone().err().unwrap_or_else(not_here)),
            None => self.form.clone()?,
        }
        if self.believed.roster().is_none() {
            return Err(no_roster());
        }
        item.get("roster").map_or(Ok(()), check_member)?;
        let approval =
            approval.and_then(Value::as_map).ok_or_else(|| Made::failed("there is no such approval"))?;
        let (statement, signed) = signed(self.record, approval, self.origin)?;
        let fingerprint = signed.key().fingerprint();
        check_statement(statement_of(item), statement.sha256())?;
        check_key(text(item, "fingerprint"), &fingerprint)?;
        Flags::of_item(item).check(Flags::of(&signed))?;
        let made = of_person(self.believed, self.record, approval, &signed)?;
        self.check_one_name(item, &fingerprint)?;
        Ok(Item::Made(made))
    }

    fn awaited(&self, item: &Map, entry: (u64, Hash), claims: Result<Claims<'_>, Made>) -> Awaited {
        let fingerprint = text(item, "fingerprint").to_owned();
        let claims = claims.map_err(|made| made.remark);
        Awaited {
            entry,
            form: self.form.clone(),
            claims: claims.and_then(|claims| claims_digest(&claims, self.origin)),
            statement: statement_of(item),
            flags: Flags::of_item(item),
            member: item.get("roster").map_or(Ok(()), check_member),
            one_name: self.check_one_name(item, &fingerprint),
            fingerprint,
            time_ms: self.record.entry.time_ms.get(),
        }
    }

    /// Whether nobody of the reader's roster is counted under two of the log's names.
    fn check_one_name(&self, item: &Map, fingerprint: &str) -> Result<(), Made> {
        let person_of = |fingerprint| self.believed.roster()?.person_of_key(fingerprint);
        // Whose key it is that the roster lacks is told elsewhere. Of a list without its form nothing is asked.
        let Some(person) = person_of(fingerprint).filter(|_| self.form.is_ok()) else { return Ok(()) };
        let others = self.items.iter().filter_map(Value::as_map);
        let mut others = others.filter(|other| person_of(text(other, "fingerprint")) == Some(person));
        if others.any(|other| text(other, "signer") != text(item, "signer")) {
            return Err(Made::failed(format_args!("{} is counted under two names", person.id())));
        }
        Ok(())
    }
}

/// Whether the list is one that a log attests.
fn check_form(list: &Value) -> Result<(), Made> {
    let items = list.as_array().unwrap_or_default();
    let misordered =
        || Made::failed(format_args!("expected at most {CHECKS_MAX} items, their \"at\" ascending"));
    // Before anything is asked of each.
    if items.len() > CHECKS_MAX {
        return Err(misordered());
    }
    if let Some(misfit) = check_claim("approval_checks", list) {
        return Err(Made::failed(misfit));
    }
    let places: Vec<Option<u64>> = items.iter().map(|item| at(item.as_map()?)).collect();
    if places.is_sorted_by(|one, next| one < next) { Ok(()) } else { Err(misordered()) }
}

pub(super) fn check_statement(checked: Option<[u8; 32]>, given: [u8; 32]) -> Result<(), Made> {
    if checked == Some(given) { Ok(()) } else { Err(Made::failed("the log checked another statement")) }
}

pub(super) fn check_key(checked: &str, given: &str) -> Result<(), Made> {
    if checked == given {
        return Ok(());
    }
    Err(Made::failed(format_args!("the log checked another key than {given}")))
}

pub(super) fn no_roster() -> Made {
    Made::skipped(format_args!("{VOUCHED}: not given: a roster"))
}

/// An entry that is an approval, in the place of one.
enum Referred {
    Here((u64, Hash)),
    /// In another log.
    Elsewhere,
}

impl Referred {
    fn by(value: &Value, origin: &str) -> Option<Self> {
        let map = value.as_map()?;
        let leaf_hash = Hash(map.get("leaf_hash")?.as_bytes()?.try_into().ok()?);
        let index = map.get("index")?.as_uint()?;
        // An origin that is no text counts as none.
        let is_here = map.get("origin").and_then(Value::as_text).is_none_or(|other| other == origin);
        Some(if is_here { Self::Here((index, leaf_hash)) } else { Self::Elsewhere })
    }
}

fn at(item: &Map) -> Option<u64> {
    item.get("at")?.as_uint()
}

fn statement_of(item: &Map) -> Option<[u8; 32]> {
    item.get("statement")?.as_bytes()?.try_into().ok()
}

fn text<'a>(map: &'a Map, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_text).unwrap_or_default()
}
