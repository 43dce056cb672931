//! How a check of evidence ended, and what of a record it was about.

use provlog_core::cbor::Value;
use provlog_core::check::{Check, Status};
use provlog_core::claims::is_member;
use provlog_core::record::{Claim, Record, SectionName};
use std::fmt;

/// What is left where no key was given for it.
pub(super) const VOUCHED: &str = "vouched for by the log";

/// What is said where a claim is hidden.
pub(super) const NOT_DISCLOSED: &str = "not disclosed";

/// How one check ended, before it has its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Made {
    pub(super) status: Status,
    pub(super) remark: String,
}

impl Made {
    pub(super) fn passed(remark: impl fmt::Display) -> Self {
        Self { status: Status::Pass, remark: remark.to_string() }
    }

    pub(super) fn failed(remark: impl fmt::Display) -> Self {
        Self { status: Status::Fail, remark: remark.to_string() }
    }

    pub(super) fn skipped(remark: impl fmt::Display) -> Self {
        Self { status: Status::Skip, remark: remark.to_string() }
    }

    /// The same where nothing but a pass will do.
    pub(super) fn required(self, required: bool) -> Self {
        let status = if required && self.status != Status::Pass { Status::Fail } else { self.status };
        Self { status, ..self }
    }

    pub(super) fn named(self, name: impl Into<String>) -> Check {
        Check { remark: Some(self.remark), ..Check::new(name, self.status) }
    }
}

/// Whether what names a member of a set can name one.
pub(super) fn check_member(member: &Value) -> Result<(), Made> {
    let set = member.as_map().and_then(|map| map.get("set"));
    let index = |of: &Value| of.as_map()?.get("index")?.as_uint();
    let claim = member.as_map().and_then(|map| map.get("claim")).and_then(Value::as_text);
    if !claim.is_some_and(is_member) {
        return Err(Made::failed("a member's claim: expected m01 to m60"));
    }
    let is_foreign = set.and_then(Value::as_map).is_some_and(|map| map.get("origin").is_some());
    if is_foreign || index(member) > set.and_then(index) {
        return Err(Made::failed(
            "a member's set: expected a change of this log, not before the member was added",
        ));
    }
    Ok(())
}

/// What a section has under a name.
pub(super) enum Shown<'a> {
    Nothing,
    Hidden,
    Value(&'a Value),
}

pub(super) fn shown<'a>(record: &'a Record, section: SectionName, name: &str) -> Shown<'a> {
    match record.section(section).get(name) {
        None => Shown::Nothing,
        Some(Claim::Hidden(_)) => Shown::Hidden,
        Some(claim) => claim.value().map_or(Shown::Hidden, Shown::Value),
    }
}
