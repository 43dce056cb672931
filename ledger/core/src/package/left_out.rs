//! What the package of an entry names and doesn't hold (`SPEC.md` sections 11.2 and 11.8).

use super::members::{members, number, object, uint};
use crate::json::Json;
use crate::limits::{LEFT_OUT_LISTED_MAX, LEFT_OUT_MAX};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How many entries are named and not here, and which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// How many, at most [`LEFT_OUT_MAX`].
    pub count: u64,
    /// Their indices, ascending: the lowest [`LEFT_OUT_LISTED_MAX`], or all where there are fewer.
    pub entries: Vec<u64>,
}

impl LeftOut {
    /// As a manifest says it of these indices.
    #[must_use]
    pub fn of(indices: &BTreeSet<u64>) -> Self {
        let count = u64::try_from(indices.len()).unwrap_or(u64::MAX);
        Self { count, entries: indices.iter().copied().take(LEFT_OUT_LISTED_MAX).collect() }
    }

    pub(super) fn to_json(&self) -> Json {
        let entries = Json::Array(self.entries.iter().copied().map(uint).collect());
        object([("count", uint(self.count)), ("entries", entries)])
    }

    pub(super) fn from_json(json: &Json) -> Result<Self, String> {
        let [count, entries] =
            members(json, ["count", "entries"]).map_err(|error| format!("left_out: {error}"))?;
        let Json::Array(entries) = entries else {
            return Err("left_out: expected an array of entries".into());
        };
        let count = number("left_out: count", count)?;
        let entries: Vec<u64> =
            entries.iter().map(|index| number("left_out: entries", index)).collect::<Result<_, _>>()?;
        let (listed, most) = (entries.len(), LEFT_OUT_LISTED_MAX);
        if !entries.is_sorted_by(|one, next| one < next) {
            return Err("left_out: expected indices of entries, ascending".into());
        }
        if count > u64::try_from(LEFT_OUT_MAX).unwrap_or(u64::MAX) {
            return Err(format!("left_out: expected a count of at most {LEFT_OUT_MAX}, got {count}"));
        }
        let expected = usize::try_from(count).map_or(most, |count| count.min(most));
        if listed != expected {
            return Err(format!("left_out: expected {expected} entries of a count of {count}, got {listed}"));
        }
        Ok(Self { count, entries })
    }
}
