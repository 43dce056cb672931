//! What the entries of a package were selected by (`SPEC.md` section 11.2).

use super::members::{number, object, text, uint};
use super::version::Version;
use crate::cbor::{Map, Value};
use crate::claims::{self, DIGEST, kind_name, kind_named, to_json};
use crate::entry::{Entry, Kind};
use crate::facet::Facet;
use crate::json::Json;
use crate::limits::FILTER_NAME_BYTES_MAX;
use crate::record::{Claim, Record};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What entries were selected by. Without any, and with times alone, a package holds a contiguous range.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filters {
    /// Entries of this kind.
    pub kind: Option<Kind>,
    /// Entries of this time and later, in milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Entries before this time.
    pub to_ms: Option<u64>,
    /// Entries about a subject with this digest.
    pub subject: Option<Map>,
    /// Entries of this environment.
    pub environment: Option<String>,
    /// The entry at this index, and what it names (`SPEC.md` section 11.8). No other filter stands beside it.
    pub entry: Option<u64>,
    /// What this version doesn't know, by name, as it stands in the manifest.
    pub unknown: Vec<(String, Json)>,
}

impl Filters {
    /// Whether entries are selected by what is in them: such a selection's completeness can't be proven.
    #[must_use]
    pub const fn select(&self) -> bool {
        self.kind.is_some() || self.ask_claims()
    }

    /// Whether an entry is one that was asked for, by what it says itself: its kind and time.
    #[must_use]
    pub fn admit_entry(&self, entry: &Entry) -> bool {
        let time_ms = entry.time_ms.get();
        self.kind.is_none_or(|kind| entry.kind == kind)
            && self.from_ms.is_none_or(|from_ms| time_ms >= from_ms)
            && self.to_ms.is_none_or(|to_ms| time_ms < to_ms)
    }

    /// Whether anything is asked of claims.
    #[must_use]
    pub const fn ask_claims(&self) -> bool {
        self.subject.is_some() || self.environment.is_some()
    }

    /// Whether a record is one that was asked for by its claims; one that is hidden fits where `hidden_fits`.
    #[must_use]
    pub fn admit_claims(&self, record: &Record, hidden_fits: bool) -> bool {
        let fits = |facet: Facet, fits: &dyn Fn(&Value) -> bool| match facet.claim(record) {
            None => false,
            Some(Claim::Hidden(_)) => hidden_fits,
            Some(Claim::Disclosed { value, .. }) => fits(value),
        };
        let subject = |wanted| fits(Facet::Subject, &|value| Facet::Subject.has_digest(value, wanted));
        let environment = |wanted| fits(Facet::Environment, &|value| value.as_text() == Some(wanted));
        self.subject.as_ref().is_none_or(subject) && self.environment.as_deref().is_none_or(environment)
    }

    /// Whether a record may be one that was asked for: hidden claims contradict nothing.
    #[must_use]
    pub fn admit(&self, record: &Record) -> bool {
        self.admit_entry(&record.entry) && self.admit_claims(record, true)
    }

    pub(super) fn to_json(&self) -> Json {
        let kind = self.kind.and_then(kind_name).map(|name| ("kind", name.into()));
        let subject = self.subject.clone().map(|digest| ("subject", to_json(&Value::Map(digest))));
        let environment = self.environment.as_deref().map(|name| ("environment", name.into()));
        let from_ms = self.from_ms.map(|ms| ("from_ms", uint(ms)));
        let to_ms = self.to_ms.map(|ms| ("to_ms", uint(ms)));
        let entry = self.entry.map(|index| ("entry", uint(index)));
        let known = [kind, from_ms, to_ms, subject, environment, entry].into_iter().flatten();
        object(known.chain(self.unknown.iter().map(|(name, value)| (name.as_str(), value.clone()))))
    }

    pub(super) fn from_json(json: &Json, version: Version) -> Result<Self, String> {
        let Json::Object(members) = json else { return Err("filters: expected an object".into()) };
        let mut filters = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "kind" => {
                    let kind = value.as_str().and_then(kind_named);
                    filters.kind = Some(kind.ok_or_else(|| format!("kind: no such kind: {value}"))?.kind);
                }
                "from_ms" => filters.from_ms = Some(number(name, value)?),
                "to_ms" => filters.to_ms = Some(number(name, value)?),
                "subject" => match claims::from_json(&DIGEST, value.clone()) {
                    Ok(Value::Map(digest)) => filters.subject = Some(digest),
                    Ok(_) => return Err("subject: expected a digest".into()),
                    Err(misfit) => return Err(format!("subject: {misfit}")),
                },
                "environment" => filters.environment = Some(text(name, value)?),
                other if version == Version::V1 => return Err(format!("filters: unknown member {other:?}")),
                "entry" => filters.entry = Some(number(name, value)?),
                other if !is_filter_name(other) => {
                    let expected = format!("1 to {FILTER_NAME_BYTES_MAX} of a-z 0-9 _, the first a letter");
                    return Err(format!("filters: expected names of {expected}, got {other:?}"));
                }
                other if *value == Json::Null => return Err(format!("{other}: expected a value, got null")),
                other => filters.unknown.push((other.into(), value.clone())),
            }
        }
        if filters.entry.is_some() && members.len() > 1 {
            return Err("filters: expected entry alone, without any other".into());
        }
        Ok(filters)
    }
}

/// Whether a filter that may come later can have this name.
fn is_filter_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= FILTER_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_part)
}
