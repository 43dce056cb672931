//! Which entries an entry names: what belongs into its package (`SPEC.md` section 11.8).

use crate::cbor::Value;
use crate::claims::{TRUST, entry_in, is_extension};
use crate::limits::CHANGE_PARTS_MAX;
use crate::record::{Record, SectionName};
use alloc::collections::BTreeSet;

/// What a record names, and whether it says so of all that it names.
#[derive(Debug)]
pub(super) struct Names {
    /// The indices of entries that it names by what it shows.
    pub(super) named: BTreeSet<u64>,
    /// Whether a claim is hidden that could name more.
    pub(super) hides: bool,
}

impl Names {
    pub(super) fn of(record: &Record, index: u64, origin: &str) -> Self {
        let mut claims = record.claims();
        let hides = claims.any(|(_, name, claim)| claim.value().is_none() && !is_extension(name));
        Self { named: named_by(record, index, origin), hides }
    }
}

/// The indices of the entries that this record names by what it shows, all of them below its own. `origin` is the log's.
#[must_use]
pub fn named_by(record: &Record, index: u64, origin: &str) -> BTreeSet<u64> {
    let mut named = BTreeSet::new();
    for (_, name, claim) in record.claims() {
        if let Some(value) = claim.value().filter(|_| !is_extension(name)) {
            collect(value, index, origin, &mut named);
        }
    }
    if earlier_parts(record) > 0 {
        named.extend(index.checked_sub(1));
    }
    named
}

/// How many entries right before this record's are earlier parts of the same change of a set, by what it shows: fewer than
/// [`CHANGE_PARTS_MAX`], whatever part it says that it is.
#[must_use]
pub fn earlier_parts(record: &Record) -> u64 {
    let trust = record.section(SectionName::Submitted).value("trust").filter(|_| record.entry.kind == TRUST);
    let part = trust.and_then(|trust| trust.as_map()?.get("part")?.as_uint());
    part.map_or(0, |part| part.min(CHANGE_PARTS_MAX).saturating_sub(1))
}

/// As deep as a value is nested, which is bounded where records are read.
fn collect(value: &Value, below: u64, origin: &str, named: &mut BTreeSet<u64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, below, origin, named)),
        Value::Map(map) => {
            let here =
                entry_in(map).filter(|(index, _, of)| *index < below && of.is_none_or(|of| of == origin));
            named.extend(here.map(|(index, ..)| index));
            map.iter().for_each(|(_, value)| collect(value, below, origin, named));
        }
        _ => {}
    }
}
