//! A record as JSON: what lines of `records.jsonl` hold (`SPEC.md` section 11.4), and what everything that answers with a
//! record in JSON shows of it.
//!
//! It is written straight from the record: an export makes one for each record, and its verifier makes it again.

use crate::claims::kind_name;
use crate::hash::Hash;
use crate::record::{Claim, Record, SectionName};
use alloc::string::String;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// `{index, kind, time_ms, leaf_hash, submitted, attested, hidden}`: claims that are hidden are there by their hashes.
#[derive(Clone, Copy, Debug)]
pub struct RecordJson<'r> {
    pub(crate) index: u64,
    pub(crate) record: &'r Record,
    pub(crate) leaf_hash: Hash,
}

impl<'r> RecordJson<'r> {
    /// Of the entry at `index`.
    #[must_use]
    pub fn new(index: u64, record: &'r Record) -> Self {
        Self { index, record, leaf_hash: record.entry.leaf_hash() }
    }

    /// The text, on one line and without a line end.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Invariant: the names of members are strings, so that nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for RecordJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = &self.record.entry;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        match kind_name(entry.kind) {
            Some(name) => map.serialize_entry("kind", name)?,
            None => map.serialize_entry("kind", &entry.kind.number())?,
        }
        map.serialize_entry("time_ms", &entry.time_ms.get())?;
        map.serialize_entry("leaf_hash", &self.leaf_hash.to_hex())?;
        let claims = |section| self.record.section(section).iter();
        for section in SectionName::ALL {
            let shown = || claims(section).filter_map(|(name, claim)| Some((name, claim.value()?)));
            map.serialize_entry(section.as_str(), &Object(shown))?;
        }
        let hidden = |section| {
            Object(move || {
                claims(section).filter_map(|(name, claim)| match claim {
                    Claim::Disclosed { .. } => None,
                    Claim::Hidden(hash) => Some((name, hash.to_hex())),
                })
            })
        };
        let hidden = || SectionName::ALL.map(|section| (section.as_str(), hidden(section)));
        map.serialize_entry("hidden", &Object(hidden))?;
        map.end()
    }
}

/// An object of the members that the function gives.
struct Object<F>(F);

impl<F, I, N, V> Serialize for Object<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item = (N, V)>,
    N: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0)())
    }
}
