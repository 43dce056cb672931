//! Changes of sets, and records around them, for tests. The salts are all the same, so that a text has one claim hash.

use super::set_digest;
use provlog_core::cbor::{Map, Value};
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::record::{Claim, Record, Section, SectionName};
use provlog_core::{Hash, Kind};

/// The claim hash of a member.
pub(crate) fn hash(text: &str) -> Hash {
    claim(text.into()).hash()
}

fn claim(value: Value) -> Claim {
    Claim::disclosed([1; 16], value)
}

pub(crate) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::Map(Map::from_entries(entries).unwrap())
}

pub(crate) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap())
}

pub(crate) fn bytes(hash: &Hash) -> Value {
    Value::Bytes(hash.0.to_vec())
}

pub(crate) fn reference(index: u64, leaf_hash: Hash) -> Value {
    map([("index", number(index)), ("leaf_hash", bytes(&leaf_hash))])
}

pub(crate) fn record(kind: u8, submitted: &[(&str, Value)], attested: &[(&str, Value)]) -> Record {
    let section = |claims: &[(&str, Value)]| {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), claim(value.clone())));
        Section::from_claims(claims.collect()).unwrap()
    };
    let (submitted, attested, kind) = (section(submitted), section(attested), Kind::new(kind).unwrap());
    let entry = Entry {
        kind,
        time_ms: TimeMs::MIN,
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

/// A change of one set, valid or not.
#[derive(Clone)]
pub(crate) struct Drawn {
    what: &'static str,
    name: &'static str,
    previous: Option<(u64, Hash)>,
    digest: [u8; 32],
    parts: Vec<Texts>,
}

/// What a part adds, and what it removes.
type Texts = (Vec<String>, Vec<String>);

impl Drawn {
    /// Which has no part yet, and says that the set is `after` behind it.
    pub(crate) fn of(
        (what, name): (&'static str, &'static str),
        previous: Option<(u64, Hash)>,
        after: &[&str],
    ) -> Self {
        let hashes: Vec<Hash> = after.iter().map(|text| hash(text)).collect();
        Self { what, name, previous, digest: set_digest(&hashes), parts: Vec::new() }
    }

    /// With one part more.
    pub(crate) fn and(mut self, added: &[&str], removed: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.parts.push((owned(added), owned(removed)));
        self
    }

    /// Its parts.
    pub(crate) fn records(&self) -> Vec<Record> {
        (1..).zip(&self.parts).map(|(part, texts)| self.record(part, texts)).collect()
    }

    fn record(&self, part: u64, (added, removed): &Texts) -> Record {
        let mut removed: Vec<Hash> = removed.iter().map(|text| hash(text)).collect();
        removed.sort_unstable();
        let mut trust = vec![
            ("what", self.what.into()),
            ("name", self.name.into()),
            ("set_digest", Value::Bytes(self.digest.to_vec())),
            ("part", number(part)),
            ("parts", number(u64::try_from(self.parts.len()).unwrap())),
            ("removed", Value::Array(removed.iter().map(bytes).collect())),
        ];
        trust.extend(self.previous.map(|(index, leaf_hash)| ("previous", reference(index, leaf_hash))));
        let names: Vec<String> = (1..=added.len()).map(|number| format!("m{number:02}")).collect();
        let members = names.iter().map(String::as_str).zip(added.iter().map(|text| text.as_str().into()));
        let claims: Vec<(&str, Value)> = [("trust", map(trust))].into_iter().chain(members).collect();
        record(6, &claims, &[])
    }
}
