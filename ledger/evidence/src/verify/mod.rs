//! What a reader concludes of an entry's evidence (`SPEC.md` section 12.7): checks of the same kind as core's, for the same
//! verdict.
//!
//! A check that could not be made is skipped, and says whose word is left: nothing here passes for want of a key.

mod approval;
mod workload;

use crate::believed::Believed;
use provlog_core::cbor::Value;
use provlog_core::check::{Check, Status};
use provlog_core::claims::is_member;
use provlog_core::record::{Claim, Record, Section, SectionName};
use std::fmt;

/// What is left where no key was given for it.
const VOUCHED: &str = "vouched for by the log";

/// What is said where a claim is hidden.
const NOT_DISCLOSED: &str = "not disclosed";

/// Checks the evidence of entries, by what its reader believes and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceVerifier<'a> {
    /// Whose signatures count.
    pub believed: &'a Believed,
    /// Whether an entry whose workload isn't bound by its issuer's signature is refused.
    pub require_bound: bool,
}

impl EvidenceVerifier<'_> {
    /// The checks of a record in the log of this origin; none: its version is unknown.
    #[must_use]
    pub fn checks(&self, record: Option<&Record>, origin: &str) -> Vec<Check> {
        let Some(record) = record else {
            let missing =
                Made::skipped("of an entry whose version is not known").required(self.require_bound);
            return Vec::from_iter(self.require_bound.then(|| missing.named(WORKLOAD_BOUND)));
        };
        let mut checks = workload::checks(self, record, origin);
        checks.extend(approval::checks(self.believed, record, origin));
        checks
    }
}

const WORKLOAD_BOUND: &str = "workload-bound";

/// How one check ended, before it has its name.
struct Made {
    status: Status,
    remark: String,
}

impl Made {
    fn passed(remark: impl fmt::Display) -> Self {
        Self { status: Status::Pass, remark: remark.to_string() }
    }

    fn failed(remark: impl fmt::Display) -> Self {
        Self { status: Status::Fail, remark: remark.to_string() }
    }

    fn skipped(remark: impl fmt::Display) -> Self {
        Self { status: Status::Skip, remark: remark.to_string() }
    }

    /// The same where nothing but a pass will do.
    fn required(self, required: bool) -> Self {
        let status = if required && self.status != Status::Pass { Status::Fail } else { self.status };
        Self { status, ..self }
    }

    fn named(self, name: impl Into<String>) -> Check {
        Check { remark: Some(self.remark), ..Check::new(name, self.status) }
    }
}

/// Whether what names a member of a set can name one.
fn check_member(member: &Value) -> Result<(), Made> {
    let field = |map: &'_ Value, name: &str| map.as_map().and_then(|map| map.get(name)).cloned();
    let index = |map: &Value| field(map, "index").as_ref().and_then(Value::as_uint);
    let set = field(member, "set").unwrap_or(Value::Null);
    let claim = field(member, "claim");
    if !claim.as_ref().and_then(Value::as_text).is_some_and(is_member) {
        return Err(Made::failed("a member's claim: expected m01 to m60"));
    }
    if field(&set, "origin").is_some() || index(member) > index(&set) {
        return Err(Made::failed(
            "a member's set: expected a change of this log, not before the member was added",
        ));
    }
    Ok(())
}

/// What a section has under a name.
enum Shown<'a> {
    Nothing,
    Hidden,
    Value(&'a Value),
}

fn shown<'a>(record: &'a Record, section: SectionName, name: &str) -> Shown<'a> {
    let section: &Section = record.section(section);
    match section.get(name) {
        None => Shown::Nothing,
        Some(Claim::Hidden(_)) => Shown::Hidden,
        Some(claim) => claim.value().map_or(Shown::Hidden, Shown::Value),
    }
}
