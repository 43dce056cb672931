//! Sets of keys and persons that a log relied on, folded from the changes that it has of them (`SPEC.md` section 12.1).
//!
//! The fold tells what a set holds by claim hashes alone, so that it is the same whether members are shown or hidden. That a
//! log relied on a key shows nothing of whose key it is.

use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{Misfit, check_claim, is_member};
use provlog_core::limits::SET_PART_MEMBERS_MAX;
use provlog_core::record::{Claim, Record, SectionName};
use provlog_core::{Hash, Kind};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Most parts of a change.
pub const SET_PARTS_MAX: u64 = 256;

/// Most members of a set: what a reader holds for each is bounded.
pub const SET_MEMBERS_MAX: usize = 4_096;

const TRUST: u8 = 6;
const DIGEST_PREFIX: u8 = 0x04;

/// What a set is called.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SetName {
    /// What its members are, such as `jwks`.
    pub what: String,
    /// Whose, such as an issuer.
    pub name: String,
}

/// A member, and where it was added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The entry that added it.
    pub index: u64,
    /// The claim in it.
    pub claim: String,
    /// Its text; none where the claim is hidden.
    pub text: Option<String>,
}

/// A set as it is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// By claim hash.
    pub members: BTreeMap<Hash, Member>,
    /// Index and leaf hash of the last part of its newest change.
    pub last: (u64, Hash),
}

/// Why an entry is no part of a change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetError {
    /// Another kind of entry.
    #[error("expected an entry of kind trust")]
    Kind,
    /// Its claim `trust` is not shown: no set is known from there on.
    #[error("the claim trust is hidden, so that no set is known from here on")]
    Hidden,
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

/// Sets, as far as entries were read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SetFold {
    sets: BTreeMap<SetName, Set>,
    open: Option<Change>,
    /// An entry that hides what it changed.
    unknown_from: Option<u64>,
}

/// A change of which the last part is still to come.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Change {
    name: SetName,
    /// What every part says alike.
    alike: Map,
    last_index: u64,
    part: u64,
    parts: u64,
    added: BTreeMap<Hash, Member>,
    removed: BTreeSet<Hash>,
}

impl SetFold {
    /// Reads the next entry of kind `trust`, in the order of their indices. None must be left out.
    ///
    /// # Errors
    /// [`SetError`]: the entry changes no set, and neither do the parts before it that it was to go on with.
    pub fn read(&mut self, index: u64, leaf_hash: Hash, record: &Record) -> Result<(), SetError> {
        let open = self.open.take();
        let part = match Part::of(index, record) {
            Err(SetError::Hidden) => {
                self.unknown_from.get_or_insert(index);
                return Err(SetError::Hidden);
            }
            part => part?,
        };
        let change = match open {
            Some(change) if change.is_continued_by(index, &part) => change.and(index, part)?,
            open => Change::begin(index, part, open.as_ref())?,
        };
        if change.part < change.parts {
            self.open = Some(change);
            return Ok(());
        }
        self.apply(change, (index, leaf_hash))
    }

    /// A set as it is in force behind the last entry that was read: none before its first change.
    ///
    /// # Errors
    /// The index from which on no set is known.
    pub fn set(&self, name: &SetName) -> Result<Option<&Set>, u64> {
        self.unknown_from.map_or_else(|| Ok(self.sets.get(name)), Err)
    }

    fn apply(&mut self, change: Change, last: (u64, Hash)) -> Result<(), SetError> {
        let before = self.sets.get(&change.name);
        let previous = change.alike.get("previous").and_then(Value::as_map);
        if previous.map(reference) != before.map(|set| Some(set.last)) {
            return Err(SetError::Rule("previous to be the last part of the set's newest change"));
        }
        let mut members = before.map(|set| set.members.clone()).unwrap_or_default();
        if !change.removed.iter().all(|hash| members.contains_key(hash)) {
            return Err(SetError::Rule("only members to be removed"));
        }
        if change.added.keys().any(|hash| members.contains_key(hash)) {
            return Err(SetError::Rule("no member to be added that is in the set"));
        }
        members.retain(|hash, _| !change.removed.contains(hash));
        members.extend(change.added);
        if members.len() > SET_MEMBERS_MAX {
            return Err(SetError::Rule("at most 4,096 members"));
        }
        let said = change.alike.get("set_digest").and_then(Value::as_bytes);
        if said != Some(&set_digest(members.keys())[..]) {
            return Err(SetError::Rule("set_digest to be of the members after the change"));
        }
        self.sets.insert(change.name, Set { members, last });
        Ok(())
    }
}

/// SHA-256(0x04 || claim hashes, ascending).
pub fn set_digest<'h>(hashes: impl IntoIterator<Item = &'h Hash>) -> [u8; 32] {
    let sorted: BTreeSet<&Hash> = hashes.into_iter().collect();
    let mut digest = Sha256::new();
    digest.update([DIGEST_PREFIX]);
    sorted.into_iter().for_each(|hash| digest.update(hash.0));
    digest.finalize().into()
}

/// What one entry says.
struct Part {
    name: SetName,
    alike: Map,
    part: u64,
    parts: u64,
    added: BTreeMap<Hash, Member>,
    removed: BTreeSet<Hash>,
}

impl Part {
    fn of(index: u64, record: &Record) -> Result<Self, SetError> {
        if Kind::new(TRUST) != Some(record.entry.kind) {
            return Err(SetError::Kind);
        }
        let submitted = record.section(SectionName::Submitted);
        let trust = match submitted.get("trust") {
            None => return Err(SetError::Misfit("there is no claim trust".into())),
            Some(Claim::Hidden(_)) => return Err(SetError::Hidden),
            Some(claim) => claim.value().unwrap_or(&Value::Null),
        };
        check_claim("trust", trust)
            .map_or(Ok(()), |misfit: Misfit| Err(SetError::Misfit(misfit.to_string())))?;
        let map = trust.as_map().ok_or_else(|| SetError::Misfit("trust is no map".into()))?;
        let text = |name: &str| map.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        let uint = |name: &str| map.get(name).and_then(Value::as_uint).unwrap_or_default();
        let (part, parts) = (uint("part"), uint("parts"));
        if part == 0 || part > parts || parts > SET_PARTS_MAX {
            return Err(SetError::Rule("part to be from 1 to parts, and parts at most 256"));
        }
        let is_apart = |name: &str| matches!(name, "part" | "removed");
        let alike = map.iter().filter(|(name, _)| !is_apart(name));
        let alike = alike.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let alike = Map::from_entries(alike).map_err(SetError::Misfit)?;
        let (added, removed) = (added(index, record)?, removed(map)?);
        if added.is_empty() && removed.is_empty() {
            return Err(SetError::Rule("a part to add or remove something"));
        }
        Ok(Self {
            name: SetName { what: text("what"), name: text("name") },
            alike,
            part,
            parts,
            added,
            removed,
        })
    }
}

/// The members in claims `m01`, `m02` and so on.
fn added(index: u64, record: &Record) -> Result<BTreeMap<Hash, Member>, SetError> {
    let claims = record.section(SectionName::Submitted).iter();
    let mut added = BTreeMap::new();
    for ((claim, value), number) in claims.filter(|(name, _)| is_member(name)).zip(1..=SET_PART_MEMBERS_MAX) {
        if claim != format!("m{number:02}") {
            return Err(SetError::Rule("members to be m01, m02 and so on"));
        }
        let text = match value.value() {
            None => None,
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) => return Err(SetError::Rule("members to be text")),
        };
        let member = Member { index, claim: claim.to_owned(), text };
        if added.insert(value.hash(), member).is_some() {
            return Err(SetError::Rule("no member twice"));
        }
    }
    Ok(added)
}

fn removed(trust: &Map) -> Result<BTreeSet<Hash>, SetError> {
    let listed = trust.get("removed").and_then(Value::as_array).unwrap_or_default();
    let hashes: Vec<Hash> =
        listed.iter().filter_map(|hash| Some(Hash(hash.as_bytes()?.try_into().ok()?))).collect();
    if !hashes.is_sorted_by(|one, next| one < next) {
        return Err(SetError::Rule("removed to ascend"));
    }
    Ok(hashes.into_iter().collect())
}

/// A reference into the log itself.
fn reference(map: &Map) -> Option<(u64, Hash)> {
    let leaf_hash = map.get("leaf_hash")?.as_bytes()?.try_into().ok()?;
    map.get("origin").is_none().then_some((map.get("index")?.as_uint()?, Hash(leaf_hash)))
}

impl Change {
    fn begin(index: u64, part: Part, open: Option<&Self>) -> Result<Self, SetError> {
        if part.part != 1 {
            let expected = open.map_or(1, |change| change.part + 1);
            return Err(SetError::Part { expected, got: part.part, parts: part.parts });
        }
        let Part { name, alike, part, parts, added, removed } = part;
        Ok(Self { name, alike, last_index: index, part, parts, added, removed })
    }

    fn is_continued_by(&self, index: u64, part: &Part) -> bool {
        index == self.last_index + 1 && part.part == self.part + 1 && part.alike == self.alike
    }

    fn and(mut self, index: u64, part: Part) -> Result<Self, SetError> {
        (self.last_index, self.part) = (index, part.part);
        for (hash, member) in part.added {
            if self.added.insert(hash, member).is_some() {
                return Err(SetError::Rule("no member twice"));
            }
        }
        for hash in part.removed {
            if !self.removed.insert(hash) {
                return Err(SetError::Rule("each member to be removed in one part"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
