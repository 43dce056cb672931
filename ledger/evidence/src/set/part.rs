//! What one entry of kind `trust` says, before anything is known of those around it.

use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{Misfit, check_claim, is_member};
use provlog_core::limits::{CHANGE_PARTS_MAX, SET_PART_MEMBERS_MAX};
use provlog_core::record::{Claim, Record, SectionName};
use provlog_core::{Hash, Kind};
use std::collections::BTreeMap;

const TRUST: u8 = 6;

/// What a set is called, as the digest of it: a name may be as long as a claim, and a reader holds one for each set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SetName(Hash);

impl SetName {
    /// By what its members are, such as `jwks`, and by whose they are, such as an issuer's.
    #[must_use]
    pub fn new(what: &str, name: &str) -> Self {
        // `what` is one of four words, none of which has a newline in it.
        Self(Hash::plain(format!("{what}\n{name}").as_bytes()))
    }
}

/// A member, and where it was added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member<T> {
    /// The entry that added it.
    pub index: u64,
    /// That entry's leaf hash.
    pub leaf_hash: Hash,
    /// The claim in it.
    pub claim: String,
    /// What was kept of its value; none where the claim is hidden.
    pub kept: Option<T>,
}

/// Why an entry is no part of a change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetError {
    /// No set is known any more.
    #[error("no set is known from entry {from} on: {why}")]
    Unknown {
        /// The entry that left them unknown.
        from: u64,
        /// By what.
        why: Unknown,
    },
    /// Its claim `trust` isn't there, or doesn't fit its type.
    #[error("{0}")]
    Misfit(String),
    /// It doesn't go on with the change before it, and doesn't begin one.
    #[error("expected part {expected} of the change before it, got part {got} of {parts}")]
    Part {
        /// The part that would go on; 1 where there is nothing to go on with.
        expected: u64,
        /// The part that it says it is.
        got: u64,
        /// Of how many.
        parts: u64,
    },
    /// A rule of a part, or of the whole change, that it breaks.
    #[error("expected {0}")]
    Rule(&'static str),
}

/// What leaves every set unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unknown {
    /// An entry that hides what it changed.
    #[error("its claim trust is hidden")]
    Hidden,
    /// More sets and members than are held.
    #[error("sets and members would be more than are held")]
    TooMany,
    /// More members than are gone through for the digests of sets.
    #[error("digests would be of more members than are gone through")]
    TooMuch,
}

/// An entry of kind `trust`, reduced to what a fold takes of it. Made of its record alone, on any thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustEntry<T> {
    pub(super) index: u64,
    pub(super) leaf_hash: Hash,
    pub(super) says: Says<T>,
}

/// What such an entry says of sets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Says<T> {
    Part(Part<T>),
    Nothing(SetError),
    Hidden,
}

impl<T> TrustEntry<T> {
    /// Of the entry at `index`; none: it is of another kind. Of each member that is shown `keep` makes what is kept, from what
    /// its set is of (such as `jwks`) and the claim's value. That it is text in the form of such a member is no rule of a fold.
    #[must_use]
    pub fn of(index: u64, record: &Record, keep: impl Fn(&str, &Value) -> T) -> Option<Self> {
        if Kind::new(TRUST) != Some(record.entry.kind) {
            return None;
        }
        let leaf_hash = record.entry.leaf_hash();
        let says = match record.section(SectionName::Submitted).get("trust") {
            None => Says::Nothing(SetError::Misfit("there is no claim trust".into())),
            Some(Claim::Hidden(_)) => Says::Hidden,
            Some(claim) => {
                let part = Part::of(record, claim.value().unwrap_or(&Value::Null), |what, claim, value| {
                    let kept = value.map(|value| keep(what, value));
                    Member { index, leaf_hash, claim: claim.to_owned(), kept }
                });
                part.map_or_else(Says::Nothing, Says::Part)
            }
        };
        Some(Self { index, leaf_hash, says })
    }
}

/// One part of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part<T> {
    pub(super) name: SetName,
    /// Of all that every part says alike.
    pub(super) alike: Hash,
    pub(super) previous: Option<(u64, Hash)>,
    pub(super) set_digest: [u8; 32],
    pub(super) part: u64,
    pub(super) parts: u64,
    pub(super) added: BTreeMap<Hash, Member<T>>,
    /// Ascending.
    pub(super) removed: Vec<Hash>,
}

impl<T> Part<T> {
    fn of(
        record: &Record,
        trust: &Value,
        member: impl Fn(&str, &str, Option<&Value>) -> Member<T>,
    ) -> Result<Self, SetError> {
        check_claim("trust", trust)
            .map_or(Ok(()), |misfit: Misfit| Err(SetError::Misfit(misfit.to_string())))?;
        let map = trust.as_map().ok_or_else(|| SetError::Misfit("trust is no map".into()))?;
        let text = |name: &str| map.get(name).and_then(Value::as_text).unwrap_or_default();
        let uint = |name: &str| map.get(name).and_then(Value::as_uint).unwrap_or_default();
        let (part, parts) = (uint("part"), uint("parts"));
        if part == 0 || part > parts || parts > CHANGE_PARTS_MAX {
            return Err(SetError::Rule("part to be from 1 to parts, and parts at most 256"));
        }
        let what = text("what");
        let added = added(record, |claim, value| member(what, claim, value))?;
        let removed = removed(map)?;
        if added.is_empty() && removed.is_empty() {
            return Err(SetError::Rule("a part to add or remove something"));
        }
        let previous = map.get("previous").and_then(Value::as_map);
        let previous = previous.map(|map| reference(map).ok_or(SetError::Rule("previous without origin")));
        let set_digest = map.get("set_digest").and_then(bytes32);
        Ok(Self {
            name: SetName::new(what, text("name")),
            alike: alike(map)?,
            previous: previous.transpose()?,
            // What fits its type has it.
            set_digest: set_digest.unwrap_or_default(),
            part,
            parts,
            added,
            removed,
        })
    }
}

fn alike(trust: &Map) -> Result<Hash, SetError> {
    let is_apart = |name: &str| matches!(name, "part" | "removed");
    let alike = trust.iter().filter(|(name, _)| !is_apart(name));
    let alike = alike.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    Ok(Hash::plain(&Value::Map(Map::from_entries(alike).map_err(SetError::Misfit)?).to_bytes()))
}

/// The members in claims `m01`, `m02` and so on.
fn added<T>(
    record: &Record,
    member: impl Fn(&str, Option<&Value>) -> Member<T>,
) -> Result<BTreeMap<Hash, Member<T>>, SetError> {
    let claims = record.section(SectionName::Submitted).iter();
    let mut added = BTreeMap::new();
    for ((claim, value), number) in claims.filter(|(name, _)| is_member(name)).zip(1..=SET_PART_MEMBERS_MAX) {
        if claim != format!("m{number:02}") {
            return Err(SetError::Rule("members to be m01, m02 and so on"));
        }
        if added.insert(value.hash(), member(claim, value.value())).is_some() {
            return Err(SetError::Rule("no member twice"));
        }
    }
    Ok(added)
}

fn removed(trust: &Map) -> Result<Vec<Hash>, SetError> {
    let listed = trust.get("removed").and_then(Value::as_array).unwrap_or_default();
    let hashes: Vec<Hash> = listed.iter().filter_map(|hash| bytes32(hash).map(Hash)).collect();
    if !hashes.is_sorted_by(|one, next| one < next) {
        return Err(SetError::Rule("removed to ascend"));
    }
    Ok(hashes)
}

/// A reference into the log itself.
fn reference(map: &Map) -> Option<(u64, Hash)> {
    let leaf_hash = bytes32(map.get("leaf_hash")?)?;
    map.get("origin").is_none().then_some((map.get("index")?.as_uint()?, Hash(leaf_hash)))
}

fn bytes32(value: &Value) -> Option<[u8; 32]> {
    value.as_bytes()?.try_into().ok()
}
